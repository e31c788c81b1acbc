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
  explicit Candidates(size_t capacity) : capacity_(capacity), index_(slots_for(capacity)) { items_.reserve(capacity); }

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

  bool contains(uint64_t start) const { return index_[slot_of(start)] != 0; }

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

  // The slot that holds the key, or the free one where it would go.
  size_t slot_of(uint64_t start) const {
    size_t slot = start & (index_.size() - 1);
    while (index_[slot] != 0 && items_[index_[slot] - 1].start != start) slot = (slot + 1) & (index_.size() - 1);
    return slot;
  }

  void insert(const Candidate& item) {
    const size_t slot = slot_of(item.start);
    if (index_[slot] != 0) return;
    items_.push_back(item);
    index_[slot] = static_cast<std::uint32_t>(items_.size());
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
    std::fill(index_.begin(), index_.end(), 0);
    for (size_t i = 0; i < items_.size(); ++i) index_[slot_of(items_[i].start)] = static_cast<std::uint32_t>(i + 1);
  }

  size_t capacity_;
  double floor_ = 0.0;
  std::vector<Candidate> items_;
  std::vector<std::uint32_t> index_;  // open addressing: number of the item plus 1, or 0
};

}  // namespace hypersketch
