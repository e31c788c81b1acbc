// SPDX-License-Identifier: Apache-2.0
// Inner products of atoms of numbers with a few vectors, and with themselves: no atom is stored.
//
// Idea: lanes are atoms, so that a piece of the dimension is made where it is used, in the first cache, without a
// shuffle, and a sum needs none at its end. Every sum goes over kScorePiece numbers and then over these pieces, in
// their order, and no product is fused with an addition unless it is exact: all levels give the same bits. Bottleneck:
// the operations that make the numbers (reals.inc.hpp), then two a vector and number.

constexpr size_t kScorePiece = 64;
constexpr size_t kColumnGroup = 8;  // vectors whose sums are kept in registers at once
constexpr size_t kScoreBlocks =
    kRealBytes == 64 ? 4 : 2;  // registers of atoms together: as the sums of 6 vectors leave room

template <size_t kNumber>
struct Blocks {
  static constexpr size_t kCount = kNumber;
};

// One word of kBlocks registers of atoms, each of which is a half.
template <size_t kBlocks>
struct WordColumns {
  static constexpr size_t kParts = kRealLanes / kLanes;
  Vec starts[kBlocks][kParts];

  HYPERSKETCH_MEMBER explicit WordColumns(const uint64_t* from) {
    for (size_t b = 0; b < kBlocks; ++b)
      for (size_t k = 0; k < kParts; ++k) starts[b][k] = load(from + b * kRealLanes + k * kLanes);
  }

  HYPERSKETCH_MEMBER void halves(size_t j, RealBits (&lower)[kBlocks], RealBits (&upper)[kBlocks]) const {
    for (size_t b = 0; b < kBlocks; ++b) {
      uint64_t words[kRealLanes];
      for (size_t k = 0; k < kParts; ++k) store(words + k * kLanes, atom_word(starts[b][k], j));
      const RealBits first = load_halves(words), second = load_halves(words + kRealLanes / 2);
      lower[b] = every_second<0>(first, second, RealOrder{});
      upper[b] = every_second<1>(first, second, RealOrder{});
    }
  }
};

// Numbers 2 j and 2 j + 1 of atoms, or as many phasors, and what they add to the squared lengths; `whole` is false when
// the second one is beyond the last.
constexpr size_t kPieceColumns = kScorePiece * kRealLanes;

struct UniformColumns {
  static constexpr size_t kFloats = 2;
  float scale;
  template <size_t kBlocks>
  HYPERSKETCH_MEMBER void make(const RealBits (&lower)[kBlocks], const RealBits (&upper)[kBlocks], bool whole,
                               float* out, Reals (&squares)[kBlocks]) const {
    for (size_t b = 0; b < kBlocks; ++b) {
      const Reals first = uniform(lower[b], scale), second = whole ? uniform(upper[b], scale) : Reals{};
      store_reals(out + b * kPieceColumns, first);
      store_reals(out + b * kPieceColumns + kRealLanes, second);
      squares[b] += first * first + second * second;
    }
  }
};

struct NormalColumns {
  static constexpr size_t kFloats = 2;
  float scale;
  template <size_t kBlocks>
  HYPERSKETCH_MEMBER void make(const RealBits (&lower)[kBlocks], const RealBits (&upper)[kBlocks], bool whole,
                               float* out, Reals (&squares)[kBlocks]) const {
    Reals cosine[kBlocks], sine[kBlocks], length[kBlocks];
    minus_two_ln<kBlocks>(lower, length);
    cosine_sine<kBlocks>(upper, cosine, sine);
    for (size_t b = 0; b < kBlocks; ++b) {
      length[b] = square_root(length[b]) * scale;
      const Reals first = length[b] * cosine[b];
      store_reals(out + b * kPieceColumns, first);
      store_reals(out + b * kPieceColumns + kRealLanes, whole ? length[b] * sine[b] : Reals{});
      squares[b] += whole ? length[b] * length[b] : first * first;
    }
  }
};

struct PhasorColumns {
  static constexpr size_t kFloats = 4;
  float scale;
  template <size_t kBlocks>
  HYPERSKETCH_MEMBER void make(const RealBits (&lower)[kBlocks], const RealBits (&upper)[kBlocks], bool whole,
                               float* out, Reals (&squares)[kBlocks]) const {
    Reals cosine[kBlocks], sine[kBlocks], others[kBlocks] = {}, sines[kBlocks] = {};
    cosine_sine<kBlocks>(lower, cosine, sine);
    if (whole) cosine_sine<kBlocks>(upper, others, sines);
    for (size_t b = 0; b < kBlocks; ++b) {
      float* const to = out + b * kPieceColumns;
      store_reals(to, cosine[b] * scale);
      store_reals(to + kRealLanes, sine[b] * scale);
      store_reals(to + 2 * kRealLanes, others[b] * scale);
      store_reals(to + 3 * kRealLanes, sines[b] * scale);
      squares[b] += (whole ? 2.0F : 1.0F) * scale * scale;
    }
  }
};

// Adds the products of n columns with n numbers of each vector to the sums.
template <size_t kBlocks, size_t kVectors>
HYPERSKETCH_HD void multiply_columns(const float* columns, size_t n, const float* vectors, size_t stride,
                                     Reals (*sums)[kBlocks]) {
  Reals sum[kVectors][kBlocks] = {};
  for (size_t d = 0; d < n; ++d) {
    Reals column[kBlocks];
    for (size_t b = 0; b < kBlocks; ++b)
      std::memcpy(&column[b], columns + b * kPieceColumns + d * kRealLanes, sizeof(Reals));
    for (size_t v = 0; v < kVectors; ++v) {
      const Reals number = Reals{} + vectors[v * stride + d];
      for (size_t b = 0; b < kBlocks; ++b) sum[v][b] += column[b] * number;
    }
  }
  for (size_t v = 0; v < kVectors; ++v)
    for (size_t b = 0; b < kBlocks; ++b) sums[v][b] += sum[v][b];
}

template <size_t kBlocks>
HYPERSKETCH_HD void multiply_some(const float* columns, size_t n, const float* vectors, size_t n_vectors, size_t stride,
                                  Reals (*sums)[kBlocks]) {
  switch (n_vectors) {
    case 1:
      return multiply_columns<kBlocks, 1>(columns, n, vectors, stride, sums);
    case 2:
      return multiply_columns<kBlocks, 2>(columns, n, vectors, stride, sums);
    case 3:
      return multiply_columns<kBlocks, 3>(columns, n, vectors, stride, sums);
    case 4:
      return multiply_columns<kBlocks, 4>(columns, n, vectors, stride, sums);
    case 5:
      return multiply_columns<kBlocks, 5>(columns, n, vectors, stride, sums);
    case 6:
      return multiply_columns<kBlocks, 6>(columns, n, vectors, stride, sums);
    case 7:
      return multiply_columns<kBlocks, 7>(columns, n, vectors, stride, sums);
    default:
      return multiply_columns<kBlocks, 8>(columns, n, vectors, stride, sums);
  }
}

// Makes the columns of some words, and adds to the squared lengths.
template <size_t kBlocks, class Columns>
HYPERSKETCH_HD void make_columns(const WordColumns<kBlocks>& words, size_t first, size_t n_words, bool whole,
                                 Columns columns, float* out, Reals (&squares)[kBlocks]) {
  Reals sums[kBlocks] = {};
  RealBits lower[kBlocks], upper[kBlocks];
  const size_t pairs = whole ? n_words : n_words - 1;
  for (size_t j = 0; j < pairs; ++j, out += Columns::kFloats * kRealLanes) {
    words.halves(first + j, lower, upper);
    columns.template make<kBlocks>(lower, upper, true, out, sums);
  }
  if (pairs < n_words) {
    words.halves(first + pairs, lower, upper);
    columns.template make<kBlocks>(lower, upper, false, out, sums);
  }
  for (size_t b = 0; b < kBlocks; ++b) squares[b] += sums[b];
}

// Sums of kBlocks registers of atoms.
template <size_t kBlocks, class Columns>
void score_blocks(const uint64_t* starts, size_t dim, Columns make, const float* vectors, size_t n_vectors,
                  size_t stride, Reals (*sums)[kBlocks], Reals (&squares)[kBlocks]) {
  alignas(kLineBytes) float columns[kBlocks * kPieceColumns];
  constexpr size_t kWords = kScorePiece / Columns::kFloats;
  const size_t n_words = (dim + 1) / 2;
  const WordColumns<kBlocks> words(starts);
  for (size_t first = 0; first < n_words; first += kWords) {
    const size_t count = n_words - first < kWords ? n_words - first : kWords;
    const bool whole = first + count < n_words || dim % 2 == 0;
    make_columns<kBlocks>(words, first, count, whole, make, columns, squares);
    const float* const piece = vectors + first * Columns::kFloats;
    for (size_t v = 0; v < n_vectors; v += kColumnGroup)
      multiply_some<kBlocks>(columns, count * Columns::kFloats, piece + v * stride,
                             n_vectors - v < kColumnGroup ? n_vectors - v : kColumnGroup, stride, sums + v);
  }
}

template <size_t kBlocks, class Columns>
void store_sums(const uint64_t* starts, size_t n, size_t dim, Columns make, ScoredVectors vectors, float* out,
                size_t out_stride, float* squares) {
  constexpr size_t kAtoms = kBlocks * kRealLanes;
  uint64_t padded[kAtoms];
  for (size_t i = 0; i < kAtoms; ++i) padded[i] = starts[i < n ? i : n - 1];
  Reals lengths[kBlocks] = {};
  for (size_t first = 0; first < vectors.n || first == 0; first += kMaxScored) {
    const size_t count = vectors.n - first < kMaxScored ? vectors.n - first : kMaxScored;
    Reals sums[kMaxScored][kBlocks];
    std::memset(sums, 0, count * sizeof sums[0]);
    for (size_t b = 0; b < kBlocks; ++b) lengths[b] = Reals{};
    score_blocks<kBlocks>(padded, dim, make, vectors.numbers + first * vectors.stride, count, vectors.stride, sums,
                          lengths);
    for (size_t v = 0; v < count; ++v) std::memcpy(out + (first + v) * out_stride, sums[v], n * sizeof(float));
  }
  std::memcpy(squares, lengths, n * sizeof(float));
}

// As many atoms together as there are.
template <class Columns>
void score_columns(const uint64_t* starts, size_t n, size_t dim, Columns make, ScoredVectors vectors, float* out,
                   size_t out_stride, float* squares) {
  for (size_t i = 0, count = 0; i < n; i += count) {
    const size_t rest = n - i;
    const auto store = [&](auto blocks) {
      constexpr size_t kBlocks = decltype(blocks)::kCount;
      count = rest < kBlocks * kRealLanes ? rest : kBlocks * kRealLanes;
      store_sums<kBlocks>(starts + i, count, dim, make, vectors, out + i, out_stride, squares + i);
    };
    if (rest >= kScoreBlocks * kRealLanes)
      store(Blocks<kScoreBlocks>{});
    else if (rest > kRealLanes)
      store(Blocks<2>{});
    else
      store(Blocks<1>{});
  }
}

void score_reals(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double factor, ScoredVectors vectors,
                 float* out, size_t out_stride, float* squares) {
  const float scale = static_cast<float>(factor);
  if (kind == RealKind::kUniform)
    score_columns(starts, n, dim, UniformColumns{scale}, vectors, out, out_stride, squares);
  else if (kind == RealKind::kNormal)
    score_columns(starts, n, dim, NormalColumns{scale}, vectors, out, out_stride, squares);
  else
    score_columns(starts, n, dim, PhasorColumns{scale}, vectors, out, out_stride, squares);
}
