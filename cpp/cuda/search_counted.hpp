// SPDX-License-Identifier: Apache-2.0
// Exact search among vectors that are counted, and their rows by indices: plain C++, under the rules of launch.hpp.
// Rows are as they should be: the caller has looked.
#pragma once

#include "counted.hpp"
#include "search.hpp"

namespace hypersketch::cuda {

// ---- search_ternary.cu: sparse codes, as ternary rows, of one plane of words_for(dim) words

// The rows that overlap most with each query over the root of both numbers of ones, of equally alike ones the first,
// 1 <= k <= rows.n.
void sparse_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers);

// All rows whose similarity to query q reaches thresholds[q], as real_range finds them.
void sparse_range(Place place, BitRows queries, const double* thresholds, BitRows rows, size_t dim,
                  unsigned long long* cursors, RealMatches found);

// ---- search_digits.cu: rows of integers, `stride` of them apart, all below the modulus

struct StridedDigits {
  const std::uint16_t* digits;
  size_t n;
  size_t stride;
};

// The same by shares of equal entries, or by mean distances around a circle.
void digit_top_k(Place place, StridedDigits queries, StridedDigits rows, DigitSpace space, bool circle,
                 NearestRows answers);
void digit_range(Place place, StridedDigits queries, const double* thresholds, StridedDigits rows, DigitSpace space,
                 bool circle, unsigned long long* cursors, RealMatches found);

// ---- gather.cu: as take_rows and put_rows, for words of 16 bits

void take_digit_rows(Place place, StridedDigits rows, size_t width, const std::int64_t* indices, size_t n,
                     std::uint16_t* out);
void put_digit_rows(Place place, std::uint16_t* rows, size_t width, const std::int64_t* indices, size_t n,
                    const std::uint16_t* values);

}  // namespace hypersketch::cuda
