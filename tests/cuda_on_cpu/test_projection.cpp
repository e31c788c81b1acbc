// SPDX-License-Identifier: Apache-2.0
// Projections on the emulated GPU against those of the CPU, of whole numbers, so that sums are exact in any order.
#include <cstring>
#include <string_view>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/projection.hpp"

namespace hypersketch::cuda {
namespace {

struct Shape {
  size_t n;
  size_t n_features;
  size_t n_outputs;
  size_t n_entries;
};

std::vector<std::uint32_t> make_codes(const Shape& shape) {
  std::vector<std::uint32_t> codes(shape.n_features * shape.n_entries);
  sign_codes(random_words(shape.n_features, 5), 9, shape.n_entries, shape.n_outputs, codes.data());
  return codes;
}

template <class T>
std::vector<T> make_rows(const Shape& shape) {
  const auto words = random_words(shape.n * shape.n_features, 6);
  std::vector<T> rows(words.size());
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = words[i] % 3 == 0 ? T{0} : static_cast<T>(static_cast<int>(words[i] % 201) - 100);
  return rows;
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
void test_dense(const Shape& shape, size_t gap) {
  const auto codes = make_codes(shape);
  const auto rows = make_rows<T>(shape);
  const size_t stride = shape.n_features + gap;
  std::vector<T> spread(shape.n * stride, T{55}), expected(shape.n * shape.n_outputs);
  for (size_t i = 0; i < shape.n; ++i)
    std::copy_n(rows.data() + i * shape.n_features, shape.n_features, spread.data() + i * stride);
  const SignTable table{codes.data(), shape.n_features, shape.n_entries, shape.n_outputs};
  hypersketch::project_dense(rows.data(), shape.n, table, T{2}, expected.data(), 1);
  const DeviceArray<std::uint32_t> device_codes(codes);
  const DeviceArray<T> device_rows(spread), out(std::vector<T>(expected.size(), T{77}));
  project_dense(kPlace, device_rows.data(), shape.n, stride,
                {device_codes.data(), shape.n_features, shape.n_entries, shape.n_outputs}, T{2}, out.data());
  // == and not bytes: zeros of sums in another order may differ in their sign.
  check(out.values() == expected, "project_dense", shape.n, shape.n_outputs);
}

template <class T>
void test_order() {
  const Shape shape{8192, 70, 37, 3};
  const auto codes = make_codes(shape);
  auto rows = make_rows<T>(shape);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] *= T{1} / static_cast<T>(3 + i % 7);
  std::vector<T> expected(shape.n * shape.n_outputs);
  const SignTable table{codes.data(), shape.n_features, shape.n_entries, shape.n_outputs};
  hypersketch::project_dense(rows.data(), shape.n, table, T{0.3F}, expected.data(), 1);
  const DeviceArray<std::uint32_t> device_codes(codes);
  const DeviceArray<T> device_rows(rows), out(expected.size());
  project_dense(kPlace, device_rows.data(), shape.n, shape.n_features,
                {device_codes.data(), shape.n_features, shape.n_entries, shape.n_outputs}, T{0.3F}, out.data());
  check(same_bytes(out.values(), expected), "tiles sum in the order of the features");
}

template <class T, class Index>
struct Compressed {
  std::vector<Index> starts{0}, features;
  std::vector<T> values;
};

template <class T, class Index>
Compressed<T, Index> compress(const Shape& shape, const std::vector<T>& rows) {
  Compressed<T, Index> found;
  for (size_t i = 0; i < shape.n; ++i) {
    for (size_t j = 0; j < shape.n_features; ++j)
      if (const T value = rows[i * shape.n_features + j]; value != T{0}) {
        found.features.push_back(static_cast<Index>(j));
        found.values.push_back(value);
      }
    found.starts.push_back(static_cast<Index>(found.values.size()));
  }
  return found;
}

template <class T, class Index>
std::vector<T> project_compressed(const Shape& shape, const Compressed<T, Index>& rows) {
  const DeviceArray<std::uint32_t> codes(make_codes(shape));
  const DeviceArray<Index> starts(rows.starts), features(rows.features);
  const DeviceArray<T> values(rows.values), out(std::vector<T>(shape.n * shape.n_outputs, T{77}));
  const SignTable table{codes.data(), shape.n_features, shape.n_entries, shape.n_outputs};
  const CompressedRows<T, Index> view{starts.data(), features.data(), values.data(), shape.n, rows.values.size()};
  try {
    project_csr(kPlace, view, table, T{2}, out.data());
  } catch (const std::invalid_argument&) {
    for (const T value : out.values()) check(value == T{77}, "a refused call writes nothing", shape.n);
    throw;
  }
  return out.values();
}

template <class T, class Index>
void test_compressed(const Shape& shape) {
  const auto codes = make_codes(shape);
  const auto rows = make_rows<T>(shape);
  std::vector<T> expected(shape.n * shape.n_outputs);
  hypersketch::project_dense(rows.data(), shape.n, {codes.data(), shape.n_features, shape.n_entries, shape.n_outputs},
                             T{2}, expected.data(), 1);
  check(project_compressed(shape, compress<T, Index>(shape, rows)) == expected, "project_csr", shape.n,
        shape.n_outputs);
}

template <class Change>
void test_refusal(const char* expected, Change change) {
  const Shape shape{9, 20, 16, 2};
  auto rows = compress<float, std::int32_t>(shape, make_rows<float>(shape));
  change(rows);
  std::string_view said;
  std::string text;
  try {
    project_compressed(shape, rows);
  } catch (const std::invalid_argument& error) {
    text = error.what();
    said = text;
  }
  check(said == expected, expected);
}

void test_refusals() {
  test_refusal(kBrokenStarts, [](auto& rows) { rows.starts[3] = -1; });
  test_refusal(kBrokenStarts, [](auto& rows) { rows.starts[3] = rows.starts[5]; });
  test_refusal(kBrokenStarts, [](auto& rows) { rows.starts.back() += 1; });
  test_refusal(kBrokenFeatures, [](auto& rows) { rows.features[4] = -1; });
  test_refusal(kBrokenFeatures, [](auto& rows) { rows.features.back() = 20; });
}

template <class T>
void test_all() {
  for (const size_t n : {0, 1, 7, 16, 17, 32, 100})
    for (const size_t n_features : {0, 1, 31, 33, 100})
      for (const size_t n_outputs : {1, 8, 37, 64}) {
        const Shape shape{n, n_features, n_outputs, 1 + n_features % std::min<size_t>(n_outputs, 12)};
        test_dense<T>(shape, n % 3);
        test_compressed<T, std::int32_t>(shape);
        test_compressed<T, std::int64_t>(shape);
      }
  test_dense<T>({40, 300, 20, 9}, 0);    // more entries than warps
  test_dense<T>({2, 5000, 64, 4}, 1);    // parts of rows
  test_dense<T>({33, 5000, 64, 4}, 1);   // parts of tiles
  test_dense<T>({33, 200, 3000, 4}, 0);  // no room for tiles
  test_dense<T>({3, 200, 60000, 4}, 0);  // nor for a row
  test_compressed<T, std::int32_t>({1, 9000, 64, 4});
  test_compressed<T, std::int64_t>({3, 200, 60000, 4});
  test_order<T>();
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  cuda::test_all<float>();
  cuda::test_all<double>();
  cuda::test_refusals();
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
