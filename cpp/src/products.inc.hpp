// SPDX-License-Identifier: Apache-2.0
// Inner products of rows of floats with a few vectors, and a vector added to another.
//
// Idea: a tile of rows meets a tile of vectors in registers, piece by piece of the dimension, so that the pieces of all
// vectors stay in the first cache while rows stream by once. Every sum has kSumLanes lanes and no multiplication is
// fused with an addition, so all levels give the same bits. Bottleneck: the memory of the rows; in cache, two
// instructions a vector of products.

constexpr size_t kSumParts = kSumLanes / kSingleLanes;

// Tiles as large as the registers take: 32 of 64 bytes, or 16.
constexpr size_t kTileRows = kSumParts == 1 ? 4 : kSumParts == 2 ? 2 : 1;
constexpr size_t kTileVectors = kSumParts == 1 ? 5 : 2;
constexpr size_t kVectorGroup = 16;   // vectors whose sums are kept at once
constexpr size_t kPieceFloats = 512;  // of the dimension; a piece of 20 vectors is 40 KB

// Adds the products of n numbers, a multiple of kSumLanes, to the sums of a tile.
template <size_t kRows, size_t kVectors>
HYPERSKETCH_HD void multiply_tile(const float* rows, size_t row_stride, const float* vectors, size_t vector_stride,
                                  size_t n, float (*sums)[kVectorGroup][kSumLanes]) {
  Singles sum[kRows][kVectors][kSumParts];
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v)
      for (size_t p = 0; p < kSumParts; ++p) sum[r][v][p] = load_singles(sums[r][v] + p * kSingleLanes);
  for (size_t j = 0; j < n; j += kSumLanes)
    for (size_t p = 0; p < kSumParts; ++p) {
      const size_t at = j + p * kSingleLanes;
      Singles row[kRows];
      for (size_t r = 0; r < kRows; ++r) row[r] = load_singles(rows + r * row_stride + at);
      for (size_t v = 0; v < kVectors; ++v) {
        const Singles vector = load_singles(vectors + v * vector_stride + at);
        for (size_t r = 0; r < kRows; ++r) sum[r][v][p] += row[r] * vector;
      }
    }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v)
      for (size_t p = 0; p < kSumParts; ++p) store_singles(sums[r][v] + p * kSingleLanes, sum[r][v][p]);
}

template <size_t kRows>
HYPERSKETCH_HD void multiply_group(const float* rows, size_t row_stride, const float* vectors, size_t n_vectors,
                                   size_t vector_stride, size_t n, float (*sums)[kVectorGroup][kSumLanes]) {
  size_t v = 0;
  const auto at = [&](size_t i) { return reinterpret_cast<float (*)[kVectorGroup][kSumLanes]>(&sums[0][i]); };
  for (; v + kTileVectors <= n_vectors; v += kTileVectors)
    multiply_tile<kRows, kTileVectors>(rows, row_stride, vectors + v * vector_stride, vector_stride, n, at(v));
  for (; kTileVectors > 2 && v + 2 <= n_vectors; v += 2)
    multiply_tile<kRows, 2>(rows, row_stride, vectors + v * vector_stride, vector_stride, n, at(v));
  if (v < n_vectors) multiply_tile<kRows, 1>(rows, row_stride, vectors + v * vector_stride, vector_stride, n, at(v));
}

HYPERSKETCH_HD float sum_of_lanes(float* lanes) {
  for (size_t half = kSumLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

// The last numbers of some rows, filled up with zeros.
HYPERSKETCH_HD void copy_tails(const float* from, size_t n, size_t stride, size_t first, size_t dim, float* to) {
  std::memset(to, 0, n * kSumLanes * sizeof(float));
  for (size_t i = 0; i < n; ++i)
    std::memcpy(to + i * kSumLanes, from + i * stride + first, (dim - first) * sizeof(float));
}

template <size_t kRows>
HYPERSKETCH_HD void product_rows(const float* rows, const float* vectors, size_t n_vectors, size_t dim, float* out,
                                 size_t out_stride) {
  alignas(kLineBytes) float sums[kRows][kVectorGroup][kSumLanes];
  alignas(kLineBytes) float row_tails[kRows * kSumLanes];
  alignas(kLineBytes) float vector_tails[kVectorGroup * kSumLanes];
  const size_t whole = dim - dim % kSumLanes;
  for (size_t first = 0; first < n_vectors; first += kVectorGroup) {
    const size_t count = n_vectors - first < kVectorGroup ? n_vectors - first : kVectorGroup;
    const float* group = vectors + first * dim;
    std::memset(sums, 0, sizeof sums);
    for (size_t j = 0; j < whole; j += kPieceFloats)
      multiply_group<kRows>(rows + j, dim, group + j, count, dim, whole - j < kPieceFloats ? whole - j : kPieceFloats,
                            sums);
    if (whole < dim) {
      copy_tails(rows, kRows, dim, whole, dim, row_tails);
      copy_tails(group, count, dim, whole, dim, vector_tails);
      multiply_group<kRows>(row_tails, kSumLanes, vector_tails, count, kSumLanes, kSumLanes, sums);
    }
    for (size_t r = 0; r < kRows; ++r)
      for (size_t v = 0; v < count; ++v) out[r * out_stride + first + v] = sum_of_lanes(sums[r][v]);
  }
}

void inner_products(const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim, float* out) {
  size_t i = 0;
  for (; i + kTileRows <= n; i += kTileRows)
    product_rows<kTileRows>(rows + i * dim, vectors, n_vectors, dim, out + i * n_vectors, n_vectors);
  for (; i < n; ++i) product_rows<1>(rows + i * dim, vectors, n_vectors, dim, out + i * n_vectors, n_vectors);
}

void add_scaled(const float* from, float factor, size_t n, float* to) {
  size_t i = 0;
  for (; i + kSingleLanes <= n; i += kSingleLanes)
    store_singles(to + i, load_singles(to + i) + factor * load_singles(from + i));
  for (; i < n; ++i) to[i] += factor * from[i];
}

// to += factor * from, which is in single precision.
void add_widened(const float* from, double factor, size_t n, double* to) {
  for (size_t i = 0; i < n; ++i) to[i] += factor * static_cast<double>(from[i]);
}
