// SPDX-License-Identifier: Apache-2.0
// Counting Bloom filters: saturating counters of 4, 8, 16 or 32 bits over the positions of layout.hpp. A counter that
// has reached the largest value of its type stays there: what it counted is no longer known, and taking from it could
// hide keys. Bottleneck: one random access a position.
#pragma once

#include <stdexcept>

#include "hypersketch/bloom.hpp"
#include "hypersketch/counters.hpp"

namespace hypersketch {

// Counters of a whole type.
template <class Cell>
struct WholeCells {
  using Stored = Cell;
  static constexpr int64_t kMost = kMostCount<8 * sizeof(Cell)>;
  Cell* cells;

  int64_t get(uint64_t i) const { return static_cast<int64_t>(cells[i]); }
  void set(uint64_t i, int64_t value) const { cells[i] = static_cast<Cell>(value); }
  const void* address(uint64_t i) const { return cells + i; }
};

// Two counters a byte, the even one in the low half.
struct HalfByteCells {
  using Stored = std::uint8_t;
  static constexpr int64_t kMost = kMostCount<4>;
  std::uint8_t* bytes;

  int64_t get(uint64_t i) const { return (bytes[i / 2] >> shift(i)) & 15; }
  void set(uint64_t i, int64_t value) const {
    const unsigned kept = bytes[i / 2] & ~(15U << shift(i));
    bytes[i / 2] = static_cast<std::uint8_t>(kept | static_cast<unsigned>(value) << shift(i));
  }
  const void* address(uint64_t i) const { return bytes + i / 2; }

 private:
  static unsigned shift(uint64_t i) { return static_cast<unsigned>(i % 2) * 4; }
};

inline constexpr uint64_t kPrefetchedCells = uint64_t{1} << 20;  // fewer cells are in a cache

template <class Cells>
void prefetch_cells(Cells cells, CellParams params, const uint64_t* positions, size_t n) {
  if (params.n_cells <= kPrefetchedCells) return;
  for (size_t i = 0; i < n; ++i) __builtin_prefetch(cells.address(positions[i]), 1, 3);
}

// Adds every key's weight (1 when null) and returns how many counters have become saturated.
template <class Cells>
int64_t counting_add(Cells cells, CellParams params, std::span<const uint64_t> hashes, const int64_t* weights) {
  int64_t saturated = 0;
  for_position_blocks(params, hashes, [&](size_t first, size_t n, const uint64_t* positions) {
    prefetch_cells(cells, params, positions, n * params.n_hashes);
    for (size_t j = 0; j < n; ++j) {
      const int64_t weight = weights == nullptr ? 1 : weights[first + j];
      for (size_t i = 0; i < params.n_hashes; ++i) {
        const uint64_t position = positions[i * n + j];
        const int64_t value = cells.get(position);
        if (value == Cells::kMost) continue;
        const int64_t sum = raised(value, weight, Cells::kMost);
        cells.set(position, sum);
        saturated += sum == Cells::kMost;
      }
    }
  });
  return saturated;
}

// Takes `weight` from the key's counters that are not saturated, or nothing from any when one would fall below zero.
template <class Cells>
bool take_key(Cells cells, const uint64_t* positions, size_t stride, size_t n_hashes, int64_t weight) {
  for (size_t i = 0; i < n_hashes; ++i) {
    const uint64_t position = positions[i * stride];
    const int64_t value = cells.get(position);
    if (value == Cells::kMost) continue;
    if (value < weight) {
      while (i-- > 0)  // the same position may have come twice
        if (const uint64_t earlier = positions[i * stride]; cells.get(earlier) != Cells::kMost)
          cells.set(earlier, cells.get(earlier) + weight);
      return false;
    }
    cells.set(position, value - weight);
  }
  return true;
}

// Removes keys up to the first that was not added that often; returns how many were removed.
template <class Cells>
size_t counting_take(Cells cells, CellParams params, std::span<const uint64_t> hashes, const int64_t* weights) {
  size_t done = hashes.size();
  for_position_blocks(params, hashes, [&](size_t first, size_t n, const uint64_t* positions) {
    if (done != hashes.size()) return;
    prefetch_cells(cells, params, positions, n * params.n_hashes);
    for (size_t j = 0; j < n && done == hashes.size(); ++j)
      if (!take_key(cells, positions + j, n, params.n_hashes, weights == nullptr ? 1 : weights[first + j]))
        done = first + j;
  });
  return done;
}

// All or nothing: a refused batch leaves the counters as they were. Putting back saturates none, since what is put
// back was taken from counters below the largest value.
template <class Cells>
void counting_remove(Cells cells, CellParams params, std::span<const uint64_t> hashes, const int64_t* weights) {
  const size_t done = counting_take(cells, params, hashes, weights);
  if (done == hashes.size()) return;
  counting_add(cells, params, hashes.first(done), weights);
  throw std::invalid_argument(kNotAdded);
}

template <class Cells>
int64_t key_count(Cells cells, const uint64_t* positions, size_t stride, size_t n_hashes) {
  return smallest_count([=](uint64_t place) { return cells.get(place); },
                        [=](size_t i) { return positions[i * stride]; }, n_hashes, Cells::kMost);
}

template <class Cells>
void counting_count(Cells cells, CellParams params, std::span<const uint64_t> hashes, int64_t* out, size_t threads) {
  parallel_for(hashes.size(), kBloomGrain, threads, [&](size_t begin, size_t end) {
    for_position_blocks(params, hashes.subspan(begin, end - begin),
                        [&](size_t first, size_t n, const uint64_t* positions) {
                          prefetch_cells(cells, params, positions, n * params.n_hashes);
                          for (size_t j = 0; j < n; ++j)
                            out[begin + first + j] = key_count(cells, positions + j, n, params.n_hashes);
                        });
  });
}

// Whether each key was there once the keys before it had been added; adds all, once each. Returns how many counters
// have become saturated.
template <class Cells>
int64_t counting_test_and_add(Cells cells, CellParams params, std::span<const uint64_t> hashes, bool* out) {
  int64_t saturated = 0;
  for_position_blocks(params, hashes, [&](size_t first, size_t n, const uint64_t* positions) {
    prefetch_cells(cells, params, positions, n * params.n_hashes);
    for (size_t j = 0; j < n; ++j) {
      bool all = true;
      for (size_t i = 0; i < params.n_hashes; ++i) all &= cells.get(positions[i * n + j]) > 0;
      for (size_t i = 0; i < params.n_hashes; ++i) {
        const uint64_t position = positions[i * n + j];
        const int64_t value = cells.get(position);
        if (value == Cells::kMost) continue;
        cells.set(position, value + 1);
        saturated += value + 1 == Cells::kMost;
      }
      out[first + j] = all;
    }
  });
  return saturated;
}

// cells += other, saturating; returns how many counters have become saturated.
template <class Cells>
int64_t counting_merge(Cells cells, Cells other, uint64_t n_cells) {
  int64_t saturated = 0;
  for (uint64_t i = 0; i < n_cells; ++i) {
    const int64_t value = cells.get(i), sum = raised(value, other.get(i), Cells::kMost);
    cells.set(i, sum);
    saturated += value != Cells::kMost && sum == Cells::kMost;
  }
  return saturated;
}

struct CellSums {
  double product = 0;                    // sum of a_i b_i
  uint64_t occupied = 0, saturated = 0;  // counters of a or b above zero, counters of a at the largest value
};

template <class Cells>
CellSums counting_sums(Cells a, Cells b, uint64_t n_cells) {
  CellSums sums;
  for (uint64_t i = 0; i < n_cells; ++i) {
    const int64_t x = a.get(i), y = b.get(i);
    sums.product += static_cast<double>(x) * static_cast<double>(y);
    sums.occupied += (x | y) != 0;
    sums.saturated += x == Cells::kMost;
  }
  return sums;
}

}  // namespace hypersketch
