// SPDX-License-Identifier: Apache-2.0
// Estimates of keys' weights: a thread reads its key's cells of all rows and takes their median or smallest.
// Bottleneck: one sector of the table a key and row, so all of a key's reads are on their way before the first is used.
// Medians are chosen in registers by the exchanges that the CPU makes, so that even NaN comes out alike; only depths
// that hardly occur go through local memory.
#include "hypersketch/row_rules.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

constexpr int kFewRows = 8;
constexpr int kMostRows = 64;

template <class Cell>
__device__ __forceinline__ Cell row_value(const Cell* cells, RowParams params, uint64_t start, uint64_t r) {
  const KeyCell cell = key_cell(params, start, r);
  return static_cast<Cell>(negated_if(cell.negative, static_cast<Sum<Cell>>(__ldg(cells + cell.index))));
}

template <class Cell>
__device__ __forceinline__ void sort_pair(Cell& low, Cell& high) {
  const Cell a = low, b = high;
  low = b < a ? b : a;
  high = b < a ? a : b;
}

// The median by selection: pass s brings the s-th smallest value to place s.
template <class Out, class Cell>
__device__ __forceinline__ Out median_of(Cell* values, int depth) {
  const int middle = depth / 2;
#pragma unroll
  for (int s = 0; s <= middle; ++s)
#pragma unroll
    for (int r = s + 1; r < depth; ++r) sort_pair(values[s], values[r]);
  if (depth % 2 != 0) return static_cast<Out>(values[middle]);
  return static_cast<Out>(mean_of(static_cast<double>(values[middle - 1]), static_cast<double>(values[middle])));
}

template <int kDepth, class Cell, class Out>
__global__ void __launch_bounds__(kThreads)
    median_of_few(const Cell* cells, RowParams params, Streams streams, Out* out) {
  const size_t i = thread_index();
  if (i >= streams.keys.n) return;
  const uint64_t start = streams.start(i);
  Cell values[kDepth];
#pragma unroll
  for (int r = 0; r < kDepth; ++r) values[r] = row_value(cells, params, start, static_cast<uint64_t>(r));
  out[i] = median_of<Out>(values, kDepth);
}

template <class Cell, class Out>
__global__ void __launch_bounds__(kThreads)
    median_of_many(const Cell* cells, RowParams params, Streams streams, Out* out) {
  const size_t i = thread_index();
  if (i >= streams.keys.n) return;
  const uint64_t start = streams.start(i);
  Cell values[kMostRows];
  const int depth = static_cast<int>(params.depth);
  for (int r = 0; r < depth; ++r) values[r] = row_value(cells, params, start, static_cast<uint64_t>(r));
  out[i] = median_of<Out>(values, depth);
}

template <class Cell, class Out>
__global__ void __launch_bounds__(kThreads) smallest(const Cell* cells, RowParams params, Streams streams, Out* out) {
  const size_t i = thread_index();
  if (i >= streams.keys.n) return;
  const uint64_t start = streams.start(i);
  Cell least = row_value(cells, params, start, 0);
#pragma unroll 8
  for (uint64_t r = 1; r < params.depth; ++r) {
    const Cell value = row_value(cells, params, start, r);
    least = value < least ? value : least;
  }
  out[i] = static_cast<Out>(least);
}

template <class Cell, class Out>
using EstimateKernel = void (*)(const Cell*, RowParams, Streams, Out*);

// The median of kDepth rows or fewer.
template <int kDepth, class Cell, class Out>
EstimateKernel<Cell, Out> median_kernel(size_t depth) {
  if constexpr (kDepth > 1)
    if (depth < kDepth) return median_kernel<kDepth - 1, Cell, Out>(depth);
  return median_of_few<kDepth, Cell, Out>;
}

template <class Cell, class Out>
EstimateKernel<Cell, Out> estimate_kernel(RowParams params) {
  if (!params.is_signed) return smallest<Cell, Out>;
  if (params.depth > kFewRows) return median_of_many<Cell, Out>;
  return median_kernel<kFewRows, Cell, Out>(params.depth);
}

}  // namespace

template <class Cell, class Out>
void sketch_estimate(Place place, const Cell* cells, RowParams params, Keys keys, Out* out) {
  if (keys.n == 0) return;
  if (params.depth > kMostRows) throw Error("A sketch has at most " + std::to_string(kMostRows) + " rows.");
  const OnDevice on(place.device);
  launch(place, grid_for(keys.n), estimate_kernel<Cell, Out>(params), cells, params, row_streams(keys, params), out);
}

template void sketch_estimate(Place, const std::int32_t*, RowParams, Keys, std::int64_t*);
template void sketch_estimate(Place, const std::int32_t*, RowParams, Keys, double*);
template void sketch_estimate(Place, const std::int64_t*, RowParams, Keys, std::int64_t*);
template void sketch_estimate(Place, const std::int64_t*, RowParams, Keys, double*);
template void sketch_estimate(Place, const float*, RowParams, Keys, double*);
template void sketch_estimate(Place, const double*, RowParams, Keys, double*);

}  // namespace hypersketch::cuda
