// SPDX-License-Identifier: Apache-2.0
// Bloom filters whose keys keep to one block (layout.hpp); the kernels say what bounds them.
//
// Several threads own disjoint ranges of blocks: each computes the words of all keys and takes its own in the batch's
// order, so that the bytes, and what a test-and-add answers, do not depend on the number of threads. Hashing again is
// cheap beside a block that is not in a cache. A small filter is added to in copies, which are then united; a large one
// meets large batches in rounds.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "hypersketch/block_filter.hpp"
#include "hypersketch/bloom_rounds.hpp"
#include "hypersketch/parallel.hpp"

namespace hypersketch {

inline constexpr size_t kBlockGrain = kTaken;            // keys, a multiple of 8: threads share no byte of bits
inline constexpr size_t kLeastShared = size_t{1} << 16;  // fewer keys are added by one thread

// Eight truth values in [0, 1], a byte each, as eight bits.
inline unsigned char pack_bools(const bool* values) {
  uint64_t bytes;
  std::memcpy(&bytes, values, sizeof bytes);
  return static_cast<unsigned char>((bytes * 0x0102040810204080ULL) >> 56);
}

inline void blocks_contains(const BlockFilter& filter, KeyBatch keys, bool* out, size_t threads) {
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    if (worth_rounds(filter, end - begin, threads))
      return RoundReader(filter, keys, threads).read(begin, end, [&](size_t first, const bool* answers, size_t n) {
        std::copy_n(answers, n, out + first);
      });
    filter.operations().contains(filter.view(keys), keys.words.data() + begin, end - begin, out + begin);
  });
}

// The same, bit i % 8 of byte i / 8 for key i; bits beyond the last key are zero.
inline void blocks_contains_packed(const BlockFilter& filter, KeyBatch keys, unsigned char* out, size_t threads) {
  const auto pack = [out](size_t first, bool* answers, size_t n) {  // with room for eight more answers
    std::fill_n(answers + n, 8, false);
    for (size_t i = 0; i < n; i += 8) out[(first + i) / 8] = pack_bools(answers + i);
  };
  parallel_for(keys.size(), kBlockGrain, threads, [&](size_t begin, size_t end) {
    if (worth_rounds(filter, end - begin, threads)) return RoundReader(filter, keys, threads).read(begin, end, pack);
    bool answers[kBlockGrain + 8];
    for (size_t first = begin; first < end; first += kBlockGrain) {
      const size_t n = std::min(kBlockGrain, end - first);
      filter.operations().contains(filter.view(keys), keys.words.data() + first, n, answers);
      pack(first, answers, n);
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
  if (worth_rounds(filter, keys.size(), 1)) return add_in_rounds(filter, keys, threads);
  if (!worth_sharing(filter, keys, threads))
    return filter.operations().add(filter.view(keys), keys.words.data(), keys.size());
  if (filter.state().size() * threads <= keys.size()) return blocks_add_in_copies(filter, keys, threads);
  parallel_for(threads, 1, threads, [&](size_t owner, size_t) {
    for (OwnedWords own(filter, keys, owner, threads); own.next();)
      filter.operations().add(filter.view_of_words(), own.words(), own.size());
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
    parallel_for(threads, 1, threads, [&](size_t owner, size_t) {
      bool answers[kTaken];
      for (OwnedWords own(filter, keys, owner, threads); own.next();) {
        filter.operations().test_and_add(filter.view_of_words(), own.words(), own.size(), answers);
        for (size_t i = 0; i < own.size(); ++i) out[own.base() + own.indices()[i]] = answers[i];
      }
    });
  return count_false(out, keys.size());
}

}  // namespace hypersketch
