// SPDX-License-Identifier: Apache-2.0
// Adding a batch of keys to a sketch, with its candidates for the heaviest keys. The batch is cut into windows; every
// row takes them in order, one thread at a time, so the cells (of floats too) and the candidates are the same for any
// number of threads. Conservative update orders whole keys, so its rows are one lane.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "hypersketch/candidates.hpp"
#include "hypersketch/count_sketch.hpp"
#include "hypersketch/parallel.hpp"

namespace hypersketch {

inline constexpr size_t kWindow = 16384;        // keys; their starts stay in the second cache
inline constexpr size_t kLoneWindow = 1 << 17;  // of one thread without candidates: a row stays longer than the starts
inline constexpr size_t kMostCopied = size_t{8} << 20;  // bytes of a sketch that every thread may have of its own
inline constexpr size_t kRing = 4;                      // windows under way
inline constexpr size_t kTests = 4;  // parts of a window whose keys are compared with the floor at the same time

template <class Cell>
struct AddBatch {
  std::span<Cell> cells;
  RowParams params;
  bool conservative;
  KeyBatch keys;
  const Weight<Cell>* weights;  // 1 each when null; no cell may leave its range
};

template <class Cell>
class Adder {
 public:
  // `candidates` may be null. They look at a window when all rows have it and none has more.
  Adder(AddBatch<Cell> batch, Candidates* candidates)
      : batch_(batch), candidates_(candidates), rows_(batch.conservative ? 1 : batch.params.depth) {
    if (candidates_ == nullptr) return;
    for (size_t i = 0; i < kTests; ++i) readers_.emplace_back(std::span<const Cell>(batch.cells), batch.params);
    hits_.resize(kTests);
  }

  void run(size_t threads) {
    if (threads <= 1 && candidates_ == nullptr) window_ = kLoneWindow;
    const size_t steps = (batch_.keys.size() + window_ - 1) / window_;
    const size_t lanes = 1 + rows_ + (candidates_ == nullptr ? 0 : kTests + 1);
    if (threads <= 1 || steps <= 2) {
      starts_.resize(std::min(window_, batch_.keys.size()));
      for (size_t step = 0; step < steps; ++step)
        for (size_t lane = 0; lane < lanes; ++lane) work(lane, step);
      return;
    }
    starts_.resize(kRing * window_);
    const size_t workers = std::min(threads, lanes);
    Lanes(lanes, steps)
        .work(
            workers, [&](size_t lane, const std::vector<size_t>& done) { return is_ready(lane, done); },
            [&](size_t thread, size_t i) { return choice(thread, workers, lanes, i); },
            [&](size_t lane, size_t step) { work(lane, step); });
  }

  // Estimates of keys by their starts, for the candidates.
  void read(const uint64_t* starts, size_t n, double* estimates) { readers_[0].read(starts, n, estimates); }

 private:
  size_t first_test() const { return 1 + rows_; }
  size_t admission() const { return first_test() + kTests; }

  bool is_ready(size_t lane, const std::vector<size_t>& done) const {
    const auto least = [&](size_t from, size_t to) {
      return *std::min_element(done.begin() + static_cast<std::ptrdiff_t>(from),
                               done.begin() + static_cast<std::ptrdiff_t>(to));
    };
    const size_t rows_done = least(1, first_test());
    const size_t released = candidates_ == nullptr ? rows_done : done[admission()];
    if (lane == 0) return done[0] < released + kRing;
    if (lane < first_test()) return done[lane] < done[0] && (candidates_ == nullptr || done[lane] == released);
    if (lane < admission()) return done[lane] < rows_done;
    return done[lane] < least(first_test(), admission());
  }

  // Later stages first, which make room for new windows; then each thread starts at its own rows, every other thread
  // going downwards, so that a row's cells mostly stay in one core's cache.
  size_t choice(size_t thread, size_t threads, size_t lanes, size_t i) const {
    const size_t others = lanes - rows_;
    if (i < others) return i + 1 < others ? lanes - 1 - i : 0;
    const size_t turn = i - others;
    if (thread % 2 == 0) return 1 + (thread * rows_ / threads + turn) % rows_;
    return 1 + ((thread + 1) * rows_ / threads - 1 + rows_ - turn) % rows_;
  }

  void work(size_t lane, size_t step) {
    const size_t first = step * window_, n = std::min(window_, batch_.keys.size() - first);
    uint64_t* const starts = starts_.data() + first % starts_.size();
    if (lane == 0)
      key_starts(batch_.keys, batch_.params.seed, first, n, starts);
    else if (lane < first_test())
      add(lane - 1, starts, first, n);
    else if (lane < admission())
      test(lane - first_test(), starts, first, n);
    else
      admit();
  }

  void add(size_t r, const uint64_t* starts, size_t first, size_t n) {
    const auto* weights = batch_.weights == nullptr ? nullptr : batch_.weights + first;
    Cell* const cells = batch_.cells.data();
    if (batch_.conservative)
      raise_cells<false>(cells, batch_.params, starts, weights, n);
    else
      row_kernels<Cell>().add(row_of(cells, batch_.params, r), starts, weights, n);
  }

  // Notes the keys of one part of a window that exceed the floor and are no candidates yet.
  void test(size_t part, const uint64_t* starts, size_t first, size_t n) {
    hits_[part].clear();
    const size_t end = n * (part + 1) / kTests;
    for (size_t begin = n * part / kTests; begin < end; begin += kReadBlock)
      test_block(part, starts + begin, first + begin, std::min(kReadBlock, end - begin));
  }

  void test_block(size_t part, const uint64_t* starts, size_t first, size_t n) {
    uint64_t others[kReadBlock];
    uint32_t places[kReadBlock];
    double estimates[kReadBlock];
    size_t count = 0;
    for (size_t i = 0; i < n; ++i) {
      others[count] = starts[i];
      places[count] = static_cast<uint32_t>(i);
      count += candidates_->seems_new(starts[i]);
    }
    count = readers_[part].keep_above(candidates_->floor(), others, places, count);
    readers_[part].read(others, count, estimates);
    for (size_t i = 0; i < count; ++i)
      hits_[part].push_back({others[i], 0, static_cast<int64_t>(first + places[i]), estimates[i]});
  }

  void admit() {
    for (auto& part : hits_)
      for (Candidate& hit : part) {
        hit.hash = batch_.keys.hash(static_cast<size_t>(hit.origin));
        candidates_->offer(hit, [this](auto... arguments) { read(arguments...); });
      }
  }

  AddBatch<Cell> batch_;
  Candidates* candidates_;
  size_t rows_;
  size_t window_ = kWindow;
  std::vector<uint64_t> starts_;
  std::vector<RowReader<Cell>> readers_;
  std::vector<std::vector<Candidate>> hits_;
};

// Whether each thread may take its part of the keys to a sketch of its own: sums of integers do not depend on their
// order, and the part must outweigh making and adding such a sketch.
template <class Cell>
bool takes_copies(const AddBatch<Cell>& batch, size_t threads) {
  return std::is_integral_v<Cell> && threads > 1 && !batch.conservative && batch.cells.size_bytes() <= kMostCopied &&
         batch.keys.size() / threads >= std::max(kWindow, batch.cells.size());
}

template <class Cell>
void add_by_copies(AddBatch<Cell> batch, size_t threads) {
  const size_t size = batch.cells.size(), n = batch.keys.size();
  std::vector<Cell> copies((threads - 1) * size);  // before anything is changed
  parallel_for(threads, 1, threads, [&](size_t part, size_t) {
    const size_t first = n * part / threads, last = n * (part + 1) / threads;
    AddBatch<Cell> mine = batch;
    if (part > 0) mine.cells = std::span(copies).subspan((part - 1) * size, size);
    mine.keys = batch.keys.part(first, last);
    if (batch.weights != nullptr) mine.weights = batch.weights + first;
    Adder<Cell>(mine, nullptr).run(1);
  });
  parallel_for(size, 4096, threads, [&](size_t begin, size_t end) {
    for (const Cell* copy = copies.data(); copy != copies.data() + copies.size(); copy += size)
      for (size_t i = begin; i < end; ++i) batch.cells[i] = static_cast<Cell>(batch.cells[i] + copy[i]);
  });
}

template <class Cell>
void sketch_add(AddBatch<Cell> batch, size_t threads) {
  if (takes_copies(batch, threads)) return add_by_copies(batch, threads);
  Adder<Cell>(batch, nullptr).run(threads);
}

// The same with candidates, of which `hashes` lists those of earlier batches.
template <class Cell>
Candidates sketch_track(AddBatch<Cell> batch, std::span<const uint64_t> hashes, size_t capacity, size_t threads) {
  Candidates candidates(capacity);
  Adder<Cell> adder(batch, &candidates);
  std::vector<Candidate> earlier;
  for (const uint64_t hash : hashes) {
    const uint64_t start = stream_start(seed_word(batch.params.seed, Purpose::kRow), hash);
    earlier.push_back({start, hash, -1, 0.0});
  }
  candidates.resume(earlier, [&](auto... arguments) { adder.read(arguments...); });
  adder.run(threads);
  return candidates;
}

}  // namespace hypersketch
