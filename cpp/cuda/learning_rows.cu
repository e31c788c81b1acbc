// SPDX-License-Identifier: Apache-2.0
// What encoders make of rows: rows times a matrix with sines on the way out, levels, signs and bits. The product has
// tiles of 64 rows x 128 columns, of which a thread has 8 x 4: twelve numbers from shared memory for 32 fused products,
// feature by feature in their order, so that the sums are those of the CPU's fused kernels. Bottleneck: those products
// from some 30 features on, below that writing the rows; everything else here is memory.
#include <type_traits>

#include "learning.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTileRows = 64, kTileColumns = 128, kTileFeatures = 16;
constexpr unsigned kPitch = kTileRows + 4;  // rows from one feature to the next: features of a row differ in bank
constexpr unsigned kThreadRows = 8, kThreadColumns = 4;

// As `sine` in expand.inc.hpp, rounded at every step.
__device__ __forceinline__ float sine(float x) {
  constexpr float kRound = 12582912.0F;
  const auto mul = [](float a, float b) { return __fmul_rn(a, b); };
  const auto add = [](float a, float b) { return __fadd_rn(a, b); };
  const float shifted = add(mul(x, 0.318309886F), kRound);
  const float turns = __fsub_rn(shifted, kRound);
  float r = __fsub_rn(x, mul(turns, 3.140625F));
  r = __fsub_rn(r, mul(turns, 9.67502593994140625e-4F));
  r = __fsub_rn(r, mul(turns, 1.509957990978376e-7F));
  constexpr float kMost = 1.5707964F;
  r = r < kMost ? r : kMost;
  r = r > -kMost ? r : -kMost;
  const float z = mul(r, r);
  float p = __fsub_rn(mul(z, 2.6000544e-6F), 1.9806615e-4F);
  p = add(mul(p, z), 8.333017e-3F);
  p = __fsub_rn(mul(p, z), 1.6666657e-1F);
  const float s = add(r, mul(mul(r, z), p));
  return __uint_as_float(__float_as_uint(s) ^ (__float_as_uint(shifted) << 31));
}

__global__ void __launch_bounds__(kThreads)
    expand(const float* rows, size_t n, RowExpansion expansion, size_t tiles, float* out) {
  __shared__ __align__(16) float left[kTileFeatures][kPitch], right[kTileFeatures][kTileColumns];
  const size_t n_features = expansion.n_features, dim = expansion.dim;
  const size_t first_row = blockIdx.x / tiles * kTileRows, first_column = blockIdx.x % tiles * kTileColumns;
  const unsigned y = threadIdx.x / kWarp * kThreadRows, x = threadIdx.x % kWarp * kThreadColumns;
  float sums[kThreadRows][kThreadColumns] = {};
  for (size_t first = 0; first < n_features; first += kTileFeatures) {
    for (unsigned k = threadIdx.x; k < kTileFeatures * kTileRows; k += kThreads) {
      const size_t row = first_row + k / kTileFeatures, f = first + k % kTileFeatures;
      left[k % kTileFeatures][k / kTileFeatures] = row < n && f < n_features ? rows[row * n_features + f] : 0;
    }
    for (unsigned k = threadIdx.x; k < kTileFeatures * kTileColumns; k += kThreads) {
      const size_t column = first_column + k % kTileColumns, f = first + k / kTileColumns;
      right[k / kTileColumns][k % kTileColumns] =
          column < dim && f < n_features ? __ldg(expansion.matrix + f * dim + column) : 0;
    }
    __syncthreads();
    const unsigned count =
        n_features - first < kTileFeatures ? static_cast<unsigned>(n_features - first) : kTileFeatures;
    for (unsigned k = 0; k < count; ++k)
#pragma unroll
      for (unsigned r = 0; r < kThreadRows; ++r)
#pragma unroll
        for (unsigned c = 0; c < kThreadColumns; ++c)
          sums[r][c] = __fmaf_rn(left[k][y + r], right[k][x + c], sums[r][c]);
    __syncthreads();
  }
#pragma unroll
  for (unsigned r = 0; r < kThreadRows; ++r)
#pragma unroll
    for (unsigned c = 0; c < kThreadColumns; ++c) {
      const size_t row = first_row + y + r, column = first_column + x + c;
      if (row >= n || column >= dim) continue;
      float value = sums[r][c];
      if (expansion.phases != nullptr)
        value = __fsub_rn(sine(__fadd_rn(value, expansion.phases[column])), expansion.phases[dim + column]);
      out[row * dim + column] = value;
    }
}

__global__ void __launch_bounds__(kThreads)
    find_feature_levels(const float* rows, size_t n, FeatureRange range, std::uint32_t* out) {
  const auto last = static_cast<float>(range.n_levels - 1);
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) {
    const size_t f = i % range.n_features;
    const float place = __fmul_rn(__fdiv_rn(__fsub_rn(rows[i], range.low[f]), range.span[f]), last);
    out[i] = static_cast<std::uint32_t>(rintf(place < 0 ? 0 : place > last ? last : place));
  }
}

// A warp makes half a word.
__global__ void __launch_bounds__(kThreads)
    pack(const float* rows, size_t n_halves, PackedShape shape, std::uint32_t* out) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t h = thread_index() / kWarp; h < n_halves; h += step) {
    const size_t row = h / (2 * shape.n_words), d = (h - row * 2 * shape.n_words) * kWarp + lane;
    const unsigned bits = __ballot_sync(kWholeWarp, d < shape.dim && rows[row * shape.dim + d] < 0);
    if (lane == 0) out[h] = bits;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) take_signs(const float* values, size_t n, T* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    out[i] = static_cast<T>(values[i] < 0 ? -1 : 1);
}

__global__ void __launch_bounds__(kThreads) clip(const std::int32_t* sums, size_t n, std::int32_t most, float* out) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x) {
    const auto value = static_cast<float>(sums[i]), limit = static_cast<float>(most);
    out[i] = most == 0 ? value : value < -limit ? -limit : value > limit ? limit : value;
  }
}

__global__ void __launch_bounds__(kThreads)
    fold(const float* rows, size_t n, size_t inner_dim, const float* keys, size_t n_segments, size_t dim, float* out) {
  for (size_t i = thread_index(); i < n * dim; i += size_t{gridDim.x} * blockDim.x) {
    const size_t row = i / dim, d = i - row * dim;
    float sum = 0;
    for (size_t s = 0; s < n_segments && s * dim + d < inner_dim; ++s)
      sum = __fadd_rn(sum, __fmul_rn(rows[row * inner_dim + s * dim + d], keys[s * dim + d]));
    out[i] = sum;
  }
}

__global__ void __launch_bounds__(kThreads)
    choose(const float* rows, size_t n, size_t dim, const std::int64_t* columns, size_t n_columns, float* out) {
  for (size_t i = thread_index(); i < n * n_columns; i += size_t{gridDim.x} * blockDim.x)
    out[i] = rows[i / n_columns * dim + static_cast<size_t>(__ldg(columns + i % n_columns))];
}

}  // namespace

void expand_rows(Place place, const float* rows, size_t n, RowExpansion expansion, float* out) {
  const OnDevice on(place.device);
  const size_t tiles = (expansion.dim + kTileColumns - 1) / kTileColumns;
  const size_t most = size_t{0x7FFFFFFF} / tiles * kTileRows;  // rows of a grid
  for (size_t first = 0; first < n; first += most) {
    const size_t count = std::min(most, n - first), blocks = (count + kTileRows - 1) / kTileRows * tiles;
    launch(place, {static_cast<unsigned>(blocks)}, expand, rows + first * expansion.n_features, count, expansion, tiles,
           out + first * expansion.dim);
  }
}

void feature_levels(Place place, const float* rows, size_t n, FeatureRange range, std::uint32_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n), find_feature_levels, rows, n, range, out);
}

void pack_rows(Place place, const float* rows, size_t n, size_t dim, uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const size_t halves = 2 * n * shape.n_words;
  launch(place, grid_for(halves * kWarp, 4), pack, rows, halves, shape, reinterpret_cast<std::uint32_t*>(out));
}

template <class T>
void sign_entries(Place place, const float* values, size_t n, T* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n, 4), take_signs<T>, values, n, out);
}
template void sign_entries(Place, const float*, size_t, float*);
template void sign_entries(Place, const float*, size_t, std::int8_t*);

void clip_sums(Place place, const std::int32_t* sums, size_t n, std::int32_t most, float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n, 4), clip, sums, n, most, out);
}

void fold_rows(Place place, const float* rows, size_t n, size_t inner_dim, const float* keys, size_t n_segments,
               size_t dim, float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * dim), fold, rows, n, inner_dim, keys, n_segments, dim, out);
}

void take_columns(Place place, const float* rows, size_t n, size_t dim, const std::int64_t* columns, size_t n_columns,
                  float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_columns), choose, rows, n, dim, columns, n_columns, out);
}

}  // namespace hypersketch::cuda
