// SPDX-License-Identifier: Apache-2.0
// Sketches on the emulated GPU against those of the CPU: integers bit for bit, floats where sums are exact, and
// otherwise within their rounding.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/count_sketch.hpp"
#include "hypersketch/count_stream.hpp"

namespace hypersketch::cuda {
namespace {

enum class KeyKind { kUniform, kSkewed, kOne };

std::vector<uint64_t> make_keys(size_t n, KeyKind kind, uint64_t seed) {
  auto keys = random_words(n, seed);
  for (auto& key : keys) {
    if (kind == KeyKind::kSkewed) key = static_cast<uint64_t>(std::pow(static_cast<double>(key >> 11) * 0x1p-53, -2.0));
    if (kind == KeyKind::kOne) key = 5;
  }
  return keys;
}

template <class Cell>
std::vector<Weight<Cell>> make_weights(size_t n, bool whole) {
  const auto words = random_words(n, 77);
  std::vector<Weight<Cell>> weights(n);
  for (size_t i = 0; i < n; ++i) {
    const auto small = static_cast<int64_t>(words[i] % 41) - 20;
    weights[i] = static_cast<Weight<Cell>>(small);
    if (!whole) weights[i] += static_cast<Weight<Cell>>(static_cast<double>(words[i] >> 11) * 0x1p-53);
  }
  return weights;
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

struct Case {
  RowParams params;
  size_t n;
  KeyKind kind;
  bool hashed;
  bool weighted;
};

template <class Cell, class Out>
void test_estimates(const Case& c, const std::vector<Cell>& cells, const std::vector<uint64_t>& keys) {
  std::vector<Out> expected(keys.size());
  hypersketch::sketch_estimate(std::span<const Cell>(cells), c.params, KeyBatch{keys, c.hashed}, expected.data(), 1);
  const DeviceArray<Cell> device_cells(cells);
  const DeviceArray<uint64_t> device_keys(keys);
  const DeviceArray<Out> out(keys.size());
  sketch_estimate(kPlace, device_cells.data(), c.params, {device_keys.data(), keys.size(), c.hashed}, out.data());
  check(same_bytes(out.values(), expected), "sketch_estimate", c.params.depth, c.params.width);
}

template <class Cell>
void compare(const Case& c, const std::vector<Cell>& cells, const std::vector<Cell>& expected, double largest) {
  if (std::is_integral_v<Cell> || largest == 0)
    return check(same_bytes(cells, expected), "sketch_add", c.params.depth, c.params.width);
  bool close = true;
  const double bound = static_cast<double>(c.n) * largest * std::numeric_limits<Cell>::epsilon();
  for (size_t i = 0; i < cells.size(); ++i)
    close = close && std::abs(static_cast<double>(cells[i]) - static_cast<double>(expected[i])) <= bound;
  check(close, "sketch_add of reals", c.params.depth, c.params.width);
}

template <class Cell>
void test_sketch(const Case& c, bool whole = true) {
  const auto keys = make_keys(c.n, c.kind, 3);
  const auto weights = make_weights<Cell>(c.weighted ? c.n : 0, whole);
  std::vector<Cell> cells(c.params.width * c.params.depth);
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<Cell>(static_cast<int>(i * i % 11) - 5);
  const DeviceArray<Cell> device_cells(cells);
  const DeviceArray<uint64_t> device_keys(keys);
  const DeviceArray<Weight<Cell>> device_weights(weights);
  hypersketch::sketch_add(
      AddBatch<Cell>{cells, c.params, false, {keys, c.hashed}, c.weighted ? weights.data() : nullptr}, 1);
  sketch_add(kPlace, device_cells.data(), c.params, {device_keys.data(), c.n, c.hashed},
             c.weighted ? device_weights.data() : nullptr);
  compare(c, device_cells.values(), cells, whole ? 0 : 21);
  auto asked = keys;
  asked.resize(std::min<size_t>(asked.size(), 3001));
  if constexpr (std::is_integral_v<Cell>) test_estimates<Cell, int64_t>(c, cells, asked);
  test_estimates<Cell, double>(c, cells, asked);
}

template <class Cell>
void test_shapes() {
  size_t turn = 0;
  for (const size_t depth : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 64})
    for (const size_t width : {1, 2, 1000})
      for (const size_t n : {0, 1, 31, 33, 5000}) {
        const auto kind = static_cast<KeyKind>(turn % 3);
        test_sketch<Cell>({{width, depth, 9, turn % 2 == 0}, n, kind, turn % 5 < 2, turn % 7 < 4});
        ++turn;
      }
}

// Tables of one window, of some and of more than blocks have room for; both ways of adding.
template <class Cell>
void test_sizes(size_t n) {
  for (const KeyKind kind : {KeyKind::kUniform, KeyKind::kSkewed, KeyKind::kOne})
    for (const size_t width : {size_t{7}, size_t{1000}, size_t{1} << 16})
      for (const bool weighted : {false, true}) test_sketch<Cell>({{width, 5, 4, weighted}, n, kind, false, weighted});
  test_sketch<Cell>({{(size_t{1} << 20) + 1, 3, 4, true}, n, KeyKind::kUniform, true, true});
  test_sketch<Cell>({{300, 4, 4, true}, n, KeyKind::kSkewed, false, true}, std::is_integral_v<Cell>);
  test_sketch<Cell>({{1 << 17, 4, 4, true}, n, KeyKind::kSkewed, false, true}, std::is_integral_v<Cell>);
}

// Weights that leave 32 bits: only what is modulo 2^64, or 2^32, is defined.
void test_wide_weights() {
  const RowParams params{50, 3, 8, true};
  const size_t n = 20000;
  const auto keys = make_keys(n, KeyKind::kSkewed, 6), words = random_words(n, 8);
  std::vector<int64_t> weights(n);
  for (size_t i = 0; i < n; ++i) weights[i] = static_cast<int64_t>(words[i]);
  std::vector<uint64_t> expected(params.width * params.depth);
  for (size_t i = 0; i < n; ++i)
    for (size_t r = 0; r < params.depth; ++r) {
      const uint64_t start = stream_start(seed_word(params.seed, Purpose::kRow), xxh64_integer(keys[i], 0));
      const uint64_t word = random_word(start, r);
      expected[r * params.width + row_column(word, params.width)] += (word & 1) != 0 ? -words[i] : words[i];
    }
  const DeviceArray<uint64_t> device_keys(keys);
  const DeviceArray<int64_t> device_weights(weights), wide(std::vector<int64_t>(expected.size()));
  const DeviceArray<int32_t> narrow(std::vector<int32_t>(expected.size()));
  sketch_add(kPlace, wide.data(), params, {device_keys.data(), n, false}, device_weights.data());
  sketch_add(kPlace, narrow.data(), params, {device_keys.data(), n, false}, device_weights.data());
  const auto wides = wide.values();
  const auto narrows = narrow.values();
  for (size_t i = 0; i < expected.size(); ++i) {
    check(static_cast<uint64_t>(wides[i]) == expected[i], "sums modulo 2^64", i);
    check(static_cast<uint32_t>(narrows[i]) == static_cast<uint32_t>(expected[i]), "sums modulo 2^32", i);
  }
}

template <class Cell>
void test_cells(size_t n) {
  const auto words = random_words(2 * n, n);
  std::vector<Cell> a(n), b(n), sum(n), difference(n);
  for (size_t i = 0; i < n; ++i) {
    a[i] = static_cast<Cell>(static_cast<int>(words[i] % 2001) - 1000);
    b[i] = static_cast<Cell>(static_cast<int>(words[n + i] % 2001) - 1000);
    sum[i] = a[i] + b[i], difference[i] = a[i] - b[i];
  }
  const DeviceArray<Cell> first(a), second(b);
  const Extremes<Cell> range = extremes(kPlace, first.data(), n);
  check(range.least == *std::min_element(a.begin(), a.end()), "least cell", n);
  check(range.most == *std::max_element(a.begin(), a.end()), "most cell", n);
  add_cells(kPlace, first.data(), second.data(), n);
  check(same_bytes(first.values(), sum), "add_cells", n);
  subtract_cells(kPlace, first.data(), second.data(), n);
  check(same_bytes(first.values(), a), "subtract_cells back", n);
  subtract_cells(kPlace, first.data(), second.data(), n);
  check(same_bytes(first.values(), difference), "subtract_cells", n);
}

template <class Cell>
void test_all(size_t n) {
  test_shapes<Cell>();
  test_sizes<Cell>(n);
  for (const size_t size : {1, 255, 1024, 1025, 600000}) test_cells<Cell>(size);
}

}  // namespace
}  // namespace hypersketch::cuda

int main(int argc, char**) {
  using namespace hypersketch;
  const bool long_run = argc > 1;
  cuda::test_all<int32_t>(100003);
  cuda::test_all<int64_t>(100003);
  cuda::test_all<float>(30011);
  cuda::test_all<double>(30011);
  cuda::test_wide_weights();
  if (long_run)  // windows of the table that take turns in the cache
    for (const bool weighted : {false, true})
      cuda::test_sketch<int32_t>(
          {{size_t{3} << 17, 2, 4, true}, (size_t{1} << 20) + 33, cuda::KeyKind::kSkewed, false, weighted});
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
