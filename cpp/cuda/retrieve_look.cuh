// SPDX-License-Identifier: Apache-2.0
// Looks at all scores without states: sums of weights, the nearest patterns, and those above a bound. Scores are made
// as for states, always of all 24 bits.
#pragma once

#include "retrieve_tiles.cuh"
#include "search_scan.cuh"

namespace hypersketch::cuda {

enum class Look { kSums, kNearest, kAbove };

// Patterns above the bounds. Places are null where they are only counted.
struct AboveBounds {
  const float* bounds;
  unsigned long long* counts;  // one a query
  const std::int64_t* starts;  // of each query's room; null for counting
  ScoredPattern* found;
};

struct Looking {
  float* sums;  // [split][query][4]: maximum, sum, of squares, and of weights with an exponent less by one
  ScanFound nearest;
  AboveBounds above;
};

template <class Store, unsigned kPieces, unsigned kTiles, Look kLook>
__global__ void __launch_bounds__(kThreads) look_tiles(RetrievalPass pass, Looking looking) {
  using Memory = TileMemory<Store, kPieces, kTiles>;
  constexpr unsigned kQueries = Memory::kQueries, kLanes = kThreads / kQueries;
  using Lists = BlockLists<Bfloats, kQueries>;
  const ScanQueries listed{nullptr, nullptr, pass.queries.n, 0};
  const Lists lists(listed, looking.nearest, pass.group() * kQueries);
  if constexpr (kLook == Look::kNearest) lists.begin();
  const Memory memory(pass, shared_memory<unsigned char>() + (kLook == Look::kNearest ? Lists::kBytes : 0));
  const uint4* const asked = memory.take_queries(pass);
  const unsigned list = threadIdx.x / kLanes, query = pass.group() * kQueries + list;
  const bool is_asked = query < pass.queries.n;
  QueryWeights<kLanes> own(pass, query);
  float slope = 0.0F;
  const float bound = kLook == Look::kAbove && is_asked ? __ldg(looking.above.bounds + query) : kInfinite;
  unsigned tiles = 0;
  StageRing ring(pass, false, memory.stages);
  for (size_t first = pass.begin(); first < pass.end(); first += pass.cut.tile) {
    memory.add_parts(pass, ring, asked, first);
    __syncthreads();
    if constexpr (kLook == Look::kSums) {
      float most = -kInfinite;
      for_scores<kQueries>(pass, memory.parts, first, [&](unsigned, unsigned j, float score, bool is_there) {
        if (is_there) most = fmaxf(most, own.level(pass, score));
        memory.parts[list * pass.cut.tile + j] = score;
      });
      own.raise(pass, own.most_of_lanes(most));
      float sum = 0.0F, less = 0.0F;
      for (unsigned word = threadIdx.x % kLanes; word < pass.cut.tile / 2; word += kLanes)
        for (unsigned i = 0; i < 2; ++i) {
          const unsigned j = first_of_word(word) + 4 * i;
          if (first + j >= pass.end() || !(own.beta > 0.0F)) continue;
          const float score = memory.parts[list * pass.cut.tile + j];
          sum += fabsf(own.weight(pass, score));
          if (pass.separating.kind == SeparationKind::kBeyond)
            less += raised(fmaxf(score * own.beta - own.threshold, 0.0F), pass.separating.exponent - 1.0F);
        }
      own.sum += own.sum_of_lanes(sum);
      slope += own.sum_of_lanes(less);
    } else {
      for_scores<kQueries>(pass, memory.parts, first, [&](unsigned, unsigned j, float score, bool is_there) {
        if (!is_there || !is_asked) return;
        if constexpr (kLook == Look::kNearest) {
          const float sum = score + 0.0F;  // no negative zero: equal scores make equal keys
          if (Bfloats::passes(sum, Lists::limits()[list])) lists.offer(list, sum, first + j);
        } else if (score > bound) {
          const auto at = atomicAdd(looking.above.counts + query, 1ULL);
          if (looking.above.starts != nullptr &&
              looking.above.starts[query] + static_cast<std::int64_t>(at) < looking.above.starts[query + 1])
            looking.above.found[looking.above.starts[query] + static_cast<std::int64_t>(at)] = {
                score, static_cast<std::uint32_t>(first + j)};
        }
      });
      if constexpr (kLook == Look::kNearest) lists.make_room(pass.cut.tile, ++tiles % kListenEvery == 0);
    }
  }
  ring.finish();
  if constexpr (kLook == Look::kNearest) lists.finish(pass.split(), pass.cut.n_splits);
  if constexpr (kLook == Look::kSums) {
    if (threadIdx.x % kLanes != 0 || !is_asked) return;
    float* const to = looking.sums + (pass.split() * size_t{pass.queries.n} + query) * 4;
    to[0] = own.maximum, to[1] = own.sum, to[2] = own.squares, to[3] = slope;
  }
}

}  // namespace hypersketch::cuda
