// SPDX-License-Identifier: Apache-2.0
// Nearest neighbours on the emulated GPU: sums against those in the order that NumPy has, who comes first against a
// stable sort, and what values mix to.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "nearest.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<float> numbers(size_t n, uint64_t seed, bool whole) {
  std::vector<float> made;
  for (const uint64_t word : random_words(n, seed))
    made.push_back(whole ? static_cast<float>(word % 5) - 2.0F : static_cast<float>(word % 20011) / 1000.0F - 10.0F);
  return made;
}

double pairwise(const double* x, size_t n) {
  if (n < 8) return std::accumulate(x, x + n, 0.0);
  if (n > 128) {
    const size_t half = n / 2 - n / 2 % 8;
    return pairwise(x, half) + pairwise(x + half, n - half);
  }
  double r[8];
  std::copy(x, x + 8, r);
  size_t i = 8;
  for (; i < n - n % 8; i += 8)
    for (size_t j = 0; j < 8; ++j) r[j] += x[i + j];
  double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

double product(const float* a, const float* b, size_t dim) {
  std::vector<double> terms(dim);
  for (size_t i = 0; i < dim; ++i) terms[i] = double{a[i]} * double{b[i]};
  return pairwise(terms.data(), dim);
}

double similarity(Nearness kind, const float* a, const float* b, size_t dim) {
  if (kind == Nearness::kEuclidean) {
    std::vector<double> terms(dim);
    for (size_t i = 0; i < dim; ++i) terms[i] = (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
    return -pairwise(terms.data(), dim);
  }
  if (kind == Nearness::kDot) return product(a, b, dim);
  const double both = std::sqrt(product(a, a, dim)) * std::sqrt(product(b, b, dim));
  return both > 0 ? std::clamp(product(a, b, dim) / both, -1.0, 1.0) : 0.0;
}

struct Found {
  std::vector<int64_t> indices;
  std::vector<double> similarities;
};

Found sorted(Nearness kind, const std::vector<float>& queries, const std::vector<float>& rows, size_t dim, size_t k) {
  Found found;
  for (size_t q = 0; q < queries.size() / dim; ++q) {
    std::vector<double> scores;
    for (size_t i = 0; i < rows.size() / dim; ++i)
      scores.push_back(similarity(kind, queries.data() + q * dim, rows.data() + i * dim, dim));
    std::vector<int64_t> order(scores.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto score = [&](int64_t i) { return scores[static_cast<size_t>(i)]; };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return score(a) > score(b); });
    for (size_t i = 0; i < k; ++i) {
      found.indices.push_back(order[i] + 1000);
      found.similarities.push_back(score(order[i]));
    }
  }
  return found;
}

// All rows are candidates, in no order; so they settle every query.
void test_nearest(Nearness kind, size_t n, size_t n_queries, size_t dim, size_t k, bool whole) {
  const auto rows = numbers(n * dim, 1, whole), queries = numbers(n_queries * dim, 2, whole);
  const DeviceArray<float> rows_there(rows), queries_there(queries);
  const DeviceArray<double> row_squares(n), query_squares(n_queries), scores(n_queries * n),
      similarities(n_queries * k);
  const DeviceArray<int64_t> indices(n_queries * k);
  row_squares_of(kPlace, rows_there.data(), n, dim, row_squares.data());
  row_squares_of(kPlace, queries_there.data(), n_queries, dim, query_squares.data());
  const auto squares = row_squares.values();
  for (size_t i = 0; i < n; ++i)
    check(squares[i] == product(rows.data() + i * dim, rows.data() + i * dim, dim), "squares");
  const NearRows near{
      kind, dim, queries_there.data(), query_squares.data(), n_queries, rows_there.data(), row_squares.data(), n};
  const NearItems items{k, 1000, indices.data(), similarities.data()};
  const Found expected = sorted(kind, queries, rows, dim, k);
  std::vector<int64_t> all(n_queries), candidates;
  std::iota(all.begin(), all.end(), int64_t{0});
  best_of_all(kPlace, near, all, items);
  check(indices.values() == expected.indices, "best of all");
  check(similarities.values() == expected.similarities, "best of all");
  for (size_t i = 0; i < n_queries * n; ++i) candidates.push_back(static_cast<int64_t>((i * 7 + 3) % n));
  if (n % 7 == 0) return;
  const DeviceArray<int64_t> candidates_there(candidates);
  const DeviceArray<unsigned char> settled(n_queries);
  best_of_candidates(kPlace, near, {candidates_there.data(), scores.data(), n, 0.0}, items,
                     reinterpret_cast<bool*>(settled.data()));
  check(indices.values() == expected.indices, "best of candidates");
  check(similarities.values() == expected.similarities, "best of candidates");
  for (const unsigned char one : settled.values()) check(one == 1, "best of candidates");
}

// Candidates whose last score is as good as the worst that is taken settle nothing.
void test_open_queries() {
  const std::vector<float> rows{3, 2, 1, 1, -1}, query{1};
  const DeviceArray<float> rows_there(rows), query_there(query);
  const DeviceArray<double> row_squares(5), query_square(1), similarities(2);
  const DeviceArray<int64_t> indices(2), candidates(std::vector<int64_t>{0, 1, 2});
  const DeviceArray<unsigned char> settled(1);
  row_squares_of(kPlace, rows_there.data(), 5, 1, row_squares.data());
  row_squares_of(kPlace, query_there.data(), 1, 1, query_square.data());
  const NearRows near{Nearness::kDot,     1, query_there.data(), query_square.data(), 1, rows_there.data(),
                      row_squares.data(), 5};
  for (const double last : {1.0, 2.0}) {
    const DeviceArray<double> scores(std::vector<double>{3, 2, last});
    best_of_candidates(kPlace, near, {candidates.data(), scores.data(), 3, 3.0},
                       {2, 0, indices.data(), similarities.data()}, reinterpret_cast<bool*>(settled.data()));
    check(settled.values()[0] == (last == 1.0), "open queries");
    check(indices.values() == std::vector<int64_t>{0, 1}, "open queries");
  }
}

// Inner products of lifted rows rank as distances: they are (|q|^2 - |q - r|^2) / 2, here without rounding.
void test_lifted() {
  const size_t n = 9, dim = 5;
  const auto rows = numbers(n * dim, 3, true), query = numbers(dim, 4, true);
  const DeviceArray<float> rows_there(rows), query_there(query), lifted_rows(n * (dim + 2)), lifted_query(dim + 2);
  const DeviceArray<double> squares(n);
  row_squares_of(kPlace, rows_there.data(), n, dim, squares.data());
  lifted(kPlace, rows_there.data(), n, dim, squares.data(), 4.0F, lifted_rows.data());
  lifted(kPlace, query_there.data(), 1, dim, nullptr, 4.0F, lifted_query.data());
  const auto a = lifted_rows.values(), b = lifted_query.values();
  for (size_t i = 0; i < n; ++i)
    check(2 * product(a.data() + i * (dim + 2), b.data(), dim + 2) - product(query.data(), query.data(), dim) ==
              similarity(Nearness::kEuclidean, query.data(), rows.data() + i * dim, dim),
          "lifted");
}

void test_mixing(size_t n, size_t k, size_t width) {
  const size_t n_items = 50, n_tokens = 7;
  const auto values = numbers(n_items * width, 5, false);
  std::vector<double> alike(n * k);
  std::vector<int64_t> items(n * k), tokens(n_items);
  for (size_t i = 0; i < n * k; ++i) {
    alike[i] = -0.01 * static_cast<double>(i % k);
    items[i] = static_cast<int64_t>(3 * i % n_items) + 100;
  }
  for (size_t i = 0; i < n_items; ++i) tokens[i] = static_cast<int64_t>(i % n_tokens);
  const DeviceArray<double> alike_there(alike), weights(n * k), spread(n * n_tokens);
  const DeviceArray<int64_t> items_there(items), tokens_there(tokens);
  const DeviceArray<float> values_there(values), means(n * width);
  soften(kPlace, alike_there.data(), n, k, 0.5, weights.data());
  const WeightedItems weighted{weights.data(), items_there.data(), 100, n, k};
  mix_vectors(kPlace, weighted, values_there.data(), width, means.data());
  mix_tokens(kPlace, weighted, tokens_there.data(), n_tokens, spread.data());
  const auto shares = weights.values(), shown = spread.values();
  const auto mixed = means.values();
  for (size_t q = 0; q < n; ++q) {
    double total = 0;
    for (size_t i = 0; i < k; ++i) total += std::exp(alike[q * k + i] / 0.5);
    std::vector<double> mean(width), spoken(n_tokens);
    for (size_t i = q * k; i < (q + 1) * k; ++i) {
      // A sum of k in another order, exponentials and a quotient: k + 9 units of 2^-53 on each side.
      const double expected = std::exp(alike[i] / 0.5) / total;
      check(std::abs(shares[i] - expected) <= 2 * static_cast<double>(k + 9) * 0x1p-53 * expected, "weights");
      const auto item = static_cast<size_t>(items[i] - 100);
      for (size_t d = 0; d < width; ++d) mean[d] += shares[i] * double{values[item * width + d]};
      spoken[static_cast<size_t>(tokens[item])] += shares[i];
    }
    for (size_t d = 0; d < width; ++d) check(mixed[q * width + d] == static_cast<float>(mean[d]), "means");
    for (size_t t = 0; t < n_tokens; ++t) check(shown[q * n_tokens + t] == spoken[t], "tokens");
  }
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  for (const Nearness kind : {Nearness::kDot, Nearness::kCosine, Nearness::kEuclidean}) {
    test_nearest(kind, 1, 1, 1, 1, true);
    test_nearest(kind, 40, 3, 3, 40, true);
    test_nearest(kind, 300, 2, 9, 270, true);
    for (const size_t dim : {7U, 8U, 129U, 1001U}) test_nearest(kind, 33, 2, dim, 5, false);
  }
  test_open_queries();
  test_lifted();
  test_mixing(1, 1, 1);
  test_mixing(3, 33, 70);
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
