// SPDX-License-Identifier: Apache-2.0
// Many queries: a block multiplies tiles of 128 rows with its own 128 queries (or 64), a warp 32 rows with 64 (32).
// Rows stream through a ring of shared memory by asynchronous copies, chunk by chunk; queries stay there where they
// fit and stream along where they do not. Blocks with different queries take the same rows at about the same time, so
// that rows come from memory once and then from the second-level cache.
//
// Bottleneck: tile products, 36 a warp and chunk, of which 4 count the rows' bits; then shared memory, 3 KiB for 18 of
// them: 24 clocks of 33. On an H200 256 queries and 10^7 rows of 1,024 bits are 2.6e12 bits in common at 4.6e15 a
// second, 0.57 ms (0.64 with the counts); reading the rows from memory once takes 0.30 ms, and 128 queries a block ask
// the second-level cache for 4 TB/s at the full rate. Some 65 % of that rate are expected, 0.9 ms; 16 passes of
// popcounts with 1.25 ms each would be 20.
#pragma once

#include "search_scan.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kManyRows = 128, kStages = 3;
inline constexpr unsigned kRowWarps = 4, kQueryWarps = kWarps / kRowWarps;       // 32 rows and half the queries each
inline constexpr unsigned kStageVectors = kManyRows * kChunkWords / kLaneWords;  // of 16 bytes

// Shared memory of a block behind its lists.
template <unsigned kTiles>
size_t many_bytes(unsigned n_chunks, bool resident) {
  const size_t queries = size_t{resident ? n_chunks : kStages} * kQueryWarps * kTiles * kWarp;
  return (kStages * kStageVectors + queries) * sizeof(uint4);
}

// The copies of one chunk, for which a block takes kBytes at a time.
template <unsigned kBytes>
__device__ __forceinline__ void copy_rows(uint4* stage, const ScanRows& rows, size_t first, unsigned chunk) {
  constexpr unsigned kWordsAtOnce = kBytes / sizeof(unsigned), kPieces = kChunkWords / kWordsAtOnce;
  auto* const to = reinterpret_cast<unsigned*>(stage);
#pragma unroll kBytes == 16 ? 2 : 1
  for (unsigned i = threadIdx.x; i < kManyRows * kPieces; i += kThreads) {
    const size_t row = first + i / kPieces;
    const unsigned w = chunk * kChunkWords + i % kPieces * kWordsAtOnce;
    const bool is_there = row < rows.n && w < rows.n_words;
    copy_async<kBytes>(to + i * kWordsAtOnce, rows.words + (is_there ? row * rows.stride + w : 0), is_there);
  }
}

template <unsigned kTiles>
__device__ __forceinline__ void copy_queries(uint4* to, const ScanQueries& queries, size_t first_tile,
                                             unsigned n_chunks, unsigned chunk) {
#pragma unroll
  for (unsigned i = threadIdx.x; i < kTiles * kWarp; i += kThreads)
    copy_async<16>(to + i, queries.chunk(first_tile + i / kWarp, n_chunks, chunk) + i % kWarp, true);
}

template <class Kind, unsigned kTiles>
struct WarpSums {
  using Sum = typename Kind::Sum;
  Sum sums[2][kTiles][4];
  Sum counts[2][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned r = 0; r < 2; ++r)
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        counts[r][i] = Sum{0};
#pragma unroll
        for (unsigned tile = 0; tile < kTiles; ++tile) sums[r][tile][i] = Sum{0};
      }
  }

  // Of this warp's rows and queries in shared memory. Eight lanes read two rows of 64 bytes side by side, or 128 bytes
  // of queries: no two of them the same bank.
  __device__ __forceinline__ void add(const uint4* rows, const uint4* queries, uint4 ones) {
    const unsigned lane = threadIdx.x % kWarp;
    uint4 a[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) a[i] = rows[8 * i * kLaneWords + lane];
    if constexpr (Kind::kCountsRows) {
      add_chunk<Kind>(counts[0], a[0], a[1], ones);
      add_chunk<Kind>(counts[1], a[2], a[3], ones);
    }
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile) {
      const uint4 column = queries[tile * kWarp + lane];
      add_chunk<Kind>(sums[0][tile], a[0], a[1], column);
      add_chunk<Kind>(sums[1][tile], a[2], a[3], column);
    }
  }

  // Offers those that pass to the lists from `first_list` on.
  template <class Lists>
  __device__ __forceinline__ void offer(const Lists& block, unsigned first_list, size_t first_row, size_t n) const {
    const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile) {
      Sum scores[8];
#pragma unroll
      for (unsigned i = 0; i < 8; ++i) scores[i] = Kind::score(counts[i / 4][i % 4], sums[i / 4][tile][i % 4]);
      offer_scores<Kind>(block, scores, first_list + tile * kTileColumns + 2 * t, first_row + g, n);
    }
  }
};

// Block b takes the queries of group b % n_groups and every n_splits-th tile of rows.
template <class Kind, unsigned kBytes, unsigned kTiles>
__global__ void __launch_bounds__(kThreads, 2)
    scan_many(ScanRows rows, ScanQueries queries, ScanFound found, unsigned n_groups, bool resident) {
  constexpr unsigned kBlockTiles = kQueryWarps * kTiles, kLists = kBlockTiles * kTileColumns;
  const unsigned group = blockIdx.x % n_groups, n_chunks = rows.n_chunks;
  const unsigned split = blockIdx.x / n_groups, n_splits = gridDim.x / n_groups;
  using Lists = BlockLists<Kind, kLists>;
  uint4* const row_stages = shared_memory<uint4>() + Lists::kBytes / sizeof(uint4);
  uint4* const query_stages = row_stages + kStages * kStageVectors;
  const Lists block(queries, found, group * kLists);
  block.begin();

  const auto n_tiles = static_cast<unsigned>((rows.n + kManyRows - 1) / kManyRows);
  unsigned next_tile = split;  // the next chunk to be copied
  unsigned next_chunk = 0, next_stage = 0;
  const auto copy_next = [&] {
    if (next_tile < n_tiles) {
      copy_rows<kBytes>(row_stages + next_stage * kStageVectors, rows, size_t{next_tile} * kManyRows, next_chunk);
      if (!resident)
        copy_queries<kBlockTiles>(query_stages + next_stage * kBlockTiles * kWarp, queries, size_t{group} * kBlockTiles,
                                  n_chunks, next_chunk);
      if (++next_chunk == n_chunks) {
        next_chunk = 0;
        next_tile += n_splits;
      }
    }
    next_stage = next_stage + 1 == kStages ? 0 : next_stage + 1;
    end_copy_group();
  };
  if (resident)
    for (unsigned c = 0; c < n_chunks; ++c)
      copy_queries<kBlockTiles>(query_stages + size_t{c} * kBlockTiles * kWarp, queries, size_t{group} * kBlockTiles,
                                n_chunks, c);
  for (unsigned i = 0; i + 1 < kStages; ++i) copy_next();

  const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const unsigned row_warp = warp % kRowWarps, query_warp = warp / kRowWarps;
  WarpSums<Kind, kTiles> products;
  unsigned stage = 0, tiles = 0;
  for (unsigned tile = split; tile < n_tiles; tile += n_splits) {
    products.clear();
    for (unsigned c = 0; c < n_chunks; ++c) {
      await_copy_groups<kStages - 2>();
      __syncthreads();  // the copies are there, and nobody reads the stage of before
      copy_next();
      products.add(row_stages + stage * kStageVectors + row_warp * 2 * kTileRows * kLaneWords,
                   query_stages + (size_t{resident ? c : stage} * kBlockTiles + query_warp * kTiles) * kWarp,
                   all_bits(queries.dim, c * kChunkWords + lane % 4 * kLaneWords));
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    products.offer(block, query_warp * kTiles * kTileColumns, size_t{tile} * kManyRows + row_warp * 2 * kTileRows,
                   rows.n);
    block.make_room(kManyRows, ++tiles % kListenEvery == 0);
  }
  await_copy_groups<0>();
  block.finish(split, n_splits);
}

}  // namespace hypersketch::cuda
