// SPDX-License-Identifier: Apache-2.0
// Rows times matrices and their sines, products with few vectors, passes that correct class vectors.
#include <cmath>
#include <vector>

#include "checks.hpp"
#include "hypersketch/learning.hpp"

namespace hypersketch {
namespace {

// Small whole numbers, so that sums are exact in any order.
std::vector<float> whole_numbers(size_t n, uint64_t seed) {
  std::vector<float> numbers;
  for (const uint64_t word : random_words(n, seed)) numbers.push_back(static_cast<float>(word % 17) - 8.0F);
  return numbers;
}

float inner(const float* a, const float* b, size_t dim) {
  float sum = 0;
  for (size_t d = 0; d < dim; ++d) sum += a[d] * b[d];
  return sum;
}

void test_products(size_t n, size_t n_vectors, size_t dim) {
  const auto rows = whole_numbers(n * dim, 1), vectors = whole_numbers(n_vectors * dim, 2);
  std::vector<float> expected(n * n_vectors), found(n * n_vectors, 77.0F), sizes(n, 77.0F);
  for (size_t i = 0; i < n; ++i)
    for (size_t c = 0; c < n_vectors; ++c) expected[i * n_vectors + c] = inner(&rows[i * dim], &vectors[c * dim], dim);
  for (const size_t threads : {1, 2}) {
    products(rows.data(), n, vectors.data(), n_vectors, dim, found.data(), threads);
    check(found == expected, "products", n, dim);
    lengths(rows.data(), n, dim, sizes.data(), threads);
    for (size_t i = 0; i < n; ++i) {
      const float square = inner(&rows[i * dim], &rows[i * dim], dim);
      check(sizes[i] == (square > 0 ? std::sqrt(square) : 1.17549435e-38F), "lengths", n, dim);
    }
  }
}

// The order in which lanes are summed is part of what all levels agree on.
void test_order_of_sums(size_t dim) {
  std::vector<float> row, vector;
  for (const uint64_t word : random_words(dim, 3)) row.push_back(static_cast<float>(word >> 40) * 1e-3F);
  for (const uint64_t word : random_words(dim, 4)) vector.push_back(static_cast<float>(word >> 40) * 1e-5F);
  float lanes[kSumLanes] = {};
  for (size_t d = 0; d < dim; ++d) {
    const float product = row[d] * vector[d];
    lanes[d % kSumLanes] += product;
  }
  for (size_t half = kSumLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  float found = 0;
  products(row.data(), 1, vector.data(), 1, dim, &found, 1);
  check(found == lanes[0], "order of sums", dim);
}

void test_expand(size_t n, size_t n_features, size_t dim) {
  const auto rows = whole_numbers(n * n_features, 5), matrix = whole_numbers(n_features * dim, 6);
  std::vector<float> phases(dim), offsets(dim), plain(n * dim, 77.0F), sines(n * dim, 77.0F);
  for (size_t d = 0; d < dim; ++d) {
    phases[d] = 0.37F * static_cast<float>(d % 17);
    offsets[d] = 0.01F * static_cast<float>(d % 7);
  }
  for (const size_t threads : {1, 2}) {
    expand(rows.data(), n, {matrix.data(), nullptr, nullptr, n_features, dim}, plain.data(), threads);
    expand(rows.data(), n, {matrix.data(), phases.data(), offsets.data(), n_features, dim}, sines.data(), threads);
    for (size_t i = 0; i < n; ++i)
      for (size_t d = 0; d < dim; ++d) {
        float sum = 0;
        for (size_t f = 0; f < n_features; ++f) sum += rows[i * n_features + f] * matrix[f * dim + d];
        check(plain[i * dim + d] == sum, "expand", n, dim);
        const double wave = std::sin(static_cast<double>(sum + phases[d])) - static_cast<double>(offsets[d]);
        check(std::abs(static_cast<double>(sines[i * dim + d]) - wave) < 4e-7, "sines", n, dim);
      }
  }
}

// One feature, a matrix of ones: the sine of single numbers, near and far, and of what is none.
void test_sine() {
  std::vector<float> ones(kStrip, 1.0F), zeros(kStrip), out(kStrip);
  const auto sine_of = [&](float x) {
    expand(&x, 1, {ones.data(), zeros.data(), zeros.data(), 1, kStrip}, out.data(), 1);
    return out[0];
  };
  for (const uint64_t word : random_words(20000, 7)) {
    const float x = (static_cast<float>(word >> 40) / 8388608.0F - 1.0F) * (word % 2 == 0 ? 10.0F : 1e4F);
    check(std::abs(static_cast<double>(sine_of(x)) - std::sin(static_cast<double>(x))) < 3e-7, "sine", word);
  }
  for (const float x : {1e6F, 1e8F, -3e38F, INFINITY, -INFINITY, NAN})
    check(std::abs(sine_of(x)) <= 1.000001F, "sine of what is large");
}

void test_pass(size_t n, size_t n_classes, size_t dim, size_t batch_size, LearningRule rule) {
  const auto rows = whole_numbers(n * dim, 8);
  std::vector<float> expected(n_classes * dim), found, sizes(n), weights(n);
  std::vector<std::int64_t> targets(n), order;
  lengths(rows.data(), n, dim, sizes.data(), 1);
  for (size_t i = 0; i < n; ++i) {
    targets[i] = static_cast<std::int64_t>(i * i % n_classes);
    weights[i] = static_cast<float>(1 + i % 2);
    order.push_back(0);
  }
  order.resize((n + batch_size - 1) / batch_size);
  for (size_t b = 0; b < order.size(); ++b) order[b] = static_cast<std::int64_t>(order.size() - 1 - b);
  PassCounts counts;
  for (const std::int64_t b : order) {
    std::vector<float> seen = expected, norms(n_classes);
    if (rule.binarized)
      for (float& x : seen) x = static_cast<float>((x > 0) - (x < 0));
    lengths(seen.data(), n_classes, dim, norms.data(), 1);
    const size_t begin = static_cast<size_t>(b) * batch_size;
    for (size_t i = begin; i < std::min(n, begin + batch_size); ++i) {
      std::vector<float> scores(n_classes);
      products(&rows[i * dim], 1, seen.data(), n_classes, dim, scores.data(), 1);
      for (size_t c = 0; c < n_classes; ++c) scores[c] = scores[c] / norms[c] / sizes[i];
      const auto own = static_cast<size_t>(targets[i]);
      size_t rival = own == 0 ? 1 : 0;
      for (size_t c = 0; c < n_classes; ++c)
        if (c != own && scores[c] > scores[rival]) rival = c;
      counts.mistaken += scores[own] <= scores[rival] ? 1 : 0;
      if (scores[own] - scores[rival] > rule.margin) continue;
      ++counts.corrected;
      const float step = rule.learning_rate * weights[i];
      for (size_t d = 0; d < dim; ++d) {
        expected[own * dim + d] += step * (rule.by_distance ? 1.0F - scores[own] : 1.0F) * rows[i * dim + d];
        expected[rival * dim + d] += -step * (rule.by_distance ? 1.0F - scores[rival] : 1.0F) * rows[i * dim + d];
      }
    }
  }
  for (const size_t threads : {1, 2}) {
    found.assign(n_classes * dim, 0.0F);
    const PassCounts told = learn_pass({rows.data(), sizes.data(), targets.data(), weights.data(), n, dim}, order,
                                       batch_size, found.data(), n_classes, rule, threads);
    check(found == expected, "learn_pass", n, dim);
    check(told.corrected == counts.corrected && told.mistaken == counts.mistaken, "counts of a pass", n, dim);
  }
}

}  // namespace

void run_learning_tests() {
  for (const size_t n : {0, 1, 3, 4, 5, 17})
    for (const size_t n_vectors : {1, 2, 3, 4, 7, 16, 19})
      for (const size_t dim : {1, 15, 16, 17, 64, 511, 530}) test_products(n, n_vectors, dim);
  test_products(200, 10, 9000);  // enough for threads
  for (const size_t dim : {1, 16, 31, 600}) test_order_of_sums(dim);
  for (const size_t n : {0, 1, 5, 6, 7, 49, 100})
    for (const size_t n_features : {0, 1, 3, 16})
      for (const size_t dim : {1, 31, 32, 33, 128, 200}) test_expand(n, n_features, dim);
  test_sine();
  for (const size_t n : {0, 1, 33})
    for (const size_t n_classes : {2, 5})
      for (const size_t dim : {1, 65, 130})
        for (const LearningRule rule :
             {LearningRule{1.0F, 0.0F, false, false}, {0.5F, 0.125F, true, false}, {1.0F, 0.0F, false, true}})
          test_pass(n, n_classes, dim, 8, rule);
}

}  // namespace hypersketch
