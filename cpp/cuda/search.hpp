// SPDX-License-Identifier: Apache-2.0
// Exact search among rows on a GPU, as the bindings see it. The same rules as in launch.hpp.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// Which kernel compares; `kBest` for whoever is not a test or a benchmark.
enum class SearchPath { kBest, kPopcount, kFew, kMany };

// Packed vectors of ceil(dim / 64) words, `stride` words from one row to the next. Bits beyond the dimension do not
// count.
struct BitRows {
  const uint64_t* words;
  size_t n;
  size_t stride;
};

// k answers a query, one query's after the other's. Distances, similarities 1 - 2 distance / dim, or both: null where
// they are not wanted.
struct NearestRows {
  size_t k;
  std::int64_t* indices;
  std::int32_t* distances;
  double* similarities;
};

// The rows nearest to each query by Hamming distance, of equally near ones the first, 1 <= k <= rows.n < 2^33.
void hamming_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers,
                   SearchPath path = SearchPath::kBest);

// ---- gather.cu; rows of `n_words` words of 32 bits each

// Row i of `out` is row indices[i], rows `stride` words apart; zeros for an index below 0.
void take_rows(Place place, const std::uint32_t* rows, size_t stride, size_t n_words, const std::int64_t* indices,
               size_t n, std::uint32_t* out);
// Row indices[i] becomes row i of `values`. Indices must be different.
void put_rows(Place place, std::uint32_t* rows, size_t n_words, const std::int64_t* indices, size_t n,
              const std::uint32_t* values);

}  // namespace hypersketch::cuda
