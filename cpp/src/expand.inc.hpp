// SPDX-License-Identifier: Apache-2.0
// Rows times a matrix, and the sines of the products.
//
// Idea: lanes are columns. A tile of rows meets a strip of kStrip columns in registers, feature by feature, and its
// sines are taken before it is stored once. Sums run in the order of the features at every level, but only AVX2
// and AVX-512 fuse multiplication and addition and round once a feature, so the others differ in last digits.
// Bottleneck: one instruction a vector of products; then the memory of the results.

typedef std::uint32_t SingleBits __attribute__((vector_size(kSingleBytes)));
// Registers: 6 rows x 2 vectors of 64 bytes, 2 x 4 of 32, 1 x 8 of 16.
constexpr size_t kStripParts = kStrip / kSingleLanes;
constexpr size_t kStripRows = kStripParts == 2 ? 6 : kStripParts == 4 ? 2 : 1;

// sum + a * b, rounded once where the level can. Measured on Zen 4: a quarter less time for the whole.
HYPERSKETCH_HD Singles add_product(Singles sum, Singles a, Singles b) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, sum);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, sum);
#else
  return sum + a * b;
#endif
}

// Sine by a polynomial, after the nearest multiple of pi is taken away in three parts, of which the first two times a
// whole number below 2^13 are exact. Error below 3e-7 for |x| < 10^4; beyond, it is that of the argument itself, and
// what is no number gives a number in [-1, 1] all the same.
HYPERSKETCH_HD Singles sine(Singles x) {
  constexpr float kRound =
      12582912.0F;  // adding 1.5 * 2^23 rounds to a whole number, whose lowest bit is then the last
  const Singles shifted = x * 0.318309886F + kRound;
  const Singles turns = shifted - kRound;
  Singles r = x - turns * 3.140625F;
  r = r - turns * 9.67502593994140625e-4F;
  r = r - turns * 1.509957990978376e-7F;
  const Singles most = Singles{} + 1.5707964F;
  r = r < most ? r : most;
  r = r > -most ? r : -most;
  const Singles z = r * r;
  Singles p = z * 2.6000544e-6F - 1.9806615e-4F;
  p = p * z + 8.333017e-3F;
  p = p * z - 1.6666657e-1F;
  const Singles s = r + r * z * p;
  const SingleBits sign = reinterpret_cast<SingleBits>(shifted) << 31;
  return reinterpret_cast<Singles>(reinterpret_cast<SingleBits>(s) ^ sign);
}

template <size_t kRows>
HYPERSKETCH_HD void expand_tile(const float* rows, size_t n_features, const float* strip, const float* phases,
                                const float* offsets, float* out, size_t out_stride) {
  Singles sum[kRows][kStripParts];
  for (size_t r = 0; r < kRows; ++r)
    for (size_t p = 0; p < kStripParts; ++p) sum[r][p] = Singles{};
  for (size_t f = 0; f < n_features; ++f) {
    Singles line[kStripParts];
    for (size_t p = 0; p < kStripParts; ++p) line[p] = load_singles(strip + f * kStrip + p * kSingleLanes);
    for (size_t r = 0; r < kRows; ++r) {
      const Singles value = Singles{} + rows[r * n_features + f];
      for (size_t p = 0; p < kStripParts; ++p) sum[r][p] = add_product(sum[r][p], value, line[p]);
    }
  }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t p = 0; p < kStripParts; ++p) {
      const size_t at = p * kSingleLanes;
      if (phases != nullptr) sum[r][p] = sine(sum[r][p] + load_singles(phases + at)) - load_singles(offsets + at);
      store_singles(out + r * out_stride + at, sum[r][p]);
    }
}

void expand_rows(const float* rows, size_t n, size_t n_features, const float* strip, const float* phases,
                 const float* offsets, size_t n_columns, float* out, size_t out_stride) {
  const bool whole = n_columns == kStrip;
  alignas(kLineBytes) float part[kStripRows * kStrip];
  for (size_t i = 0; i < n;) {
    const size_t count = n - i < kStripRows ? 1 : kStripRows;
    float* const to = whole ? out + i * out_stride : part;
    const size_t stride = whole ? out_stride : kStrip;
    if (count == kStripRows)
      expand_tile<kStripRows>(rows + i * n_features, n_features, strip, phases, offsets, to, stride);
    else
      expand_tile<1>(rows + i * n_features, n_features, strip, phases, offsets, to, stride);
    if (!whole)
      for (size_t r = 0; r < count; ++r)
        std::memcpy(out + (i + r) * out_stride, part + r * kStrip, n_columns * sizeof(float));
    i += count;
  }
}
