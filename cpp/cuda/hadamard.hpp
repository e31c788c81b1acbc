// SPDX-License-Identifier: Apache-2.0
// Walsh-Hadamard transforms and orthogonal codebooks on a GPU: plain C++, under the rules of launch.hpp.
#pragma once

#include "search.hpp"

namespace hypersketch::cuda {

inline constexpr size_t kMostHadamard = size_t{1} << 26;  // entries of a row

// Transforms rows of n entries, a power of two, that lie end to end, with the CPU's bits. Waits; where an entry is not
// finite, or n of it could leave int32, it returns false and changes nothing.
bool walsh_hadamard(Place place, float* rows, size_t n_rows, size_t n);
bool walsh_hadamard(Place place, std::int32_t* rows, size_t n_rows, size_t n);

// Item i is row numbers[i] of the matrix of size dim, a power of two, times signs: a packed vector, a set bit is -1.
struct HadamardItems {
  size_t dim;
  const uint64_t* signs;
  const std::uint32_t* numbers;
  size_t n;
};

// The items nearest to each packed probe, as hamming_top_k finds rows; 1 <= k <= items.n <= items.dim.
void hadamard_top_k(Place place, BitRows probes, HadamardItems items, NearestRows answers);

// All items within radii[q] of probe q, as hamming_range finds rows.
void hadamard_range(Place place, BitRows probes, const std::int32_t* radii, HadamardItems items,
                    unsigned long long* cursors, uint64_t* keys);

// Row i of `out` is the packed vector of item places[i], zeros for a place below 0.
void hadamard_rows(Place place, HadamardItems items, const std::int64_t* places, size_t n, uint64_t* out);

}  // namespace hypersketch::cuda
