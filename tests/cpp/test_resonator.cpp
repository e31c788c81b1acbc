// SPDX-License-Identifier: Apache-2.0
// Signs of weighted sums of packed rows against plain sums, and resonator networks against what they are given.
#include <algorithm>

#include "checks.hpp"
#include "hypersketch/resonator.hpp"

namespace hypersketch {
namespace {

struct Rows {
  Rows(size_t n, size_t dim, uint64_t seed)
      : n(n),
        n_words(words_for(dim)),
        stride(line_stride(n_words)),
        words(random_words(n * n_words, seed)),
        lines(n * stride) {
    for (size_t i = 0; i < n; ++i) {
      words[(i + 1) * n_words - 1] &= tail_mask(dim);
      std::copy_n(&words[i * n_words], n_words, lines.data() + i * stride);
    }
  }
  int64_t sign(size_t i, size_t d) const { return ((words[i * n_words + d / 64] >> (d % 64)) & 1) != 0 ? -1 : 1; }
  RowBatch batch() const { return {lines.data(), n, stride, nullptr}; }
  size_t n, n_words, stride;
  std::vector<uint64_t> words;
  LineWords lines;
};

void test_weights(size_t dim, const std::vector<int32_t>& weights) {
  const Rows rows(weights.size(), dim, dim + weights.size()), ties(1, dim, 7);
  std::vector<std::uint32_t> digits(2 * rows.n + 32), lists(kMostDigits * rows.n + 16);
  const LineWords carries(4 * (rows.n + 2) * kLineBytes / sizeof(uint64_t)), out(rows.stride);
  kernels().weigh_rows(rows.batch(), weights.data(), ties.lines.data(), {digits.data(), lists.data(), carries.data()},
                       out.data());
  for (size_t d = 0; d < dim; ++d) {
    int64_t sum = 0;
    for (size_t i = 0; i < rows.n; ++i) sum += weights[i] * rows.sign(i, d);
    const bool expected = sum < 0 || (sum == 0 && ties.sign(0, d) < 0);
    check((((out.data()[d / 64] >> (d % 64)) & 1) != 0) == expected, "weigh_rows", dim, weights.size());
  }
}

std::vector<int32_t> random_weights(size_t n, uint64_t size) {
  std::vector<int32_t> weights;
  for (const uint64_t word : random_words(n, n + size))
    weights.push_back(static_cast<int32_t>(word % (2 * size + 1)) - static_cast<int32_t>(size));
  return weights;
}

void test_all_weights(size_t dim) {
  for (const size_t n : {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130}) {
    for (const uint64_t size : {0, 1, 2, 5, 100, kMaxWeighed}) test_weights(dim, random_weights(n, size));
    for (const int32_t one : {1, -1, 3, -3, kMaxWeighed, -kMaxWeighed}) test_weights(dim, std::vector<int32_t>(n, one));
  }
}

// The product of rows 1, 3 and 2 of three books, found with every number of threads.
void test_factors(size_t dim, size_t size, size_t threads) {
  std::vector<Codebook> books;
  std::vector<Rows> rows;
  std::vector<uint64_t> start;
  for (size_t f = 0; f < 3; ++f) {
    rows.emplace_back(size, dim, f + 1);
    books.emplace_back(rows[f].words.data(), size, dim);
    start.insert(start.end(), rows[f].words.begin(),
                 rows[f].words.begin() + static_cast<std::ptrdiff_t>(words_for(dim)));
  }
  const size_t n = 5, n_words = words_for(dim);
  std::vector<uint64_t> probes(n * n_words), hashes(n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n_words; ++j)
      probes[i * n_words + j] =
          rows[0].words[n_words + j] ^ rows[1].words[3 * n_words + j] ^ rows[2].words[2 * n_words + j];
  std::vector<int64_t> codewords(3 * n), products(n), sweeps(n), periods(n);
  const ResonatorRule rule{dim, false, 1, 0, 0, static_cast<int64_t>(dim), 200};
  resonate(rule, books, start.data(), {probes.data(), hashes.data(), n},
           {codewords.data(), products.data(), sweeps.data(), periods.data()}, threads);
  for (size_t i = 0; i < n; ++i) {
    check(codewords[3 * i] == 1 && codewords[3 * i + 1] == 3 && codewords[3 * i + 2] == 2, "resonate", dim, size);
    check(products[i] == static_cast<int64_t>(dim) && periods[i] == 0 && sweeps[i] >= 1, "resonate", dim, size);
  }
}

}  // namespace

void run_resonator_tests() {
  for (const size_t dim : {1, 63, 64, 65, 511, 512, 513, 1100, 2100}) test_all_weights(dim);
  for (const size_t threads : {1, 2, 7}) {
    test_factors(1000, 10, threads);
    test_factors(1537, 17, threads);
  }
}

}  // namespace hypersketch
