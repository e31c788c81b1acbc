// SPDX-License-Identifier: Apache-2.0
// Sparse projections: every value of a row is added to, or taken from, the few outputs that its feature's codes name.
// Two ways, both with the sums in shared memory:
//   tiles of 32 dense rows, a lane each. A code is the same for the whole warp, so nothing collides and no atomics are
//     needed; a warp takes one entry of all features, whose outputs no other entry shares (layout.hpp). Sums run in
//     the order of the features, as on the CPU. Bottleneck: shared memory, three accesses an entry and 32 rows;
//   one row a block, with atomics: rows in compressed form, few rows, or more outputs than tiles have room for.
// Where there are too few rows for the processors, their features are shared out and the parts' sums added in `out`.
#include "hypersketch/row_rules.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kTile = kWarp;        // rows, and features, of a tile
constexpr unsigned kPadded = kTile + 1;  // so that columns of a tile lie in different banks, as rows do
constexpr size_t kTileRows = kTile / 2;  // fewer rows leave too many lanes idle
constexpr unsigned kTileWarps = 8;
constexpr unsigned kMostThreads = 1024;
constexpr size_t kLeastPart = 256;  // features or values that are worth a block

// A block's share of the work: part `index % parts` of row or tile `index / parts`.
struct Shares {
  size_t parts;
  size_t count;  // of all rows or tiles
};

__device__ __forceinline__ size_t part_edge(size_t length, size_t part, size_t parts) { return length * part / parts; }

template <class T>
__device__ __forceinline__ void put(T* out, T value, bool is_alone) {
  if (is_alone)
    *out = value;
  else
    add_to(out, value);
}

template <class T>
struct DenseRows {
  const T* values;
  size_t stride;
  size_t n_features;

  __device__ __forceinline__ size_t begin(size_t) const { return 0; }
  __device__ __forceinline__ size_t end(size_t) const { return n_features; }
  __device__ __forceinline__ size_t feature(size_t k) const { return k; }
  __device__ __forceinline__ T value(size_t row, size_t k) const { return values[row * stride + k]; }
};

template <class T, class Index>
struct SparseRows {
  CompressedRows<T, Index> rows;

  __device__ __forceinline__ size_t begin(size_t row) const { return static_cast<size_t>(rows.starts[row]); }
  __device__ __forceinline__ size_t end(size_t row) const { return static_cast<size_t>(rows.starts[row + 1]); }
  __device__ __forceinline__ size_t feature(size_t k) const { return static_cast<size_t>(rows.features[k]); }
  __device__ __forceinline__ T value(size_t, size_t k) const { return rows.values[k]; }
};

// Adds scale * the values [begin, end) of a row to the sums. Zeros change none.
template <class T, class Rows>
__device__ __forceinline__ void scatter_row(const Rows& rows, size_t row, size_t begin, size_t end, SignTable table,
                                            T scale, T* sums) {
  for (size_t k = begin + threadIdx.x; k < end; k += blockDim.x) {
    const T value = rows.value(row, k);
    if (value == T{0}) continue;
    const std::uint32_t* const codes = table.codes + rows.feature(k) * table.n_entries;
    for (size_t r = 0; r < table.n_entries; ++r) {
      const std::uint32_t code = __ldg(codes + r);
      atomicAdd(sums + code_output(code), with_sign(value * scale, code));
    }
  }
}

// With sums of its own a block has to itself what it adds to; else it adds to `out`, which is clear.
template <bool kShared, class T, class Rows>
__global__ void __launch_bounds__(kMostThreads)
    project_rows(Rows rows, Shares shares, SignTable table, T scale, T* out) {
  T* sums = nullptr;
  if constexpr (kShared) {
    sums = shared_memory<T>();
    for (size_t c = threadIdx.x; c < table.n_outputs; c += blockDim.x) sums[c] = T{0};
    __syncthreads();
  }
  for (size_t i = blockIdx.x; i < shares.count; i += gridDim.x) {
    const size_t row = i / shares.parts, part = i % shares.parts;
    const size_t first = rows.begin(row), length = rows.end(row) - first;
    const size_t begin = first + part_edge(length, part, shares.parts);
    const size_t end = first + part_edge(length, part + 1, shares.parts);
    T* const answers = out + row * table.n_outputs;
    if constexpr (!kShared) {
      scatter_row(rows, row, begin, end, table, scale, answers);
    } else {
      scatter_row(rows, row, begin, end, table, T{1}, sums);
      __syncthreads();
      for (size_t c = threadIdx.x; c < table.n_outputs; c += blockDim.x) {
        put(answers + c, sums[c] * scale, shares.parts == 1);
        sums[c] = T{0};
      }
      __syncthreads();
    }
  }
}

// Loads features [j, j + kTile) of kTile rows, turned: a row's values stand in one column.
template <class T>
__device__ __forceinline__ void load_tile(DenseRows<T> rows, size_t first_row, size_t n, size_t j, size_t end,
                                          T* tile) {
  const unsigned lane = threadIdx.x % kWarp;
  for (unsigned r = threadIdx.x / kWarp; r < kTile; r += blockDim.x / kWarp) {
    const bool is_inside = first_row + r < n && j + lane < end;
    tile[lane * kPadded + r] = is_inside ? rows.value(first_row + r, j + lane) : T{0};
  }
}

// Adds four features' values to the lane's sums, all at once where the features' outputs differ: else each would wait
// for the one before.
template <class T>
__device__ __forceinline__ void scatter_four(const T* values, const std::uint32_t (&codes)[4], T* sums) {
  const std::uint32_t a = code_output(codes[0]), b = code_output(codes[1]);
  const std::uint32_t c = code_output(codes[2]), d = code_output(codes[3]);
  T* const places[4] = {sums + size_t{a} * kPadded, sums + size_t{b} * kPadded, sums + size_t{c} * kPadded,
                        sums + size_t{d} * kPadded};
  if (a != b && a != c && a != d && b != c && b != d && c != d) {
    T sum[4];
#pragma unroll
    for (unsigned k = 0; k < 4; ++k) sum[k] = *places[k] + with_sign(values[k * kPadded], codes[k]);
#pragma unroll
    for (unsigned k = 0; k < 4; ++k) *places[k] = sum[k];
  } else {
#pragma unroll
    for (unsigned k = 0; k < 4; ++k) *places[k] += with_sign(values[k * kPadded], codes[k]);
  }
}

// Adds the tile's values to the lanes' sums. Warps take different entries, so they share no sums.
template <class T>
__device__ __forceinline__ void scatter_tile(const T* tile, SignTable table, size_t j, size_t count, T* sums) {
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t r = threadIdx.x / kWarp; r < table.n_entries; r += blockDim.x / kWarp) {
    const std::uint32_t* const codes = table.codes + j * table.n_entries + r;
    size_t k = 0;
#pragma unroll 2
    for (; k + 4 <= count; k += 4) {
      std::uint32_t four[4];
#pragma unroll
      for (size_t i = 0; i < 4; ++i) four[i] = __ldg(codes + (k + i) * table.n_entries);
      scatter_four(tile + k * kPadded + lane, four, sums + lane);
    }
    for (; k < count; ++k) {
      const std::uint32_t code = __ldg(codes + k * table.n_entries);
      sums[size_t{code_output(code)} * kPadded + lane] += with_sign(tile[k * kPadded + lane], code);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kTileWarps* kWarp)
    project_tiles(DenseRows<T> rows, size_t n, Shares shares, SignTable table, T scale, T* out) {
  T* const tile = shared_memory<T>();
  T* const sums = tile + kTile * kPadded;
  const size_t first_row = blockIdx.x / shares.parts * kTile, part = blockIdx.x % shares.parts;
  const size_t begin = part_edge(rows.n_features, part, shares.parts);
  const size_t end = part_edge(rows.n_features, part + 1, shares.parts);
  for (size_t c = threadIdx.x; c < table.n_outputs * kPadded; c += blockDim.x) sums[c] = T{0};
  for (size_t j = begin; j < end; j += kTile) {
    __syncthreads();
    load_tile(rows, first_row, n, j, end, tile);
    __syncthreads();
    scatter_tile(tile, table, j, end - j < kTile ? end - j : size_t{kTile}, sums);
  }
  __syncthreads();
  const unsigned lane = threadIdx.x % kWarp;
  for (unsigned r = threadIdx.x / kWarp; r < kTile && first_row + r < n; r += blockDim.x / kWarp)
    for (size_t c = lane; c < table.n_outputs; c += kWarp)
      put(out + (first_row + r) * table.n_outputs + c, sums[c * kPadded + r] * scale, shares.parts == 1);
}

// So many parts of `length` features or values that the processors have enough to do, and no part is shorter than what
// adding its sums costs.
Shares share_out(int device, size_t n, size_t length, size_t n_outputs) {
  constexpr size_t kBlocks = 4;  // a processor
  const size_t wanted = kBlocks * static_cast<size_t>(device_attribute(device, cudaDevAttrMultiProcessorCount));
  const size_t most = length / std::max(kLeastPart, n_outputs);
  const size_t parts = std::max<size_t>(1, std::min(most, wanted / n));
  return {parts, n * parts};
}

template <class T>
void clear_outputs(Place place, T* out, size_t n, SignTable table) {
  clear(place, out, n * table.n_outputs * sizeof(T));
}

template <bool kShared, class T, class Rows>
void project_by_rows(Place place, Rows rows, Shares shares, SignTable table, T scale, T* out) {
  const size_t bytes = kShared ? table.n_outputs * sizeof(T) : 0;
  const unsigned threads = bytes > (size_t{1} << 16) ? kMostThreads : bytes > (size_t{1} << 14) ? 256 : 128;
  const size_t blocks = std::min(shares.count, resident_blocks(place.device, threads, bytes));
  const auto kernel = project_rows<kShared, T, Rows>;
  allow_shared_memory(place.device, kernel);
  launch(place, {static_cast<unsigned>(blocks), threads, bytes}, kernel, rows, shares, table, scale, out);
}

// `length` is that of a row, on average.
template <class T, class Rows>
void project(Place place, Rows rows, size_t n, size_t length, SignTable table, T scale, T* out) {
  const Shares shares = share_out(place.device, n, length, table.n_outputs);
  const bool fits = table.n_outputs <= most_shared_bytes(place.device) / sizeof(T);
  if (!fits || shares.parts > 1) clear_outputs(place, out, n, table);
  if (fits)
    project_by_rows<true>(place, rows, shares, table, scale, out);
  else
    project_by_rows<false>(place, rows, shares, table, scale, out);
}

template <class T>
void project_by_tiles(Place place, DenseRows<T> rows, size_t n, SignTable table, T scale, T* out, size_t bytes) {
  const Shares shares = share_out(place.device, (n + kTile - 1) / kTile, rows.n_features, table.n_outputs);
  const unsigned warps = static_cast<unsigned>(std::clamp<size_t>(table.n_entries, 1, kTileWarps));
  const auto kernel = project_tiles<T>;
  if (shares.parts > 1) clear_outputs(place, out, n, table);
  allow_shared_memory(place.device, kernel);
  launch(place, {static_cast<unsigned>(shares.count), warps * kWarp, bytes}, kernel, rows, n, shares, table, scale,
         out);
}

constexpr unsigned kStartsAreBroken = 1, kFeaturesAreBroken = 2;

template <class Index>
__global__ void __launch_bounds__(kThreads) find_broken(const Index* starts, size_t n, const Index* features,
                                                        size_t n_values, size_t n_features, unsigned* found) {
  const size_t i = thread_index();
  if (i < n) {
    const Index first = starts[i], last = starts[i + 1];
    if (first < 0 || last < first || static_cast<size_t>(last) > n_values) atomicOr(found, kStartsAreBroken);
  }
  if (i < n_values && i >= static_cast<size_t>(starts[0]) && i < static_cast<size_t>(starts[n])) {
    const Index feature = features[i];
    if (feature < 0 || static_cast<size_t>(feature) >= n_features) atomicOr(found, kFeaturesAreBroken);
  }
}

template <class T, class Index>
void validate(Place place, const CompressedRows<T, Index>& rows, size_t n_features) {
  const Scratch<unsigned> found(place, 1);
  clear(place, found.data(), sizeof(unsigned));
  launch(place, grid_for(std::max(rows.n, rows.n_values)), find_broken<Index>, rows.starts, rows.n, rows.features,
         rows.n_values, n_features, found.data());
  unsigned broken = 0;
  copy_to_host(place, &broken, found.data(), sizeof broken);
  if ((broken & kStartsAreBroken) != 0) throw std::invalid_argument(kBrokenStarts);
  if ((broken & kFeaturesAreBroken) != 0) throw std::invalid_argument(kBrokenFeatures);
}

}  // namespace

template <class T>
void project_dense(Place place, const T* rows, size_t n, size_t stride, SignTable table, T scale, T* out) {
  if (n == 0 || table.n_outputs == 0) return;
  const OnDevice on(place.device);
  const DenseRows<T> dense{rows, stride, table.n_features};
  const size_t bytes = (kTile + table.n_outputs) * kPadded * sizeof(T);
  const bool fits =
      n >= kTileRows && bytes <= most_shared_bytes(place.device) && (n + kTile - 1) / kTile <= kMostBlocks;
  if (fits)
    project_by_tiles(place, dense, n, table, scale, out, bytes);
  else
    project(place, dense, n, table.n_features, table, scale, out);
}

template <class T, class Index>
void project_csr(Place place, CompressedRows<T, Index> rows, SignTable table, T scale, T* out) {
  if (rows.n == 0 || table.n_outputs == 0) return;
  const OnDevice on(place.device);
  validate(place, rows, table.n_features);
  project(place, SparseRows<T, Index>{rows}, rows.n, rows.n_values / rows.n, table, scale, out);
}

template void project_dense(Place, const float*, size_t, size_t, SignTable, float, float*);
template void project_dense(Place, const double*, size_t, size_t, SignTable, double, double*);
template void project_csr(Place, CompressedRows<float, std::int32_t>, SignTable, float, float*);
template void project_csr(Place, CompressedRows<float, std::int64_t>, SignTable, float, float*);
template void project_csr(Place, CompressedRows<double, std::int32_t>, SignTable, double, double*);
template void project_csr(Place, CompressedRows<double, std::int64_t>, SignTable, double, double*);

}  // namespace hypersketch::cuda
