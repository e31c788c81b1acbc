// SPDX-License-Identifier: Apache-2.0
// Circular convolutions of batches of real vectors.
#pragma once

#include <memory>
#include <new>

#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

// Rows of `stride` floats, 0 for one row that stands for all.
struct RealRows {
  const float* rows;
  size_t stride;
};

struct FreeLines {
  void operator()(float* p) const { ::operator delete[](p, std::align_val_t{kLineBytes}); }
};

inline std::unique_ptr<float[], FreeLines> lines_of(size_t n) {
  return std::unique_ptr<float[], FreeLines>(
      static_cast<float*>(::operator new[](n * sizeof(float), std::align_val_t{kLineBytes})));
}

// Row i of `out` is the convolution, or correlation, of rows i of a and b; see Kernels::convolve_two.
inline void convolve_rows(RealRows a, RealRows b, size_t n, TransformPlan plan, bool correlate, float* out,
                          size_t threads) {
  const size_t dim = plan.columns.length * plan.rows.length;
  parallel_for((n + 1) / 2, 1, threads, [&](size_t begin, size_t end) {
    const size_t room = transform_scratch(plan.columns.length, plan.rows.length);
    const auto scratch = lines_of(room + dim);
    for (size_t pair = begin; pair < end; ++pair) {
      // The last row of an odd number goes twice; its second result is dropped.
      const size_t i = 2 * pair, j = i + 1 < n ? i + 1 : i;
      const float* const left[2] = {a.rows + i * a.stride, a.rows + j * a.stride};
      const float* const right[2] = {b.rows + i * b.stride, b.rows + j * b.stride};
      float* const results[2] = {out + i * dim, j > i ? out + j * dim : scratch.get() + room};
      kernels().convolve_two(left, right, plan, correlate, scratch.get(), results);
    }
  });
}

}  // namespace hypersketch
