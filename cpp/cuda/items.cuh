// SPDX-License-Identifier: Apache-2.0
// Items that bundles and scores take: stored rows, and products of atoms that are computed where they are used.
#pragma once

#include "hypersketch/hash.hpp"
#include "hypersketch/layout.hpp"
#include "packed.cuh"

namespace hypersketch::cuda {

struct StoredRows {
  const uint64_t* rows;
  size_t n_words;
  __device__ __forceinline__ uint64_t word(size_t i, size_t j) const { return __ldg(rows + i * n_words + j); }
};

struct Products {
  const uint64_t* starts;  // of streams
  const uint64_t* others;  // or null
  PackedShape shape;

  __device__ __forceinline__ uint64_t word(size_t i, size_t j) const {
    uint64_t made = atom_word(__ldg(starts + i), j);
    if (others != nullptr) made ^= atom_word(__ldg(others + i), j);
    return made & shape.mask(j);
  }
};

// bundle.cu: writes where the streams of keys start.
void find_starts(Place place, Keys keys, uint64_t seed, uint64_t* out);

// The streams of a call's products.
class ProductStarts {
 public:
  ProductStarts(Place place, KeyProducts items)
      : n_(items.keys.n), two_(items.others != nullptr), starts_(place, two_ ? 2 * n_ : n_) {
    find_starts(place, items.keys, items.seed, starts_.data());
    if (two_) find_starts(place, {items.others, n_, items.keys.hashed}, items.seed, starts_.data() + n_);
  }
  Products products(size_t dim) const {
    return {starts_.data(), two_ ? starts_.data() + n_ : nullptr, PackedShape(dim)};
  }

 private:
  size_t n_;
  bool two_;
  Scratch<uint64_t> starts_;
};

}  // namespace hypersketch::cuda
