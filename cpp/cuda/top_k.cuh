// SPDX-License-Identifier: Apache-2.0
// The k smallest of very many keys, found while they are made: a block keeps a list for each query and a bound that
// later keys must stay below, so that nearly all of them are dropped by one comparison. Keys are different 64-bit
// numbers that say both how near a row is and which one it is; what is found does not depend on blocks or their order.
//
// A list is filled by whoever finds a key. Between two barriers the block makes room: a list that is long enough is
// sorted by a warp, cut to k keys, and its bound becomes the k-th. Blocks tell each other of their bounds. The expected
// number of keys that get into a list of n is about k (1 + ln(n / k)), so lists lie in global memory, of which only
// what is used takes up cache.
#pragma once

#include "runtime.cuh"

namespace hypersketch::cuda {

inline constexpr uint64_t kNoKey = ~uint64_t{0};  // behind all keys
inline constexpr unsigned kMostKept = 256;        // k of one pass
inline constexpr unsigned kListKeys = 512;        // room of a list; so many are sorted at most

// Sorts keys of shared memory, whose count is a power of two, by `n_threads` that wait for each other.
template <class Wait>
__device__ __forceinline__ void sort_together(uint64_t* keys, unsigned count, unsigned thread, unsigned n_threads,
                                              Wait&& wait) {
  for (unsigned run = 2; run <= count; run *= 2)
    for (unsigned step = run / 2; step > 0; step /= 2) {
      for (unsigned i = thread; i < count / 2; i += n_threads) {
        const unsigned low = 2 * i - i % step, high = low + step;
        const uint64_t a = keys[low], b = keys[high];
        if ((a > b) == ((low & run) == 0)) {
          keys[low] = b;
          keys[high] = a;
        }
      }
      wait();
    }
}

// kListKeys of them at most.
__device__ __forceinline__ void sort_by_warp(uint64_t* keys, unsigned count) {
  sort_together(keys, count, threadIdx.x % kWarp, kWarp, [] { __syncwarp(); });
}

struct KeyLists {
  uint64_t* keys;             // kListKeys a list, in whatever memory
  uint64_t* bounds;           // shared: keys from there on come too late
  unsigned* counts;           // shared: how many keys each list has
  uint64_t* sorting;          // shared: kListKeys for each warp that sorts
  const uint64_t* after;      // keys up to there were found by a pass before; or null
  unsigned long long* known;  // bounds that blocks tell each other; or null
  unsigned k;

  __device__ __forceinline__ void begin(unsigned list) const {
    bounds[list] = kNoKey;
    counts[list] = 0;
  }

  __device__ __forceinline__ void offer(unsigned list, uint64_t key) const {
    if (key >= bounds[list] || (after != nullptr && key <= after[list])) return;
    keys[size_t{list} * kListKeys + atomicAdd(counts + list, 1U)] = key;
  }

  // Whether a list should be cut before `most` keys more. Cutting early brings the bound down early.
  __device__ __forceinline__ bool is_long(unsigned list, unsigned most) const {
    const unsigned spare = k < 64 ? 64 : k;
    return counts[list] >= k + spare || counts[list] + most > kListKeys;
  }

  // Sorts a list and cuts it to k keys, by one warp; they stand in `sorting` then, too, with kNoKey behind. Barriers
  // must keep other warps from the list.
  __device__ __forceinline__ uint64_t* shrink(unsigned list) const {
    const unsigned lane = threadIdx.x % kWarp, count = counts[list];
    uint64_t* const mine = sorting + threadIdx.x / kWarp * kListKeys;
    uint64_t* const stored = keys + size_t{list} * kListKeys;
    unsigned room = 2 * kWarp;
    while (room < count || room < k) room *= 2;
    for (unsigned i = lane; i < room; i += kWarp) mine[i] = i < count ? stored[i] : kNoKey;
    __syncwarp();
    sort_by_warp(mine, room);
    for (unsigned i = lane; i < k; i += kWarp) stored[i] = mine[i];
    if (lane == 0 && count >= k) {
      counts[list] = k;
      tighten(list, mine[k - 1]);
    }
    __syncwarp();
    return mine;
  }

  // Writes the keys of a list that the bound known by now lets pass, and kNoKey behind, if they are k at most; by one
  // warp. At the end of a search there are seldom more: nothing has to be sorted.
  __device__ __forceinline__ bool take_known(unsigned list, uint64_t* to) const {
    const unsigned lane = threadIdx.x % kWarp, count = counts[list];
    const uint64_t* const stored = keys + size_t{list} * kListKeys;
    const uint64_t most = __ldcg(known + list);  // which some block has, so it passes
    unsigned passed = 0;
    for (unsigned first = 0; first < count; first += kWarp) {
      const bool passes = first + lane < count && stored[first + lane] <= most;
      passed += static_cast<unsigned>(__popc(__ballot_sync(kWholeWarp, passes)));
    }
    if (passed > k) return false;
    unsigned written = 0;
    for (unsigned first = 0; first < count; first += kWarp) {
      const uint64_t key = first + lane < count ? stored[first + lane] : kNoKey;
      const bool passes = first + lane < count && key <= most;
      const unsigned votes = __ballot_sync(kWholeWarp, passes);
      const unsigned before = static_cast<unsigned>(__popc(votes & ((1U << lane) - 1)));
      if (passes) to[written + before] = key;
      written += static_cast<unsigned>(__popc(votes));
    }
    for (unsigned i = written + lane; i < k; i += kWarp) to[i] = kNoKey;
    return true;
  }

  // Takes the bound over, and that of other blocks.
  __device__ __forceinline__ void tighten(unsigned list, uint64_t bound) const {
    if (known != nullptr) {
      const uint64_t theirs = atomicMin(known + list, static_cast<unsigned long long>(bound));
      if (theirs < bound) bound = theirs;
    }
    if (bound < bounds[list]) bounds[list] = bound;
  }
};

}  // namespace hypersketch::cuda
