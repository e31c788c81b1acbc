// SPDX-License-Identifier: Apache-2.0
// Weights of similarities: softmax, what lies beyond a threshold, powers; and the similarities above a bound.
//
// Idea: the scores of a tile become weights where they are. A maximum that rises scales what was summed before it.

// exp(x) for x <= 0; 0 below -87. Error below 2e-7 of it.
HYPERSKETCH_HD Singles exponential(Singles x) {
  constexpr float kRound = 12582912.0F;  // adding 1.5 * 2^23 rounds to a whole number
  const Singles least = Singles{} - 87.0F;
  const SingleBits kept = reinterpret_cast<SingleBits>(x >= least);
  x = x > least ? x : least;
  const Singles shifted = x * 1.44269504F + kRound;
  const Singles twos = shifted - kRound;
  const Singles r = (x - twos * 0.693359375F) + twos * 2.12194440e-4F;
  Singles p = r * (1.0F / 5040) + 1.0F / 720;  // |r| <= ln(2) / 2, so that the next term is below 2^-27
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r * r + r + 1.0F;
  const SingleBits scaled = reinterpret_cast<SingleBits>(p) + (reinterpret_cast<SingleBits>(shifted) << 23);
  return reinterpret_cast<Singles>(scaled & kept);
}

HYPERSKETCH_HD float largest_lane(Singles v) {
  float lanes[kSingleLanes];
  store_singles(lanes, v);
  float most = lanes[0];
  for (size_t i = 1; i < kSingleLanes; ++i) most = lanes[i] > most ? lanes[i] : most;
  return most;
}

HYPERSKETCH_HD float lanes_by_halves(Singles v) {
  float lanes[kSingleLanes];
  store_singles(lanes, v);
  for (size_t half = kSingleLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

// Weights exp(beta score - maximum) in place of the scores, with the sums and states of each query brought to its new
// maximum first. Returns whether any weight is above `least` times its sum.
bool weigh_softmax(float* scores, size_t n, size_t width, const float* betas, float least, SoftSums sums, float* states,
                   size_t stride) {
  bool matters = false;
  for (size_t q = 0; q < n; ++q) {
    float* row = scores + q * kTile;
    Singles most = load_singles(row) * betas[q];
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles scaled = load_singles(row + j) * betas[q];
      store_singles(row + j, scaled);
      most = scaled > most ? scaled : most;
    }
    const float maximum = largest_lane(most);
    if (maximum > sums.maxima[q]) {
      const float factor = exponential(Singles{} + (sums.maxima[q] - maximum))[0];
      sums.maxima[q] = maximum;
      sums.sums[q] *= factor;
      sums.squares[q] *= factor * factor;
      float* state = states + q * stride;
      for (size_t d = 0; d < stride; d += kSingleLanes) store_singles(state + d, load_singles(state + d) * factor);
    }
    Singles sum = {}, squares = {};
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles weight = exponential(load_singles(row + j) - sums.maxima[q]);
      store_singles(row + j, weight);
      sum += weight;
      squares += weight * weight;
    }
    sums.sums[q] += lanes_by_halves(sum);
    sums.squares[q] += lanes_by_halves(squares);
    if (maximum > sums.maxima[q] - 87.0F)
      matters |= exponential(Singles{} + (maximum - sums.maxima[q]))[0] > least * sums.sums[q];
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
    const float total = lanes_by_halves(sum);
    sums.sums[q] += total;
    sums.squares[q] += lanes_by_halves(squares);
    matters |= total > 0.0F;
  }
  return matters;
}

// Weights (score / maximum)^degree, whose maximum is that of all |score|; sums are those of |weight|.
bool weigh_power(float* scores, size_t n, size_t width, size_t degree, SoftSums sums, float* states, size_t stride) {
  for (size_t q = 0; q < n; ++q) {
    float* row = scores + q * kTile;
    Singles most = {};
    for (size_t j = 0; j < width; j += kSingleLanes) {
      const Singles size = magnitude(load_singles(row + j));
      most = size > most ? size : most;
    }
    const float maximum = largest_lane(most);
    if (maximum > sums.maxima[q]) {
      float factor = 1.0F;
      for (size_t i = 0; i < degree; ++i) factor *= sums.maxima[q] / maximum;
      sums.maxima[q] = maximum;
      sums.sums[q] *= factor;
      sums.squares[q] *= factor * factor;
      float* state = states + q * stride;
      for (size_t d = 0; d < stride; d += kSingleLanes) store_singles(state + d, load_singles(state + d) * factor);
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
    sums.sums[q] += lanes_by_halves(sum);
    sums.squares[q] += lanes_by_halves(squares);
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
