// SPDX-License-Identifier: Apache-2.0
// Counting Bloom filters on the emulated GPU against those of the CPU, counter by counter.
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "../cpp/checks.hpp"
#include "device_arrays.hpp"
#include "hypersketch/counting_bloom.hpp"

namespace hypersketch::cuda {
namespace {

// Fewer different keys than keys; weights that saturate small counters now and then.
struct Batch {
  std::vector<uint64_t> hashes;
  std::vector<int64_t> weights;

  Batch(size_t n, uint64_t seed) : hashes(random_words(n, seed)), weights(n) {
    for (size_t i = 0; i < n; ++i) {
      weights[i] = static_cast<int64_t>(hashes[i] >> 60);
      hashes[i] = hashes[i] % 97 * 0x9E3779B97F4A7C15;
    }
  }
};

// The same counters here and on the device; an array of whole words, as the device's are.
template <class Cells>
class Pair {
 public:
  using Stored = typename Cells::Stored;

  Pair(uint64_t n_cells, size_t n_hashes)
      : params_{n_cells, n_hashes, 5}, words_((n_cells * kBits + 31) / 32), device_(words_) {}

  Cells cells() { return {reinterpret_cast<Stored*>(words_.data())}; }
  CountingFilter filter() const { return {device_.data(), params_.n_cells, kBits, params_.n_hashes, params_.seed}; }
  const CellParams& params() const { return params_; }
  const std::uint32_t* words() const { return device_.data(); }
  bool same() const { return device_.values() == words_; }

 private:
  static constexpr int kBits = Cells::kMost == 15 ? 4 : 8 * static_cast<int>(sizeof(Stored));
  CellParams params_;
  std::vector<std::uint32_t> words_;
  DeviceArray<std::uint32_t> device_;
};

template <class Cells>
void test_adding(Pair<Cells>& pair, const Batch& batch, bool weighted) {
  const size_t n = batch.hashes.size();
  const DeviceArray<uint64_t> keys(batch.hashes);
  const DeviceArray<int64_t> weights(batch.weights);
  const int64_t full =
      hypersketch::counting_add(pair.cells(), pair.params(), batch.hashes, weighted ? batch.weights.data() : nullptr);
  const uint64_t found =
      counting_add(kPlace, pair.filter(), {keys.data(), n, true}, weighted ? weights.data() : nullptr);
  check(pair.same(), "counting_add", pair.params().n_cells, n);
  check(found == static_cast<uint64_t>(full), "counters saturated", found, n);
}

// n - 1 keys of the batch once more, and one that is not there or is taken too often.
template <class Cells>
void test_removing(Pair<Cells>& pair, const Batch& batch) {
  auto hashes = batch.hashes;
  const auto refused = [&] {
    try {
      hypersketch::counting_remove(pair.cells(), pair.params(), hashes, batch.weights.data());
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  const DeviceArray<int64_t> weights(batch.weights);
  for (const size_t turn : {0, 1, 2, 3}) {
    if (turn % 2 == 1 && !hashes.empty()) hashes[hashes.size() / 2] ^= 1;
    const DeviceArray<uint64_t> keys(hashes);
    const bool taken = counting_take(kPlace, pair.filter(), {keys.data(), hashes.size(), true}, weights.data());
    check(taken != refused(), "refusals of counting_take", pair.params().n_cells, turn);
    check(pair.same(), "counting_take", pair.params().n_cells, turn);
  }
}

template <class Cells>
void test_asking(Pair<Cells>& pair, size_t n) {
  const Batch batch(n, 9);
  const DeviceArray<uint64_t> keys(batch.hashes);
  std::vector<int64_t> expected(n);
  hypersketch::counting_count(pair.cells(), pair.params(), batch.hashes, expected.data(), 1);
  const DeviceArray<int64_t> counts(n);
  counting_count(kPlace, pair.filter(), {keys.data(), n, true}, counts.data());
  check(counts.values() == expected, "counting_count", pair.params().n_cells, n);
  const DeviceArray<unsigned char> answers(n), bits((n + 7) / 8);
  counting_contains(kPlace, pair.filter(), {keys.data(), n, true}, reinterpret_cast<bool*>(answers.data()));
  counting_contains_packed(kPlace, pair.filter(), {keys.data(), n, true}, bits.data());
  const auto bytes = answers.values(), packed = bits.values();
  for (size_t i = 0; i < n; ++i) {
    check((bytes[i] != 0) == (expected[i] > 0), "counting_contains", i, n);
    check((packed[i / 8] >> i % 8 & 1) == (expected[i] > 0), "counting_contains_packed", i, n);
  }
}

template <class Cells>
void test_asking_and_adding(Pair<Cells>& pair, size_t n) {
  const Batch batch(n, 13);
  const DeviceArray<uint64_t> keys(batch.hashes);
  const DeviceArray<unsigned char> answers(n);
  const auto expected = std::make_unique<bool[]>(n);
  const int64_t full = hypersketch::counting_test_and_add(pair.cells(), pair.params(), batch.hashes, expected.get());
  const uint64_t found =
      counting_test_and_add(kPlace, pair.filter(), {keys.data(), n, true}, reinterpret_cast<bool*>(answers.data()));
  check(found == static_cast<uint64_t>(full), "counters saturated by test_and_add", found, n);
  check(pair.same(), "counting_test_and_add", pair.params().n_cells, n);
  const auto bytes = answers.values();
  for (size_t i = 0; i < n; ++i) check((bytes[i] != 0) == expected[i], "answers of test_and_add", i, n);
}

template <class Cells>
void test_two(Pair<Cells>& pair, Pair<Cells>& other) {
  const auto sums = hypersketch::counting_sums(pair.cells(), other.cells(), pair.params().n_cells);
  const CounterLook look = counting_look(kPlace, pair.filter(), other.words());
  check(look.occupied == sums.occupied && look.saturated == sums.saturated, "counting_look", look.occupied,
        look.saturated);
  const int64_t full = hypersketch::counting_merge(pair.cells(), other.cells(), pair.params().n_cells);
  const uint64_t found = counting_combine(kPlace, pair.filter(), other.words(), CounterChoice::kSum);
  check(found == static_cast<uint64_t>(full), "counters saturated by a sum", found);
  check(pair.same(), "counting_combine", pair.params().n_cells);
}

template <class Cells>
void test_filter(uint64_t n_cells, size_t n_hashes) {
  for (const size_t n : {0, 1, 31, 33, 1000}) {
    Pair<Cells> pair(n_cells, n_hashes), other(n_cells, n_hashes);
    const Batch batch(n, n);
    test_adding(pair, batch, true);
    test_adding(pair, batch, false);
    test_removing(pair, batch);
    test_asking(pair, n);
    test_asking_and_adding(pair, n);
    test_adding(other, Batch(500, 7), true);
    test_two(pair, other);
    test_two(pair, pair);
  }
}

template <class Cells>
void test_cells() {
  test_filter<Cells>(1, 1);
  test_filter<Cells>(7, 33);
  test_filter<Cells>(1001, 5);
  test_filter<Cells>(4096, 40);
}

}  // namespace
}  // namespace hypersketch::cuda

int main() {
  using namespace hypersketch;
  cuda::test_cells<HalfByteCells>();
  cuda::test_cells<WholeCells<std::uint8_t>>();
  cuda::test_cells<WholeCells<std::uint16_t>>();
  cuda::test_cells<WholeCells<std::uint32_t>>();
  std::printf("%zu checks, %zu failed\n", checks, failures);
  return checks != 0 && failures == 0 ? 0 : 1;
}
