// SPDX-License-Identifier: Apache-2.0
// Modular and sparse spaces: the words of a key's stream made digits or places of ones, and distances of digits.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "hypersketch/layout.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

// Row i of `out` is the atom of key i: `width` integers in [0, modulus), two from each word of its stream.
inline void digit_rows(uint64_t seed, std::span<const uint64_t> hashes, size_t width, std::uint32_t modulus,
                       std::uint16_t* out, size_t threads) {
  constexpr size_t kWords = 512;  // at a time: they and their digits stay in the first cache
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  const size_t grain = std::max<size_t>(1, (size_t{1} << 15) / std::max<size_t>(1, width));
  parallel_for(hashes.size(), grain, threads, [&](size_t begin, size_t end) {
    std::vector<uint64_t> words(kWords + kPadWords);
    std::vector<std::uint16_t> digits(2 * words.size());
    for (size_t i = begin; i < end; ++i) {
      const uint64_t start = stream_start(word_of_seed, hashes[i]);
      for (size_t first = 0; first < width; first += 2 * kWords) {
        const size_t n = std::min(width - first, 2 * kWords), n_words = (n + 1) / 2;
        const uint64_t here = start + first / 2 * kGamma;
        kernels().atom_rows(&here, 1, n_words, ~uint64_t{0}, words.data(), n_words);
        kernels().digit_numbers(words.data(), n_words, modulus, digits.data());
        std::copy_n(digits.data(), n, out + i * width + first);
      }
    }
  });
}

// Row i of `out` is the packed atom of key i with n_ones ones: the upper halves of its words, times the dimension (or
// the segment's length), are the places of the first n_ones different ones.
inline void sparse_rows(uint64_t seed, std::span<const uint64_t> hashes, size_t dim, size_t n_ones, bool segments,
                        uint64_t* out, size_t threads) {
  const uint64_t word_of_seed = seed_word(seed, Purpose::kAtom);
  const size_t n_words = words_for(dim);
  const size_t grain = std::max<size_t>(1, (size_t{1} << 15) / (n_words + n_ones));
  parallel_for(hashes.size(), grain, threads, [&](size_t begin, size_t end) {
    std::vector<uint64_t> words(n_ones);
    for (size_t i = begin; i < end; ++i) {
      uint64_t* const row = out + i * n_words;
      std::fill_n(row, n_words, uint64_t{0});
      const uint64_t start = stream_start(word_of_seed, hashes[i]);
      for (size_t found = 0, first = 0; found < n_ones; first += n_ones) {
        const uint64_t here = start + first * kGamma;
        kernels().atom_rows(&here, 1, n_ones, ~uint64_t{0}, words.data(), n_ones);
        for (size_t j = 0; j < n_ones && found < n_ones; ++j) {
          const uint64_t from = segments ? j * dim / n_ones : 0, to = segments ? (j + 1) * dim / n_ones : dim;
          const uint64_t place = from + ((words[j] >> 32) * (to - from) >> 32);
          const uint64_t bit = uint64_t{1} << (place % kWordBits);
          found += (row[place / kWordBits] & bit) == 0;
          row[place / kWordBits] |= bit;
        }
      }
    }
  });
}

// out[i * m + j] = compare(row i of a, row j of b).
template <class Compare>
void compare_digits(const std::uint16_t* a, size_t n, const std::uint16_t* b, size_t m, size_t width, std::int64_t* out,
                    size_t threads, Compare compare) {
  const size_t grain = std::max<size_t>(1, (size_t{1} << 17) / std::max<size_t>(1, width * n));
  parallel_for(m, grain, threads, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; ++j)
      for (size_t i = 0; i < n; ++i) out[i * m + j] = compare(a + i * width, b + j * width);
  });
}

}  // namespace hypersketch
