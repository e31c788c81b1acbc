// SPDX-License-Identifier: Apache-2.0
// All rows with all columns by binary tensor cores, for whoever wants every number and not the best: a warp takes 32
// rows and kTiles * 8 columns, rows straight from memory and columns, which the warps of a block share, from the
// first-level cache. Words lie as in search_scan.cuh.
//
// Bottleneck: the second-level cache, which brings a warp's rows once for each group of columns; from about 16 columns
// on, tile products.
#pragma once

#include "search_passes.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kRowsAWarp = 2 * kTileRows;

// Bits in common of a warp's 32 rows with its columns. Lane 4 g + t has rows g, g + 8, g + 16 and g + 24, and of every
// tile columns 2 t and 2 t + 1: number i of `sums` below is row g + 8 (i / 2) and column 2 t + i % 2.
template <unsigned kTiles>
struct CommonBits {
  int sums[2][kTiles][4];
  int ones[4];  // of its rows, which the four lanes of a row add up at the end

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      ones[i] = 0;
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile) sums[0][tile][i] = sums[1][tile][i] = 0;
    }
  }

  template <bool kWide, bool kCounts>
  __device__ __forceinline__ void add(const ScanRows& rows, size_t first_row, const ScanQueries& columns,
                                      size_t first_tile) {
    const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
#pragma unroll 2
    for (unsigned c = 0; c < rows.n_chunks; ++c) {
      const unsigned w = c * kChunkWords + t * kLaneWords;
      uint4 a[4];
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) a[i] = lane_words<kWide>(rows, first_row + g + 8 * i, w);
      if constexpr (kCounts) {
        // Behind the end of a row its last words come again, where no bit counts.
        const uint4 mask = all_bits(columns.dim, w);
#pragma unroll
        for (unsigned i = 0; i < 4; ++i) ones[i] += count_bits(a[i], mask);
      }
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile) {
        const uint4 column = __ldg(columns.chunk(first_tile + tile, rows.n_chunks, c) + lane);
        add_chunk<Bits>(sums[0][tile], a[0], a[1], column);
        add_chunk<Bits>(sums[1][tile], a[2], a[3], column);
      }
    }
    if constexpr (kCounts)
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        ones[i] += __shfl_xor_sync(kWholeWarp, ones[i], 1);
        ones[i] += __shfl_xor_sync(kWholeWarp, ones[i], 2);
      }
  }

  __device__ __forceinline__ int common(unsigned tile, unsigned i) const { return sums[i / 4][tile][i % 4]; }
};

inline ScanRows scan_rows(BitRows rows, size_t dim) {
  constexpr size_t kHalves = sizeof(uint64_t) / sizeof(unsigned);
  const size_t n_words = (dim + 63) / 64 * kHalves;
  return {reinterpret_cast<const unsigned*>(rows.words), rows.n, rows.stride * kHalves, static_cast<unsigned>(n_words),
          static_cast<unsigned>(tiles_of(n_words, kChunkWords))};
}

// Columns in the order of ScanQueries, in memory of their own.
class ArrangedColumns {
 public:
  ArrangedColumns(Place place, BitRows columns, size_t dim, unsigned n_chunks)
      : n_padded_(tiles_of(columns.n, kPadding) * kPadding),
        n_(columns.n),
        dim_(dim),
        fragments_(place, n_padded_ / kTileColumns * n_chunks * kWarp),
        ones_(place, n_padded_) {
    arrange(place, columns, static_cast<unsigned>(dim), n_chunks, n_padded_, fragments_.data(), ones_.data());
  }

  ScanQueries view() const {
    return {fragments_.data(), ones_.data(), static_cast<unsigned>(n_), static_cast<unsigned>(dim_)};
  }

 private:
  size_t n_padded_, n_, dim_;
  Scratch<uint4> fragments_;
  Scratch<int> ones_;
};

// distances.cu: out[row * row_step + column * column_step] is the Hamming distance of a row and a column, for bits
// below the dimension.
struct DistanceTable {
  std::int32_t* out;
  size_t row_step;
  size_t column_step;
};
void all_distances(Place place, BitRows rows, BitRows columns, size_t dim, DistanceTable table);

}  // namespace hypersketch::cuda
