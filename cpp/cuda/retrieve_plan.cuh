// SPDX-License-Identifier: Apache-2.0
// The host's side of retrieval: how a call is cut, and the memory of its parts.
#pragma once

#include "retrieve_look.cuh"
#include "rows.cuh"

namespace hypersketch::cuda {

inline constexpr size_t kMostSpan = size_t{1} << 16;    // whose sums are kept in single precision
inline constexpr size_t kBlockOverhead = 1024;          // bytes of shared memory that CUDA takes of each block
inline constexpr size_t kMostGroups = 64;               // blocks of queries of one launch
inline constexpr size_t kMostStates = size_t{1} << 28;  // floats of all splits' states

inline constexpr unsigned round_up(size_t n, unsigned to) { return static_cast<unsigned>((n + to - 1) / to * to); }
inline size_t parts_of(size_t n, size_t size) { return (n + size - 1) / size; }

// retrieve_merge.cu. Queries as QueryTiles, of length 1 for cosines; zeros up to n_padded.
void arrange_queries(Place place, const float* rows, size_t n, size_t n_padded, size_t dim, bool cosine,
                     unsigned n_pieces, uint4* fragments);

// retrieve_wide.cu: whether groups of warps can do it, and their way.
inline constexpr size_t kMostWide = 256;  // numbers of a row with values of its own
bool has_warp_groups(Place place, const Compared& patterns, StoredRows values, Separating separating,
                     Precision precision);
void retrieve_by_groups(Place place, const Compared& patterns, StoredRows values, AskedRows queries, float* states,
                        WeightSums* sums);

// retrieve_calls.cu: one look for at most kMostLooking queries.
inline constexpr size_t kMostLooking = 2048;
void look_above(Place place, const Compared& patterns, AskedRows queries, AboveBounds above);

// Calls f(queries [first, first + n), first) for all, as many at once as a look takes, or fewer.
template <class F>
void in_parts(const Compared& patterns, AskedRows queries, F&& f, size_t most = kMostLooking) {
  for (size_t first = 0; first < queries.n; first += most) {
    const size_t n = std::min(most, queries.n - first);
    f(AskedRows{queries.rows + first * patterns.rows.dim, n, queries.betas + first}, first);
  }
}

// Some queries of a call, as a launch takes them.
class QueryBatch {
 public:
  QueryBatch(Place place, const Compared& patterns, AskedRows asked, unsigned n_pieces, unsigned block)
      : asked_(asked),
        n_steps_(round_up(patterns.rows.dim, kStep) / kStep),
        n_groups_(static_cast<unsigned>(parts_of(asked.n, block))),
        fragments_(place, size_t{n_groups_} * block / kTileRows * n_steps_ * n_pieces * kWarp) {
    if (patterns.likeness != Likeness::kManhattan)
      arrange_queries(place, asked.rows, asked.n, size_t{n_groups_} * block, patterns.rows.dim,
                      patterns.likeness == Likeness::kCosine, n_pieces, fragments_.data());
  }

  unsigned n_groups() const { return n_groups_; }
  QueryTiles view() const {
    return {fragments_.data(), asked_.rows, asked_.betas, static_cast<unsigned>(asked_.n), n_steps_};
  }

 private:
  AskedRows asked_;
  unsigned n_steps_, n_groups_;
  Scratch<uint4> fragments_;
};

// Chunks, and where the states of a call, at most `most_out` numbers a block, come from; 0 where there are none.
inline void cut_rows(RetrievalPass& pass, unsigned most_chunk, unsigned most_out) {
  RetrievalCut& cut = pass.cut;
  const StoredRows& rows = pass.patterns.rows;
  const bool projects = most_out != 0;
  cut.chunk = std::min(round_up(rows.dim, kStep), most_chunk);
  cut.n_chunks = static_cast<unsigned>(parts_of(rows.dim, cut.chunk));
  cut.out_chunk = projects ? std::min(round_up(pass.values.dim, kStep), most_out) : kStep;
  cut.n_outs = projects ? static_cast<unsigned>(parts_of(pass.values.dim, cut.out_chunk)) : 1;
  cut.shared = projects && pass.values.rows == rows.rows && cut.n_chunks == 1 && cut.n_outs == 1;
  const auto bytes = static_cast<unsigned>(size_of(rows.type));
  cut.row_bytes = round_up(size_t{std::max(cut.chunk, projects ? cut.out_chunk : 0)} * bytes, 128) + 16 * bytes;
}

// The largest tiles for which a block finds shared memory, with its queries there if they do; returns its bytes. Blocks
// of few queries leave registers for two on a processor, which work while the other one waits.
template <class Memory>
size_t cut_tiles(RetrievalPass& pass, unsigned most_out, size_t list_bytes, size_t most) {
  const size_t half = Memory::kQueries == kTileRows ? most / 2 - kBlockOverhead : most;
  for (const unsigned chunk : {kChunkNumbers, kChunkNumbers / 2, kChunkNumbers / 4}) {
    cut_rows(pass, chunk, most_out);
    for (const bool inside : {true, false})
      for (const unsigned tile : {64U, 32U, 16U}) {
        pass.cut.queries_inside = inside, pass.cut.tile = tile;
        const size_t needed = Memory::bytes(pass) + list_bytes;
        if (needed <= (tile > kStep && inside ? half : most)) return needed;
      }
  }
  throw Error("This GPU has too little shared memory for a retrieval.");
}

// Chunks, tiles and spans of a call.
template <class Memory>
void cut_pass(Place place, RetrievalPass& pass, unsigned n_groups, unsigned most_out, size_t list_bytes) {
  RetrievalCut& cut = pass.cut;
  const size_t n = pass.patterns.rows.n;
  const size_t bytes = cut_tiles<Memory>(pass, most_out, list_bytes, most_shared_bytes(place.device));
  cut.n_groups = n_groups;
  const size_t processors = static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount));
  const size_t at_once = std::min(resident_blocks(place.device, kThreads, bytes), 2 * processors);
  const size_t wanted = std::max<size_t>(1, at_once / (size_t{n_groups} * cut.n_outs));
  const size_t tiles = parts_of(n, cut.tile), splits = std::max(wanted, parts_of(n, kMostSpan));
  cut.span = parts_of(tiles, std::min(splits, tiles)) * cut.tile;
  cut.n_splits = static_cast<unsigned>(parts_of(n, cut.span));
}

inline float least_weight(size_t n) { return std::log(0x1p-26F / static_cast<float>(n)); }

}  // namespace hypersketch::cuda
