// SPDX-License-Identifier: Apache-2.0
// Kernels that turn one word into one word: hashes, stream starts, cell positions. Bound by the multiplier
// (XXH64 of an integer: five 64-bit products; a random word: two), never by memory while the batch is in cache.

void hash_u64(const uint64_t* keys, size_t n, uint64_t seed, uint64_t* out) {
  for_lanes(n, [=](size_t i, size_t lanes) {
    store_lanes(out + i, xxh64_integer(load_lanes(keys + i, lanes), seed), lanes);
  });
}

void stream_starts(const uint64_t* hashes, size_t n, uint64_t word_of_seed, uint64_t* out) {
  for_lanes(n, [=](size_t i, size_t lanes) {
    store_lanes(out + i, stream_start(word_of_seed, load_lanes(hashes + i, lanes)), lanes);
  });
}

void cell_positions(const uint64_t* starts, size_t n, size_t n_hashes, uint64_t n_cells, uint64_t* out) {
  for_lanes(n, [=](size_t j, size_t lanes) {
    const Vec start = load_lanes(starts + j, lanes);
    for (size_t i = 0; i < n_hashes; ++i) store_lanes(out + i * n + j, cell_position(start, i, n_cells), lanes);
  });
}

void atom_rows(const uint64_t* starts, size_t n, size_t n_words, uint64_t last_mask, uint64_t* out, size_t stride) {
  for (size_t i = 0; i < n; ++i) {
    uint64_t* const row = out + i * stride;
    const Vec start = broadcast(starts[i]) + lane_indices() * kGamma;
    for_lanes(n_words, [=](size_t j, size_t lanes) { store_lanes(row + j, atom_word(start, j), lanes); });
    row[n_words - 1] &= last_mask;
  }
}
