// SPDX-License-Identifier: Apache-2.0
// Memories of nearest neighbours on a GPU, as the bindings see them. The same rules as in launch.hpp.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// ---- nearest.cu

// Euclidean is minus the squared distance.
enum class Nearness { kDot, kCosine, kEuclidean };

// Queries and stored rows of `dim` numbers, one after the other, with their squared lengths.
struct NearRows {
  Nearness kind;
  size_t dim;
  const float* queries;
  const double* query_squares;
  size_t n_queries;
  const float* rows;
  const double* row_squares;
  size_t n_rows;
};

// k items a query: numbers of rows, counted from `first` on, the most alike first and of equally alike ones the first.
struct NearItems {
  size_t k;
  std::int64_t first;
  std::int64_t* indices;
  double* similarities;
};

// out[i] is the squared length of row i, summed up as everything here: see nearest.cu.
void row_squares_of(Place place, const float* rows, size_t n, size_t dim, double* out);

// Rows of dim + 2 numbers whose inner products rank as distances do: behind the numbers of a row stands minus half its
// square over the scale, in two pieces, and behind those of a query, whose squares are null, the scale twice.
void lifted(Place place, const float* rows, size_t n, size_t dim, const double* squares, float scale, float* out);

// Candidates of a search in single precision: rows by their numbers, `many` a query, and the score of the last one,
// which those of no other row exceed. Scores are inner products or cosines, or of lifted rows.
struct NearCandidates {
  const std::int64_t* rows;
  const double* scores;
  size_t many;
  double longest;  // length of a row
};
// The best of the candidates; settled[q] says whether they are surely the best of all rows.
void best_of_candidates(Place place, NearRows near, NearCandidates candidates, NearItems items, bool* settled);

// The best of all rows for some queries, one after the other.
void best_of_all(Place place, NearRows near, const std::vector<std::int64_t>& queries, NearItems items);

// ---- neighbours.cu

// Softmax of the similarities over a temperature; the first of a row is its largest.
void soften(Place place, const double* similarities, size_t n, size_t k, double temperature, double* weights);

// Weighted items, as in NearItems.
struct WeightedItems {
  const double* weights;
  const std::int64_t* indices;
  std::int64_t first;
  size_t n;
  size_t k;
};
// Weighted means of their values, rows of `width` numbers.
void mix_vectors(Place place, WeightedItems items, const float* values, size_t width, float* out);
// How much weight each of `n_tokens` has; `out` is cleared.
void mix_tokens(Place place, WeightedItems items, const std::int64_t* tokens, size_t n_tokens, double* out);

}  // namespace hypersketch::cuda
