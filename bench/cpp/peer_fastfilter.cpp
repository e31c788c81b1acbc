// SPDX-License-Identifier: Apache-2.0
// fastfilter_cpp's BlockedBloom (SimdBlockFilterFixed, 256-bit blocks) behind C functions, so that bench/peers times it
// in the same process on the same keys. Its headers come from a checkout that HYPERSKETCH_FASTFILTER names.
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <vector>

using std::vector;  // the header below expects it

#include "bloom/simd-block-fixed-fpp.h"

namespace {

using Filter = SimdBlockFilterFixed<>;

Filter& of(void* filter) { return *static_cast<Filter*>(filter); }

}  // namespace

// Default visibility: the project hides everything else.
#define EXPORTED extern "C" __attribute__((visibility("default")))

// A filter for n keys; its constructor divides by 24 keys a block, which is 10.67 bits a key.
EXPORTED void* fastfilter_new(std::size_t n) {
  try {
    return new Filter(static_cast<int>(n));
  } catch (const std::exception&) {
    return nullptr;
  }
}

EXPORTED void fastfilter_free(void* filter) { delete &of(filter); }

EXPORTED std::size_t fastfilter_bytes(void* filter) { return of(filter).SizeInBytes(); }

EXPORTED void fastfilter_add(void* filter, const std::uint64_t* keys, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) of(filter).Add(keys[i]);
}

EXPORTED void fastfilter_add_all(void* filter, const std::uint64_t* keys, std::size_t n) {
  of(filter).AddAll(keys, 0, n);
}

EXPORTED void fastfilter_contains(void* filter, const std::uint64_t* keys, std::size_t n, bool* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = of(filter).Find(keys[i]);
}
