// SPDX-License-Identifier: Apache-2.0
// Sparsey: rows of weights, a bit a unit, are counted column by column; the best unit of each module wins; bits of
// winners are set and asked for. Counts are integers, and a support is quotients and a product of them, rounded as the
// CPU rounds, so winners and supports are the CPU's bit by bit.
//
// Bottleneck: integer units, two instructions for every bit of a row that is counted.
#include "codes.hpp"
#include "hypersketch/bits.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

// Rows of lists, one list after the other.
struct ListedRows {
  RowLists lists;
  __device__ __forceinline__ size_t n(size_t list) const {
    return static_cast<size_t>(__ldg(lists.starts + list + 1) - __ldg(lists.starts + list));
  }
  __device__ __forceinline__ size_t row(size_t list, size_t i) const {
    return static_cast<size_t>(__ldg(lists.indices + __ldg(lists.starts + list) + static_cast<std::int64_t>(i)));
  }
};

// Rows of the winners of one code.
struct WinnerRows {
  const std::int64_t* code;
  CodeShape shape;
  __device__ __forceinline__ size_t n(size_t) const { return shape.n_modules; }
  __device__ __forceinline__ size_t row(size_t, size_t i) const {
    return i * shape.n_units + static_cast<size_t>(__ldg(code + i));
  }
};

__host__ __device__ inline size_t halves_of(CodeShape shape) { return 2 * words_for(shape.n_modules * shape.n_units); }

constexpr unsigned kColumns = 4;  // of a thread, which lie in one half of a word

// Eight threads share half a word, so that loads and stores of a warp are of neighbours.
template <class Rows>
__global__ void count_kernel(const unsigned* weights, CodeShape shape, Rows rows, size_t n, std::int32_t* counts) {
  const size_t n_halves = halves_of(shape), n_code = shape.n_modules * shape.n_units;
  const size_t n_groups = (n_code + kColumns - 1) / kColumns;
  for (size_t t = thread_index(); t < n * n_groups; t += size_t{gridDim.x} * blockDim.x) {
    const size_t list = t / n_groups, first = t % n_groups * kColumns, n_rows = rows.n(list);
    unsigned sums[kColumns] = {};
#pragma unroll 4
    for (size_t i = 0; i < n_rows; ++i) {
      const unsigned bits = __ldg(weights + rows.row(list, i) * n_halves + first / kWarp) >> (first % kWarp);
#pragma unroll
      for (unsigned b = 0; b < kColumns; ++b) sums[b] += bits >> b & 1;
    }
#pragma unroll
    for (unsigned b = 0; b < kColumns; ++b)
      if (first + b < n_code) counts[list * n_code + first + b] = static_cast<std::int32_t>(sums[b]);
  }
}

template <class Rows>
void count(Place place, const uint64_t* weights, CodeShape shape, Rows rows, size_t n, std::int32_t* counts) {
  const OnDevice on(place.device);
  const size_t n_groups = (shape.n_code() + kColumns - 1) / kColumns;
  launch(place, grid_for(n * n_groups, 1, 128), count_kernel<Rows>, reinterpret_cast<const unsigned*>(weights), shape,
         rows, n, counts);
}

struct SupportAt {
  Support support;
  double number;
  double n_modules;

  // Quotients of integers and their product, each rounded once, as in NumPy.
  __device__ __forceinline__ double at(size_t list_unit, size_t unit) const {
    double made = 1;
    if (support.counts != nullptr) made = __ddiv_rn(static_cast<double>(support.counts[list_unit]), number);
    if (support.expected == nullptr) return made;
    return __dmul_rn(made, __ddiv_rn(static_cast<double>(support.expected[unit]), n_modules));
  }
};

// A warp finds the best unit of a module.
__global__ void best_kernel(Support support, CodeShape shape, size_t n, std::int64_t* codes, double* largest) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n * shape.n_modules; i += n_warps) {
    const double number =
        support.numbers == nullptr ? 1.0 : static_cast<double>(__ldg(support.numbers + i / shape.n_modules));
    const SupportAt supports{support, number, static_cast<double>(shape.n_modules)};
    const size_t module_of_list = i % shape.n_modules;
    double best = -1;  // supports are at least 0
    size_t unit = shape.n_units;
    for (size_t k = lane; k < shape.n_units; k += kWarp) {
      const double mine = supports.at(i * shape.n_units + k, module_of_list * shape.n_units + k);
      if (mine > best) {
        best = mine;
        unit = k;
      }
    }
    for (unsigned half = kWarp / 2; half > 0; half /= 2) {
      const double theirs = __shfl_xor_sync(kWholeWarp, best, static_cast<int>(half));
      const size_t other = __shfl_xor_sync(kWholeWarp, unit, static_cast<int>(half));
      if (theirs > best || (theirs == best && other < unit)) {
        best = theirs;
        unit = other;
      }
    }
    if (lane == 0) {
      codes[i] = static_cast<std::int64_t>(unit);
      largest[i] = best;
    }
  }
}

__device__ __forceinline__ size_t place_of(CodeShape shape, const std::int64_t* code, size_t module) {
  return module * shape.n_units + static_cast<size_t>(__ldg(code + module));
}

// Modules may share a word, so bits are set by atomics.
template <class Rows>
__global__ void set_kernel(unsigned* weights, CodeShape shape, Rows rows, size_t n_rows, const std::int64_t* code) {
  const size_t n_halves = halves_of(shape);
  for (size_t t = thread_index(); t < n_rows * shape.n_modules; t += size_t{gridDim.x} * blockDim.x) {
    const size_t place = place_of(shape, code, t % shape.n_modules);
    atomicOr(weights + rows.row(0, t / shape.n_modules) * n_halves + place / kWarp, 1U << (place % kWarp));
  }
}

struct PlainRows {
  const std::int64_t* rows;
  __device__ __forceinline__ size_t row(size_t, size_t i) const { return static_cast<size_t>(__ldg(rows + i)); }
};

template <class Rows>
void set(Place place, uint64_t* weights, CodeShape shape, Rows rows, size_t n_rows, const std::int64_t* code) {
  const OnDevice on(place.device);
  launch(place, grid_for(n_rows * shape.n_modules), set_kernel<Rows>, reinterpret_cast<unsigned*>(weights), shape, rows,
         n_rows, code);
}

// A warp asks a row for the bits of a code, 32 winners at a time, until one is missing.
__global__ void connected_kernel(const unsigned* weights, size_t n_rows, CodeShape shape, const std::int64_t* codes,
                                 size_t n, bool* out) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp, n_halves = halves_of(shape);
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n * n_rows; i += n_warps) {
    const std::int64_t* const code = codes + i / n_rows * shape.n_modules;
    const unsigned* const row = weights + i % n_rows * n_halves;
    bool all = true;
    for (size_t first = 0; all && first < shape.n_modules; first += kWarp) {
      const size_t module = first + lane;
      const size_t place = module < shape.n_modules ? place_of(shape, code, module) : 0;
      const bool has = module >= shape.n_modules || (row[place / kWarp] >> (place % kWarp) & 1) != 0;
      all = __all_sync(kWholeWarp, has) != 0;
    }
    if (lane == 0) out[i] = all;
  }
}

}  // namespace

void count_lists(Place place, const uint64_t* weights, CodeShape shape, RowLists lists, size_t n,
                 std::int32_t* counts) {
  count(place, weights, shape, ListedRows{lists}, n, counts);
}

void count_winners(Place place, const uint64_t* weights, CodeShape shape, const std::int64_t* code,
                   std::int32_t* counts) {
  count(place, weights, shape, WinnerRows{code, shape}, 1, counts);
}

void best_units(Place place, Support support, CodeShape shape, size_t n, std::int64_t* codes, double* largest) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * shape.n_modules * kWarp), best_kernel, support, shape, n, codes, largest);
}

void follow_codes(Place place, Support support, const uint64_t* context, CodeShape shape, const bool* begins,
                  const std::int64_t* before, size_t n, std::int64_t* codes, double* largest) {
  const OnDevice on(place.device);
  const Scratch<std::int32_t> expected(place, shape.n_code());
  for (size_t i = 0; i < n; ++i) {
    const Support own{support.counts == nullptr ? nullptr : support.counts + i * shape.n_code(),
                      support.numbers == nullptr ? nullptr : support.numbers + i,
                      begins[i] ? nullptr : expected.data()};
    if (!begins[i]) count_winners(place, context, shape, before, expected.data());
    best_units(place, own, shape, 1, codes + i * shape.n_modules, largest + i * shape.n_modules);
    before = codes + i * shape.n_modules;
  }
}

void set_code(Place place, uint64_t* weights, CodeShape shape, const std::int64_t* rows, size_t n_rows,
              const std::int64_t* code) {
  set(place, weights, shape, PlainRows{rows}, n_rows, code);
}

void set_code_behind(Place place, uint64_t* weights, CodeShape shape, const std::int64_t* before,
                     const std::int64_t* code) {
  set(place, weights, shape, WinnerRows{before, shape}, shape.n_modules, code);
}

void connected_rows(Place place, const uint64_t* weights, size_t n_rows, CodeShape shape, const std::int64_t* codes,
                    size_t n, bool* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_rows * kWarp), connected_kernel, reinterpret_cast<const unsigned*>(weights), n_rows,
         shape, codes, n, out);
}

}  // namespace hypersketch::cuda
