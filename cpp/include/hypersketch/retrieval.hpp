// SPDX-License-Identifier: Apache-2.0
// Retrieval from a store of patterns: similarity, separation, projection, each pattern being read once. Work is cut by
// the numbers of queries and patterns alone, so all thread counts give the same bits; levels differ in last digits.
#pragma once

#include <limits>

#include "hypersketch/parallel.hpp"
#include "hypersketch/patterns.hpp"
#include "hypersketch/word_patterns.hpp"

namespace hypersketch {

inline constexpr size_t kQueryFloats = size_t{3} << 15;     // of a block of queries, and of their states
inline constexpr size_t kMostQueries = 192;                 // of a block
inline constexpr size_t kFlushTiles = 1024;                 // whose sums are kept in single precision
inline constexpr size_t kTasks = 16;                        // that a call is cut into where it has fewer blocks
inline constexpr size_t kLeastSpan = size_t{1} << 12;       // patterns of a task
inline constexpr size_t kRetrievalWorth = size_t{1} << 22;  // multiplications that are worth a thread
inline constexpr size_t kWordQueries = 8;                   // that are worth other forms of patterns
inline constexpr float kNegligible = 0x1p-26F;              // what all left-out weights may come to

enum class Separation { kSoftmax, kBeyond, kPower };

// What turns scores into weights; see RetrievalKernels. `exponent` is a whole number for powers.
struct Weighing {
  Separation separation;
  const float* betas;
  const float* thresholds;
  float exponent;
};

// A call's work: blocks of queries times spans of patterns.
struct Cut {
  size_t block, n_blocks, span, n_spans;
};

// `words` are the kernels that blocks are for, or null for those of floats.
inline Cut cut_of(size_t n_queries, const PatternStore& store, const WordKernels* words = nullptr) {
  const size_t group = words == nullptr ? 6 : words->group;
  const size_t floats = words == nullptr ? kQueryFloats : words->block_floats;
  const size_t room = std::clamp(floats / padded(store.dim) / group * group, group, kMostQueries / group * group);
  const size_t n_blocks = (n_queries + room - 1) / room, share = (n_queries + n_blocks - 1) / n_blocks;
  const size_t block = words == nullptr ? share : (share + group - 1) / group * group;
  const size_t most = std::max<size_t>(1, store.n / kLeastSpan);
  const size_t n_spans = std::min(most, (kTasks + n_blocks - 1) / n_blocks);
  const size_t tiles = (store.n + kTile - 1) / kTile;
  return {block, n_blocks, (tiles + n_spans - 1) / n_spans * kTile, n_spans};
}

// Calls f(task, queries [first, last), patterns [begin, end)) for every task.
template <class Function>
void for_tasks(size_t n_queries, const PatternStore& store, Cut cut, size_t threads, Function&& f) {
  const size_t worth = std::max<size_t>(1, n_queries * store.n / kRetrievalWorth * store.dim);
  parallel_for(cut.n_blocks * cut.n_spans, 1, std::min(threads, worth), [&](size_t from, size_t to) {
    for (size_t task = from; task < to; ++task) {
      const size_t first = task / cut.n_spans * cut.block, begin = task % cut.n_spans * cut.span;
      f(task, first, std::min(n_queries, first + cut.block), std::min(store.n, begin),
        std::min(store.n, begin + cut.span));
    }
  });
}

// Calls body(first, n, width, scores) for the tiles of a span; scores of places of the width without a pattern are
// `missing`.
template <class Scores, class Body>
void for_tiles(Scores& compare, size_t n_queries, size_t begin, size_t end, Similarity similarity, float missing,
               Body&& body) {
  LineBuffer scores(n_queries * kTile);
  const float *factors = similarity.factors, *offsets = similarity.offsets;
  const size_t step = compare.rows_at_once();
  for (size_t first = begin; first < end; first += step) {
    const size_t n = std::min(step, end - first), width = (n + kWidth - 1) / kWidth * kWidth;
    compare(first, n, missing, scores.data());
    if (factors != nullptr || offsets != nullptr)
      kernels().retrieval.adjust(n_queries, n, factors == nullptr ? nullptr : factors + first,
                                 offsets == nullptr ? nullptr : offsets + first, scores.data());
    body(first, n, width, scores.data());
  }
}

// What some queries have come to: states and sums relative to their maxima, in double precision.
class Totals {
 public:
  Totals() = default;
  Totals(size_t n, size_t dim, Separation separation)
      : dim_(dim),
        states_(n * dim),
        sums_(n),
        squares_(n),
        maxima_(n, separation == Separation::kSoftmax ? -std::numeric_limits<double>::infinity() : 0.0) {}

  template <class Number>
  void add(size_t q, Weighing weighing, const Number* state, double maximum, double sum, double squares) {
    const double most = std::max(maxima_[q], maximum);
    const double kept = ratio(weighing, maxima_[q], most), taken = ratio(weighing, maximum, most);
    for (size_t d = 0; d < dim_; ++d) {
      double& number = states_[q * dim_ + d];
      number = number * kept + static_cast<double>(state[d]) * taken;
    }
    sums_[q] = sums_[q] * kept + sum * taken;
    squares_[q] = squares_[q] * kept * kept + squares * taken * taken;
    maxima_[q] = most;
  }

  void add(size_t q, Weighing weighing, const Totals& other) {
    add(q, weighing, other.states_.data() + q * dim_, other.maxima_[q], other.sums_[q], other.squares_[q]);
  }

  // The weighted mean, and three numbers: maximum, sum of weights, sum of their squares.
  void write(size_t q, float* state, double* numbers) const {
    for (size_t d = 0; d < dim_; ++d)
      state[d] = sums_[q] > 0.0 ? static_cast<float>(states_[q * dim_ + d] / sums_[q]) : 0.0F;
    numbers[0] = maxima_[q];
    numbers[1] = sums_[q];
    numbers[2] = squares_[q];
  }

 private:
  static double ratio(Weighing weighing, double from, double to) {
    if (from == to || weighing.separation == Separation::kBeyond) return 1.0;
    return weighing.separation == Separation::kSoftmax ? std::exp(from - to) : std::pow(from / to, weighing.exponent);
  }

  size_t dim_ = 0;
  std::vector<double> states_, sums_, squares_, maxima_;
};

inline double sum_of_parts(const float* sums, size_t q) {
  double sum = 0.0;
  for (size_t i = q * kSoftParts; i < (q + 1) * kSoftParts; ++i) sum += static_cast<double>(sums[i]);
  return sum;
}

// One task of a retrieval.
template <class Scores, class Sums>
class Span {
 public:
  Span(Scores& scores, Sums& sums, size_t n_queries, size_t dim, Weighing weighing, Totals& totals)
      : compare_(scores),
        sum_(sums),
        n_(n_queries),
        stride_(padded(dim)),
        weighing_(weighing),
        totals_(totals),
        states_(n_ * stride_),
        restored_(stride_),
        maxima_(n_),
        sums_(n_ * kSoftParts),
        squares_(n_ * kSoftParts) {
    clear();
  }

  void run(size_t begin, size_t end, Similarity similarity, size_t n_patterns) {
    const float missing = weighing_.separation == Separation::kPower ? 0.0F : -std::numeric_limits<float>::infinity();
    const float least = std::log(kNegligible / static_cast<float>(n_patterns));
    size_t tiles = 0;
    for_tiles(compare_, n_, begin, end, similarity, missing, [&](size_t first, size_t n, size_t width, float* scores) {
      if (weigh(scores, width, least)) sum_(scores, first, n, states_.data());
      if (++tiles % kFlushTiles == 0) flush();
    });
    flush();
  }

 private:
  bool weigh(float* scores, size_t width, float least) {
    const RetrievalKernels& kernel = kernels().retrieval;
    const SoftSums sums{maxima_.data(), sums_.data(), squares_.data()};
    if (weighing_.separation == Separation::kSoftmax)
      return kernel.weigh_softmax(scores, n_, width, weighing_.betas, least, sums, states_.data(), stride_);
    if (weighing_.separation == Separation::kBeyond)
      return kernel.weigh_beyond(scores, n_, width, weighing_.betas, weighing_.thresholds, weighing_.exponent, sums);
    const auto degree = static_cast<size_t>(weighing_.exponent);
    return kernel.weigh_power(scores, n_, width, degree, sums, states_.data(), stride_);
  }

  void flush() {
    for (size_t q = 0; q < n_; ++q) {
      sum_.restore(states_.data() + q * stride_, restored_.data());
      totals_.add(q, weighing_, restored_.data(), static_cast<double>(maxima_[q]), sum_of_parts(sums_.data(), q),
                  sum_of_parts(squares_.data(), q));
    }
    clear();
  }

  void clear() {
    const bool softmax = weighing_.separation == Separation::kSoftmax;
    std::fill(maxima_.begin(), maxima_.end(), softmax ? -std::numeric_limits<float>::infinity() : 0.0F);
    std::fill(sums_.begin(), sums_.end(), 0.0F);
    std::fill(squares_.begin(), squares_.end(), 0.0F);
    std::memset(states_.data(), 0, n_ * stride_ * sizeof(float));
  }

  Scores& compare_;
  Sums& sum_;
  size_t n_, stride_;
  Weighing weighing_;
  Totals& totals_;
  LineBuffer states_, restored_;
  std::vector<float> maxima_, sums_, squares_;
};

// The queries of a block, and what goes with each.
inline FloatRows rows_between(FloatRows all, size_t first, size_t last) {
  return {all.rows + first * all.dim, last - first, all.dim};
}

inline Weighing weighing_from(Weighing all, size_t first) {
  return {all.separation, all.betas + first, all.thresholds == nullptr ? nullptr : all.thresholds + first,
          all.exponent};
}

// Whether few queries meet rows as they lie. Sums of bytes take no negative weights.
inline bool are_few(FloatRows queries, const PatternStore& store, const PatternStore& values, Similarity similarity,
                    Separation separation) {
  const bool bytes = store.type == StoreType::kInt8 || values.type == StoreType::kInt8;
  return queries.n <= kFewQueries && !similarity.distances && !(bytes && separation == Separation::kPower);
}

// To how many bits numbers and weights may be rounded for many queries: the 24 of floats, or the 8 of bfloat16.
enum class Precision { kFloat, kBfloat16 };

// One task of many queries; `Rows` are tiles of a store in the form that these take, made with some options.
template <class Rows, class Scores, class Sums, class... Options>
void retrieve_span(const PatternStore& store, const PatternStore& values, FloatRows queries, Similarity similarity,
                   Weighing weighing, size_t begin, size_t end, Totals& totals, const Options&... options) {
  const bool shared = store.rows == values.rows;
  Rows keys(store, options...);
  Rows own(shared ? PatternStore{nullptr, StoreType::kBfloat16, 0, 0, nullptr} : values, options...);
  Scores scores(keys, queries, similarity.distances);
  Sums sums(shared ? keys : own, queries.n);
  Span(scores, sums, queries.n, values.dim, weighing, totals).run(begin, end, similarity, store.n);
}

// states[q] = mean of the values, weighted by what the separation makes of the patterns' scores; of each query also the
// maximum that its weights are relative to, their sum and the sum of their squares.
inline void retrieve(const PatternStore& store, const PatternStore& values, FloatRows queries, Similarity similarity,
                     Weighing weighing, Precision precision, float* states, double* numbers, size_t threads) {
  if (queries.n == 0) return;
  const bool few = are_few(queries, store, values, similarity, weighing.separation);
  const bool narrow = precision == Precision::kBfloat16 && queries.n >= kWordQueries && !similarity.distances;
  const WordKernels* words = narrow ? word_kernels() : nullptr;
  const Cut cut = cut_of(queries.n, store, words);
  std::vector<Totals> totals(cut.n_blocks * cut.n_spans);
  for_tasks(queries.n, store, cut, threads, [&](size_t task, size_t first, size_t last, size_t begin, size_t end) {
    const size_t n = last - first;
    const FloatRows asked = rows_between(queries, first, last);
    const Weighing part = weighing_from(weighing, first);
    totals[task] = Totals(n, values.dim, weighing.separation);
    if (few) {
      DirectScores scores(store, asked, step_of(store));
      DirectSums sums(values, n);
      Span(scores, sums, n, values.dim, part, totals[task]).run(begin, end, similarity, store.n);
    } else if (words != nullptr) {
      retrieve_span<WordRows, WordScores, WordSums>(store, values, asked, similarity, part, begin, end, totals[task],
                                                    *words);
    } else {
      retrieve_span<TileRows, TurnedScores, TurnedSums>(store, values, asked, similarity, part, begin, end,
                                                        totals[task]);
    }
  });
  for (size_t block = 0; block < cut.n_blocks; ++block) {
    Totals& sum = totals[block * cut.n_spans];
    const size_t first = block * cut.block, n = std::min(queries.n, first + cut.block) - first;
    for (size_t q = 0; q < n; ++q) {
      for (size_t s = 1; s < cut.n_spans; ++s)
        sum.add(q, weighing_from(weighing, first), totals[block * cut.n_spans + s]);
      sum.write(q, states + (first + q) * values.dim, numbers + (first + q) * 3);
    }
  }
}

}  // namespace hypersketch
