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

// sum + a * power for a power of two: the product is exact, so that fusing it rounds as two instructions do.
HYPERSKETCH_HD Reals add_exact(Reals sum, Reals a, float power) {
  const Reals factor = Reals{} + power;
#if defined(__AVX512F__)
  return reinterpret_cast<Reals>(
      _mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(factor), reinterpret_cast<__m512>(sum)));
#elif defined(__FMA__)
  return reinterpret_cast<Reals>(
      _mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(factor), reinterpret_cast<__m256>(sum)));
#else
  return sum + a * factor;
#endif
}

// What follows takes kCount registers together, step by step: one alone waits for its own results most of the time.

// -2 ln u. Beside 1 the logarithm is taken of 1 - u, which has all its digits there.
template <size_t kCount>
HYPERSKETCH_HD void minus_two_ln(const RealBits (&halves)[kCount], Reals (&out)[kCount]) {
  Reals f[kCount], whole[kCount], p[kCount];
  const auto each = [](auto step) {
    for (size_t i = 0; i < kCount; ++i) step(i);
  };
  each([&](size_t i) {
    const RealInts upper = reinterpret_cast<RealInts>(halves[i]) >> 31;              // u >= 1/2
    const Reals x = to_reals(halves[i] ^ reinterpret_cast<RealBits>(upper)) + 0.5F;  // 2^32 u or 2^32 (1 - u) <= 2^31
    const RealInts far = upper & reinterpret_cast<RealInts>(x > 0x1.2BEC34p+30F);    // 1 - u > 1 - 1/2^.5
    const RealBits bits = reinterpret_cast<RealBits>(x);
    const RealInts exponent = reinterpret_cast<RealInts>(bits - 0x4F3504F3U) >> 23;  // u / 2^exponent in [1/2^.5, 2^.5)
    const Reals mantissa = reinterpret_cast<Reals>(bits - (reinterpret_cast<RealBits>(exponent) << 23));  // times 2^32
    const Reals below = add_exact(Reals{} - 1.0F, mantissa, 0x1p-32F);
    const Reals beside = upper ? x * -0x1p-32F : below;
    f[i] = far ? add_exact(Reals{} + 1.0F, x, -0x1p-31F) : beside;
    const Reals low = upper ? Reals{} : __builtin_convertvector(exponent, Reals);
    whole[i] = (far ? Reals{} - 1.0F : low) * -0x1.62E430p-0F;
  });
  each([&](size_t i) { p[i] = f[i] * -0x1.4BE1F4p-4F + 0x1.0460E6p-3F; });
  each([&](size_t i) { p[i] = p[i] * f[i] - 0x1.09AD48p-3F; });
  each([&](size_t i) { p[i] = p[i] * f[i] + 0x1.22DB78p-3F; });
  each([&](size_t i) { p[i] = p[i] * f[i] - 0x1.54D524p-3F; });
  each([&](size_t i) { p[i] = p[i] * f[i] + 0x1.99A152p-3F; });
  each([&](size_t i) { p[i] = p[i] * f[i] - 0x1.0000C8p-2F; });
  each([&](size_t i) { p[i] = p[i] * f[i] + 0x1.555552p-2F; });
  each([&](size_t i) {
    const Reals z = f[i] * f[i];
    out[i] = add_exact(whole[i], f[i] + add_exact(f[i] * z * p[i], z, -0.5F), -2.0F);
  });
}

// Cosine and sine of 2 pi u: the nearest quarter turn, and a polynomial of what is left.
template <size_t kCount>
HYPERSKETCH_HD void cosine_sine(const RealBits (&halves)[kCount], Reals (&cosine)[kCount], Reals (&sine)[kCount]) {
  for (size_t i = 0; i < kCount; ++i) {
    const RealBits turned = halves[i] + 0x20000000U;                      // its upper two bits are the nearest quarter
    const Reals x = (to_reals(halves[i] << 2) + 2.0F) * 0x1.921FB6p-32F;  // 2 pi / 2^34
    const Reals z = x * x;
    const Reals s = x + x * z * ((-0x1.9AC9DEp-13F * z + 0x1.110C2Ap-7F) * z - 0x1.555552p-3F);
    const Reals c = 1.0F + add_exact(z * z * ((0x1.9BD7p-16F * z - 0x1.6C12CEp-10F) * z + 0x1.555554p-5F), z, -0.5F);
    const RealInts swap = reinterpret_cast<RealInts>((turned & 0x40000000U) != 0U);
    const RealBits minus_cosine = (turned + 0x40000000U) & 0x80000000U, minus_sine = turned & 0x80000000U;
    cosine[i] = reinterpret_cast<Reals>(reinterpret_cast<RealBits>(swap ? s : c) ^ minus_cosine);
    sine[i] = reinterpret_cast<Reals>(reinterpret_cast<RealBits>(swap ? c : s) ^ minus_sine);
  }
}

// The first bit turned round makes a signed integer. What is nearer to an end than a float can say becomes it.
HYPERSKETCH_HD Reals uniform(RealBits halves, float scale) {
  return (to_reals(halves ^ 0x80000000U) + 0.5F) * 0x1p-31F * scale;
}

constexpr size_t kAtOnce = 4;  // registers of results in rows

// Rows of `size` floats, of which kWords words make kFloats. make(words, out) of an array of kCount such groups of
// words writes their floats one after the other.
template <size_t kWords, size_t kFloats, class Make>
void real_rows(const uint64_t* starts, size_t n, size_t size, float* out, Make make) {
  for (size_t i = 0; i < n; ++i, out += size) {
    const Vec start = broadcast(starts[i]) + lane_indices() * kGamma;
    size_t j = 0, done = 0;
    const auto words_of = [&](auto& words) {
      for (auto& group : words)
        for (size_t k = 0; k < kWords; k += kLanes, j += kLanes) store(group + k, atom_word(start, j));
    };
    for (; done + kAtOnce * kFloats <= size; done += kAtOnce * kFloats) {
      uint64_t words[kAtOnce][kWords];
      words_of(words);
      make(words, out + done);
    }
    for (; done < size; done += kFloats) {
      uint64_t words[1][kWords];
      words_of(words);
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

template <size_t kCount>
HYPERSKETCH_HD void make_normal(const uint64_t (&words)[kCount][kRealLanes], float scale, float* to) {
  RealBits lower[kCount], upper[kCount];
  for (size_t i = 0; i < kCount; ++i) {
    const RealBits a = load_halves(words[i]), b = load_halves(words[i] + kRealLanes / 2);
    lower[i] = every_second<0>(a, b, RealOrder{});
    upper[i] = every_second<1>(a, b, RealOrder{});
  }
  Reals squares[kCount], cosine[kCount], sine[kCount];
  minus_two_ln<kCount>(lower, squares);
  cosine_sine<kCount>(upper, cosine, sine);
  for (size_t i = 0; i < kCount; ++i) {
    const Reals length = square_root(squares[i]) * scale;
    store_in_turn(to + i * 2 * kRealLanes, length * cosine[i], length * sine[i]);
  }
}

template <size_t kCount>
HYPERSKETCH_HD void make_phasors(const uint64_t (&words)[kCount][kRealLanes / 2], float scale, float* to) {
  RealBits halves[kCount];
  for (size_t i = 0; i < kCount; ++i) halves[i] = load_halves(words[i]);
  Reals cosine[kCount], sine[kCount];
  cosine_sine<kCount>(halves, cosine, sine);
  for (size_t i = 0; i < kCount; ++i) store_in_turn(to + i * 2 * kRealLanes, cosine[i] * scale, sine[i] * scale);
}

void atom_reals(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double factor, float* out) {
  const float scale = static_cast<float>(factor);
  constexpr size_t kHalf = kRealLanes / 2;  // words of a register
  if (kind == RealKind::kUniform)
    real_rows<kHalf, kRealLanes>(starts, n, dim, out, [=](const auto& words, float* to) {
      for (const auto& group : words) {
        store_reals(to, uniform(load_halves(group), scale));
        to += kRealLanes;
      }
    });
  else if (kind == RealKind::kNormal)  // Box and Muller
    real_rows<kRealLanes, 2 * kRealLanes>(starts, n, dim, out,
                                          [=](const auto& words, float* to) { make_normal(words, scale, to); });
  else
    real_rows<kHalf, 2 * kRealLanes>(starts, n, 2 * dim, out,
                                     [=](const auto& words, float* to) { make_phasors(words, scale, to); });
}
