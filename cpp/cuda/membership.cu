// SPDX-License-Identifier: Apache-2.0
// Hopfield+- on a GPU: see hypersketch/hopfield.hpp. A cell is a pair of dimensions, whose entries of all items lie
// side by side: without weights a cell takes a popcount for 64 items, with weights an addition for each. A score takes
// all cells, once for kKeys items.
#include "hypersketch/layout.hpp"
#include "hypervectors.hpp"
#include "matmul.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{256} << 20;  // of vectors at once
#else
constexpr size_t kPieceBytes = size_t{1} << 10;  // in tests, for several pieces
#endif
constexpr unsigned kKeys = 8;  // whose scores a block makes

// Signs of items as bits, and their weights with these signs.
__global__ void sign_kernel(const uint64_t* hashes, size_t n, uint64_t word_of_seed, const std::int64_t* weights,
                            unsigned* bits, std::int64_t* signed_weights, std::int64_t* sum) {
  const size_t i = thread_index();
  const bool minus = i < n && sign_bit(word_of_seed, hashes[i]) != 0;
  const std::int64_t weight = i < n ? (weights == nullptr ? 1 : weights[i]) : 0;
  const unsigned word = __ballot_sync(kWholeWarp, minus);
  if (i < 2 * kWarp * ((n + 2 * kWarp - 1) / (2 * kWarp)) && i % kWarp == 0) bits[i / kWarp] = word;
  if (i >= n) return;
  signed_weights[i] = minus ? -weight : weight;
  add_to(sum, signed_weights[i]);
}

// Block b takes kThreads cells of row b / n_tiles.
__global__ void __launch_bounds__(kThreads)
    pair_kernel(std::int32_t* cells, size_t dim, const uint64_t* units, const uint64_t* signs,
                const std::int64_t* signed_weights, bool weighed, size_t n, unsigned n_tiles) {
  const size_t a = blockIdx.x / n_tiles, b = a + 1 + size_t{blockIdx.x % n_tiles} * kThreads + threadIdx.x;
  if (b >= dim) return;
  const size_t n_words = words_for(n);
  std::int64_t sum = 0;
  for (size_t w = 0; w < n_words; ++w) {
    const uint64_t differ = __ldg(units + a * n_words + w) ^ units[b * n_words + w];
    const size_t count = n - w * kWordBits < kWordBits ? n - w * kWordBits : kWordBits;
    if (weighed) {
      for (size_t i = 0; i < count; ++i) {
        const std::int64_t weight = __ldg(signed_weights + w * kWordBits + i);
        sum += (differ >> i & 1) != 0 ? -weight : weight;
      }
    } else {
      sum += static_cast<std::int64_t>(count) - 2 * __popcll(differ ^ __ldg(signs + w));
    }
  }
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

// Items at once, whole words of them.
size_t step_for(size_t dim) {
  const size_t most = kPieceBytes / (words_for(dim) * sizeof(uint64_t));
  return words_for(std::clamp<size_t>(most, 1, size_t{1} << 20)) * kWordBits;
}

}  // namespace

std::int64_t membership_add(Place place, std::int32_t* cells, size_t dim, uint64_t seed, const uint64_t* hashes,
                            size_t n, const std::int64_t* weights) {
  const OnDevice on(place.device);
  const size_t step = std::min(step_for(dim), n), n_words = words_for(step);
  const Scratch<uint64_t> rows(place, step * words_for(dim)), units(place, dim * n_words), signs(place, n_words);
  const Scratch<std::int64_t> weighed(place, step), sum(place, 1);
  clear(place, sum.data(), sizeof(std::int64_t));
  const auto n_tiles = static_cast<unsigned>((dim + kThreads - 1) / kThreads);
  for (size_t first = 0; first < n; first += step) {
    const size_t count = std::min(step, n - first);
    atom_rows(place, hashes + first, count, dim, seed, rows.data());
    turn_bits(place, rows.data(), count, dim, units.data());
    launch(place, grid_for(words_for(count) * kWordBits), sign_kernel, hashes + first, count,
           seed_word(seed, Purpose::kSign), weights == nullptr ? nullptr : weights + first,
           reinterpret_cast<unsigned*>(signs.data()), weighed.data(), sum.data());
    if (dim > 1)
      launch(place, {static_cast<unsigned>((dim - 1) * n_tiles), kThreads}, pair_kernel, cells, dim, units.data(),
             signs.data(), weighed.data(), weights != nullptr, count, n_tiles);
  }
  std::int64_t found = 0;
  copy_to_host(place, &found, sum.data(), sizeof found);
  return found;
}

void membership_scores(Place place, const std::int32_t* cells, std::int64_t trace, size_t dim, uint64_t seed,
                       const uint64_t* hashes, size_t n, std::int64_t* out) {
  const OnDevice on(place.device);
  const size_t step = std::min(step_for(dim), n);
  const Scratch<uint64_t> rows(place, step * words_for(dim));
  for (size_t first = 0; first < n; first += step) {
    const size_t count = std::min(step, n - first);
    atom_rows(place, hashes + first, count, dim, seed, rows.data());
    launch(place, {static_cast<unsigned>((count + kKeys - 1) / kKeys), kThreads, kKeys * sizeof(std::int64_t)},
           score_kernel, cells, trace, dim, rows.data(), hashes + first, count, seed_word(seed, Purpose::kSign),
           out + first);
  }
}

}  // namespace hypersketch::cuda
