// SPDX-License-Identifier: Apache-2.0
// Bloom filters (bits) and counting Bloom filters (integer cells) over the positions of layout.hpp.
// Bottleneck: one random memory access a position. Positions of a block of keys are computed before any is
// touched, so that the accesses overlap; states beyond the caches are prefetched.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

using std::int64_t;

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

// Set bits of the union or intersection of two filters of equal size.
template <class Combine>
uint64_t popcount_of(std::span<const uint64_t> a, std::span<const uint64_t> b, Combine combine) {
  uint64_t ones = 0;
  for (size_t i = 0; i < a.size(); ++i) ones += count_ones(combine(a[i], b[i]));
  return ones;
}

// Adds `weight` to the key's cells, once a hash. Returns false, with the key's cells as they were, when a cell
// would leave the range of its type.
template <class Cell>
bool change_cells(Cell* cells, const uint64_t* positions, size_t stride, size_t n_hashes, int64_t weight) {
  for (size_t i = 0; i < n_hashes; ++i) {
    Cell& cell = cells[positions[i * stride]];
    int64_t changed;
    const bool wraps = __builtin_add_overflow(static_cast<int64_t>(cell), weight, &changed);
    if (wraps || changed < 0 || changed > static_cast<int64_t>(std::numeric_limits<Cell>::max())) {
      while (i-- > 0) {
        Cell& earlier = cells[positions[i * stride]];
        earlier = static_cast<Cell>(static_cast<int64_t>(earlier) - weight);
      }
      return false;
    }
    cell = static_cast<Cell>(changed);
  }
  return true;
}

// Adds every key's weight (1 when null), negated when `remove`. Stops at the first key that does not fit and
// returns its index; returns the number of keys when all fit.
template <class Cell>
size_t counting_apply(std::span<Cell> cells, CellParams params, std::span<const uint64_t> hashes,
                      const int64_t* weights, bool remove) {
  size_t done = hashes.size();
  for_position_blocks(params, hashes, [&](size_t first, size_t n, const uint64_t* positions) {
    for (size_t j = 0; j < n && done == hashes.size(); ++j) {
      const int64_t weight = weights == nullptr ? 1 : weights[first + j];
      if (!change_cells(cells.data(), positions + j, n, params.n_hashes, remove ? -weight : weight)) done = first + j;
    }
  });
  return done;
}

// All or nothing: a refused batch leaves the cells as they were.
template <class Cell>
void counting_add(std::span<Cell> cells, CellParams params, std::span<const uint64_t> hashes, const int64_t* weights,
                  bool remove) {
  const size_t done = counting_apply(cells, params, hashes, weights, remove);
  if (done == hashes.size()) return;
  counting_apply(cells, params, hashes.first(done), weights, !remove);
  if (remove) throw std::invalid_argument("A key to remove was not added that often: a counter would fall below zero.");
  throw std::overflow_error("A counter would exceed the largest value of its type (" +
                            std::to_string(std::numeric_limits<Cell>::max()) + ").");
}

// The smallest of floor(cell / how often the key meets the cell): never below the key's own count.
template <class Cell>
int64_t key_count(const Cell* cells, const uint64_t* positions, size_t stride, size_t n_hashes) {
  int64_t smallest = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < n_hashes; ++i) {
    int64_t times = 0;
    for (size_t other = 0; other < n_hashes; ++other) times += positions[other * stride] == positions[i * stride];
    smallest = std::min(smallest, static_cast<int64_t>(cells[positions[i * stride]]) / times);
  }
  return smallest;
}

template <class Cell>
void counting_count(std::span<const Cell> cells, CellParams params, std::span<const uint64_t> hashes, int64_t* out,
                    size_t threads) {
  parallel_for(hashes.size(), kBloomGrain, threads, [&](size_t begin, size_t end) {
    for_position_blocks(params, hashes.subspan(begin, end - begin),
                        [&](size_t first, size_t n, const uint64_t* positions) {
                          for (size_t j = 0; j < n; ++j)
                            out[begin + first + j] = key_count(cells.data(), positions + j, n, params.n_hashes);
                        });
  });
}

}  // namespace hypersketch
