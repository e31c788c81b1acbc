// SPDX-License-Identifier: Apache-2.0
// Steps whose weights are of few patterns, as walks take them. The same rules as in launch.hpp.
#pragma once

#include "retrieval.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {

// Queries of a walk that go no further: those that have converged, and those with all their steps. Null: none.
struct Ended {
  const bool* converged;
  const std::int64_t* n_steps;
  std::int64_t most_steps;

  __device__ __forceinline__ bool of(size_t q) const {
    return converged != nullptr && (converged[q] || n_steps[q] >= most_steps);
  }
};

// retrieve_few.cu: a step by thresholds. A query with more than kMostCandidates candidates gets no state: its flag is
// set, `n_dense` counts it, and the threshold in its sums is a lower bound. What is written of those that have ended
// says nothing.
void states_of_candidates(Place place, const Compared& patterns, StoredRows values, AskedRows queries,
                          const StepRule& rule, Ended ended, float* states, WeightSums* sums, bool* dense,
                          unsigned* n_dense);
// A step from the best patterns.
void states_of_best(Place place, const Compared& patterns, StoredRows values, AskedRows queries, size_t k,
                    float* states, WeightSums* sums);

// retrieve_dense.cu: the step of flagged queries, by passes over all scores. Waits for the GPU.
void states_of_dense(Place place, const Compared& patterns, StoredRows values, AskedRows queries, const StepRule& rule,
                     Precision precision, const bool* dense, float* states, WeightSums* sums);

}  // namespace hypersketch::cuda
