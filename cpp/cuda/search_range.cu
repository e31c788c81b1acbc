// SPDX-License-Identifier: Apache-2.0
// All rows within a Hamming distance of queries: one pass counts, the next one writes, in any order. A warp has a row,
// whose words its lanes read once, or make once where rows are atoms, for eight queries at a time. Bottleneck: memory
// for up to eight queries; then popcounts and the loads of queries' words, which the first-level cache has.
#include "items.cuh"
#include "rows.cuh"
#include "search.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kQueries = 8;  // at a time

struct StridedRows {
  const uint64_t* words;
  size_t stride;
  __device__ __forceinline__ uint64_t word(size_t i, size_t j) const { return __ldg(words + i * stride + j); }
};

struct RangeQueries {
  BitRows rows;
  const std::int32_t* radii;
};

template <class Items>
__global__ void __launch_bounds__(kThreads) scan_range(Items items, size_t n, PackedShape shape, RangeQueries queries,
                                                       unsigned long long* cursors, uint64_t* keys) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t i = thread_index() / kWarp; i < n; i += step)
    for (size_t first = 0; first < queries.rows.n; first += kQueries) {
      int distances[kQueries] = {};
      for (size_t j = lane; j < shape.n_words; j += kWarp) {
        const uint64_t word = items.word(i, j), mask = shape.mask(j);
#pragma unroll
        for (unsigned q = 0; q < kQueries; ++q) {
          const size_t query = first + q < queries.rows.n ? first + q : queries.rows.n - 1;
          distances[q] += __popcll((word ^ __ldg(queries.rows.words + query * queries.rows.stride + j)) & mask);
        }
      }
#pragma unroll
      for (unsigned q = 0; q < kQueries; ++q) {
        for (unsigned half = kWarp / 2; half > 0; half /= 2)
          distances[q] += __shfl_xor_sync(kWholeWarp, distances[q], half);
        if (lane != q || first + q >= queries.rows.n || distances[q] > queries.radii[first + q]) continue;
        const unsigned long long place = atomicAdd(cursors + first + q, 1ULL);
        if (keys != nullptr) keys[place] = static_cast<uint64_t>(distances[q]) << kRowBits | i;
      }
    }
}

template <class Items>
void scan(Place place, const Items& items, size_t n, size_t dim, RangeQueries queries, unsigned long long* cursors,
          uint64_t* keys) {
  if (queries.rows.n == 0) return;
  launch(place, grid_for(n * kWarp), scan_range<Items>, items, n, PackedShape(dim), queries, cursors, keys);
}

}  // namespace

void hamming_range(Place place, BitRows queries, const std::int32_t* radii, BitRows rows, size_t dim,
                   unsigned long long* cursors, uint64_t* keys) {
  const OnDevice on(place.device);
  scan(place, StridedRows{rows.words, rows.stride}, rows.n, dim, {queries, radii}, cursors, keys);
}

void hamming_range_of_atoms(Place place, BitRows queries, const std::int32_t* radii, const uint64_t* hashes, size_t n,
                            uint64_t seed, size_t dim, unsigned long long* cursors, uint64_t* keys) {
  const OnDevice on(place.device);
  const ProductStarts starts(place, {{hashes, n, true}, nullptr, seed});
  scan(place, starts.products(dim), n, dim, {queries, radii}, cursors, keys);
}

}  // namespace hypersketch::cuda
