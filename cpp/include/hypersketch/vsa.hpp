// SPDX-License-Identifier: Apache-2.0
// Hypervector bundles: building them from keys or packed vectors, and scoring keys against them.
// A bundle is `dim` int32 counters (MAP-I) or the signs of such counters (MAP-B).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <span>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

using std::int32_t;
using std::int64_t;

// Items given by hashes: factor f of item i is hashes[f * n + i], and an item's vector is the product of its factors'
// atoms. With `hashed` false the numbers are integer keys, which accumulating hashes on the way, so that a large batch
// needs no second array.
struct ItemView {
  const uint64_t* hashes;
  size_t n;
  size_t n_factors;
  bool hashed = true;
};

// Dimensions are handed to threads in pieces of one cache line of words, so that no counter is written by two.
inline constexpr size_t kWordGrain = 8;
// Items scored by one kernel call: their stream starts stay in the first-level cache.
inline constexpr size_t kScoreBlock = 512;
// Rows rotated or bound by one thread, at least: fewer are done before another has started.
inline size_t row_grain(size_t n_words) { return std::max<size_t>(1, (size_t{1} << 17) / n_words); }

// One group a distinct power of two in the weights: adding a batch with weight w is adding it once for every set
// bit of |w|, scaled by that bit and w's sign. Unit weights are one group with every item.
template <class Emit>
void for_weight_groups(const int64_t* weights, size_t n, Emit&& emit) {
  std::array<uint32_t, kMaxBatch> chosen{};
  uint64_t bits = 0;
  for (size_t i = 0; i < n; ++i) bits |= static_cast<uint64_t>(weights[i] < 0 ? -weights[i] : weights[i]);
  for (; bits != 0; bits &= bits - 1) {
    const int64_t bit = static_cast<int64_t>(bits & (~bits + 1));
    for (const int sign : {1, -1}) {
      size_t count = 0;
      for (size_t i = 0; i < n; ++i)
        if (((sign * weights[i]) & bit) != 0 && sign * weights[i] > 0) chosen[count++] = static_cast<uint32_t>(i);
      if (count != 0) emit(std::span<const uint32_t>(chosen.data(), count), static_cast<int32_t>(sign * bit));
    }
  }
}

// Stream starts of the chosen items (all of them when `chosen` is empty), factor by factor with stride kMaxBatch.
inline AtomBatch batch_starts(ItemView items, size_t first, size_t n, std::span<const uint32_t> chosen,
                              uint64_t word_of_seed, std::vector<uint64_t>& starts) {
  starts.resize(items.n_factors * kMaxBatch);
  std::array<uint64_t, kMaxBatch> picked;
  const size_t count = chosen.empty() ? n : chosen.size();
  for (size_t f = 0; f < items.n_factors; ++f) {
    const uint64_t* source = items.hashes + f * items.n + first;
    if (!chosen.empty()) {
      for (size_t i = 0; i < count; ++i) picked[i] = source[chosen[i]];
      source = picked.data();
    }
    if (!items.hashed) {
      kernels().hash_u64(source, count, 0, picked.data());
      source = picked.data();
    }
    kernels().stream_starts(source, count, word_of_seed, starts.data() + f * kMaxBatch);
  }
  return {starts.data(), count, items.n_factors, kMaxBatch};
}

// Adds items to the words of `state`; the caller has made sure that no counter can overflow.
inline void accumulate_items(CounterView state, uint64_t word_of_seed, ItemView items, const int64_t* weights) {
  std::vector<uint64_t> starts;
  for (size_t first = 0; first < items.n; first += kMaxBatch) {
    const size_t n = std::min(kMaxBatch, items.n - first);
    if (weights == nullptr) {
      kernels().atom_accumulate(batch_starts(items, first, n, {}, word_of_seed, starts), 1, state);
      continue;
    }
    for_weight_groups(weights + first, n, [&](std::span<const uint32_t> chosen, int32_t scale) {
      kernels().atom_accumulate(batch_starts(items, first, n, chosen, word_of_seed, starts), scale, state);
    });
  }
}

inline void bundle_add(std::span<int32_t> counters, uint64_t seed, ItemView items, const int64_t* weights,
                       size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  parallel_for(words_for(counters.size()), kWordGrain, threads, [&](size_t begin, size_t end) {
    accumulate_items({counters.data(), counters.size(), begin, end}, word_of_seed, items, weights);
  });
}

inline void accumulate_rows(CounterView state, RowBatch rows, const int64_t* weights) {
  std::vector<uint64_t> picked;
  for (size_t first = 0; first < rows.n; first += kMaxBatch) {
    const size_t n = std::min(kMaxBatch, rows.n - first);
    const uint64_t* source = rows.rows + first * rows.stride;
    if (weights == nullptr) {
      kernels().row_accumulate({source, n, rows.stride, nullptr}, 1, state);
      continue;
    }
    for_weight_groups(weights + first, n, [&](std::span<const uint32_t> chosen, int32_t scale) {
      picked.resize(chosen.size() * rows.stride);
      for (size_t i = 0; i < chosen.size(); ++i)
        std::copy_n(source + chosen[i] * rows.stride, rows.stride, &picked[i * rows.stride]);
      kernels().row_accumulate({picked.data(), chosen.size(), rows.stride, nullptr}, scale, state);
    });
  }
}

inline void bundle_add_rows(std::span<int32_t> counters, RowBatch rows, const int64_t* weights, size_t threads) {
  parallel_for(words_for(counters.size()), kWordGrain, threads, [&](size_t begin, size_t end) {
    accumulate_rows({counters.data(), counters.size(), begin, end}, rows, weights);
  });
}

// Counters as bit planes, ready to be scored: score = constant + sum of coefficients * popcounts.
class Planes {
 public:
  explicit Planes(std::span<const int32_t> counters) { assign(counters); }
  Planes() = default;

  void assign(std::span<const int32_t> counters) {
    int32_t low = 0, high = 0;
    constant_ = 0;
    for (const int32_t c : counters) {
      low = std::min(low, c);
      high = std::max(high, c);
      constant_ += c;
    }
    const auto magnitude = static_cast<uint32_t>(std::max(high, ~low));
    const size_t n_planes = static_cast<size_t>(std::bit_width(magnitude)) + 1;  // one more for the sign
    set_coefficients(n_planes);
    planes_.resize(words_for(counters.size()) * n_planes);
    kernels().bit_slice(counters.data(), counters.size(), n_planes, planes_.data());
    n_words_ = words_for(counters.size());
  }

  // The +-1 vector of a packed bundle: plane 0 marks the valid dimensions, plane 1 the negative ones.
  void assign_packed(const uint64_t* packed, size_t dim) {
    n_words_ = words_for(dim);
    set_coefficients(2);
    planes_.resize(2 * n_words_);
    int64_t negative = 0;
    for (size_t j = 0; j < n_words_; ++j) {
      const uint64_t valid = j + 1 == n_words_ ? tail_mask(dim) : ~uint64_t{0};
      planes_[2 * j] = valid;
      planes_[2 * j + 1] = packed[j] & valid;
      negative += static_cast<int64_t>(count_ones(planes_[2 * j + 1]));
    }
    constant_ = static_cast<int64_t>(dim) - 2 * negative;
  }

  PlaneView view() const { return {planes_.data(), coefficients_.data(), coefficients_.size(), n_words_}; }
  int64_t constant() const { return constant_; }

 private:
  // sum s_d c_d = sum c_d - 2 sum over set bits of c_d, and c_d = sum 2^p b_p - 2^(P-1) b_(P-1).
  void set_coefficients(size_t n_planes) {
    coefficients_.resize(n_planes);
    for (size_t p = 0; p < n_planes; ++p) coefficients_[p] = -(int64_t{2} << p);
    coefficients_.back() = -coefficients_.back();
  }

  std::vector<uint64_t> planes_;
  std::vector<int64_t> coefficients_;
  int64_t constant_ = 0;
  size_t n_words_ = 0;
};

inline void score_items(const Planes& planes, uint64_t word_of_seed, ItemView items, size_t begin, size_t end,
                        int64_t* out) {
  std::vector<uint64_t> starts(items.n_factors * kScoreBlock);
  for (size_t first = begin; first < end; first += kScoreBlock) {
    const size_t n = std::min(kScoreBlock, end - first);
    for (size_t f = 0; f < items.n_factors; ++f)
      kernels().stream_starts(items.hashes + f * items.n + first, n, word_of_seed, starts.data() + f * kScoreBlock);
    kernels().atom_dot({starts.data(), n, items.n_factors, kScoreBlock}, planes.view(), out + first);
    for (size_t i = first; i < first + n; ++i) out[i] += planes.constant();
  }
}

inline void bundle_scores(const Planes& planes, uint64_t seed, ItemView items, int64_t* out, size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  parallel_for(items.n, kScoreBlock, threads,
               [&](size_t begin, size_t end) { score_items(planes, word_of_seed, items, begin, end, out); });
}

inline void bundle_score_rows(const Planes& planes, RowBatch rows, int64_t* out, size_t threads) {
  constexpr size_t kTile = 64;
  parallel_for(rows.n, kTile, threads, [&](size_t begin, size_t end) {
    std::vector<uint64_t> columns(rows.stride * kTile);
    for (size_t first = begin; first < end; first += kTile) {
      const size_t n = std::min(kTile, end - first);
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < rows.stride; ++j) columns[j * kTile + i] = rows.rows[(first + i) * rows.stride + j];
      kernels().column_dot(columns.data(), n, kTile, planes.view(), out + first);
      for (size_t i = first; i < first + n; ++i) out[i] += planes.constant();
    }
  });
}

// Signs of counters, one bit a dimension; zeros take the bit of the space's tie vector.
inline void pack_signs(std::span<const int32_t> counters, uint64_t seed, uint64_t* out) {
  const uint64_t start = tie_start(seed);
  for (size_t j = 0, first = 0; first < counters.size(); ++j, first += kWordBits) {
    const size_t n = std::min<size_t>(kWordBits, counters.size() - first);
    uint64_t negative = 0, zero = 0;
    for (size_t d = 0; d < n; ++d) {
      negative |= static_cast<uint64_t>(counters[first + d] < 0) << d;
      zero |= static_cast<uint64_t>(counters[first + d] == 0) << d;
    }
    out[j] = negative | (zero & atom_word(start, j));
  }
}

// Row i of `out` is the packed atom of key i, `stride` words from the next row.
inline void atom_rows(size_t dim, uint64_t seed, std::span<const uint64_t> hashes, uint64_t* out, size_t stride,
                      size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  parallel_for(hashes.size(), kScoreBlock, threads, [&](size_t begin, size_t end) {
    std::vector<uint64_t> starts(kScoreBlock);
    for (size_t first = begin; first < end; first += kScoreBlock) {
      const size_t count = std::min(kScoreBlock, end - first);
      kernels().stream_starts(hashes.data() + first, count, word_of_seed, starts.data());
      kernels().atom_rows(starts.data(), count, words_for(dim), tail_mask(dim), out + first * stride, stride);
    }
  });
}

// Row i of `out` is the real or complex atom of key i: floats end to end.
inline void atom_reals(size_t dim, uint64_t seed, std::span<const uint64_t> hashes, RealKind kind, double scale,
                       float* out, size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  const size_t size = kind == RealKind::kPhasor ? 2 * dim : dim;
  const size_t grain = std::max<size_t>(1, (size_t{1} << 14) / size);  // worth starting a thread
  parallel_for(hashes.size(), grain, threads, [&](size_t begin, size_t end) {
    std::vector<uint64_t> starts(std::min(kScoreBlock, end - begin));
    for (size_t first = begin; first < end; first += kScoreBlock) {
      const size_t count = std::min(kScoreBlock, end - first);
      kernels().stream_starts(hashes.data() + first, count, word_of_seed, starts.data());
      kernels().atom_reals(starts.data(), count, dim, kind, scale, out + first * size);
    }
  });
}

// XORs of packed rows; a stride of 0 repeats one. Returns the OR of all last words.
inline uint64_t bind_rows(const uint64_t* a, size_t a_stride, const uint64_t* b, size_t b_stride, size_t n,
                          size_t n_words, uint64_t* out, size_t threads) {
  std::atomic<uint64_t> last_words = 0;
  parallel_for(n, row_grain(n_words), threads, [&](size_t begin, size_t end) {
    last_words |= kernels().xor_rows(a + begin * a_stride, a_stride, b + begin * b_stride, b_stride, end - begin,
                                     n_words, out + begin * n_words);
  });
  return last_words;
}

// Cyclic shift: bit d of the result is bit (d - shift) mod dim of the row.
inline void rotate_rows(RowBatch rows, size_t dim, size_t shift, uint64_t* out, size_t threads = 1) {
  parallel_for(rows.n, row_grain(rows.stride), threads, [&](size_t begin, size_t end) {
    const uint64_t* const from = rows.rows + begin * rows.stride;
    uint64_t* const to = out + begin * rows.stride;
    if (shift == 0)
      std::copy_n(from, (end - begin) * rows.stride, to);
    else
      kernels().rotate_rows(from, end - begin, dim, shift, to);
  });
}

}  // namespace hypersketch
