// SPDX-License-Identifier: Apache-2.0
// Retrieval from a store of patterns: similarities, their weights, and the weighted sum of the patterns.
//
// Idea: a tile of kTile patterns stays in the second cache from its similarities to its sum, so that each pattern is
// read from memory once. Many queries meet the tile turned round, its patterns side by side in lanes, six queries
// times four registers at once; then the weights meet the tile as it lies. What comes next is fetched meanwhile.
// Bottleneck: one fused multiplication a vector of products, twice.

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

struct SingleProducts {
  using Number = float;
  HYPERSKETCH_MEMBER static Singles load(const float* numbers) { return load_singles(numbers); }
  HYPERSKETCH_MEMBER static Singles spread_one(float number) { return spread(number); }
  HYPERSKETCH_MEMBER static Singles add(Singles sum, Singles query, Singles pattern) {
    return plus_product(sum, query, pattern);
  }
};

struct SingleDistances : SingleProducts {
  HYPERSKETCH_MEMBER static Singles add(Singles sum, Singles query, Singles pattern) {
    return sum - magnitude(query - pattern);
  }
};

// scores[q * kTile + j] += what n_numbers of query q and of pattern j of a turned tile have in common: the sum of their
// products, or minus that of their distances.
void compare_tile(const float* queries, size_t n, size_t stride, const float* tile, size_t n_numbers, bool distances,
                  Ahead ahead, float* scores) {
  if (distances) {
    compare_groups<SingleDistances>(queries, n, stride, tile, n_numbers, ahead, scores);
  } else {
    compare_groups<SingleProducts>(queries, n, stride, tile, n_numbers, ahead, scores);
  }
}

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

// states[q * stride + d] += sum over the n rows of a tile of weights[q * kTile + j] * rows[j * row_stride + d]; strides
// are whole tiles' strips, and rows are zero beyond the dimension.
void sum_tile(const float* weights, size_t n_queries, const float* rows, size_t n, size_t row_stride, float* states,
              size_t stride) {
  sum_groups<SingleProducts>(weights, kTile, n_queries, rows, n, row_stride, states, stride);
}
