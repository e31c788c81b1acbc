// SPDX-License-Identifier: Apache-2.0
// Vectors of complex and real numbers, entry by entry: atoms, products and quotients, sums, lengths. Complex numbers
// are pairs of floats. Operations are those of the CPU's kernels (numbers, reals), each rounded once and none fused, so
// that all but sums along a row give its bits. Bottleneck: memory.
#include "hypersketch/layout.hpp"
#include "runtime.cuh"
#include "spectra.hpp"

namespace hypersketch::cuda {
namespace {

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

// A word makes two numbers or phasors.
__global__ void __launch_bounds__(kThreads) write_reals(const uint64_t* hashes, size_t n, size_t dim, RealAtoms kind,
                                                        float scale, uint64_t word_of_seed, float* out) {
  const size_t n_words = (dim + 1) / 2, step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n * n_words; i += step) {
    const size_t row = i / n_words, j = i - row * n_words;
    const uint64_t word = atom_word(stream_start(word_of_seed, hashes[row]), j);
    const auto lower = static_cast<std::uint32_t>(word), upper = static_cast<std::uint32_t>(word >> 32);
    const bool two = 2 * j + 1 < dim;
    if (kind == RealAtoms::kPhasors) {
      float* const to = out + 2 * (row * dim + 2 * j);
      const Turn first = turn_of(lower), second = turn_of(upper);
      to[0] = mul(first.cosine, scale), to[1] = mul(first.sine, scale);
      if (two) to[2] = mul(second.cosine, scale), to[3] = mul(second.sine, scale);
    } else {
      float* const to = out + row * dim + 2 * j;
      const Turn turn = turn_of(upper);
      const float length = mul(__fsqrt_rn(minus_two_ln(lower)), scale);
      to[0] = mul(length, turn.cosine);
      if (two) to[1] = mul(length, turn.sine);
    }
  }
}

// ---- products

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

// In double precision; 0 where it is divided by 0.
__device__ __forceinline__ Pair quotient(Pair x, Pair y) {
  const double a = x.a, b = x.b, c = y.a, d = y.b;
  const double size = __dadd_rn(__dmul_rn(c, c), __dmul_rn(d, d));
  if (size == 0) return {0, 0};
  const double real = __dadd_rn(__dmul_rn(a, c), __dmul_rn(b, d));
  const double imaginary = __dadd_rn(__dmul_rn(b, c), __dmul_rn(-a, d));
  return {static_cast<float>(__ddiv_rn(real, size)), static_cast<float>(__ddiv_rn(imaginary, size))};
}

__device__ __forceinline__ bool is_finite(Pair x) { return x.a * 0.0F == 0.0F && x.b * 0.0F == 0.0F; }

__global__ void __launch_bounds__(kThreads)
    combine(ComplexRows a, ComplexRows b, size_t width, size_t total, PhasorWay way, Pair* out, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < total; i += step) {
    const Pair left = reinterpret_cast<const Pair*>(a.numbers)[a.n == 1 ? i % width : i];
    const Pair right = reinterpret_cast<const Pair*>(b.numbers)[b.n == 1 ? i % width : i];
    const Pair made = way == PhasorWay::kProduct     ? product(left, right)
                      : way == PhasorWay::kConjugate ? conjugate_product(left, right)
                                                     : quotient(left, right);
    out[i] = made;
    mine |= !is_finite(made) || !is_finite(left) || !is_finite(right);
  }
  if (mine) atomicOr(strange, 1U);
}

// ---- sums; a thread has a column and adds its rows in order, as the CPU does

__global__ void __launch_bounds__(kThreads)
    sum(const float* rows, size_t width, const std::int64_t* starts, size_t n_bundles, const double* weights,
        double* sums, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < n_bundles * width; i += step) {
    const size_t bundle = i / width, column = i - bundle * width;
    double total = 0;
    for (auto r = static_cast<size_t>(starts[bundle]); r < static_cast<size_t>(starts[bundle + 1]); ++r) {
      const double number = rows[r * width + column];
      total = __dadd_rn(total, weights == nullptr ? number : __dmul_rn(number, weights[r]));
    }
    sums[i] = total;
    mine |= !(total >= -kMostRealSum && total <= kMostRealSum);
  }
  if (mine) atomicOr(strange, 1U);
}

__global__ void __launch_bounds__(kThreads) make_unit(const double* sums, size_t n, Pair* out) {
  const size_t i = thread_index();
  if (i >= n) return;
  constexpr double kTiny = 0x1p-500, kHuge = 0x1p500;
  const double a = sums[2 * i], b = sums[2 * i + 1], larger = fmax(fabs(a), fabs(b));
  const double factor = larger < kTiny ? kHuge * 0x1p74 : larger > kHuge ? kTiny * 0x1p-24 : 1.0;
  const double x = __dmul_rn(a, factor), y = __dmul_rn(b, factor);
  const double length = __dsqrt_rn(__dadd_rn(__dmul_rn(x, x), __dmul_rn(y, y)));
  if (length > 0)
    out[i] = {static_cast<float>(__ddiv_rn(x, length)), static_cast<float>(__ddiv_rn(y, length))};
  else
    out[i] = {0, 0};
}

// The sum over a block, for thread 0. All threads must call it.
__device__ double sum_of_block(double mine) {
  __shared__ double sums[kWarp];
  mine = sum_of_warp(mine);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = mine;
  __syncthreads();
  double total = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) total += sums[warp];
  return total;
}

// By what the square of float j of a row counts: both parts alike.
__device__ __forceinline__ double weight_of(Spectrum spectrum, size_t j) {
  if (spectrum.dim == 0) return 1;
  const size_t k = j / 2;
  const bool once = k == 0 || 2 * k == spectrum.dim;
  return (once ? 1.0 : 2.0) / static_cast<double>(spectrum.dim);
}

__global__ void __launch_bounds__(kThreads)
    make_length_one(const double* sums, size_t n, size_t width, Spectrum spectrum, float* out) {
  for (size_t row = blockIdx.x; row < n; row += gridDim.x) {
    const double* const from = sums + row * width;
    double mine = 0;
    for (size_t j = threadIdx.x; j < width; j += blockDim.x) mine += weight_of(spectrum, j) * from[j] * from[j];
    const double square = sum_of_block(mine), length = square > 0 ? sqrt(square) : 1.0;
    for (size_t j = threadIdx.x; j < width; j += blockDim.x)
      out[row * width + j] = static_cast<float>(from[j] / length);
  }
}

__global__ void __launch_bounds__(kThreads) find_cosines(ComplexRows a, ComplexRows b, size_t n, size_t width,
                                                         Spectrum spectrum, double* out, unsigned* strange) {
  for (size_t row = blockIdx.x; row < n; row += gridDim.x) {
    const float* const x = a.numbers + (a.n == 1 ? 0 : row * width);
    const float* const y = b.numbers + (b.n == 1 ? 0 : row * width);
    double aa = 0, bb = 0, ab = 0;
    for (size_t j = threadIdx.x; j < width; j += blockDim.x) {
      const double weight = weight_of(spectrum, j), left = x[j], right = y[j];
      aa += weight * left * left, bb += weight * right * right, ab += weight * left * right;
    }
    aa = sum_of_block(aa), bb = sum_of_block(bb), ab = sum_of_block(ab);
    if (threadIdx.x != 0) continue;
    const double size = sqrt(aa * bb), found = ab / (size > 0 ? size : 1.0);
    out[row] = found < -1 ? -1 : found > 1 ? 1 : found;
    if (!(size <= 1.7e308)) atomicOr(strange, 1U);
  }
}

Grid grid_of_rows(size_t n) { return {static_cast<unsigned>(std::min<size_t>(n, 1U << 20))}; }

}  // namespace

void atom_reals(Place place, const uint64_t* hashes, size_t n, size_t dim, RealAtoms kind, double scale, uint64_t seed,
                float* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * ((dim + 1) / 2)), write_reals, hashes, n, dim, kind, static_cast<float>(scale),
         seed_word(seed, Purpose::kAtom), out);
}

bool combine_phasors(Place place, ComplexRows a, ComplexRows b, size_t width, PhasorWay way, float* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const size_t total = std::max(a.n, b.n) * width;
  launch(place, grid_for(total, 2), combine, a, b, width, total, way, reinterpret_cast<Pair*>(out), strange.data());
  return strange.silent();
}

bool sum_real_rows(Place place, const float* rows, size_t width, const std::int64_t* starts, size_t n,
                   const double* weights, bool to_phasors, Spectrum spectrum, float* out) {
  if (n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const Scratch<double> sums(place, n * width);
  launch(place, grid_for(n * width), sum, rows, width, starts, n, weights, sums.data(), strange.data());
  const double* const made = sums.data();
  if (to_phasors)
    launch(place, grid_for(n * width / 2), make_unit, made, n * width / 2, reinterpret_cast<Pair*>(out));
  else
    launch(place, grid_of_rows(n), make_length_one, made, n, width, spectrum, out);
  return strange.silent();
}

bool cosines(Place place, ComplexRows a, ComplexRows b, size_t width, Spectrum spectrum, double* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const size_t n = std::max(a.n, b.n);
  launch(place, grid_of_rows(n), find_cosines, a, b, n, width, spectrum, out, strange.data());
  return strange.silent();
}

}  // namespace hypersketch::cuda
