// SPDX-License-Identifier: Apache-2.0
// Digits of atoms below a power of two, in bytes: how far vectors are from atoms that are never stored; votes for
// digits.
//
// Idea: a lane of 64 bits is an atom, and four of its words give eight digits, the upper bits of their halves, which
// stay in the upper bits of bytes: differences then wrap around the circle by themselves. Bottleneck: the words (two
// multiplies for two digits), then three or four instructions a vector for the 8 digits of each lane.

constexpr size_t kByteAtoms = kDigitBytes / sizeof(uint64_t);
typedef std::uint8_t Bytes __attribute__((vector_size(kDigitBytes)));
typedef uint64_t ByteLanes __attribute__((vector_size(kDigitBytes)));

constexpr size_t kQuadPiece = 64;  // eights of digits that are in the first cache at once; fewer than a byte counts
constexpr size_t kByteBlocks = 4;  // registers of atoms together
constexpr size_t kByteGroup = 6;   // vectors whose sums are kept in registers

// The sum of the 8 bytes of every lane.
HYPERSKETCH_HD ByteLanes byte_sums(Bytes v) {
#if defined(__AVX512F__)
  return reinterpret_cast<ByteLanes>(_mm512_sad_epu8(reinterpret_cast<__m512i>(v), _mm512_setzero_si512()));
#elif defined(__AVX2__)
  return reinterpret_cast<ByteLanes>(_mm256_sad_epu8(reinterpret_cast<__m256i>(v), _mm256_setzero_si256()));
#elif defined(__x86_64__)
  return reinterpret_cast<ByteLanes>(_mm_sad_epu8(reinterpret_cast<__m128i>(v), _mm_setzero_si128()));
#else
  const ByteLanes words = reinterpret_cast<ByteLanes>(v);
  const ByteLanes pairs = (words & 0x00FF00FF00FF00FFU) + ((words >> 8) & 0x00FF00FF00FF00FFU);
  const ByteLanes fours = (pairs & 0x0000FFFF0000FFFFU) + ((pairs >> 16) & 0x0000FFFF0000FFFFU);
  return (fours & 0xFFFFFFFFU) + (fours >> 32);
#endif
}

// The shorter way around: the magnitude of differences modulo 256.
HYPERSKETCH_HD Bytes ways_around(Bytes difference) {
#if defined(__AVX512F__)
  return reinterpret_cast<Bytes>(_mm512_abs_epi8(reinterpret_cast<__m512i>(difference)));
#elif defined(__AVX2__)
  return reinterpret_cast<Bytes>(_mm256_abs_epi8(reinterpret_cast<__m256i>(difference)));
#else
  const Bytes other = -difference;
  return difference < other ? difference : other;
#endif
}

// Eights of digits of kBlocks registers of atoms, from word `first` on.
template <size_t kBlocks>
HYPERSKETCH_HD void make_eights(const uint64_t* starts, size_t first, size_t n, uint64_t mask, ByteLanes* out) {
  for (size_t q = 0; q < n; ++q)
    for (size_t b = 0; b < kBlocks; ++b) {
      ByteLanes eight{};
      for (size_t k = 0; k < 4; ++k) {
        uint64_t words[kByteAtoms];
        for (size_t i = 0; i < kByteAtoms; i += kLanes)
          store(words + i, atom_word(load(starts + b * kByteAtoms + i), first + 4 * q + k));
        ByteLanes word;
        std::memcpy(&word, words, sizeof word);
        eight |= (word >> (24 - 8 * k)) & (mask & (uint64_t{0x000000FF000000FF} << 8 * k));
      }
      out[q * kBlocks + b] = eight;
    }
}

// Adds the comparisons of n eights with those of each vector.
template <bool kCircle, size_t kBlocks, size_t kVectors>
HYPERSKETCH_HD void compare_eights(const ByteLanes* eights, size_t n, const uint64_t* vectors, size_t stride,
                                   ByteLanes (*sums)[kByteBlocks]) {
  ByteLanes far[kVectors][kBlocks] = {};
  Bytes equal[kVectors][kBlocks] = {};
  for (size_t q = 0; q < n; ++q)
    for (size_t v = 0; v < kVectors; ++v) {
      const Bytes vector = reinterpret_cast<Bytes>(ByteLanes{} + vectors[v * stride + q]);
      for (size_t b = 0; b < kBlocks; ++b) {
        const Bytes eight = reinterpret_cast<Bytes>(eights[q * kBlocks + b]);
        if constexpr (kCircle) {
          far[v][b] += byte_sums(ways_around(eight - vector));
        } else {
#if defined(__AVX512F__)
          equal[v][b] = eight == vector ? equal[v][b] + 1 : equal[v][b];
#else
          equal[v][b] -= reinterpret_cast<Bytes>(eight == vector);
#endif
        }
      }
    }
  for (size_t v = 0; v < kVectors; ++v)
    for (size_t b = 0; b < kBlocks; ++b) sums[v][b] += kCircle ? far[v][b] : byte_sums(equal[v][b]);
}

template <bool kCircle, size_t kBlocks>
HYPERSKETCH_HD void compare_some(const ByteLanes* eights, size_t n, const uint64_t* vectors, size_t n_vectors,
                                 size_t stride, ByteLanes (*sums)[kByteBlocks]) {
  switch (n_vectors) {
    case 1:
      return compare_eights<kCircle, kBlocks, 1>(eights, n, vectors, stride, sums);
    case 2:
      return compare_eights<kCircle, kBlocks, 2>(eights, n, vectors, stride, sums);
    case 3:
      return compare_eights<kCircle, kBlocks, 3>(eights, n, vectors, stride, sums);
    case 4:
      return compare_eights<kCircle, kBlocks, 4>(eights, n, vectors, stride, sums);
    case 5:
      return compare_eights<kCircle, kBlocks, 5>(eights, n, vectors, stride, sums);
    default:
      return compare_eights<kCircle, kBlocks, 6>(eights, n, vectors, stride, sums);
  }
}

// Comparisons of up to kBlocks registers of atoms with up to kMaxScored vectors.
template <bool kCircle, size_t kBlocks>
void compare_block(const uint64_t* starts, size_t n, DigitVectors vectors, std::int64_t* out, size_t out_stride) {
  constexpr size_t kAtoms = kBlocks * kByteAtoms;
  uint64_t padded[kAtoms];
  for (size_t i = 0; i < kAtoms; ++i) padded[i] = starts[i < n ? i : n - 1];
  ByteLanes eights[kQuadPiece * kBlocks];
  ByteLanes sums[kMaxScored][kByteBlocks];
  std::memset(sums, 0, vectors.n * sizeof sums[0]);
  for (size_t first = 0; first < vectors.stride; first += kQuadPiece) {
    const size_t count = vectors.stride - first < kQuadPiece ? vectors.stride - first : kQuadPiece;
    make_eights<kBlocks>(padded, 4 * first, count, vectors.mask, eights);
    if (first + count == vectors.stride)
      for (size_t b = 0; b < kBlocks; ++b) eights[(count - 1) * kBlocks + b] &= vectors.last_mask;
    for (size_t v = 0; v < vectors.n; v += kByteGroup)
      compare_some<kCircle, kBlocks>(eights, count, vectors.eights + v * vectors.stride + first,
                                     vectors.n - v < kByteGroup ? vectors.n - v : kByteGroup, vectors.stride, sums + v);
  }
  for (size_t v = 0; v < vectors.n; ++v)
    for (size_t i = 0; i < n; ++i)
      out[v * out_stride + i] = static_cast<std::int64_t>(sums[v][i / kByteAtoms][i % kByteAtoms]);
}

template <bool kCircle>
void compare_atoms(const uint64_t* starts, size_t n, DigitVectors vectors, std::int64_t* out, size_t out_stride) {
  size_t i = 0;
  for (; n - i > kByteAtoms; i += kByteBlocks * kByteAtoms) {
    const size_t rest = n - i;
    if (rest <= kByteBlocks * kByteAtoms)
      return compare_block<kCircle, kByteBlocks>(starts + i, rest, vectors, out + i, out_stride);
    compare_block<kCircle, kByteBlocks>(starts + i, kByteBlocks * kByteAtoms, vectors, out + i, out_stride);
  }
  if (i < n) compare_block<kCircle, 1>(starts + i, n - i, vectors, out + i, out_stride);
}

void score_digits(const uint64_t* starts, size_t n, bool circle, DigitVectors vectors, std::int64_t* out,
                  size_t out_stride) {
  for (size_t first = 0; first < vectors.n; first += kMaxScored) {
    DigitVectors some = vectors;
    some.eights += first * vectors.stride;
    some.n = vectors.n - first < kMaxScored ? vectors.n - first : kMaxScored;
    if (circle)
      compare_atoms<true>(starts, n, some, out + first * out_stride, out_stride);
    else
      compare_atoms<false>(starts, n, some, out + first * out_stride, out_stride);
  }
}

// counts[v * stride + i] += whether digits[i] is v.
void count_digits(const std::uint16_t* digits, size_t n, std::uint32_t modulus, std::uint16_t* counts, size_t stride) {
  for (std::uint32_t v = 0; v < modulus; ++v) {
    const auto value = static_cast<std::uint16_t>(v);
    std::uint16_t* const row = counts + v * stride;
    for (size_t i = 0; i < n; ++i) row[i] = static_cast<std::uint16_t>(row[i] + (digits[i] == value));
  }
}

// One number says both: the count, and of equal counts how soon its value comes from the offset on.
void choose_digits(const std::uint16_t* counts, size_t stride, size_t n, std::uint32_t modulus,
                   const std::uint16_t* offsets, std::uint32_t* best, std::uint16_t* out) {
  for (size_t i = 0; i < n; ++i) best[i] = 0;
  for (std::uint32_t v = 0; v < modulus; ++v) {
    const std::uint16_t* const row = counts + v * stride;
    for (size_t i = 0; i < n; ++i) {
      const std::uint32_t late = v >= offsets[i] ? v - offsets[i] : v + modulus - offsets[i];
      const std::uint32_t rank = std::uint32_t{row[i]} << 16 | (0xFFFFU - late);
      best[i] = rank > best[i] ? rank : best[i];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const std::uint32_t value = offsets[i] + (0xFFFFU - (best[i] & 0xFFFFU));
    out[i] = static_cast<std::uint16_t>(value >= modulus ? value - modulus : value);
  }
}
