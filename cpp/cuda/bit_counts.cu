// SPDX-License-Identifier: Apache-2.0
// Counters of bits: those that weighted rows set, and the signs of counters. A thread has one bit of a share of the
// rows and adds to its counter once. Bottleneck: six instructions a bit of a row, of which 32 share a load.
#include "counted.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kLeastRows = 64;  // of a share, so that additions to counters are few

struct Shares {
  size_t tiles;  // of kThreads bits
  size_t rows;   // of each share
};

__global__ void __launch_bounds__(kThreads)
    count_bits(BitRows rows, size_t dim, CountedWeights weights, Shares shares, std::uint32_t* counters) {
  const size_t d = blockIdx.x % shares.tiles * kThreads + threadIdx.x, first = blockIdx.x / shares.tiles * shares.rows;
  if (d >= dim) return;
  const std::uint32_t* const column = reinterpret_cast<const std::uint32_t*>(rows.words) + d / kWarp;
  const size_t last = first + shares.rows < rows.n ? first + shares.rows : rows.n;
  std::uint32_t sum = 0;
#pragma unroll 4
  for (size_t i = first; i < last; ++i) {
    const std::uint32_t weight = weights.each == nullptr ? 1U : static_cast<std::uint32_t>(weights.each[i]);
    sum += (column[2 * i * rows.stride] >> (d % kWarp) & 1U) != 0 ? weight : 0U;
  }
  if (sum != 0) atomicAdd(counters + d, weights.subtract ? 0U - sum : sum);
}

// The bits of half a word are those of a warp.
__global__ void __launch_bounds__(kThreads)
    pack_signs_of(const std::int32_t* counters, PackedShape shape, std::uint32_t* above, std::uint32_t* below) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t d = thread_index(); d < kWordBits * shape.n_words; d += step) {
    const std::int32_t count = d < shape.dim ? counters[d] : 0;
    const unsigned positive = __ballot_sync(kWholeWarp, count > 0), negative = __ballot_sync(kWholeWarp, count < 0);
    if (threadIdx.x % kWarp != 0) continue;
    above[d / kWarp] = positive;
    if (below != nullptr) below[d / kWarp] = negative;
  }
}

}  // namespace

void add_bits(Place place, BitRows rows, size_t dim, CountedWeights weights, std::int32_t* counters) {
  if (rows.n == 0) return;
  const OnDevice on(place.device);
  const size_t tiles = (dim + kThreads - 1) / kThreads;
  // As many blocks as keep the processors busy for several rounds.
  const auto processors = static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount));
  const size_t wanted = 32 * processors / tiles + 1;
  const Shares shares{tiles, std::max(kLeastRows, (rows.n + wanted - 1) / wanted)};
  const size_t blocks = tiles * ((rows.n + shares.rows - 1) / shares.rows);
  launch(place, Grid{static_cast<unsigned>(blocks)}, count_bits, rows, dim, weights, shares,
         reinterpret_cast<std::uint32_t*>(counters));
}

void pack_counts(Place place, const std::int32_t* counters, size_t dim, uint64_t* above, uint64_t* below) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  launch(place, grid_for(shape.n_words * kWordBits, 4), pack_signs_of, counters, shape,
         reinterpret_cast<std::uint32_t*>(above), reinterpret_cast<std::uint32_t*>(below));
}

}  // namespace hypersketch::cuda
