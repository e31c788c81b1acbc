// SPDX-License-Identifier: Apache-2.0
// Integers below a modulus in kernels: those of a random word, their sums, and comparisons.
#pragma once

#include "counted.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {

struct TwoDigits {
  std::uint32_t first;
  std::uint32_t second;
};

__device__ __forceinline__ std::uint32_t digit_of(uint64_t half, std::uint32_t modulus) {
  return static_cast<std::uint32_t>(half * modulus >> 32);
}

__device__ __forceinline__ TwoDigits digits_of(uint64_t word, std::uint32_t modulus) {
  return {digit_of(word & 0xFFFFFFFFU, modulus), digit_of(word >> 32, modulus)};
}

__device__ __forceinline__ std::uint32_t sum_modulo(std::uint32_t a, std::uint32_t b, std::uint32_t modulus) {
  return a + b < modulus ? a + b : a + b - modulus;
}

// What two entries count: how far apart they are around a circle, or whether they are equal.
template <bool kCircle>
__device__ __forceinline__ std::uint32_t compared(std::uint32_t a, std::uint32_t b, std::uint32_t modulus) {
  if constexpr (!kCircle) return a == b ? 1 : 0;
  const std::uint32_t apart = a < b ? b - a : a - b;
  return apart < modulus - apart ? apart : modulus - apart;
}

// The similarity that comparisons of all entries add up to. As NumPy divides; all but the quotient is exact.
template <bool kCircle>
__device__ __forceinline__ double likeness(std::int64_t sum, const DigitSpace& space) {
  const double width = double(space.width), total = double(sum);
  return kCircle ? __dsub_rn(1.0, __ddiv_rn(4.0 * total, double(space.modulus) * width)) : __ddiv_rn(total, width);
}

}  // namespace hypersketch::cuda
