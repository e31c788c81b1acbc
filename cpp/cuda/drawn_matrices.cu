// SPDX-License-Identifier: Apache-2.0
// How MBAT binds: by a permutation of entries with random signs, which is drawn by the bytes of the other vector. The
// words of its stream are sorted, those of many vectors at once, by word and then by vector: the place of a word is
// where its entry goes, and its first bit the sign. Bits are those of the CPU.
// Bottleneck: memory; the sort reads and writes a vector's words about ten times.
#include "hypersketch/layout.hpp"
#include "runtime.cuh"
#include "sort.cuh"
#include "spectra.hpp"

namespace hypersketch::cuda {
namespace {

constexpr size_t kWordsAtOnce = size_t{1} << 20;  // of vectors that are sorted together

// Known vectors whose matrices are made together.
struct Drawn {
  const float* vectors;
  size_t n;
  size_t dim;
  uint64_t word_of_seed;
  std::int64_t* ends;     // n + 1 of them, of the bytes
  uint64_t* hashes;       // of the bytes
  unsigned* is_ordinary;  // not 0 for all but the identity, which is 1, 0, 0, ...

  __device__ __forceinline__ uint64_t word(size_t vector, size_t j) const {
    return atom_word(stream_start(word_of_seed, hashes[vector]), j);
  }
};

__global__ void __launch_bounds__(kThreads) find_ends(Drawn drawn) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i <= drawn.n; i += step) {
    drawn.ends[i] = static_cast<std::int64_t>(i * drawn.dim * sizeof(float));
    if (i < drawn.n) drawn.is_ordinary[i] = 0;
  }
}

__global__ void __launch_bounds__(kThreads) look(Drawn drawn, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < drawn.n * drawn.dim; i += step) {
    const size_t vector = i / drawn.dim;
    const float number = drawn.vectors[i];
    if (number != (i == vector * drawn.dim ? 1.0F : 0.0F)) atomicOr(drawn.is_ordinary + vector, 1U);
    mine |= number * 0.0F != 0.0F;
  }
  if (mine) atomicOr(strange, 1U);
}

__global__ void __launch_bounds__(kThreads) write_words(Drawn drawn, uint64_t* words, std::uint32_t* places) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < drawn.n * drawn.dim; i += step) {
    const size_t vector = i / drawn.dim;
    words[i] = drawn.word(vector, i - vector * drawn.dim);
    places[i] = static_cast<std::uint32_t>(i);
  }
}

__global__ void __launch_bounds__(kThreads)
    write_vectors(const std::uint32_t* places, size_t n, size_t dim, uint64_t* vectors) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n; i += step) vectors[i] = places[i] / dim;
}

// Rows whose vectors are these, or one of them for all.
struct Moved {
  const float* values;
  size_t step;  // from one row of values to the next, or 0
  size_t n;
  bool back;
  float* out;
};

__global__ void __launch_bounds__(kThreads)
    move(Drawn drawn, const std::uint32_t* places, Moved rows, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x, dim = drawn.dim;
  bool mine = false;
  for (size_t i = thread_index(); i < rows.n * dim; i += step) {
    const size_t row = i / dim, j = i - row * dim, vector = drawn.n == 1 ? 0 : row;
    const bool ordinary = drawn.is_ordinary[vector] != 0;
    const size_t other = ordinary ? places[vector * dim + j] - vector * dim : j;
    const float sign = ordinary && (drawn.word(vector, j) & 1) != 0 ? -1.0F : 1.0F;
    const float value = rows.values[row * rows.step + (rows.back ? j : other)];
    rows.out[row * dim + (rows.back ? other : j)] = value * sign;
    mine |= value * 0.0F != 0.0F;
  }
  if (mine) atomicOr(strange, 1U);
}

void move_some(Place place, Drawn drawn, uint64_t seed, Moved rows, unsigned* strange) {
  const size_t total = drawn.n * drawn.dim;
  launch(place, grid_for(drawn.n + 1), find_ends, drawn);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(drawn.vectors);
  hash_strings<std::int64_t>(place, {drawn.ends, bytes, total * sizeof(float), drawn.n}, seed, drawn.hashes);
  launch(place, grid_for(total, 4), look, drawn, strange);
  Sorter<uint64_t, std::uint32_t> sorter(place, total);
  launch(place, grid_for(total, 4), write_words, drawn, sorter.keys(), sorter.values());
  sorter.sort(total, 0, 64);
  launch(place, grid_for(total, 4), write_vectors, sorter.values(), total, drawn.dim, sorter.keys());
  sorter.sort(total, 0, bits_below(drawn.n));
  launch(place, grid_for(rows.n * drawn.dim, 4), move, drawn, sorter.values(), rows, strange);
}

}  // namespace

bool move_by_drawn(Place place, ComplexRows values, ComplexRows known, size_t dim, uint64_t seed, bool back,
                   float* out) {
  if (values.n == 0 || known.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite
  const size_t most = std::min(known.n, std::max<size_t>(1, kWordsAtOnce / dim));
  const Scratch<std::int64_t> ends(place, most + 1);
  const Scratch<uint64_t> hashes(place, most);
  const Scratch<unsigned> is_ordinary(place, most);
  const uint64_t word_of_seed = seed_word(~seed, Purpose::kAtom);
  const size_t step = values.n == 1 ? 0 : dim;
  for (size_t first = 0; first < known.n; first += most) {
    const size_t n = std::min(most, known.n - first), n_rows = known.n == 1 ? values.n : n;
    const Drawn drawn{known.numbers + first * dim, n, dim, word_of_seed, ends.data(), hashes.data(),
                      is_ordinary.data()};
    move_some(place, drawn, seed, {values.numbers + first * step, step, n_rows, back, out + first * dim},
              strange.data());
  }
  return strange.silent();
}

}  // namespace hypersketch::cuda
