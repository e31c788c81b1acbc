// SPDX-License-Identifier: Apache-2.0
// How states are updated: all units at once, or one after the other in an order that the CPU and a GPU share.
#pragma once

#include <utility>
#include <vector>

#include "hypersketch/layout.hpp"

namespace hypersketch {

struct RecallRule {
  size_t dim;
  bool synchronous;
  uint64_t seed;         // of the random order of units
  const int64_t* order;  // of units in every sweep; null for a new random one in each
  size_t budget;         // sweeps
};

// Units in the order of sweep number `sweep`: the given one, or a shuffle (Fisher and Yates) that depends on seed and
// sweep alone, so that a probe ends the same in every batch.
inline void order_units(const RecallRule& rule, size_t sweep, std::vector<size_t>& units) {
  units.resize(rule.dim);
  for (size_t i = 0; i < rule.dim; ++i) units[i] = rule.order == nullptr ? i : static_cast<size_t>(rule.order[i]);
  if (rule.order != nullptr) return;
  const uint64_t start = stream_start(seed_word(rule.seed, Purpose::kSweep), uint64_t{sweep});
  for (size_t i = rule.dim; i > 1; --i)
    std::swap(units[i - 1], units[multiply_high(random_word(start, i), uint64_t{i})]);
}

}  // namespace hypersketch
