// SPDX-License-Identifier: Apache-2.0
// Retrieval from a store of patterns: similarities, their weights, and the weighted sum of the patterns.
//
// Idea: a tile of kTile patterns stays in the second cache from its similarities to its sum, so that each pattern is
// read from memory once. Many queries meet the tile turned round, its patterns side by side in lanes, six queries
// times four registers at once; then the weights meet the tile as it lies. What comes next is fetched meanwhile.
// Bottleneck: one fused multiplication a vector of products, twice.

constexpr size_t kTileParts = sizeof(Singles) == 64 ? 4 : 2;  // registers of patterns that a group of queries meets
constexpr size_t kTileStrip = kTileParts * kSingleLanes;
static_assert(kTile % kTileStrip == 0);

#if defined(__FMA__) || defined(__AVX512F__)
HYPERSKETCH_HD Singles plus_product(Singles sum, Singles a, Singles b) { return add_product(sum, a, b); }
#elif defined(__aarch64__)
HYPERSKETCH_HD Singles plus_product(Singles sum, Singles a, Singles b) { return vfmaq_f32(sum, a, b); }
#else
HYPERSKETCH_HD Singles plus_product(Singles sum, Singles a, Singles b) { return sum + a * b; }
#endif

// All lanes x; less 0 instead of plus 0, which would have to turn -0.
HYPERSKETCH_HD Singles spread(float x) { return x - Singles{}; }

HYPERSKETCH_HD Singles magnitude(Singles v) {
  return reinterpret_cast<Singles>(reinterpret_cast<SingleBits>(v) & 0x7FFFFFFFU);
}

// ---- patterns as floats, and side by side

void widen_bfloat16(const std::uint16_t* from, size_t n, float* to) {
  for (size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(from[i]) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

void widen_int8(const std::int8_t* from, size_t n, float scale, float* to) {
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]) * scale;
}

// Turning takes no wider registers: 512 bits halve the rate of shuffles, and more rows have to be put together.
constexpr size_t kTurnLanes = kSingleLanes < 8 ? kSingleLanes : 8;
typedef float Turned __attribute__((vector_size(kTurnLanes * sizeof(float))));
using TurnedOrder = MakeLanes<kTurnLanes>::Type;
using SingleOrder = MakeLanes<kSingleLanes>::Type;

// Lanes of a and b in fours: the lower or the upper two of each take turns, or stand one after the other.
template <size_t kUpper, class V, size_t... kLane>
HYPERSKETCH_HD V turns_in_fours(V a, V b, Lanes<kLane...>) {
  return __builtin_shufflevector(a, b, (kLane / 4 * 4 + 2 * kUpper + kLane % 4 / 2 + kLane % 2 * sizeof...(kLane))...);
}

template <size_t kUpper, class V, size_t... kLane>
HYPERSKETCH_HD V pairs_in_fours(V a, V b, Lanes<kLane...>) {
  return __builtin_shufflevector(a, b, (kLane / 4 * 4 + 2 * kUpper + kLane % 2 + kLane % 4 / 2 * sizeof...(kLane))...);
}

// Lanes [4 i, 4 i + 4) are four floats of row 4 i.
HYPERSKETCH_HD Turned every_fourth(const float* rows, size_t stride) {
#if defined(__AVX2__)
  return reinterpret_cast<Turned>(
      _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows)), _mm_loadu_ps(rows + 4 * stride), 1));
#else
  (void)stride;
  Turned v;
  std::memcpy(&v, rows, sizeof v);
  return v;
#endif
}

// tile[i * kTile + j] = rows[j * stride + i] for a register's rows and i < 4: lanes stay in their fours.
HYPERSKETCH_HD void turn_four(const float* rows, size_t stride, float* tile) {
  Turned v[4];
  for (size_t i = 0; i < 4; ++i) v[i] = every_fourth(rows + i * stride, stride);
  const TurnedOrder order;
  const Turned a = turns_in_fours<0>(v[0], v[1], order), b = turns_in_fours<0>(v[2], v[3], order);
  const Turned c = turns_in_fours<1>(v[0], v[1], order), d = turns_in_fours<1>(v[2], v[3], order);
  const Turned turned[4] = {pairs_in_fours<0>(a, b, order), pairs_in_fours<1>(a, b, order),
                            pairs_in_fours<0>(c, d, order), pairs_in_fours<1>(c, d, order)};
  for (size_t i = 0; i < 4; ++i) std::memcpy(tile + i * kTile, turned + i, sizeof(Turned));
}

// tile[k * kTile + j] = rows[j * stride + k] for n <= kTile rows, zeros beside them, and n_numbers, up to whole fours.
void turn_tile(const float* rows, size_t n, size_t stride, size_t n_numbers, float* tile) {
  constexpr size_t kLine = kLineBytes / sizeof(float);
  for (size_t line = 0; line < kTile; line += kLine)
    for (size_t k = 0; k < n_numbers; k += 4)
      for (size_t j = line; j < line + kLine; j += kTurnLanes) {
        const float* from = rows + j * stride + k;
        float* to = tile + k * kTile + j;
        if (j + kTurnLanes <= n) {
          turn_four(from, stride, to);
          continue;
        }
        float part[4 * kTurnLanes] = {};
        for (size_t i = 0; j + i < n; ++i) std::memcpy(part + 4 * i, from + i * stride, 4 * sizeof(float));
        turn_four(part, 4, to);
      }
}

// ---- similarities

HYPERSKETCH_HD void fetch_line(Ahead& ahead) {
  if (ahead.next >= ahead.end) return;
  __builtin_prefetch(ahead.next, 0, 2);
  ahead.next += kLineBytes;
}

template <bool kDistances>
HYPERSKETCH_HD Singles compare(Singles sum, Singles query, Singles pattern) {
  if constexpr (kDistances) return sum - magnitude(query - pattern);
  return plus_product(sum, query, pattern);
}

template <size_t kQueries, bool kDistances>
HYPERSKETCH_HD void compare_group(const float* queries, size_t stride, const float* tile, size_t n_numbers,
                                  float* scores, Ahead& ahead) {
  for (size_t first = 0; first < kTile; first += kTileStrip) {
    Singles sum[kQueries][kTileParts];
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = load_singles(scores + q * kTile + first + p * kSingleLanes);
    for (size_t k = 0; k < n_numbers; ++k) {
      Singles pattern[kTileParts];
      for (size_t p = 0; p < kTileParts; ++p) pattern[p] = load_singles(tile + k * kTile + first + p * kSingleLanes);
      for (size_t q = 0; q < kQueries; ++q) {
        const Singles query = spread(queries[q * stride + k]);
        for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = compare<kDistances>(sum[q][p], query, pattern[p]);
      }
      fetch_line(ahead);
    }
    for (size_t q = 0; q < kQueries; ++q)
      for (size_t p = 0; p < kTileParts; ++p) store_singles(scores + q * kTile + first + p * kSingleLanes, sum[q][p]);
  }
}

// Calls body<count>(first) for groups of up to six queries, as equal as they can be.
template <class Body>
HYPERSKETCH_HD void for_groups(size_t n, Body body) {
  const size_t groups = (n + 5) / 6;
  for (size_t g = 0; g < groups; ++g) {
    const size_t first = n * g / groups, count = n * (g + 1) / groups - first;
    if (count == 6) body(std::integral_constant<size_t, 6>{}, first);
    if (count == 5) body(std::integral_constant<size_t, 5>{}, first);
    if (count == 4) body(std::integral_constant<size_t, 4>{}, first);
    if (count == 3) body(std::integral_constant<size_t, 3>{}, first);
    if (count == 2) body(std::integral_constant<size_t, 2>{}, first);
    if (count == 1) body(std::integral_constant<size_t, 1>{}, first);
  }
}

// scores[q * kTile + j] += what n_numbers of query q and of pattern j of a turned tile have in common: the sum of their
// products, or minus that of their distances.
void compare_tile(const float* queries, size_t n, size_t stride, const float* tile, size_t n_numbers, bool distances,
                  Ahead ahead, float* scores) {
  for_groups(n, [&](auto count, size_t first) {
    constexpr size_t kQueries = decltype(count)::value;
    const float* group = queries + first * stride;
    float* to = scores + first * kTile;
    if (distances) {
      compare_group<kQueries, true>(group, stride, tile, n_numbers, to, ahead);
    } else {
      compare_group<kQueries, false>(group, stride, tile, n_numbers, to, ahead);
    }
  });
}

// scores[q * kTile + j] = scores * factors[j] + offsets[j]
// scores[q * kTile + j] = scores * factors[j] + offsets[j]; null stands for 1 and 0.
void adjust_scores(size_t n_queries, size_t n, const float* factors, const float* offsets, float* scores) {
  for (size_t q = 0; q < n_queries; ++q, scores += kTile) {
    size_t j = 0;
    for (; j + kSingleLanes <= n; j += kSingleLanes) {
      Singles v = load_singles(scores + j);
      if (factors != nullptr) v *= load_singles(factors + j);
      if (offsets != nullptr) v += load_singles(offsets + j);
      store_singles(scores + j, v);
    }
    for (; j < n; ++j) {
      if (factors != nullptr) scores[j] *= factors[j];
      if (offsets != nullptr) scores[j] += offsets[j];
    }
  }
}

// ---- sums

template <size_t kQueries>
HYPERSKETCH_HD void sum_strip(const float* weights, const float* rows, size_t n, size_t row_stride, float* states,
                              size_t stride) {
  Singles sum[kQueries][kTileParts];
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = Singles{};
  for (size_t j = 0; j < n; ++j) {
    Singles pattern[kTileParts];
    for (size_t p = 0; p < kTileParts; ++p) pattern[p] = load_singles(rows + j * row_stride + p * kSingleLanes);
    for (size_t q = 0; q < kQueries; ++q) {
      const Singles weight = spread(weights[q * kTile + j]);
      for (size_t p = 0; p < kTileParts; ++p) sum[q][p] = plus_product(sum[q][p], weight, pattern[p]);
    }
  }
  for (size_t q = 0; q < kQueries; ++q)
    for (size_t p = 0; p < kTileParts; ++p) {
      float* at = states + q * stride + p * kSingleLanes;
      store_singles(at, load_singles(at) + sum[q][p]);
    }
}

// states[q * stride + d] += sum over the n rows of a tile of weights[q * kTile + j] * rows[j * row_stride + d]; strides
// are whole tiles' strips, and rows are zero beyond the dimension.
void sum_tile(const float* weights, size_t n_queries, const float* rows, size_t n, size_t row_stride, float* states,
              size_t stride) {
  for (size_t d = 0; d < stride; d += kTileStrip)
    for_groups(n_queries, [&](auto count, size_t first) {
      sum_strip<decltype(count)::value>(weights + first * kTile, rows + d, n, row_stride, states + first * stride + d,
                                        stride);
    });
}
