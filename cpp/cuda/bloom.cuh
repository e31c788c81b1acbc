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

// The layouts: `mask` is word j of a key's bits in its block, `placed` what its words share. A thread that keeps to one
// word keeps the word's salts, which take a while to choose.
struct SplitBlock {
  static constexpr unsigned kWords = kSplitWords;
  static constexpr bool kPlaced = false;

  struct Salts {
    std::uint32_t first, second;
  };

  explicit SplitBlock(BloomFilter) {}
  __device__ __forceinline__ Salts salts(unsigned j) const { return {split_salt(2 * j), split_salt(2 * j + 1)}; }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t, unsigned, Salts salts) const {
    return split_block_mask(word, salts.first, salts.second);
  }
  __device__ __forceinline__ uint64_t placed(uint64_t) const { return 0; }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t, unsigned j) const {
    return split_block_mask(word, j);
  }
};

struct CacheLine {
  static constexpr unsigned kWords = kLineWords;
  static constexpr bool kPlaced = true;
  using Salts = uint64_t;
  size_t n_hashes;

  __device__ __forceinline__ Salts salts(unsigned j) const { return line_salt(j); }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t placed, unsigned j, Salts salt) const {
    return cache_line_mask(word, placed, n_hashes, j, salt);
  }
  explicit CacheLine(BloomFilter filter) : n_hashes(filter.n_hashes) {}
  __device__ __forceinline__ uint64_t placed(uint64_t word) const { return line_word(word); }
  __device__ __forceinline__ uint64_t mask(uint64_t word, uint64_t placed, unsigned j) const {
    return cache_line_mask(word, placed, n_hashes, j);
  }
};

// How the L2 cache treats the words of a filter. One that fits is kept before all else that streams by: by the accesses
// themselves, as setting a part of the cache aside would take it from everybody.
struct CachePolicy {
  uint64_t code;

  __device__ __forceinline__ explicit CachePolicy([[maybe_unused]] bool keep) : code(0) {
#if defined(__CUDA_ARCH__)
    if (keep)
      asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(code));
    else
      asm("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(code));
#endif
  }
};

// Two words that lie on 16 bytes.
__device__ __forceinline__ ulonglong2 load_pair(const uint64_t* from, [[maybe_unused]] CachePolicy policy) {
#if defined(__CUDA_ARCH__)
  ulonglong2 pair;
  asm volatile("ld.global.L2::cache_hint.v2.u64 {%0, %1}, [%2], %3;"
               : "=l"(pair.x), "=l"(pair.y)
               : "l"(__cvta_generic_to_global(from)), "l"(policy.code)
               : "memory");
  return pair;
#else
  return *reinterpret_cast<const ulonglong2*>(from);
#endif
}

// Nobody asks for what was there, so the thread does not wait.
__device__ __forceinline__ void set_bits(uint64_t* word, uint64_t mask, [[maybe_unused]] CachePolicy policy) {
#if defined(__CUDA_ARCH__)
  asm volatile("red.relaxed.gpu.global.or.L2::cache_hint.b64 [%0], %1, %2;" ::"l"(__cvta_generic_to_global(word)),
               "l"(mask), "l"(policy.code)
               : "memory");
#else
  atomicOr(reinterpret_cast<unsigned long long*>(word), static_cast<unsigned long long>(mask));
#endif
}

// A filter of blocks of one layout.
template <class Layout>
struct BlockArray {
  uint64_t* words;
  uint64_t n_blocks;
  Layout layout;
  bool keep;  // in the L2 cache

  BlockArray(BloomFilter filter, size_t cache_bytes)
      : words(filter.words),
        n_blocks(filter.n_bits / (Layout::kWords * kWordBits)),
        layout(filter),
        keep(filter.n_bits / 8 <= cache_bytes / 2) {}
  __device__ __forceinline__ uint64_t* block_of(uint64_t word) const {
    return words + block_index(word, n_blocks) * Layout::kWords;
  }
};

// A block in registers.
template <class Layout>
struct Block {
  uint64_t words[Layout::kWords];

  __device__ __forceinline__ void load(const uint64_t* from, CachePolicy policy) {
#pragma unroll
    for (unsigned j = 0; j < Layout::kWords; j += 2) {
      const ulonglong2 pair = load_pair(from + j, policy);
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

__device__ __forceinline__ uint64_t word_of_lane(uint64_t word, unsigned lane) {
  return __shfl_sync(kWholeWarp, static_cast<unsigned long long>(word), static_cast<int>(lane));
}

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
auto with_blocks(Place place, BloomFilter filter, Use use) {
  const auto cache = static_cast<size_t>(device_attribute(place.device, cudaDevAttrL2CacheSize));
  if (filter.layout == BloomLayout::kSplitBlock) return use(BlockArray<SplitBlock>(filter, cache));
  return use(BlockArray<CacheLine>(filter, cache));
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
