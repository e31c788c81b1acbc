// SPDX-License-Identifier: Apache-2.0
// Which keys of a batch are new to cells that lie anywhere: test-and-add of classic and counting filters.
// A key is absent when one of its positions is not set, neither before the batch nor by an earlier key. Sorted stably
// by position, the first of equal ones belongs to the key that came first: for every position that is clear, that key
// is absent, and no other for this position's sake.
#pragma once

#include "bloom.cuh"
#include "sort.cuh"

namespace hypersketch::cuda {

inline constexpr size_t kMostPositions = size_t{1} << 27;   // at once; their scratch memory is 24 bytes each, 3 GiB
inline constexpr size_t kLeastPositions = size_t{1} << 16;  // with less memory than for these the call fails

// Position p of a batch is position p % k of its key p / k.
template <class Cells>
__global__ void __launch_bounds__(kThreads) positions_kernel(Cells cells, WordRule rule, const uint64_t* keys, size_t n,
                                                             uint64_t* positions, std::uint32_t* owners) {
  const size_t p = thread_index();
  if (p >= n * cells.n_hashes) return;
  const auto k = static_cast<std::uint32_t>(cells.n_hashes), owner = static_cast<std::uint32_t>(p) / k;
  positions[p] = cell_position(make_word(keys[owner], rule), static_cast<std::uint32_t>(p) % k, cells.n_cells);
  owners[p] = owner;
}

// `cells.first(position)` hears of every position that `cells.was_set` does not know and a key comes to first.
template <class Cells>
__global__ void __launch_bounds__(kThreads)
    first_positions_kernel(Cells cells, const uint64_t* positions, const std::uint32_t* owners, size_t n, bool* out) {
  const size_t p = thread_index();
  if (p >= n || (p > 0 && positions[p - 1] == positions[p]) || cells.was_set(positions[p])) return;
  __stcg(reinterpret_cast<unsigned char*>(out + owners[p]), 0);  // as other positions of the key may
  cells.first(positions[p]);
}

// Writes whether each key was there once the keys before it had been added. The batch goes in by parts, each followed
// by added(part, its answers, a counter), which makes sure that the part's keys are in. Returns the counter.
template <class Cells, class Added>
uint64_t find_new_keys(Place place, Cells cells, WordRule rule, Keys keys, bool* out, Added added) {
  const auto keys_for = [&](size_t positions) { return std::max<size_t>(positions / cells.n_hashes, 1); };
  const auto in_parts = [&](size_t most) {
    Sorter<uint64_t, std::uint32_t> sorter(place, most * cells.n_hashes);
    const Counter counter(place);
    check(cudaMemsetAsync(out, 1, keys.n, stream_of(place)), "Preparing the answers");
    for (size_t first = 0; first < keys.n; first += most) {
      const Keys part{keys.words + first, std::min(most, keys.n - first), keys.hashed};
      const size_t n = part.n * cells.n_hashes;
      launch(place, grid_for(n), positions_kernel<Cells>, cells, rule, part.words, part.n, sorter.keys(),
             sorter.values());
      sorter.sort(n, 0, bits_below(cells.n_cells));
      launch(place, grid_for(n), first_positions_kernel<Cells>, cells, sorter.keys(), sorter.values(), n, out + first);
      added(part, out + first, counter.data());
    }
    return counter.read();
  };
  return with_memory_for(std::min(keys.n, keys_for(kMostPositions)), keys_for(kLeastPositions), in_parts);
}

}  // namespace hypersketch::cuda
