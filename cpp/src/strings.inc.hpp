// SPDX-License-Identifier: Apache-2.0
// XXH64 of many short byte strings. One string alone is a chain of dependent multiplies; with AVX-512 eight strings
// share the chain, a lane each, and lanes that have run out of bytes are masked. The last 0..31 bytes of eight
// strings come in by eight masked loads (which never touch memory past the string) and one transposition: gathers of
// single words took twice as long. Bottleneck: loads and shuffles, then the multiplies.

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
HYPERSKETCH_HD __m512i raw(Vec v) { return reinterpret_cast<__m512i>(v); }

HYPERSKETCH_HD Vec blend(__mmask8 mask, Vec otherwise, Vec chosen) {
  return reinterpret_cast<Vec>(_mm512_mask_mov_epi64(raw(otherwise), mask, raw(chosen)));
}

HYPERSKETCH_HD __mmask8 at_least(Vec v, uint64_t bound) {
  return _mm512_cmpge_epu64_mask(raw(v), raw(broadcast(bound)));
}

HYPERSKETCH_HD Vec merge_lane(Vec h, Vec lane) { return (h ^ xxh64_round(Vec{}, lane)) * kPrime1 + kPrime4; }

// The four running lanes of the strings of 32 bytes and more; the others keep `h`.
HYPERSKETCH_HD Vec absorb_stripes(Vec pointer, Vec size, uint64_t seed, Vec h) {
  const __mmask8 large = at_least(size, 32);
  if (large == 0) return h;
  Vec lane[4] = {broadcast(seed + kPrime1 + kPrime2), broadcast(seed + kPrime2), broadcast(seed),
                 broadcast(seed - kPrime1)};
  for (uint64_t at = 0;; at += 32) {
    const __mmask8 active = at_least(size, at + 32);
    if (active == 0) break;
    for (uint64_t i = 0; i < 4; ++i) {
      const __m512i address = raw(pointer + broadcast(at + 8 * i));
      const __m512i words = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), active, address, nullptr, 1);
      lane[i] = blend(active, lane[i], xxh64_round(lane[i], reinterpret_cast<Vec>(words)));
    }
  }
  Vec all = xxh64_rotate(lane[0], 1) + xxh64_rotate(lane[1], 7) + xxh64_rotate(lane[2], 12) + xxh64_rotate(lane[3], 18);
  for (int i = 0; i < 4; ++i) all = merge_lane(all, lane[i]);
  return blend(large, h, all);
}

// Word k of the last size mod 32 bytes of eight strings, zeros behind them.
struct RestWords {
  Vec word[4];
};

typedef uint64_t HalfVec __attribute__((vector_size(32)));

HYPERSKETCH_HD HalfVec load_rest(const unsigned char* pointer, size_t size) {
  const size_t rest = size & 31;
  const auto mask = static_cast<__mmask32>((uint64_t{1} << rest) - 1);
  return reinterpret_cast<HalfVec>(_mm256_maskz_loadu_epi8(mask, pointer + (size - rest)));
}

HYPERSKETCH_HD Vec load_two_rests(const unsigned char* const* pointers, const size_t* sizes, size_t i, size_t j) {
  return __builtin_shufflevector(load_rest(pointers[i], sizes[i]), load_rest(pointers[j], sizes[j]), 0, 1, 2, 3, 4, 5,
                                 6, 7);
}

HYPERSKETCH_HD RestWords load_rests(const unsigned char* const* pointers, const size_t* sizes) {
  const Vec a = load_two_rests(pointers, sizes, 0, 2), b = load_two_rests(pointers, sizes, 1, 3);
  const Vec c = load_two_rests(pointers, sizes, 4, 6), d = load_two_rests(pointers, sizes, 5, 7);
  const Vec ab_even = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
  const Vec cd_even = __builtin_shufflevector(c, d, 0, 8, 2, 10, 4, 12, 6, 14);
  const Vec ab_odd = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  const Vec cd_odd = __builtin_shufflevector(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
  return {{__builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5, 8, 9, 12, 13),
           __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5, 8, 9, 12, 13),
           __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7, 10, 11, 14, 15),
           __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7, 10, 11, 14, 15)}};
}

// What is left below 32 bytes: up to three words, a half, up to three bytes.
HYPERSKETCH_HD Vec absorb_rest(const RestWords& rest, Vec size, Vec h) {
  const Vec left = size & 31;
  Vec last = rest.word[0];
  for (uint64_t k = 0; k < 3; ++k) {
    const __mmask8 active = at_least(left, 8 * (k + 1));
    if (active == 0) break;
    h = blend(active, h, xxh64_absorb8(h, rest.word[k]));
    last = blend(active, last, rest.word[k + 1]);
  }
  const __mmask8 half = _mm512_test_epi64_mask(raw(left), raw(broadcast(4)));
  if (half != 0) {
    h = blend(half, h, xxh64_rotate(h ^ ((last & 0xFFFFFFFFULL) * kPrime1), 23) * kPrime2 + kPrime3);
    last = blend(half, last, last >> 32);
  }
  for (uint64_t k = 1; k <= 3; ++k, last >>= 8) {
    const __mmask8 active = at_least(left & 3, k);
    if (active == 0) break;
    h = blend(active, h, xxh64_rotate(h ^ ((last & 0xFF) * kPrime5), 11) * kPrime1);
  }
  return h;
}

HYPERSKETCH_HD void hash_eight_strings(const unsigned char* const* pointers, const size_t* sizes, uint64_t seed,
                                       uint64_t* out) {
  const Vec pointer = reinterpret_cast<Vec>(_mm512_loadu_si512(pointers)), size = load(sizes);
  const Vec start = absorb_stripes(pointer, size, seed, broadcast(seed + kPrime5)) + size;
  store(out, xxh64_avalanche(absorb_rest(load_rests(pointers, sizes), size, start)));
}
#endif

void hash_strings(const unsigned char* const* pointers, const size_t* sizes, size_t n, uint64_t seed, uint64_t* out) {
  size_t i = 0;
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  for (; i + 8 <= n; i += 8) hash_eight_strings(pointers + i, sizes + i, seed, out + i);
#endif
  for (; i < n; ++i) out[i] = xxh64_bytes(pointers[i], sizes[i], seed);
}
