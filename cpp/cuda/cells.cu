// SPDX-License-Identifier: Apache-2.0
// Whole tables of cells: sums, differences, inner products, and the range of their values. All of it runs at the speed
// of memory, with four loads of a thread on their way at once.
#include "counter.cuh"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kEach = 4;           // elements a thread has in flight
constexpr unsigned kRangeBlocks = 512;  // whose least and most values the host compares

struct Plus {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Minus {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a - b;
  }
};

// The arrays may be the same.
template <class Operation, class T>
__global__ void __launch_bounds__(kThreads) combine(T* cells, const T* others, size_t n) {
  const size_t first = size_t{blockIdx.x} * (kEach * kThreads) + threadIdx.x;
  T mine[kEach], theirs[kEach];
#pragma unroll
  for (unsigned k = 0; k < kEach; ++k) {
    const size_t i = first + k * kThreads;
    if (i < n) mine[k] = cells[i], theirs[k] = others[i];
  }
#pragma unroll
  for (unsigned k = 0; k < kEach; ++k) {
    const size_t i = first + k * kThreads;
    if (i < n) cells[i] = Operation{}(mine[k], theirs[k]);
  }
}

template <class Operation, class Cell>
void combine_cells(Place place, Cell* cells, const Cell* others, size_t n) {
  if (n == 0) return;
  const OnDevice on(place.device);
  using T = Sum<Cell>;
  launch(place, grid_for(n, kEach), combine<Operation, T>, reinterpret_cast<T*>(cells),
         reinterpret_cast<const T*>(others), n);
}

template <class Cell>
__host__ __device__ __forceinline__ Extremes<Cell> joined(Extremes<Cell> a, Extremes<Cell> b) {
  return {b.least < a.least ? b.least : a.least, a.most < b.most ? b.most : a.most};
}

template <class Cell>
__global__ void __launch_bounds__(kThreads) find_extremes(const Cell* cells, size_t n, Extremes<Cell>* out) {
  __shared__ Extremes<Cell> found[kThreads];
  const size_t stride = size_t{gridDim.x} * kThreads;
  Extremes<Cell> mine{cells[0], cells[0]};
#pragma unroll 4
  for (size_t i = thread_index(); i < n; i += stride) mine = joined(mine, {cells[i], cells[i]});
  found[threadIdx.x] = mine;
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) found[threadIdx.x] = joined(found[threadIdx.x], found[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) out[blockIdx.x] = found[0];
}

__global__ void __launch_bounds__(kThreads)
    multiply_cells(const std::int32_t* a, const std::int32_t* b, size_t n, unsigned long long* sum) {
  const size_t stride = size_t{gridDim.x} * kThreads;
  std::int64_t mine = 0;
#pragma unroll 4
  for (size_t i = thread_index(); i < n; i += stride) mine += std::int64_t{a[i]} * b[i];
  add_to_counter(sum, static_cast<unsigned long long>(mine));
}

}  // namespace

std::int64_t inner_product(Place place, const std::int32_t* a, const std::int32_t* b, size_t n) {
  if (n == 0) return 0;
  const OnDevice on(place.device);
  const Counter sum(place);
  Grid grid = grid_for(n, kEach);
  grid.blocks = std::min(grid.blocks, kRangeBlocks);
  launch(place, grid, multiply_cells, a, b, n, sum.data());
  return static_cast<std::int64_t>(sum.read());
}

template <class Cell>
void add_cells(Place place, Cell* cells, const Cell* others, size_t n) {
  combine_cells<Plus>(place, cells, others, n);
}

template <class Cell>
void subtract_cells(Place place, Cell* cells, const Cell* others, size_t n) {
  combine_cells<Minus>(place, cells, others, n);
}

template <class Cell>
Extremes<Cell> extremes(Place place, const Cell* cells, size_t n) {
  const OnDevice on(place.device);
  Grid grid = grid_for(n, kEach);
  grid.blocks = std::min(grid.blocks, kRangeBlocks);
  const Scratch<Extremes<Cell>> partial(place, grid.blocks);
  launch(place, grid, find_extremes<Cell>, cells, n, partial.data());
  std::vector<Extremes<Cell>> parts(grid.blocks);
  copy_to_host(place, parts.data(), partial.data(), parts.size() * sizeof(parts[0]));
  Extremes<Cell> all = parts[0];
  for (const Extremes<Cell>& part : parts) all = joined(all, part);
  return all;
}

#define HYPERSKETCH_CELLS(Cell)                                    \
  template void add_cells(Place, Cell*, const Cell*, size_t);      \
  template void subtract_cells(Place, Cell*, const Cell*, size_t); \
  template Extremes<Cell> extremes(Place, const Cell*, size_t);
HYPERSKETCH_CELLS(std::int32_t)
HYPERSKETCH_CELLS(std::int64_t)
HYPERSKETCH_CELLS(float)
HYPERSKETCH_CELLS(double)
#undef HYPERSKETCH_CELLS

}  // namespace hypersketch::cuda
