// SPDX-License-Identifier: Apache-2.0
// Resonator networks on packed vectors, by the rule of hypersketch/resonator.hpp: plain C++, under the rules of
// launch.hpp.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

// Products to be taken apart. All share one set of codebooks, or each has its own.
struct ResonatorProblems {
  const uint64_t* books;      // n_sets of n_codewords rows: the codebooks of all factors one after the other
  const uint64_t* starts;     // n_sets of n_factors rows: the first estimates
  const std::int64_t* sizes;  // of the codebooks
  size_t n_sets;              // 1, or n
  size_t n_factors;
  size_t n_codewords;
  size_t largest;          // codebook
  const uint64_t* probes;  // n rows
  const uint64_t* seeds;   // of the noise
  const uint64_t* hashes;  // what a probe's noise depends on
  size_t n;
  size_t dim;
};

struct ResonatorRules {
  bool synchronous;
  std::int64_t noise;
  std::int32_t threshold;
  std::int64_t accept;
  std::int64_t budget;
};

// What problems know between two calls: `vectors` has 3 n_factors + 1 rows a problem, `weights` has `largest`, and
// `numbers` 3. `begin_resonance` fills it.
struct ResonatorState {
  uint64_t* vectors;
  std::int32_t* weights;
  std::int64_t* numbers;
};

// Rows of what is found.
struct ResonatorAnswers {
  std::int64_t* codewords;  // n_factors each
  std::int64_t* products;
  std::int64_t* sweeps;
  std::int64_t* periods;
};

void begin_resonance(Place place, const ResonatorProblems& problems, ResonatorState state, ResonatorAnswers answers);

// Some more sweeps of every problem that is not at its end. Waits; returns how many of them go on.
size_t resonate(Place place, const ResonatorProblems& problems, ResonatorRules rules, ResonatorState state,
                ResonatorAnswers answers, std::int64_t n_sweeps);

}  // namespace hypersketch::cuda
