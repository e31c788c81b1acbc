// SPDX-License-Identifier: Apache-2.0
// Projections of dense and of compressed rows.
#include <span>
#include <vector>

#include "checks.hpp"
#include "hypersketch/projection.hpp"

namespace hypersketch {
namespace {

// Integers, so that sums are exact in any order; dense rows and compressed ones.
template <class T>
void test_projection(size_t n, size_t dim, size_t width, size_t n_entries) {
  const auto hashes = random_words(dim, 5), numbers = random_words(n * dim, 6);
  std::vector<std::uint32_t> codes(dim * n_entries);
  sign_codes(hashes, 9, n_entries, width, codes.data());
  std::vector<T> rows(n * dim), expected(n * width);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<T>(numbers[i] % 201) - 100;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < dim; ++j)
      for (size_t r = 0; r < n_entries; ++r) {
        const uint64_t word = random_word(stream_start(seed_word(9, Purpose::kRow), hashes[j]), r);
        const uint64_t first = r * width / n_entries, last = (r + 1) * width / n_entries;
        const size_t column = first + ((word >> 32) * (last - first) >> 32);
        expected[i * width + column] += (word & 1) != 0 ? -2 * rows[i * dim + j] : 2 * rows[i * dim + j];
      }
  const SignTable table{codes.data(), dim, n_entries, width};
  for (const size_t threads : {1, 2}) {
    std::vector<T> out(n * width, T{77}), sparse(n * width, T{77});
    project_dense(rows.data(), n, table, T{2}, out.data(), threads);
    check(out == expected, "project_dense", dim, width);
    std::vector<std::int32_t> starts, features;
    for (size_t i = 0; i <= n; ++i) starts.push_back(static_cast<std::int32_t>(i * dim));
    for (size_t i = 0; i < n * dim; ++i) features.push_back(static_cast<std::int32_t>(i % dim));
    project_csr(std::span<const std::int32_t>(starts), std::span<const std::int32_t>(features),
                std::span<const T>(rows), table, T{2}, sparse.data(), threads);
    check(sparse == expected, "project_csr", dim, width);
  }
}

}  // namespace

void run_projection_tests() {
  for (const size_t n : {1, 7, 8, 16, 17, 130})
    for (const size_t dim : {1, 15, 16, 40})
      for (const size_t width : {1, 8, 16, 37, 64}) {
        test_projection<float>(n, dim, width, 1 + dim % width);
        test_projection<double>(n, dim, width, 1 + dim % width);
      }
  test_projection<float>(17, 512, 256, 3);  // rows that collide in a cache go another way
  test_projection<double>(17, 128, 256, 3);
}

}  // namespace hypersketch
