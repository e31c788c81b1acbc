// SPDX-License-Identifier: Apache-2.0
// Calls of retrieval for one type of store, which its own file compiles (retrieve_floats.cu and others).
#pragma once

#include "retrieve_plan.cuh"
#include "search_passes.cuh"

namespace hypersketch::cuda {

template <class Store, unsigned kPieces, unsigned kTiles, unsigned kSlice>
void run_states(Place place, const Compared& patterns, StoredRows values, AskedRows queries, Separating separating,
                float* states, WeightSums* sums) {
  using Memory = TileMemory<Store, kPieces, kTiles>;
  const QueryBatch batch(place, patterns, queries, kPieces, Memory::kQueries);
  RetrievalPass pass{patterns, values, batch.view(), separating, {}, least_weight(patterns.rows.n)};
  cut_pass<Memory>(place, pass, batch.n_groups(), kRetrievalWarps * kSlice, 0);
  const Scratch<float> found(place, size_t{pass.cut.n_splits} * queries.n * values.dim);
  const Scratch<float> found_sums(place, size_t{pass.cut.n_splits} * queries.n * 3);
  const SplitStates split{found.data(), found_sums.data()};
  const auto kernel = retrieve_tiles<Store, kPieces, kTiles, kSlice>;
  allow_shared_memory(place.device, kernel);
  launch(place, {pass.cut.n_groups * pass.cut.n_outs * pass.cut.n_splits, kThreads, Memory::bytes(pass)}, kernel, pass,
         split);
  merge_states(place, split, pass.cut.n_splits, queries.n, values.dim, separating, states, sums);
}

// Narrow rows leave registers for four tiles of queries, wide ones for two.
template <class Store, unsigned kPieces>
void retrieve_some(Place place, const Compared& patterns, StoredRows values, AskedRows queries, Separating separating,
                   float* states, WeightSums* sums) {
  const auto run = [&](auto call) { call(place, patterns, values, queries, separating, states, sums); };
  if (values.dim <= kRetrievalWarps * 48)
    return queries.n <= kTileRows ? run(run_states<Store, kPieces, 1, 48>) : run(run_states<Store, kPieces, 4, 48>);
  return queries.n <= kTileRows ? run(run_states<Store, kPieces, 1, 128>) : run(run_states<Store, kPieces, 2, 128>);
}

// As many queries at once as their splits' states have room.
template <class Store>
void retrieve_of(Place place, const Compared& patterns, StoredRows values, AskedRows queries, Separating separating,
                 Precision precision, float* states, WeightSums* sums) {
  const size_t splits = std::max<size_t>(512, parts_of(patterns.rows.n, kMostSpan));
  const size_t most = std::clamp<size_t>(kMostStates / splits / values.dim, kTileRows, kMostGroups * 64);
  for (size_t first = 0; first < queries.n; first += most) {
    const size_t n = std::min(most, queries.n - first);
    const AskedRows part{queries.rows + first * patterns.rows.dim, n, queries.betas + first};
    Separating own = separating;
    if (own.thresholds != nullptr) own.thresholds += first;
    const auto run = [&](auto call) {
      call(place, patterns, values, part, own, states + first * values.dim, sums == nullptr ? nullptr : sums + first);
    };
    if constexpr (Store::kMostPieces > 1)
      if (precision == Precision::kTf32) {
        run(retrieve_some<Store, 2>);
        continue;
      }
    precision == Precision::kBfloat16 ? run(retrieve_some<Store, 1>) : run(retrieve_some<Store, 3>);
  }
}

template <class Store, unsigned kTiles, Look kLook>
struct LookPass {
  using Memory = TileMemory<Store, 3, kTiles>;
  static constexpr size_t kListBytes = kLook == Look::kNearest ? BlockLists<Bfloats, Memory::kQueries>::kBytes : 0;

  LookPass(Place place_, const Compared& patterns, AskedRows queries, Separating separating)
      : place(place_),
        batch(place, patterns, queries, 3, Memory::kQueries),
        pass{patterns, patterns.rows, batch.view(), separating, {}, least_weight(patterns.rows.n)} {
    cut_pass<Memory>(place, pass, batch.n_groups(), 0, kListBytes);
  }

  size_t blocks() const { return size_t{pass.cut.n_groups} * pass.cut.n_splits; }

  void run(const Looking& looking) const {
    const auto kernel = look_tiles<Store, 3, kTiles, kLook>;
    allow_shared_memory(place.device, kernel);
    launch(place, {static_cast<unsigned>(blocks()), kThreads, Memory::bytes(pass) + kListBytes}, kernel, pass, looking);
  }

  Place place;
  QueryBatch batch;
  RetrievalPass pass;
};

template <class Store, unsigned kTiles>
void sums_of(Place place, const Compared& patterns, AskedRows queries, Separating separating, WeightSums* sums) {
  const LookPass<Store, kTiles, Look::kSums> look(place, patterns, queries, separating);
  const Scratch<float> found(place, size_t{look.pass.cut.n_splits} * queries.n * 4);
  look.run({found.data(), {}, {}});
  merge_sums(place, found.data(), look.pass.cut.n_splits, queries.n, separating, sums);
}

// One pass finds up to kMostKept keys; `after` has the last ones of the pass before.
template <class Store, unsigned kTiles>
void nearest_of(Place place, const Compared& patterns, AskedRows queries, unsigned k, bool first, uint64_t* best,
                uint64_t* after) {
  const LookPass<Store, kTiles, Look::kNearest> look(place, patterns, queries, {SeparationKind::kSoftmax, nullptr, 1});
  const size_t n_splits = look.pass.cut.n_splits;
  const PassMemory memory(place, queries.n, look.blocks(), kTiles * kTileRows, n_splits, k);
  look.run({nullptr, memory.view(first ? nullptr : after, k), {}});
  merge_found(place, memory.found.data(), memory.known.data(), queries.n, n_splits, k, best, after);
}

template <class Store, unsigned kTiles>
void above_of(Place place, const Compared& patterns, AskedRows queries, AboveBounds above) {
  const LookPass<Store, kTiles, Look::kAbove> look(place, patterns, queries, {SeparationKind::kSoftmax, nullptr, 1});
  look.run({nullptr, {}, above});
}

// What each type's file makes.
struct RetrievalOf {
  void (*states)(Place, const Compared&, StoredRows, AskedRows, Separating, Precision, float*, WeightSums*);
  void (*sums[2])(Place, const Compared&, AskedRows, Separating, WeightSums*);  // for few queries and for many
  void (*nearest[2])(Place, const Compared&, AskedRows, unsigned, bool, uint64_t*, uint64_t*);
  void (*above[2])(Place, const Compared&, AskedRows, AboveBounds);
};

template <class Store>
constexpr RetrievalOf retrieval_of() {
  return {retrieve_of<Store>,
          {sums_of<Store, 1>, sums_of<Store, 2>},
          {nearest_of<Store, 1>, nearest_of<Store, 2>},
          {above_of<Store, 1>, above_of<Store, 2>}};
}

extern const RetrievalOf retrieval_of_floats, retrieval_of_bfloats, retrieval_of_bytes, retrieval_of_eights;

}  // namespace hypersketch::cuda
