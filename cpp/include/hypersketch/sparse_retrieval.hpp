// SPDX-License-Identifier: Apache-2.0
// Retrieval that looks at few patterns: those above a bound, the nearest, and those that a sparse separation leaves.
//
// A separation with weights max(0, t - tau)^g of t = beta score has one threshold tau, at which the sum of
// max(0, t - tau)^e is 1. It is at least the largest t less 1, and at least that of any part of the scores. So one pass
// keeps what is above the bound so far, and thins it out by the threshold of what it has kept. Only for queries with
// more candidates than kMostCandidates the threshold is found by passes over all scores, each a step of Newton's.
#pragma once

#include <numeric>

#include "hypersketch/retrieval.hpp"
#include "hypersketch/threshold.hpp"

namespace hypersketch {

struct Found {
  float score;
  std::uint32_t pattern;
};

// By score, best first, then by place.
inline bool better(const Found& a, const Found& b) {
  return a.score != b.score ? a.score > b.score : a.pattern < b.pattern;
}

inline SumBeyond sum_beyond(std::span<const Found> found, double beta, double tau, double exponent) {
  SumBeyond sum{0.0, 0.0};
  for (const Found& one : found) add_beyond(sum, beta * static_cast<double>(one.score) - tau, exponent);
  return sum;
}

// The threshold of some scores, none of them larger than `most`.
inline double threshold_of(std::span<const Found> found, double beta, double most, double exponent) {
  ThresholdSearch search(beta * most - 1.0);
  for (int step = 0; step < kMostSteps && !search.done(); ++step)
    search.look(sum_beyond(found, beta, search.at(), exponent));
  return search.at();
}

// What one query has found above a bound that rises.
class AboveThreshold {
 public:
  bool dense() const { return dense_; }
  double bound() const { return static_cast<double>(bound_); }
  std::span<const Found> found() const { return found_; }

  void add(const float* scores, size_t width, std::uint32_t base, double beta, double exponent) {
    if (dense_) return;
    float above[kTile];
    std::uint32_t places[kTile];
    const size_t n = kernels().retrieval.above(scores, width, bound_, base, above, places);
    if (n == 0) return;
    for (size_t i = 0; i < n; ++i) {
      found_.push_back({above[i], places[i]});
      most_ = std::max(most_, above[i]);
    }
    raise(static_cast<double>(most_) - 1.0 / beta);
    if (found_.size() + kTile > kMostCandidates) thin(beta, exponent);
  }

  void thin(double beta, double exponent) {
    drop();
    if (found_.size() + 4 * kTile < kMostCandidates) return;
    raise(threshold_of(found_, beta, static_cast<double>(most_), exponent) / beta);
    drop();
    dense_ = found_.size() + 4 * kTile >= kMostCandidates;
    if (dense_) found_ = {};
  }

 private:
  // Rounded down, and a little more, so that what is above the bound in double precision is above it here.
  void raise(double bound) {
    const double safe = bound - 4e-7 * std::fabs(bound);
    if (safe > bound_) bound_ = std::nextafter(static_cast<float>(safe), -std::numeric_limits<float>::infinity());
  }

  void drop() {
    std::erase_if(found_, [this](const Found& one) { return !(one.score > bound_); });
  }

  std::vector<Found> found_;
  float bound_ = -std::numeric_limits<float>::infinity();
  float most_ = -std::numeric_limits<float>::infinity();
  bool dense_ = false;
};

// The best k that one query has met.
class Best {
 public:
  explicit Best(size_t k = 0) : k_(k) {}

  void add(const float* scores, size_t width, std::uint32_t base) {
    float above[kTile];
    std::uint32_t places[kTile];
    const size_t n = kernels().retrieval.above(scores, width, bound_, base, above, places);
    for (size_t i = 0; i < n; ++i) found_.push_back({above[i], places[i]});
    if (found_.size() >= 2 * k_ + 8 * kTile) cut();
  }

  void add(const Best& other) { found_.insert(found_.end(), other.found_.begin(), other.found_.end()); }

  void cut() {
    if (found_.size() <= k_) return;
    std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(k_) - 1, found_.end(), better);
    found_.resize(k_);
    bound_ = found_.back().score;
  }

  std::vector<Found>& sorted() {
    cut();
    std::sort(found_.begin(), found_.end(), better);
    return found_;
  }

 private:
  size_t k_;
  std::vector<Found> found_;
  float bound_ = -std::numeric_limits<float>::infinity();
};

// Calls body(task, query, scores of a tile, their number, its first pattern) for all queries and tiles, in order within
// a task.
template <class Body>
void for_scores(const PatternStore& store, FloatRows queries, Similarity similarity, Cut cut, size_t threads,
                Body&& body) {
  for_tasks(queries.n, store, cut, threads, [&](size_t task, size_t first, size_t last, size_t begin, size_t end) {
    const FloatRows asked = rows_between(queries, first, last);
    const auto each = [&](size_t at, size_t, size_t width, const float* scores) {
      for (size_t q = first; q < last; ++q)
        body(task, q, scores + (q - first) * kTile, width, static_cast<std::uint32_t>(at));
    };
    constexpr float kMissing = -std::numeric_limits<float>::infinity();
    if (queries.n <= kFewQueries && !similarity.distances) {
      DirectScores scores(store, asked, {rows_in(store, 16 << 10), 0, 0});
      for_tiles(scores, asked.n, begin, end, similarity, kMissing, each);
    } else {
      TileRows rows(store);
      TurnedScores scores(rows, asked, similarity.distances);
      for_tiles(scores, asked.n, begin, end, similarity, kMissing, each);
    }
  });
}

// One object a query and span, and which of them a task's query has.
template <class One>
struct PerSpan {
  Cut cut;
  std::vector<One> all;

  PerSpan(Cut cut_, size_t n_queries, One first) : cut(cut_), all(n_queries * cut_.n_spans, first) {}
  One& of(size_t task, size_t q) { return all[q * cut.n_spans + task % cut.n_spans]; }
  std::span<One> of_query(size_t q) { return {all.data() + q * cut.n_spans, cut.n_spans}; }
};

// The k best patterns of every query, by score and then by place; k is at most the number of patterns.
inline void nearest(const PatternStore& store, FloatRows queries, Similarity similarity, size_t k,
                    std::int64_t* patterns, float* scores, size_t threads) {
  if (queries.n == 0) return;
  PerSpan<Best> best(cut_of(queries.n, store), queries.n, Best(k));
  for_scores(store, queries, similarity, best.cut, threads,
             [&](size_t task, size_t q, const float* of_tile, size_t width, std::uint32_t first) {
               best.of(task, q).add(of_tile, width, first);
             });
  for (size_t q = 0; q < queries.n; ++q) {
    const std::span<Best> parts = best.of_query(q);
    for (size_t s = 1; s < parts.size(); ++s) parts[0].add(parts[s]);
    const std::vector<Found>& found = parts[0].sorted();
    for (size_t i = 0; i < k; ++i) {
      patterns[q * k + i] = found[i].pattern;
      scores[q * k + i] = found[i].score;
    }
  }
}

// The patterns whose scores are above each query's bound, by place.
inline std::vector<std::vector<Found>> scores_above(const PatternStore& store, FloatRows queries, Similarity similarity,
                                                    const float* bounds, size_t threads) {
  std::vector<std::vector<Found>> found(queries.n);
  if (queries.n == 0) return found;
  PerSpan<std::vector<Found>> parts(cut_of(queries.n, store), queries.n, {});
  for_scores(store, queries, similarity, parts.cut, threads,
             [&](size_t task, size_t q, const float* of_tile, size_t width, std::uint32_t first) {
               float above[kTile];
               std::uint32_t places[kTile];
               const size_t n = kernels().retrieval.above(of_tile, width, bounds[q], first, above, places);
               for (size_t i = 0; i < n; ++i) parts.of(task, q).push_back({above[i], places[i]});
             });
  for (size_t q = 0; q < queries.n; ++q)
    for (const auto& part : parts.of_query(q)) found[q].insert(found[q].end(), part.begin(), part.end());
  return found;
}

// What a sparse separation leaves of every query: its threshold, and the patterns beyond it. Those of a dense query are
// not listed; its threshold is a lower bound.
struct Support {
  std::vector<std::vector<Found>> found;
  std::vector<double> thresholds;
  std::vector<bool> dense;
};

inline Support support_of(const PatternStore& store, FloatRows queries, Similarity similarity, const float* betas,
                          double exponent, size_t threads) {
  Support support{std::vector<std::vector<Found>>(queries.n), std::vector<double>(queries.n),
                  std::vector<bool>(queries.n)};
  if (queries.n == 0) return support;
  PerSpan<AboveThreshold> candidates(cut_of(queries.n, store), queries.n, {});
  for_scores(store, queries, similarity, candidates.cut, threads,
             [&](size_t task, size_t q, const float* of_tile, size_t width, std::uint32_t first) {
               candidates.of(task, q).add(of_tile, width, first, static_cast<double>(betas[q]), exponent);
             });
  for (size_t q = 0; q < queries.n; ++q) {
    const double beta = static_cast<double>(betas[q]);
    double least = -std::numeric_limits<double>::infinity(), most = least;
    for (const AboveThreshold& part : candidates.of_query(q)) {
      support.dense[q] = support.dense[q] || part.dense();
      least = std::max(least, part.bound());
      for (const Found& one : part.found()) most = std::max(most, static_cast<double>(one.score));
    }
    support.thresholds[q] = beta * least;
    if (support.dense[q]) continue;
    std::vector<Found>& found = support.found[q];
    for (const AboveThreshold& part : candidates.of_query(q))
      for (const Found& one : part.found())
        if (static_cast<double>(one.score) > least) found.push_back(one);
    const double tau = support.thresholds[q] = threshold_of(found, beta, most, exponent);
    std::erase_if(found, [&](const Found& one) { return beta * static_cast<double>(one.score) <= tau; });
  }
  return support;
}

// Thresholds of dense queries by passes over all scores; they begin at lower bounds.
inline void refine_thresholds(const PatternStore& store, FloatRows queries, Similarity similarity, const float* betas,
                              float exponent, double* thresholds, size_t threads) {
  if (queries.n == 0) return;
  const Cut cut = cut_of(queries.n, store);
  std::vector<ThresholdSearch> searches;
  for (size_t q = 0; q < queries.n; ++q) searches.emplace_back(thresholds[q]);
  for (int step = 0; step < kMostSteps; ++step) {
    PerSpan<SumBeyond> sums(cut, queries.n, {0.0, 0.0});
    for_scores(store, queries, similarity, cut, threads,
               [&](size_t task, size_t q, const float* of_tile, size_t width, std::uint32_t) {
                 const float tau = static_cast<float>(searches[q].at());
                 float scores[kTile], parts[2 * kSoftParts] = {}, squares[kSoftParts] = {}, maximum = 0.0F;
                 for (int i = 0; i < 2; ++i) {
                   std::memcpy(scores, of_tile, width * sizeof(float));
                   kernels().retrieval.weigh_beyond(scores, 1, width, betas + q, &tau, exponent - static_cast<float>(i),
                                                    {&maximum, parts + i * kSoftParts, squares});
                 }
                 SumBeyond& total = sums.of(task, q);
                 total.value += sum_of_parts(parts, 0);
                 total.slope -= static_cast<double>(exponent) * sum_of_parts(parts, 1);
               });
    bool done = true;
    for (size_t q = 0; q < queries.n; ++q) {
      SumBeyond total{0.0, 0.0};
      for (const SumBeyond& part : sums.of_query(q)) total = {total.value + part.value, total.slope + part.slope};
      const double before = searches[q].at();
      if (!searches[q].done()) searches[q].look(total);
      // Beyond the digits that single precision gives the scores there is nothing to find.
      done = done && std::fabs(searches[q].at() - before) <= 1e-7 * std::max(1.0, std::fabs(before));
    }
    if (done) break;
  }
  for (size_t q = 0; q < queries.n; ++q) thresholds[q] = searches[q].at();
}

// states[q] = sum over i in [starts[q], starts[q + 1]) of weights[i] * value patterns[i], in that order.
inline void sum_sparse(const PatternStore& values, const std::int64_t* starts, size_t n_queries,
                       const std::int64_t* patterns, const float* weights, float* states, size_t threads) {
  parallel_for(n_queries, 16, threads, [&](size_t begin, size_t end) {
    TileRows rows(values);
    for (size_t q = begin; q < end; ++q) {
      float* state = states + q * values.dim;
      std::memset(state, 0, values.dim * sizeof(float));
      for (std::int64_t i = starts[q]; i < starts[q + 1]; ++i)
        kernels().add_scaled(rows.rows(static_cast<size_t>(patterns[i]), 1), weights[i], values.dim, state);
    }
  });
}

}  // namespace hypersketch
