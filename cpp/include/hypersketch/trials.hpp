// SPDX-License-Identifier: Apache-2.0
// Whole capacity trials of bundles: each builds one bundle from keys under its own seed and scores keys against it.
// Trials are independent, so threads share nothing and the answers do not depend on their number.
#pragma once

#include <utility>

#include "hypersketch/vsa.hpp"

namespace hypersketch {

// Every trial has items of its own: factor f of item i in trial t is hashes[(f * n_trials + t) * n + i].
struct TrialItems {
  const uint64_t* hashes;
  size_t n_trials;
  size_t n;
  size_t n_factors;
};

// Builds one bundle and turns it into planes; buffers are kept from trial to trial.
class TrialBundle {
 public:
  TrialBundle(size_t dim, bool packed) : packed_(packed), counters_(dim), signs_(words_for(dim)) {}

  const Planes& build(uint64_t seed, ItemView members, const int64_t* weights) {
    std::fill(counters_.begin(), counters_.end(), 0);
    accumulate_items({counters_.data(), counters_.size(), 0, signs_.size()}, seed_word(seed, Purpose::kAtom), members,
                     weights);
    if (packed_) {
      pack_signs(counters_, seed, signs_.data());
      planes_.assign_packed(signs_.data(), counters_.size());
    } else {
      planes_.assign(counters_);
    }
    return planes_;
  }

 private:
  bool packed_;
  std::vector<int32_t> counters_;
  std::vector<uint64_t> signs_;
  Planes planes_;
};

// One trial's items as an ItemView: factors of a trial lie a whole factor block apart, so they are gathered.
inline ItemView trial_view(TrialItems items, size_t trial, std::vector<uint64_t>& buffer) {
  if (items.n_factors == 1) return {items.hashes + trial * items.n, items.n, 1};
  buffer.resize(items.n_factors * items.n);
  for (size_t f = 0; f < items.n_factors; ++f)
    std::copy_n(items.hashes + (f * items.n_trials + trial) * items.n, items.n, buffer.data() + f * items.n);
  return {buffer.data(), items.n, items.n_factors};
}

inline void bundle_trials(size_t dim, bool packed, const uint64_t* seeds, TrialItems members, const int64_t* weights,
                          TrialItems probes, int64_t* out, size_t threads) {
  parallel_for(members.n_trials, 1, threads, [&](size_t begin, size_t end) {
    TrialBundle bundle(dim, packed);
    std::vector<uint64_t> member_buffer, probe_buffer;
    for (size_t t = begin; t < end; ++t) {
      const Planes& planes = bundle.build(seeds[t], trial_view(members, t, member_buffer), weights);
      score_items(planes, seed_word(seeds[t], Purpose::kAtom), trial_view(probes, t, probe_buffer), 0, probes.n,
                  out + t * probes.n);
    }
  });
}

// How many of the members are among the members.size() best of all scores; equal scores rank by index.
template <class Score>
int64_t members_among_best(std::span<const Score> scores, std::span<const int64_t> members,
                           std::vector<std::pair<Score, size_t>>& candidates) {
  if (members.empty()) return 0;
  Score lowest = scores[static_cast<size_t>(members[0])];
  for (const int64_t m : members) lowest = std::min(lowest, scores[static_cast<size_t>(m)]);
  candidates.clear();  // only what reaches the worst member can push a member out
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i] >= lowest) candidates.emplace_back(-scores[i], i);
  if (candidates.size() == members.size()) return static_cast<int64_t>(members.size());
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(members.size() - 1),
                   candidates.end());
  const auto worst = candidates[members.size() - 1];
  int64_t hits = 0;
  for (const int64_t m : members) hits += std::pair(-scores[static_cast<size_t>(m)], static_cast<size_t>(m)) <= worst;
  return hits;
}

// members[t * n + i] indexes the codebook; out[t] counts the members that a cleanup of trial t finds.
inline void cleanup_trials(size_t dim, bool packed, std::span<const uint64_t> seeds, std::span<const uint64_t> codebook,
                           const int64_t* members, size_t n, int64_t* out, size_t threads) {
  parallel_for(seeds.size(), 1, threads, [&](size_t begin, size_t end) {
    TrialBundle bundle(dim, packed);
    std::vector<uint64_t> hashes(n);
    std::vector<int64_t> scores(codebook.size());
    std::vector<std::pair<int64_t, size_t>> candidates;
    for (size_t t = begin; t < end; ++t) {
      const std::span<const int64_t> chosen(members + t * n, n);
      for (size_t i = 0; i < n; ++i) hashes[i] = codebook[static_cast<size_t>(chosen[i])];
      const Planes& planes = bundle.build(seeds[t], {hashes.data(), n, 1}, nullptr);
      score_items(planes, seed_word(seeds[t], Purpose::kAtom), {codebook.data(), codebook.size(), 1}, 0,
                  codebook.size(), scores.data());
      out[t] = members_among_best<int64_t>(scores, chosen, candidates);
    }
  });
}

// n distinct indices below `universe` for every trial, in random order (partial Fisher-Yates on a sparse permutation).
inline void sample_indices(uint64_t seed, size_t n_trials, size_t n, uint64_t universe, int64_t* out) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kSample);
  std::vector<uint64_t> permutation(universe);
  for (uint64_t i = 0; i < universe; ++i) permutation[i] = i;
  std::vector<uint64_t> swapped(n);
  for (size_t t = 0; t < n_trials; ++t) {
    const uint64_t start = stream_start(word_of_seed, uint64_t{t});
    for (size_t i = 0; i < n; ++i) {
      swapped[i] = i + multiply_high(random_word(start, i), universe - i);
      std::swap(permutation[i], permutation[swapped[i]]);
      out[t * n + i] = static_cast<int64_t>(permutation[i]);
    }
    for (size_t i = n; i-- > 0;) std::swap(permutation[i], permutation[swapped[i]]);  // back to the identity
  }
}

}  // namespace hypersketch
