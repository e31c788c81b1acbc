// SPDX-License-Identifier: Apache-2.0
// A batch of keys on its way into a structure: hashes, or 64-bit integers that are hashed a few at a time on the way,
// so that a large batch needs no array of its hashes.
#pragma once

#include <span>

#include "hypersketch/hash.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

struct KeyBatch {
  std::span<const uint64_t> words;
  bool hashed;

  size_t size() const { return words.size(); }
  KeyBatch part(size_t begin, size_t end) const { return {words.subspan(begin, end - begin), hashed}; }
  uint64_t hash(size_t i) const { return hashed ? words[i] : xxh64_integer(words[i], 0); }

  // The hashes of `count` keys from `first` on: where they stand, or in the buffer.
  const uint64_t* hashes(size_t first, size_t count, uint64_t* buffer) const {
    if (hashed) return words.data() + first;
    kernels().hash_u64(words.data() + first, count, 0, buffer);
    return buffer;
  }
};

}  // namespace hypersketch
