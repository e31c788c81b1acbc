// SPDX-License-Identifier: Apache-2.0
// Hashes of integers and strings.
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {
namespace {

void test_hash_vectors() {
  // Published with xxHash (xxhash_spec and the reference implementation's self test) and from the definition.
  check(xxh64_bytes(nullptr, 0, 0) == 0xEF46DB3751D8E999ULL, "xxh64 of nothing");
  const std::string_view abc = "abc";
  check(xxh64_bytes(reinterpret_cast<const unsigned char*>(abc.data()), 3, 0) == 0x44BC2CF5AD770999ULL, "xxh64 of abc");
  for (const size_t n : {0, 1, 3, 7, 8, 9, 64, 65}) {
    const auto keys = random_words(n, n + 1);
    std::vector<uint64_t> out(n);
    kernels().hash_u64(keys.data(), n, 7, out.data());
    for (size_t i = 0; i < n; ++i)
      check(out[i] == xxh64_bytes(reinterpret_cast<const unsigned char*>(&keys[i]), 8, 7), "hash_u64", n, i);
  }
}

// Strings of every length up to 100 bytes, each in memory of its own that ends where the string ends.
void test_hash_strings() {
  std::vector<std::vector<unsigned char>> strings;
  for (size_t i = 0; i < 303; ++i) {
    strings.emplace_back((i * 37) % 101);
    for (size_t b = 0; b < strings[i].size(); ++b) strings[i][b] = static_cast<unsigned char>(i * 31 + b * 7);
  }
  std::vector<const unsigned char*> pointers;
  std::vector<size_t> sizes;
  for (const auto& bytes : strings) pointers.push_back(bytes.data()), sizes.push_back(bytes.size());
  std::vector<uint64_t> out(strings.size());
  kernels().hash_strings(pointers.data(), sizes.data(), out.size(), 11, out.data());
  for (size_t i = 0; i < out.size(); ++i)
    check(out[i] == xxh64_bytes(pointers[i], sizes[i], 11), "hash_strings", i, sizes[i]);
}

void test_multiply_high() {
  for (const uint64_t x : random_words(100, 1))
    for (const uint64_t y : {uint64_t{1}, uint64_t{1000}, uint64_t{1} << 32, ~uint64_t{0}, x})
      check(multiply_high(x, y) == static_cast<uint64_t>((static_cast<unsigned __int128>(x) * y) >> 64),
            "multiply_high");
}

}  // namespace

void run_hash_tests() {
  test_hash_vectors();
  test_hash_strings();
  test_multiply_high();
}

}  // namespace hypersketch
