// SPDX-License-Identifier: Apache-2.0
// Kernels of count sketches: where keys lie in one row, and the order statistics of their rows.
//
// Idea: a row at a time. Columns and signs of a block of keys are one random word each (two products), narrowed to 32
// bits so that a block's places stay in the first cache; the increments that follow are scalar, because they are bound
// by the caches and not by instructions. Medians compare whole rows of a block: a lane holds a key, so any depth fills
// the vector and nothing branches.

void row_places(const uint64_t* starts, size_t n, uint64_t row, uint64_t width, std::uint32_t* columns,
                std::int32_t* signs) {
  if (signs == nullptr)
    return for_lanes(n, [=](size_t i, size_t lanes) {
      store_halves(columns + i, row_column(random_word(load_lanes(starts + i, lanes), row), width), lanes);
    });
  for_lanes(n, [=](size_t i, size_t lanes) {
    const Vec word = random_word(load_lanes(starts + i, lanes), row);
    store_halves(columns + i, row_column(word, width), lanes);
    store_halves(signs + i, row_sign(word), lanes);
  });
}

// Moves the smaller of each pair to `low`.
template <class Value>
HYPERSKETCH_HD void sort_pairs(Value* HYPERSKETCH_RESTRICT low, Value* HYPERSKETCH_RESTRICT high, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const Value a = low[i], b = high[i];
    low[i] = b < a ? b : a;
    high[i] = b < a ? a : b;
  }
}

// Selection: pass s brings the s-th smallest to row s. Depths are small, and only the lower half is wanted.
template <class Value>
HYPERSKETCH_HD void sort_rows(Value* values, size_t stride, size_t depth, size_t n, size_t last) {
  for (size_t s = 0; s <= last; ++s)
    for (size_t r = s + 1; r < depth; ++r) sort_pairs(values + s * stride, values + r * stride, n);
}

void sort_rows_i32(std::int32_t* values, size_t stride, size_t depth, size_t n, size_t last) {
  sort_rows(values, stride, depth, n, last);
}

void sort_rows_i64(std::int64_t* values, size_t stride, size_t depth, size_t n, size_t last) {
  sort_rows(values, stride, depth, n, last);
}

void sort_rows_f32(float* values, size_t stride, size_t depth, size_t n, size_t last) {
  sort_rows(values, stride, depth, n, last);
}

void sort_rows_f64(double* values, size_t stride, size_t depth, size_t n, size_t last) {
  sort_rows(values, stride, depth, n, last);
}
