// SPDX-License-Identifier: Apache-2.0
// What Hopfield+- of matrices and of tensors share: keys as vectors and units, a piece at a time. The entries of all
// items in a dimension lie side by side: without weights a cell takes a popcount for 64 items, with weights an addition
// for each.
#pragma once

#include "hypersketch/layout.hpp"
#include "hypervectors.hpp"
#include "recall.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {

#if defined(__CUDACC__)
inline constexpr size_t kMemberBytes = size_t{256} << 20;  // of vectors at once
#else
inline constexpr size_t kMemberBytes = size_t{1} << 10;  // in tests, for several pieces
#endif

// Items by their dimensions: the entries of dimension a are the bits from units[a * n_words] on.
struct MemberUnits {
  const uint64_t* units;
  const uint64_t* signs;               // of the items
  const std::int64_t* signed_weights;  // weights with these signs
  bool weighed;
  size_t n;
  size_t n_words;

  __device__ __forceinline__ const uint64_t* of(size_t a) const { return units + a * n_words; }

  // What the items of word w add to a cell, whose entries are the products of those that the bits stand for.
  __device__ __forceinline__ std::int64_t votes(uint64_t bits, size_t w) const {
    const size_t count = n - w * kWordBits < kWordBits ? n - w * kWordBits : kWordBits;
    if (!weighed) return static_cast<std::int64_t>(count) - 2 * __popcll(bits ^ __ldg(signs + w));
    std::int64_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::int64_t weight = __ldg(signed_weights + w * kWordBits + i);
      sum += (bits >> i & 1) != 0 ? -weight : weight;
    }
    return sum;
  }
};

// Signs of items as bits, and their weights with these signs.
static __global__ void sign_members(const uint64_t* hashes, size_t n, uint64_t word_of_seed,
                                    const std::int64_t* weights, unsigned* bits, std::int64_t* signed_weights,
                                    std::int64_t* sum) {
  const size_t i = thread_index();
  const bool minus = i < n && sign_bit(word_of_seed, hashes[i]) != 0;
  const std::int64_t weight = i < n ? (weights == nullptr ? 1 : weights[i]) : 0;
  const unsigned word = __ballot_sync(kWholeWarp, minus);
  if (i < 2 * kWarp * ((n + 2 * kWarp - 1) / (2 * kWarp)) && i % kWarp == 0) bits[i / kWarp] = word;
  if (i >= n) return;
  signed_weights[i] = minus ? -weight : weight;
  add_to(sum, signed_weights[i]);
}

// Items at once, whole words of them.
inline size_t members_at_once(size_t dim) {
  const size_t most = kMemberBytes / (words_for(dim) * sizeof(uint64_t));
  return words_for(std::clamp<size_t>(most, 1, size_t{1} << 20)) * kWordBits;
}

// Calls add(units) for pieces of n keys. Waits; returns the sum of the signed weights.
template <class Add>
std::int64_t for_units(Place place, size_t dim, uint64_t seed, const uint64_t* hashes, size_t n,
                       const std::int64_t* weights, Add add) {
  const OnDevice on(place.device);
  const size_t step = std::min(members_at_once(dim), n), n_words = words_for(step);
  const Scratch<uint64_t> rows(place, step * words_for(dim)), units(place, dim * n_words), signs(place, n_words);
  const Scratch<std::int64_t> weighed(place, step), sum(place, 1);
  clear(place, sum.data(), sizeof(std::int64_t));
  for (size_t first = 0; first < n; first += step) {
    const size_t count = std::min(step, n - first);
    atom_rows(place, hashes + first, count, dim, seed, rows.data());
    turn_bits(place, rows.data(), count, dim, units.data());
    launch(place, grid_for(words_for(count) * kWordBits), sign_members, hashes + first, count,
           seed_word(seed, Purpose::kSign), weights == nullptr ? nullptr : weights + first,
           reinterpret_cast<unsigned*>(signs.data()), weighed.data(), sum.data());
    add(MemberUnits{units.data(), signs.data(), weighed.data(), weights != nullptr, count, words_for(count)});
  }
  std::int64_t found = 0;
  copy_to_host(place, &found, sum.data(), sizeof found);
  return found;
}

// Calls score(first, count, rows) with the atoms of pieces of n keys.
template <class Score>
void for_members(Place place, size_t dim, uint64_t seed, const uint64_t* hashes, size_t n, Score score) {
  const OnDevice on(place.device);
  const size_t step = std::min(members_at_once(dim), n);
  const Scratch<uint64_t> rows(place, step * words_for(dim));
  for (size_t first = 0; first < n; first += step) {
    const size_t count = std::min(step, n - first);
    atom_rows(place, hashes + first, count, dim, seed, rows.data());
    score(first, count, static_cast<const uint64_t*>(rows.data()));
  }
}

}  // namespace hypersketch::cuda
