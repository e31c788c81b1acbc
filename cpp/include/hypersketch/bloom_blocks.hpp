// SPDX-License-Identifier: Apache-2.0
// Bloom filters whose keys keep to one block (layout.hpp); the kernels say what bounds them.
//
// Several threads own disjoint ranges of blocks: each computes the words of all keys and takes its own in the batch's
// order, so that the bytes, and what a test-and-add answers, do not depend on the number of threads. Hashing again is
// cheap beside a block that is not in a cache. A small filter is added to in copies, which are then united.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "hypersketch/key_batch.hpp"
#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"

namespace hypersketch {

enum class BlockLayout { kSplitBlock, kCacheLine };

inline constexpr size_t kCachedBytes = size_t{4} << 20;  // a larger filter is worth prefetching
inline constexpr size_t kBlockGrain = 4096;              // keys, a multiple of 8: threads share no byte of bits
inline constexpr size_t kTaken = 4096;                   // keys from which an owner takes its own at a time
inline constexpr size_t kLeastShared = size_t{1} << 16;  // fewer keys are added by one thread

class BlockFilter {
 public:
  BlockFilter(BlockLayout layout, std::span<uint64_t> words, size_t n_hashes, uint64_t seed)
      : state_(words),
        n_hashes_(n_hashes),
        seed_(seed),
        is_split_(layout == BlockLayout::kSplitBlock),
        operations_(is_split_ ? kernels().split_block : kernels().cache_line) {}

  std::span<uint64_t> state() const { return state_; }
  const BlockKernels& operations() const { return operations_; }
  uint64_t n_blocks() const { return state_.size() / (is_split_ ? kSplitWords : kLineWords); }

  // The view for keys, for hashes, or for words that are already made. Parquet's filter takes hashes as words.
  BlockView view(KeyBatch keys) const {
    BlockView made = view_of_words();
    made.hash = !keys.hashed;
    made.start = !(is_split_ && seed_ == 0);
    return made;
  }
  BlockView view_of_words() const {
    return {state_.data(),
            n_blocks(),
            n_hashes_,
            seed_word(seed_, Purpose::kBloom),
            false,
            false,
            state_.size_bytes() > kCachedBytes};
  }

  // Makes the words of `count` keys from `first` on.
  void words(KeyBatch keys, size_t first, size_t count, uint64_t* out) const {
    const uint64_t* hashes = keys.hashes(first, count, out);
    if (view(keys).start)
      kernels().stream_starts(hashes, count, seed_word(seed_, Purpose::kBloom), out);
    else if (hashes != out)
      std::copy(hashes, hashes + count, out);
  }

  // The same filter in other memory.
  BlockFilter over(std::span<uint64_t> words) const {
    BlockFilter other = *this;
    other.state_ = words;
    return other;
  }

 private:
  std::span<uint64_t> state_;
  size_t n_hashes_;
  uint64_t seed_;
  bool is_split_;
  BlockKernels operations_;
};

// Eight truth values in [0, 1], a byte each, as eight bits.
inline unsigned char pack_bools(const bool* values) {
  uint64_t bytes;
  std::memcpy(&bytes, values, sizeof bytes);
  return static_cast<unsigned char>((bytes * 0x0102040810204080ULL) >> 56);
}

inline void blocks_contains(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    filter.operations().contains(filter.view(keys), keys.words.data() + begin, end - begin, out + begin);
  });
}

// The same, bit i % 8 of byte i / 8 for key i; bits beyond the last key are zero.
inline void blocks_contains_packed(const BlockFilter& filter, KeyBatch keys, unsigned char* out, size_t threads) {
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    bool answers[kBlockGrain + 8];
    for (size_t first = begin; first < end; first += kBlockGrain) {
      const size_t n = std::min(kBlockGrain, end - first);
      filter.operations().contains(filter.view(keys), keys.words.data() + first, n, answers);
      std::fill_n(answers + n, 8, false);
      for (size_t i = 0; i < n; i += 8) out[(first + i) / 8] = pack_bools(answers + i);
    }
  });
}

// Calls touch(base, words, indices, n) for every key of the batch, an owner's keys in their order: key base +
// indices[i] has the word words[i]; n is at most kTaken.
template <class Touch>
void for_owned_blocks(const BlockFilter& filter, KeyBatch keys, size_t threads, Touch&& touch) {
  parallel_for(threads, 1, threads, [&](size_t owner, size_t) {
    const uint64_t n_blocks = filter.n_blocks();
    const uint64_t begin = n_blocks * owner / threads, end = n_blocks * (owner + 1) / threads;
    std::vector<uint64_t> words(kTaken), own(kTaken + 8);
    std::vector<uint32_t> indices(kTaken + 8);
    for (size_t base = 0; base < keys.size(); base += kTaken) {
      const size_t n = std::min(kTaken, keys.size() - base);
      filter.words(keys, base, n, words.data());
      const size_t taken = kernels().select_blocks(words.data(), n, n_blocks, begin, end, own.data(), indices.data());
      touch(base, own.data(), indices.data(), taken);
    }
  });
}

inline bool worth_sharing(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  return threads > 1 && keys.size() >= kLeastShared && filter.n_blocks() >= threads;
}

// Every thread adds its keys to a copy of its own, the first one to the filter.
inline void blocks_add_in_copies(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  const std::span<uint64_t> state = filter.state();
  std::vector<std::vector<uint64_t>> copies(threads - 1);
  parallel_for(threads, 1, threads, [&](size_t t, size_t) {
    if (t > 0) copies[t - 1].assign(state.size(), 0);
    const BlockFilter target = t > 0 ? filter.over(copies[t - 1]) : filter;
    const KeyBatch part = keys.part(keys.size() * t / threads, keys.size() * (t + 1) / threads);
    target.operations().add(target.view(part), part.words.data(), part.size());
  });
  parallel_for(state.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    for (const auto& copy : copies)
      for (size_t i = begin; i < end; ++i) state[i] |= copy[i];
  });
}

inline void blocks_add(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  if (!worth_sharing(filter, keys, threads))
    return filter.operations().add(filter.view(keys), keys.words.data(), keys.size());
  if (filter.state().size() * threads <= keys.size()) return blocks_add_in_copies(filter, keys, threads);
  for_owned_blocks(filter, keys, threads, [&](size_t, const uint64_t* words, const uint32_t*, size_t n) {
    filter.operations().add(filter.view_of_words(), words, n);
  });
}

inline size_t count_false(const bool* values, size_t n) {
  return n - static_cast<size_t>(std::count(values, values + n, true));
}

// Whether each key was there once the keys before it had been added; returns how many were not there. Adds all.
inline size_t blocks_test_and_add(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  if (!worth_sharing(filter, keys, threads))
    filter.operations().test_and_add(filter.view(keys), keys.words.data(), keys.size(), out);
  else
    for_owned_blocks(filter, keys, threads, [&](size_t base, const uint64_t* words, const uint32_t* indices, size_t n) {
      bool answers[kTaken];
      filter.operations().test_and_add(filter.view_of_words(), words, n, answers);
      for (size_t i = 0; i < n; ++i) out[base + indices[i]] = answers[i];
    });
  return count_false(out, keys.size());
}

}  // namespace hypersketch
