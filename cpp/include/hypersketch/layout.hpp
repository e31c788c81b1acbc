// SPDX-License-Identifier: Apache-2.0
// What the bits mean. Every kernel, the GPU and the tests read a state through these rules.
//
// Dense atom of dimension D: ceil(D/64) words; bit d is bit (d mod 64) of word d/64. A set bit is the value -1 and
// a clear bit +1, so that the product of two atoms (binding) is the XOR of their words. Bits beyond D are zero.
// Bloom and counting Bloom cells: the i-th of k positions of a key in m cells is floor(word_i * m / 2^64); two of
// the k positions may coincide, as in the classical analysis.
// Blocked Bloom filters: a key owns one block, floor((w >> 32) * blocks / 2^32) for its word w, and sets bits only
// there.
//   split-block, 256 bits: one bit in each of 8 lanes of 32 bits, (uint32(w) * salt_lane) >> 27. The word w of a filter
//     with seed 0 is the key's hash itself: exactly the filter of Apache Parquet (parquet-format, BloomFilter.md).
//   cache-line, 512 bits: 8 lanes of 64 bits; bit i of k <= 16 lies in lane (w + i) mod 8, at the top six bits of
//     v * salt_lane for i < 8 and at the next six for the others, v being word 0 of the stream that starts at w.
// Count-sketch and Count-Min rows: word r of a key's stream gives its place in row r of w < 2^32 columns. The column is
// floor(upper half of the word * w / 2^32), and a set lowest bit is the sign -1 (count sketches only).
// A sparse projection to m outputs with s entries a feature is a count sketch of s rows laid end to end: row r is the
// outputs [floor(r m / s), floor((r + 1) m / s)).
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

inline constexpr size_t kBlockLanes = 8;
inline constexpr size_t kSplitWords = 4, kLineWords = 8;  // 64-bit words a block
inline constexpr size_t kMaxLineHashes = 16;

HYPERSKETCH_HD uint64_t block_index(uint64_t word, uint64_t n_blocks) { return ((word >> 32) * n_blocks) >> 32; }

// Salts by lane. Functions, because GPU code reads no table of a namespace, and because a table that two levels share
// would be one for both.
struct SplitSalts {
  std::uint32_t of_lane[kBlockLanes];
};
struct LineSalts {
  uint64_t of_lane[kBlockLanes];
};

// Published with Parquet's filter. A choice and no table, which a GPU would keep in memory.
HYPERSKETCH_HD constexpr std::uint32_t split_salt(size_t lane) {
  return lane == 0   ? 0x47b6137bU
         : lane == 1 ? 0x44974d91U
         : lane == 2 ? 0x8824ad5bU
         : lane == 3 ? 0xa2b7289dU
         : lane == 4 ? 0x705495c7U
         : lane == 5 ? 0x2df1424bU
         : lane == 6 ? 0x9efc4947U
                     : 0x5c6bfb31U;
}

HYPERSKETCH_HD constexpr SplitSalts split_salts() {
  return {{split_salt(0), split_salt(1), split_salt(2), split_salt(3), split_salt(4), split_salt(5), split_salt(6),
           split_salt(7)}};
}

HYPERSKETCH_HD constexpr uint64_t line_salt(size_t lane) { return mix64((lane + 1) * kGamma) | 1; }

HYPERSKETCH_HD constexpr LineSalts line_salts() {
  return {
      {line_salt(0), line_salt(1), line_salt(2), line_salt(3), line_salt(4), line_salt(5), line_salt(6), line_salt(7)}};
}

// The word whose top twelve bits place a key's bits in a lane of a cache-line block, after a product with its salt.
template <class Word>
HYPERSKETCH_HD Word line_word(Word start) {
  return random_word(start, 0);
}

// The bits of a key in 64-bit word j of its block.
HYPERSKETCH_HD uint64_t split_block_mask(uint64_t word, std::uint32_t first_salt, std::uint32_t second_salt) {
  const auto low = static_cast<std::uint32_t>(word);
  return uint64_t{1} << ((low * first_salt) >> 27) | uint64_t{1} << (((low * second_salt) >> 27) + 32);
}

HYPERSKETCH_HD uint64_t split_block_mask(uint64_t word, size_t j) {
  return split_block_mask(word, split_salt(2 * j), split_salt(2 * j + 1));
}

// The same with `placed` = line_word(word), which the words of a block share.
HYPERSKETCH_HD uint64_t cache_line_mask(uint64_t word, uint64_t placed, size_t n_hashes, size_t j, uint64_t salt) {
  const uint64_t product = placed * salt;
  const uint64_t first = (j - word) % kBlockLanes;  // of the bits that fall into this lane; the other is first + 8
  const uint64_t one = uint64_t{first < n_hashes} << (product >> 58);
  const uint64_t other = uint64_t{first + kBlockLanes < n_hashes} << ((product >> 52) & 63);
  return one | other;
}

HYPERSKETCH_HD uint64_t cache_line_mask(uint64_t word, uint64_t placed, size_t n_hashes, size_t j) {
  return cache_line_mask(word, placed, n_hashes, j, line_salt(j));
}

template <class Word>
HYPERSKETCH_HD Word row_column(Word word, uint64_t width) {
  return ((word >> 32) * width) >> 32;
}

template <class Word>
HYPERSKETCH_HD Word row_sign(Word word) {
  return uint64_t{1} - uint64_t{2} * (word & uint64_t{1});  // its lower 32 bits are 1 or -1
}

HYPERSKETCH_HD uint64_t block_begin(uint64_t r, uint64_t n_blocks, uint64_t n_outputs) {
  return r * n_outputs / n_blocks;
}

// Start of the atom that breaks the ties of a majority of an even number of vectors.
HYPERSKETCH_HD uint64_t tie_start(uint64_t seed) { return stream_start(seed_word(seed, Purpose::kTie), uint64_t{0}); }

// Hopfield+-: the sign e of an item, as a set bit for -1.
HYPERSKETCH_HD uint64_t sign_bit(uint64_t word_of_seed, uint64_t hash) { return stream_start(word_of_seed, hash) & 1; }

// Row a of the strict upper triangle of a D x D matrix starts here; it holds the columns a+1 .. D-1.
HYPERSKETCH_HD uint64_t triangle_row(uint64_t a, uint64_t dim) { return a * (2 * dim - a - 1) / 2; }

HYPERSKETCH_HD uint64_t triangle_size(uint64_t dim) { return dim * (dim - 1) / 2; }

}  // namespace hypersketch
