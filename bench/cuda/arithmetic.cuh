// SPDX-License-Identifier: Apache-2.0
// Loops of nothing but tile products or popcounts, in registers: what a search can compare at most.
#pragma once

#include "tensor_core.cuh"

namespace hypersketch::cuda::bench {

// Bits compared, by a warp at a time.
struct BitProducts {
  static constexpr double kItems = 16.0 * 8 * 256;
  using Sums = int[4];
  static __device__ __forceinline__ void add(Sums& sums, const unsigned (&a)[4], const unsigned (&b)[2]) {
    add_common_bits(sums, a, b);
  }
  static __device__ __forceinline__ unsigned word(const Sums& sums) { return static_cast<unsigned>(sums[0] ^ sums[3]); }
};

// Products and sums of bfloat16 numbers, two operations each.
struct BfloatProducts {
  static constexpr double kItems = 2.0 * 16 * 8 * 16;
  using Sums = float[4];
  static __device__ __forceinline__ void add(Sums& sums, const unsigned (&a)[4], const unsigned (&b)[2]) {
    add_bfloat_products(sums, a, b);
  }
  static __device__ __forceinline__ unsigned word(const Sums& sums) { return __float_as_uint(sums[0] + sums[3]); }
};

// Bits compared by one popcount a lane.
struct Popcounts {
  static constexpr double kItems = 32.0 * 32;
  using Sums = unsigned[1];
  static __device__ __forceinline__ void add(Sums& sums, const unsigned (&a)[4], const unsigned (&)[2]) {
    sums[0] += static_cast<unsigned>(__popc(sums[0] ^ a[0]));
  }
  static __device__ __forceinline__ unsigned word(const Sums& sums) { return sums[0]; }
};

// `rounds` times kChains of them, which do not wait for each other.
template <class Arithmetic, unsigned kChains>
__global__ void arithmetic_kernel(uint64_t rounds, uint64_t* sink) {
  typename Arithmetic::Sums sums[kChains] = {};
  const unsigned a[4] = {threadIdx.x, blockIdx.x, 3, 5}, b[2] = {threadIdx.x, 7};
#pragma unroll 1
  for (uint64_t r = 0; r < rounds; ++r)
#pragma unroll
    for (unsigned c = 0; c < kChains; ++c) Arithmetic::add(sums[c], a, b);
  unsigned word = 0;
#pragma unroll
  for (unsigned c = 0; c < kChains; ++c) word |= Arithmetic::word(sums[c]);
  if (word == 0xFFFFFFFFU && rounds == 0) *sink = word;  // never: it keeps the loop
}

}  // namespace hypersketch::cuda::bench
