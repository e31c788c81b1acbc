// SPDX-License-Identifier: Apache-2.0
// Recall of packed patterns: states of -1 and +1 that follow the energy E = -sum over patterns of F(overlap).
//
// A unit turns when that lowers the energy: F(o) - F(o -+ 2), o the overlap of a pattern, summed over patterns. As a
// function of the Hamming distance d = (N - o) / 2 that is a weight of every pattern, F(o + 2) - F(o - 2), and an
// offset for all units, 2 F(o) - F(o - 2) - F(o + 2): the field of unit i is sum of weight * pattern_i + offset *
// state_i. For F(x) = x^2 this is Hopfield's network with zero diagonal (8 times), whose matrix is never formed.
//
// Bottleneck: synchronous updates with weights below 2^29 are popcounts (column_dot) and carry-save adders
// (weigh_rows); all others one addition a unit and pattern (signed_sum). Probes share nothing and go to threads.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "hypersketch/resonator.hpp"
#include "hypersketch/sweeps.hpp"

namespace hypersketch {

// Numbers by Hamming distance: mantissa * 2^exponent.
struct ScaledNumbers {
  const double* mantissas;
  const int32_t* exponents;
};

struct RecallTable {
  ScaledNumbers weights, offsets, energies;
  const int32_t* whole_weights;  // the same as integers, at most kMaxWeighed; null where one is larger
  const int64_t* whole_offsets;
  bool exact;  // all weights and offsets are integers, and their exponents 0
};

// What is known of a probe at the end; its energy is minus value * 2^exponent.
struct Recalled {
  double value;
  int64_t exponent;
  int64_t sweeps;
  bool converged;
  bool cycle;
};

// mantissa * 2^power for power <= 0; what would be subnormal is 0.
inline double scaled_down(double mantissa, int64_t power) {
  if (power == 0) return mantissa;
  return power < -1000 ? 0.0 : mantissa * std::bit_cast<double>(static_cast<uint64_t>(1023 + power) << 52);
}

inline bool bit_at(const uint64_t* words, size_t i) { return ((words[i / kWordBits] >> (i % kWordBits)) & 1) != 0; }
inline void turn_bit(uint64_t* words, size_t i) { words[i / kWordBits] ^= uint64_t{1} << (i % kWordBits); }

// The patterns by rows with a row to spare for every worker's state, by columns of words, and by units.
class PatternBook {
 public:
  PatternBook(const uint64_t* packed, size_t n, size_t dim, size_t workers, bool by_units)
      : n_(n),
        dim_(dim),
        n_words_(words_for(dim)),
        stride_(line_stride(n_words_)),
        rows_((n + workers) * stride_),
        columns_(n * n_words_),
        unit_words_(words_for(n)),
        row_ones_(n) {
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n_words_; ++j) {
        const uint64_t word = packed[i * n_words_ + j];
        rows_.data()[i * stride_ + j] = columns_[j * n + i] = word;
        row_ones_[i] += static_cast<int64_t>(count_ones(word));
      }
    if (by_units) turn();
  }

  size_t size() const { return n_; }
  size_t dim() const { return dim_; }
  size_t n_words() const { return n_words_; }
  size_t stride() const { return stride_; }
  uint64_t* row(size_t i) const { return rows_.data() + i * stride_; }
  bool has_units() const { return !units_.empty(); }
  // Bit m: entry of pattern m at the unit.
  const uint64_t* unit(size_t i) const { return units_.data() + i * unit_words_; }
  size_t unit_words() const { return unit_words_; }

  // |x| + |z| - 2 |x & z| for every pattern x.
  void distances(const uint64_t* state, int64_t* out) const {
    constexpr int64_t kCoefficient = -2;
    int64_t ones = 0;
    for (size_t j = 0; j < n_words_; ++j) ones += static_cast<int64_t>(count_ones(state[j]));
    kernels().column_dot(columns_.data(), n_, n_, {state, &kCoefficient, 1, n_words_}, out);
    for (size_t i = 0; i < n_; ++i) out[i] += ones + row_ones_[i];
  }

 private:
  void turn() {
    units_.assign(dim_ * unit_words_, 0);
    for (size_t m = 0; m < n_; ++m)
      for (size_t j = 0; j < n_words_; ++j)
        for (uint64_t left = row(m)[j]; left != 0; left &= left - 1) {
          const size_t i = j * kWordBits + static_cast<size_t>(std::countr_zero(left));
          units_[i * unit_words_ + m / kWordBits] |= uint64_t{1} << (m % kWordBits);
        }
  }

  size_t n_, dim_, n_words_, stride_;
  LineWords rows_;
  std::vector<uint64_t> columns_;
  size_t unit_words_;
  std::vector<uint64_t> units_;
  std::vector<int64_t> row_ones_;
};

// One thread's state and scratch for recall through the patterns.
class PatternRecall {
 public:
  PatternRecall(const PatternBook& book, const RecallTable& table, size_t worker)
      : book_(book),
        table_(table),
        n_(book.size()),
        own_(n_ + worker),
        distances_(n_),
        values_(book.unit_words() * kWordBits) {
    const size_t stride = book.stride();
    next_ = LineWords(stride);
    before_.resize(stride);
    if (table.whole_weights == nullptr) return;
    weights_.assign(own_ + 1, 0);  // rows of other workers weigh nothing
    digits_.resize(2 * weights_.size() + 32);
    rows_.resize(weights_.size() * kMostDigits + 16);
    carries_ = LineWords(4 * (weights_.size() + 2) * kLineBytes / sizeof(uint64_t));
  }

  void run(const RecallRule& rule, uint64_t* probe, Recalled& out) {
    std::fill_n(state(), book_.stride(), 0);
    std::copy_n(probe, book_.n_words(), state());
    out.converged = out.cycle = false;
    out.sweeps = 0;
    if (rule.synchronous)
      settle(rule, out);
    else
      walk(rule, out);
    std::copy_n(state(), book_.n_words(), probe);
    book_.distances(state(), distances_.data());
    energy(out);
  }

 private:
  uint64_t* state() const { return book_.row(own_); }

  void settle(const RecallRule& rule, Recalled& out) {
    const size_t n_words = book_.n_words();
    while (static_cast<size_t>(out.sweeps) < rule.budget) {
      step();
      ++out.sweeps;
      out.converged = std::equal(next_.data(), next_.data() + n_words, state());
      if (out.converged) return;
      out.cycle = out.sweeps > 1 && std::equal(next_.data(), next_.data() + n_words, before_.data());
      std::copy_n(state(), n_words, before_.data());
      std::copy_n(next_.data(), n_words, state());
      if (out.cycle) return;
    }
  }

  // All units at once, into next_.
  void step() {
    book_.distances(state(), distances_.data());
    if (table_.whole_weights != nullptr && whole_step()) return;
    refresh();
    std::copy_n(state(), book_.stride(), next_.data());
    for (size_t i = 0; i < book_.dim(); ++i)
      if (turns(i)) turn_bit(next_.data(), i);
  }

  bool whole_step() {
    int64_t offset = 0;
    for (size_t m = 0; m < n_; ++m) {
      weights_[m] = table_.whole_weights[distances_[m]];
      offset += table_.whole_offsets[distances_[m]];
    }
    if (offset > kMaxWeighed || offset < -kMaxWeighed) return false;
    weights_[own_] = static_cast<int32_t>(offset);
    kernels().weigh_rows({book_.row(0), weights_.size(), book_.stride(), nullptr}, weights_.data(), state(),
                         {digits_.data(), rows_.data(), carries_.data()}, next_.data());
    next_.data()[book_.n_words() - 1] &= tail_mask(book_.dim());
    std::fill(next_.data() + book_.n_words(), next_.data() + book_.stride(), 0);
    return true;
  }

  // Weights of all patterns, the offset, and the field below which a unit's sign is not certain.
  void refresh() {
    int64_t top = table_.exact ? 0 : std::numeric_limits<int64_t>::min();
    if (!table_.exact)
      for (size_t m = 0; m < n_; ++m)
        top =
            std::max<int64_t>({top, table_.weights.exponents[distances_[m]], table_.offsets.exponents[distances_[m]]});
    double total = 0;
    offset_ = 0;
    for (size_t m = 0; m < n_; ++m) {
      const auto d = static_cast<size_t>(distances_[m]);
      values_[m] = scaled_down(table_.weights.mantissas[d], table_.weights.exponents[d] - top);
      const double offset = scaled_down(table_.offsets.mantissas[d], table_.offsets.exponents[d] - top);
      offset_ += offset;
      total += std::abs(values_[m]) + std::abs(offset);
    }
    constexpr double kExact = 9007199254740992.0, kTwoRoundings = 2.220446049250313e-16;
    guard_ = table_.exact && total < kExact ? 0.0 : static_cast<double>(n_ + 16) * kTwoRoundings * total;
  }

  bool turns(size_t i) const {
    const double sum = kernels().signed_sum(book_.unit(i), values_.data(), book_.unit_words());
    return (bit_at(state(), i) ? -sum : sum) + offset_ < -guard_;
  }

  void walk(const RecallRule& rule, Recalled& out) {
    book_.distances(state(), distances_.data());
    refresh();
    while (!out.converged && static_cast<size_t>(out.sweeps) < rule.budget) {
      order_units(rule, static_cast<size_t>(out.sweeps), units_);
      out.converged = true;
      for (const size_t i : units_) {
        if (!turns(i)) continue;
        out.converged = false;
        turn_bit(state(), i);
        const uint64_t now = bit_at(state(), i) ? ~uint64_t{0} : 0;
        const uint64_t* const entries = book_.unit(i);
        for (size_t m = 0; m < n_; ++m)
          distances_[m] += 2 * static_cast<int64_t>(((entries[m / kWordBits] ^ now) >> (m % kWordBits)) & 1) - 1;
        refresh();
      }
      ++out.sweeps;
    }
  }

  void energy(Recalled& out) const {
    const ScaledNumbers& numbers = table_.energies;
    int64_t top = std::numeric_limits<int32_t>::min();
    for (const int64_t d : distances_) top = std::max<int64_t>(top, numbers.exponents[d]);
    out.value = 0;
    out.exponent = top;
    for (const int64_t d : distances_) out.value += scaled_down(numbers.mantissas[d], numbers.exponents[d] - top);
  }

  const PatternBook& book_;
  const RecallTable& table_;
  size_t n_, own_;
  std::vector<int64_t> distances_;
  std::vector<double> values_;
  double offset_ = 0, guard_ = 0;
  LineWords next_{0};
  std::vector<uint64_t> before_;
  std::vector<size_t> units_;
  std::vector<int32_t> weights_;
  LineWords carries_{0};
  std::vector<std::uint32_t> digits_, rows_;
};

// Recall through Hopfield's matrix: the sum of x x^T over patterns, with zero diagonal, as N x N integers.
class MatrixRecall {
 public:
  MatrixRecall(const int32_t* matrix, size_t dim) : matrix_(matrix), dim_(dim), state_(words_for(dim)), field_(dim) {}

  void run(const RecallRule& rule, uint64_t* probe, Recalled& out) {
    std::copy_n(probe, state_.size(), state_.data());
    std::fill(field_.begin(), field_.end(), 0);
    for (size_t i = 0; i < dim_; ++i) add(i, sign(i));
    out.converged = out.cycle = false;
    out.sweeps = 0;
    std::vector<size_t> before;
    while (!out.converged && !out.cycle && static_cast<size_t>(out.sweeps) < rule.budget) {
      turned_.clear();
      rule.synchronous ? settle() : walk(rule, static_cast<size_t>(out.sweeps));
      ++out.sweeps;
      out.converged = turned_.empty();
      out.cycle = rule.synchronous && !out.converged && turned_ == before;
      before.swap(turned_);
    }
    std::copy_n(state_.data(), state_.size(), probe);
    int64_t twice = 0;
    for (size_t i = 0; i < dim_; ++i) twice += int64_t{sign(i)} * field_[i];
    out.value = static_cast<double>(twice);
    out.exponent = 0;
  }

 private:
  int32_t sign(size_t i) const { return bit_at(state_.data(), i) ? -1 : 1; }
  void add(size_t i, int32_t factor) { kernels().add_multiple(matrix_ + i * dim_, factor, dim_, field_.data()); }
  bool turns(size_t i) const { return bit_at(state_.data(), i) ? field_[i] > 0 : field_[i] < 0; }
  void turn(size_t i) {
    turn_bit(state_.data(), i);
    add(i, 2 * sign(i));
  }
  void settle() {
    for (size_t i = 0; i < dim_; ++i)
      if (turns(i)) turned_.push_back(i);
    for (const size_t i : turned_) turn(i);
  }
  void walk(const RecallRule& rule, size_t sweep) {
    order_units(rule, sweep, units_);
    for (const size_t i : units_) {
      if (!turns(i)) continue;
      turned_.push_back(i);
      turn(i);
    }
  }

  const int32_t* matrix_;
  size_t dim_;
  std::vector<uint64_t> state_;
  std::vector<int32_t> field_;
  std::vector<size_t> units_, turned_;
};

// Columns of what is found, one entry a probe.
struct RecallResults {
  double* values;
  int64_t* exponents;
  int64_t* sweeps;
  bool* converged;
  bool* cycles;
};

// Calls make(worker) once a thread and its run for every probe; probes take very different times.
template <class Make>
void recall_probes(const RecallRule& rule, uint64_t* probes, size_t n, RecallResults results, size_t workers,
                   Make&& make) {
  std::atomic<size_t> next = 0;
  parallel_for(workers, 1, workers, [&](size_t worker, size_t) {
    auto one = make(worker);
    for (size_t i = next++; i < n; i = next++) {
      Recalled found{};
      one.run(rule, probes + i * words_for(rule.dim), found);
      results.values[i] = found.value;
      results.exponents[i] = found.exponent;
      results.sweeps[i] = found.sweeps;
      results.converged[i] = found.converged;
      results.cycles[i] = found.cycle;
    }
  });
}

// The matrix of patterns that lie in lines: row a is the bundle of the patterns, negated where they have -1 at a.
inline void hebb_matrix(const PatternBook& book, int32_t* matrix, size_t threads) {
  const size_t dim = book.dim();
  std::fill_n(matrix, dim * dim, 0);
  parallel_for(dim, 1, threads, [&](size_t begin, size_t end) {
    uint64_t flips[kMaxBatch];
    for (size_t first = 0; first < book.size(); first += kMaxBatch) {
      const size_t n = std::min(kMaxBatch, book.size() - first);
      for (size_t a = begin; a < end; ++a) {
        for (size_t i = 0; i < n; ++i) flips[i] = bit_at(book.row(first + i), a) ? ~uint64_t{0} : 0;
        kernels().row_accumulate({book.row(first), n, book.stride(), flips}, 1,
                                 {matrix + a * dim, dim, 0, words_for(dim)});
      }
    }
    for (size_t a = begin; a < end; ++a) matrix[a * dim + a] = 0;
  });
}

}  // namespace hypersketch
