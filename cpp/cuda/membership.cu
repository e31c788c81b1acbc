// SPDX-License-Identifier: Apache-2.0
// Hopfield+- on a GPU: see hypersketch/hopfield.hpp. A cell is a pair of dimensions, and a score takes all cells, once
// for kKeys items.
#include "membership.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kKeys = 8;  // whose scores a block makes

// Block b takes kThreads cells of row b / n_tiles.
__global__ void __launch_bounds__(kThreads)
    pair_kernel(std::int32_t* cells, size_t dim, MemberUnits items, unsigned n_tiles) {
  const size_t a = blockIdx.x / n_tiles, b = a + 1 + size_t{blockIdx.x % n_tiles} * kThreads + threadIdx.x;
  if (b >= dim) return;
  std::int64_t sum = 0;
  for (size_t w = 0; w < items.n_words; ++w) sum += items.votes(__ldg(items.of(a) + w) ^ items.of(b)[w], w);
  std::int32_t& cell = cells[triangle_row(a, dim) + b - a - 1];
  cell = static_cast<std::int32_t>(cell + sum);
}

__global__ void __launch_bounds__(kThreads)
    score_kernel(const std::int32_t* cells, std::int64_t trace, size_t dim, const uint64_t* rows,
                 const uint64_t* hashes, size_t n, uint64_t word_of_seed, std::int64_t* out) {
  const size_t first = size_t{blockIdx.x} * kKeys, n_words = words_for(dim);
  auto* const sums = shared_memory<unsigned long long>();
  if (threadIdx.x < kKeys) sums[threadIdx.x] = 0;
  __syncthreads();
  std::int64_t own[kKeys] = {};
  for (size_t a = 0; a + 1 < dim; ++a)
    for (size_t b = a + 1 + threadIdx.x; b < dim; b += kThreads) {
      const std::int64_t cell = cells[triangle_row(a, dim) + b - a - 1];
#pragma unroll
      for (unsigned k = 0; k < kKeys; ++k) {
        const uint64_t* const row = rows + (first + k < n ? first + k : n - 1) * n_words;
        const uint64_t differ = (row[a / kWordBits] >> (a % kWordBits)) ^ (row[b / kWordBits] >> (b % kWordBits));
        own[k] += (differ & 1) != 0 ? -cell : cell;
      }
    }
#pragma unroll
  for (unsigned k = 0; k < kKeys; ++k) atomicAdd(sums + k, static_cast<unsigned long long>(own[k]));
  __syncthreads();
  const size_t key = first + threadIdx.x;
  if (threadIdx.x >= kKeys || key >= n) return;
  const std::int64_t score = 2 * static_cast<std::int64_t>(sums[threadIdx.x]) + trace * static_cast<std::int64_t>(dim);
  out[key] = sign_bit(word_of_seed, hashes[key]) != 0 ? -score : score;
}

}  // namespace

std::int64_t membership_add(Place place, std::int32_t* cells, size_t dim, uint64_t seed, const uint64_t* hashes,
                            size_t n, const std::int64_t* weights) {
  const auto n_tiles = static_cast<unsigned>((dim + kThreads - 1) / kThreads);
  return for_units(place, dim, seed, hashes, n, weights, [&](MemberUnits items) {
    if (dim > 1)
      launch(place, {static_cast<unsigned>((dim - 1) * n_tiles), kThreads}, pair_kernel, cells, dim, items, n_tiles);
  });
}

void membership_scores(Place place, const std::int32_t* cells, std::int64_t trace, size_t dim, uint64_t seed,
                       const uint64_t* hashes, size_t n, std::int64_t* out) {
  for_members(place, dim, seed, hashes, n, [&](size_t first, size_t count, const uint64_t* rows) {
    launch(place, {static_cast<unsigned>((count + kKeys - 1) / kKeys), kThreads, kKeys * sizeof(std::int64_t)},
           score_kernel, cells, trace, dim, rows, hashes + first, count, seed_word(seed, Purpose::kSign), out + first);
  });
}

}  // namespace hypersketch::cuda
