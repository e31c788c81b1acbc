// SPDX-License-Identifier: Apache-2.0
// Atoms of real and complex spaces: uniform and normal numbers and phasors made of the words of a stream.
//
// Idea: a word is two numbers of 32 bits; both are turned in double precision, a lane a word, and rounded to float at
// the end. Logarithm, sine and cosine are polynomials with errors below 2^-40, and nothing is contracted, so that all
// levels give the same bits. Bottleneck: some 45 operations a pair of numbers, one division and one root among them.

#if defined(__AVX512F__) || defined(__AVX2__)
typedef double Reals __attribute__((vector_size(sizeof(Vec))));
typedef float HalfReals __attribute__((vector_size(sizeof(Vec) / 2)));
#else
using Reals = double;
using HalfReals = float;
#endif

HYPERSKETCH_HD Vec bits_of(Reals x) {
  Vec v;
  std::memcpy(&v, &x, sizeof v);
  return v;
}

HYPERSKETCH_HD Reals reals_of(Vec v) {
  Reals x;
  std::memcpy(&x, &v, sizeof x);
  return x;
}

HYPERSKETCH_HD Reals root(Reals x) {
#if defined(__AVX512F__)
  return reinterpret_cast<Reals>(_mm512_maskz_sqrt_pd(0xFF, reinterpret_cast<__m512d>(x)));
#elif defined(__AVX2__)
  return reinterpret_cast<Reals>(_mm256_sqrt_pd(reinterpret_cast<__m256d>(x)));
#else
  return __builtin_sqrt(x);
#endif
}

HYPERSKETCH_HD HalfReals rounded(Reals x) {
#if defined(__AVX512F__) || defined(__AVX2__)
  return __builtin_convertvector(x, HalfReals);
#else
  return static_cast<HalfReals>(x);
#endif
}

// Integers below 2^52 as reals: written into the mantissa of 2^52.
HYPERSKETCH_HD Reals whole(Vec v) { return reals_of(v | broadcast(0x4330000000000000)) - 0x1p52; }

// (h + 1/2) / 2^32, strictly between 0 and 1.
HYPERSKETCH_HD Reals unit(Vec half) { return (whole(half) + 0.5) * 0x1p-32; }

// Natural logarithm of normal numbers: that of the mantissa, between sqrt(1/2) and sqrt(2), is 2 artanh((m-1)/(m+1)).
HYPERSKETCH_HD Reals logarithm(Reals x) {
  constexpr uint64_t kRootOfHalf = 0x3FE6A09E667F3BCD, kOne = 0x3FF0000000000000, kMantissa = 0x000FFFFFFFFFFFFF;
  const Vec moved = bits_of(x) + broadcast(kOne - kRootOfHalf);
  const Reals exponent = whole(moved >> 52) - 1023.0;
  const Reals m = reals_of((moved & broadcast(kMantissa)) + broadcast(kRootOfHalf));
  const Reals s = (m - 1.0) / (m + 1.0), z = s * s;
  Reals sum = z * (1.0 / 15) + 1.0 / 13;
  sum = sum * z + 1.0 / 11;
  sum = sum * z + 1.0 / 9;
  sum = sum * z + 1.0 / 7;
  sum = sum * z + 1.0 / 5;
  sum = sum * z + 1.0 / 3;
  sum = sum * z + 1.0;
  return exponent * 0.69314718055994530942 + (s + s) * sum;
}

struct Phasors {
  Reals cosine, sine;
};

// exp(2 pi i x) for 0 <= x <= 1: the nearest quarter turn, then Taylor's polynomials up to pi/4.
HYPERSKETCH_HD Phasors phasors(Reals x) {
  const Reals quarters = x * 4.0, shifted = quarters + 0x1.8p52;  // whose last bits count the quarters
  const Vec turn = bits_of(shifted);
  const Reals angle = (quarters - (shifted - 0x1.8p52)) * 1.57079632679489661923, z = angle * angle;
  Reals sine = z * (1.0 / 6227020800) - 1.0 / 39916800;
  sine = sine * z + 1.0 / 362880;
  sine = sine * z - 1.0 / 5040;
  sine = sine * z + 1.0 / 120;
  sine = sine * z - 1.0 / 6;
  sine = (sine * z + 1.0) * angle;
  Reals cosine = z * (-1.0 / 87178291200) + 1.0 / 479001600;
  cosine = cosine * z - 1.0 / 3628800;
  cosine = cosine * z + 1.0 / 40320;
  cosine = cosine * z - 1.0 / 720;
  cosine = cosine * z + 1.0 / 24;
  cosine = cosine * z - 0.5;
  cosine = cosine * z + 1.0;
  const Vec one = broadcast(1), odd = broadcast(0) - (turn & one);
  const Vec c = bits_of(cosine), s = bits_of(sine), swapped = (c ^ s) & odd;
  return {reals_of((c ^ swapped) ^ (((turn + one) >> 1 & one) << 63)),
          reals_of((s ^ swapped) ^ ((turn >> 1 & one) << 63))};
}

HYPERSKETCH_HD Vec low_half(Vec word) { return word & broadcast(0xFFFFFFFF); }

// Writes the numbers of kLanes words, `columns` a word, side by side.
template <size_t columns>
HYPERSKETCH_HD void write_columns(const Reals (&numbers)[columns], float* out) {
  float column[columns][kLanes];
  for (size_t c = 0; c < columns; ++c) {
    const HalfReals floats = rounded(numbers[c]);
    std::memcpy(column[c], &floats, sizeof floats);
  }
  for (size_t lane = 0; lane < kLanes; ++lane)
    for (size_t c = 0; c < columns; ++c) out[lane * columns + c] = column[c][lane];
}

// Rows of `size` floats, of which a word makes `columns`; make(word, out) writes those of kLanes words.
template <size_t columns, class Make>
void real_rows(const uint64_t* starts, size_t n, size_t size, float* out, Make make) {
  for (size_t i = 0; i < n; ++i, out += size) {
    const Vec start = broadcast(starts[i]) + lane_indices() * kGamma;
    size_t j = 0, done = 0;
    for (; done + columns * kLanes <= size; j += kLanes, done += columns * kLanes)
      make(atom_word(start, j), out + done);
    if (done == size) continue;
    float rest[columns * kLanes];
    make(atom_word(start, j), rest);
    std::memcpy(out + done, rest, (size - done) * sizeof(float));
  }
}

void atom_reals(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double scale, float* out) {
  if (kind == RealKind::kUniform) {
    real_rows<2>(starts, n, dim, out, [=](Vec word, float* to) {
      write_columns({(unit(low_half(word)) * 2.0 - 1.0) * scale, (unit(word >> 32) * 2.0 - 1.0) * scale}, to);
    });
  } else if (kind == RealKind::kNormal) {  // Box and Muller
    real_rows<2>(starts, n, dim, out, [=](Vec word, float* to) {
      const Reals length = root(logarithm(unit(low_half(word))) * -2.0) * scale;
      const Phasors turned = phasors(unit(word >> 32));
      write_columns({length * turned.cosine, length * turned.sine}, to);
    });
  } else {
    real_rows<4>(starts, n, 2 * dim, out, [=](Vec word, float* to) {
      const Phasors first = phasors(unit(low_half(word))), second = phasors(unit(word >> 32));
      write_columns({first.cosine * scale, first.sine * scale, second.cosine * scale, second.sine * scale}, to);
    });
  }
}
