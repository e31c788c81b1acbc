// SPDX-License-Identifier: Apache-2.0
// Binary matrices of synapses between sparse patterns on a GPU, as the bindings see them. The same rules as in
// launch.hpp.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// Row i has a bit for every output that input unit i is connected with, in words_for(n_out) words.
struct Synapses {
  uint64_t* words;
  size_t n_in;
  size_t n_out;
};

// Patterns as their active units: those of pattern i are indices[starts[i]] to indices[starts[i + 1] - 1], all of them
// different, in any order.
struct UnitLists {
  const std::int64_t* starts;  // n + 1 of them
  const std::uint32_t* indices;
  size_t n;
};

// Sets the synapses between all units of each input and of its output. `most` is the largest number of synapses that
// a pair has.
void set_synapses(Place place, Synapses synapses, UnitLists inputs, UnitLists outputs, size_t most);

// What patterns are connected with. Pattern i has row rows[i] of the first two, or row i where `rows` is null.
struct UnitReading {
  std::int32_t* sums;  // n_out a row: with how many of the pattern's units a unit is connected
  bool* states;        // n_out a row: which units answer
  const std::int64_t* rows;
  const std::int64_t* least;  // sums, at least 1, at which units of each pattern answer; null for winners
  size_t winners;             // otherwise so many answer, of equal sums the first, none with a sum of 0
  std::int64_t* numbers;      // of units that answer, one a pattern
  bool* stays;                // whether the answer is the pattern; false where n_in is not n_out
};
void read_synapses(Place place, Synapses synapses, UnitLists asked, UnitReading reading);

// Rows of bools, `stride` apart, of which rows[i] belongs to pattern i, or row i where `rows` is null.
struct BoolRows {
  const unsigned char* values;
  size_t stride;
  size_t n_units;
  const std::int64_t* rows;
  size_t n;
};
void count_units(Place place, BoolRows bools, std::int64_t* numbers);
// Units of pattern i go to indices[starts[i]] and behind it, rising.
void list_units(Place place, BoolRows bools, const std::int64_t* starts, std::uint32_t* indices);

// n rows of `width` whole numbers as units. Waits; returns the first row in which one is not below n_units or comes
// twice, or n.
size_t checked_units(Place place, const double* rows, size_t n, size_t width, size_t n_units, std::uint32_t* indices);

}  // namespace hypersketch::cuda
