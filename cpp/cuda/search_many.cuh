// SPDX-License-Identifier: Apache-2.0
// Many queries: a block multiplies tiles of 128 rows with its own 128 queries (or 64), a warp 32 rows with 64 (32).
// Rows stream through a ring of shared memory by asynchronous copies, chunk by chunk; queries stay there where they
// fit and stream along where they do not. Blocks with different queries take the same rows at about the same time, so
// that rows come from memory once and then from the second-level cache.
//
// Bottleneck: tile products, 32 a warp and chunk, 59 clocks of a processor; meanwhile shared memory brings 6 KiB in 48,
// and popcounts of the rows themselves take 32 beside them. On an H200 256 queries and 10^7 rows of 1,024 bits are
// 2.6e12 bits in common at 4.6e15 a second: 0.57 ms. Reading the rows from memory once takes 0.30 ms, and blocks of 128
// queries ask the second-level cache for 4.5 TB/s at the full rate. Some 65 % of it are expected: 0.9 ms. Popcounts,
// three queries a pass over the rows of 0.30 ms, would take 26.
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
  Sum counts[4];  // of rows g, g + 8, g + 16 and g + 24

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      counts[i] = Sum{0};
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile) sums[0][tile][i] = sums[1][tile][i] = Sum{0};
    }
  }

  // Of this warp's rows and queries in shared memory. Eight lanes read two rows of 64 bytes side by side, or 128 bytes
  // of queries: no two of them the same bank.
  __device__ __forceinline__ void add(const uint4* rows, const uint4* queries, unsigned dim, unsigned chunk) {
    const unsigned lane = threadIdx.x % kWarp;
    uint4 a[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) a[i] = rows[8 * i * kLaneWords + lane];
    if constexpr (Kind::kCountsRows) {
      const uint4 mask = all_bits(dim, chunk * kChunkWords + lane % 4 * kLaneWords);
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) counts[i] += count_bits(a[i], mask);
    }
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile) {
      const uint4 column = queries[tile * kWarp + lane];
      add_chunk<Kind>(sums[0][tile], a[0], a[1], column);
      add_chunk<Kind>(sums[1][tile], a[2], a[3], column);
    }
  }

  // Adds up what the four lanes of a row counted.
  __device__ __forceinline__ void finish_counts() {
    if constexpr (Kind::kCountsRows)
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        counts[i] += __shfl_xor_sync(kWholeWarp, counts[i], 1);
        counts[i] += __shfl_xor_sync(kWholeWarp, counts[i], 2);
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
      for (unsigned i = 0; i < 8; ++i) scores[i] = Kind::score(counts[i / 2], sums[i / 4][tile][i % 4]);
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

  const unsigned warp = threadIdx.x / kWarp;
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
                   queries.dim, c);
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    products.finish_counts();
    products.offer(block, query_warp * kTiles * kTileColumns, size_t{tile} * kManyRows + row_warp * 2 * kTileRows,
                   rows.n);
    block.make_room(kManyRows, ++tiles % kListenEvery == 0);
  }
  await_copy_groups<0>();
  block.finish(split, n_splits);
}

}  // namespace hypersketch::cuda
