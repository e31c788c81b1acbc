// SPDX-License-Identifier: Apache-2.0
// The GPU half's hashes and Bloom filters against the CPU's, byte for byte.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cpp/checks.hpp"
#include "hypersketch/bloom.hpp"
#include "hypersketch/bloom_blocks.hpp"
#include "launch.hpp"

namespace hypersketch {
namespace {

using cuda::BloomFilter;
using cuda::BloomLayout;

constexpr cuda::Place kPlace{0, 0};

// An array on the device.
template <class T>
class OnGpu {
 public:
  explicit OnGpu(size_t n) : n_(n) {
    void* data = nullptr;
    if (cudaMalloc(&data, std::max<size_t>(n * sizeof(T), 1)) != cudaSuccess) std::abort();
    data_ = static_cast<T*>(data);
  }
  explicit OnGpu(std::span<const T> from) : OnGpu(from.size()) {
    if (cudaMemcpy(data_, from.data(), from.size_bytes(), cudaMemcpyHostToDevice) != cudaSuccess) std::abort();
  }
  OnGpu(const OnGpu&) = delete;
  OnGpu& operator=(const OnGpu&) = delete;
  ~OnGpu() { cudaFree(data_); }

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> host(n_);
    if (cudaMemcpy(host.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost) != cudaSuccess) std::abort();
    return host;
  }

 private:
  size_t n_;
  T* data_ = nullptr;
};

using Words = OnGpu<uint64_t>;
using Flags = OnGpu<unsigned char>;  // of bools

bool* bools(const Flags& flags) { return reinterpret_cast<bool*>(flags.data()); }

struct Case {
  BloomLayout layout;
  uint64_t n_bits;
  size_t n_hashes;
  uint64_t seed;
  bool hashed;

  size_t n_words() const { return words_for(n_bits); }
  BloomFilter on(const Words& words) const { return {words.data(), n_bits, n_hashes, seed, layout}; }
  bool is_classic() const { return layout == BloomLayout::kClassic; }
  BlockFilter blocks(std::span<uint64_t> words) const {
    const bool is_split = layout == BloomLayout::kSplitBlock;
    return {is_split ? BlockLayout::kSplitBlock : BlockLayout::kCacheLine, words, n_hashes, seed};
  }
  CellParams cells() const { return {n_bits, n_hashes, seed}; }
  std::vector<uint64_t> hashes(const std::vector<uint64_t>& keys) const {
    std::vector<uint64_t> made(keys);
    for (size_t i = 0; !hashed && i < keys.size(); ++i) made[i] = xxh64_integer(keys[i], 0);
    return made;
  }
};

// The CPU's answers.
void add(const Case& c, std::vector<uint64_t>& state, const std::vector<uint64_t>& keys) {
  if (c.is_classic())
    bloom_add(state, c.cells(), c.hashes(keys), 1);
  else
    blocks_add(c.blocks(state), {keys, c.hashed}, 1);
}

std::vector<unsigned char> contains(const Case& c, std::vector<uint64_t>& state, const std::vector<uint64_t>& keys) {
  std::vector<unsigned char> out(keys.size());
  auto* const answers = reinterpret_cast<bool*>(out.data());
  if (c.is_classic())
    bloom_contains(state, c.cells(), c.hashes(keys), answers, 1);
  else
    blocks_contains(c.blocks(state), {keys, c.hashed}, answers, 1);
  return out;
}

std::vector<unsigned char> test_and_add(const Case& c, std::vector<uint64_t>& state,
                                        const std::vector<uint64_t>& keys) {
  std::vector<unsigned char> out(keys.size());
  auto* const answers = reinterpret_cast<bool*>(out.data());
  if (c.is_classic())
    bloom_test_and_add(state, c.cells(), c.hashes(keys), answers);
  else
    blocks_test_and_add(c.blocks(state), {keys, c.hashed}, answers, 1);
  return out;
}

std::vector<unsigned char> packed(const std::vector<unsigned char>& answers) {
  std::vector<unsigned char> bits((answers.size() + 7) / 8);
  for (size_t i = 0; i < answers.size(); ++i)
    bits[i / 8] = static_cast<unsigned char>(bits[i / 8] | answers[i] << (i % 8));
  return bits;
}

void check_filter(const Case& c, std::vector<uint64_t> keys) {
  const size_t n = keys.size(), label = static_cast<size_t>(c.layout) * 100 + c.n_hashes;
  std::vector<uint64_t> state(c.n_words());
  const Words on_gpu(state), keys_on_gpu(keys);
  const cuda::Keys batch{keys_on_gpu.data(), n, c.hashed};
  add(c, state, keys);
  cuda::bloom_add(kPlace, c.on(on_gpu), batch);
  check(on_gpu.read() == state, "bloom_add", label, n);

  for (size_t i = 0; i < n; i += 2) keys[i] = mix64(keys[i]);  // mostly absent
  const Words asked(keys);
  const auto expected = contains(c, state, keys);
  const Flags answers(n), bits((n + 7) / 8);
  cuda::bloom_contains(kPlace, c.on(on_gpu), {asked.data(), n, c.hashed}, bools(answers));
  check(answers.read() == expected, "bloom_contains", label, n);
  cuda::bloom_contains_packed(kPlace, c.on(on_gpu), {asked.data(), n, c.hashed}, bits.data());
  check(bits.read() == packed(expected), "bloom_contains_packed", label, n);
}

void check_test_and_add(const Case& c, const std::vector<uint64_t>& keys) {
  const size_t n = keys.size(), label = static_cast<size_t>(c.layout) * 100 + c.n_hashes;
  std::vector<uint64_t> state(c.n_words());
  add(c, state, random_words(n / 20, 77));
  const Words on_gpu(state), keys_on_gpu(keys);
  const auto expected = test_and_add(c, state, keys);
  const Flags answers(n);
  const uint64_t fresh =
      cuda::bloom_test_and_add(kPlace, c.on(on_gpu), {keys_on_gpu.data(), n, c.hashed}, bools(answers));
  check(on_gpu.read() == state, "bloom_test_and_add, bits", label, n);
  check(answers.read() == expected, "bloom_test_and_add, answers", label, n);
  check(fresh == static_cast<uint64_t>(std::count(expected.begin(), expected.end(), 0)), "fresh keys", label, n);
}

// Some keys twice, and with `skew` most of them the same few.
std::vector<uint64_t> keys_of(size_t n, uint64_t seed, size_t skew) {
  auto keys = random_words(n, seed);
  for (size_t i = 3; i < n; i += 7) keys[i] = keys[i / 2];
  for (size_t i = 1; skew != 0 && i < n; ++i)
    if (i % 16 != 0) keys[i] = keys[i % skew];
  return keys;
}

std::vector<Case> cases(uint64_t n_blocks, uint64_t seed) {
  std::vector<Case> made{{BloomLayout::kSplitBlock, 256 * n_blocks, 8, seed, true},
                         {BloomLayout::kSplitBlock, 256 * n_blocks, 8, seed, false},
                         {BloomLayout::kClassic, 200 * n_blocks + 1, 7, seed, true},
                         {BloomLayout::kClassic, 64 * n_blocks, 1, seed, false}};
  for (const size_t k : {1, 5, 8, 9, 16})
    made.push_back({BloomLayout::kCacheLine, 512 * n_blocks, k, seed, k % 2 == 0});
  return made;
}

void test_filters() {
  for (const size_t n : {0, 1, 31, 32, 33, 1000})
    for (const uint64_t n_blocks : {1, 3, 64})
      for (const Case& c : cases(n_blocks, n % 2)) {
        check_filter(c, keys_of(n, n + 1, 0));
        check_test_and_add(c, keys_of(n, n + 2, 0));
        check_test_and_add(c, keys_of(n, n + 3, 3));
      }
  for (const Case& c : cases(700, 0)) {
    check_filter(c, keys_of(20'003, 8, 0));
    check_test_and_add(c, keys_of(20'003, 9, 0));
    check_test_and_add(c, keys_of(20'003, 9, 2));  // runs for a whole block of threads
  }
}

// Beyond the cache, with enough keys to go slice after slice, and with too little memory for all of them at once.
void test_large_filters() {
  const uint64_t n_blocks = 36'900;
  const size_t n = 4 * n_blocks + 3;
  for (const Case& c : {Case{BloomLayout::kSplitBlock, 256 * n_blocks, 8, 0, true},
                        Case{BloomLayout::kCacheLine, 512 * n_blocks, 11, 3, false}}) {
    check_filter(c, keys_of(n, 8, 0));
    check_filter(c, keys_of(10'003, 8, 0));
    setenv("CUDA_ON_CPU_MEMORY", std::to_string(c.n_bits / 8 + 20 * n).c_str(), 1);
    check_filter(c, keys_of(n, 8, 0));
    check_test_and_add(c, keys_of(n, 9, 0));
    unsetenv("CUDA_ON_CPU_MEMORY");
  }
}

void test_words() {
  for (const size_t n : {0, 1, 2, 3, 255, 70'001})
    for (const size_t shift : {0, 1}) {  // a word off the alignment of wide loads
      auto a = random_words(n + 1, 1), b = random_words(n + 1, 2);
      const Words on_gpu(a), other(b);
      uint64_t *const x = on_gpu.data() + shift, *const y = other.data();
      const std::span<uint64_t> part(a.data() + shift, n), others(b.data(), n);
      check(cuda::popcount(kPlace, x, n) == popcount(part), "popcount", n);
      check(cuda::popcount_or(kPlace, x, y, n) == popcount_or(part, others), "popcount_or", n);
      cuda::unite(kPlace, x, y, n);
      for (size_t i = 0; i < n; ++i) part[i] |= others[i];
      check(on_gpu.read() == a, "unite", n);
      others[n / 2 < n ? n / 2 : 0] = 0x123456789ABCDEFULL;
      const Words changed(b);
      cuda::intersect(kPlace, x, changed.data(), n);
      for (size_t i = 0; i < n; ++i) part[i] &= others[i];
      check(on_gpu.read() == a, "intersect", n);
    }
}

std::vector<unsigned char> random_bytes(size_t n) {
  std::vector<unsigned char> bytes;
  for (const uint64_t word : random_words(n, n)) bytes.push_back(static_cast<unsigned char>(word));
  return bytes;
}

template <class T>
void test_integers(size_t n, std::ptrdiff_t step, size_t offset) {
  const auto bytes = random_bytes(offset + n * static_cast<size_t>(std::abs(step)) + sizeof(T));
  const OnGpu<unsigned char> on_gpu(bytes);
  const Words out(n);
  const size_t start = offset + (step < 0 ? (n - 1) * static_cast<size_t>(-step) : 0);
  cuda::hash_integers(kPlace, {on_gpu.data() + start, n, step, sizeof(T), std::is_signed_v<T>}, 3, out.data());
  std::vector<uint64_t> expected(n);
  for (size_t i = 0; i < n; ++i) {
    T key;
    std::memcpy(&key, bytes.data() + static_cast<std::ptrdiff_t>(start) + static_cast<std::ptrdiff_t>(i) * step,
                sizeof key);
    expected[i] = xxh64_integer(static_cast<uint64_t>(static_cast<std::int64_t>(key)), 3);
  }
  check(out.read() == expected, "hash_integers", sizeof(T), n);
}

template <class... T>
void test_all_integers() {
  for (const size_t n : {1, 2, 513, 1000}) {
    (test_integers<T>(n, sizeof(T), 0), ...);
    (test_integers<T>(n, 3 * sizeof(T), sizeof(T)), ...);
    (test_integers<T>(n, -static_cast<std::ptrdiff_t>(sizeof(T)), 0), ...);
    (test_integers<T>(n, 11, 1), ...);
    (test_integers<T>(n, 0, 0), ...);
  }
}

// Strings of up to `longest` bytes, the first of them `before` bytes from the start of their array.
template <class Offset>
void test_strings(size_t n, size_t longest, size_t before, bool is_one_long = false) {
  std::vector<Offset> offsets{static_cast<Offset>(before)};
  const auto sizes = random_words(n, longest);
  for (size_t i = 0; i < n; ++i)
    offsets.push_back(offsets.back() +
                      static_cast<Offset>(is_one_long && i == n / 2 ? 40'000 : sizes[i] % (longest + 1)));
  const auto bytes = random_bytes(static_cast<size_t>(offsets.back()));
  const OnGpu<Offset> offsets_on_gpu(offsets);
  const OnGpu<unsigned char> bytes_on_gpu(bytes);
  const Words out(n);
  cuda::hash_strings<Offset>(kPlace, {offsets_on_gpu.data(), bytes_on_gpu.data(), bytes.size(), n}, 5, out.data());
  std::vector<uint64_t> expected(n);
  for (size_t i = 0; i < n; ++i)
    expected[i] = xxh64_bytes(bytes.data() + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]), 5);
  check(out.read() == expected, "hash_strings", n, longest);
}

template <class Offset>
void test_broken_strings(std::vector<Offset> offsets) {
  const OnGpu<Offset> offsets_on_gpu(offsets);
  const OnGpu<unsigned char> bytes(size_t{10});
  const Words out(offsets.size() - 1);
  bool refused = false;
  try {
    cuda::hash_strings<Offset>(kPlace, {offsets_on_gpu.data(), bytes.data(), 10, offsets.size() - 1}, 0, out.data());
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check(refused, "broken offsets", offsets.size());
}

template <class Offset>
void test_all_strings() {
  for (const size_t n : {0, 1, 255, 257, 1000})
    for (const size_t longest : {0, 3, 33, 100, 300}) test_strings<Offset>(n, longest, n % 19);
  test_strings<Offset>(600, 40, 5, true);
  test_broken_strings<Offset>({-1, 3});
  test_broken_strings<Offset>({0, 5, 4, 9});
  test_broken_strings<Offset>({0, 5, 11});
}

void run_all() {
  test_all_integers<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t,
                    uint64_t>();
  test_all_strings<std::int32_t>();
  test_all_strings<std::int64_t>();
  test_words();
  test_filters();
  test_large_filters();
}

}  // namespace
}  // namespace hypersketch

int main() {
  for (const char* reversed : {"0", "1"}) {
    setenv("CUDA_ON_CPU_REVERSED", reversed, 1);
    hypersketch::run_all();
  }
  std::printf("%zu checks, %zu failed\n", hypersketch::checks, hypersketch::failures);
  return hypersketch::failures == 0 ? 0 : 1;
}
