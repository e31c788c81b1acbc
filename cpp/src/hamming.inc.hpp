// SPDX-License-Identifier: Apache-2.0
// Which of many packed vectors are near to a few others.
//
// Idea: a lane holds one row, so that no distance is summed across lanes and no dimension leaves lanes empty. For that
// rows are interleaved once for a whole block of queries; then kGroups vectors of rows meet up to kQueriesAtOnce
// queries, whose words are broadcast, and all sums stay in registers. Rows that are not nearer than a query's limit
// end there. Bottleneck: one XOR, one popcount and one addition for kLanes words. (Counting two words by one popcount
// through their carries takes 5 instructions in place of 6 and was no faster: copies of registers ate the sixth.)

#if defined(__AVX512VPOPCNTDQ__)
constexpr size_t kGroups = 2, kStretch = 32;
HYPERSKETCH_HD Vec partial_ones(Vec v) { return lane_ones(v); }
HYPERSKETCH_HD Vec whole_ones(Vec v) { return v; }
#elif defined(__AVX2__)
// Ones of every byte; those of kStretch words fit into bytes.
constexpr size_t kGroups = 1, kStretch = 31;
HYPERSKETCH_HD Vec partial_ones(Vec v) {
  const __m256i table =
      _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15), x = reinterpret_cast<__m256i>(v);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
  return reinterpret_cast<Vec>(_mm256_add_epi8(low, high));
}
HYPERSKETCH_HD Vec add_bytes(Vec a, Vec b) {
  return reinterpret_cast<Vec>(_mm256_add_epi8(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
HYPERSKETCH_HD Vec whole_ones(Vec v) {
  return reinterpret_cast<Vec>(_mm256_sad_epu8(reinterpret_cast<__m256i>(v), _mm256_setzero_si256()));
}
#elif defined(__POPCNT__) || defined(__aarch64__)
constexpr size_t kGroups = 2, kStretch = 32;
HYPERSKETCH_HD Vec partial_ones(Vec v) { return count_ones(v); }
HYPERSKETCH_HD Vec whole_ones(Vec v) { return v; }
#else
// The same with shifts: the multiplication of count_ones is done once a stretch.
constexpr size_t kGroups = 1, kStretch = 31;
HYPERSKETCH_HD Vec partial_ones(Vec v) {
  v -= (v >> 1) & 0x5555555555555555ULL;
  v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
  return (v + (v >> 4)) & 0x0F0F0F0F0F0F0F0FULL;
}
HYPERSKETCH_HD Vec whole_ones(Vec v) {
  const Vec pairs = (v & 0x00FF00FF00FF00FFULL) + ((v >> 8) & 0x00FF00FF00FF00FFULL);
  return (pairs * 0x0001000100010001ULL) >> 48;
}
#endif

// Bit l is set where lane l of the sums is below the limit; both are far below 2^63.
HYPERSKETCH_HD unsigned lanes_below(Vec sums, uint64_t limit) {
#if defined(__AVX512F__)
  return _mm512_cmplt_epu64_mask(reinterpret_cast<__m512i>(sums), reinterpret_cast<__m512i>(broadcast(limit)));
#elif defined(__AVX2__)
  const __m256i below =
      _mm256_cmpgt_epi64(reinterpret_cast<__m256i>(broadcast(limit)), reinterpret_cast<__m256i>(sums));
  return static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(below)));
#else
  return sums < limit ? 1 : 0;
#endif
}

// Column i of kLanes rows becomes row i.
HYPERSKETCH_HD void transpose_lanes(Vec (&v)[kLanes]) {
#if defined(__AVX512F__)
  constexpr __mmask8 kAll = 0xFF;  // the unmasked forms make GCC 12 warn of its own header
  __m512i pairs[8], quads[8];
  for (size_t i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_maskz_unpacklo_epi64(kAll, reinterpret_cast<__m512i>(v[i]), reinterpret_cast<__m512i>(v[i + 1]));
    pairs[i + 1] =
        _mm512_maskz_unpackhi_epi64(kAll, reinterpret_cast<__m512i>(v[i]), reinterpret_cast<__m512i>(v[i + 1]));
  }
  for (size_t i = 0; i < 2; ++i) {
    for (size_t half = 0; half < 8; half += 4) {
      quads[half + i] = _mm512_maskz_shuffle_i64x2(kAll, pairs[half + i], pairs[half + i + 2], 0x88);
      quads[half + i + 2] = _mm512_maskz_shuffle_i64x2(kAll, pairs[half + i], pairs[half + i + 2], 0xDD);
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    v[i] = reinterpret_cast<Vec>(_mm512_maskz_shuffle_i64x2(kAll, quads[i], quads[i + 4], 0x88));
    v[i + 4] = reinterpret_cast<Vec>(_mm512_maskz_shuffle_i64x2(kAll, quads[i], quads[i + 4], 0xDD));
  }
#elif defined(__AVX2__)
  __m256i pairs[4];
  for (size_t i = 0; i < 4; i += 2) {
    pairs[i] = _mm256_unpacklo_epi64(reinterpret_cast<__m256i>(v[i]), reinterpret_cast<__m256i>(v[i + 1]));
    pairs[i + 1] = _mm256_unpackhi_epi64(reinterpret_cast<__m256i>(v[i]), reinterpret_cast<__m256i>(v[i + 1]));
  }
  for (size_t i = 0; i < 2; ++i) {
    v[i] = reinterpret_cast<Vec>(_mm256_permute2x128_si256(pairs[i], pairs[i + 2], 0x20));
    v[i + 2] = reinterpret_cast<Vec>(_mm256_permute2x128_si256(pairs[i], pairs[i + 2], 0x31));
  }
#else
  (void)v;
#endif
}

// Row `row` of the batch; beyond its end the last one stands in.
HYPERSKETCH_HD const uint64_t* row_or_last(RowBatch rows, size_t row) {
  return rows.rows + (row < rows.n ? row : rows.n - 1) * rows.stride;
}

template <class Store>
HYPERSKETCH_HD void interleave_block(const uint64_t* const (&row)[kLanes], size_t j, size_t lanes, Store put) {
  Vec block[kLanes];
  for (size_t l = 0; l < kLanes; ++l) block[l] = load_lanes(row[l] + j, lanes);
  transpose_lanes(block);
  for (size_t i = 0; i < kLanes; ++i) put(i, block[i]);
}

// Reads a row straight through, so that it is in a cache when read beside others: memory is three times faster so.
HYPERSKETCH_HD void touch(const uint64_t* row, size_t n_words) {
  constexpr size_t kLineWords = 8;
  for (size_t j = 0; j < n_words; j += kLineWords) asm volatile("" : : "r"(row[j]));
}

void interleave_rows(RowBatch rows, uint64_t* out) {
  const size_t n_words = rows.stride;
  for (size_t first = 0; first < rows.n; first += kLanes, out += n_words * kLanes) {
    const uint64_t* row[kLanes];
    for (size_t l = 0; l < kLanes; ++l) {
      row[l] = row_or_last(rows, first + l);
      touch(row[l], n_words);
    }
    size_t j = 0;
    for (; j + kLanes <= n_words; j += kLanes) {
      interleave_block(row, j, kLanes, [&](size_t i, Vec v) { store(out + (j + i) * kLanes, v); });
    }
    if (j < n_words)
      interleave_block(row, j, n_words - j, [&](size_t i, Vec v) {
        if (j + i < n_words) store(out + (j + i) * kLanes, v);
      });
  }
}

HYPERSKETCH_HD Vec add_partial(Vec sum, Vec ones) {
#if defined(__AVX2__) && !defined(__AVX512VPOPCNTDQ__)
  return add_bytes(sum, ones);
#else
  return sum + ones;
#endif
}

// Distances of kCount vectors of rows from kQueries queries; false where no lane can still be below its limit.
template <size_t kQueries, size_t kCount>
HYPERSKETCH_HD bool distances(const uint64_t* tile, RowBatch queries, const uint64_t* limits,
                              Vec (&sums)[kQueries][kCount]) {
  const size_t n_words = queries.stride;
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t g = 0; g < kCount; ++g) sums[q][g] = broadcast(0);
  for (size_t j = 0; j < n_words;) {
    const size_t end = n_words - j < kStretch ? n_words : j + kStretch;
    Vec part[kQueries][kCount];
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t g = 0; g < kCount; ++g) part[q][g] = broadcast(0);
    for (; j < end; ++j) {
      Vec rows[kCount];
      for (size_t g = 0; g < kCount; ++g) rows[g] = load(tile + (g * n_words + j) * kLanes);
      for (size_t q = 0; q < kQueries; ++q) {
        const Vec word = broadcast(queries.rows[q * n_words + j]);
        for (size_t g = 0; g < kCount; ++g) part[q][g] = add_partial(part[q][g], partial_ones(rows[g] ^ word));
      }
    }
    unsigned open = 0;
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t g = 0; g < kCount; ++g) {
        sums[q][g] += whole_ones(part[q][g]);
        open |= lanes_below(sums[q][g], limits[q]);
      }
    if (open == 0) return false;
  }
  return true;
}

// Notes the rows first + l, l < n, whose distance is below the limit.
HYPERSKETCH_HD void note_near(Vec sums, size_t first, size_t n, size_t q, const uint64_t* limits, NearRows near) {
  unsigned found = lanes_below(sums, limits[q]);
  if (n < kLanes) found &= (1U << n) - 1;
  if (found == 0) return;
  uint64_t distance[kLanes];
  store(distance, sums);
  for (; found != 0; found &= found - 1) {
    const auto l = static_cast<size_t>(__builtin_ctz(found));
    near.keys[q * near.stride + near.counts[q]++] = (distance[l] << kRowBits) | (near.first_row + first + l);
  }
}

template <size_t kQueries, size_t kCount>
HYPERSKETCH_HD void near_groups(const uint64_t* tile, size_t n_rows, size_t first, RowBatch queries,
                                const uint64_t* limits, NearRows near) {
  Vec sums[kQueries][kCount];
  if (!distances(tile + first * queries.stride, queries, limits, sums)) return;
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t g = 0; g < kCount; ++g)
      note_near(sums[q][g], first + g * kLanes, n_rows - first - g * kLanes, q, limits, near);
}

template <size_t kQueries>
void near_queries(const uint64_t* tile, size_t n_rows, RowBatch queries, const uint64_t* limits, NearRows near) {
  size_t first = 0;
  for (; first + (kGroups - 1) * kLanes < n_rows; first += kGroups * kLanes)
    near_groups<kQueries, kGroups>(tile, n_rows, first, queries, limits, near);
  for (; first < n_rows; first += kLanes) near_groups<kQueries, 1>(tile, n_rows, first, queries, limits, near);
}

void near_interleaved(const uint64_t* tile, size_t n_rows, RowBatch queries, const uint64_t* limits, NearRows near) {
  for (size_t q = 0; q < queries.n; ++q) near.counts[q] = 0;
  switch (queries.n) {
    case 1:
      return near_queries<1>(tile, n_rows, queries, limits, near);
    case 2:
      return near_queries<2>(tile, n_rows, queries, limits, near);
    case 3:
      return near_queries<3>(tile, n_rows, queries, limits, near);
    default:
      return near_queries<4>(tile, n_rows, queries, limits, near);
  }
}

// Few queries are not worth interleaving for: kLanes rows at once as they lie, and their sums transposed.
HYPERSKETCH_HD Vec row_distances(RowBatch rows, size_t first, const uint64_t* query) {
  const uint64_t* row[kLanes];
  Vec sums[kLanes];
  for (size_t l = 0; l < kLanes; ++l) {
    row[l] = row_or_last(rows, first + l);
    sums[l] = broadcast(0);
  }
  const auto ones = [&](size_t l, size_t j, size_t lanes) {
    return lane_ones(load_lanes(row[l] + j, lanes) ^ load_lanes(query + j, lanes));
  };
  constexpr size_t kLongRow = 64;  // words; memory is read faster straight through
  if (rows.stride >= kLongRow) {
    for (size_t l = 0; l < kLanes; ++l) {
      Vec sum = broadcast(0);
      for_lanes(rows.stride, [&](size_t j, size_t lanes) { sum += ones(l, j, lanes); });
      sums[l] = sum;
    }
  } else {
    for_lanes(rows.stride, [&](size_t j, size_t lanes) {
      for (size_t l = 0; l < kLanes; ++l) sums[l] += ones(l, j, lanes);
    });
  }
  transpose_lanes(sums);
  for (size_t l = 1; l < kLanes; ++l) sums[0] += sums[l];
  return sums[0];
}

void near_rows(RowBatch rows, RowBatch queries, const uint64_t* limits, NearRows near) {
  for (size_t q = 0; q < queries.n; ++q) {
    near.counts[q] = 0;
    for (size_t first = 0; first < rows.n; first += kLanes) {
      const Vec sums = row_distances(rows, first, queries.rows + q * queries.stride);
      note_near(sums, first, rows.n - first, q, limits, near);
    }
  }
}
