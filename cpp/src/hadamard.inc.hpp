// SPDX-License-Identifier: Apache-2.0
// Fast Walsh-Hadamard transforms in place: x[j] becomes the sum of x[i], negated where i and j share an odd number of
// bits.
//
// Idea: log2(n) stages of sums and differences of entries that are a power of two apart, from the largest down, two
// stages a pass; the last ones inside a vector. What does not fit into the first cache is cut into quarters after a
// pass. Stages come in the same order at every level, so that floats are rounded alike. Bottleneck: loads and stores.

#if defined(__AVX512F__)
constexpr size_t kWideBytes = 64;
#elif defined(__AVX2__)
constexpr size_t kWideBytes = 32;
#else
constexpr size_t kWideBytes = 16;  // SSE2 and NEON add integers and floats of 32 bits
#endif
constexpr size_t kWide = kWideBytes / 4;
constexpr size_t kCachedEntries = 4096;

template <class T>
struct WideVector;
template <>
struct WideVector<std::uint32_t> {
  typedef std::uint32_t Type __attribute__((vector_size(kWideBytes)));
};
template <>
struct WideVector<float> {
  typedef float Type __attribute__((vector_size(kWideBytes)));
};
template <class T>
using WideOf = typename WideVector<T>::Type;

template <class T>
HYPERSKETCH_HD WideOf<T> load_wide(const T* p) {
  WideOf<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
HYPERSKETCH_HD void store_wide(T* p, WideOf<T> v) {
  std::memcpy(p, &v, sizeof v);
}

// The stages of distances 2 * stride and stride, in blocks of four strides.
template <class T>
HYPERSKETCH_HD void two_stages(T* x, size_t n, size_t stride) {
  for (size_t first = 0; first < n; first += 4 * stride)
    for (size_t i = first; i < first + stride; i += kWide) {
      const WideOf<T> a = load_wide(x + i), b = load_wide(x + i + stride);
      const WideOf<T> c = load_wide(x + i + 2 * stride), d = load_wide(x + i + 3 * stride);
      const WideOf<T> ac = a + c, bd = b + d, a_c = a - c, b_d = b - d;
      store_wide(x + i, ac + bd);
      store_wide(x + i + stride, ac - bd);
      store_wide(x + i + 2 * stride, a_c + b_d);
      store_wide(x + i + 3 * stride, a_c - b_d);
    }
}

// The stage of one distance inside two vectors: their lower entries side by side, their upper ones, and back.
template <size_t kDistance, class V, size_t... kLane>
HYPERSKETCH_HD void inner_stage(V& a, V& b, Lanes<kLane...>) {
  constexpr size_t n = sizeof...(kLane);
  const V lower = __builtin_shufflevector(a, b, ((kLane & kDistance) == 0 ? kLane : n + kLane - kDistance)...);
  const V upper = __builtin_shufflevector(a, b, ((kLane & kDistance) == 0 ? kLane + kDistance : n + kLane)...);
  const V sum = lower + upper, difference = lower - upper;
  a = __builtin_shufflevector(sum, difference, ((kLane & kDistance) == 0 ? kLane : n + kLane - kDistance)...);
  b = __builtin_shufflevector(sum, difference, ((kLane & kDistance) == 0 ? kLane + kDistance : n + kLane)...);
}

template <size_t kDistance, class V>
HYPERSKETCH_HD void inner_stages(V& a, V& b) {
  inner_stage<kDistance>(a, b, typename MakeLanes<kWide>::Type{});
  if constexpr (kDistance > 1) inner_stages<kDistance / 2>(a, b);
}

// All stages of blocks of two vectors, the first of them between the two.
template <class T>
HYPERSKETCH_HD void last_stages(T* x, size_t n, bool between) {
  for (size_t i = 0; i < n; i += 2 * kWide) {
    WideOf<T> a = load_wide(x + i), b = load_wide(x + i + kWide);
    if (between) {
      const WideOf<T> sum = a + b;
      b = a - b;
      a = sum;
    }
    inner_stages<kWide / 2>(a, b);
    store_wide(x + i, a);
    store_wide(x + i + kWide, b);
  }
}

template <class T>
HYPERSKETCH_HD void few_stages(T* x, size_t n) {
  for (size_t stride = n / 2; stride != 0; stride /= 2)
    for (size_t i = 0; i < n; ++i)
      if ((i & stride) == 0) {
        const T sum = x[i] + x[i + stride];
        x[i + stride] = x[i] - x[i + stride];
        x[i] = sum;
      }
}

template <class T>
HYPERSKETCH_HD void cached_stages(T* x, size_t n) {
  if (n < 2 * kWide) return few_stages(x, n);
  size_t span = n;
  for (; span >= 4 * kWide; span /= 4) two_stages(x, n, span / 4);
  last_stages(x, n, span == 2 * kWide);
}

template <class T>
void all_stages(T* x, size_t n) {
  if (n <= kCachedEntries) return cached_stages(x, n);
  two_stages(x, n, n / 4);
  for (size_t quarter = 0; quarter < 4; ++quarter) all_stages(x + quarter * (n / 4), n / 4);
}

void walsh_hadamard_i32(std::int32_t* x, size_t n) {
  all_stages(reinterpret_cast<std::uint32_t*>(x), n);  // whose sums may leave their range on the way
}

void walsh_hadamard_f32(float* x, size_t n) { all_stages(x, n); }

// out[d] = -1 where bit d of a XOR b is set, else 1.
void spread_signs(const uint64_t* a, const uint64_t* b, size_t n, std::int32_t* out) {
  std::uint32_t bits[kWide];
  for (size_t i = 0; i < kWide; ++i) bits[i] = std::uint32_t{1} << i;
  const WideOf<std::uint32_t> bit = load_wide(bits);
  size_t d = 0;
  for (; d + kWide <= n; d += kWide) {
    const auto part = static_cast<std::uint32_t>((a[d / kWordBits] ^ b[d / kWordBits]) >> (d % kWordBits));
    const auto is_set = reinterpret_cast<WideOf<std::uint32_t>>(((bit & part) != 0));  // all ones, or none
    store_wide(reinterpret_cast<std::uint32_t*>(out) + d, is_set | 1);
  }
  for (; d < n; ++d) out[d] = 1 - 2 * static_cast<std::int32_t>(((a[0] ^ b[0]) >> d) & 1);  // fewer than a vector
}
