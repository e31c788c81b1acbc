// SPDX-License-Identifier: Apache-2.0
// Tile products of groups of four warps, from their definition and the swizzled layout in shared memory. They happen
// when they are issued, so a wait that is missing does not show.
#pragma once

#include "tensor_core.hpp"

namespace cuda_on_cpu {

inline void come_to_barrier(unsigned id, unsigned threads, bool waits, const Place& here = Place::current()) {
  Block::current().come(id, threads, waits, here);
}

// The number at a place counted without the swizzle, which the hardware makes of the address.
inline float swizzled_bfloat(const unsigned char* at) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  std::uint16_t bits;
  std::memcpy(&bits, reinterpret_cast<const void*>(address ^ (address >> 7 & 7) << 4), sizeof bits);
  return bfloat(bits);
}

// Number k = 0..15 of a row.
template <class Tile>
float number_of_row(Tile tile, unsigned row, unsigned k) {
  return swizzled_bfloat(tile.at + row / 8 * 1024 + row % 8 * 128 + k * 2);
}

// The number of row k = 0..15 in a column.
template <class Tile>
float number_of_column(Tile tile, unsigned column, unsigned k) {
  return swizzled_bfloat(tile.at + column / 64 * tile.panel_bytes + column % 64 * 2 + k / 8 * 1024 + k % 8 * 128);
}

template <size_t kSums, class Row, class Column>
void multiply_group(float (&sums)[kSums], bool adds, Row row_number, Column column_number) {
  for (unsigned i = 0; i < kSums; ++i) {
    const unsigned row = lane() / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + lane() % 4 * 2 + i % 2;
    float sum = adds ? sums[i] : 0.0F;
    for (unsigned k = 0; k < 16; ++k) sum += row_number(row, k) * column_number(column, k);
    sums[i] = sum;
  }
}

// Both operands in shared memory, as rows.
template <size_t kSums, class Tile>
void add_rows(float (&sums)[kSums], Tile a, Tile b, bool adds) {
  const unsigned first = threadIdx.x / Meeting::kWarp % 4 * 16;
  multiply_group(
      sums, adds, [=](unsigned row, unsigned k) { return number_of_row(a, first + row, k); },
      [=](unsigned column, unsigned k) { return number_of_row(b, column, k); });
}

// The rows' numbers in registers, and b as columns.
template <size_t kSums, class Tile>
void add_columns(float (&sums)[kSums], const unsigned (&a)[4], Tile b, bool adds,
                 const Place& here = Place::current()) {
  const Fragment* const lanes = all_fragments(a, {}, "multiply_columns", here);
  multiply_group(
      sums, adds,
      [=](unsigned row, unsigned k) { return bfloat(Fragment::of_row(lanes, row, k / 2) >> k % 2 * 16 & 0xFFFF); },
      [=](unsigned column, unsigned k) { return number_of_column(b, column, k); });
}

}  // namespace cuda_on_cpu
