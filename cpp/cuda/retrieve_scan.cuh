// SPDX-License-Identifier: Apache-2.0
// What the kernels over patterns share: tiles of them in a ring of shared memory, and their scores with the block's
// queries. A warp has a slice of the dimension for its own, in which it multiplies all queries with all patterns of a
// tile; the slices' sums meet in shared memory. So no number of a tile is read twice for the scores, and the slice is
// what the warp sums up afterwards (retrieve_tiles.cuh).
#pragma once

#include "retrieval.hpp"
#include "stored_numbers.cuh"

namespace hypersketch::cuda {

inline constexpr unsigned kRetrievalWarps = kThreads / kWarp;
inline constexpr unsigned kStageRing = 3;
inline constexpr unsigned kStep = 16;            // numbers of a tile product, and patterns of a step
inline constexpr unsigned kChunkNumbers = 1024;  // of a row, in one stage

// Queries by tiles of 16, steps of 16 numbers and pieces: a lane's four words of an operand.
struct QueryTiles {
  const uint4* fragments;
  const float* rows;  // as they came, for distances
  const float* betas;
  unsigned n;
  unsigned n_steps;

  template <unsigned kPieces>
  __host__ __device__ __forceinline__ size_t tile_vectors() const {
    return size_t{n_steps} * kPieces * kWarp;
  }
};

// How a call is cut: block b has the queries of group b % n_groups, the output's chunk b / n_groups % n_outs, and the
// patterns [span s, span (s + 1)) of split s = b / n_groups / n_outs.
struct RetrievalCut {
  unsigned n_groups, n_outs, n_splits;
  size_t span;
  unsigned tile;        // patterns of a tile, a multiple of 16
  unsigned chunk;       // numbers of a stage of patterns
  unsigned n_chunks;    // of a row
  unsigned out_chunk;   // numbers of values in a stage
  unsigned row_bytes;   // of a stage
  bool shared;          // the values are the patterns: a stage serves as both
  bool queries_inside;  // in shared memory
};

struct RetrievalPass {
  Compared patterns;
  StoredRows values;
  QueryTiles queries;
  Separating separating;
  RetrievalCut cut;
  float least;  // ln of a weight that may be left out, next to the largest

  __device__ __forceinline__ unsigned group() const { return blockIdx.x % cut.n_groups; }
  __device__ __forceinline__ unsigned out() const { return blockIdx.x / cut.n_groups % cut.n_outs; }
  __device__ __forceinline__ unsigned split() const { return blockIdx.x / cut.n_groups / cut.n_outs; }
  __device__ __forceinline__ size_t begin() const { return split() * cut.span; }
  __device__ __forceinline__ size_t end() const {
    const size_t last = begin() + cut.span;
    return last < patterns.rows.n ? last : patterns.rows.n;
  }
};

__host__ __device__ constexpr unsigned slice_of(unsigned chunk) {  // numbers of a warp
  return (chunk + kRetrievalWarps * kStep - 1) / (kRetrievalWarps * kStep) * kStep;
}

// Stages of tiles, in the order in which they are used: the chunks of the patterns, then the values if they are others.
class StageRing {
 public:
  __device__ __forceinline__ StageRing(const RetrievalPass& pass, bool with_values, unsigned char* memory)
      : pass_(pass), memory_(memory), at_(pass.begin()), with_values_(with_values && !pass.cut.shared) {
    for (unsigned i = 0; i + 1 < kStageRing; ++i) copy_next();
  }

  // Waits for the next stage, which stays until the call after the next, and begins to copy another.
  __device__ __forceinline__ const unsigned char* next() {
    await_copy_groups<kStageRing - 2>();
    __syncthreads();
    copy_next();
    const unsigned char* const stage = memory_ + size_t{used_} * pass_.cut.tile * pass_.cut.row_bytes;
    used_ = used_ + 1 == kStageRing ? 0 : used_ + 1;
    return stage;
  }

  __device__ __forceinline__ void finish() const { await_copy_groups<0>(); }

 private:
  __device__ __forceinline__ void copy_next() {
    if (at_ < pass_.end()) {
      const bool values = part_ == pass_.cut.n_chunks;
      const unsigned chunk = values ? pass_.cut.out_chunk : pass_.cut.chunk;
      copy(values ? pass_.values : pass_.patterns.rows, (values ? pass_.out() : part_) * chunk, chunk);
      if (++part_ == pass_.cut.n_chunks + (with_values_ ? 1 : 0)) {
        part_ = 0;
        at_ += pass_.cut.tile;
      }
    }
    filled_ = filled_ + 1 == kStageRing ? 0 : filled_ + 1;
    end_copy_group();
  }

  // Zeros where there is no row, or no more of it.
  __device__ __forceinline__ void copy(const StoredRows& store, unsigned first, unsigned chunk) const {
    const unsigned size = store.type == StoredType::kFloat32 ? 4 : store.type == StoredType::kBfloat16 ? 2 : 1;
    const unsigned vectors = chunk * size / 16, before = first * size;
    unsigned char* const to = memory_ + size_t{filled_} * pass_.cut.tile * pass_.cut.row_bytes;
    const auto* const rows = static_cast<const unsigned char*>(store.rows);
    for (unsigned i = threadIdx.x; i < pass_.cut.tile * vectors; i += kThreads) {
      const unsigned row = i / vectors, byte = i % vectors * 16;
      const bool is_there = at_ + row < pass_.end() && before + byte < store.stride;
      const unsigned char* const from = is_there ? rows + (at_ + row) * store.stride + before + byte : rows;
      copy_async<16>(to + row * pass_.cut.row_bytes + byte, from, is_there);
    }
  }

  const RetrievalPass& pass_;
  unsigned char* memory_;
  size_t at_;
  bool with_values_;
  unsigned part_ = 0, filled_ = 0, used_ = 0;
};

// The warp's share of the scores of kTiles * 16 queries with the patterns of a stage, chunk `chunk` of their rows:
// parts[query * tile + pattern], to which later chunks add.
template <class Store, unsigned kPieces, unsigned kTiles>
__device__ __forceinline__ void multiply_slice(const RetrievalPass& pass, const unsigned char* stage, unsigned chunk,
                                               const uint4* queries, float* parts) {
  constexpr unsigned kOwn = least(kPieces, Store::kMostPieces);
  const unsigned lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const unsigned slice = slice_of(pass.cut.chunk), from = threadIdx.x / kWarp * slice;
  const unsigned until = from + slice < pass.cut.chunk ? from + slice : pass.cut.chunk;
  const size_t of_tile = pass.queries.tile_vectors<kPieces>();
  for (unsigned first = 0; first < pass.cut.tile; first += kStep) {
    float sums[kTiles][2][4] = {};
    const unsigned char* const row = stage + (first + g) * pass.cut.row_bytes + 4 * t * Store::kBytes;
    for (unsigned at = from; at < until; at += kStep) {
      const unsigned step = (chunk * pass.cut.chunk + at) / kStep;
      if (step >= pass.queries.n_steps) break;
      unsigned b[2][kOwn][2];
      Store::four(row + at * Store::kBytes, b[0]);
      Store::four(row + 8 * pass.cut.row_bytes + at * Store::kBytes, b[1]);
#pragma unroll
      for (unsigned tile = 0; tile < kTiles; ++tile) {
        const uint4* const from_query = queries + tile * of_tile + step * kPieces * kWarp + lane;
#pragma unroll
        for (unsigned p = 0; p < kPieces; ++p) {
          const uint4 words = from_query[p * kWarp];
          const unsigned a[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
          for (unsigned x = 0; x < kOwn && p + x < kPieces; ++x) {
            add_bfloat_products(sums[tile][0], a, b[0][x]);
            add_bfloat_products(sums[tile][1], a, b[1][x]);
          }
        }
      }
    }
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned query = tile * kTileRows + g + i / 2 * 8, pattern = first + i % 2 * 8 + 2 * t;
        float2* const to = reinterpret_cast<float2*>(parts + query * pass.cut.tile + pattern);
        const float x = sums[tile][i % 2][i / 2 * 2], y = sums[tile][i % 2][i / 2 * 2 + 1];
        *to = chunk == 0 ? make_float2(x, y) : make_float2(to->x + x, to->y + y);
      }
  }
}

// The same for minus the sum of distances; a lane takes patterns lane, lane + 32, ...
template <class Store>
__device__ __forceinline__ void measure_slice(const RetrievalPass& pass, const unsigned char* stage, unsigned chunk,
                                              size_t first_pattern, unsigned first_query, unsigned n_queries,
                                              float* parts) {
  const unsigned slice = slice_of(pass.cut.chunk), from = threadIdx.x / kWarp * slice;
  const unsigned dim = static_cast<unsigned>(pass.patterns.rows.dim), before = chunk * pass.cut.chunk;
  const unsigned in_chunk = dim - before < pass.cut.chunk ? dim - before : pass.cut.chunk;
  const unsigned until = from + slice < in_chunk ? from + slice : in_chunk;
  for (unsigned j = threadIdx.x % kWarp; j < pass.cut.tile; j += kWarp) {
    const unsigned char* const row = stage + j * pass.cut.row_bytes;
    const bool scaled = pass.patterns.rows.scales != nullptr && first_pattern + j < pass.patterns.rows.n;
    const float scale = scaled ? __ldg(pass.patterns.rows.scales + first_pattern + j) : 1.0F;
    for (unsigned q = 0; q < n_queries; ++q) {
      float* const to = parts + q * pass.cut.tile + j;
      float sum = chunk == 0 ? 0.0F : *to;
      if (first_query + q < pass.queries.n) {
        const float* const query = pass.queries.rows + size_t{first_query + q} * dim + before;
        for (unsigned i = from; i < until; ++i)
          sum += fabsf(__ldg(query + i) - scale * Store::number(row + i * Store::kBytes));
      }
      *to = sum;
    }
  }
}

// Sums up what the slices came to, and makes it a score.
__device__ __forceinline__ float score_of(const RetrievalPass& pass, const float* parts, unsigned n_queries,
                                          unsigned query, unsigned j, size_t pattern) {
  float sum = 0.0F;
#pragma unroll
  for (unsigned warp = 0; warp < kRetrievalWarps; ++warp) sum += parts[(warp * n_queries + query) * pass.cut.tile + j];
  if (pass.patterns.likeness == Likeness::kManhattan) return -sum;
  if (pass.patterns.rows.scales != nullptr) sum *= __ldg(pass.patterns.rows.scales + pattern);
  if (pass.patterns.likeness == Likeness::kDot) return sum;
  const float length = __ldg(pass.patterns.lengths + pattern);
  if (pass.patterns.likeness == Likeness::kCosine) return length > 0.0F ? sum / length : 0.0F;
  return sum - 0.5F * length * length;
}

}  // namespace hypersketch::cuda
