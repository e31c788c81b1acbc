// SPDX-License-Identifier: Apache-2.0
// The matrix of signed outer products.
#include <vector>

#include "checks.hpp"
#include "hypersketch/hopfield.hpp"

namespace hypersketch {
namespace {

void test_hopfield(size_t dim, size_t n) {
  const auto hashes = random_words(n, dim);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(i % 7) - 3;
  std::vector<int32_t> cells(triangle_size(dim));
  const int64_t trace = hopfield_add(cells, dim, 3, hashes, weights.data(), 2);
  std::vector<int64_t> scores(n);
  hopfield_scores(cells, trace, dim, 3, hashes, scores.data(), 2);
  const auto sign = [&](uint64_t hash) { return sign_bit(seed_word(3, Purpose::kSign), hash) != 0 ? -1 : 1; };
  for (size_t j = 0; j < n; ++j) {
    int64_t expected = 0;
    for (size_t i = 0; i < n; ++i) {
      int64_t overlap = 0;
      for (size_t d = 0; d < dim; ++d) overlap += sign_of(3, hashes[i], d) * sign_of(3, hashes[j], d);
      expected += weights[i] * sign(hashes[i]) * overlap * overlap;
    }
    check(scores[j] == expected * sign(hashes[j]), "hopfield_scores", dim, j);
  }
}

}  // namespace

void run_hopfield_tests() {
  for (const size_t dim : {1, 2, 64, 65, 130}) test_hopfield(dim, 20);
}

}  // namespace hypersketch
