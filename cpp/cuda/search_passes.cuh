// SPDX-License-Identifier: Apache-2.0
// The host's side of a search: how many blocks share the rows, what memory they take, and their findings brought
// together. A pass finds up to kMostKept keys a query; one after the other they find any number, since a pass knows
// the last key of the one before.
#pragma once

#include "rows.cuh"
#include "search.hpp"
#include "search_few.cuh"
#include "search_many.cuh"

namespace hypersketch::cuda {

inline constexpr size_t kFewQueries = 16;     // at once; what one pass over the rows is for
inline constexpr size_t kManyQueries = 4096;  // at once; their findings must find room

inline bool lies_on(const void* pointer, size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

// Whether rows can be taken 16 bytes at a time.
inline bool is_wide(const ScanRows& rows) {
  return lies_on(rows.words, 16) && rows.stride % kLaneWords == 0 && rows.n_words % kLaneWords == 0;
}

// search_merge.cu: puts queries into the order of ScanQueries, with zeros behind the last, and counts their bits.
void arrange(Place place, BitRows queries, unsigned dim, unsigned n_chunks, size_t n_padded, uint4* fragments,
             int* ones);
// Of `n_lists` times k keys a query the k smallest, in order, none above the bound that is known; the last of each
// goes to `after`.
void merge_found(Place place, const uint64_t* found, const unsigned long long* known, size_t n_queries, size_t n_lists,
                 unsigned k, uint64_t* best, uint64_t* after);
void fill_keys(Place place, unsigned long long* keys, size_t n);  // with kNoKey

// Memory of a pass for up to `most` queries.
struct PassMemory {
  PassMemory(Place place, size_t n_queries, size_t blocks, size_t lists, size_t n_splits, unsigned k)
      : found(place, n_queries * n_splits * k),
        lists(place, blocks * lists * kListKeys),
        known(place, n_queries),
        n_splits(n_splits) {
    fill_keys(place, known.data(), n_queries);
  }

  ScanFound view(const uint64_t* after, unsigned k) const {
    return {found.data(), lists.data(), known.data(), after, k};
  }

  Scratch<uint64_t> found, lists;
  Scratch<unsigned long long> known;
  size_t n_splits;
};

// Queries are padded to whole blocks of the largest kind.
inline constexpr size_t kPadding = kQueryWarps * 8 * kTileColumns;

inline size_t tiles_of(size_t n, size_t tile) { return (n + tile - 1) / tile; }

// One pass of a kernel for few queries, scan(rows, queries, found), with kLists lists; best[q * k + i] is what it
// finds, and the last of each goes to `after`.
template <class Kind, unsigned kLists, class Kernel>
void pass_of_few(Place place, Kernel* kernel, ScanRows rows, ScanQueries queries, unsigned k, bool first,
                 uint64_t* best, uint64_t* after) {
  const size_t bytes = BlockLists<Kind, kLists>::kBytes;
  const size_t resident =
      std::min(resident_blocks(place.device, kThreads, bytes),
               4 * static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount)));
  const size_t blocks = std::min(resident, tiles_of(rows.n, kFewRows));
  const PassMemory memory(place, queries.n, blocks, kLists, blocks, k);
  allow_shared_memory(place.device, kernel);
  launch(place, {static_cast<unsigned>(blocks), kThreads, bytes}, kernel, rows, queries,
         memory.view(first ? nullptr : after, k));
  merge_found(place, memory.found.data(), memory.known.data(), queries.n, blocks, k, best, after);
}

template <class Kind, unsigned kBytes, unsigned kTiles>
void pass_of_many(Place place, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
                  uint64_t* after) {
  constexpr unsigned kLists = kQueryWarps * kTiles * kTileColumns;
  using Lists = BlockLists<Kind, kLists>;
  const size_t most = most_shared_bytes(place.device);
  const bool resident = many_bytes<kTiles>(rows.n_chunks, true) + Lists::kBytes <= most;
  const size_t bytes = many_bytes<kTiles>(rows.n_chunks, resident) + Lists::kBytes;
  const size_t n_groups = tiles_of(queries.n, kLists);
  const size_t at_once =
      std::min<size_t>(resident_blocks(place.device, kThreads, bytes),
                       2 * static_cast<size_t>(device_attribute(place.device, cudaDevAttrMultiProcessorCount)));
  const size_t n_splits = std::clamp<size_t>(at_once / n_groups, 1, tiles_of(rows.n, kManyRows));
  const auto kernel = scan_many<Kind, kBytes, kTiles>;
  const PassMemory memory(place, queries.n, n_groups * n_splits, kLists, n_splits, k);
  allow_shared_memory(place.device, kernel);
  launch(place, {static_cast<unsigned>(n_groups * n_splits), kThreads, bytes}, kernel, rows, queries,
         memory.view(first ? nullptr : after, k), static_cast<unsigned>(n_groups), resident);
  merge_found(place, memory.found.data(), memory.known.data(), queries.n, n_splits, k, best, after);
}

}  // namespace hypersketch::cuda
