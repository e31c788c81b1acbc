// SPDX-License-Identifier: Apache-2.0
// The signs of a weighted sum of packed +-1 vectors, by carry-save adders instead of multiplications.
//
// Idea: a weight is a sum of signed powers of two with no two neighbours (non-adjacent form, a third of its digits is
// not zero), so a sum is a count of set bits in which a row of digit +-2^p enters at level p, complemented where the
// digit is negative. A full adder turns three vectors of one level into one and a carry of the next, two instructions
// for 512 dimensions with AVX-512, and complementing both rows that it takes costs nothing. Bottleneck: loading the
// rows, about a third of the weights' bits each.

// Two complemented items.
HYPERSKETCH_HD void full_subtract(Vec& carry, Vec& sum, Vec a, Vec b) {
#if defined(__AVX512F__)
  carry = reinterpret_cast<Vec>(_mm512_ternarylogic_epi64(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a),
                                                          reinterpret_cast<__m512i>(b), 0x71));
#else
  carry = ~(a | b) | (sum & (a ^ b));
#endif
  sum = xor3(sum, a, b);
}

constexpr size_t kMostDigitLevels = 31, kMostWeightPlanes = 66;

// The rows of every level: those that are added at rows[starts[2 p]], those that are subtracted at
// rows[starts[2 p + 1]], as words at which they begin.
struct WeightDigits {
  std::uint32_t* rows;
  std::uint32_t starts[2 * kMostDigitLevels + 1];
  size_t n_levels;
};

constexpr size_t kDigitUnit = 16;  // weights are cut in vectors of so many

// Positive and negative digits of all weights, of which there are kDigitUnit, as bits. Returns all bits used.
HYPERSKETCH_HD std::uint32_t cut_weights(const std::int32_t* weights, size_t n, std::uint32_t* up,
                                         std::uint32_t* down) {
  std::uint32_t used = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto size = static_cast<std::uint32_t>(weights[i] < 0 ? -weights[i] : weights[i]);
    const std::uint32_t triple = 3 * size, plus = (triple & ~size) >> 1, minus = (size & ~triple) >> 1;
    up[i] = weights[i] < 0 ? minus : plus;
    down[i] = weights[i] < 0 ? plus : minus;
    used |= plus | minus;
  }
  return used;
}

// Appends the rows with a digit in place p. Writes up to kDigitUnit too many.
HYPERSKETCH_HD std::uint32_t* list_rows(const std::uint32_t* digits, size_t n, size_t p, size_t stride,
                                        std::uint32_t* rows) {
#if defined(__AVX512F__)
  const __m512i bit = _mm512_set1_epi32(static_cast<int>(1U << p));
  const __m512i step = _mm512_set1_epi32(static_cast<int>(kDigitUnit * stride));
  __m512i begins = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                      _mm512_set1_epi32(static_cast<int>(stride)));
  for (size_t i = 0; i < n; i += kDigitUnit) {
    const __mmask16 chosen = _mm512_test_epi32_mask(_mm512_loadu_si512(digits + i), bit);
    _mm512_storeu_si512(rows, _mm512_maskz_compress_epi32(chosen, begins));
    rows += __builtin_popcount(chosen);
    begins = _mm512_add_epi32(begins, step);
  }
#elif defined(__AVX2__)
  const __m128i to_sign = _mm_cvtsi64_si128(static_cast<long long>(31 - p));
  const __m256i width = _mm256_set1_epi32(static_cast<int>(stride));
  for (size_t i = 0; i < n; i += 8) {
    const __m256i signs = _mm256_sll_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(digits + i)), to_sign);
    const auto chosen = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(signs)));
    const uint64_t lanes = _pext_u64(0x0706050403020100U, _pdep_u64(chosen, 0x0101010101010101U) * 0xFF);
    const __m256i index = _mm256_add_epi32(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(lanes))),
                                           _mm256_set1_epi32(static_cast<int>(i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows), _mm256_mullo_epi32(index, width));
    rows += __builtin_popcount(chosen);
  }
#else
  for (size_t i = 0; i < n; ++i) {
    *rows = static_cast<std::uint32_t>(i * stride);
    rows += (digits[i] >> p) & 1;
  }
#endif
  return rows;
}

// Cuts weights into digits; returns the sum of their magnitudes.
HYPERSKETCH_HD uint64_t cut_digits(const std::int32_t* weights, size_t n, size_t stride, WeighMemory memory,
                                   WeightDigits& digits) {
  const size_t padded = (n + kDigitUnit - 1) / kDigitUnit * kDigitUnit;
  std::uint32_t* const signs[2] = {memory.digits, memory.digits + padded};
  for (size_t i = n; i < padded; ++i) signs[0][i] = signs[1][i] = 0;
  const std::uint32_t used = cut_weights(weights, n, signs[0], signs[1]);
  digits.rows = memory.rows;
  digits.n_levels = used == 0 ? 0 : static_cast<size_t>(32 - __builtin_clz(used));
  uint64_t total = 0;
  std::uint32_t* end = digits.rows;
  for (size_t k = 0; k < 2 * digits.n_levels; ++k) {
    digits.starts[k] = static_cast<std::uint32_t>(end - digits.rows);
    end = list_rows(signs[k % 2], n, k / 2, stride, end);
    total += static_cast<uint64_t>(end - digits.rows - digits.starts[k]) << (k / 2);
  }
  digits.starts[2 * digits.n_levels] = static_cast<std::uint32_t>(end - digits.rows);
  return total;
}

// One level of kColumns vectors of words: adds carries and rows, leaves the level's plane and writes the next carries
// over those read. Several vectors at once share the branches that lists of unforeseeable length cost.
template <size_t kColumns>
struct Level {
  const uint64_t* words;
  Vec* carries;
  size_t n = 0;
  Vec sum[kColumns] = {};
  Vec left[kColumns] = {};
  bool has_left = false;

  HYPERSKETCH_MEMBER void take_carries(size_t count) {
    for (size_t k = 0; k + 2 <= count; k += 2, ++n)
      for (size_t c = 0; c < kColumns; ++c) {
        const Vec a = carries[k * kColumns + c], b = carries[(k + 1) * kColumns + c];
        full_add(carries[n * kColumns + c], sum[c], a, b);
      }
    if (count % 2 == 0) return;
    for (size_t c = 0; c < kColumns; ++c) left[c] = carries[(count - 1) * kColumns + c];
    has_left = true;
  }

  template <bool kNegative>
  HYPERSKETCH_MEMBER void take_rows(const std::uint32_t* row, const std::uint32_t* end) {
    const Vec flip = broadcast(kNegative ? ~uint64_t{0} : 0);
    if (has_left && row != end) {
      pair_with(words + *row++, flip);
      has_left = false;
    }
    for (; end - row >= 2; row += 2, ++n)
      for (size_t c = 0; c < kColumns; ++c) {
        const Vec a = load(words + row[0] + c * kLanes), b = load(words + row[1] + c * kLanes);
        if constexpr (kNegative)
          full_subtract(carries[n * kColumns + c], sum[c], a, b);
        else
          full_add(carries[n * kColumns + c], sum[c], a, b);
      }
    if (row == end) return;
    for (size_t c = 0; c < kColumns; ++c) left[c] = load(words + *row + c * kLanes) ^ flip;
    has_left = true;
  }
  HYPERSKETCH_MEMBER void pair_with(const uint64_t* row, Vec flip) {
    for (size_t c = 0; c < kColumns; ++c)
      full_add(carries[n * kColumns + c], sum[c], left[c], load(row + c * kLanes) ^ flip);
    ++n;
  }

  // A single item, or none, needs no carry: the sum is still zero where there was no pair.
  HYPERSKETCH_MEMBER void finish() {
    if (!has_left) return;
    for (size_t c = 0; c < kColumns; ++c) {
      if (n != 0) carries[n * kColumns + c] = sum[c] & left[c];
      sum[c] ^= left[c];
    }
    n += n != 0;
  }
};

// Planes of the counts of kColumns vectors of words; returns how many.
template <size_t kColumns>
HYPERSKETCH_HD size_t count_digits(const uint64_t* words, const WeightDigits& digits, Vec* carries, Vec* planes) {
  size_t n_carries = 0, p = 0;
  for (; p < digits.n_levels || n_carries != 0; ++p) {
    Level<kColumns> level{words, carries};
    level.take_carries(n_carries);
    if (p < digits.n_levels) {
      level.template take_rows<false>(digits.rows + digits.starts[2 * p], digits.rows + digits.starts[2 * p + 1]);
      level.template take_rows<true>(digits.rows + digits.starts[2 * p + 1], digits.rows + digits.starts[2 * p + 2]);
    }
    level.finish();
    for (size_t c = 0; c < kColumns; ++c) planes[p * kColumns + c] = level.sum[c];
    n_carries = level.n;
  }
  return p;
}

template <size_t kColumns>
HYPERSKETCH_HD void weigh_columns(const uint64_t* words, const WeightDigits& digits, uint64_t total,
                                  const uint64_t* ties, Vec* carries, uint64_t* out) {
  Vec planes[kMostWeightPlanes * kColumns];
  const size_t n_planes = count_digits<kColumns>(words, digits, carries, planes);
  const uint64_t half = total / 2;
  for (size_t c = 0; c < kColumns; ++c) {
    Vec above = broadcast(0), equal = ~above;
    for (size_t p = n_planes; p-- > 0;) {
      const Vec plane = planes[p * kColumns + c];
      if (((half >> p) & 1) == 0) above |= equal & plane;
      equal &= ((half >> p) & 1) == 0 ? ~plane : plane;
    }
    if (total % 2 == 0) above |= equal & load(ties + c * kLanes);
    store(out + c * kLanes, above);
  }
}

void weigh_rows(RowBatch rows, const std::int32_t* weights, const uint64_t* ties, WeighMemory memory, uint64_t* out) {
  constexpr size_t kMostColumns = 4;
  WeightDigits digits;
  const uint64_t total = cut_digits(weights, rows.n, rows.stride, memory, digits);
  Vec* const carries = reinterpret_cast<Vec*>(memory.carries);
  size_t j = 0;
  for (; j + kMostColumns * kLanes <= rows.stride; j += kMostColumns * kLanes)
    weigh_columns<kMostColumns>(rows.rows + j, digits, total, ties + j, carries, out + j);
  switch ((rows.stride - j) / kLanes) {
    case 3:
      return weigh_columns<3>(rows.rows + j, digits, total, ties + j, carries, out + j);
    case 2:
      return weigh_columns<2>(rows.rows + j, digits, total, ties + j, carries, out + j);
    case 1:
      return weigh_columns<1>(rows.rows + j, digits, total, ties + j, carries, out + j);
    default:
      return;
  }
}
