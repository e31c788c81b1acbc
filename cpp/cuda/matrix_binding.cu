// SPDX-License-Identifier: Apache-2.0
// How VTB and TVTB bind: rows are square matrices, of which each is multiplied with one of another batch. A block takes
// tiles of 16 x 16 numbers of a product, a thread one of them, and both factors pass through shared memory 16 deep.
// Products of floats are exact in double precision, in which they are added by depth and multiplied with the root of
// the side: side + 1 roundings of 2^-53, of the sum of the magnitudes, and then one to single precision. The order is
// the same in every batch and on every GPU. Bottleneck: shared memory and double precision, two numbers for a sum.
#include <cmath>

#include "runtime.cuh"
#include "spectra.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTile = 16;
static_assert(kTile * kTile == kThreads);

struct Tiles {
  size_t side;    // of a matrix
  size_t across;  // tiles along it
  size_t n;       // of all products
};

// A tile of the left factor, and of the right one, which may be turned; zeros beyond their ends. Neighbouring threads
// read neighbouring numbers.
__device__ __forceinline__ void load(float (&tile)[kTile][kTile + 1], const float* matrix, size_t side, size_t row,
                                     size_t column, bool turned) {
  const unsigned down = threadIdx.x / kTile, across = threadIdx.x % kTile;
  const bool is_there = row + down < side && column + across < side;
  const float number = is_there ? matrix[(row + down) * side + column + across] : 0.0F;
  (turned ? tile[across][down] : tile[down][across]) = number;
}

__global__ void __launch_bounds__(kThreads)
    multiply(ComplexRows a, ComplexRows b, Tiles tiles, bool turned, double scale, float* out, unsigned* strange) {
  __shared__ float left[kTile][kTile + 1], right[kTile][kTile + 1];
  const unsigned down = threadIdx.x / kTile, across = threadIdx.x % kTile;
  const size_t side = tiles.side, size = side * side, a_product = tiles.across * tiles.across;
  bool mine = false;
  for (size_t t = blockIdx.x; t < tiles.n; t += gridDim.x) {
    const size_t pair = t / a_product, tile = t - pair * a_product;
    const size_t row = tile / tiles.across * kTile, column = tile % tiles.across * kTile;
    const float* const x = a.numbers + (a.n == 1 ? 0 : pair * size);
    const float* const y = b.numbers + (b.n == 1 ? 0 : pair * size);
    double total = 0;
    for (size_t deep = 0; deep < side; deep += kTile) {
      __syncthreads();
      load(left, x, side, row, deep, false);
      load(right, y, side, turned ? column : deep, turned ? deep : column, turned);
      __syncthreads();
#pragma unroll
      for (unsigned k = 0; k < kTile; ++k)
        total = __dadd_rn(total, __dmul_rn(double{left[down][k]}, double{right[k][across]}));
    }
    if (row + down >= side || column + across >= side) continue;
    const auto made = static_cast<float>(__dmul_rn(total, scale));
    out[pair * size + (row + down) * side + column + across] = made;
    mine |= made * 0.0F != 0.0F;  // as where a factor is not finite
  }
  if (mine) atomicOr(strange, 1U);
}

}  // namespace

bool multiply_matrices(Place place, ComplexRows a, ComplexRows b, size_t side, bool turned, float* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const size_t across = (side + kTile - 1) / kTile;
  const Tiles tiles{side, across, across * across * std::max(a.n, b.n)};
  const Grid grid{static_cast<unsigned>(std::min<size_t>(tiles.n, 1U << 20))};
  launch(place, grid, multiply, a, b, tiles, turned, std::sqrt(static_cast<double>(side)), out, strange.data());
  return strange.silent();
}

}  // namespace hypersketch::cuda
