// SPDX-License-Identifier: Apache-2.0
// What is to be known of a batch's weights before they are added: one pass at the speed of memory.
#include <limits>
#include <type_traits>

#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

template <class T>
__host__ __device__ bool is_real(T value) {
  if constexpr (std::is_integral_v<T>) return true;
  return value - value == T{0};  // neither NaN nor infinite
}

// Sums of integers are modulo 2^64.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, unsigned long long, double>;

template <class T>
__host__ __device__ void add_value(WeightSummary<T>& into, T value) {
  into.least = value < into.least ? value : into.least;
  into.most = value > into.most ? value : into.most;
  into.sum = static_cast<T>(static_cast<Sum<T>>(into.sum) + static_cast<Sum<T>>(value));
  const T size = value < T{0} ? static_cast<T>(Sum<T>{0} - static_cast<Sum<T>>(value)) : value;
  into.magnitude = static_cast<T>(static_cast<Sum<T>>(into.magnitude) + static_cast<Sum<T>>(size));
  into.all_real = into.all_real && is_real(value);
}

template <class T>
__host__ __device__ void join(WeightSummary<T>& into, const WeightSummary<T>& other) {
  into.least = other.least < into.least ? other.least : into.least;
  into.most = other.most > into.most ? other.most : into.most;
  into.sum = static_cast<T>(static_cast<Sum<T>>(into.sum) + static_cast<Sum<T>>(other.sum));
  into.magnitude = static_cast<T>(static_cast<Sum<T>>(into.magnitude) + static_cast<Sum<T>>(other.magnitude));
  into.all_real = into.all_real && other.all_real;
}

template <class T>
__global__ void summarize_kernel(const T* values, size_t n, WeightSummary<T> nothing, WeightSummary<T>* partial) {
  __shared__ WeightSummary<T> parts[kThreads];
  WeightSummary<T> mine = nothing;
  for (size_t i = blockIdx.x * size_t{kThreads} + threadIdx.x; i < n; i += size_t{gridDim.x} * kThreads) {
    add_value(mine, __ldcs(values + i));
  }
  parts[threadIdx.x] = mine;
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) join(parts[threadIdx.x], parts[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) partial[blockIdx.x] = parts[0];
}

}  // namespace

template <class T>
WeightSummary<T> summarize(Place place, const T* values, size_t n) {
  WeightSummary<T> all{std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), 0, 0, true};
  if (n == 0) return all;
  const OnDevice on(place.device);
  Grid grid = grid_for(n, 16);
  grid.blocks = std::min(grid.blocks, 1024U);
  const Scratch<WeightSummary<T>> partial(place, grid.blocks);
  launch(place, grid, summarize_kernel<T>, values, n, all, partial.data());
  std::vector<WeightSummary<T>> parts(grid.blocks);
  copy_to_host(place, parts.data(), partial.data(), parts.size() * sizeof(parts[0]));
  for (const auto& part : parts) join(all, part);
  return all;
}

template WeightSummary<std::int64_t> summarize(Place, const std::int64_t*, size_t);
template WeightSummary<double> summarize(Place, const double*, size_t);

}  // namespace hypersketch::cuda
