// SPDX-License-Identifier: Apache-2.0
// Rows of real and complex numbers: products, quotients, sums and inner products, of batches or with one row that
// stands for all.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>

#include "hypersketch/bits.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

// Rows of `stride` elements, 0 for one row that stands for all.
template <class T>
struct Strided {
  const T* rows;
  size_t stride;
  const T* row(size_t i) const { return rows + i * stride; }
};

// Rows that are worth a thread of their own.
inline size_t number_grain(size_t width) { return std::max<size_t>(1, (size_t{1} << 17) / std::max<size_t>(1, width)); }

// What phasors are combined by.
enum class PhasorRule { kProduct, kConjugate, kQuotient };

// Row i of `out`, `width` complex numbers, is row i of a times that of b, or its conjugate, or over it (0 where it is
// 0). Returns whether all of them are finite; then so are a and b.
inline bool combine_phasors(Strided<float> a, Strided<float> b, size_t n, size_t width, PhasorRule rule, float* out,
                            size_t threads) {
  std::atomic<bool> finite{true};
  parallel_for(n, number_grain(2 * width), threads, [&](size_t begin, size_t end) {
    bool good = true;
    for (size_t i = begin; i < end; ++i) {
      float* const to = out + i * 2 * width;
      good &= rule == PhasorRule::kQuotient
                  ? kernels().divide_phasors(a.row(i), b.row(i), width, to)
                  : kernels().multiply_phasors(a.row(i), b.row(i), width, rule == PhasorRule::kConjugate, to);
    }
    if (!good) finite = false;
  });
  return finite;
}

// Row b of `sums` grows by the rows starts[b] to starts[b + 1] - 1, each times its weight if there are weights, in
// order.
inline void sum_real_rows(const float* rows, size_t width, std::span<const std::int64_t> starts, const double* weights,
                          double* sums, size_t threads) {
  constexpr size_t kColumns = 8192;  // of one piece: their sums stay in the second cache
  const size_t n_pieces = (width + kColumns - 1) / kColumns;
  const size_t work = static_cast<size_t>(starts.back() - starts.front()) * width;
  const size_t grain = 1 + (n_pieces * (starts.size() - 1) << 18) / std::max<size_t>(1, work);
  parallel_for(n_pieces * (starts.size() - 1), grain, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const size_t b = i / n_pieces, column = i % n_pieces * kColumns;
      const auto first = static_cast<size_t>(starts[b]), last = static_cast<size_t>(starts[b + 1]);
      kernels().sum_rows(rows + first * width + column, last - first, width,
                         weights == nullptr ? nullptr : weights + first, std::min(kColumns, width - column),
                         sums + b * width + column);
    }
  });
}

// Adds what rows of a and b, `width` complex numbers, are combined to, each times its weight if there are weights, to
// one sum, in order. Nothing but a few pieces of rows is in memory at once. Returns whether all of it is finite.
inline bool sum_combined(const float* a, const float* b, size_t n, size_t width, PhasorRule rule, const double* weights,
                         double* sums, size_t threads) {
  constexpr size_t kRows = 8;
  // Rows are read best from end to end; a column's sum is the same in pieces of any size.
  const size_t share = width / std::max<size_t>(1, threads) + 1;
  const size_t columns = std::clamp<size_t>(share, 512, 16384), n_pieces = (width + columns - 1) / columns;
  std::atomic<bool> finite{true};
  const size_t grain = 1 + (n_pieces << 18) / std::max<size_t>(1, 2 * n * width);
  parallel_for(n_pieces, grain, threads, [&](size_t begin, size_t end) {
    const auto made = std::make_unique_for_overwrite<float[]>(kRows * 2 * std::min(columns, width));
    bool good = true;
    for (size_t piece = begin; piece < end; ++piece) {
      const size_t first = piece * columns, count = std::min(columns, width - first);
      for (size_t i = 0; i < n; i += kRows) {
        const size_t some = std::min(kRows, n - i);
        for (size_t r = 0; r < some; ++r) {
          const size_t at = 2 * ((i + r) * width + first);
          good &= combine_phasors({a + at, 0}, {b + at, 0}, 1, count, rule, made.get() + r * 2 * count, 1);
        }
        kernels().sum_rows(made.get(), some, 2 * count, weights == nullptr ? nullptr : weights + i, 2 * count,
                           sums + 2 * first);
      }
    }
    if (!good) finite = false;
  });
  return finite;
}

// out[3 i ..] = the inner products of row i of a with itself, of row i of b with itself, and of both.
inline void real_products(Strided<float> a, Strided<float> b, size_t n, size_t width, double* out, size_t threads) {
  parallel_for(n, number_grain(width), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) kernels().wide_products(a.row(i), b.row(i), width, out + 3 * i);
  });
}

// Row i of `out` is row i of the sums with the signs of the set bits turned round.
inline void turn_rows(Strided<std::int32_t> sums, Strided<uint64_t> words, size_t n, size_t dim, std::int32_t* out,
                      size_t threads) {
  parallel_for(n, number_grain(dim), threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) kernels().turn_signs(sums.row(i), words.row(i), dim, out + i * dim);
  });
}

}  // namespace hypersketch
