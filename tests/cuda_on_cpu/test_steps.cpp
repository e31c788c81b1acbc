// SPDX-License-Identifier: Apache-2.0
// Steps by thresholds and from the best patterns on the emulated GPU. All numbers are eighths between -1 and 1 and all
// temperatures powers of 2, so that scores are exact, and weights differ from double precision in last digits alone.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "retrieval.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<float> make_eighths(size_t n, uint64_t seed) {
  std::vector<float> numbers(n);
  const auto words = random_words(n, seed);
  for (size_t i = 0; i < n; ++i) numbers[i] = static_cast<float>(static_cast<int>(words[i] % 17) - 8) / 8.0F;
  return numbers;
}

struct Patterns {
  Patterns(size_t n_, size_t dim_, StoredType type_, uint64_t seed)
      : type(type_),
        n(n_),
        dim(dim_),
        numbers(make_eighths(n * dim, seed)),
        kept(n * padded_bytes(type, dim)),
        lengths(n) {
    const DeviceArray<float> given(numbers), largest(n);
    keep_rows(kPlace, given.data(), n, dim, type, kept.data(), nullptr, lengths.data(), largest.data());
  }
  Compared view() const {
    return {{kept.data(), type, n, dim, padded_bytes(type, dim), nullptr}, lengths.data(), Likeness::kDot};
  }
  std::vector<double> scores(const float* query) const {
    std::vector<double> all(n);
    for (size_t i = 0; i < n; ++i)
      for (size_t d = 0; d < dim; ++d) all[i] += double(query[d]) * double(numbers[i * dim + d]);
    return all;
  }

  StoredType type;
  size_t n, dim;
  std::vector<float> numbers;
  DeviceArray<unsigned char> kept;
  DeviceArray<float> lengths;
};

// Weights beyond the threshold, which 200 halvings of an interval find.
std::vector<double> beyond_threshold(std::vector<double> t, const StepRule& rule) {
  double low = *std::max_element(t.begin(), t.end()) - 1.0, high = low + 1.0;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    double sum = 0.0;
    for (const double x : t) sum += std::pow(std::max(0.0, x - middle), rule.sum_exponent);
    (sum >= 1.0 ? low : high) = middle;
  }
  for (double& x : t) x = x > low ? std::pow(x - low, rule.weight_exponent) : 0.0;
  return t;
}

// The softmax over the best, of which equal ones go by place.
std::vector<double> of_best(const std::vector<double>& t, size_t k) {
  std::vector<size_t> order(t.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return t[a] > t[b]; });
  std::vector<double> weights(t.size());
  for (size_t i = 0; i < k; ++i) weights[order[i]] = std::exp(t[order[i]] - t[order[0]]);
  return weights;
}

// A weight is rounded once, a product and a sum once more each: (patterns + 2) 2^-24 of numbers that are 1 at most, for
// each of which twice that is room for weights in double precision. Passes over all scores keep sums to 2^-13.
void check_step(const Patterns& patterns, const Patterns& values, const StepRule& rule, const std::vector<float>& rows,
                const std::vector<float>& betas, const std::vector<float>& states,
                const std::vector<WeightSums>& sums) {
  for (size_t q = 0; q < betas.size(); ++q) {
    std::vector<double> t = patterns.scores(rows.data() + q * patterns.dim);
    for (double& x : t) x *= double(betas[q]);
    const auto weights = rule.kind == StepKind::kThreshold ? beyond_threshold(t, rule) : of_best(t, rule.degree);
    double sum = 0.0, squares = 0.0, candidates = 0.0, listed = 0.0;
    const double most = *std::max_element(t.begin(), t.end());
    for (size_t i = 0; i < t.size(); ++i) {
      sum += weights[i], squares += weights[i] * weights[i];
      candidates += t[i] > most - 1.0, listed += weights[i] > 0.0;
    }
    const bool dense = rule.kind == StepKind::kThreshold && candidates > 2048.0;
    const double of_sums = dense ? 0x1p-13 : (listed + 2.0) * 0x1p-23;
    bool sound = true;
    for (size_t d = 0; d < values.dim; ++d) {
      double state = 0.0;
      for (size_t i = 0; i < t.size(); ++i) state += weights[i] / sum * double(values.numbers[i * values.dim + d]);
      sound &= std::fabs(double(states[q * values.dim + d]) - state) <= of_sums;
    }
    check(sound, "states of a step", patterns.n, q);
    const double effective = sums[q].sum * sums[q].sum / sums[q].squares, wanted = sum * sum / squares;
    check(std::fabs(effective - wanted) <= 4.0 * of_sums * wanted, "effective patterns", patterns.n, q);
  }
}

void test_step(size_t n_queries, size_t n, size_t dim, StoredType type, const StepRule& rule, float beta) {
  const Patterns patterns(n, dim, type, 3), values(n, 9, type, 5);
  const auto rows = make_eighths(n_queries * dim, 4);
  std::vector<float> betas(n_queries, beta);
  if (n_queries > 1) betas[1] *= 4.0F;
  const DeviceArray<float> asked(rows), scales(betas), states(n_queries * values.dim);
  const DeviceArray<WeightSums> sums(n_queries);
  take_step(kPlace, patterns.view(), values.view().rows, {asked.data(), n_queries, scales.data()}, rule,
            Precision::kFloat32, states.data(), sums.data());
  check_step(patterns, values, rule, rows, betas, states.values(), sums.values());
}

// A walk is its steps one after the other, for each query until it moves no more: the same bits.
void test_walk(size_t n, const StepRule& rule, const std::vector<float>& betas, size_t most_steps, float tolerance) {
  const size_t n_queries = betas.size(), dim = 6;
  const Patterns patterns(n, dim, StoredType::kFloat32, 3);
  auto rows = make_eighths(n_queries * dim, 4), began = rows;
  const DeviceArray<float> walked(rows), scales(betas), before(n_queries * dim), states(n_queries * dim);
  const DeviceArray<WeightSums> sums(n_queries), own(n_queries);
  const DeviceArray<std::int64_t> n_steps(n_queries);
  const DeviceArray<bool> converged(n_queries);
  walk(kPlace, patterns.view(), {walked.data(), n_queries, scales.data()}, rule, Precision::kFloat32, most_steps,
       tolerance, {walked.data(), before.data(), sums.data(), n_steps.data(), converged.data()});
  std::vector<std::int64_t> taken(n_queries);
  std::vector<char> ended(n_queries);
  for (size_t step = 0; step < most_steps; ++step) {
    const DeviceArray<float> asked(rows);
    take_step(kPlace, patterns.view(), patterns.view().rows, {asked.data(), n_queries, scales.data()}, rule,
              Precision::kFloat32, states.data(), own.data());
    const auto moved = states.values();
    for (size_t q = 0; q < n_queries; ++q) {
      if (ended[q] != 0) continue;
      float most = 0.0F;
      for (size_t i = q * dim; i < (q + 1) * dim; ++i) {
        most = std::max(most, std::fabs(moved[i] - rows[i]));
        began[i] = rows[i], rows[i] = moved[i];
      }
      ++taken[q], ended[q] = most <= tolerance;
    }
  }
  check(walked.values() == rows && before.values() == began, "states of a walk", n, most_steps);
  check(n_steps.values() == taken, "steps of a walk", n, most_steps);
  std::vector<char> found(n_queries);
  copy_to_host(kPlace, found.data(), converged.data(), n_queries);
  check(found == ended, "who has converged", n, most_steps);
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  const StepRule sparsemax{StepKind::kThreshold, 1, 1.0, 1.0}, entmax{StepKind::kThreshold, 1, 2.0, 2.0};
  const StepRule normmax{StepKind::kThreshold, 1, 3.0, 2.0}, odd{StepKind::kThreshold, 1, 1.0 / 0.3, 1.0 / 0.3};
  for (const StoredType type : {StoredType::kFloat32, StoredType::kBfloat16})
    for (const StepRule& rule : {sparsemax, entmax, normmax, odd}) {
      test_step(1, 1, 1, type, rule, 1.0F);
      test_step(3, 70, 20, type, rule, 0.25F);
      test_step(17, 300, 5, type, rule, 0.03125F);  // hundreds of candidates, of which many are equal
    }
  for (const size_t k : {1, 2, 8, 90}) test_step(3, 90, 20, StoredType::kFloat32, {StepKind::kBest, k, 1.0, 1.0}, 0.5F);
  test_step(2, 300, 3, StoredType::kBfloat16, {StepKind::kBest, 300, 1.0, 1.0}, 0.5F);
  test_step(3, 2100, 4, StoredType::kFloat32, normmax, 0x1p-7F);
  for (const size_t steps : {1, 3, 9})
    for (const StepRule& rule : {sparsemax, entmax, StepRule{StepKind::kBest, 5, 1.0, 1.0}})
      test_walk(60, rule, {0.5F, 2.0F, 8.0F, 1.0F, 1.0F}, steps, 0x1p-12F);
  // One query has too many candidates at first, and waits for the others.
  test_walk(2100, entmax, {0.5F, 0x1p-7F, 2.0F}, 3, 0x1p-12F);
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
