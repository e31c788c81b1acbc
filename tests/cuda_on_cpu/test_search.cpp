// SPDX-License-Identifier: Apache-2.0
// Searches on the emulated GPU against those of the CPU: every kernel, bit for bit; real rows against the
// definition.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "hypersketch/search.hpp"
#include "search.hpp"

namespace hypersketch::cuda {
namespace {

struct Shape {
  size_t n_queries;
  size_t n;
  size_t dim;
  size_t k;
};

constexpr SearchPath kPaths[] = {SearchPath::kBest, SearchPath::kPopcount, SearchPath::kFew, SearchPath::kMany};

// Rows of random words, of which some equal others, and every second one is close to the first.
std::vector<uint64_t> make_rows(size_t n, size_t dim, size_t stride, uint64_t seed) {
  auto words = random_words(n * stride, seed);
  const size_t n_words = (dim + 63) / 64;
  for (size_t i = 2; i < n; ++i) {
    uint64_t* const row = words.data() + i * stride;
    if (i % 2 == 0)
      for (size_t w = 0; w < n_words; ++w) row[w] = words[w] ^ (row[w] & row[(w + 1) % n_words] & 0x11111111);
    if (i % 7 == 0) std::copy_n(words.data() + (i / 2) * stride, n_words, row);
  }
  for (size_t i = 0; i < n; ++i)
    if (dim % 64 != 0) words[i * stride + n_words - 1] &= tail_mask(dim % 64);
  return words;
}

std::vector<uint64_t> without_gaps(const std::vector<uint64_t>& rows, size_t n_words, size_t stride) {
  std::vector<uint64_t> dense;
  for (size_t first = 0; first < rows.size(); first += stride)
    dense.insert(dense.end(), rows.begin() + static_cast<std::ptrdiff_t>(first),
                 rows.begin() + static_cast<std::ptrdiff_t>(first + n_words));
  return dense;
}

// Rows stand `gap` words apart and begin `skipped` words behind the beginning of their memory.
void test_search(const Shape& shape, SearchPath path, size_t gap = 0, size_t skipped = 0) {
  const size_t n_words = (shape.dim + 63) / 64, stride = n_words + gap, size = shape.n_queries * shape.k;
  auto rows = make_rows(shape.n, shape.dim, stride, 3);
  const auto queries = make_rows(shape.n_queries, shape.dim, stride, 4);
  const auto dense_rows = without_gaps(rows, n_words, stride), dense_queries = without_gaps(queries, n_words, stride);
  std::vector<int64_t> indices(size);
  std::vector<int32_t> distances(size);
  hypersketch::hamming_top_k({dense_queries.data(), shape.n_queries, n_words, nullptr},
                             {dense_rows.data(), shape.n, n_words, nullptr}, shape.dim, shape.k, indices.data(),
                             distances.data(), 1);
  std::vector<double> alike(size);
  for (size_t i = 0; i < size; ++i)
    alike[i] = (static_cast<double>(shape.dim) - 2.0 * distances[i]) / static_cast<double>(shape.dim);
  rows.insert(rows.begin(), skipped, 0);
  const DeviceArray<uint64_t> device_rows(rows), device_queries(queries);
  const DeviceArray<int64_t> found(size);
  const DeviceArray<int32_t> near(size);
  const DeviceArray<double> similarities(size);
  hamming_top_k(kPlace, {device_queries.data(), shape.n_queries, stride},
                {device_rows.data() + skipped, shape.n, stride}, shape.dim,
                {shape.k, found.data(), near.data(), similarities.data()}, path);
  const bool equal = found.values() == indices && near.values() == distances && similarities.values() == alike;
  const char* const names[] = {"hamming_top_k", "by popcounts", "by tiles for few", "by tiles for many"};
  check(equal, names[static_cast<int>(path)], shape.n_queries, shape.n);
}

void test_sizes() {
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{2, 2, 63, 2}, Shape{3, 15, 64, 15}, Shape{5, 17, 65, 3}, Shape{8, 33, 129, 5},
        Shape{9, 127, 256, 64}, Shape{17, 300, 513, 10}, Shape{1, 700, 1024, 10}, Shape{65, 129, 100, 7},
        Shape{3, 600, 200, 1}, Shape{2, 1500, 64, 20}})
    for (const SearchPath path : kPaths)
      if (path != SearchPath::kPopcount || shape.n_queries < 10) test_search(shape, path);
  for (const SearchPath path : kPaths) {
    test_search({2, 600, 100, 520}, path);     // several passes
    test_search({2, 40, 128, 3}, path, 1);     // rows apart
    test_search({2, 40, 128, 3}, path, 0, 1);  // rows that do not lie on 16 bytes
    test_search({3, 9, 16000, 4}, path);       // queries that shared memory has no room for
    test_search({0, 20, 100, 4}, path);
  }
  test_search({130, 260, 200, 6}, SearchPath::kMany);  // more than a block's queries
}

// Every row is nearer than all before it, so that none can be dropped; or none is.
void test_orders() {
  constexpr size_t kDim = 700, kWords = (kDim + 63) / 64, kRows = 699;
  for (const bool rising : {false, true}) {
    std::vector<uint64_t> rows(kRows * kWords);
    for (size_t i = 0; i < kRows; ++i)
      for (size_t d = 0; d < (rising ? i : kRows - i); ++d) rows[i * kWords + d / 64] |= uint64_t{1} << d % 64;
    const std::vector<uint64_t> query(2 * kWords);
    const DeviceArray<uint64_t> device_rows(rows), device_query(query);
    const DeviceArray<int64_t> found(10);
    for (const SearchPath path : kPaths) {
      hamming_top_k(kPlace, {device_query.data(), 2, kWords}, {device_rows.data(), kRows, kWords}, kDim,
                    {5, found.data(), nullptr, nullptr}, path);
      bool equal = true;
      for (size_t i = 0; i < 10; ++i)
        equal &= found.values()[i] == static_cast<int64_t>(rising ? i % 5 : kRows - 1 - i % 5);
      check(equal, "rows in order", rising, static_cast<size_t>(path));
    }
  }
}

// Bits beyond the dimension do not count.
void test_tails() {
  std::vector<uint64_t> rows(40 * 2), query(2, ~uint64_t{0});
  for (size_t i = 0; i < 40; ++i) rows[2 * i + 1] = i % 2 == 0 ? ~uint64_t{0} << 6 : 0x3F;
  const DeviceArray<uint64_t> device_rows(rows), device_query(query);
  const DeviceArray<int64_t> found(40);
  const DeviceArray<int32_t> near(40);
  for (const SearchPath path : kPaths) {
    hamming_top_k(kPlace, {device_query.data(), 1, 2}, {device_rows.data(), 40, 2}, 70,
                  {40, found.data(), near.data(), nullptr}, path);
    bool equal = true;
    for (size_t i = 0; i < 40; ++i)
      equal &= near.values()[i] == (i < 20 ? 64 : 70) &&
               found.values()[i] == static_cast<int64_t>(i < 20 ? 2 * i + 1 : 2 * (i - 20));
    check(equal, "tails", static_cast<size_t>(path));
  }
}

void test_gather() {
  const std::vector<std::uint32_t> rows{0, 1, 2, 10, 11, 12, 20, 21, 22};
  const DeviceArray<std::uint32_t> table(rows), out(9);
  const DeviceArray<int64_t> places(std::vector<int64_t>{2, -1, 0}), targets(std::vector<int64_t>{1});
  take_rows(kPlace, table.data(), 3, 3, places.data(), 3, out.data());
  check(out.values() == std::vector<std::uint32_t>{20, 21, 22, 0, 0, 0, 0, 1, 2}, "take_rows");
  put_rows(kPlace, table.data(), 3, targets.data(), 1, out.data());
  check(table.values() == std::vector<std::uint32_t>{0, 1, 2, 20, 21, 22, 20, 21, 22}, "put_rows");
}

// ---- real rows

struct Reals {
  std::vector<float> values;
  size_t n;
  size_t dim;
};

// Around some centres, so that many rows are nearly alike; some equal others, and some are zero.
Reals make_reals(size_t n, size_t dim, uint64_t seed) {
  const auto words = random_words(n * dim, seed), centres = random_words(4 * dim, 9);
  const auto number = [](uint64_t word) { return static_cast<float>(static_cast<int>(word % 2001) - 1000) / 1000.0F; };
  Reals rows{std::vector<float>(n * dim), n, dim};
  for (size_t i = 0; i < n; ++i)
    for (size_t d = 0; d < dim; ++d)
      rows.values[i * dim + d] = number(centres[i % 4 * dim + d]) + 0.2F * number(words[i * dim + d]);
  for (size_t i = 2; i < n; i += 5) {
    float* const row = rows.values.data() + i * dim;
    if (i % 2 == 0)
      std::copy_n(rows.values.data() + i / 2 * dim, dim, row);
    else
      std::fill_n(row, dim, 0.0F);
  }
  return rows;
}

double inner(const float* a, const float* b, size_t dim, const std::vector<double>& weights) {
  double sum = 0.0;
  for (size_t d = 0; d < dim; ++d) sum += (weights.empty() ? 1.0 : weights[d]) * double(a[d]) * double(b[d]);
  return sum;
}

double similarity(const float* a, const float* b, size_t dim, const std::vector<double>& weights, bool cosine) {
  const double product = inner(a, b, dim, weights);
  if (!cosine) return product;
  const double both = std::sqrt(inner(a, a, dim, weights) * inner(b, b, dim, weights));
  return both > 0.0 ? std::clamp(product / both, -1.0, 1.0) : 0.0;
}

struct Found {
  std::vector<int64_t> indices;
  std::vector<double> similarities;
};

Found search_reals(const Reals& queries, const Reals& rows, const std::vector<double>& weights, bool cosine, size_t k,
                   SearchPath path) {
  const DeviceArray<float> device_rows(rows.values), device_queries(queries.values);
  const DeviceArray<double> device_weights(weights), squares(rows.n), extremes(std::vector<double>(2));
  const DeviceArray<std::uint32_t> bfloats(rows.n * bfloat_words(rows.dim));
  const RoundedRows rounded{bfloats.data(), squares.data(), extremes.data()};
  const double* const given = weights.empty() ? nullptr : device_weights.data();
  const RealRows stored{device_rows.data(), rows.n, rows.dim, given};
  round_rows(kPlace, stored, cosine, rounded);
  const DeviceArray<int64_t> indices(queries.n * k);
  const DeviceArray<double> similarities(queries.n * k);
  real_top_k(kPlace, {device_queries.data(), queries.n, queries.dim, given}, stored, rounded, cosine,
             {k, indices.data(), nullptr, similarities.data()}, path);
  return {indices.values(), similarities.values()};
}

// The similarities are the k largest to within rounding, each row's its own, and rows of equal ones ascend. Rows whose
// similarities differ by less than rounding may come in either order.
void test_reals(const Shape& shape, bool cosine, bool weighted, SearchPath path) {
  const Reals rows = make_reals(shape.n, shape.dim, 5), queries = make_reals(shape.n_queries, shape.dim, 6);
  std::vector<double> weights(weighted ? shape.dim : 0);
  for (size_t d = 0; d < weights.size(); ++d) weights[d] = 1.0 + static_cast<double>(d % 3);
  const Found found = search_reals(queries, rows, weights, cosine, shape.k, path);
  const double rounding = 1e-13 * (cosine ? 1.0 : 10.0 * static_cast<double>(shape.dim));
  bool sound = true;
  for (size_t q = 0; q < shape.n_queries; ++q) {
    std::vector<double> all(shape.n);
    for (size_t i = 0; i < shape.n; ++i)
      all[i] = similarity(&queries.values[q * shape.dim], &rows.values[i * shape.dim], shape.dim, weights, cosine);
    const int64_t* const places = found.indices.data() + q * shape.k;
    const double* const alike = found.similarities.data() + q * shape.k;
    for (size_t i = 0; i < shape.k; ++i) {
      sound &= std::abs(all[static_cast<size_t>(places[i])] - alike[i]) <= rounding;
      if (i > 0) sound &= alike[i] < alike[i - 1] || (alike[i] == alike[i - 1] && places[i] > places[i - 1]);
    }
    std::sort(all.begin(), all.end(), std::greater<>());
    for (size_t i = 0; i < shape.k; ++i) sound &= std::abs(all[i] - alike[i]) <= rounding;
  }
  check(sound, cosine ? "real_top_k, cosines" : "real_top_k, inner products", shape.n_queries, shape.n);
}

void test_all_reals() {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{3, 40, 7, 5}, Shape{9, 300, 33, 10}, Shape{17, 129, 64, 3},
                             Shape{65, 70, 40, 2}, Shape{1, 400, 24, 256}})
    for (const bool cosine : {false, true})
      for (const SearchPath path : {SearchPath::kBest, SearchPath::kFew, SearchPath::kMany})
        test_reals(shape, cosine, shape.n % 2 == 1, path);
  // 600 rows that bfloat16 numbers cannot tell apart: only the numbers themselves can.
  Reals rows{std::vector<float>(600 * 8, 1.0F), 600, 8}, query{std::vector<float>(8, 1.0F), 1, 8};
  for (size_t i = 0; i < 600; ++i) rows.values[i * 8] += 1e-6F * static_cast<float>(i * 7 % 600);
  const Found found = search_reals(query, rows, {}, false, 3, SearchPath::kBest);
  check(found.indices[0] * 7 % 600 == 599 && found.indices[1] * 7 % 600 == 598, "rows that rounding makes equal");
}

// All rows that reach a threshold, and no other; thresholds lie between similarities that are further apart than
// rounding.
void test_range(const Shape& shape, bool cosine, bool weighted) {
  const Reals rows = make_reals(shape.n, shape.dim, 5), queries = make_reals(shape.n_queries, shape.dim, 6);
  std::vector<double> weights(weighted ? shape.dim : 0), thresholds(shape.n_queries);
  for (size_t d = 0; d < weights.size(); ++d) weights[d] = 1.0 + static_cast<double>(d % 3);
  const double rounding = 1e-13 * (cosine ? 1.0 : 10.0 * static_cast<double>(shape.dim));
  std::vector<std::vector<double>> alike(shape.n_queries, std::vector<double>(shape.n));
  for (size_t q = 0; q < shape.n_queries; ++q) {
    for (size_t i = 0; i < shape.n; ++i)
      alike[q][i] = similarity(&queries.values[q * shape.dim], &rows.values[i * shape.dim], shape.dim, weights, cosine);
    auto sorted = alike[q];
    std::sort(sorted.begin(), sorted.end());
    thresholds[q] = sorted[0] - 1.0;  // which all reach
    for (size_t i = shape.n * (q % 5) / 5; i > 0; --i)
      if (sorted[i] - sorted[i - 1] > 100 * rounding) {
        thresholds[q] = (sorted[i] + sorted[i - 1]) / 2;
        break;
      }
  }
  const DeviceArray<float> device_rows(rows.values), device_queries(queries.values);
  const DeviceArray<double> device_weights(weights), squares(rows.n), extremes(std::vector<double>(2));
  const DeviceArray<double> limits(thresholds);
  const DeviceArray<std::uint32_t> bfloats(rows.n * bfloat_words(rows.dim));
  const RoundedRows rounded{bfloats.data(), squares.data(), extremes.data()};
  const double* const given = weighted ? device_weights.data() : nullptr;
  const RealRows stored{device_rows.data(), rows.n, rows.dim, given};
  const RealRows asked{device_queries.data(), queries.n, queries.dim, given};
  round_rows(kPlace, stored, cosine, rounded);
  std::vector<unsigned long long> starts(shape.n_queries, 0);
  const DeviceArray<unsigned long long> counts(starts);
  real_range(kPlace, asked, limits.data(), stored, rounded, cosine, counts.data(), {nullptr, nullptr});
  const auto counted = counts.values();
  for (size_t q = 1; q < shape.n_queries; ++q) starts[q] = starts[q - 1] + counted[q - 1];
  const size_t total = starts.back() + counted.back();
  const DeviceArray<unsigned long long> cursors(starts);
  const DeviceArray<int64_t> found(total);
  const DeviceArray<double> similarities(total);
  real_range(kPlace, asked, limits.data(), stored, rounded, cosine, cursors.data(),
             {found.data(), similarities.data()});
  const auto places = found.values();
  const auto values = similarities.values();
  bool sound = true;
  for (size_t q = 0; q < shape.n_queries; ++q) {
    std::vector<bool> is_found(shape.n);
    for (size_t i = starts[q]; i < starts[q] + counted[q]; ++i) {
      const auto place = static_cast<size_t>(places[i]);
      sound &= !is_found[place] && std::abs(values[i] - alike[q][place]) <= rounding;
      is_found[place] = true;
    }
    for (size_t i = 0; i < shape.n; ++i) sound &= is_found[i] == (alike[q][i] >= thresholds[q]);
  }
  check(sound, cosine ? "real_range, cosines" : "real_range, inner products", shape.n_queries, shape.n);
}

void test_all_ranges() {
  for (const Shape& shape : {Shape{1, 1, 1, 0}, Shape{3, 40, 7, 0}, Shape{9, 300, 33, 0}, Shape{17, 129, 64, 0}})
    for (const bool cosine : {false, true})
      for (const bool weighted : {false, true}) test_range(shape, cosine, weighted);
}

void test_refusal_of_infinity() {
  const Reals rows = make_reals(20, 5, 5);
  Reals query = make_reals(1, 5, 6);
  for (const float strange : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    query.values[2] = strange;
    bool refused = false;
    try {
      search_reals(query, rows, {}, true, 2, SearchPath::kBest);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    check(refused, "a query that is not finite");
  }
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  cuda::test_sizes();
  cuda::test_orders();
  cuda::test_tails();
  cuda::test_gather();
  cuda::test_all_reals();
  cuda::test_all_ranges();
  cuda::test_refusal_of_infinity();
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
