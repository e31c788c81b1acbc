// SPDX-License-Identifier: Apache-2.0
// The same by tiles (AMX): an instruction multiplies 16 queries of 16 words with 16 words of 16 patterns, 8,192
// products in 16 cycles. Tiles of patterns lie as it takes them: words of a number are a line. Idea: 16 queries times a
// line of patterns in four registers of sums, so that five loads feed four instructions. Bottleneck: these, of
// similarities; loads and stores of states, of sums.

constexpr size_t kSide = 16;  // words and rows of a register

// What rows a group of queries has: register 0 are queries, 1 to 3 patterns in turns, 4 to 7 sums.
HYPERSKETCH_HD void shape_registers(size_t n_queries) {
  struct {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  } shape;
  for (size_t i = 0; i < 8; ++i) {
    shape.row_bytes[i] = kSide * sizeof(std::uint32_t);
    shape.rows[i] = static_cast<std::uint8_t>(i >= 1 && i <= 3 ? kSide : n_queries);
  }
  _tile_loadconfig(&shape);
}

// sums[q * sum_stride + j] += products of n_words (rounded up to whole registers, which a and b are) of row q of a, and
// of column j < 64 of b; strides are in words.
HYPERSKETCH_HD void multiply_registers(const std::uint32_t* a, size_t a_stride, const std::uint32_t* b, size_t b_stride,
                                       size_t n_words, float* sums, size_t sum_stride) {
  const size_t a_bytes = a_stride * 4, b_bytes = b_stride * 4, sum_bytes = sum_stride * 4;
  _tile_loadd(4, sums, sum_bytes);
  _tile_loadd(5, sums + kSide, sum_bytes);
  _tile_loadd(6, sums + 2 * kSide, sum_bytes);
  _tile_loadd(7, sums + 3 * kSide, sum_bytes);
  for (size_t k = 0; k < n_words; k += kSide) {
    const std::uint32_t* rows = b + k * b_stride;
    _tile_loadd(0, a + k, a_bytes);
    _tile_loadd(1, rows, b_bytes);
    _tile_dpbf16ps(4, 0, 1);
    _tile_loadd(2, rows + kSide, b_bytes);
    _tile_dpbf16ps(5, 0, 2);
    _tile_loadd(3, rows + 2 * kSide, b_bytes);
    _tile_dpbf16ps(6, 0, 3);
    _tile_loadd(1, rows + 3 * kSide, b_bytes);
    _tile_dpbf16ps(7, 0, 1);
  }
  _tile_stored(4, sums, sum_bytes);
  _tile_stored(5, sums + kSide, sum_bytes);
  _tile_stored(6, sums + 2 * kSide, sum_bytes);
  _tile_stored(7, sums + 3 * kSide, sum_bytes);
}

// Calls body(first, last) for the queries in whole groups, then for what is left, as one smaller group.
template <class Body>
HYPERSKETCH_HD void for_register_groups(size_t n_queries, Body body) {
  const size_t whole = n_queries / kSide * kSide;
  if (whole != 0) {
    shape_registers(kSide);
    body(size_t{0}, whole);
  }
  if (whole != n_queries) {
    shape_registers(n_queries - whole);
    body(whole, n_queries);
  }
  _tile_release();
}

void compare_tiles(const std::uint32_t* queries, size_t n, size_t stride, const std::uint32_t* tile, size_t n_words,
                   Ahead ahead, float* scores) {
  static_assert(kTile == 4 * kSide);
  const size_t lines = static_cast<size_t>(ahead.end - ahead.next) / kLineBytes, groups = (n + kSide - 1) / kSide;
  for_register_groups(n, [&](size_t first, size_t last) {
    for (size_t q = first; q < last; q += kSide) {
      for (size_t i = 0; i <= lines / groups; ++i) fetch_line(ahead);
      multiply_registers(queries + q * stride, stride, tile, kTile, n_words, scores + q * kTile, kTile);
    }
  });
}

// Beyond n_pairs weights are zeros, and pairs finite. All queries meet a strip of pairs while the first cache has it.
void sum_tiles(const std::uint32_t* weights, size_t n_queries, const std::uint32_t* pairs, size_t n_pairs,
               float* states, size_t stride) {
  for_register_groups(n_queries, [&](size_t first, size_t last) {
    for (size_t d = 0; d < stride; d += 4 * kSide)
      for (size_t q = first; q < last; q += kSide)
        multiply_registers(weights + q * kTile / 2, kTile / 2, pairs + d, stride, n_pairs, states + q * stride + d,
                           stride);
  });
}
