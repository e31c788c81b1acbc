// SPDX-License-Identifier: Apache-2.0
// Hopfield+-: W = sum of w_i e_i s_i s_i^T with a random sign e_i an item; the score of an item is e s^T W s.
// W is symmetric and its diagonal is one number (the sum of w_i e_i), so only the strict upper triangle is stored.
//
// Row a of W is a bundle of the vectors s_i negated where e_i s_i[a] = -1, so building and scoring are the bundle's
// own kernels, once a row. Bottleneck: D^2/2 counters a batch of 255 items (building), popcounts (scoring).
#pragma once

#include <span>
#include <vector>

#include "hypersketch/vsa.hpp"

namespace hypersketch {

struct HopfieldBatch {
  std::vector<uint64_t> rows;   // packed vectors, padded to whole cache lines so that kernels load whole vectors
  std::vector<uint64_t> signs;  // all ones where e_i = -1
  size_t stride;
};

inline HopfieldBatch hopfield_batch(size_t dim, uint64_t seed, std::span<const uint64_t> hashes) {
  const size_t stride = (words_for(dim) + kWordGrain - 1) / kWordGrain * kWordGrain;
  HopfieldBatch batch{std::vector<uint64_t>(hashes.size() * stride), std::vector<uint64_t>(hashes.size()), stride};
  atom_rows(dim, seed, hashes, batch.rows.data(), stride, 1);
  const uint64_t word_of_seed = seed_word(seed, Purpose::kSign);
  for (size_t i = 0; i < hashes.size(); ++i) batch.signs[i] = ~uint64_t{0} * sign_bit(word_of_seed, hashes[i]);
  return batch;
}

inline uint64_t bit_of_row(const HopfieldBatch& batch, size_t i, size_t d) {
  return (batch.rows[i * batch.stride + d / kWordBits] >> (d % kWordBits)) & 1;
}

// Adds the batch to rows [begin, end) of the triangle, every item `scale` times.
inline void hopfield_rows(std::span<int32_t> cells, size_t dim, const HopfieldBatch& batch, size_t begin, size_t end,
                          int32_t scale) {
  const size_t n = batch.signs.size();
  std::vector<uint64_t> flips(n);
  std::vector<int32_t> row(dim);
  for (size_t a = begin; a < end && a + 1 < dim; ++a) {
    for (size_t i = 0; i < n; ++i) flips[i] = batch.signs[i] ^ (~uint64_t{0} * bit_of_row(batch, i, a));
    std::fill(row.begin(), row.end(), 0);
    kernels().row_accumulate({batch.rows.data(), n, batch.stride, flips.data()}, scale,
                             {row.data(), dim, (a + 1) / kWordBits / kWordGrain * kWordGrain, words_for(dim)});
    int32_t* target = cells.data() + triangle_row(a, dim);
    for (size_t b = a + 1; b < dim; ++b) target[b - a - 1] += row[b];
  }
}

// Returns the sum of w_i e_i, which the caller adds to the trace. No cell may overflow: the caller has checked.
inline int64_t hopfield_add(std::span<int32_t> cells, size_t dim, uint64_t seed, std::span<const uint64_t> hashes,
                            const int64_t* weights, size_t threads) {
  int64_t sum_of_signs = 0;
  const auto add_group = [&](std::span<const uint64_t> group, int32_t scale) {
    const HopfieldBatch batch = hopfield_batch(dim, seed, group);
    for (const uint64_t sign : batch.signs) sum_of_signs += sign == 0 ? scale : -scale;
    // The rows are of unequal length: small pieces keep the threads equally busy.
    parallel_for(dim, kWordBits, threads,
                 [&](size_t begin, size_t end) { hopfield_rows(cells, dim, batch, begin, end, scale); });
  };
  std::vector<uint64_t> picked;
  for (size_t first = 0; first < hashes.size(); first += kMaxBatch) {
    const std::span<const uint64_t> block = hashes.subspan(first, std::min(kMaxBatch, hashes.size() - first));
    if (weights == nullptr) {
      add_group(block, 1);
      continue;
    }
    for_weight_groups(weights + first, block.size(), [&](std::span<const uint32_t> chosen, int32_t scale) {
      picked.resize(chosen.size());
      for (size_t i = 0; i < chosen.size(); ++i) picked[i] = block[chosen[i]];
      add_group(picked, scale);
    });
  }
  return sum_of_signs;
}

// Scores of one block of items: 2 * sum over rows a of s[a] * (row a . s) + trace * D, times e.
inline void hopfield_score_block(std::span<const int32_t> cells, int64_t trace, size_t dim, uint64_t seed,
                                 std::span<const uint64_t> hashes, int64_t* out) {
  const size_t n = hashes.size();
  const HopfieldBatch batch = hopfield_batch(dim, seed, hashes);
  const size_t n_words = words_for(dim);
  std::vector<uint64_t> columns(n * n_words);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n_words; ++j) columns[j * n + i] = batch.rows[i * batch.stride + j];
  std::vector<int64_t> total(n, 0), product(n);
  std::vector<int32_t> row(dim);
  Planes planes;
  for (size_t a = 0; a + 1 < dim; ++a) {
    const size_t first_word = (a + 1) / kWordBits, first = first_word * kWordBits;
    std::fill(row.begin(), row.end(), 0);
    std::copy_n(cells.data() + triangle_row(a, dim), dim - a - 1, row.begin() + static_cast<std::ptrdiff_t>(a + 1));
    planes.assign(std::span(row).subspan(first));
    kernels().column_dot(columns.data() + first_word * n, n, n, planes.view(), product.data());
    for (size_t i = 0; i < n; ++i) {
      const int64_t value = product[i] + planes.constant();
      total[i] += bit_of_row(batch, i, a) != 0 ? -value : value;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const int64_t score = 2 * total[i] + trace * static_cast<int64_t>(dim);
    out[i] = batch.signs[i] == 0 ? score : -score;
  }
}

inline void hopfield_scores(std::span<const int32_t> cells, int64_t trace, size_t dim, uint64_t seed,
                            std::span<const uint64_t> hashes, int64_t* out, size_t threads) {
  parallel_for(hashes.size(), kScoreBlock, threads, [&](size_t begin, size_t end) {
    for (size_t first = begin; first < end; first += kScoreBlock) {
      const size_t n = std::min(kScoreBlock, end - first);
      hopfield_score_block(cells, trace, dim, seed, hashes.subspan(first, n), out + first);
    }
  });
}

}  // namespace hypersketch
