// SPDX-License-Identifier: Apache-2.0
// What the CPU and the GPU do alike with the rows of sketches and projections, beyond where keys stand (layout.hpp).
#pragma once

#include <cstring>
#include <type_traits>

#include "hypersketch/layout.hpp"
#include "hypersketch/views.hpp"

namespace hypersketch {

// The rank, from 0, of the row that is the estimate, or of the upper one of the two whose mean it is.
HYPERSKETCH_HD size_t estimate_rank(RowParams params) { return params.is_signed ? params.depth / 2 : 0; }

HYPERSKETCH_HD bool is_mean(RowParams params) { return params.is_signed && params.depth % 2 == 0; }

// Both products are rounded before the sum, everywhere.
HYPERSKETCH_HD double mean_of(double lower, double upper) {
#if defined(__CUDA_ARCH__)
  return __dadd_rn(__dmul_rn(0.5, lower), __dmul_rn(0.5, upper));
#else
  return 0.5 * lower + 0.5 * upper;
#endif
}

HYPERSKETCH_HD std::uint32_t code_output(std::uint32_t code) { return code & ~kCodeSign; }

template <class T>
HYPERSKETCH_HD T with_sign(T value, std::uint32_t code) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, uint64_t>;
  Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits ^= static_cast<Bits>(Bits{code & kCodeSign} << (8 * sizeof(T) - 32));
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

inline constexpr char kBrokenStarts[] = "The sparse matrix is broken: its row starts do not rise within its values.";
inline constexpr char kBrokenFeatures[] = "The sparse matrix is broken: a column lies beyond its shape.";

}  // namespace hypersketch
