// SPDX-License-Identifier: Apache-2.0
// Numbers of atoms of real and complex spaces, and their products, by the operations of the CPU's kernels (reals, in
// cpp/src): each is rounded once and none are fused, so that the bits are the same. Complex numbers are pairs of
// floats.
#pragma once

#include <type_traits>

#include "hypersketch/layout.hpp"
#include "runtime.cuh"
#include "spectra.hpp"

namespace hypersketch::cuda {

// ---- single precision, rounded at every step

__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float mul_add(float a, float b, float c) { return add(mul(a, b), c); }

__device__ __forceinline__ float float_of(std::uint32_t bits) { return __uint_as_float(bits); }
__device__ __forceinline__ std::uint32_t bits_of(float x) { return __float_as_uint(x); }
__device__ __forceinline__ float signed_float(std::uint32_t bits) {
  return static_cast<float>(static_cast<std::int32_t>(bits));
}

struct Turn {
  float cosine;
  float sine;
};

// As in reals.inc.hpp: the nearest quarter turn, and polynomials of what is left.
__device__ __forceinline__ Turn turn_of(std::uint32_t half) {
  const std::uint32_t turned = half + 0x20000000U;
  const float x = mul(add(signed_float(half << 2), 2.0F), 0x1.921FB6p-32F), z = mul(x, x);
  const float inner = mul_add(mul_add(-0x1.9AC9DEp-13F, z, 0x1.110C2Ap-7F), z, -0x1.555552p-3F);
  const float s = add(x, mul(mul(x, z), inner));
  const float outer = mul_add(mul_add(0x1.9BD7p-16F, z, -0x1.6C12CEp-10F), z, 0x1.555554p-5F);
  const float c = add(1.0F, add(mul(mul(z, z), outer), mul(z, -0.5F)));
  const bool swap = (turned & 0x40000000U) != 0;
  return {float_of(bits_of(swap ? s : c) ^ ((turned + 0x40000000U) & 0x80000000U)),
          float_of(bits_of(swap ? c : s) ^ (turned & 0x80000000U))};
}

// -2 ln u, as there: beside 1 of 1 - u.
__device__ __forceinline__ float minus_two_ln(std::uint32_t half) {
  const bool upper = (half >> 31) != 0;
  const float x = add(signed_float(upper ? ~half : half), 0.5F);
  const bool far = upper && x > 0x1.2BEC34p+30F;
  const std::uint32_t bits = bits_of(x);
  const std::int32_t exponent = static_cast<std::int32_t>(bits - 0x4F3504F3U) >> 23;
  const float mantissa = float_of(bits - (static_cast<std::uint32_t>(exponent) << 23));
  const float beside = upper ? mul(x, -0x1p-32F) : add(-1.0F, mul(mantissa, 0x1p-32F));
  const float f = far ? add(1.0F, mul(x, -0x1p-31F)) : beside;
  const float whole = mul(far ? -1.0F : upper ? 0.0F : static_cast<float>(exponent), -0x1.62E430p-0F);
  float p = mul_add(f, -0x1.4BE1F4p-4F, 0x1.0460E6p-3F);
  p = mul_add(p, f, -0x1.09AD48p-3F);
  p = mul_add(p, f, 0x1.22DB78p-3F);
  p = mul_add(p, f, -0x1.54D524p-3F);
  p = mul_add(p, f, 0x1.99A152p-3F);
  p = mul_add(p, f, -0x1.0000C8p-2F);
  p = mul_add(p, f, 0x1.555552p-2F);
  const float z = mul(f, f);
  const float rest = add(f, add(mul(mul(f, z), p), mul(z, -0.5F)));
  return add(whole, mul(rest, -2.0F));
}

// The first bit turned round makes a signed integer, as there.
__device__ __forceinline__ float uniform(std::uint32_t half) {
  return mul(add(signed_float(half ^ 0x80000000U), 0.5F), 0x1p-31F);
}

// What one word makes: two numbers, or two phasors, one after the other.
template <RealAtoms kKind>
inline constexpr unsigned kFloatsOfWord = kKind == RealAtoms::kPhasors ? 4 : 2;

template <RealAtoms kKind>
__device__ __forceinline__ void numbers_of(uint64_t word, float scale, float (&out)[kFloatsOfWord<kKind>]) {
  const auto lower = static_cast<std::uint32_t>(word), upper = static_cast<std::uint32_t>(word >> 32);
  if constexpr (kKind == RealAtoms::kPhasors) {
    const Turn first = turn_of(lower), second = turn_of(upper);
    out[0] = mul(first.cosine, scale), out[1] = mul(first.sine, scale);
    out[2] = mul(second.cosine, scale), out[3] = mul(second.sine, scale);
  } else if constexpr (kKind == RealAtoms::kNormals) {
    const Turn turn = turn_of(upper);
    const float length = mul(__fsqrt_rn(minus_two_ln(lower)), scale);
    out[0] = mul(length, turn.cosine), out[1] = mul(length, turn.sine);
  } else {
    out[0] = mul(uniform(lower), scale), out[1] = mul(uniform(upper), scale);
  }
}

// Calls f with a kind as a constant.
template <class Function>
void with_kind(RealAtoms kind, Function f) {
  if (kind == RealAtoms::kUniforms)
    f(std::integral_constant<RealAtoms, RealAtoms::kUniforms>{});
  else if (kind == RealAtoms::kNormals)
    f(std::integral_constant<RealAtoms, RealAtoms::kNormals>{});
  else
    f(std::integral_constant<RealAtoms, RealAtoms::kPhasors>{});
}

struct Pair {
  float a;
  float b;
};

__device__ __forceinline__ Pair product(Pair x, Pair y) {
  return {add(mul(x.a, y.a), mul(-x.b, y.b)), add(mul(x.b, y.a), mul(x.a, y.b))};
}

__device__ __forceinline__ Pair conjugate_product(Pair x, Pair y) {
  return {add(mul(x.a, y.a), mul(x.b, y.b)), add(mul(x.b, y.a), mul(-x.a, y.b))};
}

}  // namespace hypersketch::cuda
