// SPDX-License-Identifier: Apache-2.0
// Bloom filters whose keys keep to one block (layout.hpp). Bottleneck: one random access a key. Keys go in batches:
// the words of all are computed, then their blocks are touched; when the filter is larger than the caches, the
// blocks of the next batch are prefetched before those of this one are touched.
//
// Several threads own disjoint ranges of blocks: each computes the words of its share of the keys and sorts them by
// owner, then every owner takes its keys in the batch's order. So the bytes, and what a test-and-add answers, do not
// depend on the number of threads.
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

struct BlockFilter {
  BlockLayout layout;
  std::span<uint64_t> words;
  size_t n_hashes;
  uint64_t seed;

  size_t block_words() const { return layout == BlockLayout::kSplitBlock ? kSplitWords : kLineWords; }
  uint64_t n_blocks() const { return words.size() / block_words(); }
  BlockView view() const { return {words.data(), n_blocks(), n_hashes}; }
  const BlockKernels& operations() const {
    return layout == BlockLayout::kSplitBlock ? kernels().split_block : kernels().cache_line;
  }
};

inline constexpr size_t kTouchBatch = 64;                // keys whose blocks are on their way at a time
inline constexpr size_t kCachedBytes = size_t{4} << 20;  // a larger filter is worth prefetching
inline constexpr size_t kBlockGrain = 4096;              // keys, a multiple of 64 so that packed answers fall apart
inline constexpr size_t kRound = size_t{1} << 15;        // keys a thread sorts by owner before all go on
inline constexpr size_t kLeastShared = size_t{1} << 16;  // fewer keys are added by one thread

// The words that place `count` keys from `first` on: Parquet's filter takes hashes as they are.
inline const uint64_t* block_words(const BlockFilter& filter, KeyBatch keys, size_t first, size_t count,
                                   uint64_t* buffer) {
  const uint64_t* hashes = keys.hashes(first, count, buffer);
  if (filter.layout == BlockLayout::kSplitBlock && filter.seed == 0) return hashes;
  kernels().stream_starts(hashes, count, seed_word(filter.seed, Purpose::kBloom), buffer);
  return buffer;
}

inline void prefetch_blocks(const BlockFilter& filter, const uint64_t* words, size_t n) {
  const uint64_t n_blocks = filter.n_blocks();
  const size_t size = filter.block_words();
  for (size_t i = 0; i < n; ++i) __builtin_prefetch(filter.words.data() + block_index(words[i], n_blocks) * size, 1, 3);
}

// Calls touch(first, count, words) for all batches of n keys; words_of(first, count, buffer) gives their words.
template <class WordsOf, class Touch>
void for_block_batches(const BlockFilter& filter, size_t n, WordsOf&& words_of, Touch&& touch) {
  const bool prefetch = filter.words.size_bytes() > kCachedBytes;
  uint64_t buffers[2][kTouchBatch];
  const auto batch = [&](size_t first, size_t parity) {
    const uint64_t* words = words_of(first, std::min(kTouchBatch, n - first), buffers[parity]);
    if (prefetch) prefetch_blocks(filter, words, std::min(kTouchBatch, n - first));
    return words;
  };
  if (n == 0) return;
  const uint64_t* words = batch(0, 0);
  for (size_t first = 0, parity = 1; first < n; first += kTouchBatch, parity ^= 1) {
    const uint64_t* const next = first + kTouchBatch < n ? batch(first + kTouchBatch, parity) : nullptr;
    touch(first, std::min(kTouchBatch, n - first), words);
    words = next;
  }
}

// Eight truth values in [0, 1], a byte each, as eight bits.
inline unsigned char pack_bools(const bool* values) {
  uint64_t bytes;
  std::memcpy(&bytes, values, sizeof bytes);
  return static_cast<unsigned char>((bytes * 0x0102040810204080ULL) >> 56);
}

inline void blocks_contains(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  parallel_for(keys.n, kBlockGrain, threads, [&](size_t begin, size_t end) {
    const KeyBatch part = keys.part(begin, end);
    for_block_batches(
        filter, part.n,
        [&](size_t first, size_t n, uint64_t* buffer) { return block_words(filter, part, first, n, buffer); },
        [&](size_t first, size_t n, const uint64_t* words) {
          filter.operations().contains(filter.view(), words, n, out + begin + first);
        });
  });
}

// The same, bit i % 8 of byte i / 8 for key i; bits beyond the last key are zero.
inline void blocks_contains_packed(const BlockFilter& filter, KeyBatch keys, unsigned char* out, size_t threads) {
  parallel_for(keys.n, kBlockGrain, threads, [&](size_t begin, size_t end) {
    const KeyBatch part = keys.part(begin, end);
    for_block_batches(
        filter, part.n,
        [&](size_t first, size_t n, uint64_t* buffer) { return block_words(filter, part, first, n, buffer); },
        [&](size_t first, size_t n, const uint64_t* words) {
          bool answers[kTouchBatch] = {};
          filter.operations().contains(filter.view(), words, n, answers);
          for (size_t i = 0; i < n; i += 8) out[(begin + first + i) / 8] = pack_bools(answers + i);
        });
  });
}

// The keys that one thread sorted: those of owner t stand from starts[t] to starts[t + 1].
struct SortedShare {
  explicit SortedShare(size_t owners) : words(kRound + 8), scratch(kRound), indices(kRound + 8), starts(owners + 1) {}

  std::vector<uint64_t> words, scratch;
  std::vector<uint32_t> indices;
  std::vector<size_t> starts;
};

inline void sort_share(const BlockFilter& filter, KeyBatch keys, size_t owners, SortedShare& share) {
  const uint64_t* words = block_words(filter, keys, 0, keys.n, share.scratch.data());
  const uint64_t n_blocks = filter.n_blocks();
  for (size_t t = 0; t < owners; ++t) {
    const size_t start = share.starts[t];
    share.starts[t + 1] =
        start + kernels().select_blocks(words, keys.n, n_blocks, n_blocks * t / owners, n_blocks * (t + 1) / owners,
                                        share.words.data() + start, share.indices.data() + start);
  }
}

// Calls touch(words, indices, count) for every key of the batch, an owner's keys in their order; indices count from
// the batch's first key.
template <class Touch>
void for_owned_blocks(const BlockFilter& filter, KeyBatch keys, size_t threads, Touch&& touch) {
  std::vector<SortedShare> shares[2];
  for (auto& set : shares) set.assign(threads, SortedShare(threads));
  parallel_team(threads, [&](size_t member, size_t members, auto& barrier) {
    for (size_t round = 0, parity = 0; round < keys.n; round += members * kRound, parity ^= 1) {
      const auto share_begin = [&](size_t m) { return std::min(keys.n, round + m * kRound); };
      sort_share(filter, keys.part(share_begin(member), share_begin(member + 1)), members, shares[parity][member]);
      barrier.arrive_and_wait();  // two sets of shares: nobody sorts into a set that is still being read
      for (size_t m = 0; m < members; ++m) {
        const SortedShare& share = shares[parity][m];
        const size_t start = share.starts[member];
        for_block_batches(
            filter, share.starts[member + 1] - start,
            [&](size_t first, size_t, uint64_t*) { return share.words.data() + start + first; },
            [&](size_t first, size_t n, const uint64_t* words) {
              touch(words, share.indices.data() + start + first, share_begin(m), n);
            });
      }
    }
  });
}

inline bool worth_sharing(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  return threads > 1 && keys.n >= kLeastShared && filter.n_blocks() >= threads;
}

inline void blocks_add(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  if (worth_sharing(filter, keys, threads))
    return for_owned_blocks(filter, keys, threads, [&](const uint64_t* words, const uint32_t*, size_t, size_t n) {
      filter.operations().add(filter.view(), words, n);
    });
  for_block_batches(
      filter, keys.n,
      [&](size_t first, size_t n, uint64_t* buffer) { return block_words(filter, keys, first, n, buffer); },
      [&](size_t, size_t n, const uint64_t* words) { filter.operations().add(filter.view(), words, n); });
}

inline size_t count_false(const bool* values, size_t n) {
  return n - static_cast<size_t>(std::count(values, values + n, true));
}

// Whether each key was there once the keys before it had been added; returns how many were not there. Adds all.
inline size_t blocks_test_and_add(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  if (worth_sharing(filter, keys, threads))
    for_owned_blocks(filter, keys, threads, [&](const uint64_t* words, const uint32_t* indices, size_t base, size_t n) {
      bool answers[kTouchBatch];
      filter.operations().test_and_add(filter.view(), words, n, answers);
      for (size_t i = 0; i < n; ++i) out[base + indices[i]] = answers[i];
    });
  else
    for_block_batches(
        filter, keys.n,
        [&](size_t first, size_t n, uint64_t* buffer) { return block_words(filter, keys, first, n, buffer); },
        [&](size_t first, size_t n, const uint64_t* words) {
          filter.operations().test_and_add(filter.view(), words, n, out + first);
        });
  return count_false(out, keys.n);
}

}  // namespace hypersketch
