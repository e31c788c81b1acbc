// SPDX-License-Identifier: Apache-2.0
// What kernels on the rows of sketches share: keys on their way in, sums and their atomics, windows of the table.
#pragma once

#include "hypersketch/hash.hpp"
#include "hypersketch/layout.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {

// Cells of integers are summed modulo 2^bits.
template <class Cell, bool = std::is_integral_v<Cell>>
struct SumOf {
  using Type = std::make_unsigned_t<Cell>;
};
template <class Cell>
struct SumOf<Cell, false> {
  using Type = Cell;
};
template <class Cell>
using Sum = typename SumOf<Cell>::Type;

// Keys and how they become the streams that place them.
struct Streams {
  Keys keys;
  uint64_t word_of_seed;

  __device__ __forceinline__ uint64_t start(size_t i) const {
    const uint64_t word = keys.words[i];
    return stream_start(word_of_seed, keys.hashed ? word : xxh64_integer(word, 0));
  }
};

inline Streams row_streams(Keys keys, RowParams params) { return {keys, seed_word(params.seed, Purpose::kRow)}; }

// A key's cell of row r, counted through the rows, and whether its sign is -1.
struct KeyCell {
  uint64_t index;
  bool negative;
};

__device__ __forceinline__ KeyCell key_cell(RowParams params, uint64_t start, uint64_t r) {
  const uint64_t word = random_word(start, r);
  const bool negative = params.is_signed && static_cast<std::int32_t>(row_sign(word)) < 0;
  return {r * params.width + row_column(word, params.width), negative};
}

template <class Value>
__device__ __forceinline__ Value negated_if(bool negative, Value value) {
  return negative ? -value : value;
}

template <class T>
__device__ __forceinline__ void add_to(T* cell, T change) {
  if constexpr (sizeof(T) == 8 && std::is_integral_v<T>)
    atomicAdd(reinterpret_cast<unsigned long long*>(cell), static_cast<unsigned long long>(change));
  else
    atomicAdd(cell, change);
}

// In shared memory. The hardware adds no 64-bit integers there but in a loop of exchanges, so they are added in halves:
// each addition carries for itself, so the order does not matter. Most changes are small and touch the upper half only
// where they carry.
template <class T>
__device__ __forceinline__ void add_to_shared(T* cell, T change) {
  if constexpr (sizeof(T) == 8 && std::is_integral_v<T>) {
    unsigned* const halves = reinterpret_cast<unsigned*>(cell);
    const unsigned low = static_cast<unsigned>(change);
    const unsigned before = atomicAdd(halves, low);
    const unsigned high = static_cast<unsigned>(change >> 32) + (before + low < low ? 1U : 0U);
    if (high != 0) atomicAdd(halves + 1, high);
  } else {
    atomicAdd(cell, change);
  }
}

inline constexpr size_t kMostBlocks = 0x7FFFFFFF;  // of a grid

inline size_t most_shared_bytes(int device) {
  return static_cast<size_t>(device_attribute(device, cudaDevAttrMaxSharedMemoryPerBlockOptin));
}

// How many blocks run at once, if registers do not prevent it.
inline size_t resident_blocks(int device, size_t threads, size_t shared_bytes) {
  constexpr size_t kOverhead = 1024;  // bytes that CUDA takes of each block
  const auto shared = static_cast<size_t>(device_attribute(device, cudaDevAttrMaxSharedMemoryPerMultiprocessor));
  const auto most = static_cast<size_t>(device_attribute(device, cudaDevAttrMaxThreadsPerMultiProcessor));
  const auto processors = static_cast<size_t>(device_attribute(device, cudaDevAttrMultiProcessorCount));
  return processors * std::max<size_t>(1, std::min(shared / (shared_bytes + kOverhead), most / threads));
}

// Lets a kernel without static shared memory be given all there is. A launch's own size would not do: another thread
// might set a smaller one before the launch.
template <class Kernel>
void allow_shared_memory(int device, Kernel* kernel) {
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(most_shared_bytes(device))),
        "Taking shared memory of a GPU");
}

// Cells [first, first + size) of the table, which overlap the rows [first_row, last_row].
struct Window {
  uint64_t first;
  uint64_t size;
  uint64_t first_row;
  uint64_t last_row;
};

// The table as windows of equal size: whole rows where they fit, for a key then has no cells elsewhere in its rows.
struct Windows {
  uint64_t cells;
  uint64_t count;
};

inline Windows split(RowParams params, uint64_t most_cells) {
  const uint64_t total = params.width * params.depth;
  if (most_cells == 0) return {1, total};
  if (most_cells >= total) return {total, 1};
  if (most_cells < params.width) {
    const uint64_t count = (total + most_cells - 1) / most_cells;
    const uint64_t cells = (total + count - 1) / count;
    return {cells, (total + cells - 1) / cells};
  }
  const uint64_t count = (params.depth + most_cells / params.width - 1) / (most_cells / params.width);
  const uint64_t rows = (params.depth + count - 1) / count;
  return {rows * params.width, (params.depth + rows - 1) / rows};
}

__host__ __device__ inline Window window_at(RowParams params, Windows windows, uint64_t index) {
  const uint64_t first = index * windows.cells, rest = params.width * params.depth - first;
  const uint64_t size = windows.cells < rest ? windows.cells : rest;
  return {first, size, first / params.width, (first + size - 1) / params.width};
}

}  // namespace hypersketch::cuda
