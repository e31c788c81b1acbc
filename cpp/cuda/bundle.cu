// SPDX-License-Identifier: Apache-2.0
// Bundles of atoms and of products of atoms, which are computed where they are counted. Bottleneck: integer
// multiplications, two of 64 bits a random word.
#include "items.cuh"
#include "votes.cuh"

namespace hypersketch::cuda {
namespace {

__global__ void __launch_bounds__(kThreads) write_starts(Keys keys, uint64_t word_of_seed, uint64_t* out) {
  const size_t i = thread_index();
  if (i < keys.n) out[i] = stream_start(word_of_seed, keys.hashed ? keys.words[i] : xxh64_integer(keys.words[i], 0));
}

}  // namespace

void find_starts(Place place, Keys keys, uint64_t seed, uint64_t* out) {
  launch(place, grid_for(keys.n), write_starts, keys, seed_word(seed, Purpose::kAtom), out);
}

void bundle_keys(Place place, KeyProducts items, size_t dim, Bundles bundles, Outcome outcome) {
  const OnDevice on(place.device);
  const ProductStarts starts(place, items);
  bundle_items<true>(place, starts.products(dim), dim, bundles, outcome, nullptr);
}

}  // namespace hypersketch::cuda
