// SPDX-License-Identifier: Apache-2.0
// Atoms, products and permutations of packed vectors, a word a thread. Bottleneck: memory; each word is read once and
// written once, in whole lines, since neighbours in a warp have neighbouring words.
#include "hypersketch/layout.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {
namespace {

__global__ void __launch_bounds__(kThreads)
    write_atoms(const uint64_t* hashes, size_t n_total, PackedShape shape, uint64_t word_of_seed, uint64_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    out[i] = atom_word(stream_start(word_of_seed, hashes[row]), j) & shape.mask(j);
  }
}

__global__ void __launch_bounds__(kThreads)
    xor_rows(PackedRows a, PackedRows b, size_t n_total, PackedShape shape, uint64_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t j = i % shape.n_words;
    const uint64_t left = a.words[a.n == 1 ? j : i], right = b.words[b.n == 1 ? j : i];
    out[i] = left ^ right;
    mine |= ((left | right) & ~shape.mask(j)) != 0;
  }
  if (mine) atomicOr(strayed, 1U);
}

__global__ void __launch_bounds__(kThreads) find_beyond(PackedRows rows, PackedShape shape, unsigned* strayed) {
  const size_t i = thread_index();
  if (i < rows.n && (rows.words[(i + 1) * shape.n_words - 1] & ~tail_mask(shape.dim)) != 0) atomicOr(strayed, 1U);
}

__global__ void __launch_bounds__(kThreads)
    rotate(PackedRows rows, size_t n_total, PackedShape shape, size_t shift, uint64_t* out, unsigned* strayed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / shape.n_words, j = i - row * shape.n_words;
    const uint64_t* const from = rows.words + row * shape.n_words;
    out[i] = rotated_word([from](size_t k) { return __ldg(from + k); }, shape, shift, j);
    mine |= (__ldg(from + j) & ~shape.mask(j)) != 0;
  }
  if (mine && strayed != nullptr) atomicOr(strayed, 1U);
}

__global__ void __launch_bounds__(kThreads)
    roll(const std::int32_t* rows, size_t n_total, size_t dim, size_t shift, std::int32_t* out) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / dim, d = i - row * dim;
    out[i] = rows[row * dim + (d >= shift ? d - shift : d + dim - shift)];
  }
}

__global__ void __launch_bounds__(kThreads) turn(const std::int32_t* sums, size_t n, PackedRows signs, size_t n_total,
                                                 size_t dim, std::int32_t* out, unsigned* strayed) {
  const PackedShape shape(dim);
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n_total; i += step) {
    const size_t row = i / dim, d = i - row * dim;
    const uint64_t word = __ldg(signs.words + (signs.n == 1 ? 0 : row * shape.n_words) + d / kWordBits);
    const std::int32_t sum = sums[n == 1 ? d : i];
    const std::uint32_t minus = 0U - static_cast<std::uint32_t>(word >> (d % kWordBits) & 1);
    out[i] = static_cast<std::int32_t>((static_cast<std::uint32_t>(sum) ^ minus) - minus);
    if (d == dim - 1 && (word & ~shape.mask(d / kWordBits)) != 0) atomicOr(strayed, 1U);
  }
}

// A warp makes half a word: lane l has its bit l.
__global__ void __launch_bounds__(kThreads)
    signs_of(const std::int32_t* counters, size_t n_halves, PackedShape shape, uint64_t start, std::uint32_t* out) {
  const unsigned lane = threadIdx.x % kWarp;
  const size_t step = size_t{gridDim.x} * blockDim.x / kWarp;
  for (size_t h = thread_index() / kWarp; h < n_halves; h += step) {
    const size_t row = h / (2 * shape.n_words), half = h - row * 2 * shape.n_words, d = half * kWarp + lane;
    const std::int32_t counter = d < shape.dim ? counters[row * shape.dim + d] : 1;
    const unsigned negative = __ballot_sync(kWholeWarp, counter < 0), zero = __ballot_sync(kWholeWarp, counter == 0);
    if (lane != 0) continue;
    const auto ties = static_cast<std::uint32_t>(atom_word(start, half / 2) >> (half % 2 * kWarp));
    out[h] = negative | (zero & ties);
  }
}

}  // namespace

void atom_rows(Place place, const uint64_t* hashes, size_t n, size_t dim, uint64_t seed, uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const size_t total = n * shape.n_words;
  launch(place, grid_for(total), write_atoms, hashes, total, shape, seed_word(seed, Purpose::kAtom), out);
}

bool bind_rows(Place place, PackedRows a, PackedRows b, size_t dim, uint64_t* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const size_t total = std::max(a.n, b.n) * shape.n_words;
  const Alarm strays(place, dim % kWordBits != 0);
  launch(place, grid_for(total, 4), xor_rows, a, b, total, shape, out, strays.data());
  return strays.silent();
}

bool any_beyond(Place place, PackedRows rows, size_t dim) {
  if (rows.n == 0 || dim % kWordBits == 0) return false;
  const OnDevice on(place.device);
  const Alarm strays(place, dim % kWordBits != 0);
  launch(place, grid_for(rows.n), find_beyond, rows, PackedShape(dim), strays.data());
  return !strays.silent();
}

void rotate_known(Place place, PackedRows rows, size_t dim, size_t shift, uint64_t* out, unsigned* strayed) {
  const PackedShape shape(dim);
  const size_t total = rows.n * shape.n_words;
  launch(place, grid_for(total), rotate, rows, total, shape, shift, out, strayed);
}

bool rotate_rows(Place place, PackedRows rows, size_t dim, size_t shift, uint64_t* out) {
  if (rows.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strays(place, dim % kWordBits != 0);
  rotate_known(place, rows, dim, shift, out, strays.data());
  return strays.silent();
}

void roll_rows(Place place, const std::int32_t* rows, size_t n, size_t dim, size_t shift, std::int32_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * dim), roll, rows, n * dim, dim, shift, out);
}

bool turn_rows(Place place, const std::int32_t* sums, size_t n, PackedRows signs, size_t dim, std::int32_t* out) {
  if (n == 0 || signs.n == 0) return true;
  const OnDevice on(place.device);
  const size_t total = std::max(n, signs.n) * dim;
  const Alarm strays(place, dim % kWordBits != 0);
  launch(place, grid_for(total), turn, sums, n, signs, total, dim, out, strays.data());
  return strays.silent();
}

void pack_signs(Place place, const std::int32_t* counters, size_t n, size_t dim, uint64_t seed, uint64_t* out) {
  const OnDevice on(place.device);
  const PackedShape shape(dim);
  const size_t halves = 2 * n * shape.n_words;
  launch(place, grid_for(halves * kWarp), signs_of, counters, halves, shape, tie_start(seed),
         reinterpret_cast<std::uint32_t*>(out));
}

}  // namespace hypersketch::cuda
