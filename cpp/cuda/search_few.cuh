// SPDX-License-Identifier: Apache-2.0
// Few queries: every row is read once, straight from memory into the registers of the lanes that multiply it, and
// queries come from the first-level cache. A tensor core multiplies 16 rows with 8 queries and, as one column more,
// with all ones, which counts the rows' bits.
//
// Bottleneck: memory. On an H200 (132 processors at 1.98 GHz, 4.3 TB/s from memory) a row of 1,024 bits arrives every
// 7.8 clocks a processor; its tile products with 16 queries and the ones, 3 x 4 for 16 rows at 0.54 a clock, take 1.4.
// Popcounts, 16 a clock, would take 2 clocks a query and row, so they do for up to 3 queries and no more.
#pragma once

#include "search_scan.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kFewRowsAWarp = 2 * kTileRows;
inline constexpr unsigned kFewRows = kWarps * kFewRowsAWarp;  // of a block, between two looks at its lists

template <class Kind, bool kWide, unsigned kTiles>
__global__ void __launch_bounds__(kThreads, 3) scan_few(ScanRows rows, ScanQueries queries, ScanFound found) {
  using Sum = typename Kind::Sum;
  const BlockLists<Kind, kTiles * kTileColumns> block(queries, found, 0);
  block.begin();
  const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  unsigned tiles = 0;
  for (size_t first = size_t{blockIdx.x} * kFewRows; first < rows.n; first += size_t{gridDim.x} * kFewRows) {
    const size_t mine = first + threadIdx.x / kWarp * kFewRowsAWarp;
    Sum sums[2][kTiles][4] = {}, counts[2][4] = {};
#pragma unroll 2
    for (unsigned c = 0; c < rows.n_chunks; ++c) {
      const unsigned w = c * kChunkWords + t * kLaneWords;
      uint4 a[4];
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) a[i] = lane_words<kWide>(rows, mine + g + 8 * i, w);
      if constexpr (Kind::kCountsRows) {
        const uint4 ones = all_bits(queries.dim, w);
        add_chunk<Kind>(counts[0], a[0], a[1], ones);
        add_chunk<Kind>(counts[1], a[2], a[3], ones);
      }
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile) {
        const uint4 column = __ldg(queries.chunk(tile, rows.n_chunks, c) + lane);
        add_chunk<Kind>(sums[0][tile], a[0], a[1], column);
        add_chunk<Kind>(sums[1][tile], a[2], a[3], column);
      }
    }
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile) {
      Sum scores[8];
#pragma unroll
      for (unsigned i = 0; i < 8; ++i) scores[i] = Kind::score(counts[i / 4][i % 4], sums[i / 4][tile][i % 4]);
      offer_scores<Kind>(block, scores, tile * kTileColumns + 2 * t, mine + g, rows.n);
    }
    block.make_room(kFewRows, ++tiles % kListenEvery == 0);
  }
  block.finish(blockIdx.x, gridDim.x);
}

}  // namespace hypersketch::cuda
