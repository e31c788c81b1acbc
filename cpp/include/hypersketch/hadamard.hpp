// SPDX-License-Identifier: Apache-2.0
// Sylvester's Hadamard matrices: entry (i, j) is -1 where i and j share an odd number of bits, else 1. A transform is
// the product with the matrix of its size, in n log2 n sums; it is its own inverse but for the factor n.
#pragma once

#include "hypersketch/bits.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

inline constexpr size_t kHadamardGrain = 1 << 16;  // entries worth a thread

inline void walsh_hadamard(std::int32_t* x, size_t n) { kernels().walsh_hadamard_i32(x, n); }
inline void walsh_hadamard(float* x, size_t n) { kernels().walsh_hadamard_f32(x, n); }

// Transforms rows of n entries, a power of two, that lie end to end. Integers wrap around.
template <class T>
void walsh_hadamard_rows(T* rows, size_t n_rows, size_t n, size_t threads) {
  const size_t grain = n < kHadamardGrain ? kHadamardGrain / n : 1;
  parallel_for(n_rows, grain, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) walsh_hadamard(rows + i * n, n);
  });
}

// Row i of `out` has the inner products of packed row i with the rows of the matrix of n = dim, a power of two, each
// times the signs.
inline void hadamard_scores(const uint64_t* rows, size_t n_rows, size_t n, const uint64_t* signs, std::int32_t* out,
                            size_t threads) {
  const size_t grain = n < kHadamardGrain ? kHadamardGrain / n : 1;
  parallel_for(n_rows, grain, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernels().spread_signs(rows + i * words_for(n), signs, n, out + i * n);
      kernels().walsh_hadamard_i32(out + i * n, n);
    }
  });
}

}  // namespace hypersketch
