// SPDX-License-Identifier: Apache-2.0
// Kernels of count sketches: one row at a time, and the order statistics of all rows.
//
// Idea: a key's place in a row is one random word (two products), computed for a vector of keys; the increments that
// follow are scalar, because the caches bound them and not the instructions. So places are computed some groups before
// they are used, in groups as small as a vector: the processor then does both at the same time. A place is one word,
// the column below and the sign on top, because narrowing them for two tables costs more than taking them apart. Rows
// beyond a core's own cache are prefetched as well, further ahead. Medians compare whole rows of a block: a lane holds
// a key, so any depth fills the vector and nothing branches.

constexpr size_t kPlaceGroup = 8;
constexpr size_t kNearAhead = 10, kFarAhead = 20, kPlaceRing = 32;  // groups
constexpr size_t kNearRow = size_t{1} << 20;                        // a row of this size still fits a core's own cache

HYPERSKETCH_HD void place_keys(const uint64_t* starts, size_t n, uint64_t row, uint64_t width, std::uint32_t* columns,
                               std::int32_t* signs) {
  for_lanes(n, [=](size_t i, size_t lanes) {
    const Vec word = random_word(load_lanes(starts + i, lanes), row);
    store_halves(columns + i, row_column(word, width), lanes);
    if (signs != nullptr) store_halves(signs + i, row_sign(word), lanes);
  });
}

void row_places(const uint64_t* starts, size_t n, uint64_t row, uint64_t width, std::uint32_t* columns,
                std::int32_t* signs) {
  if (signs == nullptr)
    place_keys(starts, n, row, width, columns, nullptr);
  else
    place_keys(starts, n, row, width, columns, signs);
}

HYPERSKETCH_HD std::uint32_t column_of(uint64_t place) { return static_cast<std::uint32_t>(place); }

HYPERSKETCH_HD std::int32_t sign_of(uint64_t place) {
  return static_cast<std::int32_t>(static_cast<std::int64_t>(place) >> 63) | 1;
}

template <bool kSigned, bool kFar, class Cell>
HYPERSKETCH_HD void find_places(RowView<Cell> row, const uint64_t* starts, size_t n, uint64_t* places) {
  for_lanes(n, [=](size_t i, size_t lanes) {
    const Vec word = random_word(load_lanes(starts + i, lanes), row.index);
    const Vec column = row_column(word, row.width);
    store_lanes(places + i, kSigned ? column | (word << 63) : column, lanes);
  });
  if constexpr (kFar)
    for (size_t i = 0; i < n; ++i)
      __builtin_prefetch(row.cells + column_of(places[i]), std::is_const_v<Cell> ? 0 : 1, 3);
}

// Calls visit(places, first, count) for groups of keys in order, whose cells are on their way.
template <bool kSigned, bool kFar, class Cell, class Visit>
HYPERSKETCH_HD void visit_groups(RowView<Cell> row, const uint64_t* starts, size_t n, Visit visit) {
  constexpr size_t kAhead = (kFar ? kFarAhead : kNearAhead) * kPlaceGroup;
  alignas(64) uint64_t ring[kPlaceRing][kPlaceGroup];
  const size_t whole = n / kPlaceGroup * kPlaceGroup;
  const auto prepare = [&](size_t first) {
    if (first < whole)
      find_places<kSigned, kFar>(row, starts + first, kPlaceGroup, ring[first / kPlaceGroup % kPlaceRing]);
  };
  for (size_t first = 0; first < kAhead; first += kPlaceGroup) prepare(first);
  for (size_t first = 0; first < whole; first += kPlaceGroup) {
    prepare(first + kAhead);
    visit(ring[first / kPlaceGroup % kPlaceRing], first, kPlaceGroup);
  }
  if (whole == n) return;
  find_places<kSigned, kFar>(row, starts + whole, n - whole, ring[0]);
  visit(ring[0], whole, n - whole);
}

template <bool kSigned, class Cell, class Visit>
HYPERSKETCH_HD void visit_row(RowView<Cell> row, const uint64_t* starts, size_t n, Visit visit) {
  if (row.width * sizeof(Cell) > kNearRow)
    visit_groups<kSigned, true>(row, starts, n, visit);
  else
    visit_groups<kSigned, false>(row, starts, n, visit);
}

template <bool kSigned, bool kWeighted, class Cell>
HYPERSKETCH_HD void add_keys(RowView<Cell> row, const uint64_t* starts, const Weight<Cell>* weights, size_t n) {
  visit_row<kSigned>(row, starts, n, [=](const uint64_t* places, size_t first, size_t count) {
#pragma GCC unroll 8
    for (size_t i = 0; i < count; ++i) {
      Weight<Cell> change = 1;
      if constexpr (kSigned) change = static_cast<Weight<Cell>>(sign_of(places[i]));
      if constexpr (kWeighted) change *= weights[first + i];
      Cell& cell = row.cells[column_of(places[i])];
      cell = static_cast<Cell>(cell + static_cast<Cell>(change));
    }
  });
}

template <class Cell>
void row_add(RowView<Cell> row, const uint64_t* starts, const Weight<Cell>* weights, size_t n) {
  if (weights == nullptr)
    row.is_signed ? add_keys<true, false>(row, starts, weights, n) : add_keys<false, false>(row, starts, weights, n);
  else
    row.is_signed ? add_keys<true, true>(row, starts, weights, n) : add_keys<false, true>(row, starts, weights, n);
}

template <bool kSigned, class Cell>
HYPERSKETCH_HD void read_keys(RowView<const Cell> row, const uint64_t* starts, size_t n, Cell* out) {
  visit_row<kSigned>(row, starts, n, [=](const uint64_t* places, size_t first, size_t count) {
#pragma GCC unroll 8
    for (size_t i = 0; i < count; ++i) {
      const Cell cell = row.cells[column_of(places[i])];
      out[first + i] = kSigned ? static_cast<Cell>(cell * static_cast<Cell>(sign_of(places[i]))) : cell;
    }
  });
}

template <class Cell>
void row_read(RowView<const Cell> row, const uint64_t* starts, size_t n, Cell* out) {
  row.is_signed ? read_keys<true>(row, starts, n, out) : read_keys<false>(row, starts, n, out);
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
void row_sort(Value* values, size_t stride, size_t depth, size_t n, size_t last) {
  for (size_t s = 0; s <= last; ++s)
    for (size_t r = s + 1; r < depth; ++r) sort_pairs(values + s * stride, values + r * stride, n);
}

template <class Cell>
constexpr RowKernels<Cell> kRowKernels{row_add<Cell>, row_read<Cell>, row_sort<Cell>};
