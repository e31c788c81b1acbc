// SPDX-License-Identifier: Apache-2.0
// XXH64, written from the specification published with xxHash (doc/xxhash_spec.md, version 0.1.1).
// An integer key is its eight little-endian bytes, a string key its UTF-8 bytes.
#pragma once

#include <cstring>

#include "hypersketch/bits.hpp"

namespace hypersketch {

inline constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87ULL;
inline constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4FULL;
inline constexpr uint64_t kPrime3 = 0x165667B19E3779F9ULL;
inline constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63ULL;
inline constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5ULL;

// `Word` is uint64_t or a vector of them: one definition for scalar and SIMD code.
template <class Word>
HYPERSKETCH_HD Word xxh64_rotate(Word x, int r) {
  return (x << r) | (x >> (64 - r));
}

template <class Word>
HYPERSKETCH_HD Word xxh64_round(Word accumulator, Word lane) {
  return xxh64_rotate(accumulator + lane * kPrime2, 31) * kPrime1;
}

template <class Word>
HYPERSKETCH_HD Word xxh64_avalanche(Word h) {
  h = (h ^ (h >> 33)) * kPrime2;
  h = (h ^ (h >> 29)) * kPrime3;
  return h ^ (h >> 32);
}

template <class Word>
HYPERSKETCH_HD Word xxh64_absorb8(Word h, Word lane) {
  return xxh64_rotate(h ^ xxh64_round(Word{}, lane), 27) * kPrime1 + kPrime4;
}

// XXH64 of the eight little-endian bytes of an integer.
template <class Word>
HYPERSKETCH_HD Word xxh64_integer(Word key, uint64_t seed) {
  const Word start = Word{} + (seed + kPrime5 + 8);
  return xxh64_avalanche(xxh64_absorb8(start, key));
}

// Copies byte by byte on the GPU, where a load must be aligned.
HYPERSKETCH_HD uint64_t load_u64(const unsigned char* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

HYPERSKETCH_HD uint64_t load_u32(const unsigned char* p) {
  std::uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

HYPERSKETCH_HD uint64_t xxh64_merge(uint64_t h, uint64_t lane) {
  return (h ^ xxh64_round(uint64_t{0}, lane)) * kPrime1 + kPrime4;
}

// What the four running lanes of an input of 32 bytes and more start with.
struct StripeLanes {
  uint64_t a, b, c, d;
};

HYPERSKETCH_HD StripeLanes xxh64_start_lanes(uint64_t seed) {
  return {seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1};
}

HYPERSKETCH_HD uint64_t xxh64_join_lanes(StripeLanes lanes) {
  const auto [a, b, c, d] = lanes;
  const uint64_t h = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
  return xxh64_merge(xxh64_merge(xxh64_merge(xxh64_merge(h, a), b), c), d);
}

// The lanes over whole stripes of 32 bytes; moves `p` past them. `Pointer` is a pointer to bytes, or the GPU's own kind
// of one that has its own load_u64 and load_u32.
template <class Pointer>
HYPERSKETCH_HD uint64_t xxh64_stripes(Pointer& p, Pointer end, uint64_t seed) {
  auto [a, b, c, d] = xxh64_start_lanes(seed);
  for (; end - p >= 32; p += 32) {
    a = xxh64_round(a, load_u64(p));
    b = xxh64_round(b, load_u64(p + 8));
    c = xxh64_round(c, load_u64(p + 16));
    d = xxh64_round(d, load_u64(p + 24));
  }
  return xxh64_join_lanes({a, b, c, d});
}

// The bytes behind the last stripe; `h` has the size of the whole in it.
template <class Pointer>
HYPERSKETCH_HD uint64_t xxh64_finish(uint64_t h, Pointer p, Pointer end) {
  for (; end - p >= 8; p += 8) h = xxh64_absorb8(h, load_u64(p));
  if (end - p >= 4) {
    h = rotate_left(h ^ (load_u32(p) * kPrime1), 23) * kPrime2 + kPrime3;
    p += 4;
  }
  for (; p != end; ++p) h = rotate_left(h ^ (*p * kPrime5), 11) * kPrime1;
  return xxh64_avalanche(h);
}

template <class Pointer>
HYPERSKETCH_HD uint64_t xxh64_from(Pointer p, size_t size, uint64_t seed) {
  const Pointer end = p + size;
  const uint64_t h = size >= 32 ? xxh64_stripes(p, end, seed) : seed + kPrime5;
  return xxh64_finish(h + size, p, end);
}

HYPERSKETCH_HD uint64_t xxh64_bytes(const unsigned char* p, size_t size, uint64_t seed) {
  return xxh64_from(p, size, seed);
}

}  // namespace hypersketch
