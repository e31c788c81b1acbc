// SPDX-License-Identifier: Apache-2.0
// XOR of packed vectors, row by row. Bottleneck: memory, so last words are looked at while their lines are near by, and
// results are stored as usual: past the caches they cost more wherever the caches held the old ones.

constexpr size_t kXorRows = 8;  // after which their last words are looked at

HYPERSKETCH_HD uint64_t last_words(const uint64_t* rows, size_t stride, size_t n, size_t n_words) {
  uint64_t seen = 0;
  for (size_t i = 0; i < n; ++i) seen |= rows[i * stride + n_words - 1];
  return seen;
}

HYPERSKETCH_HD void xor_words(const uint64_t* a, const uint64_t* b, size_t n, uint64_t* out) {
  const auto combine = [=](size_t j, size_t lanes) {
    store_lanes(out + j, load_lanes(a + j, lanes) ^ load_lanes(b + j, lanes), lanes);
  };
  // Up to a vector's boundary first, because storing across cache lines takes twice as long.
  const size_t past = reinterpret_cast<std::uintptr_t>(out) % sizeof(Vec) / sizeof(uint64_t);
  const size_t head = past == 0 ? 0 : kLanes - past < n ? kLanes - past : n;
  if (head != 0) combine(0, head);
  for_lanes(n - head, [=](size_t j, size_t lanes) { combine(head + j, lanes); });
}

uint64_t xor_rows(const uint64_t* a, size_t a_stride, const uint64_t* b, size_t b_stride, size_t n, size_t n_words,
                  uint64_t* out) {
  uint64_t seen = 0;
  for (size_t first = 0; first < n; first += kXorRows) {
    const size_t rows = n - first < kXorRows ? n - first : kXorRows;
    const uint64_t *left = a + first * a_stride, *right = b + first * b_stride;
    uint64_t* const result = out + first * n_words;
    if (a_stride == n_words && b_stride == n_words)  // rows end to end are one
      xor_words(left, right, rows * n_words, result);
    else
      for (size_t i = 0; i < rows; ++i)
        xor_words(left + i * a_stride, right + i * b_stride, n_words, result + i * n_words);
    seen |= last_words(left, a_stride, rows, n_words) | last_words(right, b_stride, rows, n_words);
  }
  return seen;
}
