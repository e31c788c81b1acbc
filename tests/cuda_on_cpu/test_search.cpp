// SPDX-License-Identifier: Apache-2.0
// Searches on the emulated GPU against those of the CPU: every kernel, bit for bit.
#include <algorithm>
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
        Shape{3, 600, 200, 1}, Shape{4, 3000, 64, 20}})
    for (const SearchPath path : kPaths) test_search(shape, path);
  for (const SearchPath path : kPaths) {
    test_search({4, 700, 128, 600}, path);     // several passes
    test_search({2, 40, 128, 3}, path, 1);     // rows apart
    test_search({2, 40, 128, 3}, path, 0, 1);  // rows that do not lie on 16 bytes
    test_search({3, 20, 20000, 4}, path);      // queries that shared memory has no room for
    test_search({0, 20, 100, 4}, path);
  }
  test_search({130, 260, 200, 6}, SearchPath::kMany);  // more than a block's queries
}

// Every row is nearer than all before it, so that none can be dropped; or none is.
void test_orders() {
  constexpr size_t kDim = 2000, kWords = (kDim + 63) / 64, kRows = 1999;
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

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  cuda::test_sizes();
  cuda::test_orders();
  cuda::test_tails();
  cuda::test_gather();
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
