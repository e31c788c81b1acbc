// SPDX-License-Identifier: Apache-2.0
// Atoms of real and complex spaces: uniform and normal numbers and phasors made of the words of a stream.
//
// Idea: a word is two numbers of 32 bits, and as many of them as fit a register are turned at once in single precision.
// Logarithm, sine and cosine are polynomials with errors of one or two units in the last place, made of operations that
// IEEE 754 rounds in one way and that nothing contracts, so that all levels give the same bits. Bottleneck: some 45
// operations a pair of numbers, a root among them, and the words.

constexpr size_t kRealBytes = sizeof(Vec) > 16 ? sizeof(Vec) : 16;
constexpr size_t kRealLanes = kRealBytes / sizeof(float);
typedef float Reals __attribute__((vector_size(kRealBytes)));
typedef std::uint32_t RealBits __attribute__((vector_size(kRealBytes)));
typedef std::int32_t RealInts __attribute__((vector_size(kRealBytes)));

HYPERSKETCH_HD RealBits load_halves(const uint64_t* words) {
  RealBits v;
  std::memcpy(&v, words, sizeof v);
  return v;
}

HYPERSKETCH_HD void store_reals(float* p, Reals v) { std::memcpy(p, &v, sizeof v); }

HYPERSKETCH_HD Reals to_reals(RealBits integers) {
  return __builtin_convertvector(reinterpret_cast<RealInts>(integers), Reals);
}

HYPERSKETCH_HD Reals choose(RealBits mask, Reals yes, Reals no) {
  return reinterpret_cast<Reals>((reinterpret_cast<RealBits>(yes) & mask) | (reinterpret_cast<RealBits>(no) & ~mask));
}

// The unmasked form makes GCC 12 warn of its own header.
HYPERSKETCH_HD Reals square_root(Reals v) {
#if defined(__AVX512F__)
  return reinterpret_cast<Reals>(_mm512_maskz_sqrt_ps(0xFFFF, reinterpret_cast<__m512>(v)));
#elif defined(__AVX2__)
  return reinterpret_cast<Reals>(_mm256_sqrt_ps(reinterpret_cast<__m256>(v)));
#elif defined(__x86_64__)
  return reinterpret_cast<Reals>(_mm_sqrt_ps(reinterpret_cast<__m128>(v)));
#else
  for (size_t i = 0; i < kRealLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

// Every second lane of a and b from lane kFirst on.
template <size_t kFirst, class V, size_t... kLane>
HYPERSKETCH_HD V every_second(V a, V b, Lanes<kLane...>) {
  return __builtin_shufflevector(a, b, (2 * kLane + kFirst)...);
}

// a[k], b[k], a[k + 1], b[k + 1], ... from k = kFirst on.
template <size_t kFirst, class V, size_t... kLane>
HYPERSKETCH_HD V in_turn(V a, V b, Lanes<kLane...>) {
  constexpr size_t n = sizeof...(kLane);
  return __builtin_shufflevector(a, b, (kFirst + kLane / 2 + (kLane % 2) * n)...);
}

using RealOrder = MakeLanes<kRealLanes>::Type;

HYPERSKETCH_HD void store_in_turn(float* p, Reals a, Reals b) {
  store_reals(p, in_turn<0>(a, b, RealOrder{}));
  store_reals(p + kRealLanes, in_turn<kRealLanes / 2>(a, b, RealOrder{}));
}

// -2 ln u. Beside 1 the logarithm is taken of 1 - u, which has all its digits there.
HYPERSKETCH_HD Reals minus_two_ln(RealBits halves) {
  const RealBits upper = RealBits{} - (halves >> 31);  // u >= 1/2
  const Reals x = to_reals(halves ^ upper) + 0.5F;     // 2^32 u or 2^32 (1 - u), at most 2^31
  const RealBits bits = reinterpret_cast<RealBits>(x);
  const RealInts exponent = reinterpret_cast<RealInts>(bits - 0x3F3504F3U) >> 23;  // x / 2^exponent in [1/2^.5, 2^.5)
  const Reals mantissa = reinterpret_cast<Reals>(bits - (reinterpret_cast<RealBits>(exponent) << 23));
  const Reals t = x * 0x1p-32F;
  const RealBits far = reinterpret_cast<RealBits>(t > 0x1.2BEC34p-2F);  // 1 - 1/2^.5
  const Reals beside = choose(far, 1.0F - 2.0F * t, -t);
  const Reals f = choose(upper, beside, mantissa - 1.0F);
  const Reals whole =
      choose(upper, choose(far, Reals{} - 1.0F, Reals{}), __builtin_convertvector(exponent - 32, Reals));
  const Reals z = f * f;
  Reals p = f * -0x1.4BE1F4p-4F + 0x1.0460E6p-3F;
  p = p * f - 0x1.09AD48p-3F;
  p = p * f + 0x1.22DB78p-3F;
  p = p * f - 0x1.54D524p-3F;
  p = p * f + 0x1.99A152p-3F;
  p = p * f - 0x1.0000C8p-2F;
  p = p * f + 0x1.555552p-2F;
  const Reals ln = f - (0.5F * z - f * z * p);
  return (whole * 0x1.62E430p-1F + ln) * -2.0F;
}

// Cosine and sine of 2 pi u: the nearest quarter turn, and a polynomial of what is left.
HYPERSKETCH_HD void cosine_sine(RealBits halves, Reals& cosine, Reals& sine) {
  const RealBits quarter = (halves + 0x20000000U) >> 30;
  const Reals x = (to_reals(halves - (quarter << 30)) + 0.5F) * 0x1.921FB6p-30F;  // 2 pi / 2^32
  const Reals z = x * x;
  const Reals s = x + x * z * ((-0x1.9AC9DEp-13F * z + 0x1.110C2Ap-7F) * z - 0x1.555552p-3F);
  const Reals c = 1.0F - (0.5F * z - z * z * ((0x1.9BD7p-16F * z - 0x1.6C12CEp-10F) * z + 0x1.555554p-5F));
  const RealBits swap = RealBits{} - (quarter & 1U);
  const RealBits minus_cosine = ((quarter + 1U) & 2U) << 30, minus_sine = (quarter & 2U) << 30;
  cosine = reinterpret_cast<Reals>(reinterpret_cast<RealBits>(choose(swap, s, c)) ^ minus_cosine);
  sine = reinterpret_cast<Reals>(reinterpret_cast<RealBits>(choose(swap, c, s)) ^ minus_sine);
}

// Rows of `size` floats, of which kWords words make `kFloats`; make(words, out) writes those.
template <size_t kWords, size_t kFloats, class Make>
void real_rows(const uint64_t* starts, size_t n, size_t size, float* out, Make make) {
  for (size_t i = 0; i < n; ++i, out += size) {
    const Vec start = broadcast(starts[i]) + lane_indices() * kGamma;
    for (size_t j = 0, done = 0; done < size; j += kWords, done += kFloats) {
      uint64_t words[kWords];
      for (size_t k = 0; k < kWords; k += kLanes) store(words + k, atom_word(start, j + k));
      if (done + kFloats <= size) {
        make(words, out + done);
        continue;
      }
      float rest[kFloats];
      make(words, rest);
      std::memcpy(out + done, rest, (size - done) * sizeof(float));
    }
  }
}

void atom_reals(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double factor, float* out) {
  const float scale = static_cast<float>(factor);
  constexpr size_t kHalf = kRealLanes / 2;  // words of a register
  if (kind == RealKind::kUniform) {
    real_rows<kHalf, kRealLanes>(starts, n, dim, out, [=](const uint64_t* words, float* to) {
      // The first bit turned round makes a signed integer. What is nearer to an end than a float can say becomes it.
      store_reals(to, (to_reals(load_halves(words) ^ 0x80000000U) + 0.5F) * 0x1p-31F * scale);
    });
  } else if (kind == RealKind::kNormal) {  // Box and Muller
    real_rows<kRealLanes, 2 * kRealLanes>(starts, n, dim, out, [=](const uint64_t* words, float* to) {
      const RealBits a = load_halves(words), b = load_halves(words + kHalf);
      const Reals length = square_root(minus_two_ln(every_second<0>(a, b, RealOrder{}))) * scale;
      Reals cosine, sine;
      cosine_sine(every_second<1>(a, b, RealOrder{}), cosine, sine);
      store_in_turn(to, length * cosine, length * sine);
    });
  } else {
    real_rows<kHalf, 2 * kRealLanes>(starts, n, 2 * dim, out, [=](const uint64_t* words, float* to) {
      Reals cosine, sine;
      cosine_sine(load_halves(words), cosine, sine);
      store_in_turn(to, cosine * scale, sine * scale);
    });
  }
}
