// SPDX-License-Identifier: Apache-2.0
// Bundles of atoms of digits and comparisons with atoms that are never stored, against stored ones.
#include <vector>

#include "checks.hpp"
#include "hypersketch/digit_scores.hpp"

namespace hypersketch {
namespace {

std::vector<std::uint16_t> stored(const std::vector<uint64_t>& hashes, size_t width, std::uint32_t modulus) {
  std::vector<std::uint16_t> rows(hashes.size() * width);
  digit_rows(9, hashes, width, modulus, rows.data(), 1);
  return rows;
}

void test_scores(size_t width, std::uint32_t modulus, size_t n, size_t n_vectors) {
  const auto hashes = random_words(n, 3);
  auto others = random_words(n_vectors, 4);
  if (n > 0 && n_vectors > 0) others[0] = hashes[n - 1];
  const auto rows = stored(hashes, width, modulus), vectors = stored(others, width, modulus);
  for (const bool circle : {false, true})
    for (const size_t threads : {1, 3}) {
      std::vector<std::int64_t> out(n * n_vectors, -7);
      compare_with_atoms(9, hashes, width, modulus, circle, vectors.data(), n_vectors, out.data(), threads);
      for (size_t v = 0; v < n_vectors; ++v)
        for (size_t i = 0; i < n; ++i) {
          const std::uint16_t *const a = vectors.data() + v * width, *const b = rows.data() + i * width;
          const std::int64_t expected = circle ? kernels().digits_apart(a, b, width, modulus)
                                               : static_cast<std::int64_t>(kernels().digits_equal(a, b, width));
          check(out[v * n + i] == expected, "score_digits", v, i);
        }
    }
}

void test_most_frequent(size_t width, std::uint32_t modulus) {
  const auto hashes = random_words(9, 3);
  const auto rows = stored(hashes, width, modulus), offsets = stored({77}, width, modulus);
  const std::vector<std::int64_t> edges{0, 1, 1, 9};
  std::vector<std::uint16_t> out(3 * width);
  const std::vector<uint64_t> seeds{9};
  most_frequent_digits({seeds, hashes, edges, width, modulus, offsets.data()}, out.data(), 2);
  for (size_t b = 0; b < 3; ++b)
    for (size_t d = 0; d < width; ++d) {
      std::vector<int> counts(modulus);
      for (auto i = static_cast<size_t>(edges[b]); i < static_cast<size_t>(edges[b + 1]); ++i)
        ++counts[rows[i * width + d]];
      std::uint32_t best = offsets[d];
      for (std::uint32_t k = 1; k < modulus; ++k)
        if (counts[(offsets[d] + k) % modulus] > counts[best]) best = (offsets[d] + k) % modulus;
      check(out[b * width + d] == best, "most_frequent_digits", b, d);
    }
}

void test_nearest_steps() {
  for (const std::uint32_t modulus : {2U, 3U, 4U, 64U, 65536U}) {
    const double step = 2 * std::numbers::pi / modulus;
    for (std::uint32_t v = 0; v < modulus; v += 1 + modulus / 100)
      for (const double off : {-0.499, -0.2, 0.0, 0.2, 0.499}) {
        const double angle = (v + off) * step;
        check(nearest_step({3 * std::cos(angle), 3 * std::sin(angle)}, 5, modulus, 1) == v, "nearest_step", modulus, v);
      }
    check(nearest_step({1e-12, -1e-12}, 2, modulus, 1) == 1, "no direction", modulus, 0);
  }
  const double half = std::numbers::pi / 64;  // between 0 and 1 of 64, and between 1 and 2
  check(nearest_step({std::cos(half), std::sin(half)}, 2, 64, 9) == 0, "halfway to the even one", 0, 1);
  check(nearest_step({std::cos(3 * half), std::sin(3 * half)}, 2, 64, 9) == 2, "halfway to the even one", 1, 2);
  for (const double side : {-1e-16, 0.0, 1e-16})
    check(nearest_step({-1, side}, 2, 11, 9) == 6, "half around, from either side", 5, 6);
}

}  // namespace

void run_digit_score_tests() {
  for (const size_t width : {1, 2, 7, 8, 9, 511, 512, 513, 1100})
    for (const std::uint32_t modulus : {2U, 16U, 64U, 128U}) {
      for (const size_t n : {0, 1, 9, 33}) test_scores(width, modulus, n, 3);
      for (const size_t n_vectors : {0, 1, 2, 4, 5, 6, 7, 65}) test_scores(width, modulus, 3, n_vectors);
      test_most_frequent(width, modulus);
      test_most_frequent(width, modulus - 1);
    }
  test_scores(16, 16, 259, 2);
  test_nearest_steps();
}

}  // namespace hypersketch
