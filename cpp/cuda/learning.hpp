// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers for learning: plain C++, under the rules of launch.hpp. Rows are of float32, one after the
// other. Operations and their order are those of hypersketch/learning.hpp at levels that fuse products and sums.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// ---- learning_rows.cu: what encoders make of rows

// A matrix of n_features lines of dim numbers; with phases and offsets a product p becomes sin(p + phase) - offset.
struct RowExpansion {
  const float* matrix;
  const float* phases;  // dim phases, then dim offsets; or null
  size_t n_features, dim;
};
void expand_rows(Place place, const float* rows, size_t n, RowExpansion expansion, float* out);

// The nearest of n_levels levels of every value: (value - low) / span * (n_levels - 1) of its feature, rounded,
// clipped.
struct FeatureRange {
  const float* low;
  const float* span;
  size_t n_features;
  std::uint32_t n_levels;
};
void feature_levels(Place place, const float* rows, size_t n, FeatureRange range, std::uint32_t* out);

// Bits of the negative entries.
void pack_rows(Place place, const float* rows, size_t n, size_t dim, uint64_t* out);
// -1 for negative entries, else 1; T is float, where `out` may be `values`, or int8_t.
template <class T>
void sign_entries(Place place, const float* values, size_t n, T* out);
// Sums as floats, clipped to [-clip, clip] unless that is 0.
void clip_sums(Place place, const std::int32_t* sums, size_t n, std::int32_t clip, float* out);
// out = the sum over segments of the entries of a segment times its key, n_segments lines of dim numbers.
void fold_rows(Place place, const float* rows, size_t n, size_t inner_dim, const float* keys, size_t n_segments,
               size_t dim, float* out);
void take_columns(Place place, const float* rows, size_t n, size_t dim, const std::int64_t* columns, size_t n_columns,
                  float* out);

// ---- learning.cu: rows and class vectors

// out[i * n_vectors + c] = inner product of row i and vector c, in kSumLanes sums.
void inner_products(Place place, const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim,
                    float* out);
// The same of packed vectors, over the dimension.
void packed_similarities(Place place, const uint64_t* rows, size_t n, const uint64_t* vectors, size_t n_vectors,
                         size_t dim, double* out);
// Never 0.
void row_lengths(Place place, const float* rows, size_t n, size_t dim, float* out);
// scores[i, c] = scores[i, c] / vector_lengths[c] / lengths[i].
void divide_scores(Place place, float* scores, size_t n, size_t n_vectors, const float* vector_lengths,
                   const float* lengths);
// out[i] = the column of the largest score of row i, of equals the first; T is float or double.
template <class T>
void best_columns(Place place, const T* scores, size_t n, size_t n_columns, std::int64_t* out);
// The same of the smallest.
template <class T>
void least_columns(Place place, const T* distances, size_t n, size_t n_columns, std::int32_t* out);
// Inner products with vectors of length one become 1 less the cosine, never below 0.
void cosine_distances(Place place, float* scores, size_t n, size_t n_columns, const float* lengths);
// Similarities of signs become shares of entries that differ.
void sign_distances(Place place, double* scores, size_t n);
// out[i] = scores[i, 1] - scores[i, 0].
template <class T>
void subtract_columns(Place place, const T* scores, size_t n, T* out);

struct ClassRows {
  const float* rows;
  const float* lengths;
  const std::int64_t* targets;
  const float* weights;  // null: 1 each
  size_t n, dim;
};

struct ClassRule {
  float learning_rate;
  float margin;      // a class wins clearly when its cosine exceeds every other by more
  bool by_distance;  // corrections are the smaller the nearer a class vector is already (OnlineHD)
  bool binarized;    // rows meet the signs of the class vectors (QuantHD)
};

struct ClassCounts {
  unsigned long long corrected, mistaken;
};

// Adds every row to the vector of its class: batches of rows one after the other, each from a sum of its own.
void add_to_classes(Place place, ClassRows given, size_t batch_size, float* vectors, size_t n_classes);

// Goes through the batches in `order`, which is in host memory; classes are at least 2. Waits.
ClassCounts learn_pass(Place place, ClassRows given, const std::int64_t* order, size_t n_batches, size_t batch_size,
                       float* vectors, size_t n_classes, ClassRule rule);

}  // namespace hypersketch::cuda
