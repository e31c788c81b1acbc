// SPDX-License-Identifier: Apache-2.0
// retrieve_merge.cu, as tests see it, too: what splits of a pass came to is brought together, in their order.
#pragma once

#include "retrieval.hpp"

namespace hypersketch::cuda {

// What a block leaves: states and sums of each of its queries, by splits.
struct SplitStates {
  float* states;  // [split][query][value_dim]
  float* sums;    // [split][query][3]
};

void merge_states(Place place, SplitStates found, size_t n_splits, size_t n_queries, size_t dim, Separating separating,
                  float* states, WeightSums* sums);
// Of four sums a split and query, without states.
void merge_sums(Place place, const float* found, size_t n_splits, size_t n_queries, Separating separating,
                WeightSums* sums);

}  // namespace hypersketch::cuda
