// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers for vectors of numbers: plain C++, under the rules of launch.hpp. Complex numbers are pairs
// of floats, and what returns a bool waits: it is false where something is not finite, or its square would not be.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

enum class RealAtoms { kNormals, kPhasors };

// Row i of `out` has dim numbers, or phasors, of the key with hash i, times the scale.
void atom_reals(Place place, const uint64_t* hashes, size_t n, size_t dim, RealAtoms kind, double scale, uint64_t seed,
                float* out);

// Rows one after the other, as wide as the call says; one row stands for all.
struct ComplexRows {
  const float* numbers;
  size_t n;
};

enum class PhasorWay { kProduct, kConjugate, kQuotient };

// Row by row, `width` complex numbers: a b, a conj(b), or a / b, which is 0 where b is. `out` may be a or b.
bool combine_phasors(Place place, ComplexRows a, ComplexRows b, size_t width, PhasorWay way, float* out);

// How squares of a row's floats count in its length: all alike, or as those of half the spectrum of dim real numbers.
struct Spectrum {
  size_t dim;  // 0 for all alike
};

inline constexpr double kMostRealSum = 1e150;

// Row b of `out` is the sum of the rows [starts[b], starts[b + 1]), `width` floats, times their weights if there are
// some, brought to phasors of length 1 or to a vector of length 1.
bool sum_real_rows(Place place, const float* rows, size_t width, const std::int64_t* starts, size_t n,
                   const double* weights, bool to_phasors, Spectrum spectrum, float* out);

// The cosines of rows of `width` floats, one by one; 0 where a row is 0.
bool cosines(Place place, ComplexRows a, ComplexRows b, size_t width, Spectrum spectrum, double* out);

}  // namespace hypersketch::cuda
