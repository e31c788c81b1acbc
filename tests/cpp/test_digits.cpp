// SPDX-License-Identifier: Apache-2.0
// Digits and places of ones: atoms and comparisons from their definitions.
#include <vector>

#include "checks.hpp"
#include "hypersketch/digits.hpp"

namespace hypersketch {
namespace {

uint64_t word_of(uint64_t seed, uint64_t hash, size_t j) {
  return atom_word(stream_start(seed_word(seed, Purpose::kAtom), hash), j);
}

void test_rows(size_t width, std::uint32_t modulus) {
  const auto hashes = random_words(5, 3);
  std::vector<std::uint16_t> out(hashes.size() * width), expected;
  for (const uint64_t hash : hashes)
    for (size_t d = 0; d < width; ++d) {
      const uint64_t half = d % 2 == 0 ? word_of(9, hash, d / 2) & 0xFFFFFFFF : word_of(9, hash, d / 2) >> 32;
      expected.push_back(static_cast<std::uint16_t>(half * modulus >> 32));
    }
  for (const size_t threads : {1, 2}) {
    digit_rows(9, hashes, width, modulus, out.data(), threads);
    check(out == expected, "digit_rows", width, modulus);
  }
}

void test_comparisons(size_t width, std::uint32_t modulus) {
  const auto hashes = random_words(5, 4);
  std::vector<std::uint16_t> rows(hashes.size() * width);
  digit_rows(1, hashes, width, modulus, rows.data(), 1);
  for (size_t d = 0; d < width; d += 3) rows[width + d] = rows[d];
  for (size_t i = 0; i < hashes.size(); ++i) {
    const std::uint16_t *const a = rows.data(), *const b = a + i * width;
    size_t equal = 0;
    std::int64_t apart = 0;
    for (size_t d = 0; d < width; ++d) {
      const std::int64_t whole = a[d] < b[d] ? b[d] - a[d] : a[d] - b[d];
      equal += whole == 0;
      apart += std::min(whole, std::int64_t{modulus} - whole);
    }
    check(kernels().digits_equal(a, b, width) == equal, "digits_equal", width, modulus);
    check(kernels().digits_apart(a, b, width, modulus) == apart, "digits_apart", width, modulus);
  }
}

void test_sparse(size_t dim, size_t n_ones, bool segments) {
  const auto hashes = random_words(4, 5);
  std::vector<uint64_t> out(hashes.size() * words_for(dim), ~uint64_t{0}), expected(out.size(), 0);
  for (size_t i = 0; i < hashes.size(); ++i)
    for (size_t j = 0, found = 0; found < n_ones; ++j) {
      const size_t from = segments ? j * dim / n_ones : 0, to = segments ? (j + 1) * dim / n_ones : dim;
      const size_t place = from + ((word_of(2, hashes[i], j) >> 32) * (to - from) >> 32);
      uint64_t& word = expected[i * words_for(dim) + place / 64];
      found += (word >> (place % 64) & 1) == 0;
      word |= uint64_t{1} << (place % 64);
    }
  sparse_rows(2, hashes, dim, n_ones, segments, out.data(), 2);
  check(out == expected, "sparse_rows", dim, n_ones);
}

}  // namespace

void run_digits_tests() {
  for (const size_t width : {1, 2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 2051})
    for (const std::uint32_t modulus : {2U, 3U, 64U, 1000U, 65535U, 65536U}) {
      test_rows(width, modulus);
      test_comparisons(width, modulus);
    }
  test_comparisons(65536 * 32 + 5, 2);  // sums of lanes are taken out before they are full
  for (const bool segments : {false, true})
    for (const size_t dim : {16, 63, 64, 65, 1000}) {
      test_sparse(dim, 1, segments);
      test_sparse(dim, 9, segments);
      test_sparse(dim, 16, segments);
    }
}

}  // namespace hypersketch
