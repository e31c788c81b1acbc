// SPDX-License-Identifier: Apache-2.0
// Patterns in stores and how tiles of them meet queries: many queries meet tiles turned round, few meet them as they
// lie.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "hypersketch/simd.hpp"

namespace hypersketch {

enum class StoreType { kFloat32, kBfloat16, kInt8, kFloat8 };

// Whether rows are what is kept times a scale each.
constexpr bool is_scaled(StoreType type) { return type == StoreType::kInt8 || type == StoreType::kFloat8; }

// Rows of numbers, end to end; those of row j of int8 and float8 are scales[j] times the integers or floats of 8 bits.
// These are E4M3: a sign, four bits of exponent, three of fraction. All ones but the sign would be none; no store has
// that.
struct PatternStore {
  const void* rows;
  StoreType type;
  size_t n, dim;
  const float* scales;
};

// How a query and pattern j are compared: by their product times factors[j] plus offsets[j] (1 and 0 when null), or by
// minus the sum of their numbers' distances.
struct Similarity {
  bool distances;
  const float* factors;
  const float* offsets;
};

// Queries or patterns of n rows of dim floats.
struct FloatRows {
  const float* rows;
  size_t n, dim;
};

// Numbers of four bytes in whole lines, zeros at first.
template <class Number>
class Lines {
 public:
  explicit Lines(size_t n) : lines_((n + kALine - 1) / kALine) {}
  Number* data() { return lines_.data()->numbers; }

 private:
  static constexpr size_t kALine = kLineBytes / sizeof(Number);
  struct alignas(kLineBytes) Line {
    Number numbers[kALine];
  };

  std::vector<Line> lines_;
};

using LineBuffer = Lines<float>;

inline constexpr size_t kPaddedTo = 64;   // floats; a strip of every level, and a block of bytes
inline constexpr size_t kChunk = 64;      // of the dimension: a turned tile of 16 KB, which the first cache holds
inline constexpr size_t kFewQueries = 3;  // that meet rows as they lie

constexpr size_t padded(size_t dim) { return (dim + kPaddedTo - 1) / kPaddedTo * kPaddedTo; }

inline size_t bytes_of(StoreType type) {
  return type == StoreType::kFloat32 ? 4 : type == StoreType::kBfloat16 ? 2 : 1;
}

inline const char* row_of(const PatternStore& store, size_t j) {
  return static_cast<const char*>(store.rows) + j * store.dim * bytes_of(store.type);
}

// Where the next tile of so many rows lies; nothing when there is none that is whole.
inline std::span<const char> tile_after(const PatternStore& store, size_t first, size_t rows) {
  if (first + 2 * rows > store.n) return {};
  return {row_of(store, first + rows), rows * store.dim * bytes_of(store.type)};
}

// Tiles of a store as rows of floats: in place where that serves, else in a buffer that keeps the last one.
class TileRows {
 public:
  explicit TileRows(const PatternStore& store)
      : store_(store),
        in_place_(store.type == StoreType::kFloat32 && store.dim % kPaddedTo == 0 &&
                  reinterpret_cast<uintptr_t>(store.rows) % kLineBytes == 0),
        stride_(padded(store.dim)),
        buffer_(in_place_ ? 0 : kTile * stride_) {}

  const PatternStore& store() const { return store_; }
  size_t stride() const { return stride_; }

  const float* rows(size_t first, size_t n) {
    if (in_place_) return reinterpret_cast<const float*>(row_of(store_, first));
    if (first != kept_)
      for (size_t j = 0; j < n; ++j) widen(first + j, buffer_.data() + j * stride_);
    kept_ = first;
    return buffer_.data();
  }

 private:
  void widen(size_t j, float* to) const {
    const RetrievalKernels& kernel = kernels().retrieval;
    const void* from = row_of(store_, j);
    if (store_.type == StoreType::kFloat32) {
      std::memcpy(to, from, store_.dim * sizeof(float));
    } else if (store_.type == StoreType::kBfloat16) {
      kernel.widen_bfloat16(static_cast<const std::uint16_t*>(from), store_.dim, to);
    } else if (store_.type == StoreType::kInt8) {
      kernel.widen_int8(static_cast<const std::int8_t*>(from), store_.dim, store_.scales[j], to);
    } else {
      kernel.widen_float8(static_cast<const std::uint8_t*>(from), store_.dim, store_.scales[j], to);
    }
  }

  PatternStore store_;
  bool in_place_;
  size_t stride_;
  LineBuffer buffer_;
  size_t kept_ = SIZE_MAX;
};

// Scores of many queries.
class TurnedScores {
 public:
  TurnedScores(TileRows& rows, FloatRows queries, bool distances)
      : rows_(rows),
        n_(queries.n),
        distances_(distances),
        queries_(n_ * rows.stride()),
        tile_(std::min(kChunk, rows.stride()) * kTile) {
    for (size_t q = 0; q < n_; ++q)
      std::memcpy(queries_.data() + q * rows.stride(), queries.rows + q * queries.dim, queries.dim * sizeof(float));
  }

  static constexpr size_t rows_at_once() { return kTile; }

  void operator()(size_t first, size_t n, float missing, float* scores) {
    const RetrievalKernels& kernel = kernels().retrieval;
    const PatternStore& store = rows_.store();
    const float* rows = rows_.rows(first, n);
    std::memset(scores, 0, n_ * kTile * sizeof(float));
    const auto next = tile_after(store, first, kTile);
    const size_t chunks = (store.dim + kChunk - 1) / kChunk;
    for (size_t c = 0; c < chunks; ++c) {
      const size_t k = c * kChunk, count = std::min(kChunk, store.dim - k);
      const size_t from = next.size() * c / chunks, to = next.size() * (c + 1) / chunks;
      kernel.turn(rows + k, n, rows_.stride(), count, tile_.data());
      kernel.compare(queries_.data() + k, n_, rows_.stride(), tile_.data(), count, distances_,
                     {next.data() + from, next.data() + to}, scores);
    }
    for (size_t q = 0; q < n_; ++q)
      for (size_t j = n; j % kWidth != 0; ++j) scores[q * kTile + j] = missing;
  }

 private:
  TileRows& rows_;
  size_t n_;
  bool distances_;
  LineBuffer queries_, tile_;
};

// Weighted sums of patterns for many queries.
class TurnedSums {
 public:
  TurnedSums(TileRows& rows, size_t n_queries) : rows_(rows), n_(n_queries) {}

  void operator()(float* weights, size_t first, size_t n, float* states) {
    kernels().retrieval.sum(weights, n_, rows_.rows(first, n), n, rows_.stride(), states, rows_.stride());
  }

  void restore(const float* state, float* out) const { std::memcpy(out, state, rows_.store().dim * sizeof(float)); }

 private:
  TileRows& rows_;
  size_t n_;
};

// A query in the forms that rows of each type meet.
class DirectQuery {
 public:
  DirectQuery(const float* query, const PatternStore& store) : floats_(padded(store.dim)) {
    if (store.type == StoreType::kInt8) {
      split(query, store.dim);
    } else if (store.type == StoreType::kBfloat16) {
      kernels().retrieval.order_even_odd(query, store.dim, floats_.data());
    } else {
      std::memcpy(floats_.data(), query, store.dim * sizeof(float));
    }
  }

  const float* floats() { return floats_.data(); }

  ByteQuery bytes() {
    const auto* high = reinterpret_cast<const std::int8_t*>(floats_.data());
    return {high, high + padded(dim_), high_sum_, low_sum_, scale_};
  }

 private:
  // The largest number becomes 127 * 256; the two parts take half of the floats' memory.
  void split(const float* query, size_t dim) {
    dim_ = dim;
    auto* high = reinterpret_cast<std::int8_t*>(floats_.data());
    std::int8_t* low = high + padded(dim);
    float most = 0.0F;
    for (size_t d = 0; d < dim; ++d) most = std::max(most, std::fabs(query[d]));
    if (most == 0.0F) return;
    scale_ = most / (127 * 256);
    for (size_t d = 0; d < dim; ++d) {
      const int whole = static_cast<int>(std::lrintf(query[d] / most * (127 * 256)));
      const int upper = (whole + 128) >> 8;
      high[d] = static_cast<std::int8_t>(upper);
      low[d] = static_cast<std::int8_t>(whole - 256 * upper);
      high_sum_ += high[d];
      low_sum_ += low[d];
    }
  }

  LineBuffer floats_;
  size_t dim_ = 0;
  std::int32_t high_sum_ = 0, low_sum_ = 0;
  float scale_ = 0.0F;
};

// As many rows as take so many bytes; in fours, which kernels work on, where there are as many.
inline size_t rows_in(const PatternStore& store, size_t bytes) {
  const size_t n = std::clamp(bytes / (store.dim * bytes_of(store.type)), size_t{1}, kTile);
  return n < 4 ? n : n / 4 * 4;
}

// Rows whose sum follows their scores, and bytes of the next rows that are fetched during the scores and during the
// sums: what measurements say. Floats leave the hardware time to read ahead, if its pauses are short; bytes are work
// all the time that reading takes, so that all of them are fetched by the way.
struct Step {
  size_t rows, with_scores, with_sums;
};

inline Step step_of(const PatternStore& store) {
  if (store.type == StoreType::kFloat32) return {rows_in(store, 8 << 10), 0, 2 << 10};
  if (store.type == StoreType::kBfloat16) return {rows_in(store, 8 << 10), 0, store.dim > 256 ? size_t{2} << 10 : 0};
  const size_t rows = rows_in(store, 16 << 10);
  return {rows, rows * store.dim / 2, rows * store.dim / 2};
}

inline Ahead ahead_of(const PatternStore& store, size_t first, size_t from, size_t n) {
  const char* rows = row_of(store, std::min(first, store.n));
  const size_t left = store.n * store.dim * bytes_of(store.type) - static_cast<size_t>(rows - row_of(store, 0));
  return {rows + std::min(from, left), rows + std::min(from + n, left)};
}

// Scores of few queries.
class DirectScores {
 public:
  DirectScores(const PatternStore& store, FloatRows queries, Step step) : store_(store), step_(step) {
    for (size_t q = 0; q < queries.n; ++q) queries_.emplace_back(queries.rows + q * queries.dim, store);
  }

  size_t rows_at_once() const { return step_.rows; }

  void operator()(size_t first, size_t n, float missing, float* scores) {
    const RetrievalKernels& kernel = kernels().retrieval;
    const void* rows = row_of(store_, first);
    Ahead ahead = ahead_of(store_, first + n, 0, step_.with_scores);
    for (size_t q = 0; q < queries_.size(); ++q, scores += kTile, ahead = {}) {
      if (store_.type == StoreType::kFloat32) {
        kernel.floats.compare(queries_[q].floats(), static_cast<const float*>(rows), n, store_.dim, ahead, missing,
                              scores);
      } else if (store_.type == StoreType::kBfloat16) {
        kernel.bfloats.compare(queries_[q].floats(), static_cast<const std::uint16_t*>(rows), n, store_.dim, ahead,
                               missing, scores);
      } else if (store_.type == StoreType::kInt8) {
        kernel.bytes.compare(queries_[q].bytes(), static_cast<const std::int8_t*>(rows), n, store_.dim, ahead, missing,
                             scores);
      } else {
        kernel.eights.compare(queries_[q].floats(), static_cast<const std::uint8_t*>(rows), n, store_.dim, ahead,
                              missing, scores);
      }
      if (is_scaled(store_.type)) kernel.adjust(1, n, store_.scales + first, nullptr, scores);
    }
  }

 private:
  PatternStore store_;
  Step step_;
  std::vector<DirectQuery> queries_;
};

// Weighted sums of patterns for few queries; weights of rows of int8 must not be negative.
class DirectSums {
 public:
  DirectSums(const PatternStore& store, size_t n_queries) : store_(store), n_(n_queries) {}

  void operator()(float* weights, size_t first, size_t n, float* states) {
    const RetrievalKernels& kernel = kernels().retrieval;
    const void* rows = row_of(store_, first);
    const Step step = step_of(store_);
    Ahead ahead = ahead_of(store_, first + n, step.with_scores, step.with_sums);
    for (size_t q = 0; q < n_; ++q, weights += kTile, states += padded(store_.dim), ahead = {}) {
      if (is_scaled(store_.type)) kernel.adjust(1, n, store_.scales + first, nullptr, weights);
      if (store_.type == StoreType::kFloat32) {
        kernel.floats.sum(weights, static_cast<const float*>(rows), n, store_.dim, ahead, states);
      } else if (store_.type == StoreType::kBfloat16) {
        kernel.bfloats.sum(weights, static_cast<const std::uint16_t*>(rows), n, store_.dim, ahead, states);
      } else if (store_.type == StoreType::kInt8) {
        kernel.bytes.sum(weights, static_cast<const std::int8_t*>(rows), n, store_.dim, ahead, states);
      } else {
        kernel.eights.sum(weights, static_cast<const std::uint8_t*>(rows), n, store_.dim, ahead, states);
      }
    }
  }

  void restore(const float* state, float* out) const {
    const RetrievalKernels& kernel = kernels().retrieval;
    if (store_.type == StoreType::kBfloat16) return kernel.restore_even_odd(state, store_.dim, out);
    if (store_.type == StoreType::kInt8) return kernel.restore_bytes(state, store_.dim, out);
    std::memcpy(out, state, store_.dim * sizeof(float));
  }

 private:
  PatternStore store_;
  size_t n_;
};

}  // namespace hypersketch
