// SPDX-License-Identifier: Apache-2.0
// Thresholds of queries with many candidates: each step of the search is a pass that sums up all weights. The host
// chooses the queries, and asks after every pass whether it was the last.
#include "hypersketch/threshold.hpp"
#include "retrieve_plan.cuh"
#include "retrieve_steps.cuh"
#include "search.hpp"

namespace hypersketch::cuda {
namespace {

__global__ void begin_kernel(const WeightSums* sums, size_t n, ThresholdSearch* searches, float* tried) {
  const size_t q = thread_index();
  if (q >= n) return;
  searches[q] = ThresholdSearch(sums[q].maximum);
  tried[q] = static_cast<float>(sums[q].maximum);
}

// Takes what a pass came to, and counts the searches that go on: beyond the digits that single precision gives the
// scores there is nothing to find.
__global__ void search_kernel(const WeightSums* passed, size_t n, double exponent, ThresholdSearch* searches,
                              float* tried, unsigned* n_open) {
  const size_t q = thread_index();
  if (q >= n) return;
  ThresholdSearch search = searches[q];
  const double before = search.at();
  if (!search.done()) search.look({passed[q].sum, -exponent * passed[q].squares});
  if (fabs(search.at() - before) > 1e-7 * fmax(1.0, fabs(before))) atomicAdd(n_open, 1U);
  searches[q] = search;
  tried[q] = static_cast<float>(search.at());
}

__global__ void name_kernel(const ThresholdSearch* searches, size_t n, WeightSums* sums) {
  const size_t q = thread_index();
  if (q < n) sums[q].maximum = searches[q].at();
}

std::vector<std::int64_t> flagged(Place place, const bool* flags, size_t n) {
  std::vector<unsigned char> there(n);
  copy_to_host(place, there.data(), flags, n);
  std::vector<std::int64_t> places;
  for (size_t q = 0; q < n; ++q)
    if (there[q] != 0) places.push_back(static_cast<std::int64_t>(q));
  return places;
}

// Some rows of a call, together.
template <class T>
struct Gathered {
  static constexpr size_t kWords = sizeof(T) / sizeof(std::uint32_t);

  Gathered(Place place_, size_t n_, size_t width_, const std::int64_t* indices_)
      : place(place_), n(n_), n_words(width_ * kWords), indices(indices_), rows(place, n * width_) {}
  void take(const T* from) const {
    take_rows(place, reinterpret_cast<const std::uint32_t*>(from), n_words, n_words, indices, n, words());
  }
  void put(T* to) const { put_rows(place, reinterpret_cast<std::uint32_t*>(to), n_words, indices, n, words()); }
  std::uint32_t* words() const { return reinterpret_cast<std::uint32_t*>(rows.data()); }
  T* data() const { return rows.data(); }

  Place place;
  size_t n, n_words;
  const std::int64_t* indices;
  Scratch<T> rows;
};

// From lower bounds, which sums hold, to thresholds.
void search_thresholds(Place place, const Compared& patterns, AskedRows asked, double exponent, const WeightSums* sums,
                       ThresholdSearch* searches, float* tried) {
  const Scratch<WeightSums> passed(place, asked.n);
  const Scratch<unsigned> n_open(place, 1);
  launch(place, grid_for(asked.n), begin_kernel, sums, asked.n, searches, tried);
  unsigned left = 1;
  for (int step = 0; step < kMostSteps && left != 0; ++step) {
    weight_sums(place, patterns, asked, {SeparationKind::kBeyond, tried, static_cast<float>(exponent)}, passed.data());
    clear(place, n_open.data(), sizeof left);
    launch(place, grid_for(asked.n), search_kernel, passed.data(), asked.n, exponent, searches, tried, n_open.data());
    copy_to_host(place, &left, n_open.data(), sizeof left);
  }
}

}  // namespace

void states_of_dense(Place place, const Compared& patterns, StoredRows values, AskedRows queries, const StepRule& rule,
                     Precision precision, const bool* dense, float* states, WeightSums* sums) {
  const std::vector<std::int64_t> chosen = flagged(place, dense, queries.n);
  const size_t n = chosen.size(), dim = patterns.rows.dim;
  const Scratch<std::int64_t> indices(place, n);
  copy_from_host(place, indices.data(), chosen.data(), n * sizeof(std::int64_t));
  const Gathered<float> rows(place, n, dim, indices.data()), betas(place, n, 1, indices.data());
  const Gathered<float> moved(place, n, values.dim, indices.data());
  const Gathered<WeightSums> own(place, n, 1, indices.data());
  const Scratch<ThresholdSearch> searches(place, n);
  const Scratch<float> tried(place, n);
  rows.take(queries.rows), betas.take(queries.betas), own.take(sums);
  const AskedRows asked{rows.data(), n, betas.data()};
  search_thresholds(place, patterns, asked, rule.sum_exponent, own.data(), searches.data(), tried.data());
  const Separating beyond{SeparationKind::kBeyond, tried.data(), static_cast<float>(rule.weight_exponent)};
  retrieve_states(place, patterns, values, asked, beyond, precision, moved.data(), own.data());
  launch(place, grid_for(n), name_kernel, searches.data(), n, own.data());
  moved.put(states), own.put(sums);
}

}  // namespace hypersketch::cuda
