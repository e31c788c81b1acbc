// SPDX-License-Identifier: Apache-2.0
// Counting, rotating and masking bits of packed words.
#pragma once

#include "hypersketch/config.hpp"

namespace hypersketch {

HYPERSKETCH_HD constexpr uint64_t rotate_left(uint64_t x, int r) { return (x << r) | (x >> (64 - r)); }

HYPERSKETCH_HD constexpr uint64_t words_for(uint64_t bits) { return (bits + kWordBits - 1) / kWordBits; }

// Ones in the bits of the last word that belong to a vector of `bits` bits.
HYPERSKETCH_HD constexpr uint64_t tail_mask(uint64_t bits) {
  const uint64_t used = bits % kWordBits;
  return used == 0 ? ~uint64_t{0} : (uint64_t{1} << used) - 1;
}

// Without a popcount instruction the compiler would call a table routine; this stays in registers.
HYPERSKETCH_HD uint64_t count_ones(uint64_t x) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint64_t>(__popcll(x));
#elif defined(__POPCNT__) || defined(__aarch64__)
  return static_cast<uint64_t>(__builtin_popcountll(x));
#else
  x -= (x >> 1) & 0x5555555555555555ULL;
  x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
  x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0FULL;
  return (x * 0x0101010101010101ULL) >> 56;
#endif
}

// The upper 64 bits of the 128-bit product: maps a uniform word onto [0, range) without division.
// Written in 32-bit halves so that the same lines serve scalar and vector code; the GPU has a function for it.
template <class Word>
HYPERSKETCH_HD Word multiply_high(Word x, Word y) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(x, y);
#else
  const Word low_half = Word{} + 0xFFFFFFFFULL;
  const Word x_low = x & low_half, x_high = x >> 32;
  const Word y_low = y & low_half, y_high = y >> 32;
  const Word middle = x_high * y_low + ((x_low * y_low) >> 32);
  const Word carry = x_low * y_high + (middle & low_half);
  return x_high * y_high + (middle >> 32) + (carry >> 32);
#endif
}

}  // namespace hypersketch
