// SPDX-License-Identifier: Apache-2.0
// Products of matrices of float or double, and what is made of them, as the bindings see them: plain C++, under the
// rules of launch.hpp.
#pragma once

#include <type_traits>

#include "recall.hpp"

namespace hypersketch::cuda {

// ---- matmul.cu

// Element (i, j) is values[i * row_step + j * column_step].
template <class T>
struct Factor {
  const T* values;
  size_t row_step;
  size_t column_step;
};

struct ProductShape {
  size_t n_rows;
  size_t depth;
  size_t n_columns;
};

// out = kept * base + left * right, rows without gaps; base is null, or `out` itself, or apart. An element depends on
// its row, its column and the depth alone, not on what else is computed. Floats may be summed in double precision.
template <class T, class Sum = T>
void multiply(Place place, Factor<T> left, Factor<T> right, ProductShape shape, const std::type_identity_t<Sum>* base,
              std::type_identity_t<Sum> kept, Sum* out);

// ---- pairs.cu: see memories/_fast_weights.py

// Pairs that go into a matrix of value_dim rows and key_dim columns, `chunk` at a time.
template <class T>
struct PairBatch {
  const T* keys;
  const T* values;
  size_t n;
  size_t key_dim;
  size_t value_dim;
  size_t chunk;
  // What a pair is weighed by: its strength, with the gates of the chunk's pairs behind it, and those before it.
  const double* factors;
  const double* strengths;
  const double* before;
  const double* decays;  // a square a chunk, chunk * chunk numbers apart; or null where all gates are 1
};

// kept_of_chunks is host memory: what is left of the matrix after each chunk.
template <class T>
void write_pairs(Place place, T* matrix, PairBatch<T> pairs, const double* kept_of_chunks, bool delta);

// ---- triples.cu: a tensor of dim^3 numbers as a matrix of dim rows, asked with two of its three vectors

// Row i of `out` is the outer product of the rows i of two factors, dim numbers each.
void outer_rows(Place place, const float* left, const float* right, size_t n, size_t dim, float* out);
// out = rows * matrix, where `depth` numbers are a row of the first.
void combine_rows(Place place, const float* rows, size_t depth, const float* matrix, size_t n, size_t width,
                  float* out);
// Square i times row i, or with `turned` the square turned round; summed in double precision.
void contract_rows(Place place, const float* squares, const float* rows, size_t n, size_t dim, bool turned,
                   double* out);

// ---- fields.cu

// Fields of units: (state * v^T) * u less the diagonal's share, with `rank` numbers a unit in u and in v; where v is
// null, u is the matrix itself, by units. A unit turns where its field is against it by more than the tie.
struct Fields {
  const double* u;
  const double* v;
  const double* diagonal;
  size_t rank;
  size_t dim;
  double tie;
};

// As `recall`, by fields in double precision; values are energies. Where v is null, only synchronously.
void follow_fields(Place place, Fields fields, RecallRule rule, uint64_t* states, size_t n, RecallAnswers answers);

}  // namespace hypersketch::cuda
