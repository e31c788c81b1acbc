// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers for vectors that are counted, in int32: bits, sparse codes, and integers below a modulus.
// Plain C++, under the rules of launch.hpp. Counters are changed modulo 2^32, in no order that could be told from
// another; the caller knows that none leaves its range.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// One weight an item, below 2^31 in magnitude, or 1 each where `each` is null; added, or taken away.
struct CountedWeights {
  const std::int64_t* each;
  bool subtract;
};

// ---- bit_counts.cu: rows of `stride` words, of which the first hold `dim` bits and no others

struct BitRows {
  const uint64_t* words;
  size_t n;
  size_t stride;
};

// counters[d] += the weights of rows that set bit d.
void add_bits(Place place, BitRows rows, size_t dim, CountedWeights weights, std::int32_t* counters);

// The bits of counters above 0, and, unless null, of those below.
void pack_counts(Place place, const std::int32_t* counters, size_t dim, uint64_t* above, uint64_t* below);

// ---- sparse.cu

// Atoms of n_ones ones, a packed vector of dim bits each; with segments one 1 in each of n_ones of them.
struct SparseSpace {
  size_t dim;
  size_t n_ones;
  bool segments;
  uint64_t seed;
};

void sparse_atoms(Place place, const uint64_t* hashes, size_t n, SparseSpace space, uint64_t* out);
void add_sparse_atoms(Place place, const uint64_t* hashes, size_t n, SparseSpace space, CountedWeights weights,
                      std::int32_t* counters);
// Overlaps of a packed vector with atoms over the root of both numbers of ones; 0 where it has none. Waits.
void score_sparse_atoms(Place place, const uint64_t* vector, const uint64_t* hashes, size_t n, SparseSpace space,
                        double* out);

// ---- digits.cu and digit_rows.cu

// Atoms of `width` integers below the modulus, which is in [2, 2^16].
struct DigitSpace {
  size_t width;
  std::uint32_t modulus;
  uint64_t seed;

  size_t n_words() const { return (width + 1) / 2; }
  size_t n_counters() const { return width * modulus; }
};

void digit_atoms(Place place, const uint64_t* hashes, size_t n, DigitSpace space, std::uint16_t* out);
// Whether any of n integers is no such one. Waits.
bool any_not_below(Place place, const std::uint16_t* digits, size_t n, std::uint32_t modulus);

// counters[d * modulus + v] += the weights of atoms, or of their sums modulo r with as many others, that have v at d.
void add_digit_atoms(Place place, const uint64_t* hashes, const uint64_t* others, size_t n, DigitSpace space,
                     CountedWeights weights, std::int32_t* counters);
// The same of stored vectors.
void add_digit_rows(Place place, const std::uint16_t* rows, size_t n, DigitSpace space, CountedWeights weights,
                    std::int32_t* counters);

// Counters of each of n bundles: bundle b is of the rows [starts[b], starts[b + 1]) - starts[0], n_rows in all, none of
// them empty.
struct DigitRuns {
  const std::uint16_t* rows;
  size_t n_rows;
  const std::int64_t* starts;
  size_t n;
};
void count_digit_runs(Place place, DigitRuns runs, DigitSpace space, const std::int64_t* weights,
                      std::int32_t* counters);

// The counters of n bundles, and the atom that breaks ties: that of this hash in the space.
struct DigitCounts {
  const std::int32_t* counters;
  size_t n;
  uint64_t hash_of_offsets;
};
// The most frequent value of each entry; of equal ones the first from the entry's offset on.
void most_frequent(Place place, DigitCounts counts, DigitSpace space, std::uint16_t* out);
// The value whose direction, a pair of numbers, is nearest to the sum of all; the offset where that has none.
void nearest_directions(Place place, DigitCounts counts, DigitSpace space, const double* directions,
                        std::uint16_t* out);

// Shares of equal entries of a vector and atoms, or 1 - 4 d / r for the mean distance d around a circle.
void score_digit_atoms(Place place, const std::uint16_t* vector, const uint64_t* hashes, size_t n, DigitSpace space,
                       bool circle, double* out);

// Vectors, row by row; one row of either meets all of the other. Both calls wait, and are false where an integer is not
// below the modulus.
struct DigitRows {
  const std::uint16_t* digits;
  size_t n;
};
bool combine_digits(Place place, DigitRows a, DigitRows b, DigitSpace space, bool subtract, std::uint16_t* out);
bool compare_digits(Place place, DigitRows a, DigitRows b, DigitSpace space, bool circle, double* out);

}  // namespace hypersketch::cuda
