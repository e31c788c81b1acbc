// SPDX-License-Identifier: Apache-2.0
// Codes of winners on the emulated GPU, against their definitions.
#include <algorithm>
#include <vector>

#include "../cpp/checks.hpp"
#include "codes.hpp"
#include "device_arrays.hpp"
#include "hypersketch/bits.hpp"

namespace hypersketch::cuda {
namespace {

using Integers = std::vector<int64_t>;

Integers below(size_t n, size_t most, uint64_t seed) {
  Integers made;
  for (const uint64_t word : random_words(n, seed)) made.push_back(static_cast<int64_t>(word % most));
  return made;
}

bool has(const std::vector<uint64_t>& rows, CodeShape shape, size_t row, size_t unit) {
  return (rows[row * words_for(shape.n_code()) + unit / 64] >> (unit % 64) & 1) != 0;
}

void test_counts(size_t n_rows, CodeShape shape) {
  const auto weights = random_words(n_rows * words_for(shape.n_code()), 1);
  const Integers starts{0, 0, 3, 4, 11}, indices = below(11, n_rows, 2);
  const DeviceArray<uint64_t> w(weights);
  const DeviceArray<int64_t> s(starts), i(indices);
  const size_t n = starts.size() - 1;
  const DeviceArray<int32_t> counts(n * shape.n_code());
  count_lists(kPlace, w.data(), shape, {s.data(), i.data()}, n, counts.data());
  const auto found = counts.values();
  for (size_t list = 0; list < n; ++list)
    for (size_t unit = 0; unit < shape.n_code(); ++unit) {
      int32_t expected = 0;
      for (auto at = static_cast<size_t>(starts[list]); at < static_cast<size_t>(starts[list + 1]); ++at)
        expected += has(weights, shape, static_cast<size_t>(indices[at]), unit);
      check(found[list * shape.n_code() + unit] == expected, "counts of lists");
    }
}

// The unit of the largest support, by the definition.
size_t best_of(const std::vector<double>& supports, CodeShape shape, size_t module) {
  const auto first = supports.begin() + static_cast<std::ptrdiff_t>(module * shape.n_units);
  return static_cast<size_t>(std::max_element(first, first + static_cast<std::ptrdiff_t>(shape.n_units)) - first);
}

void test_following(CodeShape shape) {
  const size_t n = 5, n_code = shape.n_code();
  const auto context = random_words(n_code * words_for(n_code), 3);
  std::vector<int32_t> counts;
  for (const int64_t count : below(n * n_code, 4, 4)) counts.push_back(static_cast<int32_t>(count));
  const Integers numbers{3, 4, 5, 6, 7};
  const bool begins[n] = {true, false, false, true, false};
  const DeviceArray<uint64_t> w(context);
  const DeviceArray<int32_t> c(counts);
  const DeviceArray<int64_t> m(numbers), codes(n * shape.n_modules);
  const DeviceArray<double> largest(n * shape.n_modules);
  follow_codes(kPlace, {c.data(), m.data(), nullptr}, w.data(), shape, begins, nullptr, n, codes.data(),
               largest.data());
  const auto found = codes.values();
  const auto top = largest.values();
  for (size_t item = 0; item < n; ++item) {
    std::vector<double> supports;
    for (size_t unit = 0; unit < n_code; ++unit) {
      supports.push_back(counts[item * n_code + unit] / static_cast<double>(numbers[item]));
      if (begins[item]) continue;
      int32_t expected = 0;
      for (size_t q = 0; q < shape.n_modules; ++q) {
        const auto winner = static_cast<size_t>(found[(item - 1) * shape.n_modules + q]);
        expected += has(context, shape, q * shape.n_units + winner, unit);
      }
      supports.back() *= expected / static_cast<double>(shape.n_modules);
    }
    for (size_t q = 0; q < shape.n_modules; ++q) {
      const size_t best = best_of(supports, shape, q), at = item * shape.n_modules + q;
      check(static_cast<size_t>(found[at]) == best, "best unit");
      check(top[at] == supports[q * shape.n_units + best], "largest support");
    }
  }
}

void test_learning(size_t n_rows, CodeShape shape) {
  const size_t n_words = words_for(shape.n_code());
  const Integers rows{1, static_cast<int64_t>(n_rows) - 1}, code = below(shape.n_modules, shape.n_units, 5);
  std::vector<uint64_t> expected(n_rows * n_words);
  for (const int64_t row : rows)
    for (size_t q = 0; q < shape.n_modules; ++q) {
      const size_t place = q * shape.n_units + static_cast<size_t>(code[q]);
      expected[static_cast<size_t>(row) * n_words + place / 64] |= uint64_t{1} << (place % 64);
    }
  const DeviceArray<uint64_t> w(std::vector<uint64_t>(n_rows * n_words));
  const DeviceArray<int64_t> r(rows), c(code);
  set_code(kPlace, w.data(), shape, r.data(), rows.size(), c.data());
  check(w.values() == expected, "bits of a code");
  const DeviceArray<unsigned char> out(n_rows);
  connected_rows(kPlace, w.data(), n_rows, shape, c.data(), 1, reinterpret_cast<bool*>(out.data()));
  const auto found = out.values();
  for (size_t row = 0; row < n_rows; ++row)
    check((found[row] != 0) == (row == 1 || row == n_rows - 1), "connected with all winners");
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  using namespace hypersketch::cuda;
  for (const CodeShape shape : {CodeShape{1, 1}, CodeShape{7, 9}, CodeShape{33, 31}, CodeShape{3, 64}}) {
    test_counts(40, shape);
    test_following(shape);
    test_learning(40, shape);
  }
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
