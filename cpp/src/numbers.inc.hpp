// SPDX-License-Identifier: Apache-2.0
// Rows of real and complex numbers in single precision: products entry by entry, sums and inner products in double
// precision, unit phasors, and sums of integers whose signs turn.
//
// Idea: one pass over what is read, with nothing of it copied to a wider type in memory, and NaN and infinity found on
// the way. Sums have kSumLanes lanes or one a column and nothing is contracted, so all levels give the same bits.
// Bottleneck: the memory of the rows; for quotients, divisions.

constexpr size_t kWideLanes = kSingleLanes / 2;
typedef double Wides __attribute__((vector_size(kSingleBytes)));
typedef float HalfSingles __attribute__((vector_size(kSingleBytes / 2)));
typedef std::int64_t WideInts __attribute__((vector_size(kSingleBytes)));
typedef std::uint32_t SingleBits __attribute__((vector_size(kSingleBytes)));
using SingleOrder = MakeLanes<kSingleLanes>::Type;
using WideOrder = MakeLanes<kWideLanes>::Type;

HYPERSKETCH_HD Wides load_wides(const double* p) {
  Wides v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

HYPERSKETCH_HD void store_wides(double* p, Wides v) { std::memcpy(p, &v, sizeof v); }

HYPERSKETCH_HD Wides load_widened(const float* p) {
  HalfSingles v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, Wides);
}

// Zero times a number is zero, but for NaN and infinity.
HYPERSKETCH_HD bool all_zero(Singles v) {
  for (size_t i = 0; i < kSingleLanes; ++i)
    if (v[i] != 0.0F) return false;
  return true;
}

bool all_finite(const float* numbers, size_t n) {
  Singles first{}, second{};
  size_t i = 0;
  for (; i + 2 * kSingleLanes <= n; i += 2 * kSingleLanes) {
    first += load_singles(numbers + i) * 0.0F;
    second += load_singles(numbers + i + kSingleLanes) * 0.0F;
  }
  float rest = 0.0F;
  for (; i < n; ++i) rest += numbers[i] * 0.0F;
  return all_zero(first + second) && rest == 0.0F;
}

// ---- complex numbers: real and imaginary parts lie side by side

template <class V, size_t... kLane>
HYPERSKETCH_HD V with_parts_swapped(V v, Lanes<kLane...>) {
  return __builtin_shufflevector(v, v, (kLane ^ 1)...);
}

template <class V, size_t... kLane>
HYPERSKETCH_HD V real_parts_twice(V v, Lanes<kLane...>) {
  return __builtin_shufflevector(v, v, (kLane & ~size_t{1})...);
}

template <class V, size_t... kLane>
HYPERSKETCH_HD V imaginary_parts_twice(V v, Lanes<kLane...>) {
  return __builtin_shufflevector(v, v, (kLane | 1)...);
}

// -0, 0, -0, ...: to turn the signs of real parts round.
template <class V>
HYPERSKETCH_HD V real_signs() {
  V v{};
  for (size_t i = 0; i < sizeof(V) / sizeof(v[0]); i += 2) v[i] = -v[i];
  return v;
}

template <class Bits, class V>
HYPERSKETCH_HD V with_signs(V v, V signs) {
  return reinterpret_cast<V>(reinterpret_cast<Bits>(v) ^ reinterpret_cast<Bits>(signs));
}

// a b, or a conj(b).
template <class Bits, class V, class Order>
HYPERSKETCH_HD V complex_product(V a, V b, V signs, Order order) {
  const V turned = with_signs<Bits>(with_parts_swapped(a, order), signs);
  return a * real_parts_twice(b, order) + turned * imaginary_parts_twice(b, order);
}

bool multiply_phasors(const float* a, const float* b, size_t n, bool conjugate, float* out) {
  const Singles real = real_signs<Singles>();
  const Singles signs = conjugate ? with_parts_swapped(real, SingleOrder{}) : real;
  Singles bad{};
  size_t i = 0;
  for (; i + kSingleLanes <= 2 * n; i += kSingleLanes) {
    const Singles product = complex_product<SingleBits>(load_singles(a + i), load_singles(b + i), signs, SingleOrder{});
    store_singles(out + i, product);
    bad += product * 0.0F;
  }
  const size_t left = (2 * n - i) * sizeof(float);
  if (left != 0) {
    Singles x{}, y{};
    std::memcpy(&x, a + i, left);
    std::memcpy(&y, b + i, left);
    const Singles product = complex_product<SingleBits>(x, y, signs, SingleOrder{});
    std::memcpy(out + i, &product, left);
    bad += product * 0.0F;
  }
  return all_zero(bad);
}

// a / b in double precision, whose squares neither leave the range nor vanish; what is divided by 0 becomes 0.
HYPERSKETCH_HD Wides complex_quotient(Wides a, Wides b, Wides signs) {
  const Wides squares = b * b;
  const Wides sizes = squares + with_parts_swapped(squares, WideOrder{});
  const Wides product = complex_product<WideInts>(a, b, signs, WideOrder{});
  const WideInts some = sizes != 0.0;
  const Wides divisors = sizes + reinterpret_cast<Wides>(~some & reinterpret_cast<WideInts>(Wides{} + 1.0));
  return reinterpret_cast<Wides>(reinterpret_cast<WideInts>(product / divisors) & some);
}

HYPERSKETCH_HD HalfSingles narrowed(Wides v) { return __builtin_convertvector(v, HalfSingles); }

// Quotients of kWideLanes / 2 numbers; returns zeros where all of it is finite.
HYPERSKETCH_HD Wides divide_some(const float* a, const float* b, Wides signs, float* out) {
  const Wides left = load_widened(a), right = load_widened(b);
  const HalfSingles quotient = narrowed(complex_quotient(left, right, signs));
  std::memcpy(out, &quotient, sizeof quotient);
  return __builtin_convertvector(quotient, Wides) * 0.0 + left * 0.0 + right * 0.0;
}

bool divide_phasors(const float* a, const float* b, size_t n, float* out) {
  const Wides signs = with_parts_swapped(real_signs<Wides>(), WideOrder{});
  Wides bad{};
  size_t i = 0;
  for (; i + kWideLanes <= 2 * n; i += kWideLanes) bad += divide_some(a + i, b + i, signs, out + i);
  if (i < 2 * n) {
    float x[kWideLanes] = {}, y[kWideLanes] = {}, rest[kWideLanes];
    std::memcpy(x, a + i, (2 * n - i) * sizeof(float));
    std::memcpy(y, b + i, (2 * n - i) * sizeof(float));
    bad += divide_some(x, y, signs, rest);
    std::memcpy(out + i, rest, (2 * n - i) * sizeof(float));
  }
  for (size_t lane = 0; lane < kWideLanes; ++lane)
    if (bad[lane] != 0.0) return false;
  return true;
}

// Numbers of any size, brought into a range in which squares have all their digits.
HYPERSKETCH_HD Wides unit_phasors_of(Wides v) {
  constexpr double kTiny = 0x1p-500, kHuge = 0x1p500;
  const Wides signless = v < 0.0 ? -v : v;
  const Wides other = with_parts_swapped(signless, WideOrder{});
  const Wides larger = signless > other ? signless : other;
  const Wides one = Wides{} + 1.0;
  const Wides scaled = v * (larger < kTiny ? one * kHuge * 0x1p74 : larger > kHuge ? one * kTiny * 0x1p-24 : one);
  const Wides squares = scaled * scaled;
  const Wides sizes = squares + with_parts_swapped(squares, WideOrder{});
  Wides lengths;
#if defined(__AVX512F__)
  lengths = reinterpret_cast<Wides>(_mm512_maskz_sqrt_pd(0xFF, reinterpret_cast<__m512d>(sizes)));
#elif defined(__AVX2__)
  lengths = reinterpret_cast<Wides>(_mm256_sqrt_pd(reinterpret_cast<__m256d>(sizes)));
#elif defined(__x86_64__)
  lengths = reinterpret_cast<Wides>(_mm_sqrt_pd(reinterpret_cast<__m128d>(sizes)));
#else
  for (size_t i = 0; i < kWideLanes; ++i) lengths[i] = __builtin_sqrt(sizes[i]);
#endif
  return lengths > 0.0 ? scaled / lengths : Wides{};
}

void unit_phasors(const double* numbers, size_t n, float* out) {
  size_t i = 0;
  for (; i + kWideLanes <= 2 * n; i += kWideLanes) {
    const HalfSingles made = narrowed(unit_phasors_of(load_wides(numbers + i)));
    std::memcpy(out + i, &made, sizeof made);
  }
  if (i < 2 * n) {
    double rest[kWideLanes] = {};
    std::memcpy(rest, numbers + i, (2 * n - i) * sizeof(double));
    const HalfSingles made = narrowed(unit_phasors_of(load_wides(rest)));
    std::memcpy(out + i, &made, (2 * n - i) * sizeof(float));
  }
}

// ---- sums

constexpr size_t kRowsAtOnce = 8;

// Adds kRows rows, times their weights if there are any, to the sums, one row after the other.
template <size_t kRows, bool kWeighed>
HYPERSKETCH_HD void sum_some(const float* rows, size_t stride, const double* weights, size_t width, double* sums) {
  size_t j = 0;
  for (; j + kWideLanes <= width; j += kWideLanes) {
    Wides sum = load_wides(sums + j);
    for (size_t r = 0; r < kRows; ++r) {
      const Wides row = load_widened(rows + r * stride + j);
      sum += kWeighed ? row * weights[r] : row;
    }
    store_wides(sums + j, sum);
  }
  for (; j < width; ++j)
    for (size_t r = 0; r < kRows; ++r) {
      const double number = rows[r * stride + j];
      sums[j] += kWeighed ? number * weights[r] : number;
    }
}

template <bool kWeighed>
void sum_all(const float* rows, size_t n, size_t stride, const double* weights, size_t width, double* sums) {
  size_t i = 0;
  for (; i + kRowsAtOnce <= n; i += kRowsAtOnce)
    sum_some<kRowsAtOnce, kWeighed>(rows + i * stride, stride, kWeighed ? weights + i : weights, width, sums);
  for (; i < n; ++i) sum_some<1, kWeighed>(rows + i * stride, stride, kWeighed ? weights + i : weights, width, sums);
}

void sum_rows(const float* rows, size_t n, size_t stride, const double* weights, size_t width, double* sums) {
  if (weights == nullptr)
    sum_all<false>(rows, n, stride, weights, width, sums);
  else
    sum_all<true>(rows, n, stride, weights, width, sums);
}

HYPERSKETCH_HD double sum_of_wide_lanes(double* lanes) {
  for (size_t half = kSumLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

void wide_products(const float* a, const float* b, size_t n, double* out) {
  constexpr size_t kParts = kSumLanes / kWideLanes;
  Wides aa[kParts] = {}, bb[kParts] = {}, ab[kParts] = {};
  auto add = [&](const float* x, const float* y) {
    for (size_t p = 0; p < kParts; ++p) {
      const Wides left = load_widened(x + p * kWideLanes), right = load_widened(y + p * kWideLanes);
      aa[p] += left * left;
      bb[p] += right * right;
      ab[p] += left * right;
    }
  };
  size_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) add(a + i, b + i);
  if (i < n) {
    float x[kSumLanes] = {}, y[kSumLanes] = {};
    std::memcpy(x, a + i, (n - i) * sizeof(float));
    std::memcpy(y, b + i, (n - i) * sizeof(float));
    add(x, y);
  }
  double lanes[kSumLanes];
  const Wides* const sums[3] = {aa, bb, ab};
  for (size_t k = 0; k < 3; ++k) {
    std::memcpy(lanes, sums[k], sizeof lanes);
    out[k] = sum_of_wide_lanes(lanes);
  }
}

// ---- integers

void turn_signs(const std::int32_t* sums, const uint64_t* words, size_t dim, std::int32_t* out) {
  SingleBits lane_bits{};
  for (size_t i = 0; i < kSingleLanes; ++i) lane_bits[i] = 1U << i;
  size_t d = 0;
  for (; d + kSingleLanes <= dim; d += kSingleLanes) {
    const auto bits = static_cast<std::uint32_t>(words[d / kWordBits] >> (d % kWordBits));
    const SingleBits minus = reinterpret_cast<SingleBits>(((SingleBits{} + bits) & lane_bits) != 0);
    SingleBits v;
    std::memcpy(&v, sums + d, sizeof v);
    v = (v ^ minus) - minus;
    std::memcpy(out + d, &v, sizeof v);
  }
  for (; d < dim; ++d) out[d] = ((words[d / kWordBits] >> (d % kWordBits)) & 1) != 0 ? -sums[d] : sums[d];
}
