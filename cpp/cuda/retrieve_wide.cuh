// SPDX-License-Identifier: Apache-2.0
// Softmax retrieval of many queries from bfloat16 patterns, by groups of four warps (compute capability 9.0): two of
// them multiply, 64 queries each, and a third copies. A tile of patterns, swizzled by 16-byte copies, is multiplied as
// rows for the scores and as columns for the states: both readings of one copy. While the tensor cores add a tile to
// the states the scores of the next one become weights.
//
// Bottleneck: tile products. 128 queries and 128 patterns of 128 numbers are 8.4e6 multiplications and additions; an
// H200's processor does 7.5e12 a second (990e12 of all), 2,200 clocks. Beside them stand 1,020 clocks of exponentials,
// 16 a clock, some 700 of other arithmetic, and 32 KiB from the second-level cache, 3.8 TB/s for all processors at the
// full rate.
#pragma once

#include "retrieve_tiles.cuh"
#include "warp_group.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kWideGroups = 2, kWideThreads = (kWideGroups + 1) * kGroupThreads, kMostStages = 3;
inline constexpr unsigned kWideQueries = kWideGroups * kGroupRows;
inline constexpr unsigned kMostMemory = 227 << 10;  // bytes of shared memory of a block

// Tiles of rows as wide as kDim numbers: fewer patterns where the states take more registers. A stage has the patterns'
// tile and, unless it serves as both, that of the values.
template <unsigned kDim, bool kShared>
struct WideTile {
  static constexpr unsigned kPatterns = kDim <= 128 ? 128 : 64;
  static constexpr unsigned kBytes = kPatterns * kDim * 2, kQueryBytes = kGroupRows * kDim * 2;
  static constexpr unsigned kStage = kShared ? kBytes : 2 * kBytes;
  static constexpr unsigned kBeside = kSwizzled + kWideGroups * kQueryBytes;  // stages, with room to align
  static constexpr unsigned kRing = kBeside + kMostStages * kStage > kMostMemory ? 2 : kMostStages;
  static constexpr size_t kMemory = kBeside + kRing * kStage;

  static __device__ __forceinline__ SharedTile patterns(const unsigned char* stages, unsigned i) {
    return shared_tile(stages + i % kRing * kStage, kPatterns * kPanelBytes);
  }
  static __device__ __forceinline__ SharedTile values(const unsigned char* stages, unsigned i) {
    return shared_tile(stages + i % kRing * kStage + (kStage - kBytes), kPatterns * kPanelBytes);
  }
};

// Full and empty stages, for each group that multiplies.
__device__ __forceinline__ unsigned full_barrier(unsigned group, unsigned stage) {
  return 1 + (group * kMostStages + stage) * 2;
}
__device__ __forceinline__ unsigned empty_barrier(unsigned group, unsigned stage) {
  return full_barrier(group, stage) + 1;
}
inline constexpr unsigned kBarrierOfQueries = 1 + kWideGroups * kMostStages * 2;  // and one for each group more
inline constexpr unsigned kPairThreads = 2 * kGroupThreads;  // one that multiplies and the one that copies

// Rows [first, first + kRows) of bfloat16 numbers into a swizzled tile; zeros where there are none.
template <unsigned kRows, unsigned kDim>
__device__ __forceinline__ void copy_tile(unsigned char* to, const unsigned char* rows, size_t stride, size_t first,
                                          size_t end, unsigned thread) {
  constexpr unsigned kVectors = kDim / 8;
#pragma unroll 8
  for (unsigned i = thread; i < kRows * kVectors; i += kGroupThreads) {
    const unsigned row = i / kVectors, v = i % kVectors;
    const bool is_there = first + row < end && v * 16 < stride;
    copy_async<16>(to + swizzled(row, v, kRows), is_there ? rows + (first + row) * stride + v * 16 : rows, is_there);
  }
}

template <unsigned kRows, unsigned kDim>
__device__ __forceinline__ void copy_rows(unsigned char* to, const StoredRows& store, size_t first, size_t end,
                                          unsigned thread) {
  copy_tile<kRows, kDim>(to, static_cast<const unsigned char*>(store.rows), store.stride, first, end, thread);
}

// The group that copies: a tile becomes full when the copies of the one behind it have begun, or, where there are but
// two stages, before: the stage that these need is given back by whoever has met this tile.
template <unsigned kDim, bool kShared>
__device__ __forceinline__ void feed(const RetrievalPass& pass, unsigned char* stages) {
  using Tile = WideTile<kDim, kShared>;
  const unsigned thread = threadIdx.x % kGroupThreads;
  const auto n_tiles = static_cast<unsigned>((pass.end() - pass.begin() + Tile::kPatterns - 1) / Tile::kPatterns);
  constexpr bool kAhead = Tile::kRing > 2;
  const auto show = [&](unsigned i) {
    show_to_tensor_cores();
    for (unsigned group = 0; group < kWideGroups; ++group)
      arrive_at_barrier(full_barrier(group, i % Tile::kRing), kPairThreads);
  };
  for (unsigned i = 0; i <= n_tiles; ++i) {
    if (!kAhead && i > 0) {
      await_copy_groups<0>();
      show(i - 1);
    }
    if (i < n_tiles) {
      if (i >= Tile::kRing)
        for (unsigned group = 0; group < kWideGroups; ++group)
          await_barrier(empty_barrier(group, i % Tile::kRing), kPairThreads);
      const size_t first = pass.begin() + size_t{i} * Tile::kPatterns;
      unsigned char* const stage = stages + i % Tile::kRing * Tile::kStage;
      copy_rows<Tile::kPatterns, kDim>(stage, pass.patterns.rows, first, pass.end(), thread);
      if (!kShared) copy_rows<Tile::kPatterns, kDim>(stage + Tile::kBytes, pass.values, first, pass.end(), thread);
      end_copy_group();
    }
    if (!kAhead || i == 0) continue;
    i < n_tiles ? await_copy_groups<1>() : await_copy_groups<0>();
    show(i - 1);
  }
}

// A group's scores and weights of a tile. A thread has patterns 8 j + 2 c and the next of rows g and g + 8.
template <unsigned kPatterns>
struct WideScores {
  float sums[kPatterns / 2];
  float scales[2];  // beta log2 e of both rows
  float maxima[2] = {-kInfinite, -kInfinite};
  float totals[2] = {}, squares[2] = {};

  __device__ __forceinline__ WideScores(const RetrievalPass& pass, unsigned first_query) {
#pragma unroll
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned query = first_query + 8 * i;
      scales[i] = query < pass.queries.n ? __ldg(pass.queries.betas + query) * 0x1.715476p+0F : 0.0F;
    }
  }

  template <unsigned kDim>
  __device__ __forceinline__ void multiply(SharedTile queries, SharedTile patterns) {
    hold(sums);
    begin_products();
#pragma unroll
    for (unsigned step = 0; step < kDim / kStep; ++step) {
      const unsigned panel = step / 4, within = step % 4 * kStep * 2;
      multiply_rows(sums, queries + (panel * kGroupRows * kPanelBytes + within),
                    patterns + (panel * kPatterns * kPanelBytes + within), step != 0);
    }
    end_products();
  }

  // What similarities make of products, and nothing for patterns that are not there. Their number is the same for all
  // lanes, so the branches are.
  __device__ __forceinline__ void adjust(const RetrievalPass& pass, size_t first) {
    const bool whole = first + kPatterns <= pass.end();
    if (whole && pass.patterns.likeness == Likeness::kDot) return;
    const float* const lengths = pass.patterns.lengths;
#pragma unroll
    for (unsigned i = 0; i < kPatterns / 4; ++i) {
      const size_t pattern = first + i / 2 * 8 + threadIdx.x % 4 * 2 + i % 2;
      const bool is_there = whole || pattern < pass.end();
      const float length = lengths != nullptr && is_there ? __ldg(lengths + pattern) : 0.0F;
      const bool cosine = pass.patterns.likeness == Likeness::kCosine;
      const bool distance = pass.patterns.likeness == Likeness::kEuclidean;
      const float factor = cosine ? (length > 0.0F ? fast_reciprocal(length) : 0.0F) : 1.0F;
      const float offset = !is_there ? -kInfinite : distance ? -0.5F * length * length : 0.0F;
      float& low = sums[i / 2 * 4 + i % 2];
      float& high = sums[i / 2 * 4 + 2 + i % 2];
      low = fmaf(low, factor, offset);
      high = fmaf(high, factor, offset);
    }
  }

  // Makes weights of the scores; factors are what sums so far are multiplied by.
  __device__ __forceinline__ void weigh(float (&factors)[2]) {
#pragma unroll
    for (unsigned i = 0; i < 2; ++i) {
      float most = -kInfinite;
#pragma unroll
      for (unsigned j = 0; j < kPatterns / 8; ++j)
        most = fmaxf(most, fmaxf(sums[4 * j + 2 * i], sums[4 * j + 2 * i + 1]));
      most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, 1));
      most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, 2));
      const float before = maxima[i];
      maxima[i] = fmaxf(before, most);
      factors[i] = fast_exp2((before - maxima[i]) * scales[i]);
      if (!(scales[i] > 0.0F)) factors[i] = 1.0F;
      const float shift = -maxima[i] * scales[i];
      float total = 0.0F, square = 0.0F;
#pragma unroll
      for (unsigned j = 0; j < kPatterns / 8; ++j)
#pragma unroll
        for (unsigned k = 0; k < 2; ++k) {
          float& own = sums[4 * j + 2 * i + k];
          own = fast_exp2(fmaf(own, scales[i], shift));
          total += own;
          square = fmaf(own, own, square);
        }
      totals[i] = totals[i] * factors[i] + total;
      squares[i] = squares[i] * factors[i] * factors[i] + square;
    }
  }

  // Row g's and row g + 8's sums of all four lanes, to where queries `query` and the eighth behind it have theirs.
  __device__ __forceinline__ void write_sums(const RetrievalPass& pass, float* to, unsigned query) const {
#pragma unroll
    for (unsigned i = 0; i < 2; ++i) {
      float total = totals[i], square = squares[i];
      total += __shfl_xor_sync(kWholeWarp, total, 1);
      square += __shfl_xor_sync(kWholeWarp, square, 1);
      total += __shfl_xor_sync(kWholeWarp, total, 2);
      square += __shfl_xor_sync(kWholeWarp, square, 2);
      const unsigned row = query + 8 * i;
      if (threadIdx.x % 4 != 0 || row >= pass.queries.n) continue;
      to[row * size_t{3}] = maxima[i] * __ldg(pass.queries.betas + row);
      to[row * size_t{3} + 1] = total, to[row * size_t{3} + 2] = square;
    }
  }

  // The weights as an operand: words of 16 patterns.
  __device__ __forceinline__ void pack(unsigned (&words)[kPatterns / kStep][4]) const {
#pragma unroll
    for (unsigned step = 0; step < kPatterns / kStep; ++step)
#pragma unroll
      for (unsigned w = 0; w < 4; ++w) words[step][w] = to_bfloats(sums[8 * step + 2 * w], sums[8 * step + 2 * w + 1]);
  }
};

// A group's states, 64 or 128 numbers to a product.
template <unsigned kDim, unsigned kPatterns>
struct WideStates {
  static constexpr unsigned kColumns = kDim < 128 ? kDim : 128, kParts = kDim / kColumns;
  float sums[kParts][kColumns / 2];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned i = 0; i < kParts * kColumns / 2; ++i) sums[i / (kColumns / 2)][i % (kColumns / 2)] = 0.0F;
  }

  __device__ __forceinline__ void add(const unsigned (&weights)[kPatterns / kStep][4], SharedTile patterns) {
    hold_all();
    begin_products();
#pragma unroll
    for (unsigned step = 0; step < kPatterns / kStep; ++step)
#pragma unroll
      for (unsigned part = 0; part < kParts; ++part)
        multiply_columns(sums[part], weights[step],
                         patterns + (part * (kColumns / kPanelNumbers) * kPatterns + step * kStep) * kPanelBytes, true);
    end_products();
  }

  __device__ __forceinline__ void hold_all() {
#pragma unroll
    for (unsigned part = 0; part < kParts; ++part) hold(sums[part]);
  }

  __device__ __forceinline__ void scale(const float (&factors)[2]) {
#pragma unroll
    for (unsigned i = 0; i < kParts * kColumns / 2; ++i)
      sums[i / (kColumns / 2)][i % (kColumns / 2)] *= factors[i / 2 % 2];
  }

  // Numbers `from` and so on of rows g and g + 8, which are queries `query` and the eighth behind it.
  __device__ __forceinline__ void write(float* to, unsigned query, unsigned n, size_t dim, unsigned from = 0) const {
    const unsigned c = threadIdx.x % 4;
#pragma unroll
    for (unsigned part = 0; part < kParts; ++part)
#pragma unroll
      for (unsigned i = 0; i < kColumns / 2; ++i) {
        const unsigned row = query + i / 2 % 2 * 8, column = from + part * kColumns + i / 4 * 8 + 2 * c + i % 2;
        if (row < n && column < dim) to[row * dim + column] = sums[part][i];
      }
  }
};

// A group's queries into shared memory, as a swizzled tile. A barrier must follow.
template <unsigned kDim>
__device__ __forceinline__ void take_queries(const RetrievalPass& pass, const unsigned char* rows, size_t stride,
                                             unsigned char* to, unsigned first_query) {
  copy_tile<kGroupRows, kDim>(to, rows, stride, first_query, pass.queries.n, threadIdx.x % kGroupThreads);
  end_copy_group();
  await_copy_groups<0>();
  show_to_tensor_cores();
}

// A group that multiplies.
template <unsigned kDim, bool kShared>
__device__ __forceinline__ void retrieve_group(const RetrievalPass& pass, const unsigned char* rows, size_t stride,
                                               unsigned char* own_queries, const unsigned char* stages, unsigned group,
                                               SplitStates found) {
  using Tile = WideTile<kDim, kShared>;
  constexpr unsigned kPatterns = Tile::kPatterns;
  const unsigned thread = threadIdx.x % kGroupThreads;
  const unsigned first_query = pass.group() * kWideQueries + group * kGroupRows;
  const unsigned query = first_query + thread / kWarp * 16 + thread % kWarp / 4;
  take_queries<kDim>(pass, rows, stride, own_queries, first_query);
  await_barrier(kBarrierOfQueries + group, kGroupThreads);
  const SharedTile asked = shared_tile(own_queries, kGroupRows * kPanelBytes);
  const auto n_tiles = static_cast<unsigned>((pass.end() - pass.begin() + kPatterns - 1) / kPatterns);
  WideScores<kPatterns> scores(pass, query);
  WideStates<kDim, kPatterns> states;
  states.clear();
  unsigned weights[kPatterns / kStep][4];
  float factors[2];
  await_barrier(full_barrier(group, 0), kPairThreads);
  scores.template multiply<kDim>(asked, Tile::patterns(stages, 0));
  await_products<0>();
  hold(scores.sums);
  scores.adjust(pass, pass.begin());
  scores.weigh(factors);
  scores.pack(weights);
  for (unsigned i = 1; i < n_tiles; ++i) {
    await_barrier(full_barrier(group, i % Tile::kRing), kPairThreads);
    scores.template multiply<kDim>(asked, Tile::patterns(stages, i));
    states.add(weights, Tile::values(stages, i - 1));
    await_products<1>();
    hold(scores.sums);
    scores.adjust(pass, pass.begin() + size_t{i} * kPatterns);
    scores.weigh(factors);
    await_products<0>();
    states.hold_all();
    if (i - 1 + Tile::kRing < n_tiles) arrive_at_barrier(empty_barrier(group, (i - 1) % Tile::kRing), kPairThreads);
    states.scale(factors);
    scores.pack(weights);
  }
  states.add(weights, Tile::values(stages, n_tiles - 1));
  await_products<0>();
  states.hold_all();
  const size_t split = pass.split() * size_t{pass.queries.n};
  states.write(found.states + split * pass.values.dim, query, pass.queries.n, pass.values.dim);
  scores.write_sums(pass, found.sums + split * 3, query);
}

// The queries are rows of bfloat16, `stride` bytes apart.
template <unsigned kDim, bool kShared>
__global__ void __launch_bounds__(kWideThreads, 1)
    retrieve_wide(RetrievalPass pass, const unsigned char* queries, size_t stride, SplitStates found) {
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using Tile = WideTile<kDim, kShared>;
  unsigned char* const memory = shared_memory<unsigned char>();
  unsigned char* const own = memory + (kSwizzled - behind_panel(memory)) % kSwizzled;
  unsigned char* const stages = own + kWideGroups * Tile::kQueryBytes;
  if (threadIdx.x >= kWideGroups * kGroupThreads) {
    give_registers<40>();
    feed<kDim, kShared>(pass, stages);
  } else {
    take_registers<232>();
    const unsigned group = threadIdx.x / kGroupThreads;
    retrieve_group<kDim, kShared>(pass, queries, stride, own + group * Tile::kQueryBytes, stages, group, found);
  }
#endif
}

}  // namespace hypersketch::cuda
