// SPDX-License-Identifier: Apache-2.0
// Cyclic shifts of packed vectors. A result is the row's last `shift` bits followed by its first dim - shift bits, so
// both parts are the row read from some bit on: two neighbouring words shifted together, a vector of words at a time.
// One word at most has bits of both. Bottleneck: stores.

// out[j] = the 64 bits of `row` from bit 64 j + first on, for j < n.
HYPERSKETCH_HD void copy_bits(const uint64_t* row, size_t first, size_t n, uint64_t* out) {
  const uint64_t* const from = row + first / kWordBits;
  const size_t shift = first % kWordBits;
  if (shift == 0) {  // there may be no next word
    std::memcpy(out, from, n * sizeof *out);
    return;
  }
  for_lanes(n, [=](size_t j, size_t lanes) {
    const Vec low = load_lanes(from + j, lanes), high = load_lanes(from + j + 1, lanes);
    store_lanes(out + j, (low >> shift) | (high << (kWordBits - shift)), lanes);
  });
}

HYPERSKETCH_HD void rotate_row(const uint64_t* row, size_t dim, size_t shift, uint64_t* out) {
  const size_t n_words = words_for(dim), whole = shift / kWordBits, left = shift % kWordBits;
  copy_bits(row, dim - shift, whole, out);
  if (left != 0) {
    const size_t first = dim - left, word = first / kWordBits, offset = first % kWordBits;
    uint64_t last_bits = row[word] >> offset;
    if (word + 1 < n_words) last_bits |= row[word + 1] << (kWordBits - offset);  // so offset is not 0
    out[whole] = (last_bits & tail_mask(left)) | (row[0] << left);
  }
  const size_t done = words_for(shift);
  copy_bits(row, done * kWordBits - shift, n_words - done, out + done);
  out[n_words - 1] &= tail_mask(dim);
}

void rotate_rows(const uint64_t* rows, size_t n, size_t dim, size_t shift, uint64_t* out) {
  const size_t n_words = words_for(dim);
  for (size_t i = 0; i < n; ++i) rotate_row(rows + i * n_words, dim, shift, out + i * n_words);
}
