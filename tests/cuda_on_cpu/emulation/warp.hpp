// SPDX-License-Identifier: Apache-2.0
// Barriers and CUDA's functions of a warp. All of them are one exchange: every lane brings a word, and when the last
// lane has come, each reads the words it wants.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "atomics.hpp"
#include "block.hpp"

#define CUDA_ON_CPU_HERE const std::source_location& here = std::source_location::current()

namespace cuda_on_cpu {

inline constexpr unsigned kFullMask = 0xFFFFFFFF;

inline unsigned lane() { return threadIdx.x % Meeting::kWarp; }

// The words of all lanes. They stay until this lane's next call.
inline const std::uint64_t* all_words(std::uint64_t word, unsigned mask, const char* function, const Place& place,
                                      bool orders = false) {
  const Unseen unseen;
  if (mask != kFullMask)
    stop("%s (%s:%u) has the mask %08x; only full ones are emulated", function, place.file_name(), place.line(), mask);
  if (threadIdx.x / Meeting::kWarp * Meeting::kWarp + Meeting::kWarp > blockDim.x)
    stop("%s (%s:%u) is called in the unfinished warp of a block of %u threads", function, place.file_name(),
         place.line(), blockDim.x);
  Meeting& warp = Block::current().warp();
  std::uint64_t* const words = warp.words[warp.round % 2];
  words[lane()] = word;
  Block::current().meet(warp, Meeting::kWarp, orders, function, place);
  return words;
}

template <class T>
concept ShuffledType = std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);

template <class T>
using WordOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
std::uint64_t to_word(T value) {
  return std::bit_cast<WordOf<T>>(value);
}

template <class T>
T from_word(std::uint64_t word) {
  return std::bit_cast<T>(static_cast<WordOf<T>>(word));
}

inline unsigned segment_of(int width, const char* function, const Place& place) {
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width)))
    stop("%s (%s:%u) has the width %d", function, place.file_name(), place.line(), width);
  return lane() & ~(static_cast<unsigned>(width) - 1);
}

// What every lane adds to the sum of a barrier's values.
inline int sum_of_block(int value, const char* function, const Place& place) {
  const Unseen unseen;
  Meeting& block = Block::current().whole();
  std::uint64_t& sum = block.words[block.round % 2][0];
  sum = (block.waiting.empty() ? 0 : sum) + static_cast<std::uint64_t>(value);
  Block::current().meet(block, blockDim.x, true, function, place);
  return static_cast<int>(sum);
}

// Folds the values of all lanes; each lane computes it anew.
template <class T, class Fold>
T fold(unsigned mask, T value, const char* function, const Place& place, Fold fold) {
  const Unseen unseen;
  const std::uint64_t* const words = all_words(to_word(value), mask, function, place);
  T total = from_word<T>(words[0]);
  for (unsigned i = 1; i < Meeting::kWarp; ++i) total = fold(total, from_word<T>(words[i]));
  return total;
}

}  // namespace cuda_on_cpu

inline void __syncthreads(CUDA_ON_CPU_HERE) {
  auto& block = cuda_on_cpu::Block::current();
  block.meet(block.whole(), blockDim.x, true, "__syncthreads", here);
}
inline int __syncthreads_count(int predicate, CUDA_ON_CPU_HERE) {
  return cuda_on_cpu::sum_of_block(predicate != 0, "__syncthreads_count", here);
}
inline int __syncthreads_or(int predicate, CUDA_ON_CPU_HERE) {
  return cuda_on_cpu::sum_of_block(predicate != 0, "__syncthreads_or", here) > 0;
}
inline int __syncthreads_and(int predicate, CUDA_ON_CPU_HERE) {
  return cuda_on_cpu::sum_of_block(predicate != 0, "__syncthreads_and", here) == static_cast<int>(blockDim.x);
}
inline void __syncwarp(unsigned mask = cuda_on_cpu::kFullMask, CUDA_ON_CPU_HERE) {
  cuda_on_cpu::all_words(0, mask, "__syncwarp", here, true);
}

template <cuda_on_cpu::ShuffledType T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, CUDA_ON_CPU_HERE) {
  using namespace cuda_on_cpu;
  const unsigned first = segment_of(width, "__shfl_sync", here);
  const Unseen unseen;
  const std::uint64_t* const words = all_words(to_word(value), mask, "__shfl_sync", here);
  return from_word<T>(words[first + static_cast<unsigned>(source & (width - 1))]);
}
template <cuda_on_cpu::ShuffledType T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_ON_CPU_HERE) {
  using namespace cuda_on_cpu;
  const unsigned first = segment_of(width, "__shfl_up_sync", here);
  const Unseen unseen;
  const std::uint64_t* const words = all_words(to_word(value), mask, "__shfl_up_sync", here);
  return from_word<T>(words[lane() - first >= delta ? lane() - delta : lane()]);
}
template <cuda_on_cpu::ShuffledType T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_ON_CPU_HERE) {
  using namespace cuda_on_cpu;
  const unsigned last = segment_of(width, "__shfl_down_sync", here) + static_cast<unsigned>(width) - 1;
  const Unseen unseen;
  const std::uint64_t* const words = all_words(to_word(value), mask, "__shfl_down_sync", here);
  return from_word<T>(words[last - lane() >= delta ? lane() + delta : lane()]);
}
template <cuda_on_cpu::ShuffledType T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, CUDA_ON_CPU_HERE) {
  using namespace cuda_on_cpu;
  const unsigned last = segment_of(width, "__shfl_xor_sync", here) + static_cast<unsigned>(width) - 1;
  const Unseen unseen;
  const std::uint64_t* const words = all_words(to_word(value), mask, "__shfl_xor_sync", here);
  const unsigned source = lane() ^ static_cast<unsigned>(lane_mask);
  return from_word<T>(words[source <= last ? source : lane()]);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, CUDA_ON_CPU_HERE) {
  const cuda_on_cpu::Unseen unseen;
  const std::uint64_t* const words = cuda_on_cpu::all_words(predicate != 0, mask, "__ballot_sync", here);
  unsigned votes = 0;
  for (unsigned i = 0; i < cuda_on_cpu::Meeting::kWarp; ++i) votes |= static_cast<unsigned>(words[i]) << i;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate, CUDA_ON_CPU_HERE) {
  return __ballot_sync(mask, predicate, here) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CUDA_ON_CPU_HERE) {
  return __ballot_sync(mask, predicate, here) == cuda_on_cpu::kFullMask;
}

template <cuda_on_cpu::ShuffledType T>
unsigned __match_any_sync(unsigned mask, T value, CUDA_ON_CPU_HERE) {
  using namespace cuda_on_cpu;
  const Unseen unseen;
  const std::uint64_t own = to_word(value);
  const std::uint64_t* const words = all_words(own, mask, "__match_any_sync", here);
  unsigned equal = 0;
  for (unsigned i = 0; i < Meeting::kWarp; ++i) equal |= (words[i] == own ? 1U : 0U) << i;
  return equal;
}
template <cuda_on_cpu::ShuffledType T>
unsigned __match_all_sync(unsigned mask, T value, int* all, CUDA_ON_CPU_HERE) {
  *all = __match_any_sync(mask, value, here) == cuda_on_cpu::kFullMask;
  return *all != 0 ? cuda_on_cpu::kFullMask : 0;
}

#define CUDA_ON_CPU_REDUCE(name, T, expression)                                                   \
  inline T name(unsigned mask, T value, CUDA_ON_CPU_HERE) {                                       \
    return cuda_on_cpu::fold(mask, value, #name, here, [](T a, T b) -> T { return expression; }); \
  }
CUDA_ON_CPU_REDUCE(__reduce_add_sync, int, cuda_on_cpu::wrapping_sum(a, b))
CUDA_ON_CPU_REDUCE(__reduce_add_sync, unsigned, a + b)
CUDA_ON_CPU_REDUCE(__reduce_min_sync, int, std::min(a, b))
CUDA_ON_CPU_REDUCE(__reduce_min_sync, unsigned, std::min(a, b))
CUDA_ON_CPU_REDUCE(__reduce_max_sync, int, std::max(a, b))
CUDA_ON_CPU_REDUCE(__reduce_max_sync, unsigned, std::max(a, b))
CUDA_ON_CPU_REDUCE(__reduce_and_sync, unsigned, a& b)
CUDA_ON_CPU_REDUCE(__reduce_or_sync, unsigned, a | b)
CUDA_ON_CPU_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef CUDA_ON_CPU_REDUCE
#undef CUDA_ON_CPU_HERE
