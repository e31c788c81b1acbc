// SPDX-License-Identifier: Apache-2.0
// Large batches for block filters beyond the caches, in rounds. A random access to memory moves a line of 64 bytes for
// one key, and adding moves it back. So the words of many keys are first sorted by the part of the filter that they
// belong to; then each part, which fits a cache, is met by all its keys. A line moves once a round for all of them,
// and a key's word is written and read once in sequence: with as many bytes of words as the filter has, each line is
// met eight times. Order within a part is the batch's order.
#pragma once

#include <algorithm>
#include <bit>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "hypersketch/block_filter.hpp"
#include "hypersketch/memory.hpp"
#include "hypersketch/parallel.hpp"

namespace hypersketch {

inline constexpr size_t kRoundPart = size_t{1} << 20;     // bytes of a filter that fit a core's own cache
inline constexpr size_t kMostParts = 256;                 // streams that are written at the same time
inline constexpr size_t kLeastRounds = size_t{24} << 20;  // bytes: a smaller filter is mostly in the last cache
inline constexpr size_t kMostSorted = size_t{256} << 20;  // bytes of words of a round
inline constexpr size_t kWordsAhead = 16;                 // words between a prefetch and its write

// Keys of a round when `sharers` threads each have one, if the keys spread evenly.
inline size_t planned_keys(const BlockFilter& filter, size_t sharers) {
  return std::min(filter.state().size_bytes(), kMostSorted) / sizeof(uint64_t) / sharers;
}

// Rounds pay when a line is met several times in one.
inline bool worth_rounds(const BlockFilter& filter, size_t n_keys, size_t sharers) {
  const size_t bytes = filter.state().size_bytes();
  return bytes >= kLeastRounds && std::min(n_keys, planned_keys(filter, sharers)) >= bytes / 64 * 3;
}

// Words of a round, part by part.
class Rounds {
 public:
  Rounds(const BlockFilter& filter, size_t sharers)
      : n_parts_(std::min(kMostParts, std::bit_ceil(filter.state().size_bytes() / kRoundPart))),
        shift_(64 - static_cast<int>(std::bit_width(n_parts_ - 1))),
        planned_(planned_keys(filter, sharers)),
        capacity_(planned_ / n_parts_ + 2 * kTaken),
        memory_(n_parts_ * capacity_ * sizeof(uint64_t)),
        ends_(n_parts_) {
    clear();
  }

  size_t n_parts() const { return n_parts_; }
  size_t capacity() const { return capacity_; }
  size_t part_of(uint64_t word) const { return word >> shift_; }
  std::span<const uint64_t> part(size_t p) const { return {begin(p), ends_[p]}; }

  // Whether any kTaken words find room.
  bool has_room() const {
    for (size_t p = 0; p < n_parts_; ++p)
      if (part(p).size() + kTaken > capacity_) return false;
    return true;
  }

  // Whether a round without room holds little: then most keys are a few, whose blocks are in a cache anyway.
  bool is_skewed() const {
    size_t sum = 0;
    for (size_t p = 0; p < n_parts_; ++p) sum += part(p).size();
    return sum < planned_ / 4;
  }

  void put(const uint64_t* words, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      uint64_t*& end = ends_[part_of(words[i])];
      __builtin_prefetch(end + kWordsAhead, 1, 3);
      *end++ = words[i];
    }
  }

  void clear() {
    for (size_t p = 0; p < n_parts_; ++p) ends_[p] = begin(p);
  }

 private:
  uint64_t* begin(size_t p) const { return static_cast<uint64_t*>(memory_.data()) + p * capacity_; }

  size_t n_parts_;
  int shift_;
  size_t planned_, capacity_;
  ClearedMemory memory_;
  std::vector<uint64_t*> ends_;
};

inline void add_round(const BlockFilter& filter, Rounds& rounds) {
  for (size_t p = 0; p < rounds.n_parts(); ++p)
    filter.operations().add(filter.view_of_words(), rounds.part(p).data(), rounds.part(p).size());
  rounds.clear();
}

inline void add_in_rounds(const BlockFilter& filter, KeyBatch keys, size_t threads) {
  std::deque<Rounds> of_owners;  // before anything is changed
  for (size_t i = 0; i < threads; ++i) of_owners.emplace_back(filter, 1);
  parallel_for(threads, 1, threads, [&](size_t owner, size_t) {
    Rounds& rounds = of_owners[owner];  // an owner writes to its parts only: all together take no more than one
    bool is_skewed = false;
    for (OwnedWords own(filter, keys, owner, threads); own.next();) {
      if (!is_skewed && !rounds.has_room()) {
        is_skewed = rounds.is_skewed();
        add_round(filter, rounds);
      }
      if (is_skewed)
        filter.operations().add(filter.view_of_words(), own.words(), own.size());
      else
        rounds.put(own.words(), own.size());
    }
    add_round(filter, rounds);
  });
}

// Answers of the keys begin .. end of a batch, in rounds.
class RoundReader {
 public:
  RoundReader(const BlockFilter& filter, KeyBatch keys, size_t sharers)
      : filter_(filter),
        keys_(keys),
        rounds_(filter, sharers),
        answers_(rounds_.n_parts() * rounds_.capacity()),
        next_(rounds_.n_parts()),
        words_(kTaken) {}

  // Calls emit(first, answers, n) for pieces of the keys in order, n at most kTaken, with room for 8 answers more.
  template <class Emit>
  void read(size_t begin, size_t end, Emit&& emit) {
    size_t first = begin;
    bool is_skewed = false;
    for (size_t base = begin; base < end; base += kTaken) {
      if (!is_skewed && !rounds_.has_room()) {
        is_skewed = rounds_.is_skewed();
        answer(std::exchange(first, base), base, emit);
      }
      const size_t n = std::min(kTaken, end - base);
      filter_.words(keys_, base, n, words_.data());
      if (is_skewed) {
        filter_.operations().contains(filter_.view_of_words(), words_.data(), n, found_);
        emit(base, found_, n);
      } else {
        rounds_.put(words_.data(), n);
      }
    }
    if (!is_skewed) answer(first, end, emit);
  }

 private:
  // Answers come part by part. Then the words are made again, and each key reads the next answer of its part.
  template <class Emit>
  void answer(size_t first, size_t last, Emit&& emit) {
    for (size_t p = 0; p < rounds_.n_parts(); ++p) {
      bool* const answers = static_cast<bool*>(answers_.data()) + p * rounds_.capacity();
      filter_.operations().contains(filter_.view_of_words(), rounds_.part(p).data(), rounds_.part(p).size(), answers);
      next_[p] = answers;
    }
    for (size_t base = first; base < last; base += kTaken) {
      const size_t n = std::min(kTaken, last - base);
      filter_.words(keys_, base, n, words_.data());
      for (size_t i = 0; i < n; ++i) found_[i] = *next_[rounds_.part_of(words_[i])]++;
      emit(base, found_, n);
    }
    rounds_.clear();
  }

  const BlockFilter& filter_;
  KeyBatch keys_;
  Rounds rounds_;
  ClearedMemory answers_;
  std::vector<const bool*> next_;
  std::vector<uint64_t> words_;
  bool found_[kTaken + 8];
};

}  // namespace hypersketch
