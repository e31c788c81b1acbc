// SPDX-License-Identifier: Apache-2.0
// Packed vectors in kernels: their shape, rotated words, bits beyond the dimension, and similarities.
#pragma once

#include "hypersketch/bits.hpp"
#include "hypervectors.hpp"
#include "runtime.cuh"

namespace hypersketch::cuda {

struct PackedShape {
  explicit __host__ __device__ PackedShape(size_t dim_) : dim(dim_), n_words(words_for(dim_)) {}

  // The bits of word j that belong to the vector.
  __device__ __forceinline__ uint64_t mask(size_t j) const { return j + 1 == n_words ? tail_mask(dim) : ~uint64_t{0}; }

  size_t dim;
  size_t n_words;
};

// 64 bits of a vector from bit `first` < dim on, those of the beginning behind those of the end. `word` gives its
// words.
template <class Word>
__device__ __forceinline__ uint64_t bits_from(Word word, PackedShape shape, size_t first) {
  const size_t k = first / kWordBits;
  const unsigned offset = first % kWordBits;
  uint64_t bits = word(k) >> offset;
  if (offset != 0 && k + 1 < shape.n_words) bits |= word(k + 1) << (kWordBits - offset);
  // Where the end is near, the beginning follows, again and again if it is shorter than what is missing.
  for (size_t have = shape.dim - first; have < kWordBits; have += shape.dim) bits |= word(0) << have;
  return bits;
}

// Word j of a vector rotated by shift < dim: its bit d is bit (d - shift) mod dim.
template <class Word>
__device__ __forceinline__ uint64_t rotated_word(Word word, PackedShape shape, size_t shift, size_t j) {
  const size_t d = j * kWordBits;
  const size_t first = d >= shift ? d - shift : d + shape.dim - shift;
  return bits_from(word, shape, first) & shape.mask(j);
}

// As NumPy divides.
__device__ __forceinline__ double similarity_of(std::int32_t distance, unsigned dim) {
  return __ddiv_rn(double(dim) - 2.0 * distance, double(dim));
}

// hypervectors.cu: rotations of rows, which are looked at for bits beyond the dimension only where `strayed` is given.
void rotate_known(Place place, PackedRows rows, size_t dim, size_t shift, uint64_t* out, unsigned* strayed);

}  // namespace hypersketch::cuda
