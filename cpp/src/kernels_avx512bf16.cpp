// SPDX-License-Identifier: Apache-2.0
// What processors that multiply bfloat16 numbers have beside the kernels of avx512.
#include <immintrin.h>

#include <cstring>
#include <type_traits>

#include "hypersketch/layout.hpp"
#include "hypersketch/simd.hpp"

#define HYPERSKETCH_MEMBER inline __attribute__((always_inline))

namespace hypersketch::avx512bf16 {
namespace {

// clang-format off: the vector type comes first
#include "vector.inc.hpp"
#include "tiles.inc.hpp"
#include "retrieve_words.inc.hpp"
#include "retrieve_tiles.inc.hpp"
// clang-format on

}  // namespace

const WordKernels& pairs() {
  static constexpr WordKernels kernels{"pairs",       6,         size_t{3} << 15, narrow_words,
                                       compare_words, pair_rows, sum_pairs,       restore_paired};
  return kernels;
}

const WordKernels& tiles() {
  static constexpr WordKernels kernels{"tiles",       16,        size_t{1} << 17, narrow_words,
                                       compare_tiles, pair_rows, sum_tiles,       restore_paired};
  return kernels;
}

}  // namespace hypersketch::avx512bf16
