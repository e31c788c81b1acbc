// SPDX-License-Identifier: Apache-2.0
// Retrieval from patterns on a GPU, as the bindings see it. The same rules as in launch.hpp.
#pragma once

#include <vector>

#include "launch.hpp"

namespace hypersketch::cuda {

enum class StoredType { kFloat32, kBfloat16, kInt8, kFloat8 };
enum class Likeness { kDot, kCosine, kEuclidean, kManhattan };

// Which kernel multiplies; `kBest` for whoever is not a test or a benchmark.
enum class RetrievalPath { kBest, kTiles, kWarpGroups };

// Rows of numbers, `stride` bytes apart, a multiple of 16, on addresses that are one; zeros up to it. Those of int8 and
// float8 are scales[j] times the integers or floats (E4M3) of 8 bits.
struct StoredRows {
  const void* rows;
  StoredType type;
  size_t n;
  size_t dim;
  size_t stride;
  const float* scales;
};

inline size_t size_of(StoredType type) {
  return type == StoredType::kFloat32 ? 4 : type == StoredType::kBfloat16 ? 2 : 1;
}
inline bool is_scaled(StoredType type) { return type == StoredType::kInt8 || type == StoredType::kFloat8; }
inline size_t padded_bytes(StoredType type, size_t dim) { return (dim * size_of(type) + 15) / 16 * 16; }

// Patterns, their lengths and what is compared. Similarities lack what depends on the query alone: half its squared
// length, for Euclidean ones.
struct Compared {
  StoredRows rows;
  const float* lengths;
  Likeness likeness;
};

// Float rows as wide as the patterns, one after the other, with an inverse temperature each.
struct AskedRows {
  const float* rows;
  size_t n;
  const float* betas;
};

// How many bits tensor cores see of numbers: all 24, 16, or the 8 of bfloat16.
enum class Precision { kFloat32, kTf32, kBfloat16 };

// See hypersketch/retrieval.hpp for what these make of scores. `thresholds` only of kBeyond.
enum class SeparationKind { kSoftmax, kBeyond, kPower };
struct Separating {
  SeparationKind kind;
  const float* thresholds;
  float exponent;
};

// What a step says of each query's weights: what they are relative to, their sum, and that of their squares. Weights
// beyond a threshold are relative to it.
struct WeightSums {
  double maximum;
  double sum;
  double squares;
};

// states[q] = weighted mean of the values, `values.dim` numbers, in one pass. Spans of patterns and the order in which
// they are brought together depend on the numbers of queries and patterns and on the device's processors alone.
void retrieve_states(Place place, Compared patterns, StoredRows values, AskedRows queries, Separating separating,
                     Precision precision, float* states, WeightSums* sums, RetrievalPath path = RetrievalPath::kBest);

// What makes weights in a whole step: a pass of a softmax or of powers; thresholds tau at which the sum of
// max(0, t - tau)^sum_exponent over t = beta score is 1, with weights max(0, t - tau)^weight_exponent; or a softmax
// over the best patterns. `degree` is that of powers, or how many are the best.
enum class StepKind { kSoftmax, kPower, kThreshold, kBest };
struct StepRule {
  StepKind kind;
  size_t degree;
  double sum_exponent;
  double weight_exponent;
};

// The same for any rule. Of thresholds it waits for the GPU where there are more than kMostCandidates patterns, to see
// whether some query has as many candidates: the threshold of such a one is found by passes over all scores, for each
// of which the host asks whether it is the last.
void take_step(Place place, Compared patterns, StoredRows values, AskedRows queries, const StepRule& rule,
               Precision precision, float* states, WeightSums* sums, RetrievalPath path = RetrievalPath::kBest);

// Steps of which each begins where the last one ended, without the host: a query that moves by `tolerance` at most
// stays. `states` holds the queries and becomes the states; `before` becomes where the last steps began, `n_steps` and
// `converged` one number a query. Waits for the GPU now and then, to see whether all have converged, and whether some
// have many candidates.
struct Walked {
  float* states;
  float* before;
  WeightSums* sums;
  std::int64_t* n_steps;
  bool* converged;
};
void walk(Place place, Compared patterns, AskedRows queries, const StepRule& rule, Precision precision,
          size_t most_steps, float tolerance, Walked walked, RetrievalPath path = RetrievalPath::kBest);

// Only the sums, for an exponent and the next smaller one (kBeyond), at full precision.
void weight_sums(Place place, Compared patterns, AskedRows queries, Separating separating, WeightSums* sums);

// The k best patterns of every query, by score and then by place, 1 <= k <= n.
void nearest_patterns(Place place, Compared patterns, AskedRows queries, size_t k, std::int64_t* places, float* scores);

// The patterns whose scores are above each query's bound, in host memory, by place. Waits for the GPU.
struct ScoredPattern {
  float score;
  std::uint32_t pattern;
};
std::vector<std::vector<ScoredPattern>> scores_above(Place place, Compared patterns, AskedRows queries,
                                                     const float* bounds);

// Float rows, `dim` numbers each, as a store keeps them, with the lengths of what is kept and the largest magnitudes of
// what came; those of numbers that are none are infinite.
void keep_rows(Place place, const float* rows, size_t n, size_t dim, StoredType type, void* kept, float* scales,
               float* lengths, float* largest);

// Squared lengths of float rows; infinite where numbers are not finite.
void squared_lengths(Place place, const float* rows, size_t n, size_t dim, double* squares);

}  // namespace hypersketch::cuda
