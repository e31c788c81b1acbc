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

void test_tensor(size_t dim, size_t degree, size_t n) {
  const auto hashes = random_words(n, dim);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(i % 7) - 3;
  std::vector<int32_t> cells(choose(dim, degree));
  tensor_add(cells, dim, degree, 3, hashes, weights.data(), 2);
  std::vector<int64_t> scores(n);
  tensor_scores(cells, dim, degree, 3, hashes, scores.data(), 2);
  const auto sign = [&](uint64_t hash) { return sign_bit(seed_word(3, Purpose::kSign), hash) != 0 ? -1 : 1; };
  for (size_t j = 0; j < n; ++j) {
    int64_t expected = 0;
    for (size_t i = 0; i < n; ++i) {
      std::vector<int64_t> sums(degree + 1);  // elementary symmetric polynomials of the products
      sums[0] = 1;
      for (size_t d = 0; d < dim; ++d)
        for (size_t k = degree; k > 0; --k)
          sums[k] += sums[k - 1] * sign_of(3, hashes[i], d) * sign_of(3, hashes[j], d);
      expected += weights[i] * sign(hashes[i]) * sums[degree];
    }
    check(scores[j] == expected * sign(hashes[j]), "tensor_scores", dim, j);
  }
}

}  // namespace

void run_hopfield_tests() {
  for (const size_t degree : {3, 4, 5})
    for (const size_t dim : {1, 2, 3, 4, 5, 20, 66}) test_tensor(dim, dim > 60 ? 3 : degree, 11);
  for (const size_t dim : {1, 2, 64, 65, 130}) test_hopfield(dim, 20);
}

}  // namespace hypersketch
