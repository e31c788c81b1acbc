// SPDX-License-Identifier: Apache-2.0
// Vectors of complex and real numbers, entry by entry: atoms, products and quotients, sums, lengths. Complex numbers
// are pairs of floats. Operations are those of the CPU's kernels (numbers, reals), each rounded once and none fused, so
// that all but sums along a row give its bits. Bottleneck: memory.
#include "real_atoms.cuh"

namespace hypersketch::cuda {
namespace {

// A word makes two numbers or phasors.
template <RealAtoms kKind>
__global__ void __launch_bounds__(kThreads)
    write_reals(const uint64_t* hashes, size_t n, size_t dim, float scale, uint64_t word_of_seed, float* out) {
  constexpr unsigned kFloats = kFloatsOfWord<kKind>;
  const size_t n_words = (dim + 1) / 2, width = dim * kFloats / 2, step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = thread_index(); i < n * n_words; i += step) {
    const size_t row = i / n_words, j = i - row * n_words;
    float made[kFloats];
    numbers_of<kKind>(atom_word(stream_start(word_of_seed, hashes[row]), j), scale, made);
#pragma unroll
    for (unsigned k = 0; k < kFloats; ++k)
      if (kFloats * j + k < width) out[row * width + kFloats * j + k] = made[k];
  }
}

// ---- products

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

__global__ void __launch_bounds__(kThreads)
    multiply(ComplexRows a, ComplexRows b, size_t width, size_t total, float* out, unsigned* strange) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  bool mine = false;
  for (size_t i = thread_index(); i < total; i += step) {
    const float left = a.numbers[a.n == 1 ? i % width : i], right = b.numbers[b.n == 1 ? i % width : i];
    const float made = mul(left, right);
    out[i] = made;
    mine |= made * 0.0F != 0.0F;  // as where one of them is not finite
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

// By what the square of float j of a row counts: both parts alike.
__device__ __forceinline__ double weight_of(Spectrum spectrum, size_t j) {
  if (spectrum.dim == 0) return 1;
  const size_t k = j / 2;
  const bool once = k == 0 || 2 * k == spectrum.dim;
  return (once ? 1.0 : 2.0) / static_cast<double>(spectrum.dim);
}

__global__ void __launch_bounds__(kThreads) clip(const double* sums, size_t n, float* out) {
  const size_t i = thread_index();
  if (i < n) out[i] = static_cast<float>(fmin(fmax(sums[i], -1.0), 1.0));
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

void atom_reals(Place place, const uint64_t* hashes, size_t n, AtomSpace space, float* out) {
  const OnDevice on(place.device);
  with_kind(space.kind, [&](auto constant) {
    launch(place, grid_for(n * ((space.dim + 1) / 2)), write_reals<decltype(constant)::value>, hashes, n, space.dim,
           static_cast<float>(space.scale), seed_word(space.seed, Purpose::kAtom), out);
  });
}

bool combine_phasors(Place place, ComplexRows a, ComplexRows b, size_t width, PhasorWay way, float* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const size_t total = std::max(a.n, b.n) * width;
  launch(place, grid_for(total, 2), combine, a, b, width, total, way, reinterpret_cast<Pair*>(out), strange.data());
  return strange.silent();
}

bool multiply_reals(Place place, ComplexRows a, ComplexRows b, size_t width, float* out) {
  if (a.n == 0 || b.n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite
  const size_t total = std::max(a.n, b.n) * width;
  launch(place, grid_for(total, 4), multiply, a, b, width, total, out, strange.data());
  return strange.silent();
}

void shape_sums(Place place, const double* sums, size_t n, size_t width, SumForm form, Spectrum spectrum, float* out) {
  const OnDevice on(place.device);
  const size_t total = n * width;
  if (form == SumForm::kPhasors)
    launch(place, grid_for(total / 2), make_unit, sums, total / 2, reinterpret_cast<Pair*>(out));
  else if (form == SumForm::kClipped)
    launch(place, grid_for(total), clip, sums, total, out);
  else
    launch(place, grid_of_rows(n), make_length_one, sums, n, width, spectrum, out);
}

bool sum_real_rows(Place place, const float* rows, size_t width, const std::int64_t* starts, size_t n,
                   const double* weights, SumForm form, Spectrum spectrum, float* out) {
  if (n == 0) return true;
  const OnDevice on(place.device);
  const Alarm strange(place);  // what is not finite, or too large
  const Scratch<double> sums(place, n * width);
  launch(place, grid_for(n * width), sum, rows, width, starts, n, weights, sums.data(), strange.data());
  shape_sums(place, sums.data(), n, width, form, spectrum, out);
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
