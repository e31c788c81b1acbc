// SPDX-License-Identifier: Apache-2.0
// Fast transforms against the matrix.
#include <bit>
#include <vector>

#include "checks.hpp"
#include "hypersketch/hadamard.hpp"

namespace hypersketch {
namespace {

int64_t entry(size_t i, size_t j) { return std::popcount(i & j) % 2 == 0 ? 1 : -1; }

// The entries of a row of the product that are looked at: all of a small one.
std::vector<size_t> some_of(size_t n) {
  std::vector<size_t> places;
  for (size_t j = 0; j < n; j += n <= 256 ? 1 : n / 64 + 1) places.push_back(j);
  places.push_back(n - 1);
  return places;
}

void test_integers(size_t n, size_t n_rows, size_t threads) {
  const auto words = random_words(n_rows * n, n);
  std::vector<int32_t> rows(words.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(words[i] % 2001) - 1000;
  std::vector<int32_t> result = rows;
  walsh_hadamard_rows(result.data(), n_rows, n, threads);
  for (size_t r = 0; r < n_rows; ++r)
    for (const size_t j : some_of(n)) {
      int64_t expected = 0;
      for (size_t i = 0; i < n; ++i) expected += entry(i, j) * rows[r * n + i];
      check(result[r * n + j] == expected, "walsh_hadamard of integers", n, j);
    }
}

// Whole numbers below 2^24 are exact in single precision; fractions must be rounded as stage after stage rounds them.
void test_floats(size_t n) {
  const auto words = random_words(n, n);
  std::vector<float> row(n);
  for (size_t i = 0; i < n; ++i) row[i] = static_cast<float>(static_cast<int64_t>(words[i] >> 40) - (1 << 23)) / 777.0F;
  std::vector<float> expected = row;
  for (size_t stride = n / 2; stride != 0; stride /= 2)
    for (size_t i = 0; i < n; ++i)
      if ((i & stride) == 0) {
        const float a = expected[i], b = expected[i + stride];
        expected[i] = a + b;
        expected[i + stride] = a - b;
      }
  walsh_hadamard_rows(row.data(), 1, n, 1);
  check(row == expected, "walsh_hadamard of floats", n);
}

void test_scores(size_t n) {
  const auto rows = random_words(3 * words_for(n), n), signs = random_words(words_for(n), n + 1);
  std::vector<int32_t> scores(3 * n);
  hadamard_scores(rows.data(), 3, n, signs.data(), scores.data(), 2);
  for (size_t r = 0; r < 3; ++r)
    for (const size_t j : some_of(n)) {
      int64_t expected = 0;
      for (size_t d = 0; d < n; ++d) {
        const uint64_t word = rows[r * words_for(n) + d / 64] ^ signs[d / 64];
        expected += (word >> (d % 64) & 1) == 0 ? entry(d, j) : -entry(d, j);
      }
      check(scores[r * n + j] == expected, "hadamard_scores", n, j);
    }
}

}  // namespace

void run_hadamard_tests() {
  for (size_t n = 1; n <= size_t{1} << 15; n *= 2) {
    test_integers(n, n < 1024 ? 5 : 1, 2);
    test_floats(n);
    test_scores(n);
  }
  test_integers(64, 3000, 3);
  test_integers(64, 0, 3);
}

}  // namespace hypersketch
