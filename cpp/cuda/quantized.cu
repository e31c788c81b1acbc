// SPDX-License-Identifier: Apache-2.0
// Counters cut to a few bits, and back. A warp takes 32 counters, half a word of every plane.
#include "counter.cuh"
#include "hypersketch/layout.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

// An even counter takes a tie bit as one more member; what is kept is the odd number 2 * level + 1 with its sign.
__device__ __forceinline__ std::int32_t cut_to(std::int32_t counter, bool minus, Cut cut) {
  const std::int64_t odd = counter % 2 != 0 ? std::int64_t{counter} : std::int64_t{counter} + (minus ? -1 : 1);
  const auto magnitude = static_cast<std::uint32_t>(odd < 0 ? -odd : odd);  // at most 2^31
  const std::uint32_t level = magnitude / cut.step, most = (1U << (cut.bits - 1)) - 1;
  const auto value = static_cast<std::int32_t>(2 * (level < most ? level : most) + 1);
  return odd < 0 ? -value : value;
}

__global__ void __launch_bounds__(kThreads)
    cut_kernel(const std::int32_t* counters, PackedShape shape, Cut cut, uint64_t ties, std::uint32_t* planes,
               unsigned long long* signal) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t n_halves = 2 * shape.n_words, step = size_t{gridDim.x} * blockDim.x / kWarp;
  std::int64_t mine = 0;
  for (size_t h = thread_index() / kWarp; h < n_halves; h += step) {
    const size_t d = h * kWarp + lane;
    const std::int32_t counter = d < shape.dim ? counters[d] : 0;
    const bool minus = (atom_word(ties, h / 2) >> (d % kWordBits) & 1) != 0;
    const std::int32_t value = cut_to(counter, minus, cut);
    mine += std::int64_t{value} * counter;
    const auto below = static_cast<unsigned>((1 << cut.bits) - 1 - value) / 2;
    for (unsigned p = 0; p < cut.bits; ++p) {
      const unsigned bits = __ballot_sync(kWholeWarp, static_cast<int>(d < shape.dim && (below >> p & 1) != 0));
      if (lane == 0) planes[p * n_halves + h] = bits;
    }
  }
  add_to_counter(signal, static_cast<unsigned long long>(mine));
}

__global__ void __launch_bounds__(kThreads)
    join_kernel(const uint64_t* planes, unsigned n, PackedShape shape, std::int32_t* out) {
  const size_t d = thread_index();
  if (d >= shape.dim) return;
  unsigned below = 0;
  for (unsigned p = 0; p < n; ++p)
    below |= static_cast<unsigned>(__ldg(planes + p * shape.n_words + d / kWordBits) >> (d % kWordBits) & 1) << p;
  out[d] = (1 << n) - 1 - 2 * static_cast<std::int32_t>(below);
}

}  // namespace

std::int64_t cut_counters(Place place, const std::int32_t* counters, size_t dim, Cut cut, uint64_t* planes) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const Counter signal(place);
  launch(place, grid_for(2 * shape.n_words * kWarp), cut_kernel, counters, shape, cut, tie_start(cut.seed),
         reinterpret_cast<std::uint32_t*>(planes), signal.data());
  return static_cast<std::int64_t>(signal.read());
}

void join_planes(Place place, const uint64_t* planes, unsigned n, size_t dim, std::int32_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(dim), join_kernel, planes, n, PackedShape(dim), out);
}

}  // namespace hypersketch::cuda
