// SPDX-License-Identifier: Apache-2.0
// Bloom filters by their layouts. What each needs of time and memory stands in the layout's file.
#include "bloom.cuh"

namespace hypersketch::cuda {
namespace {

bool is_classic(BloomFilter filter) { return filter.layout == BloomLayout::kClassic; }

template <class Answers>
void ask(Place place, BloomFilter filter, Keys keys, Answers answers) {
  if (keys.n == 0) return;
  OnDevice on(place.device);
  if (is_classic(filter)) return ask_classic(place, filter, keys, answers);
  ask_blocks(place, filter, keys, answers);
}

}  // namespace

void bloom_add(Place place, BloomFilter filter, Keys keys) {
  if (keys.n == 0) return;
  OnDevice on(place.device);
  if (is_classic(filter)) return add_to_classic(place, filter, keys);
  if (!add_in_slices(place, filter, keys)) add_to_blocks(place, filter, keys);
}

void bloom_contains(Place place, BloomFilter filter, Keys keys, bool* out) {
  ask(place, filter, keys, BoolAnswers{out});
}

void bloom_contains_packed(Place place, BloomFilter filter, Keys keys, unsigned char* out) {
  ask(place, filter, keys, PackedAnswers{out});
}

uint64_t bloom_test_and_add(Place place, BloomFilter filter, Keys keys, bool* out) {
  if (keys.n == 0) return 0;
  OnDevice on(place.device);
  if (is_classic(filter)) return test_and_add_to_classic(place, filter, keys, out);
  return test_and_add_to_blocks(place, filter, keys, out);
}

}  // namespace hypersketch::cuda
