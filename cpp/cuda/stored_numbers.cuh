// SPDX-License-Identifier: Apache-2.0
// Numbers of a store as tensor cores take them: bfloat16 pieces that add up to the number, cut off so that all but the
// last are exact. Three hold the 24 bits of any float; one holds a bfloat16, an int8 or a float8.
//
// Which number of a row is called the first of a tile product does not matter, so long as both sides agree. A lane
// takes four numbers of a pattern that lie side by side where patterns are columns (scores), and where they are what is
// summed over (states), two numbers of patterns t, t + 4, t + 8 and t + 12: the even ones make one tile, the odd ones
// another.
#pragma once

#include "tensor_core.cuh"

namespace hypersketch::cuda {

__device__ __forceinline__ float upper_half(float x) { return __uint_as_float(__float_as_uint(x) & 0xFFFF0000U); }

// The upper halves of two words, and the lower ones.
__device__ __forceinline__ unsigned upper_halves(unsigned a, unsigned b) { return __byte_perm(a, b, 0x7632); }
__device__ __forceinline__ unsigned lower_halves(unsigned a, unsigned b) { return __byte_perm(a, b, 0x5410); }

// Pieces of two numbers, a word each; a in the lower half.
template <unsigned kPieces>
__device__ __forceinline__ void split_pair(float a, float b, unsigned (&words)[kPieces]) {
#pragma unroll
  for (unsigned i = 0; i < kPieces; ++i) {
    if (i + 1 == kPieces) {
      words[i] = to_bfloats(a, b);
    } else {
      words[i] = upper_halves(__float_as_uint(a), __float_as_uint(b));
      a -= upper_half(a);
      b -= upper_half(b);
    }
  }
}

__host__ __device__ constexpr unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

struct StoredFloats {
  static constexpr StoredType kType = StoredType::kFloat32;
  static constexpr unsigned kBytes = 4, kMostPieces = 3;

  static __device__ __forceinline__ float number(const unsigned char* at) {
    return *reinterpret_cast<const float*>(at);
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void four(const unsigned char* at, unsigned (&words)[kPieces][2]) {
    const float4 x = *reinterpret_cast<const float4*>(at);
    unsigned low[kPieces], high[kPieces];
    split_pair(x.x, x.y, low);
    split_pair(x.z, x.w, high);
#pragma unroll
    for (unsigned i = 0; i < kPieces; ++i) words[i][0] = low[i], words[i][1] = high[i];
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void columns(const unsigned char* at, size_t four_rows,
                                                 unsigned (&even)[kPieces][2], unsigned (&odd)[kPieces][2]) {
#pragma unroll
    for (unsigned half = 0; half < 2; ++half) {
      const float2 x = *reinterpret_cast<const float2*>(at + 2 * half * four_rows);
      const float2 y = *reinterpret_cast<const float2*>(at + (2 * half + 1) * four_rows);
      unsigned first[kPieces], second[kPieces];
      split_pair(x.x, y.x, first);
      split_pair(x.y, y.y, second);
#pragma unroll
      for (unsigned i = 0; i < kPieces; ++i) even[i][half] = first[i], odd[i][half] = second[i];
    }
  }
};

struct StoredBfloats {
  static constexpr StoredType kType = StoredType::kBfloat16;
  static constexpr unsigned kBytes = 2, kMostPieces = 1;

  static __device__ __forceinline__ float number(const unsigned char* at) {
    return __uint_as_float(static_cast<unsigned>(*reinterpret_cast<const unsigned short*>(at)) << 16);
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void four(const unsigned char* at, unsigned (&words)[kPieces][2]) {
    const uint2 x = *reinterpret_cast<const uint2*>(at);
    words[0][0] = x.x, words[0][1] = x.y;
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void columns(const unsigned char* at, size_t four_rows,
                                                 unsigned (&even)[kPieces][2], unsigned (&odd)[kPieces][2]) {
#pragma unroll
    for (unsigned half = 0; half < 2; ++half) {
      const unsigned x = *reinterpret_cast<const unsigned*>(at + 2 * half * four_rows);
      const unsigned y = *reinterpret_cast<const unsigned*>(at + (2 * half + 1) * four_rows);
      even[0][half] = lower_halves(x, y), odd[0][half] = upper_halves(x, y);
    }
  }
};

// Numbers of a byte, which bfloat16 holds; `Widen` makes floats of them.
template <class Widen>
struct StoredInBytes {
  static constexpr unsigned kBytes = 1, kMostPieces = 1;

  static __device__ __forceinline__ float number(const unsigned char* at) { return Widen::widened(*at); }

  static __device__ __forceinline__ unsigned pair(unsigned low, unsigned high) {  // exact: 8 bits each at most
    return upper_halves(__float_as_uint(Widen::widened(low & 0xFFU)), __float_as_uint(Widen::widened(high & 0xFFU)));
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void four(const unsigned char* at, unsigned (&words)[kPieces][2]) {
    const unsigned x = *reinterpret_cast<const unsigned*>(at);
    words[0][0] = pair(x, x >> 8), words[0][1] = pair(x >> 16, x >> 24);
  }

  template <unsigned kPieces>
  static __device__ __forceinline__ void columns(const unsigned char* at, size_t four_rows,
                                                 unsigned (&even)[kPieces][2], unsigned (&odd)[kPieces][2]) {
#pragma unroll
    for (unsigned half = 0; half < 2; ++half) {
      const unsigned x = *reinterpret_cast<const unsigned short*>(at + 2 * half * four_rows);
      const unsigned y = *reinterpret_cast<const unsigned short*>(at + (2 * half + 1) * four_rows);
      even[0][half] = pair(x, y), odd[0][half] = pair(x >> 8, y >> 8);
    }
  }
};

struct WholeByte {
  // 2^23 + 128 + x has x in its last digits: no conversion, of which a processor does few a clock.
  static __device__ __forceinline__ float widened(unsigned byte) {
    return __uint_as_float(0x4B000000U | (byte ^ 0x80U)) - 8388736.0F;
  }
};

struct FloatByte {
  // A float's exponent has a bias of 127 for 7; what is subnormal in 8 bits is so there.
  static __device__ __forceinline__ float widened(unsigned byte) {
    return __uint_as_float((byte & 0x7FU) << 20 | (byte & 0x80U) << 24) * 0x1p120F;
  }
};

struct StoredBytes : StoredInBytes<WholeByte> {
  static constexpr StoredType kType = StoredType::kInt8;
};

struct StoredEights : StoredInBytes<FloatByte> {
  static constexpr StoredType kType = StoredType::kFloat8;
};

}  // namespace hypersketch::cuda
