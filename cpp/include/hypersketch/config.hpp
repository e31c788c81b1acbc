// SPDX-License-Identifier: Apache-2.0
// Macros and the few facts every other header relies on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// Shared helpers are forced inline and have internal linkage: a copy compiled with AVX-512 flags must never
// become the one that the linker keeps for code which runs on a baseline processor.
#if defined(__CUDACC__)
#define HYPERSKETCH_HD static __host__ __device__ __forceinline__
#define HYPERSKETCH_MEMBER __host__ __device__ __forceinline__
#else
#define HYPERSKETCH_HD [[maybe_unused]] static inline __attribute__((always_inline))
#define HYPERSKETCH_MEMBER inline __attribute__((always_inline))
#endif
#define HYPERSKETCH_RESTRICT __restrict__

namespace hypersketch {

using std::size_t;
using std::uint64_t;

static_assert(std::endian::native == std::endian::little, "states and files are little-endian");

inline constexpr uint64_t kWordBits = 64;

}  // namespace hypersketch
