// SPDX-License-Identifier: Apache-2.0
// Retrieval for one query from rows of integers of 8 bits.
//
// The query is q = scale (256 high + low), and the weights of a tile are their largest one times integers of 16 bits,
// so products and sums are whole numbers, the same at every level; both cut off less than half a 2^-15 of the largest.

constexpr size_t kByteBlock = 64;

#if defined(__AVX512VNNI__)
HYPERSKETCH_HD __m512i load_bytes(const std::int8_t* p, size_t count) {
  if (count >= kByteBlock) return _mm512_loadu_si512(p);
  return _mm512_maskz_loadu_epi8((uint64_t{1} << count) - 1, p);
}
#endif

struct Products {
  std::int32_t high[4], low[4];
};

#if defined(__AVX512VNNI__)
// Zero-masked forms with full masks: the plain ones make GCC 12 warn of its own header.
HYPERSKETCH_HD __m512i add_lower_upper_32(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xFFFF, a, b), _mm512_maskz_unpackhi_epi32(0xFFFF, a, b));
}

HYPERSKETCH_HD __m512i add_lower_upper_64(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(0xFF, a, b), _mm512_maskz_unpackhi_epi64(0xFF, a, b));
}

// out[i] = sum of the lanes of v[i] - offset
HYPERSKETCH_HD void sum_four(const __m512i* v, std::int32_t offset, std::int32_t* out) {
  const __m512i c = add_lower_upper_64(add_lower_upper_32(v[0], v[1]), add_lower_upper_32(v[2], v[3]));
  const __m256i d =
      _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xF, c, 0), _mm512_maskz_extracti64x4_epi64(0xF, c, 1));
  const __m128i e = _mm_add_epi32(_mm256_castsi256_si128(d), _mm256_extracti128_si256(d, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_sub_epi32(e, _mm_set1_epi32(offset)));
}

// The instruction multiplies signed with unsigned bytes, so 128 is added to every number of a row, and taken off again
// from the sums.
HYPERSKETCH_HD Products byte_products(ByteQuery query, const std::int8_t* rows, size_t n, size_t dim) {
  const __m512i shift = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i high[4], low[4];
  for (size_t r = 0; r < 4; ++r) high[r] = low[r] = _mm512_setzero_si512();
  for (size_t d = 0; d < dim; d += kByteBlock) {
    const __m512i a = _mm512_load_si512(query.high + d), b = _mm512_load_si512(query.low + d);
    for (size_t r = 0; r < 4; ++r) {
      const size_t row = r < n ? r : 0;
      const __m512i numbers = _mm512_xor_si512(load_bytes(rows + row * dim + d, dim - d), shift);
      high[r] = _mm512_dpbusd_epi32(high[r], numbers, a);
      low[r] = _mm512_dpbusd_epi32(low[r], numbers, b);
    }
  }
  Products products;
  sum_four(high, query.high_sum * 128, products.high);
  sum_four(low, query.low_sum * 128, products.low);
  return products;
}
#else
HYPERSKETCH_HD Products byte_products(ByteQuery query, const std::int8_t* rows, size_t n, size_t dim) {
  Products products = {};
  for (size_t r = 0; r < 4 && r < n; ++r)
    for (size_t d = 0; d < dim; ++d) {
      products.high[r] += rows[r * dim + d] * query.high[d];
      products.low[r] += rows[r * dim + d] * query.low[d];
    }
  return products;
}
#endif

// scores[j] = product of the query and row j, `missing` for the others of a width.
void compare_bytes(ByteQuery query, const std::int8_t* rows, size_t n, size_t dim, Ahead ahead, float missing,
                   float* scores) {
  for (size_t j = 0; j < n; j += 4) {
    const Products products = byte_products(query, rows + j * dim, n - j, dim);
    for (size_t r = 0; r < 4; ++r) {
      const float product = static_cast<float>(products.high[r]) * 256.0F + static_cast<float>(products.low[r]);
      scores[j + r] = product * query.scale;
    }
    for (size_t bytes = 0; bytes < 2 * dim; bytes += kLineBytes) fetch_line(ahead);
  }
  for (size_t j = n; j % kWidth != 0; ++j) scores[j] = missing;
}

#if defined(__AVX512VNNI__)
// Four rows, four bytes a lane: column 16 l + 4 c + i of a block is lane 4 l + i of columns[c].
HYPERSKETCH_HD void byte_columns(const std::int8_t* rows, size_t n, size_t dim, size_t count, __m512i* columns) {
  __m512i row[4];
  for (size_t r = 0; r < 4; ++r) row[r] = r < n ? load_bytes(rows + r * dim, count) : _mm512_setzero_si512();
  const __m512i a = _mm512_unpacklo_epi8(row[0], row[1]), b = _mm512_unpackhi_epi8(row[0], row[1]);
  const __m512i c = _mm512_unpacklo_epi8(row[2], row[3]), d = _mm512_unpackhi_epi8(row[2], row[3]);
  columns[0] = _mm512_unpacklo_epi16(a, c);
  columns[1] = _mm512_unpackhi_epi16(a, c);
  columns[2] = _mm512_unpacklo_epi16(b, d);
  columns[3] = _mm512_unpackhi_epi16(b, d);
}
#endif

// sums[d] = sum of weights[j] * row j over n <= kTile rows and up to kByteBlock columns, in an order of the level's.
HYPERSKETCH_HD void byte_sums(const std::uint8_t* high, const std::uint8_t* low, const std::int8_t* rows, size_t n,
                              size_t dim, size_t count, Ahead& ahead, std::int32_t* sums) {
#if defined(__AVX512VNNI__)
  __m512i a[4], b[4];
  for (size_t c = 0; c < 4; ++c) a[c] = b[c] = _mm512_setzero_si512();
  for (size_t j = 0; j < n; j += 4) {
    __m512i columns[4];
    byte_columns(rows + j * dim, n - j, dim, count, columns);
    std::int32_t four_high, four_low;
    std::memcpy(&four_high, high + j, 4);
    std::memcpy(&four_low, low + j, 4);
    for (size_t c = 0; c < 4; ++c) {
      a[c] = _mm512_dpbusd_epi32(a[c], _mm512_set1_epi32(four_high), columns[c]);
      b[c] = _mm512_dpbusd_epi32(b[c], _mm512_set1_epi32(four_low), columns[c]);
    }
    fetch_line(ahead);
    fetch_line(ahead);
  }
  for (size_t c = 0; c < 4; ++c)
    _mm512_storeu_si512(sums + c * 16, _mm512_add_epi32(_mm512_maskz_slli_epi32(0xFFFF, a[c], 8), b[c]));
#else
  for (size_t d = 0; d < kByteBlock; ++d) sums[d] = 0;
  for (size_t j = 0; j < n; ++j) {
    const std::int32_t weight = high[j] * 256 + low[j];
    for (size_t d = 0; d < count; ++d) sums[d] += weight * rows[j * dim + d];
    fetch_line(ahead);
  }
#endif
}

// state += sum of weights[j] * row j, weights >= 0, in the order that restore_bytes undoes.
void sum_bytes(const float* weights, const std::int8_t* rows, size_t n, size_t dim, Ahead ahead, float* state) {
  float most = 0.0F;
  for (size_t j = 0; j < n; ++j) most = weights[j] > most ? weights[j] : most;
  if (!(most > 0.0F)) return;
  std::uint8_t high[kTile] = {}, low[kTile] = {};
  for (size_t j = 0; j < n; ++j) {
    const auto whole = static_cast<std::uint32_t>(weights[j] / most * 65535.0F + 0.5F);
    high[j] = static_cast<std::uint8_t>(whole >> 8);
    low[j] = static_cast<std::uint8_t>(whole);
  }
  const float unit = most / 65535.0F;
  for (size_t d = 0; d < dim; d += kByteBlock) {
    std::int32_t sums[kByteBlock];
    byte_sums(high, low, rows + d, n, dim, dim - d < kByteBlock ? dim - d : kByteBlock, ahead, sums);
    for (size_t i = 0; i < kByteBlock; ++i) state[d + i] += static_cast<float>(sums[i]) * unit;
  }
}

void restore_bytes(const float* from, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) {
#if defined(__AVX512VNNI__)
    const size_t i = d % kByteBlock;
    to[d] = from[d - i + i / 4 % 4 * 16 + i / 16 * 4 + i % 4];
#else
    to[d] = from[d];
#endif
  }
}

constexpr RetrievalKernels kRetrievalKernels{widen_bfloat16,
                                             widen_int8,
                                             widen_float8,
                                             turn_tile,
                                             compare_tile,
                                             adjust_scores,
                                             weigh_softmax,
                                             weigh_beyond,
                                             weigh_power,
                                             scores_above,
                                             sum_tile,
                                             {compare_patterns<float>, sum_patterns<float>},
                                             {compare_patterns<std::uint16_t>, sum_patterns<std::uint16_t>},
                                             {compare_bytes, sum_bytes},
                                             {compare_patterns<std::uint8_t>, sum_patterns<std::uint8_t>},
                                             order_even_odd,
                                             restore_even_odd,
                                             restore_bytes};
