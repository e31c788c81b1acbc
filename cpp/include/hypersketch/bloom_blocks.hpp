// SPDX-License-Identifier: Apache-2.0
// Bloom filters whose keys keep to one block (layout.hpp). Bottleneck: one random access a key. Keys go in batches:
// the words of all are computed, then their blocks are touched; when the filter is larger than the caches, the
// blocks of the next batch are prefetched before those of this one are touched.
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

inline constexpr size_t kPrefetched = 64;                // keys whose blocks are on their way at a time
inline constexpr size_t kCached = 512;                   // keys a batch while all blocks are in a cache
inline constexpr size_t kCachedBytes = size_t{4} << 20;  // a larger filter is worth prefetching
inline constexpr size_t kBlockGrain = 4096;              // keys, a multiple of 8: threads share no byte of bits
inline constexpr size_t kTaken = 4096;                   // keys from which an owner takes its own at a time
inline constexpr size_t kLeastShared = size_t{1} << 16;  // fewer keys are added by one thread

// A filter with all that its loops need, looked up once a call.
class BlockFilter {
 public:
  BlockFilter(BlockLayout layout, std::span<uint64_t> words, size_t n_hashes, uint64_t seed)
      : block_words_(layout == BlockLayout::kSplitBlock ? kSplitWords : kLineWords),
        view_{words.data(), words.size() / block_words_, n_hashes},
        operations_(layout == BlockLayout::kSplitBlock ? kernels().split_block : kernels().cache_line),
        word_of_seed_(seed_word(seed, Purpose::kBloom)),
        takes_hashes_(layout == BlockLayout::kSplitBlock && seed == 0),
        prefetch_(words.size_bytes() > kCachedBytes),
        state_(words) {}

  BlockView view() const { return view_; }
  std::span<uint64_t> state() const { return state_; }
  const BlockKernels& operations() const { return operations_; }
  size_t batch() const { return prefetch_ ? kPrefetched : kCached; }

  // The words that place `count` keys from `first` on: Parquet's filter takes hashes as they are.
  const uint64_t* words(KeyBatch keys, size_t first, size_t count, uint64_t* buffer) const {
    const uint64_t* hashes = keys.hashes(first, count, buffer);
    if (takes_hashes_) return hashes;
    kernels().stream_starts(hashes, count, word_of_seed_, buffer);
    return buffer;
  }

  // The same filter in other memory.
  BlockFilter over(std::span<uint64_t> words) const {
    BlockFilter other = *this;
    other.state_ = words;
    other.view_.bits = words.data();
    return other;
  }

  void prefetch(const uint64_t* words, size_t n) const {
    if (!prefetch_) return;
    for (size_t i = 0; i < n; ++i)
      __builtin_prefetch(view_.bits + block_index(words[i], view_.n_blocks) * block_words_, 1, 3);
  }

 private:
  size_t block_words_;
  BlockView view_;
  BlockKernels operations_;
  uint64_t word_of_seed_;
  bool takes_hashes_, prefetch_;
  std::span<uint64_t> state_;
};

// Calls touch(first, count, words) for all batches of n keys; words_of(first, count, buffer) gives their words.
template <class WordsOf, class Touch>
void for_block_batches(const BlockFilter& filter, size_t n, WordsOf&& words_of, Touch&& touch) {
  if (n == 0) return;
  const size_t step = filter.batch();
  uint64_t buffers[2][kCached];
  const auto batch = [&](size_t first, size_t parity) {
    const size_t count = std::min(step, n - first);
    const uint64_t* words = words_of(first, count, buffers[parity]);
    filter.prefetch(words, count);
    return words;
  };
  const uint64_t* words = batch(0, 0);
  for (size_t first = 0, parity = 1; first < n; first += step, parity ^= 1) {
    const uint64_t* const next = first + step < n ? batch(first + step, parity) : nullptr;
    touch(first, std::min(step, n - first), words);
    words = next;
  }
}

// The same for a batch of keys.
template <class Touch>
void for_key_blocks(const BlockFilter& filter, KeyBatch keys, Touch&& touch) {
  for_block_batches(
      filter, keys.size(),
      [&](size_t first, size_t n, uint64_t* buffer) { return filter.words(keys, first, n, buffer); }, touch);
}

// Eight truth values in [0, 1], a byte each, as eight bits.
inline unsigned char pack_bools(const bool* values) {
  uint64_t bytes;
  std::memcpy(&bytes, values, sizeof bytes);
  return static_cast<unsigned char>((bytes * 0x0102040810204080ULL) >> 56);
}

inline void blocks_contains(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    for_key_blocks(filter, keys.part(begin, end), [&](size_t first, size_t n, const uint64_t* words) {
      filter.operations().contains(filter.view(), words, n, out + begin + first);
    });
  });
}

// The same, bit i % 8 of byte i / 8 for key i; bits beyond the last key are zero.
inline void blocks_contains_packed(const BlockFilter& filter, KeyBatch keys, unsigned char* out, size_t threads) {
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    for_key_blocks(filter, keys.part(begin, end), [&](size_t first, size_t n, const uint64_t* words) {
      bool answers[kCached + 8];
      filter.operations().contains(filter.view(), words, n, answers);
      std::fill_n(answers + n, 8, false);
      for (size_t i = 0; i < n; i += 8) out[(begin + first + i) / 8] = pack_bools(answers + i);
    });
  });
}

// Calls touch(first, words, indices, n) for every key of the batch, an owner's keys in their order: key first +
// indices[i] has the word words[i].
template <class Touch>
void for_owned_blocks(const BlockFilter& filter, KeyBatch keys, size_t threads, Touch&& touch) {
  parallel_for(threads, 1, threads, [&](size_t owner, size_t) {
    const uint64_t n_blocks = filter.view().n_blocks;
    const uint64_t begin = n_blocks * owner / threads, end = n_blocks * (owner + 1) / threads;
    std::vector<uint64_t> buffer(kTaken), own(kTaken + 8);
    std::vector<uint32_t> indices(kTaken + 8);
    for (size_t base = 0; base < keys.size(); base += kTaken) {
      const size_t n = std::min(kTaken, keys.size() - base);
      const uint64_t* words = filter.words(keys, base, n, buffer.data());
      const size_t taken = kernels().select_blocks(words, n, n_blocks, begin, end, own.data(), indices.data());
      for_block_batches(
          filter, taken, [&](size_t first, size_t, uint64_t*) { return own.data() + first; },
          [&](size_t first, size_t count, const uint64_t* chosen) {
            touch(base, chosen, indices.data() + first, count);
          });
    }
  });
}

inline bool worth_sharing(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  return threads > 1 && keys.size() >= kLeastShared && filter.view().n_blocks >= threads;
}

// Every thread adds its keys to a copy of its own, the first one to the filter.
inline void blocks_add_in_copies(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  const std::span<uint64_t> state = filter.state();
  std::vector<std::vector<uint64_t>> copies(threads - 1);
  parallel_for(threads, 1, threads, [&](size_t t, size_t) {
    if (t > 0) copies[t - 1].assign(state.size(), 0);
    const BlockFilter target = t > 0 ? filter.over(copies[t - 1]) : filter;
    for_key_blocks(target, keys.part(keys.size() * t / threads, keys.size() * (t + 1) / threads),
                   [&](size_t, size_t n, const uint64_t* words) { target.operations().add(target.view(), words, n); });
  });
  parallel_for(state.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    for (const auto& copy : copies)
      for (size_t i = begin; i < end; ++i) state[i] |= copy[i];
  });
}

inline void blocks_add(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  if (!worth_sharing(filter, keys, threads))
    return for_key_blocks(filter, keys, [&](size_t, size_t n, const uint64_t* words) {
      filter.operations().add(filter.view(), words, n);
    });
  if (filter.state().size() * threads <= keys.size()) return blocks_add_in_copies(filter, keys, threads);
  for_owned_blocks(filter, keys, threads, [&](size_t, const uint64_t* words, const uint32_t*, size_t n) {
    filter.operations().add(filter.view(), words, n);
  });
}

inline size_t count_false(const bool* values, size_t n) {
  return n - static_cast<size_t>(std::count(values, values + n, true));
}

// Whether each key was there once the keys before it had been added; returns how many were not there. Adds all.
inline size_t blocks_test_and_add(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  if (worth_sharing(filter, keys, threads))
    for_owned_blocks(filter, keys, threads, [&](size_t base, const uint64_t* words, const uint32_t* indices, size_t n) {
      bool answers[kCached];
      filter.operations().test_and_add(filter.view(), words, n, answers);
      for (size_t i = 0; i < n; ++i) out[base + indices[i]] = answers[i];
    });
  else
    for_key_blocks(filter, keys, [&](size_t first, size_t n, const uint64_t* words) {
      filter.operations().test_and_add(filter.view(), words, n, out + first);
    });
  return count_false(out, keys.size());
}

}  // namespace hypersketch
