// SPDX-License-Identifier: Apache-2.0
// Recall of patterns against fields summed unit by unit, through packed rows and through the matrix.
#include <memory>

#include "checks.hpp"
#include "hypersketch/recall.hpp"

namespace hypersketch {
namespace {

void test_signed_sum(size_t n) {
  const size_t n_words = words_for(n);
  const auto bits = random_words(n_words, n);
  std::vector<double> values(n_words * kWordBits);
  double expected = 0;
  for (size_t i = 0; i < n; ++i) {
    values[i] = static_cast<double>(i * i) - 40.0;
    expected += bit_at(bits.data(), i) ? -values[i] : values[i];
  }
  check(kernels().signed_sum(bits.data(), values.data(), n_words) == expected, "signed_sum", n, 0);
}

void test_add_multiple(size_t n) {
  std::vector<int32_t> row(n), to(n);
  for (size_t i = 0; i < n; ++i) row[i] = to[i] = static_cast<int32_t>(7 * i) - 50;
  kernels().add_multiple(row.data(), -2, n, to.data());
  for (size_t i = 0; i < n; ++i) check(to[i] == -row[i], "add_multiple", n, i);
}

struct Answers {
  explicit Answers(size_t n) : values(n), exponents(n), sweeps(n), converged(new bool[n]()), cycles(new bool[n]()) {}
  RecallResults view() { return {values.data(), exponents.data(), sweeps.data(), converged.get(), cycles.get()}; }
  std::vector<double> values;
  std::vector<int64_t> exponents, sweeps;
  std::unique_ptr<bool[]> converged, cycles;
};

// Tables of Hopfield's network: weight o, offset -1, energy o^2.
struct HebbTable {
  explicit HebbTable(size_t dim) : zeros(dim + 1), whole_offsets(dim + 1, -1), offsets(dim + 1, -1.0) {
    for (size_t d = 0; d <= dim; ++d) {
      whole.push_back(static_cast<int32_t>(dim) - 2 * static_cast<int32_t>(d));
      weights.push_back(whole.back());
      energies.push_back(weights.back() * weights.back());
    }
  }
  RecallTable view(bool as_whole) const {
    return {{weights.data(), zeros.data()},    {offsets.data(), zeros.data()}, {energies.data(), zeros.data()},
            as_whole ? whole.data() : nullptr, whole_offsets.data(),           true};
  }
  std::vector<int32_t> zeros, whole;
  std::vector<int64_t> whole_offsets;
  std::vector<double> weights, offsets, energies;
};

// One synchronous update from the definition: ties keep the state.
std::vector<uint64_t> updated(const std::vector<uint64_t>& patterns, size_t n, size_t dim, const uint64_t* state) {
  const size_t n_words = words_for(dim);
  const auto sign = [](const uint64_t* words, size_t i) { return bit_at(words, i) ? -1 : 1; };
  std::vector<uint64_t> next(state, state + n_words);
  for (size_t i = 0; i < dim; ++i) {
    int64_t field = 0;
    for (size_t m = 0; m < n; ++m)
      for (size_t j = 0; j < dim; ++j)
        if (j != i) {
          const uint64_t* const pattern = &patterns[m * n_words];
          field += sign(pattern, i) * sign(pattern, j) * sign(state, j);
        }
    if (field * sign(state, i) < 0) turn_bit(next.data(), i);
  }
  return next;
}

void test_paths(size_t dim, size_t n) {
  const size_t n_words = words_for(dim), n_probes = 5;
  auto patterns = random_words(n * n_words, dim + n), probes = random_words(n_probes * n_words, dim);
  for (size_t i = 0; i < n; ++i) patterns[(i + 1) * n_words - 1] &= tail_mask(dim);
  for (size_t i = 0; i < n_probes; ++i) probes[(i + 1) * n_words - 1] &= tail_mask(dim);
  const PatternBook book(patterns.data(), n, dim, 3, true);
  std::vector<int32_t> matrix(dim * dim);
  hebb_matrix(book, matrix.data(), 2);
  const HebbTable numbers(dim);
  for (const bool synchronous : {true, false})
    for (const size_t budget : {0, 1, 50}) {
      const RecallRule rule{dim, synchronous, 5, nullptr, budget};
      Answers whole(n_probes), real(n_probes), formed(n_probes);
      auto a = probes, b = probes, c = probes;
      const RecallTable integers = numbers.view(true), doubles = numbers.view(false);
      recall_probes(rule, a.data(), n_probes, whole.view(), 3,
                    [&](size_t worker) { return PatternRecall(book, integers, worker); });
      recall_probes(rule, b.data(), n_probes, real.view(), 1,
                    [&](size_t worker) { return PatternRecall(book, doubles, worker); });
      recall_probes(rule, c.data(), n_probes, formed.view(), 2,
                    [&](size_t) { return MatrixRecall(matrix.data(), dim); });
      check(a == b && a == c, "recall: states", dim, n);
      check(whole.sweeps == real.sweeps && whole.sweeps == formed.sweeps, "recall: sweeps", dim, n);
      for (size_t i = 0; i < n_probes; ++i) {
        const double self = static_cast<double>(n * dim);
        check(whole.values[i] == real.values[i] && whole.values[i] == formed.values[i] + self, "energy", dim, n);
        check(whole.converged[i] == formed.converged[i] && whole.cycles[i] == formed.cycles[i], "ends", dim, n);
        if (!synchronous || budget != 1) continue;
        const auto expected = updated(patterns, n, dim, &probes[i * n_words]);
        check(std::equal(expected.begin(), expected.end(), &a[i * n_words]), "one update", dim, n);
      }
    }
}

}  // namespace

void run_recall_tests() {
  for (const size_t n : {0, 1, 63, 64, 65, 200}) test_signed_sum(n);
  for (const size_t n : {0, 1, 7, 16, 33, 100}) test_add_multiple(n);
  for (const size_t dim : {1, 2, 63, 64, 65, 130})
    for (const size_t n : {1, 2, 9, 64, 70}) test_paths(dim, n);
}

}  // namespace hypersketch
