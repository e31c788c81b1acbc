// SPDX-License-Identifier: Apache-2.0
// Rows times a sparse matrix of signs.
//
// Idea: a feature of 16 rows (8 of doubles) is one line of 64 bytes, so a feature goes into an output by one add of
// a line, for all rows at once, with the sign as an XOR. Blocks of rows are transposed in registers on their way in
// and out. Lanes are rows, so every level adds a row's terms in the same order and gives the same bits. Bottleneck:
// two loads and a store of a line in cache for each entry; with few entries a feature, the transposition and the memory
// of the rows.

// SSE2 and NEON have vectors of floats. Vectors of 64 bytes store no more bytes a cycle than those of 32 and are slower
// to transpose (measured on Zen 4: 10 % of the whole).
constexpr size_t kFloatBytes = sizeof(Vec) > 16 ? 32 : 16;

template <class T>
struct FloatVector;
template <>
struct FloatVector<float> {
  typedef float Type __attribute__((vector_size(kFloatBytes)));
  typedef std::uint32_t Bits __attribute__((vector_size(kFloatBytes)));
};
template <>
struct FloatVector<double> {
  typedef double Type __attribute__((vector_size(kFloatBytes)));
  typedef uint64_t Bits __attribute__((vector_size(kFloatBytes)));
};

template <class T>
using Floats = typename FloatVector<T>::Type;
template <class T>
constexpr size_t kFloatLanes = kFloatBytes / sizeof(T);
template <class T>
constexpr size_t kLineRows = kLineBytes / sizeof(T);

template <class T>
HYPERSKETCH_HD Floats<T> load_floats(const T* p) {
  Floats<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
HYPERSKETCH_HD void store_floats(T* p, Floats<T> v) {
  std::memcpy(p, &v, sizeof v);
}

// A set sign bit in every lane when the code's entry is -1.
template <class T>
HYPERSKETCH_HD typename FloatVector<T>::Bits sign_mask(std::uint32_t code) {
  using Bits = typename FloatVector<T>::Bits;
  if constexpr (sizeof(T) == sizeof(code))
    return (Bits{} + code) & kCodeSign;
  else
    return (Bits{} + code) << 32 & (uint64_t{kCodeSign} << 32);
}

// Swaps the upper right and the lower left squares of side kSide all along two rows.
template <size_t kSide, class V, size_t... kLane>
HYPERSKETCH_HD void swap_squares(V& a, V& b, Lanes<kLane...>) {
  constexpr size_t n = sizeof...(kLane);
  const V upper = __builtin_shufflevector(a, b, ((kLane & kSide) == 0 ? kLane : n + kLane - kSide)...);
  b = __builtin_shufflevector(a, b, ((kLane & kSide) == 0 ? kLane + kSide : n + kLane)...);
  a = upper;
}

template <size_t kSide, class V, size_t n>
HYPERSKETCH_HD void transpose_squares(V (&rows)[n]) {
  if constexpr (kSide < n) {
    for (size_t i = 0; i < n; ++i)
      if ((i & kSide) == 0) swap_squares<kSide>(rows[i], rows[i + kSide], typename MakeLanes<n>::Type{});
    transpose_squares<2 * kSide>(rows);
  }
}

// to = scale * the transpose of a square block of kLineRows rows.
template <class T>
HYPERSKETCH_HD void transpose_block(const T* from, size_t from_stride, T scale, T* to, size_t to_stride) {
  constexpr size_t n = kFloatLanes<T>;
  for (size_t i = 0; i < kLineRows<T>; i += n)
    for (size_t j = 0; j < kLineRows<T>; j += n) {
      Floats<T> rows[n];
      for (size_t k = 0; k < n; ++k) rows[k] = load_floats(from + (i + k) * from_stride + j);
      transpose_squares<1>(rows);
      for (size_t k = 0; k < n; ++k) store_floats(to + (j + k) * to_stride + i, rows[k] * scale);
    }
}

// Adds one feature of all rows to its outputs.
template <class T>
HYPERSKETCH_HD void add_feature(const T* line, const std::uint32_t* codes, size_t n_entries, T* sums) {
  using Bits = typename FloatVector<T>::Bits;
  constexpr size_t n = kFloatLanes<T>;
  for (size_t r = 0; r < n_entries; ++r) {
    const Bits sign = sign_mask<T>(codes[r]);
    T* const sum = sums + size_t{codes[r] & ~kCodeSign} * kLineRows<T>;
    for (size_t i = 0; i < kLineRows<T>; i += n) {
      const auto term = reinterpret_cast<Floats<T>>(reinterpret_cast<Bits>(load_floats(line + i)) ^ sign);
      store_floats(sum + i, load_floats(sum + i) + term);
    }
  }
}

// Rows of a multiple of 1 KB meet in few sets of a cache and push each other out. They are copied by pieces into rows
// of an odd number of lines before they are transposed, and the same on the way out.
constexpr size_t kPieceLines = 8;
template <class T>
constexpr size_t kPiece = kPieceLines * kLineRows<T>;
template <class T>
constexpr size_t kPieceStride = kPiece<T> + kLineRows<T>;

template <class T>
HYPERSKETCH_HD bool rows_collide(size_t n_columns) {
  return n_columns * sizeof(T) % 1024 == 0;
}

template <class T>
HYPERSKETCH_HD void copy_piece(const T* from, size_t from_stride, T* to, size_t to_stride) {
  for (size_t i = 0; i < kLineRows<T>; ++i)
    for (size_t j = 0; j < kPiece<T>; j += kFloatLanes<T>)
      store_floats(to + i * to_stride + j, load_floats(from + i * from_stride + j));
}

template <class T>
void project(const T* rows, SignTable table, T scale, T* sums, T* out) {
  constexpr size_t n = kLineRows<T>;
  const size_t dim = table.n_features, width = table.n_outputs;
  std::memset(sums, 0, width * kLineBytes);
  alignas(kLineBytes) T lines[n * n];
  alignas(kLineBytes) T piece[n * kPieceStride<T>];
  const bool collide_in = rows_collide<T>(dim), collide_out = rows_collide<T>(width);
  size_t j = 0;
  for (; j + n <= dim; j += n) {
    const size_t at = j % kPiece<T>;
    if (collide_in && at == 0) copy_piece(rows + j, dim, piece, kPieceStride<T>);
    if (collide_in)
      transpose_block<T>(piece + at, kPieceStride<T>, 1, lines, n);
    else
      transpose_block<T>(rows + j, dim, 1, lines, n);
    for (size_t k = 0; k < n; ++k)
      add_feature(lines + k * n, table.codes + (j + k) * table.n_entries, table.n_entries, sums);
  }
  for (; j < dim; ++j) {
    for (size_t i = 0; i < n; ++i) lines[i] = rows[i * dim + j];
    add_feature(lines, table.codes + j * table.n_entries, table.n_entries, sums);
  }
  size_t c = 0;
  for (; c + n <= width; c += n) {
    const size_t at = c % kPiece<T>;
    if (collide_out)
      transpose_block(sums + c * n, n, scale, piece + at, kPieceStride<T>);
    else
      transpose_block(sums + c * n, n, scale, out + c, width);
    if (collide_out && at + n == kPiece<T>) copy_piece(piece, kPieceStride<T>, out + (c + n - kPiece<T>), width);
  }
  for (; c < width; ++c)
    for (size_t i = 0; i < n; ++i) out[i * width + c] = sums[c * n + i] * scale;
}
