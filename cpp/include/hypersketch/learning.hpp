// SPDX-License-Identifier: Apache-2.0
// Class vectors that learn from encoded rows: rows times a random matrix, products with the classes, passes in which
// rows correct the classes. All thread counts give the same bits; so do all levels, but for the last digits of the
// rows times the matrix.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

inline constexpr size_t kExpandGrain = 48;                        // rows; whole tiles of the kernels
inline constexpr size_t kStripsAtOnce = 4;                        // strips that a block of rows meets in turn
inline constexpr size_t kProductGrain = 16;                       // rows; whole tiles of the kernels
inline constexpr size_t kProductsWorthThreads = size_t{1} << 24;  // multiplications of a batch

// A matrix of n_features lines of dim numbers; with phases and offsets a product p becomes sin(p + phase) - offset.
struct Expansion {
  const float* matrix;
  const float* phases;  // null for plain products
  const float* offsets;
  size_t n_features, dim;
};

// A line of kStrip columns, aligned for the widest loads.
struct alignas(kLineBytes) Strip {
  float columns[kStrip];
};

// Copies columns [first, first + kStrip) of the matrix line by line, zeros beyond its end.
inline void copy_strip(Expansion expansion, size_t first, float* strip) {
  const size_t count = std::min(kStrip, expansion.dim - first);
  for (size_t f = 0; f < expansion.n_features; ++f) {
    std::memcpy(strip + f * kStrip, expansion.matrix + f * expansion.dim + first, count * sizeof(float));
    std::memset(strip + f * kStrip + count, 0, (kStrip - count) * sizeof(float));
  }
}

inline void copy_line(const float* line, size_t first, size_t dim, float* to) {
  std::memset(to, 0, kStrip * sizeof(float));
  std::memcpy(to, line + first, std::min(kStrip, dim - first) * sizeof(float));
}

// Row i of `out` is row i of `rows`, n_features numbers, times the matrix.
inline void expand(const float* rows, size_t n, Expansion expansion, float* out, size_t threads) {
  const Kernels& kernel = kernels();
  const size_t n_features = expansion.n_features, dim = expansion.dim;
  parallel_for(n, kExpandGrain, threads, [&](size_t begin, size_t end) {
    std::vector<Strip> strips(kStripsAtOnce * std::max<size_t>(1, n_features));
    float lines[2][kStripsAtOnce][kStrip];
    for (size_t first = 0; first < dim; first += kStripsAtOnce * kStrip) {
      const size_t count = std::min(kStripsAtOnce, (dim - first + kStrip - 1) / kStrip);
      for (size_t s = 0; s < count; ++s) {
        copy_strip(expansion, first + s * kStrip, strips[s * n_features].columns);
        if (expansion.phases == nullptr) continue;
        copy_line(expansion.phases, first + s * kStrip, dim, lines[0][s]);
        copy_line(expansion.offsets, first + s * kStrip, dim, lines[1][s]);
      }
      for (size_t i = begin; i < end; i += kExpandGrain)
        for (size_t s = 0; s < count; ++s) {
          const size_t column = first + s * kStrip;
          kernel.expand_rows(rows + i * n_features, std::min(kExpandGrain, end - i), n_features,
                             strips[s * n_features].columns, expansion.phases == nullptr ? nullptr : lines[0][s],
                             lines[1][s], std::min(kStrip, dim - column), out + i * dim + column, dim);
        }
    }
  });
}

// out[i * n_vectors + c] = inner product of row i and vector c.
inline void products(const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim, float* out,
                     size_t threads) {
  const Kernels& kernel = kernels();
  if (n * n_vectors * dim < kProductsWorthThreads) threads = 1;
  parallel_for(n, kProductGrain, threads, [&](size_t begin, size_t end) {
    kernel.inner_products(rows + begin * dim, end - begin, vectors, n_vectors, dim, out + begin * n_vectors);
  });
}

// out[i] = length of row i, never 0.
inline void lengths(const float* rows, size_t n, size_t dim, float* out, size_t threads) {
  const Kernels& kernel = kernels();
  parallel_for(n, kProductGrain, n * dim < kProductsWorthThreads ? 1 : threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernel.inner_products(rows + i * dim, 1, rows + i * dim, 1, dim, out + i);
      out[i] = std::max(std::sqrt(out[i]), std::numeric_limits<float>::min());
    }
  });
}

struct LearningRule {
  float learning_rate;
  float margin;      // a class wins clearly when its cosine exceeds every other by more
  bool by_distance;  // corrections are the smaller the nearer a class vector is already (OnlineHD)
  bool binarized;    // rows meet the signs of the class vectors (QuantHD)
};

struct EncodedRows {
  const float* rows;
  const float* lengths;
  const std::int64_t* targets;
  const float* weights;  // null: 1 each
  size_t n, dim;
};

struct PassCounts {
  size_t corrected = 0, mistaken = 0;
};

// Class vectors while rows correct them, and what is known about each.
class Classes {
 public:
  Classes(float* vectors, size_t n, size_t dim, LearningRule rule)
      : vectors_(vectors), n_(n), dim_(dim), rule_(rule), lengths_(n), stale_(n, true), scores_(n) {
    if (rule.binarized) signs_.resize(n * dim);
  }

  // Rows [begin, end) meet the classes as they are now, and correct them afterwards, in their order.
  PassCounts learn(EncodedRows given, size_t begin, size_t end, size_t threads) {
    refresh();
    const size_t count = end - begin;
    products_.resize(count * n_);
    products(given.rows + begin * dim_, count, seen(), n_, dim_, products_.data(), threads);
    PassCounts counts;
    for (size_t i = 0; i < count; ++i) correct(given, begin + i, products_.data() + i * n_, counts);
    return counts;
  }

 private:
  const float* seen() const { return rule_.binarized ? signs_.data() : vectors_; }

  void refresh() {
    for (size_t c = 0; c < n_; ++c) {
      if (!stale_[c]) continue;
      if (rule_.binarized)
        for (size_t d = 0; d < dim_; ++d) {
          const float x = vectors_[c * dim_ + d];
          signs_[c * dim_ + d] = static_cast<float>((x > 0) - (x < 0));
        }
      lengths(seen() + c * dim_, 1, dim_, &lengths_[c], 1);
      stale_[c] = false;
    }
  }

  void correct(EncodedRows given, size_t row, const float* dots, PassCounts& counts) {
    const auto own = static_cast<size_t>(given.targets[row]);
    size_t rival = own == 0 ? 1 : 0;
    for (size_t c = 0; c < n_; ++c) {
      scores_[c] = dots[c] / lengths_[c] / given.lengths[row];
      if (c != own && scores_[c] > scores_[rival]) rival = c;
    }
    if (scores_[own] <= scores_[rival]) ++counts.mistaken;
    if (scores_[own] - scores_[rival] > rule_.margin) return;
    ++counts.corrected;
    const float step = rule_.learning_rate * (given.weights == nullptr ? 1.0F : given.weights[row]);
    add(own, step * (rule_.by_distance ? 1.0F - scores_[own] : 1.0F), given.rows + row * dim_);
    add(rival, -step * (rule_.by_distance ? 1.0F - scores_[rival] : 1.0F), given.rows + row * dim_);
  }

  void add(size_t c, float factor, const float* row) {
    kernels().add_scaled(row, factor, dim_, vectors_ + c * dim_);
    stale_[c] = true;
  }

  float* vectors_;
  size_t n_, dim_;
  LearningRule rule_;
  std::vector<float> lengths_;
  std::vector<bool> stale_;
  std::vector<float> scores_, products_, signs_;
};

// Goes through the batches in `order`; batch b is rows [b * batch_size, (b + 1) * batch_size). Classes are at least 2.
inline PassCounts learn_pass(EncodedRows given, std::span<const std::int64_t> order, size_t batch_size, float* vectors,
                             size_t n_classes, LearningRule rule, size_t threads) {
  Classes classes(vectors, n_classes, given.dim, rule);
  PassCounts counts;
  for (const std::int64_t b : order) {
    const size_t begin = static_cast<size_t>(b) * batch_size;
    const PassCounts more = classes.learn(given, begin, std::min(begin + batch_size, given.n), threads);
    counts.corrected += more.corrected;
    counts.mistaken += more.mistaken;
  }
  return counts;
}

}  // namespace hypersketch
