// SPDX-License-Identifier: Apache-2.0
// Hamming search against a plain loop and a stable sort.
#include <algorithm>
#include <numeric>
#include <vector>

#include "checks.hpp"
#include "hypersketch/search.hpp"

namespace hypersketch {
namespace {

struct Vectors {
  std::vector<uint64_t> words;
  RowBatch batch;
};

// Random vectors with every third a copy of an earlier one, and one in seven a single bit beside the one before.
Vectors vectors(size_t n, size_t dim, uint64_t seed) {
  const size_t n_words = words_for(dim);
  Vectors made{random_words(n * n_words, seed), {}};
  for (size_t i = 0; i < n; ++i) {
    uint64_t* row = made.words.data() + i * n_words;
    row[n_words - 1] &= tail_mask(dim);
    if (i % 3 == 2) std::copy_n(made.words.data() + i / 2 * n_words, n_words, row);
    if (i % 7 == 6) {
      std::copy_n(row - n_words, n_words, row);
      row[i % dim / 64] ^= uint64_t{1} << (i % dim % 64);
    }
  }
  made.batch = {made.words.data(), n, n_words, nullptr};
  return made;
}

size_t distance(const uint64_t* a, const uint64_t* b, size_t n_words) {
  size_t sum = 0;
  for (size_t j = 0; j < n_words; ++j)
    for (uint64_t x = a[j] ^ b[j]; x != 0; x &= x - 1) ++sum;
  return sum;
}

struct Order {
  std::vector<size_t> distances, rows;  // of every row; rows in the order wanted
};

Order order(const uint64_t* query, RowBatch rows) {
  Order all{std::vector<size_t>(rows.n), std::vector<size_t>(rows.n)};
  for (size_t i = 0; i < rows.n; ++i) all.distances[i] = distance(query, rows.rows + i * rows.stride, rows.stride);
  std::iota(all.rows.begin(), all.rows.end(), size_t{0});
  std::stable_sort(all.rows.begin(), all.rows.end(),
                   [&](size_t a, size_t b) { return all.distances[a] < all.distances[b]; });
  return all;
}

void test_nearest(const std::vector<Order>& orders, RowBatch queries, RowBatch rows, size_t dim, size_t k,
                  size_t threads) {
  std::vector<int64_t> indices(queries.n * k, -1);
  std::vector<int32_t> distances(queries.n * k, -1);
  hamming_top_k(queries, rows, dim, k, indices.data(), distances.data(), threads);
  for (size_t q = 0; q < queries.n; ++q)
    for (size_t i = 0; i < k; ++i) {
      const size_t row = orders[q].rows[i];
      check(indices[q * k + i] == static_cast<int64_t>(row), "hamming_top_k", dim, k);
      check(distances[q * k + i] == static_cast<int32_t>(orders[q].distances[row]), "its distance", dim, k);
    }
}

void test_within(const std::vector<Order>& orders, RowBatch queries, RowBatch rows, size_t radius, size_t threads) {
  const auto found = hamming_range(queries, rows, radius, threads);
  for (size_t q = 0; q < queries.n; ++q) {
    std::vector<uint64_t> expected;
    for (const size_t row : orders[q].rows)
      if (orders[q].distances[row] <= radius) expected.push_back((orders[q].distances[row] << kRowBits) | row);
    check(found[q] == expected, "hamming_range", rows.n, radius);
  }
}

void test_all(const std::vector<Order>& orders, RowBatch queries, RowBatch rows, size_t threads) {
  std::vector<int32_t> table(queries.n * rows.n, -1);
  hamming_distances(queries, rows, table.data(), threads);
  for (size_t q = 0; q < queries.n; ++q)
    for (size_t i = 0; i < rows.n; ++i)
      check(table[q * rows.n + i] == static_cast<int32_t>(orders[q].distances[i]), "hamming_distances", q, i);
}

void test_search(size_t dim, size_t n_queries, size_t n) {
  const Vectors stored = vectors(n, dim, 3), asked = vectors(n_queries, dim, 3);  // some queries are rows
  std::vector<Order> orders;
  for (size_t q = 0; q < n_queries; ++q) orders.push_back(order(asked.words.data() + q * words_for(dim), stored.batch));
  for (const size_t threads : {1, 2, 5}) {
    for (const size_t k : {size_t{1}, size_t{2}, size_t{10}, n})
      if (k >= 1 && k <= n) test_nearest(orders, asked.batch, stored.batch, dim, k, threads);
    for (const size_t radius : {size_t{0}, dim / 3, dim / 2, dim})
      test_within(orders, asked.batch, stored.batch, radius, threads);
    test_all(orders, asked.batch, stored.batch, threads);
  }
}

}  // namespace

void run_search_tests() {
  for (const size_t dim : {1, 63, 64, 65, 1000, 1024, 2048, 10000, 10240})
    for (const size_t n : {0, 1, 7, 8, 16, 17, 40, 257, 1000})
      for (const size_t n_queries : {0, 1, 3, 4, 7, 10, 11, 33})
        if (n * n_queries * words_for(dim) <= 1200000) test_search(dim, n_queries, n);
}

}  // namespace hypersketch
