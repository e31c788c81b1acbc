// SPDX-License-Identifier: Apache-2.0
// Ternary vectors on a GPU: plain C++, under the rules of launch.hpp. A row is two packed vectors of words_for(dim)
// words, the entries that are +1 and then those that are -1. What returns a bool waits: it is false where an entry is
// both, or a bit beyond the dimension is set.
#pragma once

#include "hypervectors.hpp"
#include "search.hpp"

namespace hypersketch::cuda {

// Row i of `out` is the atom of the key with hash i: the packed one, and what it leaves.
void ternary_atoms(Place place, const uint64_t* hashes, size_t n, size_t dim, uint64_t seed, uint64_t* out);

// Products of entries; one row of either argument meets all of the other.
bool ternary_products(Place place, PackedRows a, PackedRows b, size_t dim, uint64_t* out);

// Rows of signs of sums, 0 where votes are equal. A row of sums has one for each bit of a row, as if both planes were
// one packed vector, whose set bits count -1.
void ternary_signs(Place place, const std::int32_t* sums, size_t n, size_t dim, uint64_t* out);

// Nothing but whether rows are as they should be.
bool are_ternary(Place place, PackedRows rows, size_t dim);

// The cosines of rows, one by one; 0 where a row is 0.
bool ternary_cosines(Place place, PackedRows a, PackedRows b, size_t dim, double* out);

// ---- search_ternary.cu; rows of 2 * words_for(dim) words, which are as they should be, fewer than 2^32 of them

// The rows most alike to each query by cosine, of equally alike ones the first, 1 <= k <= rows.n.
void ternary_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers);

// All rows whose cosine with query q reaches thresholds[q], as real_range finds them.
void ternary_range(Place place, BitRows queries, const double* thresholds, BitRows rows, size_t dim,
                   unsigned long long* cursors, RealMatches found);

}  // namespace hypersketch::cuda
