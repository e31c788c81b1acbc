// SPDX-License-Identifier: Apache-2.0
// Packed vectors and products of atoms as arguments of the GPU half.
#pragma once

#include "cuda_arrays.hpp"
#include "hypersketch/bits.hpp"
#include "hypervectors.hpp"

namespace hypersketch::bindings {

using Words = std::optional<Span>;

inline void require_dim(size_t dim) {
  require(dim >= 1 && dim < (size_t{1} << 31), "The dimension must be in [1, 2**31).");
}

inline cuda::PackedRows rows_of(const Span& span, size_t dim) {
  require_dim(dim);
  require(span.n % words_for(dim) == 0, "Packed vectors must be whole rows.");
  return {span.data<const uint64_t>(), span.n / words_for(dim)};
}

inline cuda::KeyProducts products_of(const Span& keys, const Words& others, bool hashed, uint64_t seed) {
  require(!others || (others->n == keys.n && others->device == keys.device), "There must be one factor a key.");
  return {{keys.data<const uint64_t>(), keys.n, hashed}, others ? others->data<const uint64_t>() : nullptr, seed};
}

}  // namespace hypersketch::bindings
