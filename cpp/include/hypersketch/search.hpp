// SPDX-License-Identifier: Apache-2.0
// Exact search among packed vectors by Hamming distance: the k nearest rows of every query, or all rows in a radius,
// by distance and then by row. Distances live in registers; only rows nearer than what a query already has leave them.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "hypersketch/bits.hpp"
#include "hypersketch/memory.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

using std::int32_t;
using std::int64_t;

inline constexpr uint64_t kMaxSearchRows = uint64_t{1} << kRowBits;

inline uint64_t distance_of(uint64_t key) { return key >> kRowBits; }
inline uint64_t row_of(uint64_t key) { return key & (kMaxSearchRows - 1); }

// The k nearest rows offered so far, in memory for 2 k keys.
class NearestRows {
 public:
  NearestRows(uint64_t* keys, size_t k, size_t dim) : keys_(keys), k_(k), bound_((uint64_t{dim} + 1) << kRowBits) {}

  // Rows come in ascending order, so one at the distance of the k-th is too late.
  uint64_t limit() const { return distance_of(bound_); }

  void offer(const uint64_t* keys, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      if (keys[i] >= bound_) continue;
      keys_[size_++] = keys[i];
      if (size_ == 2 * k_) shrink();
    }
    if (size_ >= k_ + k_ / 2 || (size_ >= k_ && !full_)) shrink();
  }

  // The keys in order, at most k.
  std::span<const uint64_t> sorted() {
    if (size_ > k_) shrink();
    std::sort(keys_, keys_ + size_);
    return {keys_, size_};
  }

 private:
  void shrink() {
    std::nth_element(keys_, keys_ + (k_ - 1), keys_ + size_);
    bound_ = keys_[k_ - 1];
    size_ = k_;
    full_ = true;
  }

  uint64_t* keys_;
  size_t k_;
  size_t size_ = 0;
  uint64_t bound_;
  bool full_ = false;
};

// All rows within a radius.
class RowsWithin {
 public:
  explicit RowsWithin(size_t radius) : limit_(uint64_t{radius} + 1) {}
  uint64_t limit() const { return limit_; }
  void offer(const uint64_t* keys, size_t n) { keys_.insert(keys_.end(), keys, keys + n); }

  std::span<const uint64_t> sorted() {
    std::sort(keys_.begin(), keys_.end());
    return keys_;
  }

 private:
  uint64_t limit_;
  std::vector<uint64_t> keys_;
};

// A row of a table of all distances.
class AllRows {
 public:
  explicit AllRows(int32_t* distances) : distances_(distances) {}
  static uint64_t limit() { return uint64_t{1} << 31; }
  void offer(const uint64_t* keys, size_t n) {
    for (size_t i = 0; i < n; ++i) distances_[row_of(keys[i])] = static_cast<int32_t>(distance_of(keys[i]));
  }

 private:
  int32_t* distances_;
};

// Part of a batch.
inline RowBatch slice(RowBatch rows, size_t begin, size_t end) {
  return {rows.rows + begin * rows.stride, end - begin, rows.stride, nullptr};
}

// Shows every row to every query's collector. Rows are taken in tiles that stay in the first-level cache while all
// queries pass; from kFewQueries on a tile is worth interleaving.
template <class Collector>
void scan(RowBatch queries, RowBatch rows, size_t first_row, std::span<Collector> collectors) {
  constexpr size_t kTileBytes = size_t{16} << 10, kFewQueries = 8, kUnit = 16;
  const size_t fitting = kTileBytes / (rows.stride * sizeof(uint64_t)) / kUnit * kUnit;
  const size_t tile_rows = std::clamp(fitting, kUnit, kMaxTileRows);
  const bool interleaved = queries.n >= kFewQueries;
  const ClearedMemory tile_memory(interleaved ? tile_rows * rows.stride * sizeof(uint64_t) : 0);  // whole lines
  uint64_t* const tile = static_cast<uint64_t*>(tile_memory.data());
  std::vector<uint64_t> keys(kQueriesAtOnce * kMaxTileRows);
  std::array<size_t, kQueriesAtOnce> counts{};
  std::array<uint64_t, kQueriesAtOnce> limits{};
  for (size_t first = 0; first < rows.n; first += tile_rows) {
    const RowBatch part = slice(rows, first, std::min(rows.n, first + tile_rows));
    const NearRows near{keys.data(), kMaxTileRows, counts.data(), first_row + first};
    if (interleaved) kernels().interleave_rows(part, tile);
    for (size_t q = 0; q < queries.n; q += kQueriesAtOnce) {
      const RowBatch asking = slice(queries, q, std::min(queries.n, q + kQueriesAtOnce));
      for (size_t i = 0; i < asking.n; ++i) limits[i] = collectors[q + i].limit();
      if (interleaved)
        kernels().near_interleaved(tile, part.n, asking, limits.data(), near);
      else
        kernels().near_rows(part, asking, limits.data(), near);
      for (size_t i = 0; i < asking.n; ++i) collectors[q + i].offer(keys.data() + i * kMaxTileRows, counts[i]);
    }
  }
}

// How a search is cut: queries first, for they share nothing, and rows where there are fewer queries than threads
// have use for. What is found does not depend on it.
struct SearchParts {
  size_t queries = 1;
  size_t rows = 1;

  SearchParts(RowBatch asked, RowBatch stored, size_t threads) {
    constexpr size_t kWordsWorthAThread = size_t{1} << 17, kQueriesWorthATile = 16;
    const size_t work = asked.n * stored.n * asked.stride;
    const size_t useful = std::clamp<size_t>(work / kWordsWorthAThread, 1, threads);
    queries = std::clamp<size_t>(asked.n / kQueriesWorthATile, 1, useful);
    rows = std::min(useful / queries, std::max<size_t>(1, stored.n));
  }

  size_t count() const { return queries * rows; }
};

inline size_t bound_of_part(size_t n, size_t part, size_t parts) { return n / parts * part + n % parts * part / parts; }

// Queries whose words and candidates, `keys` of them each, stay in the caches while a tile passes.
inline size_t query_block(size_t n_words, size_t keys) {
  constexpr size_t kQueryBytes = size_t{512} << 10, kKeyBytes = size_t{64} << 20;
  const size_t by_words = std::clamp<size_t>(kQueryBytes / (n_words * sizeof(uint64_t)), 16, 1024);
  return std::clamp<size_t>(kKeyBytes / (keys * sizeof(uint64_t)), kQueriesAtOnce, by_words);
}

inline void write_keys(std::span<const uint64_t> keys, int64_t* rows, int32_t* distances) {
  for (size_t i = 0; i < keys.size(); ++i) {
    rows[i] = static_cast<int64_t>(row_of(keys[i]));
    distances[i] = static_cast<int32_t>(distance_of(keys[i]));
  }
}

// emit(query, keys) for the k nearest of the rows [first_row, first_row + rows.n), k <= rows.n.
template <class Emit>
void nearest_of_part(RowBatch queries, RowBatch rows, size_t first_row, size_t dim, size_t k, Emit&& emit) {
  const size_t block = std::min(queries.n, query_block(rows.stride, 2 * k));
  std::vector<uint64_t> keys(block * 2 * k);
  std::vector<NearestRows> collectors;
  for (size_t first = 0; first < queries.n; first += block) {
    const RowBatch part = slice(queries, first, std::min(queries.n, first + block));
    collectors.clear();
    for (size_t i = 0; i < part.n; ++i) collectors.emplace_back(&keys[i * 2 * k], k, dim);
    scan(part, rows, first_row, std::span<NearestRows>(collectors));
    for (size_t i = 0; i < part.n; ++i) emit(first + i, collectors[i].sorted());
  }
}

// Row q of `indices` and `distances`: the k rows nearest to query q, 1 <= k <= rows.n.
inline void hamming_top_k(RowBatch queries, RowBatch rows, size_t dim, size_t k, int64_t* indices, int32_t* distances,
                          size_t threads) {
  const SearchParts parts(queries, rows, threads);
  std::vector<std::vector<uint64_t>> found(parts.rows > 1 ? queries.n * parts.rows : 0);
  parallel_for(parts.count(), 1, threads, [&](size_t begin, size_t end) {
    for (size_t task = begin; task < end; ++task) {
      const size_t part = task % parts.rows, chosen = task / parts.rows;
      const size_t q = bound_of_part(queries.n, chosen, parts.queries);
      const size_t first = bound_of_part(rows.n, part, parts.rows);
      const RowBatch asked = slice(queries, q, bound_of_part(queries.n, chosen + 1, parts.queries));
      const RowBatch stored = slice(rows, first, bound_of_part(rows.n, part + 1, parts.rows));
      nearest_of_part(asked, stored, first, dim, std::min(k, stored.n), [&](size_t i, std::span<const uint64_t> keys) {
        if (parts.rows == 1)
          write_keys(keys, indices + (q + i) * k, distances + (q + i) * k);
        else
          found[(q + i) * parts.rows + part].assign(keys.begin(), keys.end());
      });
    }
  });
  if (parts.rows == 1) return;
  std::vector<uint64_t> all;
  for (size_t q = 0; q < queries.n; ++q) {
    all.clear();
    for (size_t part = 0; part < parts.rows; ++part) {
      const auto& keys = found[q * parts.rows + part];
      all.insert(all.end(), keys.begin(), keys.end());
    }
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
    write_keys({all.data(), k}, indices + q * k, distances + q * k);
  }
}

// look(asked, stored, first_query, first_row, part) for blocks of queries and the parts of the rows, by threads.
template <class Look>
void for_blocks(RowBatch queries, RowBatch rows, SearchParts parts, size_t threads, Look&& look) {
  parallel_for(parts.count(), 1, threads, [&](size_t begin, size_t end) {
    for (size_t task = begin; task < end; ++task) {
      const size_t part = task % parts.rows, chosen = task / parts.rows;
      const size_t first = bound_of_part(rows.n, part, parts.rows);
      const RowBatch stored = slice(rows, first, bound_of_part(rows.n, part + 1, parts.rows));
      const size_t q = bound_of_part(queries.n, chosen, parts.queries);
      const size_t last = bound_of_part(queries.n, chosen + 1, parts.queries);
      const size_t block = query_block(rows.stride, 1);
      for (size_t i = q; i < last; i += block)
        look(slice(queries, i, std::min(last, i + block)), stored, i, first, part);
    }
  });
}

// Row q of `distances`: those of query q to all rows.
inline void hamming_distances(RowBatch queries, RowBatch rows, int32_t* distances, size_t threads) {
  const SearchParts parts(queries, rows, threads);
  for_blocks(queries, rows, parts, threads,
             [&](RowBatch asked, RowBatch stored, size_t first_query, size_t first_row, size_t) {
               std::vector<AllRows> tables;
               for (size_t i = 0; i < asked.n; ++i) tables.emplace_back(distances + (first_query + i) * rows.n);
               scan(asked, stored, first_row, std::span<AllRows>(tables));
             });
}

// Keys of all rows within the radius of every query, in order.
inline std::vector<std::vector<uint64_t>> hamming_range(RowBatch queries, RowBatch rows, size_t radius,
                                                        size_t threads) {
  const SearchParts parts(queries, rows, threads);
  std::vector<RowsWithin> found(queries.n * parts.rows, RowsWithin(radius));
  for_blocks(queries, rows, parts, threads,
             [&](RowBatch asked, RowBatch stored, size_t first_query, size_t first_row, size_t part) {
               const std::span<RowsWithin> mine(&found[part * queries.n + first_query], asked.n);
               scan(asked, stored, first_row, mine);
             });
  std::vector<std::vector<uint64_t>> keys(queries.n);
  for (size_t q = 0; q < queries.n; ++q) {
    for (size_t part = 0; part < parts.rows; ++part) {
      const auto more = found[part * queries.n + q].sorted();
      keys[q].insert(keys[q].end(), more.begin(), more.end());
    }
    if (parts.rows > 1) std::sort(keys[q].begin(), keys[q].end());
  }
  return keys;
}

}  // namespace hypersketch
