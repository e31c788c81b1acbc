// SPDX-License-Identifier: Apache-2.0
// What the files of Bloom filters share: the words that place keys, and the two blocked layouts.
#pragma once

#include "counter.cuh"
#include "hypersketch/hash.hpp"
#include "hypersketch/layout.hpp"

namespace hypersketch::cuda {

// How a key becomes the word that places it (BlockFilter in block_filter.hpp).
struct WordRule {
  uint64_t word_of_seed;
  bool hash;   // keys are integers to be hashed first
  bool start;  // the word is the start of the key's stream, else its hash
};

inline WordRule word_rule(BloomFilter filter, bool hashed) {
  const bool is_parquet = filter.layout == BloomLayout::kSplitBlock && filter.seed == 0;
  return {seed_word(filter.seed, Purpose::kBloom), !hashed, !is_parquet};
}

// Turns keys into words. All are hashed before all are started, so that the threads' chains of products overlap.
template <unsigned kKeys>
__device__ __forceinline__ void make_words(uint64_t (&keys)[kKeys], WordRule rule) {
  if (rule.hash) {
#pragma unroll
    for (unsigned r = 0; r < kKeys; ++r) keys[r] = xxh64_integer(keys[r], 0);
  }
  if (rule.start) {
#pragma unroll
    for (unsigned r = 0; r < kKeys; ++r) keys[r] = stream_start(rule.word_of_seed, keys[r]);
  }
}

__device__ __forceinline__ uint64_t make_word(uint64_t key, WordRule rule) {
  uint64_t words[1] = {key};
  make_words(words, rule);
  return words[0];
}

// The layouts: `mask` is word j of a key's bits in its block, `placed` what its words share.
struct SplitBlock {
  static constexpr unsigned kWords = kSplitWords;
  static constexpr bool kPlaced = false;

  explicit SplitBlock(BloomFilter) {}
  __device__ __forceinline__ uint64_t placed(uint64_t) const { return 0; }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t, unsigned j) const {
    return split_block_mask(word, j);
  }
};

struct CacheLine {
  static constexpr unsigned kWords = kLineWords;
  static constexpr bool kPlaced = true;
  size_t n_hashes;

  explicit CacheLine(BloomFilter filter) : n_hashes(filter.n_hashes) {}
  __device__ __forceinline__ uint64_t placed(uint64_t word) const { return line_word(word); }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t placed, unsigned j) const {
    return cache_line_mask(word, placed, n_hashes, j);
  }
};

// A filter of blocks of one layout.
template <class Layout>
struct BlockArray {
  uint64_t* words;
  uint64_t n_blocks;
  Layout layout;

  explicit BlockArray(BloomFilter filter)
      : words(filter.words), n_blocks(filter.n_bits / (Layout::kWords * kWordBits)), layout(filter) {}
  __device__ __forceinline__ uint64_t* block_of(uint64_t word) const {
    return words + block_index(word, n_blocks) * Layout::kWords;
  }
};

// A block in registers.
template <class Layout>
struct Block {
  uint64_t words[Layout::kWords];

  // By loads of 16 bytes.
  __device__ __forceinline__ void load(const uint64_t* from) {
#pragma unroll
    for (unsigned j = 0; j < Layout::kWords; j += 2) {
      const ulonglong2 pair = *reinterpret_cast<const ulonglong2*>(from + j);
      words[j] = pair.x;
      words[j + 1] = pair.y;
    }
  }
  __device__ __forceinline__ void store(uint64_t* to) const {
#pragma unroll
    for (unsigned j = 0; j < Layout::kWords; j += 2)
      *reinterpret_cast<ulonglong2*>(to + j) = make_ulonglong2(words[j], words[j + 1]);
  }
  __device__ __forceinline__ bool holds(Layout layout, uint64_t word) const {
    const uint64_t placed = layout.placed(word);
    uint64_t missing = 0;
#pragma unroll
    for (unsigned j = 0; j < Layout::kWords; ++j) missing |= layout.mask(word, placed, j) & ~words[j];
    return missing == 0;
  }
  __device__ __forceinline__ void put(Layout layout, uint64_t word) {
    const uint64_t placed = layout.placed(word);
#pragma unroll
    for (unsigned j = 0; j < Layout::kWords; ++j) words[j] |= layout.mask(word, placed, j);
  }
};

// A result that nobody asks for lets the compiler use a reduction, which the thread does not wait for.
__device__ __forceinline__ void set_bits(uint64_t* word, uint64_t mask) {
  atomicOr(reinterpret_cast<unsigned long long*>(word), static_cast<unsigned long long>(mask));
}

__device__ __forceinline__ uint64_t word_of_lane(uint64_t word, unsigned lane) {
  return __shfl_sync(kWholeWarp, static_cast<unsigned long long>(word), static_cast<int>(lane));
}

__device__ __forceinline__ size_t thread_index() { return size_t{blockIdx.x} * blockDim.x + threadIdx.x; }

// Where answers go: bytes, or bits of bytes. All lanes of a warp call `put` together, for keys that follow each other
// from a multiple of 32 on.
struct BoolAnswers {
  bool* out;

  __device__ __forceinline__ void put(size_t i, size_t n, bool answer) const {
    if (i < n) out[i] = answer;
  }
};

struct PackedAnswers {
  unsigned char* out;

  __device__ __forceinline__ void put(size_t i, size_t n, bool answer) const {
    const unsigned bits = __ballot_sync(kWholeWarp, i < n && answer), lane = threadIdx.x % kWarp;
    const size_t byte = i / kWarp * (kWarp / 8) + lane;
    if (lane < kWarp / 8 && byte < (n + 7) / 8) out[byte] = static_cast<unsigned char>(bits >> (8 * lane));
  }
};

// Calls `use` with the blocks of a filter of a blocked layout.
template <class Use>
auto with_blocks(BloomFilter filter, Use use) {
  if (filter.layout == BloomLayout::kSplitBlock) return use(BlockArray<SplitBlock>(filter));
  return use(BlockArray<CacheLine>(filter));
}

// bloom_blocks.cu
void add_to_blocks(Place place, BloomFilter filter, Keys keys);
void ask_blocks(Place place, BloomFilter filter, Keys keys, BoolAnswers answers);
void ask_blocks(Place place, BloomFilter filter, Keys keys, PackedAnswers answers);
// Words already made, in any order that suits the caches.
void add_words_to_blocks(Place place, BloomFilter filter, const uint64_t* words, size_t n);
void make_words_of_keys(Place place, BloomFilter filter, Keys keys, uint64_t* words);

// bloom_slices.cu: false, and nothing done, where the direct way is the better one.
bool add_in_slices(Place place, BloomFilter filter, Keys keys);

// bloom_distinct.cu
uint64_t test_and_add_to_blocks(Place place, BloomFilter filter, Keys keys, bool* out);

// bloom_classic.cu
void add_to_classic(Place place, BloomFilter filter, Keys keys);
void ask_classic(Place place, BloomFilter filter, Keys keys, BoolAnswers answers);
void ask_classic(Place place, BloomFilter filter, Keys keys, PackedAnswers answers);
uint64_t test_and_add_to_classic(Place place, BloomFilter filter, Keys keys, bool* out);

}  // namespace hypersketch::cuda
