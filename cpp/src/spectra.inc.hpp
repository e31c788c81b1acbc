// SPDX-License-Identifier: Apache-2.0
// Circular convolution and correlation of many real vectors with one, whose spectrum is made once.
//
// Idea: two rows go into one complex transform as its real and imaginary part, as in transforms.inc.hpp. As what they
// meet is the same, their spectra need not be told apart: the product of both with the one is again the transform of
// two real vectors. Two transforms make two products. Bottleneck: arithmetic.

struct Spectrum {
  const float *re, *im;
};

struct NewSpectrum {
  float *re, *im;
};

// Returns the exponent by which the row was brought near 1, or kNotFinite.
int spectrum_of(const float* row, TransformPlan plan, float* scratch, float* spectrum) {
  const size_t n1 = plan.columns.length, dim = n1 * plan.rows.length;
  const size_t longest = n1 > plan.rows.length ? n1 : plan.rows.length;
  auto* const strips = reinterpret_cast<Complexes*>(scratch);
  float* const matrix = scratch + 4 * kWaveLanes * longest;
  const int exponent = exponent_of(row, dim);
  if (exponent == kNotFinite) return exponent;
  transform({row, row, power_of_two(-exponent), 0.0F}, plan, {strips, strips + longest, matrix, matrix + dim},
            [&](size_t k) { return NewColumns{spectrum + k, spectrum + dim + k, n1}; });
  return exponent;
}

// to[k] = scale * one[k] * rows[k], where the rows' elements are counted downwards from `there` if they are reversed,
// and the conjugate of one[k] is taken for sign -1.
template <class T, bool kReversed>
HYPERSKETCH_HD void multiply_at(Spectrum one, Spectrum rows, NewSpectrum to, size_t k, size_t there, float scale,
                                float sign) {
  T a[2], b[2];
  std::memcpy(&a[0], one.re + k, sizeof(T));
  std::memcpy(&a[1], one.im + k, sizeof(T));
  std::memcpy(&b[0], rows.re + there, sizeof(T));
  std::memcpy(&b[1], rows.im + there, sizeof(T));
  if constexpr (kReversed) {
    b[0] = reversed(b[0]);
    b[1] = reversed(b[1]);
  }
  a[0] = a[0] * scale;
  a[1] = a[1] * (scale * sign);
  const T re = a[0] * b[0] - a[1] * b[1], im = a[0] * b[1] + a[1] * b[0];
  std::memcpy(to.re + k, &re, sizeof(T));
  std::memcpy(to.im + k, &im, sizeof(T));
}

void multiply_spectra(Spectrum one, Spectrum rows, NewSpectrum to, size_t dim, MeetRule rule) {
  constexpr size_t n = kWaveLanes;
  const float scale = 1.0F / static_cast<float>(dim), sign = rule == MeetRule::kRowsCorrelate ? -1.0F : 1.0F;
  size_t k = 1;
  multiply_at<float, false>(one, rows, to, 0, 0, scale, sign);
  if (rule == MeetRule::kOneCorrelates) {
    for (; k + n <= dim; k += n) multiply_at<Wave, true>(one, rows, to, k, dim - k - n + 1, scale, sign);
    for (; k < dim; ++k) multiply_at<float, false>(one, rows, to, k, dim - k, scale, sign);
  } else {
    for (; k + n <= dim; k += n) multiply_at<Wave, false>(one, rows, to, k, k, scale, sign);
    for (; k < dim; ++k) multiply_at<float, false>(one, rows, to, k, k, scale, sign);
  }
}

void convolve_with(const float* const* rows, const float* spectrum, int exponent, TransformPlan plan, MeetRule rule,
                   float* scratch, float* const* out) {
  const size_t n1 = plan.columns.length, dim = n1 * plan.rows.length;
  const size_t longest = n1 > plan.rows.length ? n1 : plan.rows.length;
  auto* const strips = reinterpret_cast<Complexes*>(scratch);
  float* const matrix = scratch + 4 * kWaveLanes * longest;
  const TransformBuffers buffers{strips, strips + longest, matrix, matrix + dim};
  const int first = exponent_of(rows[0], dim), second = exponent_of(rows[1], dim);
  if (first == kNotFinite || second == kNotFinite) {
    out[0][0] = out[1][0] = __builtin_nanf("");
    return;
  }
  const NewSpectrum both{matrix + 2 * dim, matrix + 3 * dim}, product{matrix + 4 * dim, matrix + 5 * dim};
  transform({rows[0], rows[1], power_of_two(-first), power_of_two(-second)}, plan, buffers,
            [&](size_t k) { return NewColumns{both.re + k, both.im + k, n1}; });
  multiply_spectra({spectrum, spectrum + dim}, {both.re, both.im}, product, dim, rule);
  // In two halves, which leave the range of floats only where the result does.
  const int sums[2] = {exponent + first, exponent + second};
  const float back[2][2] = {{power_of_two(sums[0] / 2), power_of_two(sums[0] - sums[0] / 2)},
                            {power_of_two(sums[1] / 2), power_of_two(sums[1] - sums[1] / 2)}};
  // Backwards, a transform is one forwards with the parts swapped, before and after.
  transform({product.im, product.re, 1, 1}, plan, buffers, [&](size_t k) {
    return ScaledNewColumns{{out[1] + k, out[0] + k, n1}, {back[1][0], back[1][1]}, {back[0][0], back[0][1]}};
  });
}
