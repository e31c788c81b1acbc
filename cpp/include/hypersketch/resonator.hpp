// SPDX-License-Identifier: Apache-2.0
// Resonator networks on packed vectors (Frady, Kent, Olshausen & Sommer 2020): which codewords, one of each book, have
// the given product. A factor's estimate is cleaned by its book, x <- sign(X X^T (s o product of the others)), until
// the codewords that the books find most alike multiply to s, the state repeats, or the budget is spent.
//
// Bottleneck: the product with a book and its transpose. Codewords lie by columns for the first, which is popcounts
// (column_dot), and by rows for the second, which is carry-save adders (weigh_rows). Everything stays in the first two
// caches; probes share nothing and go to threads one by one.
#pragma once

#include <algorithm>
#include <atomic>
#include <span>
#include <vector>

#include "hypersketch/bits.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/random.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

using std::int32_t;
using std::int64_t;

inline size_t line_stride(size_t n_words) {
  constexpr size_t kLineWords64 = kLineBytes / sizeof(uint64_t);
  return (n_words + kLineWords64 - 1) / kLineWords64 * kLineWords64;
}

// Cleared words that begin with a cache line.
class LineWords {
 public:
  explicit LineWords(size_t n = 0) : storage_(n + kLineBytes / sizeof(uint64_t)) {}
  uint64_t* data() const {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return const_cast<uint64_t*>(storage_.data()) + (kLineBytes - address % kLineBytes) % kLineBytes / sizeof(uint64_t);
  }

 private:
  std::vector<uint64_t> storage_;
};

// What stays the same for all probes. Inner products are numbers in [-D, D].
struct ResonatorRule {
  size_t dim;
  bool synchronous;   // all factors are updated from the state before, not one after the other
  uint64_t seed;      // of the noise
  int64_t noise;      // 2^16 / 8 times the standard deviation of what is added to every inner product
  int32_t threshold;  // inner products below it in magnitude count as 0
  int64_t accept;     // the inner product of probe and found product that is a solution
  size_t budget;      // sweeps over all factors
};

// A factor's codewords, by rows and by columns.
class Codebook {
 public:
  Codebook(const uint64_t* packed, size_t n, size_t dim)
      : n_(n),
        n_words_(words_for(dim)),
        stride_(line_stride(n_words_)),
        rows_(n * stride_),
        columns_(n * n_words_),
        constants_(n) {
    for (size_t i = 0; i < n; ++i) {
      size_t ones = 0;
      for (size_t j = 0; j < n_words_; ++j) {
        const uint64_t word = packed[i * n_words_ + j];
        rows_.data()[i * stride_ + j] = columns_[j * n + i] = word;
        ones += count_ones(word);
      }
      constants_[i] = static_cast<int32_t>(dim) - 2 * static_cast<int32_t>(ones);
    }
  }

  size_t size() const { return n_; }
  RowBatch rows() const { return {row(0), n_, stride_, nullptr}; }
  const uint64_t* row(size_t i) const { return rows_.data() + i * stride_; }

  // Inner products of a vector with all codewords: D - 2 |x| - 2 |z| + 4 |x & z|.
  void products(const uint64_t* z, int64_t* scratch, int32_t* out) const {
    constexpr int64_t kCoefficient = 4;
    int32_t ones = 0;
    for (size_t j = 0; j < n_words_; ++j) ones += static_cast<int32_t>(count_ones(z[j]));
    kernels().column_dot(columns_.data(), n_, n_, {z, &kCoefficient, 1, n_words_}, scratch);
    for (size_t i = 0; i < n_; ++i) out[i] = static_cast<int32_t>(scratch[i]) + constants_[i] - 2 * ones;
  }

 private:
  size_t n_, n_words_, stride_;
  LineWords rows_;
  std::vector<uint64_t> columns_;
  std::vector<int32_t> constants_;
};

// What is known of a probe at the end. The period is 1 for a state that no sweep changes, n > 1 for one that comes back
// after n sweeps, 0 for none seen.
struct Resonated {
  int64_t* codewords;  // one a factor
  int64_t product;     // inner product of the probe and the codewords' product
  int64_t sweeps;
  int64_t period;
};

// One thread's state and scratch.
class Resonance {
 public:
  Resonance(const ResonatorRule& rule, std::span<const Codebook> books, const uint64_t* start)
      : rule_(rule),
        books_(books),
        start_(start),
        n_words_(words_for(rule.dim)),
        stride_(line_stride(n_words_)),
        state_(books.size() * stride_),
        next_(books.size() * stride_),
        seen_(books.size() * stride_),
        probe_(stride_),
        rest_(stride_) {
    size_t most = 0;
    for (const Codebook& book : books) most = std::max(most, book.size());
    scores_.resize(most);
    weights_.resize(most);
    digits_.resize(2 * most + 32);
    rows_.resize(most * kMostDigits + 16);
    carries_ = LineWords(4 * (most + 2) * kLineBytes / sizeof(uint64_t));
  }

  void run(const uint64_t* probe, uint64_t hash, Resonated& out) {
    std::copy_n(probe, n_words_, probe_.begin());
    for (size_t f = 0; f < books_.size(); ++f) std::copy_n(start_ + f * n_words_, n_words_, at(state_, f));
    stream_ = stream_start(seed_word(rule_.seed, Purpose::kResonator), hash);
    drawn_ = 0;
    seen_ = state_;
    size_t seen_at = 0;
    out.period = 0;
    for (out.sweeps = 1;; ++out.sweeps) {
      const auto sweep = static_cast<size_t>(out.sweeps);
      const bool changed = step(out.codewords);
      out.product = product_with_probe(out.codewords);
      if (out.product >= rule_.accept || -out.product >= rule_.accept) return;
      if (rule_.noise == 0) {
        if (!changed)
          out.period = 1;
        else if (state_ == seen_)
          out.period = static_cast<int64_t>(sweep - seen_at);
        if (out.period != 0) return;
      }
      if (sweep == rule_.budget) return;
      if (sweep == 2 * seen_at + 1) {  // Brent's way to find a cycle: look back at ever longer distances
        seen_ = state_;
        seen_at = sweep;
      }
    }
  }

 private:
  uint64_t* at(std::vector<uint64_t>& vectors, size_t f) const { return vectors.data() + f * stride_; }

  // One sweep over all factors. Returns whether it changed the state.
  bool step(int64_t* codewords) {
    bool changed = false;
    for (size_t f = 0; f < books_.size(); ++f) {
      others(f);
      codewords[f] = weigh(books_[f]);
      uint64_t* const cleaned = at(next_, f);
      kernels().weigh_rows(books_[f].rows(), weights_.data(), at(state_, f),
                           {digits_.data(), rows_.data(), carries_.data()}, cleaned);
      trim(cleaned);
      changed |= !std::equal(cleaned, cleaned + n_words_, at(state_, f));
      if (!rule_.synchronous) std::copy_n(cleaned, stride_, at(state_, f));
    }
    if (rule_.synchronous) state_.swap(next_);
    return changed;
  }

  // The probe without the estimates of all factors but f.
  void others(size_t f) {
    std::copy(probe_.begin(), probe_.end(), rest_.begin());
    for (size_t g = 0; g < books_.size(); ++g) {
      if (g == f) continue;
      const uint64_t* const estimate = at(state_, g);
      for (size_t j = 0; j < n_words_; ++j) rest_[j] ^= estimate[j];
    }
  }

  // Weights of the codewords; returns the one most alike, of equals the first.
  int64_t weigh(const Codebook& book) {
    book.products(rest_.data(), scores_.data(), weights_.data());
    size_t best = 0;
    for (size_t i = 1; i < book.size(); ++i)
      if (std::abs(weights_[i]) > std::abs(weights_[best])) best = i;
    if (rule_.noise != 0)
      for (size_t i = 0; i < book.size(); ++i)
        weights_[i] = static_cast<int32_t>(
            std::clamp<int64_t>(weights_[i] + draw_noise(), -int64_t{kMaxWeighed}, int64_t{kMaxWeighed}));
    if (rule_.threshold > 0)
      for (size_t i = 0; i < book.size(); ++i)
        if (std::abs(weights_[i]) < rule_.threshold) weights_[i] = 0;
    return static_cast<int64_t>(best);
  }

  // Of 256 random bits the number set, 128 +- 8: integers, so that noise is the same everywhere.
  int64_t draw_noise() {
    int64_t ones = 0;
    for (int k = 0; k < 4; ++k) ones += static_cast<int64_t>(count_ones(random_word(stream_, drawn_++)));
    return ((ones - 128) * rule_.noise + (1 << 15)) >> 16;
  }

  void trim(uint64_t* vector) const {
    vector[n_words_ - 1] &= tail_mask(rule_.dim);
    std::fill(vector + n_words_, vector + stride_, 0);
  }

  int64_t product_with_probe(const int64_t* codewords) {
    std::copy(probe_.begin(), probe_.end(), rest_.begin());
    for (size_t f = 0; f < books_.size(); ++f) {
      const uint64_t* const row = books_[f].row(static_cast<size_t>(codewords[f]));
      for (size_t j = 0; j < n_words_; ++j) rest_[j] ^= row[j];
    }
    int64_t ones = 0;
    for (size_t j = 0; j < n_words_; ++j) ones += static_cast<int64_t>(count_ones(rest_[j]));
    return static_cast<int64_t>(rule_.dim) - 2 * ones;
  }

  const ResonatorRule& rule_;
  std::span<const Codebook> books_;
  const uint64_t* start_;
  size_t n_words_, stride_;
  std::vector<uint64_t> state_, next_, seen_, probe_, rest_;
  std::vector<int64_t> scores_;
  std::vector<int32_t> weights_;
  LineWords carries_;
  std::vector<std::uint32_t> digits_, rows_;
  uint64_t stream_ = 0, drawn_ = 0;
};

struct Probes {
  const uint64_t* vectors;
  const uint64_t* hashes;  // what a probe's noise depends on
  size_t n;
};

// Columns of what is found: row i of `codewords` has one for every factor.
struct ResonatorResults {
  int64_t* codewords;
  int64_t* products;
  int64_t* sweeps;
  int64_t* periods;
};

// `start` has the first estimate of every factor.
inline void resonate(const ResonatorRule& rule, std::span<const Codebook> books, const uint64_t* start, Probes probes,
                     ResonatorResults results, size_t threads) {
  const size_t n_words = words_for(rule.dim);
  std::atomic<size_t> next = 0;  // probes take very different times
  const size_t workers = std::min(threads, std::max<size_t>(1, probes.n));
  parallel_for(workers, 1, workers, [&](size_t, size_t) {
    Resonance resonance(rule, books, start);
    for (size_t i = next++; i < probes.n; i = next++) {
      Resonated found{results.codewords + i * books.size(), 0, 0, 0};
      resonance.run(probes.vectors + i * n_words, probes.hashes[i], found);
      results.products[i] = found.product;
      results.sweeps[i] = found.sweeps;
      results.periods[i] = found.period;
    }
  });
}

}  // namespace hypersketch
