// SPDX-License-Identifier: Apache-2.0
// All Hamming distances between rows and columns.
#include "common_bits.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTiles = 4, kColumns = kTiles * kTileColumns;

template <bool kWide>
__global__ void __launch_bounds__(kThreads, 2)
    distance_kernel(ScanRows rows, ScanQueries columns, unsigned n_groups, DistanceTable table) {
  const unsigned group = blockIdx.x % n_groups, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const size_t first = (size_t{blockIdx.x / n_groups} * kWarps + threadIdx.x / kWarp) * kRowsAWarp;
  if (first >= rows.n) return;
  CommonBits<kTiles> bits;
  bits.clear();
  bits.template add<kWide, true>(rows, first, columns, size_t{group} * kTiles);
#pragma unroll
  for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
    for (unsigned i = 0; i < 8; ++i) {
      const size_t row = first + g + 8 * (i / 2), column = group * kColumns + tile * kTileColumns + 2 * t + i % 2;
      if (row < rows.n && column < columns.n)
        table.out[row * table.row_step + column * table.column_step] =
            Bits::score(bits.ones[i / 2], bits.common(tile, i)) + __ldg(columns.ones + column);
    }
}

}  // namespace

void all_distances(Place place, BitRows rows, BitRows columns, size_t dim, DistanceTable table) {
  if (rows.n == 0 || columns.n == 0) return;
  const ScanRows scanned = scan_rows(rows, dim);
  const ArrangedColumns arranged(place, columns, dim, scanned.n_chunks);
  const size_t n_groups = tiles_of(columns.n, kColumns), n_blocks = tiles_of(rows.n, size_t{kRowsAWarp} * kWarps);
  launch(place, {static_cast<unsigned>(n_groups * n_blocks), kThreads},
         is_wide(scanned) ? distance_kernel<true> : distance_kernel<false>, scanned, arranged.view(),
         static_cast<unsigned>(n_groups), table);
}

}  // namespace hypersketch::cuda
