// SPDX-License-Identifier: Apache-2.0
// Linear projections by random signs: sparse ones (count sketches of depth s, laid end to end) of dense rows and of
// rows in compressed form, and the signs of dense ones. Sums run in the order of the features, so dense rows, sorted
// compressed rows, all levels and all thread counts give the same bits.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/row_rules.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

inline constexpr size_t kProjectionGrain = 64;                 // rows; whole tiles of the kernels
inline constexpr size_t kProjectionScratch = size_t{1} << 23;  // bytes of sums a thread
inline constexpr uint64_t kMaxOutputs = uint64_t{kCodeSign} - 1;

// codes[i * n_entries + r] = entry r of the feature with hash i.
inline void sign_codes(std::span<const uint64_t> hashes, uint64_t seed, size_t n_entries, size_t n_outputs,
                       std::uint32_t* codes) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kRow);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const uint64_t start = stream_start(word_of_seed, hashes[i]);
    for (size_t r = 0; r < n_entries; ++r) {
      const uint64_t word = random_word(start, r), first = block_begin(r, n_entries, n_outputs);
      const uint64_t output = first + row_column(word, block_begin(r + 1, n_entries, n_outputs) - first);
      codes[i * n_entries + r] = static_cast<std::uint32_t>(output | (row_sign(word) & kCodeSign));
    }
  }
}

// Row i of `out` is the atom of hash i in numbers: -1 where its bit is set, else +1.
template <class T>
void dense_signs(std::span<const uint64_t> hashes, uint64_t seed, size_t dim, T* out, size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kProjection);
  parallel_for(hashes.size(), kProjectionGrain, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint64_t start = stream_start(word_of_seed, hashes[i]);
      for (size_t d = 0; d < dim; d += kWordBits) {
        const uint64_t word = atom_word(start, d / kWordBits);
        for (size_t b = 0; b < std::min<size_t>(kWordBits, dim - d); ++b)
          out[i * dim + d + b] = T{1} - T{2} * static_cast<T>((word >> b) & 1);
      }
    }
  });
}

template <class T>
void scatter(T value, const std::uint32_t* codes, size_t n_entries, T* out) {
  for (size_t r = 0; r < n_entries; ++r) out[code_output(codes[r])] += with_sign(value, codes[r]);
}

template <class T>
void scale_row(T* row, size_t n, T scale) {
  for (size_t c = 0; c < n; ++c) row[c] *= scale;
}

template <class T>
void project_row(const T* row, SignTable table, T scale, T* out) {
  std::fill_n(out, table.n_outputs, T{0});
  for (size_t j = 0; j < table.n_features; ++j)
    scatter(row[j], table.codes + j * table.n_entries, table.n_entries, out);
  scale_row(out, table.n_outputs, scale);
}

// out = scale * rows * table for n dense rows.
template <class T>
void project_dense(const T* rows, size_t n, SignTable table, T scale, T* out, size_t threads) {
  constexpr size_t kRows = kLineBytes / sizeof(T);
  struct alignas(kLineBytes) Line {
    T lanes[kRows];
  };
  parallel_for(n, kProjectionGrain, threads, [&](size_t begin, size_t end) {
    size_t i = begin;
    if (end - begin >= kRows && table.n_outputs <= kProjectionScratch / kLineBytes) {
      const auto sums = std::make_unique_for_overwrite<Line[]>(table.n_outputs);
      for (; i + kRows <= end; i += kRows) {
        const T* const tile = rows + i * table.n_features;
        T* const answers = out + i * table.n_outputs;
        if constexpr (std::is_same_v<T, float>)
          kernels().project_f32(tile, table, scale, sums[0].lanes, answers);
        else
          kernels().project_f64(tile, table, scale, sums[0].lanes, answers);
      }
    }
    for (; i < end; ++i) project_row(rows + i * table.n_features, table, scale, out + i * table.n_outputs);
  });
}

// The same for rows in compressed form: row i has the values [starts[i], starts[i + 1]), each of its own feature.
// Throws std::invalid_argument when they do not lie within the arrays.
template <class T, class Index>
void project_csr(std::span<const Index> starts, std::span<const Index> features, std::span<const T> values,
                 SignTable table, T scale, T* out, size_t threads) {
  parallel_for(starts.size() - 1, kProjectionGrain, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Index first = starts[i], last = starts[i + 1];
      if (first < 0 || last < first || static_cast<size_t>(last) > values.size())
        throw std::invalid_argument(kBrokenStarts);
      T* const answers = out + i * table.n_outputs;
      std::fill_n(answers, table.n_outputs, T{0});
      for (Index k = first; k < last; ++k) {
        const Index feature = features[static_cast<size_t>(k)];
        if (feature < 0 || static_cast<size_t>(feature) >= table.n_features)
          throw std::invalid_argument(kBrokenFeatures);
        scatter(values[static_cast<size_t>(k)], table.codes + static_cast<size_t>(feature) * table.n_entries,
                table.n_entries, answers);
      }
      scale_row(answers, table.n_outputs, scale);
    }
  });
}

}  // namespace hypersketch
