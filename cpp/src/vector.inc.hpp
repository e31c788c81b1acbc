// SPDX-License-Identifier: Apache-2.0
// The vector type of the level being compiled and the few operations the compiler does not find by itself.
// Included inside the level's anonymous namespace. `Vec` holds kLanes words; GCC and Clang vector types give it
// + - * ^ & | << >> per lane, so kernels read like scalar code.

#if defined(__AVX512F__)
constexpr size_t kLanes = 8;
typedef uint64_t Vec __attribute__((vector_size(64)));
typedef std::uint32_t HalfLanes __attribute__((vector_size(32)));
#elif defined(__AVX2__)
constexpr size_t kLanes = 4;
typedef uint64_t Vec __attribute__((vector_size(32)));
typedef std::uint32_t HalfLanes __attribute__((vector_size(16)));
#else
// Neither SSE2 nor NEON multiplies 64-bit lanes; two scalar multipliers beat the emulation.
constexpr size_t kLanes = 1;
using Vec = uint64_t;
using HalfLanes = std::uint32_t;
#endif

// As many floats; SSE2 and NEON have vectors of them.
constexpr size_t kSingleBytes = sizeof(Vec) > 16 ? sizeof(Vec) : 16;
typedef float Singles __attribute__((vector_size(kSingleBytes)));
constexpr size_t kSingleLanes = kSingleBytes / sizeof(float);

HYPERSKETCH_HD Vec load(const uint64_t* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

HYPERSKETCH_HD void store(uint64_t* p, Vec v) { std::memcpy(p, &v, sizeof v); }

HYPERSKETCH_HD Singles load_singles(const float* p) {
  Singles v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

HYPERSKETCH_HD void store_singles(float* p, Singles v) { std::memcpy(p, &v, sizeof v); }

HYPERSKETCH_HD Vec broadcast(uint64_t x) { return Vec{} + x; }

// 0, 1, 2, ... over the lanes.
HYPERSKETCH_HD Vec lane_indices() {
  uint64_t index[kLanes];
  for (size_t i = 0; i < kLanes; ++i) index[i] = i;
  return load(index);
}

HYPERSKETCH_HD Vec xor3(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_ternarylogic_epi64(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b),
                                                         reinterpret_cast<__m512i>(c), 0x96));
#else
  return a ^ b ^ c;
#endif
}

HYPERSKETCH_HD Vec majority3(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_ternarylogic_epi64(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b),
                                                         reinterpret_cast<__m512i>(c), 0xE8));
#else
  return (a & b) | (c & (a ^ b));
#endif
}

HYPERSKETCH_HD bool is_zero(Vec v) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(v), reinterpret_cast<__m512i>(v)) == 0;
#elif defined(__AVX2__)
  return _mm256_testz_si256(reinterpret_cast<__m256i>(v), reinterpret_cast<__m256i>(v)) != 0;
#else
  return v == 0;
#endif
}

// Number of set bits of every lane.
HYPERSKETCH_HD Vec lane_ones(Vec v) {
#if defined(__AVX512VPOPCNTDQ__)
  return reinterpret_cast<Vec>(_mm512_popcnt_epi64(reinterpret_cast<__m512i>(v)));
#elif defined(__AVX2__)
  const __m256i table =
      _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15), x = reinterpret_cast<__m256i>(v);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
  return reinterpret_cast<Vec>(_mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
#else
  return count_ones(v);
#endif
}

// Calls body(i, lanes) for whole vectors of [0, n) and once more for the rest with lanes < kLanes.
template <class Body>
HYPERSKETCH_HD void for_lanes(size_t n, Body body) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, kLanes);
  if (i < n) body(i, n - i);
}

// Loads and stores that touch only the first `lanes` words.
HYPERSKETCH_HD Vec load_lanes(const uint64_t* p, size_t lanes) {
  if (lanes == kLanes) return load(p);
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_maskz_loadu_epi64(static_cast<__mmask8>((1U << lanes) - 1), p));
#else
  uint64_t part[kLanes] = {};
  for (size_t i = 0; i < lanes; ++i) part[i] = p[i];
  return load(part);
#endif
}

HYPERSKETCH_HD void store_lanes(uint64_t* p, Vec v, size_t lanes) {
  if (lanes == kLanes) return store(p, v);
#if defined(__AVX512F__)
  _mm512_mask_storeu_epi64(p, static_cast<__mmask8>((1U << lanes) - 1), reinterpret_cast<__m512i>(v));
#else
  uint64_t part[kLanes];
  store(part, v);
  for (size_t i = 0; i < lanes; ++i) p[i] = part[i];
#endif
}

// The lower half of every lane.
HYPERSKETCH_HD HalfLanes lower_halves(Vec v) {
#if defined(__AVX512F__) || defined(__AVX2__)
  return __builtin_convertvector(v, HalfLanes);
#else
  return static_cast<HalfLanes>(v);
#endif
}

// Stores the lower halves of the first `lanes` words; `Half` is a 32-bit integer.
template <class Half>
HYPERSKETCH_HD void store_halves(Half* p, Vec v, size_t lanes) {
  const HalfLanes halves = lower_halves(v);
  if (lanes == kLanes) {
    std::memcpy(p, &halves, sizeof halves);
    return;
  }
  Half part[kLanes];
  std::memcpy(part, &halves, sizeof halves);
  for (size_t i = 0; i < lanes; ++i) p[i] = part[i];
}

// The numbers 0 ... kCount - 1 as a pack.
template <size_t... kIndices>
struct Lanes {};
template <size_t kCount, size_t... kIndices>
struct MakeLanes : MakeLanes<kCount - 1, kCount - 1, kIndices...> {};
template <size_t... kIndices>
struct MakeLanes<0, kIndices...> {
  using Type = Lanes<kIndices...>;
};
