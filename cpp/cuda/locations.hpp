// SPDX-License-Identifier: Apache-2.0
// Sparse distributed memories on a GPU, as the bindings see them. The same rules as in launch.hpp.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// Packed addresses of hard locations. An address activates all within the radius, or, where k is not 0, the k nearest,
// of equal ones the first.
struct HardLocations {
  const uint64_t* addresses;
  size_t n;
  size_t dim;
  size_t radius;
  size_t k;
};

// Packed addresses of items with their packed values and weights, 1 each where null.
struct LocationItems {
  const uint64_t* addresses;
  const uint64_t* values;
  const std::int64_t* weights;
  size_t n;
};

// Adds values times weights to the counters of all locations that their addresses activate, one item after the other;
// with a limit that is not 0 counters stay within it after every item. Cell is int8_t, int16_t or int32_t, and without
// a limit no sum may leave it.
template <class Cell>
void write_locations(Place place, HardLocations locations, LocationItems items, Cell* counters, size_t width,
                     std::int64_t limit);

// The most that the weights' magnitudes add up to at any location. Waits.
std::int64_t largest_load(Place place, HardLocations locations, LocationItems items);

// The largest magnitude of n counters, or of their sums with others where these are not null. Waits.
template <class Cell>
std::int64_t largest_counter(Place place, const Cell* counters, const Cell* others, size_t n);

// counters += others, within a limit that is not 0.
template <class Cell>
void join_counters(Place place, Cell* counters, const Cell* others, size_t n, std::int64_t limit);

// What reading makes of n states, which are the addresses asked for and then what was read there. Columns have one
// entry a state. Signs of 0 are those of `ties`. With `steps` above 1 reading goes on until a state stays, which needs
// values as wide as addresses.
struct LocationReading {
  uint64_t* states;    // packed, n rows of `width` bits
  std::int64_t* sums;  // n rows of `width`
  std::int64_t* active;
  std::int64_t* steps;
  bool* converged;
};
template <class Cell>
void read_locations(Place place, HardLocations locations, const Cell* counters, size_t width, const uint64_t* asked,
                    size_t n, const uint64_t* ties, size_t steps, LocationReading reading);

}  // namespace hypersketch::cuda
