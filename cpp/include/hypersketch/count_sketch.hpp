// SPDX-License-Identifier: Apache-2.0
// Count sketches (signed) and Count-Min sketches: d rows of w cells, a key in one cell of each (layout.hpp).
// Bottleneck: one random increment a row, at the speed of the cache that holds the row. Keys are hashed once and then
// taken row by row, so that one row at a time is in use; the places of a block are computed while the cells of the
// block before are waited for.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "hypersketch/key_batch.hpp"
#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/row_rules.hpp"

namespace hypersketch {

using std::int32_t;
using std::int64_t;
using std::uint32_t;

inline constexpr size_t kRowBlock = 64;
inline constexpr size_t kStartBlock = 512;  // stays in the first cache
inline constexpr size_t kReadBlock = 1024;
inline constexpr size_t kEstimateBlock = 16384;  // a row stays in the cache for so many keys before the next comes
inline constexpr size_t kNearCells = size_t{1} << 20;  // a table of this size still fits a core's own cache

template <class Cell>
const RowKernels<Cell>& row_kernels() {
  if constexpr (std::is_same_v<Cell, int32_t>) return kernels().rows_i32;
  if constexpr (std::is_same_v<Cell, int64_t>) return kernels().rows_i64;
  if constexpr (std::is_same_v<Cell, float>) return kernels().rows_f32;
  if constexpr (std::is_same_v<Cell, double>) return kernels().rows_f64;
}

template <class Cell>
RowView<Cell> row_of(Cell* cells, RowParams params, size_t r) {
  return {cells + r * params.width, params.width, r, params.is_signed};
}

// Starts of the streams of keys first .. first + n.
inline void key_starts(KeyBatch keys, uint64_t seed, size_t first, size_t n, uint64_t* starts) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kRow);
  for (size_t i = 0; i < n; i += kStartBlock) {
    const size_t count = std::min(kStartBlock, n - i);
    kernels().stream_starts(keys.hashes(first + i, count, starts + i), count, word_of_seed, starts + i);
  }
}

// Calls visit(columns, i) for n keys in order; the key's column of row r is columns[r * kRowBlock].
template <class Cell, class Visit>
void for_key_blocks(Cell* cells, RowParams params, const uint64_t* starts, size_t n, Visit&& visit) {
  std::vector<uint32_t> columns(params.depth * kRowBlock);
  const bool far = params.width * params.depth * sizeof(Cell) > kNearCells;
  for (size_t first = 0; first < n; first += kRowBlock) {
    const size_t count = std::min(kRowBlock, n - first);
    for (size_t r = 0; r < params.depth; ++r) {
      uint32_t* const mine = columns.data() + r * kRowBlock;
      kernels().row_places(starts + first, count, r, params.width, mine, nullptr);
      if (far)
        for (size_t i = 0; i < count; ++i) __builtin_prefetch(cells + r * params.width + mine[i], 1, 3);
    }
    for (size_t i = 0; i < count; ++i) visit(columns.data() + i, first + i);
  }
}

template <class Cell>
bool fits(Cell cell, Weight<Cell> change) {
  if constexpr (std::is_integral_v<Cell>) {
    int64_t sum;
    constexpr int64_t most = std::numeric_limits<Cell>::max();
    return !__builtin_add_overflow(static_cast<int64_t>(cell), change, &sum) && sum <= most && sum >= -most;
  } else {
    return std::isfinite(static_cast<Cell>(cell + static_cast<Cell>(change)));
  }
}

// Conservative update: raises only the cells below the key's smallest cell plus its weight, key by key. With `checked`
// returns false at the first key whose cells would leave their range.
template <bool kChecked, class Cell>
bool raise_cells(Cell* cells, RowParams params, const uint64_t* starts, const Weight<Cell>* weights, size_t n) {
  bool all_fit = true;
  for_key_blocks(cells, params, starts, n, [&](const uint32_t* columns, size_t i) {
    const auto cell = [=](size_t r) -> Cell& { return cells[r * params.width + columns[r * kRowBlock]]; };
    Cell smallest = cell(0);
    for (size_t r = 1; r < params.depth; ++r) smallest = std::min(smallest, cell(r));
    const Weight<Cell> weight = weights == nullptr ? 1 : weights[i];
    if constexpr (kChecked) all_fit = all_fit && fits(smallest, weight);
    if (kChecked && !all_fit) return;
    const auto raised = static_cast<Cell>(smallest + static_cast<Cell>(weight));
    for (size_t r = 0; r < params.depth; ++r) cell(r) = std::max(cell(r), raised);
  });
  return all_fit;
}

// Whether all cells of one row stay in their range when the keys are added in order; `row` is a copy to try it on.
template <class Cell>
bool row_fits(Cell* row, RowParams params, size_t r, const uint64_t* starts, const Weight<Cell>* weights, size_t n) {
  std::vector<uint32_t> columns(n);
  std::vector<int32_t> signs(n);
  kernels().row_places(starts, n, r, params.width, columns.data(), signs.data());
  for (size_t i = 0; i < n; ++i) {
    Weight<Cell> change = weights == nullptr ? 1 : weights[i];
    if (params.is_signed && signs[i] < 0) change = -change;
    Cell& cell = row[columns[i]];
    if (!fits(cell, change)) return false;
    cell = static_cast<Cell>(cell + static_cast<Cell>(change));
  }
  return true;
}

// Whether a batch can be added without a cell leaving its range on the way. Changes nothing: it is tried on a copy of
// each row (for conservative update of the whole state).
template <class Cell>
bool sketch_fits(std::span<const Cell> cells, RowParams params, bool conservative, KeyBatch keys,
                 const Weight<Cell>* weights) {
  std::vector<uint64_t> starts(kReadBlock);
  const size_t step = conservative ? cells.size() : params.width;
  for (size_t r = 0; r < (conservative ? 1 : params.depth); ++r) {
    std::vector<Cell> copy(cells.begin() + static_cast<std::ptrdiff_t>(r * step),
                           cells.begin() + static_cast<std::ptrdiff_t>((r + 1) * step));
    for (size_t first = 0; first < keys.size(); first += kReadBlock) {
      const size_t n = std::min(kReadBlock, keys.size() - first);
      key_starts(keys, params.seed, first, n, starts.data());
      const Weight<Cell>* mine = weights == nullptr ? nullptr : weights + first;
      const bool fit = conservative ? raise_cells<true>(copy.data(), params, starts.data(), mine, n)
                                    : row_fits(copy.data(), params, r, starts.data(), mine, n);
      if (!fit) return false;
    }
  }
  return true;
}

// Estimates: the median of a count sketch's signed rows (of an even number of rows the mean of the middle two), the
// smallest row of a Count-Min sketch. `Out` is double, or int64_t where no mean is taken of integers.
template <class Cell>
class RowReader {
 public:
  // `block` keys go through a row at a time.
  RowReader(std::span<const Cell> cells, RowParams params, size_t block = kReadBlock)
      : cells_(cells), params_(params), block_(block), values_(params.depth * block) {}

  template <class Out>
  void read(const uint64_t* starts, size_t n, Out* out) {
    for (size_t first = 0; first < n; first += block_) {
      const size_t count = std::min(block_, n - first);
      for (size_t r = 0; r < params_.depth; ++r)
        row_kernels<Cell>().read(row_of(cells_.data(), params_, r), starts + first, count, values_.data() + r * block_);
      for (size_t i = 0; i < count; i += kReadBlock)
        choose(values_.data() + i, std::min(kReadBlock, count - i), out + first + i);
    }
  }

  // Moves the keys whose estimate may exceed the floor to the front, with their places, and returns how many there are;
  // n is at most kReadBlock. A median needs half of the rows above the floor, a minimum all, so most keys are done
  // with after a few rows.
  size_t keep_above(double floor, uint64_t* starts, uint32_t* places, size_t n) {
    const size_t allowed = estimate_rank(params_);
    std::uint8_t misses[kReadBlock] = {};
    Cell* const values = values_.data();
    for (size_t r = 0; r < params_.depth; ++r) {
      row_kernels<Cell>().read(row_of(cells_.data(), params_, r), starts, n, values);
      size_t kept = 0;
      for (size_t i = 0; i < n; ++i) {
        const bool above = static_cast<double>(values[i]) > floor;
        const auto missed = static_cast<std::uint8_t>(misses[i] + !above);
        starts[kept] = starts[i];
        places[kept] = places[i];
        misses[kept] = missed;
        kept += missed <= allowed;
      }
      n = kept;
    }
    return n;
  }

 private:
  // The estimate of each of n keys from its rows' values.
  template <class Out>
  void choose(Cell* values, size_t n, Out* out) {
    const size_t middle = estimate_rank(params_);
    row_kernels<Cell>().sort(values, block_, params_.depth, n, middle);
    const Cell* upper = values + middle * block_;
    if (is_mean(params_)) {
      const Cell* lower = upper - block_;
      for (size_t i = 0; i < n; ++i)
        out[i] = static_cast<Out>(mean_of(static_cast<double>(lower[i]), static_cast<double>(upper[i])));
    } else {
      for (size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(upper[i]);
    }
  }

  std::span<const Cell> cells_;
  RowParams params_;
  size_t block_;
  std::vector<Cell> values_;
};

template <class Cell, class Out>
void sketch_estimate(std::span<const Cell> cells, RowParams params, KeyBatch keys, Out* out, size_t threads) {
  parallel_for(keys.size(), kEstimateBlock, threads, [&](size_t begin, size_t end) {
    const size_t block = std::min(kEstimateBlock, end - begin);
    RowReader<Cell> reader(cells, params, block);
    std::vector<uint64_t> starts(block);
    for (size_t first = begin; first < end; first += block) {
      const size_t n = std::min(block, end - first);
      key_starts(keys, params.seed, first, n, starts.data());
      reader.read(starts.data(), n, out + first);
    }
  });
}

}  // namespace hypersketch
