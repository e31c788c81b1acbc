// SPDX-License-Identifier: Apache-2.0
// Weights of similarities: softmax, what lies beyond a threshold, powers; and the similarities above a bound.
//
// Idea: the scores of a tile become weights where they are. A maximum that rises scales what was summed before it.

// The larger of each lane; b where a is no number. GCC makes two instructions of it at 512 bits.
HYPERSKETCH_HD Singles larger(Singles a, Singles b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Singles>(
      _mm512_maskz_max_ps(0xFFFF, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  return a > b ? a : b;
#endif
}

HYPERSKETCH_HD bool any_above(Singles v, float bound) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(v), _mm512_set1_ps(bound), _CMP_GT_OQ) != 0;
#else
  bool any = false;
  for (size_t i = 0; i < kSingleLanes; ++i) any |= v[i] > bound;
  return any;
#endif
}

HYPERSKETCH_HD float largest_lane(Singles v) {
  float most = v[0];
  for (size_t i = 1; i < kSingleLanes; ++i) most = v[i] > most ? v[i] : most;
  return most;
}

// exp(x) for x below 88, where weights are relative to a maximum that rounding may have lowered; 0 below -87. Error
// below 2e-7 of it.
HYPERSKETCH_HD Singles exponential(Singles x) {
  const Singles round = spread(12582912.0F);  // adding 1.5 * 2^23 rounds to a whole number
  const Singles least = spread(-87.0F);
  const SingleBits kept = reinterpret_cast<SingleBits>(x >= least);
  x = larger(x, least);
  const Singles shifted = plus_product(round, x, spread(1.44269504F));
  const Singles twos = shifted - round;
  const Singles r = plus_product(plus_product(x, twos, spread(-0.693359375F)), twos, spread(2.12194440e-4F));
  Singles p = plus_product(spread(1.0F / 720), r, spread(1.0F / 5040));  // |r| <= ln(2) / 2: the next term is < 2^-27
  p = plus_product(spread(1.0F / 120), p, r);
  p = plus_product(spread(1.0F / 24), p, r);
  p = plus_product(spread(1.0F / 6), p, r);
  p = plus_product(spread(0.5F), p, r);
  p = plus_product(spread(1.0F), p, r);
  p = plus_product(spread(1.0F), p, r);
  const SingleBits scaled = reinterpret_cast<SingleBits>(p) + (reinterpret_cast<SingleBits>(shifted) << 23);
  return reinterpret_cast<Singles>(scaled & kept);
}

// ---- what a query has come to

static_assert(kSingleLanes <= kSoftParts);

HYPERSKETCH_HD void add_parts(float* sums, size_t q, Singles part) {
  float* at = sums + q * kSoftParts;
  store_singles(at, load_singles(at) + part);
}

HYPERSKETCH_HD void scale_all(float* numbers, size_t n, float factor) {
  for (size_t i = 0; i < n; i += kSingleLanes) store_singles(numbers + i, load_singles(numbers + i) * factor);
}

// Makes what query q has come to relative to a new maximum, for which it shrinks by the factor.
HYPERSKETCH_HD void raise_maximum(SoftSums sums, size_t q, float maximum, float factor, float* states, size_t stride) {
  sums.maxima[q] = maximum;
  scale_all(sums.sums + q * kSoftParts, kSoftParts, factor);
  scale_all(sums.squares + q * kSoftParts, kSoftParts, factor * factor);
  scale_all(states + q * stride, stride, factor);
}

// ---- separations

// Weights exp(beta score - maximum) in place of the scores, beta > 0, with the sums and states of each query brought to
// its new maximum first. Returns whether any weight is above exp(least).
bool weigh_softmax(float* scores, size_t n, size_t width, const float* betas, float least, SoftSums sums, float* states,
                   size_t stride) {
  bool matters = false;
  for (size_t q = 0; q < n; ++q) {
    float* row = scores + q * kTile;
    Singles most = load_singles(row);
    for (size_t j = kSingleLanes; j < width; j += kSingleLanes) most = larger(load_singles(row + j), most);
    most *= betas[q];
    if (any_above(most, sums.maxima[q])) {
      const float maximum = largest_lane(most);
      raise_maximum(sums, q, maximum, exponential(spread(sums.maxima[q] - maximum))[0], states, stride);
    }
    matters |= any_above(most, sums.maxima[q] + least);
    const Singles beta = spread(betas[q]), minus = spread(-sums.maxima[q]);
    Singles sum = {}, squares = {};
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles weight = exponential(plus_product(minus, beta, load_singles(row + j)));
      store_singles(row + j, weight);
      sum += weight;
      squares = plus_product(squares, weight, weight);
    }
    add_parts(sums.sums, q, sum);
    add_parts(sums.squares, q, squares);
  }
  return matters;
}

// v^exponent for v >= 0, with 0^0 = 0: what is cut off has no weight.
HYPERSKETCH_HD Singles raised(Singles v, float exponent) {
  if (exponent == 1.0F) return v;
  if (exponent == 2.0F) return v * v;
  for (size_t i = 0; i < kSingleLanes; ++i) v[i] = v[i] > 0.0F ? __builtin_powf(v[i], exponent) : 0.0F;
  return v;
}

// Weights max(0, beta score - threshold)^exponent in place of the scores. Returns whether there are any.
bool weigh_beyond(float* scores, size_t n, size_t width, const float* betas, const float* thresholds, float exponent,
                  SoftSums sums) {
  bool matters = false;
  for (size_t q = 0; q < n; ++q) {
    float* row = scores + q * kTile;
    Singles sum = {}, squares = {};
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles beyond = load_singles(row + j) * betas[q] - thresholds[q];
      const Singles weight = raised(beyond > 0.0F ? beyond : Singles{}, exponent);
      store_singles(row + j, weight);
      sum += weight;
      squares += weight * weight;
    }
    add_parts(sums.sums, q, sum);
    add_parts(sums.squares, q, squares);
    matters |= any_above(sum, 0.0F);
  }
  return matters;
}

// Weights (score / maximum)^degree, whose maximum is that of all |score|; sums are those of |weight|.
bool weigh_power(float* scores, size_t n, size_t width, size_t degree, SoftSums sums, float* states, size_t stride) {
  for (size_t q = 0; q < n; ++q) {
    float* row = scores + q * kTile;
    Singles most = {};
    for (size_t j = 0; j < width; j += kSingleLanes) {
      most = larger(magnitude(load_singles(row + j)), most);
    }
    const float maximum = largest_lane(most);
    if (maximum > sums.maxima[q]) {
      float factor = 1.0F;
      for (size_t i = 0; i < degree; ++i) factor *= sums.maxima[q] / maximum;
      raise_maximum(sums, q, maximum, factor, states, stride);
    }
    Singles sum = {}, squares = {};
    const float scale = sums.maxima[q] > 0.0F ? 1.0F / sums.maxima[q] : 0.0F;
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles ratio = load_singles(row + j) * scale;
      Singles weight = Singles{} + 1.0F;
      for (size_t i = 0; i < degree; ++i) weight *= ratio;
      store_singles(row + j, weight);
      sum += magnitude(weight);
      squares += weight * weight;
    }
    add_parts(sums.sums, q, sum);
    add_parts(sums.squares, q, squares);
  }
  return true;
}

// The scores of one query that are above the bound, in their order, and base + their place; returns how many.
size_t scores_above(const float* scores, size_t width, float bound, std::uint32_t base, float* found,
                    std::uint32_t* places) {
  size_t n = 0;
  for (size_t j = 0; j < width; j += kSingleLanes) {
#if defined(__AVX512F__)
    const Singles row = load_singles(scores + j);
    const __mmask16 above = _mm512_cmp_ps_mask(reinterpret_cast<__m512>(row), _mm512_set1_ps(bound), _CMP_GT_OQ);
    if (above == 0) continue;
    const __m512i index = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(base + j)),
                                           _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_mask_compressstoreu_ps(found + n, above, reinterpret_cast<__m512>(row));
    _mm512_mask_compressstoreu_epi32(places + n, above, index);
    n += count_ones(above);
#else
    for (size_t i = j; i < j + kSingleLanes; ++i) {
      if (!(scores[i] > bound)) continue;
      found[n] = scores[i];
      places[n++] = base + static_cast<std::uint32_t>(i);
    }
#endif
  }
  return n;
}
