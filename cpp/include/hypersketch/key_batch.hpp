// SPDX-License-Identifier: Apache-2.0
// A batch of keys on its way into a structure: hashes, or integers that are hashed a few at a time on the way, so
// that a large batch needs no array of its hashes.
#pragma once

#include "hypersketch/simd.hpp"

namespace hypersketch {

struct KeyBatch {
  const uint64_t* values;
  size_t n;
  bool hashed;

  KeyBatch part(size_t begin, size_t end) const { return {values + begin, end - begin, hashed}; }

  // The hashes of `count` keys from `first` on: where they stand, or in the buffer.
  const uint64_t* hashes(size_t first, size_t count, uint64_t* buffer) const {
    if (hashed) return values + first;
    kernels().hash_u64(values + first, count, 0, buffer);
    return buffer;
  }
};

}  // namespace hypersketch
