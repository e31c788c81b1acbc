// SPDX-License-Identifier: Apache-2.0
// Products of matrices. A block takes 64 x 64 elements, a thread 4 x 4 of them, and both factors pass through shared
// memory 16 deep. The depth is cut into chunks whose sums are added in order, by one block or, where there are too few
// blocks for the GPU, by one a chunk: an element is the same either way, and so in every batch.
//
// Bottleneck: shared memory, two vectors of four numbers for 16 products; for few rows, reading the other factor once.
#include "matmul.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTile = 64, kDeep = 16, kEach = 4;
constexpr unsigned kPitch = kTile + 4;  // numbers from one depth to the next: numbers along the depth differ in bank
constexpr unsigned kRowThreads = kTile / kEach;  // threads along a side of the tile
static_assert(kRowThreads * kRowThreads == kThreads);
constexpr size_t kChunk = 512;
constexpr size_t kMostPartials = size_t{1} << 26;  // bytes of sums of chunks

// 64 rows or columns, 16 deep, of a factor; beyond its ends zeros.
template <class T, class Sum>
__device__ __forceinline__ void load_tile(Sum (*tile)[kPitch], const T* values, size_t step, size_t deep_step,
                                          size_t first, size_t n, size_t deep, size_t end) {
  const bool along_depth = deep_step == 1;  // so that neighbouring threads read neighbouring numbers
#pragma unroll
  for (unsigned i = 0; i < kTile * kDeep / kThreads; ++i) {
    const unsigned k = along_depth ? threadIdx.x % kDeep : threadIdx.x / kTile + i * (kThreads / kTile);
    const unsigned r = along_depth ? threadIdx.x / kDeep + i * (kThreads / kDeep) : threadIdx.x % kTile;
    const bool is_there = first + r < n && deep + k < end;
    tile[k][r] = is_there ? static_cast<Sum>(values[(first + r) * step + (deep + k) * deep_step]) : Sum{0};
  }
}

template <class T, class Sum>
struct Product {
  Factor<T> left;
  Factor<T> right;
  ProductShape shape;
  const Sum* base;
  Sum kept;
  Sum* out;
  Sum* partials;  // of the chunks, or null where a block adds them up
};

template <class T, class Sum>
__global__ void __launch_bounds__(kThreads)
    multiply_kernel(Product<T, Sum> product, size_t tiles_across, size_t n_tiles) {
  auto* const left = reinterpret_cast<Sum(*)[kPitch]>(shared_memory<Sum>());
  auto* const right = left + kDeep;
  const size_t tile = blockIdx.x % n_tiles, only = blockIdx.x / n_tiles;
  const size_t row = tile / tiles_across * kTile, column = tile % tiles_across * kTile;
  const unsigned down = threadIdx.x / kRowThreads * kEach, across = threadIdx.x % kRowThreads * kEach;
  const ProductShape shape = product.shape;
  const size_t begin = product.partials == nullptr ? 0 : only * kChunk;
  const size_t end = product.partials == nullptr || begin + kChunk > shape.depth ? shape.depth : begin + kChunk;
  Sum totals[kEach][kEach] = {}, sums[kEach][kEach] = {};
  for (size_t deep = begin; deep < end; deep += kDeep) {
    __syncthreads();
    load_tile(left, product.left.values, product.left.row_step, product.left.column_step, row, shape.n_rows, deep, end);
    load_tile(right, product.right.values, product.right.column_step, product.right.row_step, column, shape.n_columns,
              deep, end);
    __syncthreads();
#pragma unroll
    for (unsigned k = 0; k < kDeep; ++k)
#pragma unroll
      for (unsigned i = 0; i < kEach; ++i)
#pragma unroll
        for (unsigned j = 0; j < kEach; ++j) sums[i][j] += left[k][down + i] * right[k][across + j];
    if ((deep + kDeep) % kChunk != 0 && deep + kDeep < end) continue;
#pragma unroll
    for (unsigned i = 0; i < kEach; ++i)
#pragma unroll
      for (unsigned j = 0; j < kEach; ++j) {
        totals[i][j] += sums[i][j];
        sums[i][j] = Sum{0};
      }
  }
#pragma unroll
  for (unsigned i = 0; i < kEach; ++i)
#pragma unroll
    for (unsigned j = 0; j < kEach; ++j) {
      const size_t r = row + down + i, c = column + across + j;
      if (r >= shape.n_rows || c >= shape.n_columns) continue;
      const size_t at = r * shape.n_columns + c;
      if (product.partials != nullptr)
        product.partials[only * shape.n_rows * shape.n_columns + at] = totals[i][j];
      else
        product.out[at] = product.base == nullptr ? totals[i][j] : product.kept * product.base[at] + totals[i][j];
    }
}

template <class T, class Sum>
__global__ void add_chunks(Product<T, Sum> product, size_t n_chunks) {
  const size_t n = product.shape.n_rows * product.shape.n_columns;
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) {
    Sum sum{0};
    for (size_t chunk = 0; chunk < n_chunks; ++chunk) sum += product.partials[chunk * n + i];
    product.out[i] = product.base == nullptr ? sum : product.kept * product.base[i] + sum;
  }
}

}  // namespace

template <class T, class Sum>
void multiply(Place place, Factor<T> left, Factor<T> right, ProductShape shape, const std::type_identity_t<Sum>* base,
              std::type_identity_t<Sum> kept, Sum* out) {
  if (shape.n_rows == 0 || shape.n_columns == 0) return;
  const OnDevice on(place.device);
  const size_t tiles_across = (shape.n_columns + kTile - 1) / kTile;
  const size_t n_tiles = tiles_across * ((shape.n_rows + kTile - 1) / kTile);
  const size_t n_chunks = std::max<size_t>(1, (shape.depth + kChunk - 1) / kChunk);
  const auto processors = static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount));
  const size_t n_partials = n_chunks * shape.n_rows * shape.n_columns;
  const bool split = n_chunks > 1 && n_tiles < 2 * processors && n_partials * sizeof(Sum) <= kMostPartials;
  const Scratch<Sum> partials(place, split ? n_partials : 0);
  const Product<T, Sum> product{left, right, shape, base, kept, out, partials.data()};
  launch(place, {static_cast<unsigned>(n_tiles * (split ? n_chunks : 1)), kThreads, 2 * kDeep * kPitch * sizeof(Sum)},
         multiply_kernel<T, Sum>, product, tiles_across, n_tiles);
  if (split) launch(place, grid_for(shape.n_rows * shape.n_columns), add_chunks<T, Sum>, product, n_chunks);
}

template void multiply<float>(Place, Factor<float>, Factor<float>, ProductShape, const float*, float, float*);
template void multiply<float, double>(Place, Factor<float>, Factor<float>, ProductShape, const double*, double,
                                      double*);
template void multiply<double>(Place, Factor<double>, Factor<double>, ProductShape, const double*, double, double*);

}  // namespace hypersketch::cuda
