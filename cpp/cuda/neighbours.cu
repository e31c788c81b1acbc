// SPDX-License-Identifier: Apache-2.0
// What nearest neighbours answer: softmax weights, means of vectors and distributions over tokens, all in double
// precision. Bound by memory: the values of all neighbours once, or a distribution of each query.
#include "nearest.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

// A block a query.
__global__ void __launch_bounds__(kThreads)
    soften_kernel(const double* similarities, size_t k, double temperature, double* weights) {
  const double* const own = similarities + size_t{blockIdx.x} * k;
  double* const out = weights + size_t{blockIdx.x} * k;
  double mine = 0.0;
  for (size_t i = threadIdx.x; i < k; i += blockDim.x) {
    out[i] = exp((own[i] - own[0]) / temperature);
    mine += out[i];
  }
  const double sum = sum_of_block(mine);
  for (size_t i = threadIdx.x; i < k; i += blockDim.x) out[i] /= sum;
}

__global__ void mean_kernel(WeightedItems items, const float* values, size_t width, float* out) {
  for (size_t i = thread_index(); i < items.n * width; i += size_t{gridDim.x} * blockDim.x) {
    const size_t query = i / width, d = i % width;
    double sum = 0.0;
    for (size_t j = query * items.k; j < (query + 1) * items.k; ++j)
      sum += __ldg(items.weights + j) * values[static_cast<size_t>(__ldg(items.indices + j) - items.first) * width + d];
    out[i] = static_cast<float>(sum);
  }
}

// A warp a query: lanes load neighbours side by side and add their weights in turn, so that those of one token always
// add up in the same order.
__global__ void spread_kernel(WeightedItems items, const std::int64_t* tokens, size_t n_tokens, double* out) {
  const size_t query = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (query >= items.n) return;
  double* const own = out + query * n_tokens;
  for (size_t from = 0; from < items.k; from += kWarp) {
    const size_t j = query * items.k + from + lane;
    const bool is_there = from + lane < items.k;
    const std::int64_t token = is_there ? tokens[items.indices[j] - items.first] : 0;
    const double weight = is_there ? items.weights[j] : 0.0;
    for (unsigned turn = 0; turn < kWarp && from + turn < items.k; ++turn) {
      if (lane == turn) own[token] += weight;
      __syncwarp();
    }
  }
}

}  // namespace

void soften(Place place, const double* similarities, size_t n, size_t k, double temperature, double* weights) {
  const OnDevice on(place.device);
  launch(place, {static_cast<unsigned>(n), kThreads}, soften_kernel, similarities, k, temperature, weights);
}

void mix_vectors(Place place, WeightedItems items, const float* values, size_t width, float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(items.n * width), mean_kernel, items, values, width, out);
}

void mix_tokens(Place place, WeightedItems items, const std::int64_t* tokens, size_t n_tokens, double* out) {
  const OnDevice on(place.device);
  clear(place, out, items.n * n_tokens * sizeof(double));
  launch(place, grid_for(items.n * kWarp), spread_kernel, items, tokens, n_tokens, out);
}

}  // namespace hypersketch::cuda
