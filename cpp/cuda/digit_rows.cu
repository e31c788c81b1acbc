// SPDX-License-Identifier: Apache-2.0
// Stored vectors of integers below a modulus: sums and differences, comparisons, and counters of many small bundles.
// Bottleneck: memory, which is read and written once; additions in the L2 cache, where bundles are counted.
#include "digits.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWarps = kThreads / kWarp;

__device__ __forceinline__ const std::uint16_t* row_of(DigitRows rows, size_t width, size_t row) {
  return rows.digits + (rows.n == 1 ? 0 : row) * width;
}

// A thread has one entry of one row after the other.
__global__ void __launch_bounds__(kThreads) add_modulo(DigitRows a, DigitRows b, size_t n_total, DigitSpace space,
                                                       bool subtract, std::uint16_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / space.width, d = i - row * space.width;
    const std::uint32_t x = row_of(a, space.width, row)[d], y = row_of(b, space.width, row)[d];
    const std::uint32_t other = subtract && y != 0 ? space.modulus - y : y;
    mine |= x >= space.modulus || y >= space.modulus;
    out[i] = static_cast<std::uint16_t>(sum_modulo(x, other, space.modulus));
  }
  if (mine) atomicOr(strayed, 1U);
}

template <bool kCircle>
__global__ void __launch_bounds__(kThreads)
    compare_rows(DigitRows a, DigitRows b, size_t n, DigitSpace space, double* out, unsigned* strayed) {
  const unsigned lane = threadIdx.x % kWarp;
  bool mine = false;
  for (size_t row = thread_index() / kWarp; row < n; row += size_t{gridDim.x} * kWarps) {
    std::int64_t sum = 0;
    for (size_t d = lane; d < space.width; d += kWarp) {
      const std::uint32_t x = row_of(a, space.width, row)[d], y = row_of(b, space.width, row)[d];
      mine |= x >= space.modulus || y >= space.modulus;
      sum += compared<kCircle>(x, y, space.modulus);
    }
    sum = sum_of_warp(sum);
    if (lane == 0) out[row] = likeness<kCircle>(sum, space);
  }
  if (mine) atomicOr(strayed, 1U);
}

// The last start that is not behind a row.
__device__ __forceinline__ size_t bundle_of(const DigitRuns& runs, std::int64_t row) {
  size_t low = 0, high = runs.n;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (runs.starts[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

__global__ void __launch_bounds__(kThreads)
    count_runs(DigitRuns runs, DigitSpace space, const std::int64_t* weights, std::uint32_t* counters) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < runs.n_rows * space.width; i += step) {
    const size_t row = i / space.width, d = i - row * space.width;
    const size_t bundle = bundle_of(runs, runs.starts[0] + static_cast<std::int64_t>(row));
    const std::uint32_t weight = weights == nullptr ? 1U : static_cast<std::uint32_t>(weights[row]);
    atomicAdd(counters + (bundle * space.width + d) * space.modulus + runs.rows[i], weight);
  }
}

}  // namespace

bool combine_digits(Place place, DigitRows a, DigitRows b, DigitSpace space, bool subtract, std::uint16_t* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strayed(place);
  const size_t total = std::max(a.n, b.n) * space.width;
  launch(place, grid_for(total, 4), add_modulo, a, b, total, space, subtract, out, strayed.data());
  return strayed.silent();
}

bool compare_digits(Place place, DigitRows a, DigitRows b, DigitSpace space, bool circle, double* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strayed(place);
  const size_t n = std::max(a.n, b.n);
  launch(place, grid_for(n * kWarp), circle ? compare_rows<true> : compare_rows<false>, a, b, n, space, out,
         strayed.data());
  return strayed.silent();
}

void count_digit_runs(Place place, DigitRuns runs, DigitSpace space, const std::int64_t* weights,
                      std::int32_t* counters) {
  if (runs.n == 1) return add_digit_rows(place, runs.rows, runs.n_rows, space, {weights, false}, counters);
  const OnDevice on(place.device);
  launch(place, grid_for(runs.n_rows * space.width, 4), count_runs, runs, space, weights,
         reinterpret_cast<std::uint32_t*>(counters));
}

}  // namespace hypersketch::cuda
