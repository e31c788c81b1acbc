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

  // Those of queries from one on.
  NearestRows from(size_t query) const {
    const auto behind = [&](auto* out) { return out == nullptr ? nullptr : out + query * k; };
    return {k, indices + query * k, behind(distances), behind(similarities)};
  }
};

// The rows nearest to each query by Hamming distance, of equally near ones the first, 1 <= k <= rows.n < 2^33.
void hamming_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers,
                   SearchPath path = SearchPath::kBest);

// All rows within the distance radii[q] of query q, none for a negative one. Without `keys` cursors[q] rises by their
// number; with them a row's key, distance * 2^33 + row, goes to the place that the cursor has, which rises.
void hamming_range(Place place, BitRows queries, const std::int32_t* radii, BitRows rows, size_t dim,
                   unsigned long long* cursors, uint64_t* keys);
// The same among atoms of hashes, which are made where they are compared.
void hamming_range_of_atoms(Place place, BitRows queries, const std::int32_t* radii, const uint64_t* hashes, size_t n,
                            uint64_t seed, size_t dim, unsigned long long* cursors, uint64_t* keys);

// Rows of `dim` numbers one after the other. An inner product counts number i weights[i] times, once each when null.
struct RealRows {
  const float* values;
  size_t n;
  size_t dim;
  const double* weights;
};

inline constexpr size_t kMostRealNeighbours = 256;

// Words of a row of bfloat16 numbers: whole vectors of 16 bytes.
inline size_t bfloat_words(size_t dim) { return (dim + 7) / 8 * 4; }

// What searches among real rows need of them besides: the rows as bfloat16 numbers, of length 1 for cosines and times
// the roots of the weights; their squared lengths; and the largest length and rounding error of all, which bound how
// much inner products of rounded rows are off.
struct RoundedRows {
  std::uint32_t* bfloats;
  double* squares;
  double* extremes;  // two numbers, 0 before the first call
};

void round_rows(Place place, RealRows rows, bool cosine, RoundedRows rounded);

// The rows most alike to each query by inner product or cosine (0 for zero vectors), of equally alike ones the first:
// bfloat16 products say which could be among the best, and those are compared in double precision, as many as it takes.
// k <= kMostRealNeighbours, rows.n < 2^32. Waits for the GPU; throws std::invalid_argument for queries that are not
// finite.
void real_top_k(Place place, RealRows queries, RealRows rows, RoundedRows rounded, bool cosine, NearestRows answers,
                SearchPath path = SearchPath::kBest);

// All rows whose similarity to query q reaches thresholds[q]; other rules as above. Without `found` cursors[q] rises by
// their number; with it a row goes to the place that the cursor has, which rises.
struct RealMatches {
  std::int64_t* rows;
  double* similarities;
};
void real_range(Place place, RealRows queries, const double* thresholds, RealRows rows, RoundedRows rounded,
                bool cosine, unsigned long long* cursors, RealMatches found);

// ---- gather.cu; rows of `n_words` words of 32 bits each

// Row i of `out` is row indices[i], rows `stride` words apart; zeros for an index below 0.
void take_rows(Place place, const std::uint32_t* rows, size_t stride, size_t n_words, const std::int64_t* indices,
               size_t n, std::uint32_t* out);
// Row indices[i] becomes row i of `values`. Indices must be different.
void put_rows(Place place, std::uint32_t* rows, size_t n_words, const std::int64_t* indices, size_t n,
              const std::uint32_t* values);

// ---- search_staged.cu: queries and answers of host memory; `threads` copy them

// staging.cu: what a query, or its answer, may take.
size_t most_staged_bytes();

// k keys a query: distance * 2^33 + row, ascending.
void hamming_top_k_of_host(Place place, const uint64_t* queries, size_t n, BitRows rows, size_t dim, size_t k,
                           uint64_t* keys, size_t threads);
// k pairs a query: the bits of an int64 row, and the similarity.
void real_top_k_of_host(Place place, const float* queries, size_t n, RealRows rows, RoundedRows rounded, bool cosine,
                        size_t k, double* pairs, size_t threads);

}  // namespace hypersketch::cuda
