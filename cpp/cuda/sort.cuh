// SPDX-License-Identifier: Apache-2.0
// Stable radix sorts by some bits of the keys: the only file that knows CUB. A pass over at most eight bits reads the
// keys once to count and once more to move them.
#pragma once

#if defined(__CUDACC__)
#include <cub/device/device_radix_sort.cuh>
#else
#include <numeric>
#include <vector>
#endif

#include <bit>
#include <type_traits>
#include <utility>

#include "hypersketch/bits.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {

struct NoValue {};  // for keys that are sorted alone

// Memory to sort up to `most` keys with a value each, all of it taken at once. Fill keys() and values(), sort, and ask
// for them again: they have moved.
template <class Key, class Value = NoValue>
class Sorter {
 public:
  Sorter(Place place, size_t most)
      : place_(place),
        key_memory_(place, 2 * most),
        value_memory_(place, kHasValues ? 2 * most : 0),
        memory_size_(memory_for(most)),
        memory_(place, memory_size_),
        keys_{key_memory_.data(), key_memory_.data() + most},
        values_{value_memory_.data(), kHasValues ? value_memory_.data() + most : nullptr} {}

  Key* keys() const { return keys_[0]; }
  Value* values() const { return values_[0]; }

  // By the bits [first_bit, end_bit) of the first `n` keys.
  void sort(size_t n, int first_bit, int end_bit) {
    if (n < 2 || first_bit == end_bit) return;
#if defined(__CUDACC__)
    Buffers buffers{{keys_[0], keys_[1]}, {values_[0], values_[1]}};
    size_t size = 0;
    check(run(nullptr, size, buffers, n, first_bit, end_bit, nullptr), "Preparing a sort on the GPU");
    const Scratch<unsigned char> more(place_, size > memory_size_ ? size : 0);  // CUB does not promise that it is not
    void* const memory = size > memory_size_ ? more.data() : memory_.data();
    check(run(memory, size, buffers, n, first_bit, end_bit, stream_of(place_)), "Sorting on the GPU");
    if (buffers.keys.Current() != keys_[0]) std::swap(keys_[0], keys_[1]);
    if (buffers.values.Current() != values_[0]) std::swap(values_[0], values_[1]);
#else
    sort_on_cpu(n, first_bit, end_bit);
#endif
  }

 private:
  static constexpr bool kHasValues = !std::is_same_v<Value, NoValue>;

#if defined(__CUDACC__)
  struct Buffers {
    cub::DoubleBuffer<Key> keys;
    cub::DoubleBuffer<Value> values;
  };

  // CUB's way: without memory it says how much it needs.
  static cudaError_t run(void* memory, size_t& size, Buffers& buffers, size_t n, int first_bit, int end_bit,
                         cudaStream_t stream) {
    const auto count = static_cast<std::int64_t>(n);
    if constexpr (kHasValues)
      return cub::DeviceRadixSort::SortPairs(memory, size, buffers.keys, buffers.values, count, first_bit, end_bit,
                                             stream);
    else
      return cub::DeviceRadixSort::SortKeys(memory, size, buffers.keys, count, first_bit, end_bit, stream);
  }

  static size_t memory_for(size_t most) {
    size_t size = 0;
    Buffers none{{nullptr, nullptr}, {nullptr, nullptr}};
    check(run(nullptr, size, none, most, 0, static_cast<int>(8 * sizeof(Key)), nullptr), "Preparing a sort on the GPU");
    return std::max<size_t>(size, 1);
  }
#else
  static size_t memory_for(size_t) { return 1; }

  void sort_on_cpu(size_t n, int first_bit, int end_bit) {
    check(cudaStreamSynchronize(stream_of(place_)), "Waiting for what is to be sorted");
    const uint64_t mask = tail_mask(static_cast<uint64_t>(end_bit - first_bit)) << first_bit;
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return (keys_[0][a] & mask) < (keys_[0][b] & mask); });
    for (size_t i = 0; i < n; ++i) {
      keys_[1][i] = keys_[0][order[i]];
      if constexpr (kHasValues) values_[1][i] = values_[0][order[i]];
    }
    std::swap(keys_[0], keys_[1]);
    std::swap(values_[0], values_[1]);
  }
#endif

  Place place_;
  Scratch<Key> key_memory_;
  Scratch<Value> value_memory_;
  size_t memory_size_;
  Scratch<unsigned char> memory_;
  Key* keys_[2];
  Value* values_[2];
};

// Bits that tell numbers below n apart.
inline int bits_below(uint64_t n) { return n < 2 ? 0 : 64 - std::countl_zero(n - 1); }

// Calls work(most) with as many elements at a time as there is scratch memory for, which `work` takes before it changes
// anything. Gives up below `least`.
template <class Work>
auto with_memory_for(size_t most, size_t least, Work work) {
  for (;; most /= 2) {
    try {
      return work(most);
    } catch (const OutOfMemory&) {
      if (most / 2 < least) throw;
    }
  }
}

}  // namespace hypersketch::cuda
