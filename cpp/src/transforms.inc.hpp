// SPDX-License-Identifier: Apache-2.0
// Circular convolution and correlation of real vectors by Fourier transforms.
//
// Idea: the vector of N = n1 n2 numbers is a matrix. Lanes are columns, so transforms of length n1 down the columns,
// a product with twiddle factors, a transposition in registers and transforms of length n2 down the new columns make
// the whole transform (Gentleman & Sande 1966), with both inputs and the result in their natural order. The short ones
// are autosorting (Stockham): a strip of columns stays in L1. Two real vectors go into one complex transform as its
// real and imaginary part, and two products come out of one: three transforms make two products. Lanes are columns at
// every level and nothing is contracted, so all levels give the same bits. Bottleneck: arithmetic.

// SSE2 and NEON have vectors of floats; here the widest are the fastest (Zen 4: 64 bytes by 4 % over 32).
typedef float Wave __attribute__((vector_size(sizeof(Vec) > 16 ? sizeof(Vec) : 16)));
constexpr size_t kWaveLanes = sizeof(Wave) / sizeof(float);
static_assert(kWaveLanes <= kLeastSide);

HYPERSKETCH_HD Wave load_wave(const float* p) {
  Wave v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

HYPERSKETCH_HD void store_wave(float* p, Wave v) { std::memcpy(p, &v, sizeof v); }

struct Complexes {
  Wave re, im;
};

HYPERSKETCH_HD Complexes operator+(Complexes a, Complexes b) { return {a.re + b.re, a.im + b.im}; }
HYPERSKETCH_HD Complexes operator-(Complexes a, Complexes b) { return {a.re - b.re, a.im - b.im}; }
HYPERSKETCH_HD Complexes operator*(Complexes a, float scale) { return {a.re * scale, a.im * scale}; }
// Times -i.
HYPERSKETCH_HD Complexes turned(Complexes a) { return {a.im, -a.re}; }
HYPERSKETCH_HD Complexes times(Complexes a, Wave re, Wave im) { return {a.re * re - a.im * im, a.re * im + a.im * re}; }

// y_j = sum over i of x_i exp(-2 pi sqrt(-1) i j / radix), in place.
HYPERSKETCH_HD void butterfly(Complexes (&x)[2]) {
  const Complexes a = x[0];
  x[0] = a + x[1];
  x[1] = a - x[1];
}

HYPERSKETCH_HD void butterfly(Complexes (&x)[3]) {
  const Complexes sum = x[1] + x[2], middle = x[0] - sum * 0.5F;
  const Complexes side = turned((x[1] - x[2]) * 0.866025403784438647F);  // sin(2 pi / 3)
  x[0] = x[0] + sum;
  x[1] = middle + side;
  x[2] = middle - side;
}

HYPERSKETCH_HD void butterfly(Complexes (&x)[4]) {
  const Complexes even = x[0] + x[2], odd = x[1] + x[3], middle = x[0] - x[2], side = turned(x[1] - x[3]);
  x[0] = even + odd;
  x[1] = middle + side;
  x[2] = even - odd;
  x[3] = middle - side;
}

HYPERSKETCH_HD void butterfly(Complexes (&x)[5]) {
  constexpr float c1 = 0.309016994374947424F, c2 = -0.809016994374947424F;  // cos(2 pi / 5), cos(4 pi / 5)
  constexpr float s1 = 0.951056516295153572F, s2 = 0.587785252292473129F;   // sin of the same
  const Complexes outer = x[1] + x[4], inner = x[2] + x[3], wide = x[1] - x[4], narrow = x[2] - x[3];
  const Complexes near = x[0] + (outer * c1 + inner * c2), far = x[0] + (outer * c2 + inner * c1);
  const Complexes near_side = turned(wide * s1 + narrow * s2), far_side = turned(wide * s2 - narrow * s1);
  x[0] = x[0] + (outer + inner);
  x[1] = near + near_side;
  x[2] = far + far_side;
  x[3] = far - far_side;
  x[4] = near - near_side;
}

// Where a step reads or writes: a strip in L1, or columns of a matrix of real and one of imaginary parts.
struct Strip {
  Complexes* values;
  HYPERSKETCH_MEMBER Complexes get(size_t i) const { return values[i]; }
  HYPERSKETCH_MEMBER void put(size_t i, Complexes value) const { values[i] = value; }
};

struct Columns {
  const float *re, *im;
  size_t stride;
  HYPERSKETCH_MEMBER Complexes get(size_t i) const {
    __builtin_prefetch(re + i * stride + kWaveLanes);  // the next strip, a step too long for the hardware
    __builtin_prefetch(im + i * stride + kWaveLanes);
    return {load_wave(re + i * stride), load_wave(im + i * stride)};
  }
};

// Each part is multiplied by powers of two.
struct ScaledColumns {
  Columns columns;
  float re, im;
  HYPERSKETCH_MEMBER Complexes get(size_t i) const {
    const Complexes value = columns.get(i);
    return {value.re * re, value.im * im};
  }
};

struct NewColumns {
  float *re, *im;
  size_t stride;
  HYPERSKETCH_MEMBER void put(size_t i, Complexes value) const {
    store_wave(re + i * stride, value.re);
    store_wave(im + i * stride, value.im);
  }
};

struct ScaledNewColumns {
  NewColumns columns;
  float re[2], im[2];
  HYPERSKETCH_MEMBER void put(size_t i, Complexes value) const {
    columns.put(i, {value.re * re[0] * re[1], value.im * im[0] * im[1]});
  }
};

// One step of an autosorting transform: transforms of length kRadix * rest become `stride` times as many of length
// `rest`. `twiddles` are rest times kRadix - 1 complex numbers; in the last step, with rest = 1, all of them are 1.
template <size_t kRadix, class From, class To>
HYPERSKETCH_HD void autosort(From from, To to, size_t rest, size_t stride, const float* twiddles) {
  for (size_t p = 0; p < rest; ++p, twiddles += 2 * (kRadix - 1))
    for (size_t q = 0; q < stride; ++q) {
      Complexes x[kRadix];
      for (size_t i = 0; i < kRadix; ++i) x[i] = from.get(q + stride * (p + i * rest));
      butterfly(x);
      const size_t at = q + stride * kRadix * p;
      to.put(at, x[0]);
      for (size_t j = 1; j < kRadix; ++j) {
        const Wave re = Wave{} + twiddles[2 * j - 2], im = Wave{} + twiddles[2 * j - 1];
        to.put(at + j * stride, times(x[j], re, im));
      }
    }
}

template <size_t kRadix, class From, class To>
HYPERSKETCH_HD void autosort_last(From from, To to, size_t stride) {
  for (size_t q = 0; q < stride; ++q) {
    Complexes x[kRadix];
    for (size_t i = 0; i < kRadix; ++i) x[i] = from.get(q + stride * i);
    butterfly(x);
    for (size_t j = 0; j < kRadix; ++j) to.put(q + stride * j, x[j]);
  }
}

template <class From, class To>
void step(size_t radix, From from, To to, size_t rest, size_t stride, const float* twiddles) {
  if (radix == 5)
    autosort<5>(from, to, rest, stride, twiddles);
  else if (radix == 4)
    autosort<4>(from, to, rest, stride, twiddles);
  else if (radix == 3)
    autosort<3>(from, to, rest, stride, twiddles);
  else
    autosort<2>(from, to, rest, stride, twiddles);
}

template <class From, class To>
void last_step(size_t radix, From from, To to, size_t stride) {
  if (radix == 5)
    autosort_last<5>(from, to, stride);
  else if (radix == 4)
    autosort_last<4>(from, to, stride);
  else if (radix == 3)
    autosort_last<3>(from, to, stride);
  else
    autosort_last<2>(from, to, stride);
}

// All steps but the last for as many columns as there are lanes, of which there are two or more. Of the two rooms for
// a strip, x has what came out and y is free.
template <class From>
void first_steps(ShortPlan plan, From from, Complexes*& x, Complexes*& y) {
  const float* twiddles = plan.twiddles;
  size_t rest = plan.length / plan.radices[0], stride = plan.radices[0];
  step(plan.radices[0], from, Strip{x}, rest, 1, twiddles);
  for (size_t i = 1; i + 1 < plan.n_radices; ++i) {
    const size_t radix = plan.radices[i];
    twiddles += 2 * rest * (plan.radices[i - 1] - 1);
    rest /= radix;
    step(radix, Strip{x}, Strip{y}, rest, stride, twiddles);
    stride *= radix;
    Complexes* const swapped = x;
    x = y;
    y = swapped;
  }
}

template <class To>
void final_step(ShortPlan plan, const Complexes* x, To to) {
  const size_t radix = plan.radices[plan.n_radices - 1];
  last_step(radix, Strip{const_cast<Complexes*>(x)}, to, plan.length / radix);
}

struct TransformBuffers {
  Complexes *x, *y;
  float *re, *im;  // the matrix, transposed
};

// A complex vector, its parts apart, each to be multiplied by its scale.
struct ComplexRow {
  const float *re, *im;
  float re_scale, im_scale;
};

// The first half: transforms down the columns of the n1 x n2 matrix, times the twiddles, transposed.
void transform_columns(ComplexRow row, TransformPlan plan, TransformBuffers buffers) {
  constexpr size_t n = kWaveLanes;
  const size_t n1 = plan.columns.length, n2 = plan.rows.length;
  for (size_t first = 0; first < n2; first += n) {
    const size_t j = first + n <= n2 ? first : n2 - n;  // the last strip may do some columns again
    Complexes *x = buffers.x, *y = buffers.y;
    first_steps(plan.columns, ScaledColumns{{row.re + j, row.im + j, n2}, row.re_scale, row.im_scale}, x, y);
    final_step(plan.columns, x, Strip{y});
    for (size_t begin = 0; begin < n1; begin += n) {
      const size_t k = begin + n <= n1 ? begin : n1 - n;
      Wave real[n], imaginary[n];
      for (size_t i = 0; i < n; ++i) {
        const size_t at = (k + i) * n2 + j;
        const Complexes turn = times(y[k + i], load_wave(plan.cosines + at), load_wave(plan.sines + at));
        real[i] = turn.re;
        imaginary[i] = turn.im;
      }
      transpose_squares<1>(real);
      transpose_squares<1>(imaginary);
      for (size_t i = 0; i < n; ++i) {
        store_wave(buffers.re + (j + i) * n1 + k, real[i]);
        store_wave(buffers.im + (j + i) * n1 + k, imaginary[i]);
      }
    }
  }
}

// Frequency k of the result is element k, as element j of what came in is number j. `to` takes them from column k on.
template <class To>
void transform(ComplexRow row, TransformPlan plan, TransformBuffers buffers, To&& to) {
  constexpr size_t n = kWaveLanes;
  const size_t n1 = plan.columns.length;
  transform_columns(row, plan, buffers);
  for (size_t first = 0; first < n1; first += n) {
    const size_t k = first + n <= n1 ? first : n1 - n;
    Complexes *x = buffers.x, *y = buffers.y;
    first_steps(plan.rows, Columns{buffers.re + k, buffers.im + k, n1}, x, y);
    final_step(plan.rows, x, to(k));
  }
}

template <class T>
struct Product {
  T re, im;
};

// Four times the product of the spectra of two real vectors at one frequency, where their complex transform has
// `here` and at the opposite frequency `there`; with the conjugate of the second one for correlation.
template <class T>
HYPERSKETCH_HD Product<T> spectral_product(Product<T> here, Product<T> there, float sign) {
  const Product<T> a{here.re + there.re, here.im - there.im};
  const Product<T> b{here.im + there.im, (there.re - here.re) * sign};
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

HYPERSKETCH_HD float reversed(float x) { return x; }

template <size_t... kLane>
HYPERSKETCH_HD Wave reversed_lanes(Wave x, Lanes<kLane...>) {
  return __builtin_shufflevector(x, x, (sizeof...(kLane) - 1 - kLane)...);
}

HYPERSKETCH_HD Wave reversed(Wave x) { return reversed_lanes(x, MakeLanes<kWaveLanes>::Type{}); }

// Two spectra become that of one complex vector whose parts are the two products. T counts frequencies k upwards from
// elements `here` and downwards to `there`.
template <class T>
HYPERSKETCH_HD void combine(SpectrumPair spectra, size_t here, size_t there, float scale, float sign) {
  auto get = [](const float* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
  };
  auto put = [](float* p, T value) { std::memcpy(p, &value, sizeof value); };
  Product<T> products[2];
  for (size_t i = 0; i < 2; ++i)
    products[i] =
        spectral_product<T>({get(spectra.re[i] + here), get(spectra.im[i] + here)},
                            {reversed(get(spectra.re[i] + there)), reversed(get(spectra.im[i] + there))}, sign);
  const auto [first, second] = products;
  put(spectra.re[0] + here, (first.re - second.im) * scale);
  put(spectra.im[0] + here, (first.im + second.re) * scale);
  put(spectra.re[0] + there, reversed((first.re + second.im) * scale));
  put(spectra.im[0] + there, reversed((second.re - first.im) * scale));
}

void combine_all(SpectrumPair spectra, size_t dim, bool correlate) {
  constexpr size_t n = kWaveLanes;
  const float scale = 0.25F / static_cast<float>(dim), sign = correlate ? -1.0F : 1.0F;
  combine<float>(spectra, 0, 0, scale, sign);
  size_t k = 1;
  for (; 2 * (k + n) <= dim + 1; k += n) combine<Wave>(spectra, k, dim - k - n + 1, scale, sign);
  for (; 2 * k <= dim; ++k) combine<float>(spectra, k, dim - k, scale, sign);
}

// The power of two at or above the largest magnitude of a row, but for the ends of the range; kNotFinite for a row with
// NaN or infinity. Magnitudes are compared as integers, among which those two are the largest.
int exponent_of(const float* row, size_t dim) {
  typedef std::int32_t Bits __attribute__((vector_size(sizeof(Wave))));
  Bits largest{};
  std::int32_t last = 0;
  size_t j = 0;
  for (; j + kWaveLanes <= dim; j += kWaveLanes) {
    const Bits size = reinterpret_cast<Bits>(load_wave(row + j)) & 0x7FFFFFFF;
    largest = size > largest ? size : largest;
  }
  for (; j < dim; ++j) {
    std::int32_t size;
    std::memcpy(&size, row + j, sizeof size);
    size &= 0x7FFFFFFF;
    last = size > last ? size : last;
  }
  for (size_t lane = 0; lane < kWaveLanes; ++lane) last = largest[lane] > last ? largest[lane] : last;
  const int field = last >> 23;
  if (field == 255) return kNotFinite;
  return (field < 1 ? 1 : field > 252 ? 252 : field) - 126;
}

float power_of_two(int exponent) {
  const std::uint32_t bits = static_cast<std::uint32_t>(exponent + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return power;
}

// What shares a transform is brought to one size first, so that no row leaves its rounding errors in a smaller one.
// Both results begin with NaN, and are not made, when one of the four rows has NaN or infinity.
void convolve_two(const float* const* a, const float* const* b, TransformPlan plan, bool correlate, float* scratch,
                  float* const* out) {
  const size_t dim = plan.columns.length * plan.rows.length, n1 = plan.columns.length;
  const size_t longest = plan.columns.length > plan.rows.length ? plan.columns.length : plan.rows.length;
  auto* const strips = reinterpret_cast<Complexes*>(scratch);
  float* const matrix = scratch + 4 * kWaveLanes * longest;
  const TransformBuffers buffers{strips, strips + longest, matrix, matrix + dim};
  SpectrumPair spectra;
  int exponents[2];
  for (size_t i = 0; i < 2; ++i) {
    const int left = exponent_of(a[i], dim), right = exponent_of(b[i], dim);  // also brings the rows near in order
    if (left == kNotFinite || right == kNotFinite) {
      out[0][0] = out[1][0] = __builtin_nanf("");
      return;
    }
    exponents[i] = left + right;
    spectra.re[i] = matrix + (2 + 2 * i) * dim;
    spectra.im[i] = matrix + (3 + 2 * i) * dim;
    transform({a[i], b[i], power_of_two(-left), power_of_two(-right)}, plan, buffers,
              [&](size_t k) { return NewColumns{spectra.re[i] + k, spectra.im[i] + k, n1}; });
  }
  combine_all(spectra, dim, correlate);
  // In two halves, which leave the range of floats only where the result does.
  const int first = exponents[0] / 2, second = exponents[1] / 2;
  const float unscale[2][2] = {{power_of_two(first), power_of_two(exponents[0] - first)},
                               {power_of_two(second), power_of_two(exponents[1] - second)}};
  // Backwards, a transform is one forwards with the parts swapped, before and after.
  transform({spectra.im[0], spectra.re[0], 1, 1}, plan, buffers, [&](size_t k) {
    return ScaledNewColumns{
        {out[1] + k, out[0] + k, n1}, {unscale[1][0], unscale[1][1]}, {unscale[0][0], unscale[0][1]}};
  });
}
