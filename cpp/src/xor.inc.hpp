// SPDX-License-Identifier: Apache-2.0
// XOR of packed vectors, row by row. Bottleneck: memory, so last words are looked at while they are near by.

constexpr size_t kXorRows = 32;  // after which their last words are looked at

HYPERSKETCH_HD uint64_t last_words(const uint64_t* rows, size_t stride, size_t n, size_t n_words) {
  uint64_t seen = 0;
  for (size_t i = 0; i < n; ++i) seen |= rows[i * stride + n_words - 1];
  return seen;
}

// The words [i, end) of two arrays, whole vectors of them when streamed; returns how far it came.
template <bool kStream>
HYPERSKETCH_HD size_t xor_words(const uint64_t* a, const uint64_t* b, size_t i, size_t end, uint64_t* out) {
  for (; i + kLanes <= end; i += kLanes) {
    const Vec v = load(a + i) ^ load(b + i);
    if constexpr (kStream)
      store_streaming(out + i, v);
    else
      store(out + i, v);
  }
  if constexpr (!kStream)
    for (; i < end; ++i) out[i] = a[i] ^ b[i];
  return i;
}

// Rows that lie end to end in all three arrays are one array; vectors cross from one row into the next.
template <bool kStream>
HYPERSKETCH_HD uint64_t xor_whole(const uint64_t* a, const uint64_t* b, size_t n, size_t n_words, uint64_t* out) {
  uint64_t seen = 0;
  size_t i = 0;
  if constexpr (kStream)
    for (; reinterpret_cast<std::uintptr_t>(out + i) % sizeof(Vec) != 0; ++i) out[i] = a[i] ^ b[i];
  for (size_t first = 0; first < n; first += kXorRows) {
    const size_t rows = n - first < kXorRows ? n - first : kXorRows, begin = first * n_words;
    // Before the words are written: `out` may be one of the two.
    seen |= last_words(a + begin, n_words, rows, n_words) | last_words(b + begin, n_words, rows, n_words);
    i = xor_words<kStream>(a, b, i, begin + rows * n_words, out);
  }
  xor_words<false>(a, b, i, n * n_words, out);
  if constexpr (kStream) end_streaming();
  return seen;
}

uint64_t xor_rows(const uint64_t* a, size_t a_stride, const uint64_t* b, size_t b_stride, size_t n, size_t n_words,
                  bool stream, uint64_t* out) {
  if (a_stride == n_words && b_stride == n_words)
    return stream ? xor_whole<true>(a, b, n, n_words, out) : xor_whole<false>(a, b, n, n_words, out);
  uint64_t seen = 0;
  for (size_t i = 0; i < n; ++i) {
    seen |= a[i * a_stride + n_words - 1] | b[i * b_stride + n_words - 1];
    xor_words<false>(a + i * a_stride, b + i * b_stride, 0, n_words, out + i * n_words);
  }
  return seen;
}
