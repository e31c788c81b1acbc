// SPDX-License-Identifier: Apache-2.0
// Exact search among vectors of integers below a modulus: a warp has a row, which it compares with eight queries at a
// time. search_keys.cuh has the rest. Bottleneck: memory for few queries; then comparisons, one an entry and query.
#include "digits.cuh"
#include "search_counted.hpp"
#include "search_keys.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kQueries = 8;  // that share a row's integers

// keys[q * rows.n + i] tells how alike query q and row i are.
template <bool kCircle>
__global__ void __launch_bounds__(kThreads)
    score_rows(StridedDigits rows, StridedDigits queries, DigitSpace space, uint64_t* keys) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * kWarps;
  for (size_t i = thread_index() / kWarp; i < rows.n; i += step)
    for (size_t first = 0; first < queries.n; first += kQueries) {
      std::int64_t sums[kQueries] = {};
      for (size_t d = lane; d < space.width; d += kWarp) {
        const std::uint32_t mine = __ldg(rows.digits + i * rows.stride + d);
#pragma unroll
        for (unsigned q = 0; q < kQueries; ++q) {
          const size_t query = first + q < queries.n ? first + q : queries.n - 1;
          sums[q] += compared<kCircle>(mine, __ldg(queries.digits + query * queries.stride + d), space.modulus);
        }
      }
      std::int64_t of_lane = 0;  // of lane q: the sum with query first + q
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        const std::int64_t sum = sum_of_warp(sums[q]);
        if (lane == q) of_lane = sum;
      }
      if (lane < kQueries && first + lane < queries.n)
        keys[(first + lane) * rows.n + i] = key_of(likeness<kCircle>(of_lane, space));
    }
}

// What makes the keys of some queries.
auto keys_of(Place place, StridedDigits queries, StridedDigits rows, DigitSpace space, bool circle) {
  return [=](size_t first, size_t n, uint64_t* keys) {
    const StridedDigits some{queries.digits + first * queries.stride, n, queries.stride};
    launch(place, grid_for(rows.n * kWarp), circle ? score_rows<true> : score_rows<false>, rows, some, space, keys);
  };
}

}  // namespace

void digit_top_k(Place place, StridedDigits queries, StridedDigits rows, DigitSpace space, bool circle,
                 NearestRows answers) {
  top_k_by_keys(place, queries.n, rows.n, answers, keys_of(place, queries, rows, space, circle));
}

void digit_range(Place place, StridedDigits queries, const double* thresholds, StridedDigits rows, DigitSpace space,
                 bool circle, unsigned long long* cursors, RealMatches found) {
  range_by_keys(place, queries.n, rows.n, thresholds, cursors, found, keys_of(place, queries, rows, space, circle));
}

}  // namespace hypersketch::cuda
