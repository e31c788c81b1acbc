// SPDX-License-Identifier: Apache-2.0
// From the scores of a tile to weights: a query's patterns are shared by neighbouring lanes, which keep the query's
// maximum and sums in registers.
#pragma once

#include "retrieve_scan.cuh"

namespace hypersketch::cuda {

inline constexpr float kInfinite = __builtin_huge_valf();

// Patterns of step `word / 8` that share word `word % 8` of a fragment: this one and the fourth behind it.
__device__ __forceinline__ unsigned first_of_word(unsigned word) {
  return word / 8 * kStep + word % 8 + (word % 8 < 4 ? 0 : 4);
}

// v^exponent of v >= 0; nothing stays nothing.
__device__ __forceinline__ float raised(float v, float exponent) {
  if (exponent == 1.0F) return v;
  if (exponent == 2.0F) return v * v;
  if (v <= 0.0F) return 0.0F;
  return exponent == 0.0F ? 1.0F : powf(v, exponent);
}

__device__ __forceinline__ float whole_power(float v, unsigned degree) {
  float power = 1.0F;
  for (unsigned i = 0; i < degree; ++i) power *= v;
  return power;
}

// One query's weights as a block comes to them; kLanes neighbouring lanes have the same.
template <unsigned kLanes>
struct QueryWeights {
  float beta, threshold;
  float maximum, sum = 0.0F, squares = 0.0F;

  __device__ __forceinline__ QueryWeights(const RetrievalPass& pass, unsigned query) {
    const bool is_there = query < pass.queries.n;
    const bool bounded = is_there && pass.separating.thresholds != nullptr;
    beta = is_there ? __ldg(pass.queries.betas + query) : 0.0F;
    threshold = bounded ? __ldg(pass.separating.thresholds + query) : kInfinite;
    maximum = pass.separating.kind == SeparationKind::kSoftmax ? -kInfinite : 0.0F;
  }

  static __device__ __forceinline__ float most_of_lanes(float x) {
#pragma unroll
    for (unsigned step = kLanes / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, int(step)));
    return x;
  }
  static __device__ __forceinline__ float sum_of_lanes(float x) {
#pragma unroll
    for (unsigned step = kLanes / 2; step > 0; step /= 2) x += __shfl_xor_sync(kWholeWarp, x, int(step));
    return x;
  }

  // What a score counts towards the maximum.
  __device__ __forceinline__ float level(const RetrievalPass& pass, float score) const {
    if (pass.separating.kind == SeparationKind::kSoftmax) return score * beta;
    return pass.separating.kind == SeparationKind::kPower ? fabsf(score) : score * beta - threshold;
  }

  // Takes the largest level of a tile over; returns what sums so far are multiplied by.
  __device__ __forceinline__ float raise(const RetrievalPass& pass, float level) {
    if (pass.separating.kind == SeparationKind::kBeyond || !(level > maximum)) return 1.0F;
    const float before = maximum;
    maximum = level;
    const float factor = pass.separating.kind == SeparationKind::kSoftmax
                             ? exp2f((before - level) * 0x1.715476p+0F)
                             : whole_power(before / level, static_cast<unsigned>(pass.separating.exponent));
    sum *= factor;
    squares *= factor * factor;
    return factor;
  }

  __device__ __forceinline__ float weight(const RetrievalPass& pass, float score) const {
    if (pass.separating.kind == SeparationKind::kSoftmax) return exp2f((score * beta - maximum) * 0x1.715476p+0F);
    if (pass.separating.kind == SeparationKind::kBeyond)
      return raised(fmaxf(score * beta - threshold, 0.0F), pass.separating.exponent);
    if (maximum == 0.0F) return 0.0F;
    return whole_power(score / maximum, static_cast<unsigned>(pass.separating.exponent));
  }

  // Whether the largest level of a tile leaves a weight that matters.
  __device__ __forceinline__ bool matters(const RetrievalPass& pass, float level) const {
    if (pass.separating.kind == SeparationKind::kSoftmax) return beta > 0.0F && level > maximum + pass.least;
    return level > 0.0F;
  }
};

// Scores of the tile at `first`, by the lanes that have the query; f(word, place in the tile, score, whether there).
template <unsigned kQueries, class F>
__device__ __forceinline__ void for_scores(const RetrievalPass& pass, const float* parts, size_t first, F&& f) {
  constexpr unsigned kLanes = kThreads / kQueries;
  const unsigned query = threadIdx.x / kLanes;
  for (unsigned word = threadIdx.x % kLanes; word < pass.cut.tile / 2; word += kLanes)
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned j = first_of_word(word) + 4 * i;
      const bool is_there = first + j < pass.end();
      f(word, j, is_there ? score_of(pass, parts, kQueries, query, j, first + j) : 0.0F, is_there);
    }
}

}  // namespace hypersketch::cuda
