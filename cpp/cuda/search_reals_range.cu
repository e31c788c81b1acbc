// SPDX-License-Identifier: Apache-2.0
// All real rows whose similarity to queries reaches thresholds: one pass counts, the next one writes, in any order. A
// warp has a row, whose bfloat16 numbers its lanes read once for eight queries at a time. Where the product and what it
// may be off by (search_reals.cu) reach the threshold, the warp takes the similarity in double precision, which
// decides. Bottleneck: memory for up to eight queries, 2 bytes a number; then products, two a number.
#include "search_reals.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kQueries = 8;  // at a time

struct RoundedQueries {
  RealRows rows;
  const std::uint32_t* bfloats;
  const double* squares;
  const Rounding* roundings;
  const double* thresholds;
};

struct StoredReals {
  RealRows rows;
  RoundedRows rounded;
  bool cosine;
  size_t n_words;
};

// What a pass leaves.
struct RangeOutcome {
  unsigned long long* cursors;
  RealMatches found;
};

__device__ __forceinline__ void add_products(unsigned a, unsigned b, float& sum) {
  sum += of_bfloat(a & 0xFFFFU) * of_bfloat(b & 0xFFFFU);
  sum += __uint_as_float(a & 0xFFFF0000U) * __uint_as_float(b & 0xFFFF0000U);
}

// A whole warp calls it for one pair.
__device__ void settle(StoredReals stored, RoundedQueries queries, size_t query, size_t row, float score,
                       RangeOutcome outcome) {
  const Rounding own = queries.roundings[query];
  const double threshold = queries.thresholds[query];
  if (double(score) + slack_of(own, stored.rounded.extremes, stored.rows.dim) < threshold) return;
  const double found =
      similarity_of(queries.rows, queries.squares, query, stored.rows, stored.rounded.squares, row, stored.cosine);
  if (threadIdx.x % kWarp != 0 || !(found >= threshold)) return;
  const unsigned long long place = atomicAdd(outcome.cursors + query, 1ULL);
  if (outcome.found.rows == nullptr) return;
  outcome.found.rows[place] = static_cast<std::int64_t>(row);
  outcome.found.similarities[place] = found;
}

__global__ void __launch_bounds__(kThreads)
    scan_reals(StoredReals stored, RoundedQueries queries, RangeOutcome outcome) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp, n = queries.rows.n, n_words = stored.n_words;
  for (size_t row = thread_index() / kWarp; row < stored.rows.n; row += step)
    for (size_t first = 0; first < n; first += kQueries) {
      float sums[kQueries] = {};
      for (size_t w = lane; w < n_words; w += kWarp) {
        const unsigned word = __ldg(stored.rounded.bfloats + row * n_words + w);
#pragma unroll
        for (unsigned q = 0; q < kQueries; ++q) {
          const size_t query = first + q < n ? first + q : n - 1;
          add_products(word, __ldg(queries.bfloats + query * n_words + w), sums[q]);
        }
      }
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        const float score = sum_of_warp(sums[q]);
        if (first + q < n) settle(stored, queries, first + q, row, score, outcome);
      }
    }
}

// Queries that are not finite have infinite lengths.
__global__ void __launch_bounds__(kThreads) find_strange(const Rounding* queries, size_t n, unsigned* strange) {
  const size_t i = thread_index();
  if (i < n && !(queries[i].length < __longlong_as_double(0x7FF0000000000000LL))) atomicOr(strange, 1U);
}

}  // namespace

void real_range(Place place, RealRows queries, const double* thresholds, RealRows rows, RoundedRows rounded,
                bool cosine, unsigned long long* cursors, RealMatches found) {
  if (queries.n == 0) return;
  const OnDevice on(place.device);
  const size_t n_words = bfloat_words(rows.dim);
  const Scratch<std::uint32_t> bfloats(place, queries.n * n_words);
  const Scratch<double> squares(place, queries.n);
  const Scratch<Rounding> roundings(place, queries.n);
  const Alarm strange(place);
  launch(place, grid_for(queries.n * kWarp), round_kernel, queries, cosine, n_words,
         RoundedRows{bfloats.data(), squares.data(), nullptr}, roundings.data());
  const Rounding* const given = roundings.data();
  launch(place, grid_for(queries.n), find_strange, given, queries.n, strange.data());
  if (!strange.silent()) throw std::invalid_argument("finite");
  launch(place, grid_for(rows.n * kWarp), scan_reals, StoredReals{rows, rounded, cosine, n_words},
         RoundedQueries{queries, bfloats.data(), squares.data(), given, thresholds}, RangeOutcome{cursors, found});
}

}  // namespace hypersketch::cuda
