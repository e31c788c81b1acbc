// SPDX-License-Identifier: Apache-2.0
// What the kernels that compare all rows with some queries share: what is compared, in which order words lie, and what
// a block holds. Rows are words of 32 bits; a lane takes four side by side, so that four lanes read 64 bytes of a row:
// a chunk, two tile products deep (tensor_core.cuh). Queries come in the order in which lanes take them.
#pragma once

#include "hypersketch/views.hpp"
#include "tensor_core.cuh"
#include "top_k.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kChunkWords = 2 * kTileWords, kLaneWords = 4;
inline constexpr unsigned kWarps = kThreads / kWarp;
inline constexpr unsigned kListenEvery = 8;  // looks at the lists

struct ScanRows {
  const unsigned* words;
  size_t n;
  size_t stride;  // words
  unsigned n_words;
  unsigned n_chunks;
};

// Queries by tiles of 8 and chunks: lane 4 g + t finds its words 4 t to 4 t + 3 of query g of the tile. Zeros fill up
// the last chunk and the last tiles.
struct ScanQueries {
  const uint4* fragments;
  const int* ones;  // set bits of each, or null
  unsigned n;
  unsigned dim;  // bits that count, or 0

  __device__ __forceinline__ const uint4* chunk(size_t tile, unsigned n_chunks, unsigned chunk) const {
    return fragments + (tile * n_chunks + chunk) * kWarp;
  }
};

// Where blocks leave what they found: k keys for each query and split, those of a query side by side.
struct ScanFound {
  uint64_t* keys;
  uint64_t* lists;            // kListKeys for each list of each block
  unsigned long long* known;  // a bound a query
  const uint64_t* after;      // a key a query, or null
  unsigned k;
};

// Packed vectors: the key is the Hamming distance |a| + |b| - 2 |a and b| with the row, as on the CPU.
struct Bits {
  using Sum = int;
  static constexpr bool kCountsRows = true;

  static __device__ __forceinline__ void add(Sum (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    add_common_bits(sums, a, b);
  }
  // |a| - 2 |a and b|: unsigned, for 2^31 bits in common are too many to be doubled.
  static __device__ __forceinline__ int score(Sum of_row, Sum common) {
    return static_cast<int>(static_cast<unsigned>(of_row) - 2 * static_cast<unsigned>(common));
  }
  // What scores must not exceed for keys below the bound.
  static __device__ __forceinline__ int limit(uint64_t bound, int of_query) {
    return static_cast<int>(bound >> kRowBits) - of_query;
  }
  static __device__ __forceinline__ bool passes(int score, int limit) { return score <= limit; }
  static __device__ __forceinline__ uint64_t key(int score, int of_query, size_t row) {
    return (static_cast<uint64_t>(static_cast<unsigned>(score + of_query)) << kRowBits) | row;
  }
};

// Numbers. Keys of larger scores are smaller.
struct Bfloats {
  using Sum = float;
  static constexpr bool kCountsRows = false;

  static __device__ __forceinline__ void add(Sum (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    add_bfloat_products(sums, a, b);
  }
  static __device__ __forceinline__ float score(Sum, Sum product) { return product; }
  static __device__ __forceinline__ float limit(uint64_t bound, int) {
    if (bound == kNoKey) return -__int_as_float(0x7F800000);
    return score_of(bound);  // no number for a bound of 0, which nothing passes
  }
  static __device__ __forceinline__ bool passes(float score, float limit) { return score >= limit; }
  static __device__ __forceinline__ uint64_t key(float score, int, size_t row) {
    const unsigned bits = __float_as_uint(score);
    const unsigned descending = bits >> 31 != 0 ? bits : ~bits & 0x7FFFFFFFU;
    return uint64_t{descending} << 32 | row;
  }
  static __device__ __forceinline__ float score_of(uint64_t key) {
    const auto descending = static_cast<unsigned>(key >> 32);
    return __uint_as_float(descending >> 31 != 0 ? descending : ~descending & 0x7FFFFFFFU);
  }
};

// The bits of word w that belong to the dimension.
__device__ __forceinline__ unsigned mask_of_word(unsigned dim, unsigned w) {
  if (dim / 32 > w) return ~0U;
  return dim / 32 == w ? (1U << dim % 32) - 1 : 0;
}

// Four words of a row from word w on. Behind the last row that one comes again, and behind the end of a row its last
// words: what is compared with them are zeros, and a load that is always made waits for nothing. Where rows do not lie
// on 16 bytes they are read in halves, of which the second finds in the cache what the first one brought there.
template <bool kWide>
__device__ __forceinline__ uint4 lane_words(const ScanRows& rows, size_t row, unsigned w) {
  const unsigned* const from = rows.words + (row < rows.n ? row : rows.n - 1) * rows.stride;
  if constexpr (kWide) {
    const unsigned last = rows.n_words - kLaneWords;
    return __ldcs(reinterpret_cast<const uint4*>(from + (w < last ? w : last)));
  } else {
    const unsigned last = rows.n_words - kLaneWords / 2;
    const uint2 a = __ldg(reinterpret_cast<const uint2*>(from + (w < last ? w : last)));
    const uint2 b = __ldg(reinterpret_cast<const uint2*>(from + (w + 2 < last ? w + 2 : last)));
    return make_uint4(a.x, a.y, b.x, b.y);
  }
}

// Both tile products of a chunk: of rows g and g + 8, `low` and `high`, and a column's words.
template <class Kind>
__device__ __forceinline__ void add_chunk(typename Kind::Sum (&sums)[4], uint4 low, uint4 high, uint4 column) {
  const unsigned a0[4] = {low.x, high.x, low.y, high.y}, b0[2] = {column.x, column.y};
  const unsigned a1[4] = {low.z, high.z, low.w, high.w}, b1[2] = {column.z, column.w};
  Kind::add(sums, a0, b0);
  Kind::add(sums, a1, b1);
}

// The columns whose products are the rows' own counts: all of the dimension's bits.
__device__ __forceinline__ uint4 all_bits(unsigned dim, unsigned w) {
  return make_uint4(mask_of_word(dim, w), mask_of_word(dim, w + 1), mask_of_word(dim, w + 2), mask_of_word(dim, w + 3));
}

__device__ __forceinline__ int count_bits(uint4 a, uint4 mask) {
  return __popc(a.x & mask.x) + __popc(a.y & mask.y) + __popc(a.z & mask.z) + __popc(a.w & mask.w);
}

// A block's lists of kLists queries, of which `n` are there, and what scores they still take, at the beginning of its
// shared memory: addresses that need no registers.
template <class Kind, unsigned kLists>
struct BlockLists {
  using Limit = decltype(Kind::limit(0, 0));
  static constexpr unsigned kSorters = kLists <= kWarp ? kWarps : kWarps / 2;  // warps that sort, lists by turns
  static_assert(kLists <= kSorters * kWarp);
  static constexpr size_t kBytes =
      sizeof(uint64_t) * (kSorters * kListKeys + kLists) + (sizeof(unsigned) + sizeof(Limit)) * kLists;
  static_assert(kBytes % sizeof(uint4) == 0);

  const ScanQueries& queries;
  const ScanFound& found;
  unsigned first_query;
  unsigned n;

  __device__ __forceinline__ BlockLists(const ScanQueries& queries_, const ScanFound& found_, unsigned first)
      : queries(queries_),
        found(found_),
        first_query(first),
        n(queries_.n - first < kLists ? queries_.n - first : kLists) {}

  static __device__ __forceinline__ uint64_t* bounds() { return shared_memory<uint64_t>() + kSorters * kListKeys; }
  static __device__ __forceinline__ Limit* limits() { return reinterpret_cast<Limit*>(bounds() + kLists); }

  __device__ __forceinline__ KeyLists lists() const {
    return {found.lists + size_t{blockIdx.x} * kLists * kListKeys,
            bounds(),
            reinterpret_cast<unsigned*>(limits() + kLists),
            shared_memory<uint64_t>(),
            found.after == nullptr ? nullptr : found.after + first_query,
            found.known + first_query,
            found.k};
  }

  __device__ __forceinline__ int of_query(unsigned list) const {
    return queries.ones == nullptr ? 0 : __ldg(queries.ones + first_query + list);
  }

  __device__ __forceinline__ void begin() const {
    for (unsigned list = threadIdx.x; list < kLists; list += blockDim.x) {
      lists().begin(list);
      if (list >= n) bounds()[list] = 0;  // takes nothing
      limits()[list] = Kind::limit(bounds()[list], list < n ? of_query(list) : 0);
    }
    __syncthreads();
  }

  // For whoever saw a score pass its limit.
  __device__ __forceinline__ void offer(unsigned list, typename Kind::Sum score, size_t row) const {
    if (list < n) lists().offer(list, Kind::key(score, of_query(list), row));
  }

  // Between what a block offered and what it offers next, at most `most` keys a list; `listening`, it takes over what
  // other blocks know. Takes two barriers.
  __device__ __forceinline__ void make_room(unsigned most, bool listening) const {
    __syncthreads();
    const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
    if (warp < kSorters) {
      const unsigned own = warp + lane * kSorters;
      if (listening && own < n) listen(own);
      const bool is_long = own < n && lists().is_long(own, most);
      for (unsigned left = __ballot_sync(kWholeWarp, is_long); left != 0; left &= left - 1) {
        const unsigned list = warp + kSorters * (static_cast<unsigned>(__ffs(static_cast<int>(left))) - 1);
        lists().shrink(list);
        if (lane == 0) limits()[list] = Kind::limit(bounds()[list], of_query(list));
      }
    }
    __syncthreads();
  }

  __device__ __forceinline__ void listen(unsigned list) const {
    const uint64_t bound = __ldcg(found.known + first_query + list);
    if (bound >= bounds()[list]) return;
    bounds()[list] = bound;
    limits()[list] = Kind::limit(bound, of_query(list));
  }

  // Writes the k best of each list, in any order, for split `split` of `n_splits`.
  __device__ __forceinline__ void finish(size_t split, size_t n_splits) const {
    __syncthreads();
    const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
    if (warp >= kSorters) return;
    for (unsigned list = warp; list < n; list += kSorters) {
      uint64_t* const to = found.keys + ((first_query + list) * n_splits + split) * found.k;
      if (lists().take_known(list, to)) continue;
      const uint64_t* const sorted = lists().shrink(list);
      for (unsigned i = lane; i < found.k; i += kWarp) to[i] = sorted[i];
      __syncwarp();
    }
  }
};

// Eight scores of a lane: rows g, g, g + 8, g + 8, ... of a warp's rows, by turns of list `list` and the next.
// Registers have no addresses, so the rare one that passes is picked by comparisons.
template <class Kind, class Lists>
__device__ __forceinline__ void offer_scores(const Lists& block, const typename Kind::Sum (&scores)[8], unsigned list,
                                             size_t row, size_t n) {
  const auto limit = block.limits()[list], next_limit = block.limits()[list + 1];
  unsigned passing = 0;
#pragma unroll
  for (unsigned i = 0; i < 8; ++i) passing |= (Kind::passes(scores[i], i % 2 ? next_limit : limit) ? 1U : 0U) << i;
  for (; passing != 0; passing &= passing - 1) {
    const unsigned chosen = static_cast<unsigned>(__ffs(static_cast<int>(passing))) - 1;
    auto score = scores[0];
#pragma unroll
    for (unsigned i = 1; i < 8; ++i) score = chosen == i ? scores[i] : score;
    const size_t at = row + 8 * (chosen / 2);
    if (at < n) block.offer(list + chosen % 2, score, at);
  }
}

}  // namespace hypersketch::cuda
