// SPDX-License-Identifier: Apache-2.0
// Classic Bloom filters: bits over the positions of layout.hpp.
// Bottleneck: one random memory access a position. Positions of a block of keys are computed before any is
// touched, so that the accesses overlap; states beyond the caches are prefetched.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

struct CellParams {
  uint64_t n_cells;
  size_t n_hashes;
  uint64_t seed;
};

inline constexpr size_t kBloomBlock = 64;
inline constexpr size_t kBloomGrain = 4096;
inline constexpr size_t kPrefetchBytes = size_t{1} << 20;  // a state of this size no longer fits a core's own cache

// Calls body(first, n, positions) for blocks of keys; position i of the block's key j is positions[i * n + j].
template <class Body>
void for_position_blocks(CellParams params, std::span<const uint64_t> hashes, Body&& body) {
  const uint64_t word_of_seed = seed_word(params.seed, Purpose::kBloom);
  std::vector<uint64_t> positions(kBloomBlock * params.n_hashes);
  uint64_t starts[kBloomBlock];
  for (size_t first = 0; first < hashes.size(); first += kBloomBlock) {
    const size_t n = std::min(kBloomBlock, hashes.size() - first);
    kernels().stream_starts(hashes.data() + first, n, word_of_seed, starts);
    kernels().cell_positions(starts, n, params.n_hashes, params.n_cells, positions.data());
    body(first, n, static_cast<const uint64_t*>(positions.data()));
  }
}

template <int kForWrite>
void prefetch_bits(const uint64_t* words, size_t n_words, const uint64_t* positions, size_t n) {
  if (n_words * sizeof(uint64_t) <= kPrefetchBytes) return;
  for (size_t i = 0; i < n; ++i) __builtin_prefetch(words + positions[i] / kWordBits, kForWrite, 3);
}

// Bits are only ever set, so relaxed accesses give the same bytes for any number of threads and any order, and a
// query beside an add sees every key whose add has returned before the query began.
inline uint64_t load_relaxed(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

inline void set_bit(uint64_t* words, uint64_t position) {
  uint64_t* word = words + position / kWordBits;
  __atomic_store_n(word, load_relaxed(word) | uint64_t{1} << (position % kWordBits), __ATOMIC_RELAXED);
}

inline void set_bit_shared(uint64_t* words, uint64_t position) {
  uint64_t* word = words + position / kWordBits;
  const uint64_t bit = uint64_t{1} << (position % kWordBits);
  if ((load_relaxed(word) & bit) == 0) __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

inline void bloom_add(std::span<uint64_t> words, CellParams params, std::span<const uint64_t> hashes, size_t threads) {
  const bool shared = threads > 1;
  parallel_for(hashes.size(), kBloomGrain, threads, [&](size_t begin, size_t end) {
    for_position_blocks(params, hashes.subspan(begin, end - begin), [&](size_t, size_t n, const uint64_t* positions) {
      const size_t count = n * params.n_hashes;
      prefetch_bits<1>(words.data(), words.size(), positions, count);
      if (shared)
        for (size_t i = 0; i < count; ++i) set_bit_shared(words.data(), positions[i]);
      else
        for (size_t i = 0; i < count; ++i) set_bit(words.data(), positions[i]);
    });
  });
}

inline void bloom_contains(std::span<const uint64_t> words, CellParams params, std::span<const uint64_t> hashes,
                           bool* out, size_t threads) {
  parallel_for(hashes.size(), kBloomGrain, threads, [&](size_t begin, size_t end) {
    for_position_blocks(params, hashes.subspan(begin, end - begin),
                        [&](size_t first, size_t n, const uint64_t* positions) {
                          prefetch_bits<0>(words.data(), words.size(), positions, n * params.n_hashes);
                          bool* answers = out + begin + first;
                          for (size_t j = 0; j < n; ++j) {
                            uint64_t all = 1;
                            for (size_t i = 0; i < params.n_hashes && all != 0; ++i) {
                              const uint64_t position = positions[i * n + j];
                              all = (load_relaxed(&words[position / kWordBits]) >> (position % kWordBits)) & 1;
                            }
                            answers[j] = all != 0;
                          }
                        });
  });
}

// Whether the key was there once the keys before it had been added; adds all and returns how many were not there.
// One thread: a key's bits lie anywhere, so no part of the filter can be dealt with on its own.
inline uint64_t bloom_test_and_add(std::span<uint64_t> words, CellParams params, std::span<const uint64_t> hashes,
                                   bool* out) {
  uint64_t fresh = 0;
  for_position_blocks(params, hashes, [&](size_t first, size_t n, const uint64_t* positions) {
    prefetch_bits<1>(words.data(), words.size(), positions, n * params.n_hashes);
    for (size_t j = 0; j < n; ++j) {
      uint64_t all = 1;
      for (size_t i = 0; i < params.n_hashes; ++i) {
        const uint64_t position = positions[i * n + j];
        all &= load_relaxed(&words[position / kWordBits]) >> (position % kWordBits);
        set_bit(words.data(), position);
      }
      out[first + j] = (all & 1) != 0;
      fresh += !out[first + j];
    }
  });
  return fresh;
}

inline uint64_t popcount(std::span<const uint64_t> words) {
  uint64_t ones = 0;
  for (const uint64_t word : words) ones += count_ones(word);
  return ones;
}

// Set bits of the union of two filters of equal size.
inline uint64_t popcount_or(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  uint64_t ones = 0;
  for (size_t i = 0; i < a.size(); ++i) ones += count_ones(a[i] | b[i]);
  return ones;
}

}  // namespace hypersketch
