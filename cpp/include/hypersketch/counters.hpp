// SPDX-License-Identifier: Apache-2.0
// What the CPU and the GPU do alike with the counters of counting Bloom filters, beyond where keys stand (layout.hpp).
#pragma once

#include "hypersketch/layout.hpp"

namespace hypersketch {

using std::int64_t;

// The largest value of a counter, at which it stays.
template <unsigned kBits>
inline constexpr int64_t kMostCount = (int64_t{1} << kBits) - 1;

inline constexpr char kNotAdded[] = "A key to remove was not added that often: a counter would fall below zero.";

// A counter below `most` that a weight is added to. One that becomes `most` is saturated from then on.
HYPERSKETCH_HD int64_t raised(int64_t value, int64_t weight, int64_t most) {
  return value + weight < most ? value + weight : most;
}

// The smallest of floor(counter / how often the key meets it): never below the key's own count, while that is below
// the largest value. A saturated counter tells only that the count may be anything. `position(i)` is the i-th place of
// the key, `value(place)` the counter there.
template <class Value, class Position>
HYPERSKETCH_HD int64_t smallest_count(Value value, Position position, size_t n_hashes, int64_t most) {
  int64_t smallest = most;
  for (size_t i = 0; i < n_hashes && smallest > 0; ++i) {
    const uint64_t place = position(i);
    const int64_t counted = value(place);
    if (counted == most) continue;
    int64_t times = 0;
    for (size_t other = 0; other < n_hashes; ++other) times += position(other) == place;
    if (counted / times < smallest) smallest = counted / times;
  }
  return smallest;
}

}  // namespace hypersketch
