// SPDX-License-Identifier: Apache-2.0
// Pairs of vectors and squares of a tensor on the emulated GPU, against their definitions: whole numbers, so exactly.
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "matmul.hpp"

namespace hypersketch::cuda {
namespace {

std::vector<float> small_numbers(size_t n, uint64_t seed) {
  std::vector<float> made;
  for (const uint64_t word : random_words(n, seed)) made.push_back(static_cast<float>(word % 17) - 8.0F);
  return made;
}

void test_outer(size_t n, size_t dim) {
  const auto left = small_numbers(n * dim, 1), right = small_numbers(n * dim, 2);
  const DeviceArray<float> l(left), r(right), out(n * dim * dim);
  outer_rows(kPlace, l.data(), r.data(), n, dim, out.data());
  const auto found = out.values();
  for (size_t i = 0; i < found.size(); ++i) {
    const size_t row = i / dim / dim;
    check(found[i] == left[i / dim] * right[row * dim + i % dim], "outer product");
  }
}

void test_contract(size_t n, size_t dim) {
  const auto squares = small_numbers(n * dim * dim, 3), rows = small_numbers(n * dim, 4);
  const DeviceArray<float> s(squares), r(rows);
  const DeviceArray<double> straight(n * dim), turned(n * dim);
  contract_rows(kPlace, s.data(), r.data(), n, dim, false, straight.data());
  contract_rows(kPlace, s.data(), r.data(), n, dim, true, turned.data());
  const auto lines = straight.values(), columns = turned.values();
  for (size_t i = 0; i < n * dim; ++i) {
    const size_t row = i / dim, d = i % dim;
    double line = 0, column = 0;
    for (size_t e = 0; e < dim; ++e) {
      line += static_cast<double>(squares[i * dim + e] * rows[row * dim + e]);
      column += static_cast<double>(squares[(row * dim + e) * dim + d] * rows[row * dim + e]);
    }
    check(lines[i] == line, "line of a square");
    check(columns[i] == column, "column of a square");
  }
}

void test_combine(size_t n, size_t depth, size_t width) {
  const auto rows = small_numbers(n * depth, 5), matrix = small_numbers(depth * width, 6);
  const DeviceArray<float> r(rows), m(matrix), out(n * width);
  combine_rows(kPlace, r.data(), depth, m.data(), n, width, out.data());
  const auto found = out.values();
  for (size_t i = 0; i < found.size(); ++i) {
    float sum = 0;
    for (size_t e = 0; e < depth; ++e) sum += rows[i / width * depth + e] * matrix[e * width + i % width];
    check(found[i] == sum, "rows times a matrix");
  }
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  for (const size_t dim : {size_t{1}, size_t{31}, size_t{33}, size_t{300}}) {
    test_outer(3, dim);
    test_contract(3, dim);
    test_combine(3, dim, 2 * dim);
  }
  test_outer(0, 5);
  test_contract(0, 5);
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
