// SPDX-License-Identifier: Apache-2.0
// Candidates for the heaviest keys of a sketch: a small set that keys with a large estimate enter. When it is full, the
// half with the smallest estimates leaves, and the smallest that stays is the floor that later keys must exceed. So a
// key is missing only when half the capacity of other keys were estimated at least as high.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "hypersketch/config.hpp"

namespace hypersketch {

struct Candidate {
  uint64_t start;  // of the key's stream: as good as its hash, and mixed
  uint64_t hash;
  std::int64_t origin;  // index of the key in the batch that brought it, or -1
  double estimate;
};

class Candidates {
 public:
  explicit Candidates(size_t capacity) : capacity_(capacity), slots_(slots_for(capacity)) {
    items_.reserve(capacity);
    clear_slots();
  }

  double floor() const { return floor_; }
  std::span<const Candidate> items() const { return items_; }

  // Takes candidates of earlier batches; `read(starts, n, estimates)` estimates keys.
  template <class Read>
  void resume(std::span<const Candidate> items, Read&& read) {
    for (const Candidate& item : items) insert(item);
    estimate(read);
    if (items_.size() < capacity_ / 2) return;
    std::vector<Candidate> sorted = items_;
    floor_ = std::max(0.0, nth_largest(sorted)->estimate);
  }

  // Whether a key is not where it would be looked for first: true for all that are no candidates and for a few that
  // are. One comparison, whose outcome nobody could predict.
  bool seems_new(uint64_t start) const { return slots_[start & (slots_.size() - 1)] != start; }

  // Lets a key in whose estimate exceeds the floor.
  template <class Read>
  void offer(const Candidate& item, Read&& read) {
    if (!(item.estimate > floor_) || contains(item.start)) return;
    if (items_.size() == capacity_) {
      prune(read);
      if (!(item.estimate > floor_)) return;
    }
    insert(item);
  }

 private:
  static size_t slots_for(size_t capacity) {
    size_t slots = 16;
    while (slots < 4 * capacity) slots *= 2;
    return slots;
  }

  // What an empty slot holds: a key looked for half a table away, further than the full slots can reach.
  uint64_t empty(size_t slot) const { return slot ^ (slots_.size() / 2); }

  void clear_slots() {
    for (size_t slot = 0; slot < slots_.size(); ++slot) slots_[slot] = empty(slot);
  }

  // The slot that holds the key, or the empty one where it would go.
  size_t slot_of(uint64_t start) const {
    size_t slot = start & (slots_.size() - 1);
    while (slots_[slot] != start && slots_[slot] != empty(slot)) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  bool contains(uint64_t start) const { return slots_[slot_of(start)] == start; }

  void insert(const Candidate& item) {
    if (contains(item.start)) return;
    slots_[slot_of(item.start)] = item.start;
    items_.push_back(item);
  }

  template <class Read>
  void estimate(Read& read) {
    std::vector<uint64_t> starts(items_.size());
    std::vector<double> estimates(items_.size());
    for (size_t i = 0; i < items_.size(); ++i) starts[i] = items_[i].start;
    read(starts.data(), starts.size(), estimates.data());
    for (size_t i = 0; i < items_.size(); ++i)  // cells of a hostile file may be NaN, which has no place in an order
      items_[i].estimate = std::isnan(estimates[i]) ? -std::numeric_limits<double>::infinity() : estimates[i];
  }

  // Moves the larger half of the capacity to the front and returns the smallest of it. Ties go by hash, so that the
  // outcome does not depend on the order of entry.
  std::vector<Candidate>::iterator nth_largest(std::vector<Candidate>& items) const {
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>(capacity_ / 2 - 1);
    std::nth_element(items.begin(), middle, items.end(), [](const Candidate& a, const Candidate& b) {
      return a.estimate > b.estimate || (a.estimate == b.estimate && a.hash < b.hash);
    });
    return middle;
  }

  template <class Read>
  void prune(Read& read) {
    estimate(read);
    floor_ = std::max(0.0, nth_largest(items_)->estimate);
    items_.resize(capacity_ / 2);
    clear_slots();
    for (const Candidate& item : items_) slots_[slot_of(item.start)] = item.start;
  }

  size_t capacity_;
  double floor_ = 0.0;
  std::vector<Candidate> items_;
  std::vector<uint64_t> slots_;  // open addressing
};

}  // namespace hypersketch
