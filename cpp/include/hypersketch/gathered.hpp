// SPDX-License-Identifier: Apache-2.0
// Items that are rows of code books chosen by indices, or XORs of rows of two: records whose fillers are levels,
// edges of graphs, bags of words. What is bundled takes four bytes a row, not a vector.
#pragma once

#include "hypersketch/majority.hpp"

namespace hypersketch {

// Vector f of item i is row chosen[f][i] of code book f.
struct GatheredItems {
  static constexpr size_t kBatch = RowItems::kBatch;
  const uint64_t* books[2];
  const uint32_t* chosen[2];
  size_t n_factors;
  size_t n_words;
  void prepare(size_t, size_t) const {}
  const uint64_t* at(size_t f, size_t i) const { return books[f] + size_t{chosen[f][i]} * n_words; }
};

}  // namespace hypersketch
