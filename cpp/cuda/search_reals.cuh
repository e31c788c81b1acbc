// SPDX-License-Identifier: Apache-2.0
// What searches among real rows share: rounding to bfloat16 with its errors, how far products of rounded vectors may be
// off (search_reals.cu says why), and similarities in double precision.
#pragma once

#include "runtime.cuh"
#include "search.hpp"

namespace hypersketch::cuda {

__device__ __forceinline__ unsigned to_bfloat(float x) {  // to nearest, of ties to even
  const unsigned bits = __float_as_uint(x);
  return (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
}

__device__ __forceinline__ float of_bfloat(unsigned bits) { return __uint_as_float(bits << 16); }

// A length and a rounding error. Those of numbers that are none are infinite, so that the largest shows them.
struct Rounding {
  double length;
  double error;
};

__device__ __forceinline__ void raise(double* most, double x) {  // of numbers >= 0, whose bits are ordered as they are
  atomicMax(reinterpret_cast<unsigned long long*>(most), static_cast<unsigned long long>(__double_as_longlong(x)));
}

// A warp a row.
static __global__ void __launch_bounds__(kThreads)
    round_kernel(RealRows rows, bool cosine, size_t n_words, RoundedRows rounded, Rounding* roundings) {
  const size_t row = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (row >= rows.n) return;
  const float* const values = rows.values + row * rows.dim;
  const auto weight = [&](size_t i) { return rows.weights == nullptr ? 1.0 : __ldg(rows.weights + i); };
  double square = 0.0;
  for (size_t i = lane; i < rows.dim; i += kWarp) {
    const double x = values[i];
    square += weight(i) * x * x;
  }
  square = sum_of_warp(square);
  const double scale = !cosine ? 1.0 : square > 0.0 ? 1.0 / sqrt(square) : 0.0;
  double length = 0.0, error = 0.0;
  for (size_t w = lane; w < n_words; w += kWarp) {
    unsigned word = 0;
    for (unsigned half = 0; half < 2; ++half) {
      const size_t i = 2 * w + half;
      const double x = i < rows.dim ? sqrt(weight(i)) * values[i] * scale : 0.0;
      const unsigned bits = to_bfloat(static_cast<float>(x));
      const double near = of_bfloat(bits);
      length += near * near;
      error += (x - near) * (x - near);
      word |= bits << (16 * half);
    }
    rounded.bfloats[row * n_words + w] = word;
  }
  length = sqrt(sum_of_warp(length));
  error = sqrt(sum_of_warp(error));
  if (lane != 0) return;
  const double infinite = __longlong_as_double(0x7FF0000000000000LL);
  const Rounding found = length < infinite && error < infinite ? Rounding{length, error} : Rounding{infinite, infinite};
  rounded.squares[row] = square;
  if (roundings != nullptr) roundings[row] = found;
  if (rounded.extremes != nullptr) {
    raise(rounded.extremes, found.length);
    raise(rounded.extremes + 1, found.error);
  }
}

// By how much an inner product of rounded vectors, one of them a query, may be off.
__device__ __forceinline__ double slack_of(Rounding query, const double* extremes, size_t dim) {
  const double most_length = extremes[0], most_error = extremes[1];
  return query.error * (most_length + most_error) + query.length * most_error +
         (double(dim) + 64.0) * 0x1p-22 * query.length * most_length;
}

// The similarity of a query and a row by a whole warp; all its threads get it.
__device__ __forceinline__ double similarity_of(RealRows queries, const double* query_squares, size_t query,
                                                RealRows rows, const double* row_squares, size_t row, bool cosine) {
  const float* const a = queries.values + query * queries.dim;
  const float* const b = rows.values + row * rows.dim;
  double inner = 0.0;
  for (size_t i = threadIdx.x % kWarp; i < rows.dim; i += kWarp) {
    const double product = double(a[i]) * double(b[i]);
    inner += rows.weights == nullptr ? product : product * __ldg(rows.weights + i);
  }
  inner = sum_of_warp(inner);
  if (!cosine) return inner;
  const double both = sqrt(query_squares[query] * row_squares[row]);
  return both > 0.0 ? fmin(1.0, fmax(-1.0, inner / both)) : 0.0;
}

}  // namespace hypersketch::cuda
