// SPDX-License-Identifier: Apache-2.0
// Tensor cores and copies behind the threads' backs: the only file that writes PTX for them. The bodies for machines
// without a GPU are tests/cuda_on_cpu/emulation/tensor_core.hpp.
//
// A tile product of a warp takes 16 rows and 8 columns of 8 words of 32 bits each. A word is 32 bits or two bfloat16,
// and both kinds lie alike among the lanes: with g = lane / 4 and t = lane % 4,
//   a[0], a[1]   word t of rows g and g + 8        sums[0], sums[1]   row g, columns 2 t and 2 t + 1
//   a[2], a[3]   word t + 4 of the same            sums[2], sums[3]   row g + 8, the same columns
//   b[0], b[1]   words t and t + 4 of column g
// Which word of a vector is called word w does not matter, so long as rows and columns agree: lanes may load words
// that lie side by side.
#pragma once

#include <cstdint>

#include "runtime.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kTileRows = 16, kTileColumns = 8, kTileWords = 8;  // of a tile product

// sums += how many bits are set in both, for each row and column.
__device__ __forceinline__ void add_common_bits(int (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(__CUDACC__)
  asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  cuda_on_cpu::add_common_bits(sums, a, b);
#endif
}

// sums += the inner products of bfloat16 numbers, two a word, in single precision.
__device__ __forceinline__ void add_bfloat_products(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if defined(__CUDACC__)
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  cuda_on_cpu::add_bfloat_products(sums, a, b);
#endif
}

// Two floats as bfloat16, to nearest and of ties to even; `low` in the lower half.
__device__ __forceinline__ unsigned to_bfloats(float low, float high) {
#if defined(__CUDACC__)
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return cuda_on_cpu::to_bfloats(low, high);
#endif
}

// Begins to copy kBytes (8 or 16) to shared memory, both on multiples of kBytes; zeros where `is_there` is false, and
// then nothing is read.
template <unsigned kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool is_there) {
  static_assert(kBytes == 8 || kBytes == 16);
#if defined(__CUDACC__)
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const unsigned n_read = is_there ? kBytes : 0;
  if constexpr (kBytes == 16)  // past the first-level cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(n_read) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(global), "r"(n_read) : "memory");
#else
  cuda_on_cpu::copy_async(shared, global, kBytes, is_there);
#endif
}

// Ends a group of copies: those of this thread since the group before.
__device__ __forceinline__ void end_copy_group() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  cuda_on_cpu::end_copy_group();
#endif
}

// Waits for this thread's groups but the kPending last ones; a barrier then shows the copies to the block.
template <unsigned kPending>
__device__ __forceinline__ void await_copy_groups() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#else
  cuda_on_cpu::await_copy_groups(kPending);
#endif
}

}  // namespace hypersketch::cuda
