// SPDX-License-Identifier: Apache-2.0
// What the tests share: counted checks, random words, signs from their definition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "hypersketch/layout.hpp"

namespace hypersketch {

inline size_t checks = 0;
inline size_t failures = 0;

inline void check(bool condition, const char* what, size_t a = 0, size_t b = 0) {
  ++checks;
  if (condition) return;
  std::printf("FAILED %s (%zu, %zu)\n", what, a, b);
  ++failures;
}

inline std::vector<uint64_t> random_words(size_t n, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<uint64_t> words(n);
  for (auto& word : words) word = generator();
  return words;
}

// +1 or -1: dimension d of the atom of a key.
inline int64_t sign_of(uint64_t seed, uint64_t hash, size_t d) {
  const uint64_t word = atom_word(stream_start(seed_word(seed, Purpose::kAtom), hash), d / 64);
  return ((word >> (d % 64)) & 1) != 0 ? -1 : 1;
}

inline int64_t product_sign(uint64_t seed, const std::vector<uint64_t>& hashes, size_t n, size_t factors, size_t i,
                            size_t d) {
  int64_t sign = 1;
  for (size_t f = 0; f < factors; ++f) sign *= sign_of(seed, hashes[f * n + i], d);
  return sign;
}

// One file a family, each with one of these.
void run_hash_tests();
void run_record_tests();
void run_vsa_tests();
void run_majority_tests();
void run_recall_tests();
void run_resonator_tests();
void run_retrieval_tests();
void run_search_tests();
void run_bloom_tests();
void run_count_sketch_tests();
void run_digits_tests();
void run_number_tests();
void run_digit_score_tests();
void run_real_score_tests();
void run_hadamard_tests();
void run_hopfield_tests();
void run_projection_tests();
void run_learning_tests();
void run_transform_tests();

}  // namespace hypersketch
