// SPDX-License-Identifier: Apache-2.0
// Memories of patterns of -1 and +1 on a GPU, as the bindings see them: plain C++, under the rules of launch.hpp.
// Packed, a set bit is -1.
#pragma once

#include "hypersketch/sweeps.hpp"
#include "launch.hpp"

namespace hypersketch::cuda {

// ---- entries.cu; T is an integer of 1 to 8 bytes, bool, Half, float or double

// Kinds of entries that have no type of their own here.
struct Half {
  std::uint16_t bits;
};
struct Bfloat {  // the upper half of a float
  std::uint16_t bits;
};

inline constexpr uint64_t kAllGood = ~uint64_t{0};

// Rows of -1 and +1, `stride` elements apart, or of bools, of which false is -1, to bits. Waits; returns the first
// entry that is neither, counted without gaps, or kAllGood.
template <class T>
uint64_t pack_entries(Place place, const T* rows, size_t n, size_t dim, size_t stride, uint64_t* out);
template <class T>
void unpack_entries(Place place, const uint64_t* words, size_t n, size_t dim, T* out);

// The same numbers in another type, without gaps; T may also be Bfloat. Waits; returns the first that is not finite
// there, or kAllGood.
template <class T, class To>
uint64_t convert_entries(Place place, const T* rows, size_t n, size_t dim, size_t stride, To* out);

// Whether all numbers are finite; T is float or double. Waits.
template <class T>
bool all_finite(Place place, const T* values, size_t n);

// Row i of `units`, ceil(n / 64) words, has bit i of all n rows.
void turn_bits(Place place, const uint64_t* rows, size_t n, size_t dim, uint64_t* units);

// ---- recall.cu: see hypersketch/recall.hpp

// Patterns by rows and by units, as turn_bits makes these.
struct PatternBits {
  const uint64_t* rows;
  const uint64_t* units;
  size_t n;
  size_t dim;
};

// Numbers by Hamming distance: mantissa * 2^exponent.
struct ScaledColumn {
  const double* mantissas;
  const std::int32_t* exponents;
};

struct RecallNumbers {
  ScaledColumn weights, offsets, energies;
  const std::int32_t* whole_weights;  // the same as integers, or null
  const std::int64_t* whole_offsets;
  unsigned n_planes;   // bits of a whole weight with its sign, at most 31
  bool exact;          // all are integers, with exponents of 0
  bool order_free;     // exact, and no sum of weights and offsets reaches 2^53
  bool free_energies;  // the same of energies
};

// Columns with one entry a state.
struct RecallAnswers {
  double* values;
  std::int64_t* exponents;
  std::int64_t* sweeps;
  bool* converged;
  bool* cycles;
};

// Lets n states follow the energy, in place; equal to the CPU's, bit by bit. rule.order is host memory.
void recall(Place place, PatternBits patterns, RecallNumbers numbers, RecallRule rule, uint64_t* states, size_t n,
            RecallAnswers answers);

// ---- membership.cu: see hypersketch/hopfield.hpp; the strict upper triangle of a matrix, row by row

// Adds the signed outer products of keys with these hashes, with weights below 2^31 in magnitude, 1 each where null.
// Waits; returns the sum of the signed weights. No cell may leave int32.
std::int64_t membership_add(Place place, std::int32_t* cells, size_t dim, uint64_t seed, const uint64_t* hashes,
                            size_t n, const std::int64_t* weights);
void membership_scores(Place place, const std::int32_t* cells, std::int64_t trace, size_t dim, uint64_t seed,
                       const uint64_t* hashes, size_t n, std::int64_t* out);

}  // namespace hypersketch::cuda
