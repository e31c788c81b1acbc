// SPDX-License-Identifier: Apache-2.0
// A tensor of three vectors' outer products: pairs of vectors become rows of a matrix, and what two vectors leave of
// the tensor comes of squares times vectors. Bound by memory: numbers of pairs and of squares are written or read once.
#include "matmul.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

// A block takes lines of pairs: one number of the left row times all of the right one.
__global__ void outer_kernel(const float* left, const float* right, size_t n, size_t dim, float* out) {
  for (size_t line = blockIdx.x; line < n * dim; line += gridDim.x) {
    const float factor = __ldg(left + line);
    const float* const row = right + line / dim * dim;
    for (size_t d = threadIdx.x; d < dim; d += blockDim.x) out[line * dim + d] = factor * __ldg(row + d);
  }
}

// A warp sums one line of a square, whose numbers stand side by side.
__global__ void contract_kernel(const float* squares, const float* rows, size_t n, size_t dim, double* out) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t line = thread_index() / kWarp; line < n * dim; line += n_warps) {
    const float* const row = rows + line / dim * dim;
    double mine = 0;
    for (size_t d = lane; d < dim; d += kWarp)
      mine += static_cast<double>(squares[line * dim + d]) * static_cast<double>(__ldg(row + d));
    const double sum = sum_of_warp(mine);
    if (lane == 0) out[line] = sum;
  }
}

// A thread sums a column of a square; neighbouring threads have neighbouring columns.
__global__ void contract_turned_kernel(const float* squares, const float* rows, size_t n, size_t dim, double* out) {
  for (size_t i = thread_index(); i < n * dim; i += size_t{gridDim.x} * blockDim.x) {
    const size_t row = i / dim;
    const float* const square = squares + row * dim * dim + i % dim;
    double sum = 0;
    for (size_t d = 0; d < dim; ++d)
      sum += static_cast<double>(square[d * dim]) * static_cast<double>(__ldg(rows + row * dim + d));
    out[i] = sum;
  }
}

}  // namespace

void outer_rows(Place place, const float* left, const float* right, size_t n, size_t dim, float* out) {
  const OnDevice on(place.device);
  const size_t threads = std::min<size_t>(kThreads, (dim + kWarp - 1) / kWarp * kWarp);
  launch(place, grid_for(n * dim * threads, 1, static_cast<unsigned>(threads)), outer_kernel, left, right, n, dim, out);
}

void combine_rows(Place place, const float* rows, size_t depth, const float* matrix, size_t n, size_t width,
                  float* out) {
  multiply<float>(place, {rows, depth, 1}, {matrix, width, 1}, {n, depth, width}, nullptr, 1.0F, out);
}

void contract_rows(Place place, const float* squares, const float* rows, size_t n, size_t dim, bool turned,
                   double* out) {
  const OnDevice on(place.device);
  if (turned)
    launch(place, grid_for(n * dim), contract_turned_kernel, squares, rows, n, dim, out);
  else
    launch(place, grid_for(n * dim * kWarp), contract_kernel, squares, rows, n, dim, out);
}

}  // namespace hypersketch::cuda
