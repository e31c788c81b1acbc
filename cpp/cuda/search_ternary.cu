// SPDX-License-Identifier: Apache-2.0
// Exact search among ternary rows by cosine, and among sparse codes by overlap, which is the cosine of rows that have
// no plane of -1: a warp has a row, which it compares with eight queries at a time. search_keys.cuh has the rest.
// Bottleneck: memory for up to eight queries; then population counts, two a word of both planes.
#include "packed.cuh"
#include "search_counted.hpp"
#include "search_keys.cuh"
#include "ternary.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kQueries = 8;  // that share a row's words

// How many entries of each query are not 0.
template <unsigned kPlanes>
__global__ void __launch_bounds__(kThreads) count_entries(BitRows queries, size_t n_words, int* counts) {
  const size_t query = thread_index() / kWarp;
  if (query >= queries.n) return;
  int count = 0;
  for (size_t j = threadIdx.x % kWarp; j < kPlanes * n_words; j += kWarp)
    count += __popcll(queries.words[query * queries.stride + j]);
  count = sum_of_warp(count);
  if (threadIdx.x % kWarp == 0) counts[query] = count;
}

// keys[q * rows.n + i] tells how alike query q and row i are.
template <unsigned kPlanes>
__global__ void __launch_bounds__(kThreads)
    score_rows(BitRows rows, BitRows queries, size_t n_words, const int* counts, uint64_t* keys) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * kWarps;
  for (size_t i = thread_index() / kWarp; i < rows.n; i += step)
    for (size_t first = 0; first < queries.n; first += kQueries) {
      int inner[kQueries] = {}, of_row = 0;
      for (size_t j = lane; j < n_words; j += kWarp) {
        const uint64_t* const row = rows.words + i * rows.stride + j;
        const uint64_t plus = __ldg(row), minus = kPlanes == 2 ? __ldg(row + n_words) : 0;
        of_row += __popcll(plus | minus);
#pragma unroll
        for (unsigned q = 0; q < kQueries; ++q) {
          const size_t query = first + q < queries.n ? first + q : queries.n - 1;
          const uint64_t* const asked = queries.words + query * queries.stride + j;
          const uint64_t up = __ldg(asked), down = kPlanes == 2 ? __ldg(asked + n_words) : 0;
          inner[q] += __popcll((plus & up) | (minus & down));
          if constexpr (kPlanes == 2) inner[q] -= __popcll((plus & down) | (minus & up));
        }
      }
      of_row = sum_of_warp(of_row);
      int mine = 0;  // of lane q: the inner product with query first + q
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        const int sum = sum_of_warp(inner[q]);
        if (lane == q) mine = sum;
      }
      if (lane >= kQueries || first + lane >= queries.n) continue;
      const double size = __dsqrt_rn(__dmul_rn(double(counts[first + lane]), double(of_row)));
      keys[(first + lane) * rows.n + i] = key_of(size > 0 ? __ddiv_rn(double(mine), size) : 0.0);
    }
}

// What makes the keys of some queries.
template <unsigned kPlanes>
auto keys_of(Place place, BitRows queries, BitRows rows, size_t dim) {
  return [=](size_t first, size_t n, uint64_t* keys) {
    const Scratch<int> counts(place, n);
    const BitRows some{queries.words + first * queries.stride, n, queries.stride};
    const size_t n_words = words_for(dim);
    launch(place, grid_for(n * kWarp), count_entries<kPlanes>, some, n_words, counts.data());
    launch(place, grid_for(rows.n * kWarp), score_rows<kPlanes>, rows, some, n_words,
           static_cast<const int*>(counts.data()), keys);
  };
}

}  // namespace

void ternary_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers) {
  top_k_by_keys(place, queries.n, rows.n, answers, keys_of<2>(place, queries, rows, dim));
}

void ternary_range(Place place, BitRows queries, const double* thresholds, BitRows rows, size_t dim,
                   unsigned long long* cursors, RealMatches found) {
  range_by_keys(place, queries.n, rows.n, thresholds, cursors, found, keys_of<2>(place, queries, rows, dim));
}

void sparse_top_k(Place place, BitRows queries, BitRows rows, size_t dim, NearestRows answers) {
  top_k_by_keys(place, queries.n, rows.n, answers, keys_of<1>(place, queries, rows, dim));
}

void sparse_range(Place place, BitRows queries, const double* thresholds, BitRows rows, size_t dim,
                  unsigned long long* cursors, RealMatches found) {
  range_by_keys(place, queries.n, rows.n, thresholds, cursors, found, keys_of<1>(place, queries, rows, dim));
}

}  // namespace hypersketch::cuda
