// SPDX-License-Identifier: Apache-2.0
// Retrieval by tiles: a block takes 16 to 64 queries past a span of patterns. A tile comes to shared memory once, by
// asynchronous copies, and serves for the scores and, with the weights, for the states, which stay in the registers of
// the warps, a slice of the dimension each. Weights are relative to the largest so far; what spans came to is brought
// together afterwards, in their order (retrieve_merge.cu).
//
// Bottleneck for few queries: memory. On an H200 (132 processors at 1.98 GHz, 4.3 TB/s) a tile of 64 bfloat16 rows of
// 384 numbers, 48 KiB, arrives every 2,980 clocks a processor. For 16 queries its tile products take 320 of them, its
// two readings from shared memory 770, and the slices' parts of the scores 512. For 64 queries products are four times
// as many and parts too, some 4,500 clocks together: there warp groups do better (retrieve_wide.cuh).
#pragma once

#include "retrieve_merge.hpp"
#include "retrieve_weigh.cuh"

namespace hypersketch::cuda {

// A block's shared memory behind the lists, if it has some.
template <class Store, unsigned kPieces, unsigned kTiles>
struct TileMemory {
  static constexpr unsigned kQueries = kTiles * kTileRows;
  static constexpr unsigned kWeightPieces = least(kPieces, 2);

  uint4* queries;
  unsigned char* stages;
  float* parts;
  unsigned* weights;
  float* factors;

  static __host__ __device__ __forceinline__ size_t query_bytes(const RetrievalPass& pass) {
    return pass.cut.queries_inside ? kTiles * pass.queries.tile_vectors<kPieces>() * sizeof(uint4) : 0;
  }
  static __host__ __device__ __forceinline__ size_t stage_bytes(const RetrievalPass& pass) {
    return size_t{kStageRing} * pass.cut.tile * pass.cut.row_bytes;
  }
  static __host__ __device__ __forceinline__ size_t part_floats(const RetrievalPass& pass) {
    return size_t{kRetrievalWarps} * kQueries * pass.cut.tile;
  }
  static __host__ __device__ __forceinline__ size_t weight_words(const RetrievalPass& pass) {
    return size_t{kWeightPieces} * kQueries * pass.cut.tile / 2;
  }
  static __host__ __device__ __forceinline__ size_t bytes(const RetrievalPass& pass) {
    return query_bytes(pass) + stage_bytes(pass) + (part_floats(pass) + weight_words(pass) + kQueries) * 4;
  }

  __device__ __forceinline__ TileMemory(const RetrievalPass& pass, unsigned char* memory) {
    queries = reinterpret_cast<uint4*>(memory);
    stages = memory + query_bytes(pass);
    parts = reinterpret_cast<float*>(stages + stage_bytes(pass));
    weights = reinterpret_cast<unsigned*>(parts + part_floats(pass));
    factors = reinterpret_cast<float*>(weights + weight_words(pass));
  }

  // The block's queries, in shared memory where there is room.
  __device__ __forceinline__ const uint4* take_queries(const RetrievalPass& pass) const {
    const size_t n = kTiles * pass.queries.tile_vectors<kPieces>();
    const uint4* const given = pass.queries.fragments + pass.group() * n;
    if (!pass.cut.queries_inside) return given;
    for (size_t i = threadIdx.x; i < n; i += kThreads) queries[i] = __ldg(given + i);
    return queries;  // a barrier comes before the first use
  }

  // This warp's part of a tile's scores, chunk by chunk; returns the last stage. A barrier must follow.
  __device__ __forceinline__ const unsigned char* add_parts(const RetrievalPass& pass, StageRing& ring,
                                                            const uint4* asked, size_t first) const {
    const unsigned char* stage = nullptr;
    float* const own = parts + threadIdx.x / kWarp * kQueries * pass.cut.tile;
    for (unsigned chunk = 0; chunk < pass.cut.n_chunks; ++chunk) {
      stage = ring.next();
      if (pass.patterns.likeness == Likeness::kManhattan)
        measure_slice<Store>(pass, stage, chunk, first, pass.group() * kQueries, kQueries, own);
      else
        multiply_slice<Store, kPieces, kTiles>(pass, stage, chunk, asked, own);
    }
    return stage;
  }
};

// The warp's slice of the states of the block's queries. Of a group of 16 numbers a lane has 4 t to 4 t + 3 of queries
// g and g + 8.
template <class Store, unsigned kPieces, unsigned kTiles, unsigned kSlice>
struct StateSlice {
  static constexpr unsigned kGroups = kSlice / kStep, kOwn = least(kPieces, Store::kMostPieces);
  static constexpr unsigned kWeightPieces = least(kPieces, 2);
  float sums[kTiles][kGroups][2][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
      for (unsigned group = 0; group < kGroups; ++group)
#pragma unroll
        for (unsigned i = 0; i < 8; ++i) sums[tile][group][i / 4][i % 4] = 0.0F;
  }

  __device__ __forceinline__ void scale(const float* factors) {
    const unsigned g = threadIdx.x % kWarp / 4;
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile) {
      const float low = factors[tile * kTileRows + g], high = factors[tile * kTileRows + g + 8];
      if (__all_sync(kWholeWarp, low == 1.0F && high == 1.0F)) continue;
#pragma unroll
      for (unsigned group = 0; group < kGroups; ++group)
#pragma unroll
        for (unsigned i = 0; i < 8; ++i) sums[tile][group][i / 4][i % 4] *= i % 4 < 2 ? low : high;
    }
  }

  __device__ __forceinline__ void add(const RetrievalPass& pass, const unsigned char* stage, const uint4* weights,
                                      unsigned from, unsigned until) {
    const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
    const unsigned n_steps = pass.cut.tile / kStep;
    for (unsigned step = 0; step < n_steps; ++step) {
      uint4 a[kTiles][kWeightPieces];
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
        for (unsigned w = 0; w < kWeightPieces; ++w)
          a[tile][w] = weights[((w * kTiles + tile) * n_steps + step) * kWarp + lane];
      const unsigned char* const row = stage + (step * kStep + t) * pass.cut.row_bytes + 2 * g * Store::kBytes;
#pragma unroll
      for (unsigned group = 0; group < kGroups; ++group) {
        const unsigned at = from + group * kStep;
        if (at >= until) break;
        unsigned even[kOwn][2], odd[kOwn][2];
        Store::columns(row + at * Store::kBytes, 4 * pass.cut.row_bytes, even, odd);
#pragma unroll
        for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
          for (unsigned w = 0; w < kWeightPieces; ++w) {
            const unsigned words[4] = {a[tile][w].x, a[tile][w].y, a[tile][w].z, a[tile][w].w};
#pragma unroll
            for (unsigned x = 0; x < kOwn && w + x < kPieces; ++x) {
              add_bfloat_products(sums[tile][group][0], words, even[x]);
              add_bfloat_products(sums[tile][group][1], words, odd[x]);
            }
          }
      }
    }
  }

  // Number `at` of query `query`, and the three behind it.
  template <class F>
  __device__ __forceinline__ void for_numbers(unsigned from, unsigned until, F&& f) const {
    const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
      for (unsigned group = 0; group < kGroups; ++group) {
        const unsigned at = from + group * kStep + 4 * t;
        if (at >= until) break;
        const auto& own = sums[tile][group];
        f(tile * kTileRows + g, at, make_float4(own[0][0], own[1][0], own[0][1], own[1][1]));
        f(tile * kTileRows + g + 8, at, make_float4(own[0][2], own[1][2], own[0][3], own[1][3]));
      }
  }
};

// Makes weights of the tile's scores, as pieces in the order in which lanes take them; returns whether any matters.
template <unsigned kQueries, unsigned kWeightPieces>
__device__ __forceinline__ bool weigh_tile(const RetrievalPass& pass, float* parts, size_t first,
                                           QueryWeights<kThreads / kQueries>& own, unsigned* weights, float* factors) {
  constexpr unsigned kLanes = kThreads / kQueries, kTiles = kQueries / kTileRows;
  const unsigned query = threadIdx.x / kLanes, n_steps = pass.cut.tile / kStep;
  float* const kept = parts + query * pass.cut.tile;  // of the first slice, which nobody else reads
  float most = -kInfinite;
  for_scores<kQueries>(pass, parts, first, [&](unsigned, unsigned j, float score, bool is_there) {
    if (is_there) most = fmaxf(most, own.level(pass, score));
    kept[j] = score;
  });
  most = own.most_of_lanes(most);
  const float factor = own.raise(pass, most);
  const bool matters = own.matters(pass, most);
  if (threadIdx.x % kLanes == 0) factors[query] = factor;
  float sum = 0.0F, squares = 0.0F;
  for (unsigned word = threadIdx.x % kLanes; word < pass.cut.tile / 2; word += kLanes) {
    float pair[2];
#pragma unroll
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned j = first_of_word(word) + 4 * i;
      pair[i] = first + j < pass.end() && own.beta > 0.0F ? own.weight(pass, kept[j]) : 0.0F;
      sum += fabsf(pair[i]);
      squares += pair[i] * pair[i];
      if (pass.values.scales != nullptr && first + j < pass.end()) pair[i] *= __ldg(pass.values.scales + first + j);
    }
    unsigned pieces[kWeightPieces];
    split_pair(pair[0], pair[1], pieces);
    const unsigned lane = query % 8 * 4 + word % 4, place = query / 8 % 2 + word / 4 % 2 * 2;
#pragma unroll
    for (unsigned w = 0; w < kWeightPieces; ++w)
      weights[(((w * kTiles + query / kTileRows) * n_steps + word / 8) * kWarp + lane) * 4 + place] = pieces[w];
  }
  own.sum += own.sum_of_lanes(sum);
  own.squares += own.sum_of_lanes(squares);
  return matters;
}

template <class Store, unsigned kPieces, unsigned kTiles, unsigned kSlice>
__global__ void __launch_bounds__(kThreads) retrieve_tiles(RetrievalPass pass, SplitStates found) {
  using Memory = TileMemory<Store, kPieces, kTiles>;
  constexpr unsigned kQueries = Memory::kQueries, kLanes = kThreads / kQueries;
  const Memory memory(pass, shared_memory<unsigned char>());
  const uint4* const asked = memory.take_queries(pass);
  const unsigned first_query = pass.group() * kQueries, own_query = first_query + threadIdx.x / kLanes;
  const unsigned slice = slice_of(pass.cut.out_chunk), from = threadIdx.x / kWarp * slice;
  const unsigned until = from + slice < pass.cut.out_chunk ? from + slice : pass.cut.out_chunk;
  QueryWeights<kLanes> own(pass, own_query);
  StateSlice<Store, kPieces, kTiles, kSlice> states;
  states.clear();
  StageRing ring(pass, true, memory.stages);
  for (size_t first = pass.begin(); first < pass.end(); first += pass.cut.tile) {
    const unsigned char* stage = memory.add_parts(pass, ring, asked, first);
    __syncthreads();
    const bool matters =
        weigh_tile<kQueries, Memory::kWeightPieces>(pass, memory.parts, first, own, memory.weights, memory.factors);
    if (!pass.cut.shared) stage = ring.next();
    if (__syncthreads_or(matters) == 0) continue;
    states.scale(memory.factors);
    states.add(pass, stage, reinterpret_cast<const uint4*>(memory.weights), from, until);
  }
  ring.finish();
  const size_t width = pass.values.dim, before = pass.out() * pass.cut.out_chunk;
  const size_t split = pass.split() * size_t{pass.queries.n};
  states.for_numbers(from, until, [&](unsigned query, unsigned at, float4 numbers) {
    if (first_query + query >= pass.queries.n) return;
    float* const to = found.states + (split + first_query + query) * width;
    const float four[4] = {numbers.x, numbers.y, numbers.z, numbers.w};
#pragma unroll
    for (unsigned i = 0; i < 4; ++i)
      if (before + at + i < width) to[before + at + i] = four[i];
  });
  if (threadIdx.x % kLanes != 0 || own_query >= pass.queries.n || pass.out() != 0) return;
  float* const to = found.sums + (split + own_query) * 3;
  to[0] = own.maximum, to[1] = own.sum, to[2] = own.squares;
}

}  // namespace hypersketch::cuda
