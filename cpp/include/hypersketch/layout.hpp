// SPDX-License-Identifier: Apache-2.0
// What the bits mean. Every kernel, the GPU and the tests read a state through these rules.
//
// Dense atom of dimension D: ceil(D/64) words; bit d is bit (d mod 64) of word d/64. A set bit is the value -1 and
// a clear bit +1, so that the product of two atoms (binding) is the XOR of their words. Bits beyond D are zero.
// Bloom and counting Bloom cells: the i-th of k positions of a key in m cells is floor(word_i * m / 2^64); two of
// the k positions may coincide, as in the classical analysis.
// Count-sketch and Count-Min rows: word r of a key's stream gives its place in row r of w < 2^32 columns. The column is
// floor(upper half of the word * w / 2^32), and a set lowest bit is the sign -1 (count sketches only).
#pragma once

#include "hypersketch/bits.hpp"
#include "hypersketch/random.hpp"

namespace hypersketch {

template <class Word>
HYPERSKETCH_HD Word atom_word(Word start, uint64_t j) {
  return random_word(start, j);
}

template <class Word>
HYPERSKETCH_HD Word cell_position(Word start, uint64_t i, uint64_t n_cells) {
  return multiply_high(random_word(start, i), Word{} + n_cells);
}

template <class Word>
HYPERSKETCH_HD Word row_column(Word word, uint64_t width) {
  return ((word >> 32) * width) >> 32;
}

template <class Word>
HYPERSKETCH_HD Word row_sign(Word word) {
  return uint64_t{1} - uint64_t{2} * (word & uint64_t{1});  // its lower 32 bits are 1 or -1
}

// Start of the atom that breaks the ties of a majority of an even number of vectors.
HYPERSKETCH_HD uint64_t tie_start(uint64_t seed) { return stream_start(seed_word(seed, Purpose::kTie), uint64_t{0}); }

// Hopfield+-: the sign e of an item, as a set bit for -1.
HYPERSKETCH_HD uint64_t sign_bit(uint64_t word_of_seed, uint64_t hash) { return stream_start(word_of_seed, hash) & 1; }

// Row a of the strict upper triangle of a D x D matrix starts here; it holds the columns a+1 .. D-1.
HYPERSKETCH_HD uint64_t triangle_row(uint64_t a, uint64_t dim) { return a * (2 * dim - a - 1) / 2; }

HYPERSKETCH_HD uint64_t triangle_size(uint64_t dim) { return dim * (dim - 1) / 2; }

}  // namespace hypersketch
