// SPDX-License-Identifier: Apache-2.0
// Ternary vectors: atoms and products a word of both planes a thread, signs of sums an entry a thread, cosines a warp a
// pair of rows. Counts are exact, and what is made of them is rounded as NumPy does. Bottleneck: memory, which is read
// and written once, in whole lines.
#include "hypersketch/layout.hpp"
#include "packed.cuh"
#include "ternary.hpp"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kWarps = kThreads / kWarp;

// Word j of both planes of a row.
struct Planes {
  uint64_t plus;
  uint64_t minus;

  __device__ __forceinline__ bool strays(uint64_t mask) const {
    return ((plus & minus) | ((plus | minus) & ~mask)) != 0;
  }
  __device__ __forceinline__ int count() const { return __popcll(plus | minus); }
};

__device__ __forceinline__ Planes planes_of(PackedRows rows, PackedShape shape, size_t row, size_t j) {
  const uint64_t* const from = rows.words + (rows.n == 1 ? 0 : row) * 2 * shape.n_words + j;
  return {from[0], from[shape.n_words]};
}

__device__ __forceinline__ Planes product(Planes a, Planes b) {
  return {(a.plus & b.plus) | (a.minus & b.minus), (a.plus & b.minus) | (a.minus & b.plus)};
}

__device__ __forceinline__ void write(Planes planes, PackedShape shape, size_t row, size_t j, uint64_t* out) {
  uint64_t* const to = out + row * 2 * shape.n_words + j;
  to[0] = planes.plus;
  to[shape.n_words] = planes.minus;
}

__global__ void __launch_bounds__(kThreads)
    write_atoms(const uint64_t* hashes, size_t n_total, PackedShape shape, uint64_t word_of_seed, uint64_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    const uint64_t word = atom_word(stream_start(word_of_seed, hashes[row]), j), mask = shape.mask(j);
    write({~word & mask, word & mask}, shape, row, j, out);
  }
}

__global__ void __launch_bounds__(kThreads)
    multiply(PackedRows a, PackedRows b, size_t n_total, PackedShape shape, uint64_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    const Planes left = planes_of(a, shape, row, j), right = planes_of(b, shape, row, j);
    write(product(left, right), shape, row, j, out);
    mine |= left.strays(shape.mask(j)) || right.strays(shape.mask(j));
  }
  if (mine) atomicOr(strayed, 1U);
}

// The entries of a word are those of whole warps.
__global__ void __launch_bounds__(kThreads)
    pack(const std::int32_t* sums, size_t n, PackedShape shape, std::uint32_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x, width = kWordBits * shape.n_words;
  for (size_t i = thread_index(); i < n * width; i += step) {
    const size_t row = i / width, d = i - row * width;
    const std::int32_t* const from = sums + 2 * row * width + d;
    const std::int32_t votes = from[0], against = from[width];  // set bits count -1
    const unsigned plus = __ballot_sync(kWholeWarp, votes < against);
    const unsigned minus = __ballot_sync(kWholeWarp, votes > against);
    if (threadIdx.x % kWarp != 0) continue;
    std::uint32_t* const to = out + (2 * row * width + d) / kWarp;
    to[0] = plus;
    to[width / kWarp] = minus;
  }
}

__global__ void __launch_bounds__(kThreads) look(PackedRows rows, PackedShape shape, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < rows.n * shape.n_words; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    mine |= planes_of(rows, shape, row, j).strays(shape.mask(j));
  }
  if (mine) atomicOr(strayed, 1U);
}

__global__ void __launch_bounds__(kThreads)
    find_cosines(PackedRows a, PackedRows b, size_t n, PackedShape shape, double* out, unsigned* strayed) {
  const unsigned lane = threadIdx.x % kWarp;
  bool mine = false;
  for (size_t row = thread_index() / kWarp; row < n; row += size_t{gridDim.x} * kWarps) {
    int inner = 0, of_a = 0, of_b = 0;
    for (size_t j = lane; j < shape.n_words; j += kWarp) {
      const Planes left = planes_of(a, shape, row, j), right = planes_of(b, shape, row, j);
      const Planes both = product(left, right);
      inner += __popcll(both.plus) - __popcll(both.minus), of_a += left.count(), of_b += right.count();
      mine |= left.strays(shape.mask(j)) || right.strays(shape.mask(j));
    }
    inner = sum_of_warp(inner), of_a = sum_of_warp(of_a), of_b = sum_of_warp(of_b);
    if (lane != 0) continue;
    const double size = __dsqrt_rn(__dmul_rn(double(of_a), double(of_b)));
    out[row] = size > 0 ? __ddiv_rn(double(inner), size) : 0.0;
  }
  if (mine) atomicOr(strayed, 1U);
}

}  // namespace

void ternary_atoms(Place place, const uint64_t* hashes, size_t n, size_t dim, uint64_t seed, uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  launch(place, grid_for(n * shape.n_words), write_atoms, hashes, n * shape.n_words, shape,
         seed_word(seed, Purpose::kAtom), out);
}

bool ternary_products(Place place, PackedRows a, PackedRows b, size_t dim, uint64_t* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const Alarm strayed(place);
  const size_t total = std::max(a.n, b.n) * shape.n_words;
  launch(place, grid_for(total), multiply, a, b, total, shape, out, strayed.data());
  return strayed.silent();
}

void ternary_signs(Place place, const std::int32_t* sums, size_t n, size_t dim, uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  launch(place, grid_for(n * shape.n_words * kWordBits, 4), pack, sums, n, shape,
         reinterpret_cast<std::uint32_t*>(out));
}

bool are_ternary(Place place, PackedRows rows, size_t dim) {
  if (rows.n == 0) return true;
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const Alarm strayed(place);
  launch(place, grid_for(rows.n * shape.n_words), look, rows, shape, strayed.data());
  return strayed.silent();
}

bool ternary_cosines(Place place, PackedRows a, PackedRows b, size_t dim, double* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strayed(place);
  const size_t n = std::max(a.n, b.n);
  const Grid grid{static_cast<unsigned>(std::min<size_t>((n + kWarps - 1) / kWarps, 1U << 20))};
  launch(place, grid, find_cosines, a, b, n, PackedShape(dim), out, strayed.data());
  return strayed.silent();
}

}  // namespace hypersketch::cuda
