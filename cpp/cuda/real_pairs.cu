// SPDX-License-Identifier: Apache-2.0
// Real vectors met as wholes: cosines of all pairs, circular convolutions.
//
// A product of two floats is exact in double precision and every sum has one order of terms, so that it changes nothing
// whether a compiler fuses them. Convolutions take dim products an entry, without a transform: for vectors of some
// thousand entries that is a matter of microseconds, and more exact. Bottleneck: shared memory, five reads for four
// products.
#include "matmul.hpp"
#include "retrieval.hpp"
#include "runtime.cuh"
#include "spectra.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kOutputs = 4;                    // of a thread, kThreads apart
constexpr unsigned kEntries = kOutputs * kThreads;  // of a block at a time
constexpr unsigned kDeep = kThreads;                // terms at a time
constexpr unsigned kWindow = kEntries + kDeep - 1;  // numbers of the second row that they meet

Grid grid_of_pieces(size_t n) { return {static_cast<unsigned>(std::min<size_t>(n, 1U << 20))}; }

// Row i of the pairs that two batches make.
struct RowPair {
  const float* a;
  const float* b;
};

__device__ __forceinline__ RowPair pair_of(ComplexRows a, ComplexRows b, size_t i, size_t dim) {
  return {a.numbers + (a.n == 1 ? 0 : i * dim), b.numbers + (b.n == 1 ? 0 : i * dim)};
}

__device__ __forceinline__ bool is_strange(float x) { return x * 0.0F != 0.0F; }

// Numbers of the second row, round its ends, from one `back` places before index `ahead` on. No number needs 32 bits.
__device__ __forceinline__ void load_window(double* window, const float* row, unsigned dim, size_t ahead, size_t back) {
  const size_t whole = (back / dim + 1) * dim;
  const auto first = static_cast<unsigned>((ahead + whole - back) % dim);
  for (unsigned i = threadIdx.x; i < kWindow; i += kThreads) window[i] = row[(first + i) % dim];
}

// Entries [begin, begin + kEntries) of a row. Entry begin + d meets term deep + k at window[d + kDeep - 1 - k], or at
// window[k + kEntries - 1 - d] where it is correlated.
__device__ void convolve_part(RowPair rows, size_t dim, size_t begin, bool correlate, double (&totals)[kOutputs]) {
  __shared__ double terms[kDeep], window[kWindow];
  for (size_t deep = 0; deep < dim; deep += kDeep) {
    __syncthreads();
    const size_t j = deep + threadIdx.x;
    terms[threadIdx.x] = j < dim ? rows.a[j] : 0.0F;
    if (correlate)
      load_window(window, rows.b, static_cast<unsigned>(dim), deep, begin + kEntries - 1);
    else
      load_window(window, rows.b, static_cast<unsigned>(dim), begin, deep + kDeep - 1);
    __syncthreads();
    for (unsigned k = 0; k < kDeep; ++k)
#pragma unroll
      for (unsigned o = 0; o < kOutputs; ++o) {
        const unsigned d = o * kThreads + threadIdx.x;
        totals[o] += terms[k] * window[correlate ? k + kEntries - 1 - d : d + kDeep - 1 - k];
      }
  }
}

__global__ void __launch_bounds__(kThreads)
    convolve(ComplexRows a, ComplexRows b, size_t n, size_t dim, bool correlate, float* out, unsigned* strange) {
  const size_t parts = (dim + kEntries - 1) / kEntries;
  bool mine = false;
  for (size_t piece = blockIdx.x; piece < n * parts; piece += gridDim.x) {
    const size_t row = piece / parts, begin = piece % parts * kEntries;
    double totals[kOutputs] = {};
    convolve_part(pair_of(a, b, row, dim), dim, begin, correlate, totals);
#pragma unroll
    for (unsigned o = 0; o < kOutputs; ++o) {
      const size_t d = begin + o * kThreads + threadIdx.x;
      if (d >= dim) continue;
      out[row * dim + d] = static_cast<float>(totals[o]);
      mine |= is_strange(out[row * dim + d]);
    }
  }
  if (mine) atomicOr(strange, 1U);
}

__global__ void __launch_bounds__(kThreads)
    divide_by_lengths(double* products, const double* squares, const double* others, size_t n, size_t n_others) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n * n_others; i += step) {
    const double size = sqrt(squares[i / n_others] * others[i % n_others]);
    const double found = products[i] / (size > 0 ? size : 1.0);
    products[i] = found < -1 ? -1 : found > 1 ? 1 : found;
  }
}

}  // namespace

void all_cosines(Place place, ComplexRows a, ComplexRows b, size_t dim, double* out) {
  if (a.n == 0 || b.n == 0) return;
  const OnDevice on(place.device);
  const Scratch<double> squares(place, a.n + b.n);
  double* const others = squares.data() + a.n;
  squared_lengths(place, a.numbers, a.n, dim, squares.data());
  squared_lengths(place, b.numbers, b.n, dim, others);
  multiply<float, double>(place, {a.numbers, dim, 1}, {b.numbers, 1, dim}, {a.n, dim, b.n}, nullptr, 0.0, out);
  launch(place, grid_for(a.n * b.n), divide_by_lengths, out, static_cast<const double*>(squares.data()),
         static_cast<const double*>(others), a.n, b.n);
}

bool convolve_rows(Place place, ComplexRows a, ComplexRows b, size_t dim, bool correlate, float* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite
  const size_t n = std::max(a.n, b.n), parts = (dim + kEntries - 1) / kEntries;
  launch(place, grid_of_pieces(n * parts), convolve, a, b, n, dim, correlate, out, strange.data());
  return strange.silent();
}

}  // namespace hypersketch::cuda
