// SPDX-License-Identifier: Apache-2.0
// Tile products of four warps at once (compute capability 9.0 alone), and what lets groups of warps share the work:
// the only file that writes PTX for them. The bodies for machines without a GPU are
// tests/cuda_on_cpu/emulation/warp_group.hpp.
//
// A tile in shared memory is made of panels of 64 bfloat16 numbers of each row: 128 bytes a row, in which vector v of
// 16 bytes lies at v ^ (row % 8), the hardware's swizzle, so that rows and columns are read without conflicts. A panel
// begins on 1,024 bytes (the canonical layouts of mma_traits_sm90_gmma.hpp in CUTLASS). Of sums[4 j + i] thread t of a
// group has, with g = t % 32 / 4 and c = t % 4, row 16 (t / 32) + g + 8 (i / 2), column 8 j + 2 c + i % 2.
#pragma once

#include "tensor_core.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kGroupThreads = 128, kGroupRows = 64, kPanelNumbers = 64, kPanelBytes = 128;
inline constexpr unsigned kSwizzledRows = 8, kSwizzled = kSwizzledRows * kPanelBytes;

// Where vector v of a row of a tile of so many rows lies.
__device__ __forceinline__ unsigned swizzled(unsigned row, unsigned v, unsigned rows) {
  return (v / 8 * rows + row) * kPanelBytes + ((v ^ row) % 8) * 16;
}

// A tile as the tensor cores are told of it.
struct SharedTile {
#if defined(__CUDACC__)
  uint64_t bits;
  __device__ __forceinline__ SharedTile operator+(unsigned bytes) const { return {bits + (bytes >> 4)}; }
#else
  const unsigned char* at;
  unsigned panel_bytes;
  SharedTile operator+(unsigned bytes) const { return {at + bytes, panel_bytes}; }
#endif
};

// `panel_bytes` from one panel to the next count where columns are taken.
__device__ __forceinline__ SharedTile shared_tile(const unsigned char* at, unsigned panel_bytes) {
#if defined(__CUDACC__)
  const auto address = static_cast<uint64_t>(__cvta_generic_to_shared(at));
  return {(address & 0x3FFFF) >> 4 | uint64_t{panel_bytes >> 4} << 16 | uint64_t{kSwizzled >> 4} << 32 |
          uint64_t{1} << 62};  // 1: swizzled by 128 bytes
#else
  return {at, panel_bytes};
#endif
}

// How far behind a multiple of 1,024 bytes of shared memory an address lies.
__device__ __forceinline__ unsigned behind_panel(const void* at) {
#if defined(__CUDACC__)
  return static_cast<unsigned>(__cvta_generic_to_shared(at)) % kSwizzled;
#else
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(at) % kSwizzled);
#endif
}

// 2^x to 22 bits or so.
__device__ __forceinline__ float fast_exp2(float x) {
#if defined(__CUDACC__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

// 1 / x to 22 bits or so.
__device__ __forceinline__ float fast_reciprocal(float x) {
#if defined(__CUDACC__)
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1.0F / x;
#endif
}

// What this thread wrote to shared memory becomes visible to tensor cores of whoever a barrier lets go on.
__device__ __forceinline__ void show_to_tensor_cores() {
#if defined(__CUDACC__)
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// Barriers 1 to 15 of so many threads: `await` waits for all of them, `arrive` only counts.
__device__ __forceinline__ void await_barrier(unsigned id, unsigned threads) {
#if defined(__CUDACC__)
  asm volatile("barrier.cta.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  cuda_on_cpu::come_to_barrier(id, threads, true);
#endif
}
__device__ __forceinline__ void arrive_at_barrier(unsigned id, unsigned threads) {
#if defined(__CUDACC__)
  asm volatile("barrier.cta.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  cuda_on_cpu::come_to_barrier(id, threads, false);
#endif
}

// Registers that a group of warps gives away, or takes.
template <unsigned kRegisters>
__device__ __forceinline__ void give_registers() {
#if defined(__CUDACC__)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}
template <unsigned kRegisters>
__device__ __forceinline__ void take_registers() {
#if defined(__CUDACC__)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}

// Sums are neither read nor written across this: the compiler does not know that products go on behind their
// instruction. Stands before products begin, and behind the wait for them.
template <unsigned kCount>
__device__ __forceinline__ void hold(float (&sums)[kCount]) {
#if defined(__CUDACC__)
#pragma unroll
  for (unsigned i = 0; i < kCount; ++i) asm volatile("" : "+f"(sums[i])::"memory");
#else
  (void)sums;
#endif
}

// Before products whose registers were written otherwise, after some of them, and until all but kPending of these.
__device__ __forceinline__ void begin_products() {
#if defined(__CUDACC__)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ void end_products() {
#if defined(__CUDACC__)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
template <unsigned kPending>
__device__ __forceinline__ void await_products() {
#if defined(__CUDACC__)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
#endif
}

// sums = products of 64 rows of a with the rows of b, 16 numbers of each; added to what is there where `adds`.
__device__ __forceinline__ void multiply_rows(float (&sums)[32], SharedTile a, SharedTile b, bool adds) {
#if defined(__CUDACC__)
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %34, 0; "
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "%32, %33, p, 1, 1, 0, 0;}"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]), "+f"(sums[6]),
        "+f"(sums[7]), "+f"(sums[8]), "+f"(sums[9]), "+f"(sums[10]), "+f"(sums[11]), "+f"(sums[12]), "+f"(sums[13]),
        "+f"(sums[14]), "+f"(sums[15]), "+f"(sums[16]), "+f"(sums[17]), "+f"(sums[18]), "+f"(sums[19]), "+f"(sums[20]),
        "+f"(sums[21]), "+f"(sums[22]), "+f"(sums[23]), "+f"(sums[24]), "+f"(sums[25]), "+f"(sums[26]), "+f"(sums[27]),
        "+f"(sums[28]), "+f"(sums[29]), "+f"(sums[30]), "+f"(sums[31])
      : "l"(a.bits), "l"(b.bits), "r"(static_cast<int>(adds)));
#else
  cuda_on_cpu::add_rows(sums, a, b, adds);
#endif
}

__device__ __forceinline__ void multiply_rows(float (&sums)[64], SharedTile a, SharedTile b, bool adds) {
#if defined(__CUDACC__)
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %66, 0; "
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, p, 1, 1, 0, 0;}"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]), "+f"(sums[6]),
        "+f"(sums[7]), "+f"(sums[8]), "+f"(sums[9]), "+f"(sums[10]), "+f"(sums[11]), "+f"(sums[12]), "+f"(sums[13]),
        "+f"(sums[14]), "+f"(sums[15]), "+f"(sums[16]), "+f"(sums[17]), "+f"(sums[18]), "+f"(sums[19]), "+f"(sums[20]),
        "+f"(sums[21]), "+f"(sums[22]), "+f"(sums[23]), "+f"(sums[24]), "+f"(sums[25]), "+f"(sums[26]), "+f"(sums[27]),
        "+f"(sums[28]), "+f"(sums[29]), "+f"(sums[30]), "+f"(sums[31]), "+f"(sums[32]), "+f"(sums[33]), "+f"(sums[34]),
        "+f"(sums[35]), "+f"(sums[36]), "+f"(sums[37]), "+f"(sums[38]), "+f"(sums[39]), "+f"(sums[40]), "+f"(sums[41]),
        "+f"(sums[42]), "+f"(sums[43]), "+f"(sums[44]), "+f"(sums[45]), "+f"(sums[46]), "+f"(sums[47]), "+f"(sums[48]),
        "+f"(sums[49]), "+f"(sums[50]), "+f"(sums[51]), "+f"(sums[52]), "+f"(sums[53]), "+f"(sums[54]), "+f"(sums[55]),
        "+f"(sums[56]), "+f"(sums[57]), "+f"(sums[58]), "+f"(sums[59]), "+f"(sums[60]), "+f"(sums[61]), "+f"(sums[62]),
        "+f"(sums[63])
      : "l"(a.bits), "l"(b.bits), "r"(static_cast<int>(adds)));
#else
  cuda_on_cpu::add_rows(sums, a, b, adds);
#endif
}

// The same of 16 numbers of 64 rows, in registers as in tensor_core.cuh, with 16 rows of b: its columns are summed.
__device__ __forceinline__ void multiply_columns(float (&sums)[32], const unsigned (&a)[4], SharedTile b, bool adds) {
#if defined(__CUDACC__)
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %37, 0; "
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "{%32, %33, %34, %35}, %36, p, 1, 1, 1;}"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]), "+f"(sums[6]),
        "+f"(sums[7]), "+f"(sums[8]), "+f"(sums[9]), "+f"(sums[10]), "+f"(sums[11]), "+f"(sums[12]), "+f"(sums[13]),
        "+f"(sums[14]), "+f"(sums[15]), "+f"(sums[16]), "+f"(sums[17]), "+f"(sums[18]), "+f"(sums[19]), "+f"(sums[20]),
        "+f"(sums[21]), "+f"(sums[22]), "+f"(sums[23]), "+f"(sums[24]), "+f"(sums[25]), "+f"(sums[26]), "+f"(sums[27]),
        "+f"(sums[28]), "+f"(sums[29]), "+f"(sums[30]), "+f"(sums[31])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.bits), "r"(static_cast<int>(adds)));
#else
  cuda_on_cpu::add_columns(sums, a, b, adds);
#endif
}

__device__ __forceinline__ void multiply_columns(float (&sums)[64], const unsigned (&a)[4], SharedTile b, bool adds) {
#if defined(__CUDACC__)
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %69, 0; "
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "{%64, %65, %66, %67}, %68, p, 1, 1, 1;}"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]), "+f"(sums[6]),
        "+f"(sums[7]), "+f"(sums[8]), "+f"(sums[9]), "+f"(sums[10]), "+f"(sums[11]), "+f"(sums[12]), "+f"(sums[13]),
        "+f"(sums[14]), "+f"(sums[15]), "+f"(sums[16]), "+f"(sums[17]), "+f"(sums[18]), "+f"(sums[19]), "+f"(sums[20]),
        "+f"(sums[21]), "+f"(sums[22]), "+f"(sums[23]), "+f"(sums[24]), "+f"(sums[25]), "+f"(sums[26]), "+f"(sums[27]),
        "+f"(sums[28]), "+f"(sums[29]), "+f"(sums[30]), "+f"(sums[31]), "+f"(sums[32]), "+f"(sums[33]), "+f"(sums[34]),
        "+f"(sums[35]), "+f"(sums[36]), "+f"(sums[37]), "+f"(sums[38]), "+f"(sums[39]), "+f"(sums[40]), "+f"(sums[41]),
        "+f"(sums[42]), "+f"(sums[43]), "+f"(sums[44]), "+f"(sums[45]), "+f"(sums[46]), "+f"(sums[47]), "+f"(sums[48]),
        "+f"(sums[49]), "+f"(sums[50]), "+f"(sums[51]), "+f"(sums[52]), "+f"(sums[53]), "+f"(sums[54]), "+f"(sums[55]),
        "+f"(sums[56]), "+f"(sums[57]), "+f"(sums[58]), "+f"(sums[59]), "+f"(sums[60]), "+f"(sums[61]), "+f"(sums[62]),
        "+f"(sums[63])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.bits), "r"(static_cast<int>(adds)));
#else
  cuda_on_cpu::add_columns(sums, a, b, adds);
#endif
}

}  // namespace hypersketch::cuda
