// SPDX-License-Identifier: Apache-2.0
// Bundles of packed vectors without counters: a dimension's set bits are counted in bit planes, which are compared
// with a threshold. Items are XORs of stored rows, made where they are counted and never stored.
//
// A negative weight adds the item's complement. Weights need no other way when they are large: an item is added once
// for every set bit of its weight, as often as adding it to integer counters would take.
#pragma once

#include <atomic>

#include "hypersketch/vsa.hpp"

namespace hypersketch {

// Bundle b is made of the items starts[b] .. starts[b + 1] - 1 without the last `trimmed`.
struct Bundles {
  const int64_t* starts;
  size_t n;
  size_t trimmed = 0;
  size_t first(size_t b) const { return static_cast<size_t>(starts[b]); }
  size_t last(size_t b) const {
    const auto end = static_cast<size_t>(starts[b + 1]);
    return end - first(b) < trimmed ? first(b) : end - trimmed;
  }
};

// When a bit is set: when items of more than half of the weight have it, or exactly half and the bit of `ties`
// (majority), or when those of weight `at_least` have it, if that is not 0.
struct VoteRule {
  const uint64_t* ties;
  uint64_t at_least;
};

// Item i: row i of one set of rows, or XORed with row i of another. Items say how many of them at most are prepared
// and handed to a kernel at once.
struct RowItems {
  static constexpr size_t kBatch = 224;  // a multiple of what kernels take through all columns
  const uint64_t* rows[2];
  size_t n_factors;
  size_t n_words;
  void prepare(size_t, size_t) const {}
  const uint64_t* at(size_t f, size_t i) const { return rows[f] + i * n_words; }
};

// The planes of one piece of a bundle's columns, and the pointers handed to kernels.
class Votes {
 public:
  Votes(size_t first_word, size_t last_word)
      : planes_{nullptr, stride_for(last_word - first_word), 0, first_word, last_word} {}

  // No votes yet, and at most `total` to come.
  void clear(uint64_t total) {
    planes_.n_planes = static_cast<size_t>(std::bit_width(total));
    // Every plane that a weight starts from has the lowest five of a count above it.
    storage_.assign((planes_.n_planes + 4) * planes_.stride + kVoteGrain, 0);
    // Planes begin with cache lines, because storing across two of them takes twice as long.
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    planes_.planes = storage_.data() + (kLineBytes - address % kLineBytes) % kLineBytes / sizeof(uint64_t);
  }

  // Adds 2^bit votes an item.
  void add(const ItemRows& items, size_t bit) {
    VotePlanes upper = planes_;
    upper.planes += bit * upper.stride;
    upper.n_planes -= bit;
    kernels().count_votes(items, upper);
  }

  void decide(uint64_t threshold, const uint64_t* ties, uint64_t* out) const {
    const size_t first = planes_.first_word;
    kernels().decide_votes(planes_, threshold, ties == nullptr ? nullptr : ties + first, out + first);
  }

  // Whether a vote is for a bit of the last word outside the mask.
  bool any_outside(uint64_t mask) const {
    const size_t last = planes_.last_word - planes_.first_word - 1;
    for (size_t p = 0; p < planes_.n_planes; ++p)
      if ((planes_.planes[p * planes_.stride + last] & ~mask) != 0) return true;
    return false;
  }

 private:
  // One grain more than needed: where a dimension is a power of two, planes must not fall onto rows in the cache.
  static size_t stride_for(size_t n_words) { return (n_words + kVoteGrain - 1) / kVoteGrain * kVoteGrain + kVoteGrain; }

  VotePlanes planes_;
  std::vector<uint64_t> storage_;
};

// Calls emit(items, scale) for batches of the items [first, last), as for_weight_groups cuts them.
template <class Items, class Emit>
void for_item_batches(Items& items, size_t first, size_t last, const int64_t* weights,
                      std::vector<const uint64_t*>& pointers, Emit&& emit) {
  constexpr size_t kBatch = Items::kBatch;
  static_assert(kBatch <= kMaxBatch);
  pointers.resize((items.n_factors + 1) * kBatch);  // one more for who wants to complement them
  for (; first < last; first += kBatch) {
    const size_t n = std::min(kBatch, last - first);
    items.prepare(first, n);
    const auto emit_rows = [&](size_t count, int32_t scale, auto&& index) {
      for (size_t f = 0; f < items.n_factors; ++f)
        for (size_t i = 0; i < count; ++i) pointers[f * kBatch + i] = items.at(f, first + index(i));
      emit(ItemRows{pointers.data(), count, items.n_factors, kBatch}, scale);
    };
    if (weights == nullptr)
      emit_rows(n, 1, [](size_t i) { return i; });
    else
      for_weight_groups(weights + first, n, [&](std::span<const uint32_t> chosen, int32_t scale) {
        emit_rows(chosen.size(), scale, [&](size_t i) { return chosen[i]; });
      });
  }
}

// A piece of columns, one bundle after the other.
template <class Items>
class Voter {
 public:
  Voter(Items items, size_t dim, size_t first_word, size_t last_word)
      : items_(std::move(items)), dim_(dim), last_word_(last_word), votes_(first_word, last_word) {}

  void bundle(size_t first, size_t last, const int64_t* weights, VoteRule rule, uint64_t* out) {
    uint64_t total = last - first;
    if (weights != nullptr) {
      total = 0;
      for (size_t i = first; i < last; ++i) total += static_cast<uint64_t>(weights[i] < 0 ? -weights[i] : weights[i]);
    }
    votes_.clear(total);
    for_item_batches(items_, first, last, weights, pointers_, [&](ItemRows rows, int32_t scale) { add(rows, scale); });
    decide(total, rule, out);
    if (last_word_ != words_for(dim_)) return;
    strayed_ |= votes_.any_outside(tail_mask(dim_));
    out[last_word_ - 1] &= tail_mask(dim_);
  }

  // Whether a vote so far was for a bit beyond the dimension.
  bool strayed() const { return strayed_; }

 private:
  void add(ItemRows rows, int32_t scale) {
    if (scale < 0) {
      ones_.assign(words_for(dim_), ~uint64_t{0});
      ones_.back() = tail_mask(dim_);
      std::fill_n(pointers_.begin() + static_cast<std::ptrdiff_t>(rows.n_factors * rows.stride), rows.n, ones_.data());
      ++rows.n_factors;
      scale = -scale;
    }
    votes_.add(rows, static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(scale))));
  }

  void decide(uint64_t total, VoteRule rule, uint64_t* out) const {
    if (rule.at_least == 0)
      votes_.decide(total / 2, total % 2 == 0 ? rule.ties : nullptr, out);
    else if (rule.at_least <= total)
      votes_.decide(rule.at_least - 1, nullptr, out);
    else
      votes_.decide(total, nullptr, out);  // no count is above all votes
  }

  Items items_;
  size_t dim_, last_word_;
  Votes votes_;
  std::vector<const uint64_t*> pointers_;
  std::vector<uint64_t> ones_;
  bool strayed_ = false;
};

// Calls run(first_bundle, last_bundle, first_word, last_word) in threads that share bundles, or columns when there are
// fewer bundles than threads.
template <class Run>
void for_bundle_pieces(size_t n_bundles, size_t n_words, size_t threads, Run&& run) {
  if (n_bundles >= threads)
    parallel_for(n_bundles, 1, threads, [&](size_t begin, size_t end) { run(begin, end, size_t{0}, n_words); });
  else
    parallel_for(n_words, kWordGrain, threads,
                 [&](size_t begin, size_t end) { run(size_t{0}, n_bundles, begin, end); });
}

// Row b of `out` is what bundle b decides. Returns whether all votes were for bits of the dimension: looking at the
// planes costs nothing, where looking for such bits in the rows beforehand would read their cache lines twice.
template <class Items>
bool vote_bundles(const Items& items, size_t dim, Bundles bundles, const int64_t* weights, VoteRule rule, uint64_t* out,
                  size_t threads) {
  const size_t n_words = words_for(dim);
  std::atomic<bool> strayed = false;
  for_bundle_pieces(bundles.n, n_words, threads, [&](size_t begin, size_t end, size_t first_word, size_t last_word) {
    Voter<Items> voter(items, dim, first_word, last_word);
    for (size_t b = begin; b < end; ++b)
      voter.bundle(bundles.first(b), bundles.last(b), weights, rule, out + b * n_words);
    if (voter.strayed()) strayed = true;
  });
  return !strayed;
}

// Adds bundle b to row b of `counters`; the caller has made sure that no counter can overflow.
template <class Items>
void count_bundles(const Items& items, size_t dim, Bundles bundles, const int64_t* weights, int32_t* counters,
                   size_t threads) {
  for_bundle_pieces(
      bundles.n, words_for(dim), threads, [&](size_t begin, size_t end, size_t first_word, size_t last_word) {
        Items mine = items;
        std::vector<const uint64_t*> pointers;
        for (size_t b = begin; b < end; ++b) {
          const CounterView state{counters + b * dim, dim, first_word, last_word};
          for_item_batches(mine, bundles.first(b), bundles.last(b), weights, pointers,
                           [&](ItemRows rows, int32_t scale) { kernels().item_accumulate(rows, scale, state); });
        }
      });
}

}  // namespace hypersketch
