// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers for vectors of numbers: plain C++, under the rules of launch.hpp. Complex numbers are pairs
// of floats, and what returns a bool waits: it is false where something is not finite, or its square would not be.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

enum class RealAtoms { kUniforms, kNormals, kPhasors };

// Whose atoms have dim numbers, or phasors, times the scale.
struct AtomSpace {
  size_t dim;
  RealAtoms kind;
  double scale;
  uint64_t seed;

  size_t n_floats() const { return kind == RealAtoms::kPhasors ? 2 * dim : dim; }
};

// Row i of `out` is the atom of the key with hash i.
void atom_reals(Place place, const uint64_t* hashes, size_t n, AtomSpace space, float* out);

// Rows one after the other, as wide as the call says; one row stands for all.
struct ComplexRows {
  const float* numbers;
  size_t n;
};

enum class PhasorWay { kProduct, kConjugate, kQuotient };

// Row by row, `width` complex numbers: a b, a conj(b), or a / b, which is 0 where b is. `out` may be a or b.
bool combine_phasors(Place place, ComplexRows a, ComplexRows b, size_t width, PhasorWay way, float* out);

// The same for `width` real numbers, and products alone.
bool multiply_reals(Place place, ComplexRows a, ComplexRows b, size_t width, float* out);

// matrix_binding.cu: rows are matrices of side * side numbers; sqrt(side) a b, with b turned round its diagonal or not.
bool multiply_matrices(Place place, ComplexRows a, ComplexRows b, size_t side, bool turned, float* out);

// drawn_matrices.cu: rows of values, their entries moved by the permutations with signs that are drawn by the bytes of
// known vectors, or moved back; see vsa/matrix_binding.py. One row of either meets all of the other. `out` lies apart.
bool move_by_drawn(Place place, ComplexRows values, ComplexRows known, size_t dim, uint64_t seed, bool back,
                   float* out);

// How squares of a row's floats count in its length: all alike, or as those of half the spectrum of dim real numbers.
struct Spectrum {
  size_t dim;  // 0 for all alike
};

inline constexpr double kMostRealSum = 1e150;

// What a sum is brought to: a vector of length 1, phasors of length 1, or numbers cut off at -1 and 1.
enum class SumForm { kLengthOne, kPhasors, kClipped };

// Row b of `out` is the sum of the rows [starts[b], starts[b + 1]), `width` floats, times their weights if there are
// some, brought to a form.
bool sum_real_rows(Place place, const float* rows, size_t width, const std::int64_t* starts, size_t n,
                   const double* weights, SumForm form, Spectrum spectrum, float* out);

// n rows of sums, brought to a form.
void shape_sums(Place place, const double* sums, size_t n, size_t width, SumForm form, Spectrum spectrum, float* out);

// The cosines of rows of `width` floats, one by one; 0 where a row is 0.
bool cosines(Place place, ComplexRows a, ComplexRows b, size_t width, Spectrum spectrum, double* out);

// real_sums.cu: bundles of one vector. `sums` becomes the sum of n rows of `width` floats, or of the atoms of n keys,
// times their weights if there are some. With `others`, whose atoms must not be normal, of products entry by entry.
bool sum_rows(Place place, const float* rows, size_t n, size_t width, const double* weights, double* sums);
bool sum_atoms(Place place, AtomSpace space, const uint64_t* hashes, const uint64_t* others, size_t n,
               const double* weights, double* sums);

// The cosines of one vector, whose square is finite, with the atoms of keys; 0 where either is 0.
void score_atoms(Place place, AtomSpace space, const float* vector, const uint64_t* hashes, size_t n, double* out);

// ---- real_pairs.cu: floats, `dim` a row; sums are of exact products in double precision

// The cosines of all rows of a with all rows of b, a line a row of a; 0 where a row is 0.
void all_cosines(Place place, ComplexRows a, ComplexRows b, size_t dim, double* out);

// Row by row, the sum over j of a[j] b[d - j], or of a[j] b[j - d], indices modulo dim.
bool convolve_rows(Place place, ComplexRows a, ComplexRows b, size_t dim, bool correlate, float* out);

}  // namespace hypersketch::cuda
