// SPDX-License-Identifier: Apache-2.0
// Counter-based random words: word j of a key's stream is a function of (seed, purpose, key hash, j) and of
// nothing else, so atoms are computed where they are needed and never stored.
//
// The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) addressed by index instead of stepped: a stream
// starts at a point chosen by the key and the structure's seed, and its j-th output is mix64(start + (j+1)*gamma).
#pragma once

#include "hypersketch/config.hpp"

namespace hypersketch {

inline constexpr uint64_t kGamma = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio, odd

// What a stream is used for. The same words never serve two purposes.
enum class Purpose : uint64_t {
  kAtom = 1,
  kBloom = 2,
  kSign = 3,
  kTie = 4,
  kSample = 5,
  kRow = 6,
  kProjection = 7,
  kResonator = 8,
  kSweep = 9
};

template <class Word>
HYPERSKETCH_HD constexpr Word mix64(Word z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

HYPERSKETCH_HD uint64_t seed_word(uint64_t seed, Purpose purpose) {
  return mix64(mix64(seed + kGamma) + static_cast<uint64_t>(purpose) * kGamma);
}

template <class Word>
HYPERSKETCH_HD Word stream_start(uint64_t word_of_seed, Word hash) {
  return mix64(hash ^ word_of_seed);
}

template <class Word>
HYPERSKETCH_HD Word random_word(Word start, uint64_t index) {
  return mix64(start + (index + 1) * kGamma);
}

}  // namespace hypersketch
