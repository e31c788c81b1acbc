// SPDX-License-Identifier: Apache-2.0
// Retrieval for one query: rows are used as they lie.
//
// Two vectors are made of a piece of a row at once: of floats the lower and the upper half, of bfloat16, a register's
// worth of bytes, the even and the odd numbers, which are the two halves of 32-bit words; of floats of 8 bits the lower
// and the upper half of half a register. Queries and states are laid out in that order. Bottleneck: the memory of the
// rows. The hardware reads it ahead as long as rows follow each other without pauses, so they come in small steps.
// Fetching all by instructions has fewer lines on their way and is slower.

struct Pair {
  Singles a, b;
};

constexpr size_t kPair = 2 * kSingleLanes;

HYPERSKETCH_HD Pair load_pair(const float* p) { return {load_singles(p), load_singles(p + kSingleLanes)}; }

HYPERSKETCH_HD Pair load_pair(const std::uint16_t* p) {
  SingleBits words;
  std::memcpy(&words, p, sizeof words);
#if defined(__AVX512F__)
  asm volatile("" : "+v"(words));  // GCC would load them twice
#endif
  return {reinterpret_cast<Singles>(words << 16), reinterpret_cast<Singles>(words & 0xFFFF0000U)};
}

// Floats of 8 bits: a half has one bit of exponent more, and a bias of 15 for 7.
#if defined(__AVX512BW__)
HYPERSKETCH_HD Pair eights_of(__m256i codes) {
  const __m512i wide = _mm512_maskz_cvtepi8_epi16(0xFFFFFFFFU, codes);
  const __m512i halves = _mm512_and_si512(_mm512_maskz_slli_epi16(0xFFFFFFFFU, wide, 7), _mm512_set1_epi16(-0x4080));
  const __m512 low = _mm512_maskz_cvtph_ps(0xFFFF, _mm512_maskz_extracti64x4_epi64(0xF, halves, 0));
  const __m512 high = _mm512_maskz_cvtph_ps(0xFFFF, _mm512_maskz_extracti64x4_epi64(0xF, halves, 1));
  return {reinterpret_cast<Singles>(low) * 0x1p8F, reinterpret_cast<Singles>(high) * 0x1p8F};
}

HYPERSKETCH_HD Pair load_pair(const std::uint8_t* p) {
  __m256i codes;
  std::memcpy(&codes, p, sizeof codes);
  return eights_of(codes);
}
#else
// A byte of each lane, with zeros behind it.
HYPERSKETCH_HD SingleBits upper_bytes(const std::uint8_t* p) {
#if defined(__AVX2__)
  return reinterpret_cast<SingleBits>(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))) << 24;
#else
  typedef std::uint8_t Codes __attribute__((vector_size(kSingleLanes)));
  Codes codes;
  std::memcpy(&codes, p, sizeof codes);
  return __builtin_convertvector(codes, SingleBits) << 24;
#endif
}

// Without subnormal floats, which processors are slow with: there 2^-7 (1 + m / 8) stands for 2^-6 m / 8.
HYPERSKETCH_HD Singles eights_of(const std::uint8_t* p) {
  const SingleBits bits = upper_bytes(p);
  const SingleBits normal = ((bits & 0x7F000000U) >> 4) + (120U << 23);
  const Singles once = reinterpret_cast<Singles>(normal), other = once + once - 0x1p-6F;
  const auto small = reinterpret_cast<SingleBits>((bits & 0x78000000U) == 0U);
  const SingleBits sizes = (small & reinterpret_cast<SingleBits>(other)) | (~small & normal);
  return reinterpret_cast<Singles>(sizes | (bits & 0x80000000U));
}

HYPERSKETCH_HD Pair load_pair(const std::uint8_t* p) { return {eights_of(p), eights_of(p + kSingleLanes)}; }
#endif

// Into the first cache, for what is read very soon.
HYPERSKETCH_HD void fetch_now(Ahead ahead) {
  for (; ahead.next < ahead.end; ahead.next += kLineBytes) __builtin_prefetch(ahead.next, 0, 3);
}

// The first `count` numbers, zeros beyond.
#if defined(__AVX512BW__)
HYPERSKETCH_HD Pair load_pair_first(const float* p, size_t count) {
  const std::uint32_t kept = (std::uint32_t{1} << count) - 1;
  return {reinterpret_cast<Singles>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(kept), p)),
          reinterpret_cast<Singles>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(kept >> 16), p + kSingleLanes))};
}

HYPERSKETCH_HD Pair load_pair_first(const std::uint16_t* p, size_t count) {
  const auto words = reinterpret_cast<SingleBits>(_mm512_maskz_loadu_epi16((std::uint32_t{1} << count) - 1, p));
  return {reinterpret_cast<Singles>(words << 16), reinterpret_cast<Singles>(words & 0xFFFF0000U)};
}

HYPERSKETCH_HD Pair load_pair_first(const std::uint8_t* p, size_t count) {
  return eights_of(_mm256_maskz_loadu_epi8((std::uint32_t{1} << count) - 1, p));
}
#else
template <class Number>
HYPERSKETCH_HD Pair load_pair_first(const Number* p, size_t count) {
  Number part[kPair] = {};
  for (size_t i = 0; i < count; ++i) part[i] = p[i];
  return load_pair(part);
}
#endif

void widen_float8(const std::uint8_t* from, size_t n, float scale, float* to) {
  const Singles factor = spread(scale);
  for (size_t d = 0; d < n; d += kPair) {
    const Pair pair = n - d < kPair ? load_pair_first(from + d, n - d) : load_pair(from + d);
    store_singles(to + d, pair.a * factor);
    store_singles(to + d + kSingleLanes, pair.b * factor);
  }
}

// Place of number d of a row of bfloat16.
HYPERSKETCH_HD size_t even_odd_place(size_t d) { return d - d % kPair + d % 2 * kSingleLanes + d % kPair / 2; }

// `to` has zeros for whole strips.
void order_even_odd(const float* from, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) to[even_odd_place(d)] = from[d];
}

void restore_even_odd(const float* from, size_t dim, float* to) {
  for (size_t d = 0; d < dim; ++d) to[d] = from[even_odd_place(d)];
}

// Lanes [4 i, 4 i + 4) are parts of the four vectors' sums.
HYPERSKETCH_HD Singles sums_in_fours(const Singles* v) {
  const SingleOrder order;
  const Singles a = turns_in_fours<0>(v[0], v[1], order) + turns_in_fours<1>(v[0], v[1], order);
  const Singles b = turns_in_fours<0>(v[2], v[3], order) + turns_in_fours<1>(v[2], v[3], order);
  return pairs_in_fours<0>(a, b, order) + pairs_in_fours<1>(a, b, order);
}

// found[lane + i] = sum of the lanes of v[i], i < 4
HYPERSKETCH_HD void put_sums(const Singles* v, size_t lane, Singles& found) {
  const Singles parts = sums_in_fours(v);
#if defined(__AVX512F__)
  const __m512 halves = reinterpret_cast<__m512>(parts);
  const __m256 half =
      _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, halves, 0), _mm512_maskz_extractf32x8_ps(0xFF, halves, 1));
  const __m128 sums = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  found = reinterpret_cast<Singles>(
      _mm512_mask_broadcast_f32x4(reinterpret_cast<__m512>(found), static_cast<__mmask16>(0xFU << lane), sums));
#elif defined(__AVX2__)
  const __m256 all = reinterpret_cast<__m256>(parts);
  const __m128 sums = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
  std::memcpy(reinterpret_cast<char*>(&found) + lane * sizeof(float), &sums, sizeof sums);
#else
  (void)lane;
  found = parts;
#endif
}

// Lanes of the products of a query with a row. Loads of the query leave time enough: memory is read ahead best where
// few instructions read it, one row after the other.
template <class Number>
HYPERSKETCH_HD Singles row_products(const float* query, const Number* row, size_t dim) {
  Singles a = {}, b = {};
  const auto add = [&](Pair asked, Pair pair) {
    a = plus_product(a, asked.a, pair.a);
    b = plus_product(b, asked.b, pair.b);
  };
  size_t d = 0;
#pragma GCC unroll 1
  for (; d + kPair <= dim; d += kPair) add(load_pair(query + d), load_pair(row + d));
  if (d < dim) add(load_pair(query + d), load_pair_first(row + d, dim - d));
  return a + b;
}

constexpr size_t kHeld = sizeof(Singles) == 64 ? 8 : 4;  // pairs of a query that stay in registers, half of all

// The same for n rows of kHeld pairs.
HYPERSKETCH_HD void held_products(const float* query, const std::uint16_t* rows, size_t n, Singles* sums) {
  Pair asked[kHeld];
  for (size_t p = 0; p < kHeld; ++p) asked[p] = load_pair(query + p * kPair);
#pragma GCC unroll 1
  for (size_t r = 0; r < n; ++r) {
    Singles a = {}, b = {};
    for (size_t p = 0; p < kHeld; ++p) {
      const Pair pair = load_pair(rows + (r * kHeld + p) * kPair);
      a = plus_product(a, asked[p].a, pair.a);
      b = plus_product(b, asked[p].b, pair.b);
    }
    sums[r] = a + b;
  }
}

template <class Number>
HYPERSKETCH_HD void compare_four(const float* query, const Number* rows, size_t n, size_t dim, Singles* sums) {
  if constexpr (sizeof(Number) == 2)
    if (dim == kHeld * kPair) return held_products(query, rows, n, sums);
  for (size_t r = 0; r < n; ++r) sums[r] = row_products(query, rows + r * dim, dim);
}

// scores[j] = product of the query and row j, `missing` for the others of a width.
template <class Number>
void compare_patterns(const float* query, const Number* rows, size_t n, size_t dim, Ahead ahead, float missing,
                      float* scores) {
  fetch_now(ahead);
  const size_t width = (n + kWidth - 1) / kWidth * kWidth;
  for (size_t j = 0; j < width; j += kSingleLanes) {
    Singles found = spread(missing);
    for (size_t four = j; four < j + kSingleLanes && four < n; four += 4) {
      const size_t count = n - four < 4 ? n - four : 4;
      Singles sums[4] = {};
      compare_four(query, rows + four * dim, count, dim, sums);
      for (size_t r = count; r < 4; ++r) sums[r] = spread(missing);
      put_sums(sums, four - j, found);
    }
    store_singles(scores + j, found);
  }
}

template <size_t kPairs, class Number>
HYPERSKETCH_HD void sum_columns(const float* weights, const Number* rows, size_t n, size_t dim, float* state) {
  Pair sum[kPairs];
  for (size_t p = 0; p < kPairs; ++p) sum[p] = {Singles{}, Singles{}};
  for (size_t j = 0; j < n; ++j) {
    const Singles weight = spread(weights[j]);
    for (size_t p = 0; p < kPairs; ++p) {
      const Pair pair = load_pair(rows + j * dim + p * kPair);
      sum[p].a = plus_product(sum[p].a, weight, pair.a);
      sum[p].b = plus_product(sum[p].b, weight, pair.b);
    }
  }
  for (size_t p = 0; p < kPairs; ++p) {
    float* at = state + p * kPair;
    store_singles(at, load_singles(at) + sum[p].a);
    store_singles(at + kSingleLanes, load_singles(at + kSingleLanes) + sum[p].b);
  }
}

template <class Number>
HYPERSKETCH_HD void sum_last_columns(const float* weights, const Number* rows, size_t n, size_t dim, size_t count,
                                     float* state) {
  Singles a = load_singles(state), b = load_singles(state + kSingleLanes);
  for (size_t j = 0; j < n; ++j) {
    const Pair pair = load_pair_first(rows + j * dim, count);
    a = plus_product(a, spread(weights[j]), pair.a);
    b = plus_product(b, spread(weights[j]), pair.b);
  }
  store_singles(state, a);
  store_singles(state + kSingleLanes, b);
}

// state += sum of weights[j] * row j
template <class Number>
void sum_patterns(const float* weights, const Number* rows, size_t n, size_t dim, Ahead ahead, float* state) {
  fetch_now(ahead);
  size_t d = 0;
  for (; d + 4 * kPair <= dim; d += 4 * kPair) sum_columns<4>(weights, rows + d, n, dim, state + d);
  for (; d + kPair <= dim; d += kPair) sum_columns<1>(weights, rows + d, n, dim, state + d);
  if (d < dim) sum_last_columns(weights, rows + d, n, dim, dim - d, state + d);
}
