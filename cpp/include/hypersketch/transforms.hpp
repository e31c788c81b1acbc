// SPDX-License-Identifier: Apache-2.0
// Circular convolutions of batches of real vectors.
#pragma once

#include <limits>
#include <memory>
#include <new>
#include <utility>

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

// The same with one row that all of n others meet.
inline void convolve_with_one(const float* one, const float* rows, size_t n, TransformPlan plan, MeetRule rule,
                              float* out, size_t threads) {
  const size_t dim = plan.columns.length * plan.rows.length;
  const size_t room = transform_scratch(plan.columns.length, plan.rows.length);
  const auto memory = lines_of(room + 2 * dim);
  float* const spectrum = memory.get() + room;
  const int exponent = kernels().spectrum_of(one, plan, memory.get(), spectrum);
  parallel_for((n + 1) / 2, 1, threads, [&](size_t begin, size_t end) {
    const auto scratch = lines_of(room + dim);
    for (size_t pair = begin; pair < end; ++pair) {
      const size_t i = 2 * pair, j = i + 1 < n ? i + 1 : i;
      const float* const two[2] = {rows + i * dim, rows + j * dim};
      float* const results[2] = {out + i * dim, j > i ? out + j * dim : scratch.get() + room};
      if (exponent == kNotFinite)
        results[0][0] = results[1][0] = std::numeric_limits<float>::quiet_NaN();
      else
        kernels().convolve_with(two, spectrum, exponent, plan, rule, scratch.get(), results);
    }
  });
}

// Row i of `out` is the convolution, or correlation, of rows i of a and b; see Kernels::convolve_two.
inline void convolve_rows(RealRows a, RealRows b, size_t n, TransformPlan plan, bool correlate, float* out,
                          size_t threads) {
  if (n > 2 && (a.stride == 0) != (b.stride == 0)) {
    const auto [one, rows] = a.stride == 0 ? std::pair{a, b} : std::pair{b, a};
    const MeetRule rule = !correlate      ? MeetRule::kConvolve
                          : a.stride == 0 ? MeetRule::kOneCorrelates
                                          : MeetRule::kRowsCorrelate;
    convolve_with_one(one.rows, rows.rows, n, plan, rule, out, threads);
    return;
  }
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
