// SPDX-License-Identifier: Apache-2.0
// How tiles of patterns meet many queries where all numbers, and weights, are rounded to bfloat16.
#pragma once

#include "hypersketch/patterns.hpp"

namespace hypersketch {

inline constexpr size_t kWordChunk = 128;  // words of a turned tile, which is 32 KB

constexpr size_t padded_words(size_t dim) { return padded(dim) / 2; }

// Tiles of a store as rows of whole words, in fours: in place where that serves, else in a buffer that keeps the last.
class WordRows {
 public:
  WordRows(const PatternStore& store, const WordKernels& kernel)
      : kernel_(kernel),
        store_(store),
        wide_(store.type == StoreType::kBfloat16 ? PatternStore{nullptr, StoreType::kBfloat16, 0, 0, nullptr} : store),
        in_place_(store.type == StoreType::kBfloat16 && store.dim % 8 == 0),
        stride_(in_place_ ? store.dim : padded(store.dim)),
        buffer_(in_place_ ? 0 : kTile * stride_ / 2) {}

  const WordKernels& kernel() const { return kernel_; }
  const PatternStore& store() const { return store_; }
  size_t stride() const { return stride_; }

  const std::uint16_t* rows(size_t first, size_t n) {
    if (in_place_) return reinterpret_cast<const std::uint16_t*>(row_of(store_, first));
    if (first != kept_) fill(first, n);
    kept_ = first;
    return reinterpret_cast<const std::uint16_t*>(buffer_.data());
  }

 private:
  void fill(size_t first, size_t n) {
    if (store_.type != StoreType::kBfloat16) {
      kernel_.narrow(wide_.rows(first, n), n * stride_, buffer_.data());
    } else {
      for (size_t j = 0; j < n; ++j)
        std::memcpy(buffer_.data() + j * stride_ / 2, row_of(store_, first + j), store_.dim * 2);
    }
  }

  const WordKernels& kernel_;  // of one call, whatever others choose meanwhile
  PatternStore store_;
  TileRows wide_;
  bool in_place_;
  size_t stride_;
  Lines<std::uint32_t> buffer_;
  size_t kept_ = SIZE_MAX;
};

// Scores of many queries: products, never distances.
class WordScores {
 public:
  WordScores(WordRows& rows, FloatRows queries, bool)
      : rows_(rows),
        n_(queries.n),
        stride_(padded_words(queries.dim)),
        queries_(n_ * stride_),
        tile_(std::min(kWordChunk, stride_) * kTile) {
    LineBuffer wide(2 * stride_);
    for (size_t q = 0; q < n_; ++q) {
      std::memcpy(wide.data(), queries.rows + q * queries.dim, queries.dim * sizeof(float));
      rows.kernel().narrow(wide.data(), 2 * stride_, queries_.data() + q * stride_);
    }
  }

  static constexpr size_t rows_at_once() { return kTile; }

  void operator()(size_t first, size_t n, float missing, float* scores) {
    const PatternStore& store = rows_.store();
    const auto* rows = reinterpret_cast<const float*>(rows_.rows(first, n));  // which moves them, and no more
    std::memset(scores, 0, n_ * kTile * sizeof(float));
    const auto next = tile_after(store, first, kTile);
    const size_t n_words = (store.dim + 1) / 2, chunks = (n_words + kWordChunk - 1) / kWordChunk;
    for (size_t c = 0; c < chunks; ++c) {
      const size_t k = c * kWordChunk, count = std::min(kWordChunk, n_words - k);
      const size_t from = next.size() * c / chunks, to = next.size() * (c + 1) / chunks;
      kernels().retrieval.turn(rows + k, n, rows_.stride() / 2, count, reinterpret_cast<float*>(tile_.data()));
      rows_.kernel().compare(queries_.data() + k, n_, stride_, tile_.data(), count,
                             {next.data() + from, next.data() + to}, scores);
    }
    for (size_t q = 0; q < n_; ++q)
      for (size_t j = n; j % kWidth != 0; ++j) scores[q * kTile + j] = missing;
  }

 private:
  WordRows& rows_;
  size_t n_, stride_;
  Lines<std::uint32_t> queries_, tile_;
};

// Weighted sums of patterns for many queries.
class WordSums {
 public:
  WordSums(WordRows& rows, size_t n_queries)
      : rows_(rows),
        n_(n_queries),
        stride_(padded(rows.store().dim)),
        pairs_(kTile / 2 * stride_),
        weights_(n_ * kTile / 2) {}

  void operator()(float* weights, size_t first, size_t n, float* states) {
    const WordKernels& kernel = rows_.kernel();
    kernel.pair(rows_.rows(first, n), n, rows_.store().dim, rows_.stride(), pairs_.data(), stride_);
    kernel.narrow(weights, n_ * kTile, weights_.data());
    kernel.sum(weights_.data(), n_, pairs_.data(), (n + 1) / 2, states, stride_);
  }

  void restore(const float* state, float* out) const { rows_.kernel().restore(state, rows_.store().dim, out); }

 private:
  WordRows& rows_;
  size_t n_, stride_;
  Lines<std::uint32_t> pairs_, weights_;
};

}  // namespace hypersketch
