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

// Degree k > 2: T = sum of w_i e_i s_i x ... x s_i, of which the cells of k different dimensions are stored, a1 < ... <
// ak, in lexicographic order. The last dimension is a row as above, for every prefix a1 ... a(k-1).

inline size_t choose(size_t n, size_t k) {
  if (k > n) return 0;
  size_t result = 1;
  for (size_t i = 0; i < k; ++i) result = result * (n - i) / (i + 1);
  return result;
}

// One batch on its way through the prefixes: levels[d] has, for every item, the product of its entries at the first d
// dimensions of the prefix and its sign.
class TensorWalk {
 public:
  TensorWalk(size_t dim, size_t degree, const HopfieldBatch& batch)
      : dim_(dim), n_(batch.signs.size()), batch_(batch), levels_(degree, batch.signs) {}

  // Calls row(flips, last, cell) for every prefix that begins with dimension a; `cell` is where its row begins.
  template <class Row>
  void prefixes(size_t a, Row&& row) {
    const size_t degree = levels_.size();
    size_t cell = choose(dim_, degree) - choose(dim_ - a, degree);
    descend(0, a, a + 1, cell, row);
  }

 private:
  template <class Row>
  void descend(size_t depth, size_t begin, size_t end, size_t& cell, Row& row) {
    for (size_t a = begin; a < end; ++a) {
      for (size_t i = 0; i < n_; ++i)
        levels_[depth + 1][i] = levels_[depth][i] ^ (~uint64_t{0} * bit_of_row(batch_, i, a));
      if (depth + 2 < levels_.size()) {
        descend(depth + 1, a + 1, dim_, cell, row);
      } else if (a + 1 < dim_) {
        row(levels_[depth + 1].data(), a, cell);
        cell += dim_ - a - 1;
      }
    }
  }

  size_t dim_, n_;
  const HopfieldBatch& batch_;
  std::vector<std::vector<uint64_t>> levels_;
};

inline void tensor_add(std::span<int32_t> cells, size_t dim, size_t degree, uint64_t seed,
                       std::span<const uint64_t> hashes, const int64_t* weights, size_t threads) {
  const auto add_group = [&](std::span<const uint64_t> group, int32_t scale) {
    const HopfieldBatch batch = hopfield_batch(dim, seed, group);
    parallel_for(dim, 1, threads, [&](size_t begin, size_t end) {
      TensorWalk walk(dim, degree, batch);
      std::vector<int32_t> row(dim);
      for (size_t a = begin; a < end; ++a)
        walk.prefixes(a, [&](const uint64_t* flips, size_t last, size_t cell) {
          std::fill(row.begin(), row.end(), 0);
          kernels().row_accumulate({batch.rows.data(), group.size(), batch.stride, flips}, scale,
                                   {row.data(), dim, (last + 1) / kWordBits / kWordGrain * kWordGrain, words_for(dim)});
          for (size_t b = last + 1; b < dim; ++b) cells[cell + b - last - 1] += row[b];
        });
    });
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
}

// Sums over all cells of the cell times the item's sign and its entries there.
inline void tensor_score_block(std::span<const int32_t> cells, size_t dim, size_t degree, uint64_t seed,
                               std::span<const uint64_t> hashes, int64_t* out) {
  const size_t n = hashes.size(), n_words = words_for(dim);
  const HopfieldBatch batch = hopfield_batch(dim, seed, hashes);
  std::vector<uint64_t> columns(n * n_words);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n_words; ++j) columns[j * n + i] = batch.rows[i * batch.stride + j];
  std::vector<int64_t> product(n);
  std::vector<int32_t> row(dim);
  Planes planes;
  TensorWalk walk(dim, degree, batch);
  std::fill_n(out, n, 0);
  for (size_t a = 0; a < dim; ++a)
    walk.prefixes(a, [&](const uint64_t* flips, size_t last, size_t cell) {
      const size_t first_word = (last + 1) / kWordBits;
      std::fill(row.begin(), row.end(), 0);
      std::copy_n(cells.data() + cell, dim - last - 1, row.begin() + static_cast<std::ptrdiff_t>(last + 1));
      planes.assign(std::span(row).subspan(first_word * kWordBits));
      kernels().column_dot(columns.data() + first_word * n, n, n, planes.view(), product.data());
      for (size_t i = 0; i < n; ++i) {
        const int64_t value = product[i] + planes.constant();
        out[i] += flips[i] != 0 ? -value : value;
      }
    });
}

inline void tensor_scores(std::span<const int32_t> cells, size_t dim, size_t degree, uint64_t seed,
                          std::span<const uint64_t> hashes, int64_t* out, size_t threads) {
  parallel_for(hashes.size(), kScoreBlock, threads, [&](size_t begin, size_t end) {
    for (size_t first = begin; first < end; first += kScoreBlock) {
      const size_t n = std::min(kScoreBlock, end - first);
      tensor_score_block(cells, dim, degree, seed, hashes.subspan(first, n), out + first);
    }
  });
}

}  // namespace hypersketch
