// SPDX-License-Identifier: Apache-2.0
// Pairs of vectors go into a matrix chunk by chunk: a product of two thin matrices each, before which the delta rule
// solves a triangular system for what every pair adds. The chunks of a batch follow one another on the stream.
#include "matmul.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

template <class T>
struct Chunk {
  const T* keys;
  const T* values;
  const double* factors;
  const double* strengths;
  const double* before;
  const double* decays;
  size_t n;
};

template <class T>
__global__ void weigh_kernel(Chunk<T> chunk, size_t width, T* weighed) {
  for (size_t i = thread_index(); i < chunk.n * width; i += size_t{gridDim.x} * blockDim.x)
    weighed[i] = static_cast<T>(__dmul_rn(chunk.factors[i / width], static_cast<double>(chunk.values[i])));
}

// A thread solves for one column: its errors pair by pair, each less what the ones before it added.
template <class T>
__global__ void solve_kernel(Chunk<T> chunk, size_t width, const T* known, const T* inner, double* errors, T* weighed) {
  const size_t column = thread_index();
  if (column >= width) return;
  for (size_t t = 0; t < chunk.n; ++t) {
    const size_t at = t * width + column;
    double error = static_cast<double>(chunk.values[at]) - chunk.before[t] * static_cast<double>(known[at]);
    for (size_t s = 0; s < t; ++s) {
      double share = chunk.strengths[s] * static_cast<double>(inner[t * chunk.n + s]);
      if (chunk.decays != nullptr) share *= chunk.decays[t * chunk.n + s];
      error -= share * errors[s * width + column];
    }
    errors[at] = error;
    weighed[at] = static_cast<T>(__dmul_rn(chunk.factors[t], error));
  }
}

template <class T>
Chunk<T> chunk_of(const PairBatch<T>& pairs, size_t number) {
  const size_t first = number * pairs.chunk;
  return {pairs.keys + first * pairs.key_dim,
          pairs.values + first * pairs.value_dim,
          pairs.factors + first,
          pairs.strengths + first,
          pairs.before + first,
          pairs.decays == nullptr ? nullptr : pairs.decays + number * pairs.chunk * pairs.chunk,
          std::min(pairs.chunk, pairs.n - first)};
}

}  // namespace

template <class T>
void write_pairs(Place place, T* matrix, PairBatch<T> pairs, const double* kept_of_chunks, bool delta) {
  const OnDevice on(place.device);
  const size_t most = std::min(pairs.chunk, pairs.n), width = pairs.value_dim, depth = pairs.key_dim;
  const Scratch<T> weighed(place, most * width), known(place, delta ? most * width : 0),
      inner(place, delta ? most * most : 0);
  const Scratch<double> errors(place, delta ? most * width : 0);
  for (size_t number = 0; number * pairs.chunk < pairs.n; ++number) {
    const Chunk<T> chunk = chunk_of(pairs, number);
    const Factor<T> keys{chunk.keys, depth, 1}, turned_keys{chunk.keys, 1, depth};
    if (delta) {
      multiply<T>(place, keys, {matrix, 1, depth}, {chunk.n, depth, width}, nullptr, T{1}, known.data());
      multiply<T>(place, keys, turned_keys, {chunk.n, depth, chunk.n}, nullptr, T{1}, inner.data());
      launch(place, grid_for(width, 1, 64), solve_kernel<T>, chunk, width, known.data(), inner.data(), errors.data(),
             weighed.data());
    } else {
      launch(place, grid_for(chunk.n * width), weigh_kernel<T>, chunk, width, weighed.data());
    }
    multiply<T>(place, {weighed.data(), 1, width}, keys, {width, chunk.n, depth}, matrix,
                static_cast<T>(kept_of_chunks[number]), matrix);
  }
}

template void write_pairs<float>(Place, float*, PairBatch<float>, const double*, bool);
template void write_pairs<double>(Place, double*, PairBatch<double>, const double*, bool);

}  // namespace hypersketch::cuda
