// SPDX-License-Identifier: Apache-2.0
// Retrieval from patterns of bfloat16 by words, which are two of its numbers each: an instruction multiplies them with
// words of another, and adds both products to a float. Similarities pair numbers of a row that are neighbours, sums
// pair a number of two rows that are neighbours. Bottleneck: one such instruction for 32 products, twice.

struct WordProducts {
  using Number = std::uint32_t;
  HYPERSKETCH_MEMBER static __m512bh load(const std::uint32_t* words) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(words));
  }
  HYPERSKETCH_MEMBER static __m512bh spread_one(std::uint32_t word) {
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(word)));
  }
  HYPERSKETCH_MEMBER static Singles add(Singles sum, __m512bh a, __m512bh b) {
    return reinterpret_cast<Singles>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), a, b));
  }
};

void narrow_words(const float* from, size_t n, std::uint32_t* to) {
  for (size_t i = 0; i < n; i += kSingleLanes) {
    const __m256bh numbers = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i));
    std::memcpy(to + i / 2, &numbers, sizeof numbers);
  }
}

void compare_words(const std::uint32_t* queries, size_t n, size_t stride, const std::uint32_t* tile, size_t n_words,
                   Ahead ahead, float* scores) {
  compare_groups<WordProducts>(queries, n, stride, tile, n_words, ahead, scores);
}

// ---- sums

constexpr size_t kPairedNumbers = 2 * kSingleLanes;  // of a row, that two registers of words take

// Numbers d < count of a row, zeros beyond.
HYPERSKETCH_HD __m512i load_numbers(const std::uint16_t* row, size_t count) {
  const size_t kept = count < kPairedNumbers ? count : kPairedNumbers;
  return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << kept) - 1), row);
}

// Of every eight numbers the first register has four, the second the others.
HYPERSKETCH_HD size_t paired_place(size_t d) {
  return d - d % kPairedNumbers + d % 8 / 4 * kSingleLanes + d % kPairedNumbers / 8 * 4 + d % 4;
}

void pair_rows(const std::uint16_t* rows, size_t n, size_t dim, size_t row_stride, std::uint32_t* pairs,
               size_t stride) {
  for (size_t j = 0; j < n; j += 2, pairs += stride) {
    const std::uint16_t *row = rows + j * row_stride, *next = row + row_stride;
    for (size_t d = 0; d < stride; d += kPairedNumbers) {
      const size_t count = d < dim ? dim - d : 0;
      const __m512i a = load_numbers(row + d, count), b = load_numbers(next + d, j + 1 < n ? count : 0);
      _mm512_storeu_si512(pairs + d, _mm512_unpacklo_epi16(a, b));
      _mm512_storeu_si512(pairs + d + kSingleLanes, _mm512_unpackhi_epi16(a, b));
    }
  }
}

void restore_paired(const float* state, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) to[d] = state[paired_place(d)];
}

void sum_pairs(const std::uint32_t* weights, size_t n_queries, const std::uint32_t* pairs, size_t n_pairs,
               float* states, size_t stride) {
  sum_groups<WordProducts>(weights, kTile / 2, n_queries, pairs, n_pairs, stride, states, stride);
}
