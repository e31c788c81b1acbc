// SPDX-License-Identifier: Apache-2.0
// Entries of vectors one by one: -1 and +1 to bits and back, numbers to another type, rows of bits to columns. Bound by
// memory.
#include <type_traits>

#include "counter.cuh"
#include "hypersketch/bits.hpp"
#include "recall.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {
namespace {

template <class T>
__device__ __forceinline__ double number_of(T value) {
  if constexpr (std::is_same_v<T, Half>) {
    const unsigned exponent = value.bits >> 10 & 31, fraction = value.bits & 1023;
    const double sign = value.bits >> 15 ? -1.0 : 1.0;
    if (exponent == 0) return sign * ldexp(static_cast<double>(fraction), -24);
    if (exponent == 31) return fraction != 0 ? nan("") : sign * HUGE_VAL;
    return sign * ldexp(static_cast<double>(1024 + fraction), static_cast<int>(exponent) - 25);
  } else if constexpr (std::is_same_v<T, Bfloat>) {
    return static_cast<double>(__uint_as_float(unsigned{value.bits} << 16));
  } else {
    return static_cast<double>(value);
  }
}

enum class Sign { kPlus, kMinus, kNone };

template <class T>
__device__ __forceinline__ Sign sign_of(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? Sign::kPlus : Sign::kMinus;
  } else if constexpr (std::is_same_v<T, Half>) {
    return value.bits == 0x3C00 ? Sign::kPlus : value.bits == 0xBC00 ? Sign::kMinus : Sign::kNone;
  } else {
    if (value == T{1}) return Sign::kPlus;
    if constexpr (std::is_signed_v<T>)
      if (value == static_cast<T>(-1)) return Sign::kMinus;
    return Sign::kNone;
  }
}

// A warp makes 32 bits; n_halves of them are a row.
template <class T>
__global__ void pack_kernel(const T* rows, size_t n, size_t dim, size_t stride, unsigned* out, size_t n_halves,
                            unsigned long long* first_bad) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n * n_halves; i += n_warps) {
    const size_t row = i / n_halves, d = i % n_halves * kWarp + lane;
    const Sign sign = d < dim ? sign_of(rows[row * stride + d]) : Sign::kPlus;
    if (sign == Sign::kNone) atomicMin(first_bad, static_cast<unsigned long long>(row * dim + d));
    const unsigned word = __ballot_sync(kWholeWarp, sign == Sign::kMinus);
    if (lane == 0) out[i] = word;
  }
}

template <class T>
__global__ void unpack_kernel(const unsigned* words, size_t n, size_t dim, size_t n_halves, T* out) {
  for (size_t i = thread_index(); i < n * dim; i += size_t{gridDim.x} * blockDim.x) {
    const size_t row = i / dim, d = i % dim;
    const bool minus = (words[row * n_halves + d / kWarp] >> (d % kWarp) & 1) != 0;
    if constexpr (std::is_same_v<T, bool>)
      out[i] = !minus;
    else if constexpr (std::is_same_v<T, Half>)
      out[i].bits = minus ? 0xBC00 : 0x3C00;
    else
      out[i] = minus ? static_cast<T>(-1) : T{1};
  }
}

template <class T, class To>
__global__ void convert_kernel(const T* rows, size_t n, size_t dim, size_t stride, To* out,
                               unsigned long long* first_bad) {
  for (size_t i = thread_index(); i < n * dim; i += size_t{gridDim.x} * blockDim.x) {
    const T value = rows[i / dim * stride + i % dim];
    if constexpr (std::is_integral_v<T>)
      out[i] = static_cast<To>(value);
    else
      out[i] = static_cast<To>(number_of(value));
    if (!isfinite(out[i])) atomicMin(first_bad, static_cast<unsigned long long>(i));
  }
}

template <class T>
__global__ void finite_kernel(const T* values, size_t n, unsigned* rung) {
  for (size_t i = thread_index(); i < n; i += size_t{gridDim.x} * blockDim.x)
    if (!isfinite(values[i])) *rung = 1;
}

// A warp turns 32 rows of 32 bits.
__global__ void turn_kernel(const unsigned* rows, size_t n, size_t dim, size_t n_halves, unsigned* units,
                            size_t unit_halves) {
  const size_t n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t i = thread_index() / kWarp; i < n_halves * unit_halves; i += n_warps) {
    const size_t half = i % n_halves, pattern = i / n_halves * kWarp + lane;
    const unsigned word = pattern < n ? rows[pattern * n_halves + half] : 0;
    unsigned mine = 0;
    for (unsigned b = 0; b < kWarp; ++b) {
      const unsigned column = __ballot_sync(kWholeWarp, (word >> b & 1) != 0);
      if (lane == b) mine = column;
    }
    const size_t unit = half * kWarp + lane;
    if (unit < dim) units[unit * unit_halves + i / n_halves] = mine;
  }
}

unsigned* halves(uint64_t* words) { return reinterpret_cast<unsigned*>(words); }
const unsigned* halves(const uint64_t* words) { return reinterpret_cast<const unsigned*>(words); }

}  // namespace

template <class T>
uint64_t pack_entries(Place place, const T* rows, size_t n, size_t dim, size_t stride, uint64_t* out) {
  const OnDevice on(place.device);
  const FirstBad bad(place);
  const size_t n_halves = 2 * words_for(dim);
  launch(place, grid_for(n * n_halves * kWarp), pack_kernel<T>, rows, n, dim, stride, halves(out), n_halves,
         bad.data());
  return std::is_same_v<T, bool> ? kAllGood : bad.wait();
}

template <class T>
void unpack_entries(Place place, const uint64_t* words, size_t n, size_t dim, T* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * dim), unpack_kernel<T>, halves(words), n, dim, 2 * words_for(dim), out);
}

template <class T, class To>
uint64_t convert_entries(Place place, const T* rows, size_t n, size_t dim, size_t stride, To* out) {
  const OnDevice on(place.device);
  const FirstBad bad(place);
  launch(place, grid_for(n * dim), convert_kernel<T, To>, rows, n, dim, stride, out, bad.data());
  return bad.wait();
}

template <class T>
bool all_finite(Place place, const T* values, size_t n) {
  const OnDevice on(place.device);
  const Alarm alarm(place);
  launch(place, grid_for(n, 16), finite_kernel<T>, values, n, alarm.data());
  return alarm.silent();
}

void turn_bits(Place place, const uint64_t* rows, size_t n, size_t dim, uint64_t* units) {
  const OnDevice on(place.device);
  const size_t n_halves = 2 * words_for(dim), unit_halves = 2 * words_for(n);
  launch(place, grid_for(n_halves * unit_halves * kWarp), turn_kernel, halves(rows), n, dim, n_halves, halves(units),
         unit_halves);
}

#define HYPERSKETCH_ENTRIES(T)                                                                  \
  template uint64_t pack_entries<T>(Place, const T*, size_t, size_t, size_t, uint64_t*);        \
  template void unpack_entries<T>(Place, const uint64_t*, size_t, size_t, T*);                  \
  template uint64_t convert_entries<T, float>(Place, const T*, size_t, size_t, size_t, float*); \
  template uint64_t convert_entries<T, double>(Place, const T*, size_t, size_t, size_t, double*);
HYPERSKETCH_ENTRIES(bool)
HYPERSKETCH_ENTRIES(Half)
HYPERSKETCH_ENTRIES(std::int8_t)
HYPERSKETCH_ENTRIES(std::int16_t)
HYPERSKETCH_ENTRIES(std::int32_t)
HYPERSKETCH_ENTRIES(std::int64_t)
HYPERSKETCH_ENTRIES(std::uint8_t)
HYPERSKETCH_ENTRIES(std::uint16_t)
HYPERSKETCH_ENTRIES(std::uint32_t)
HYPERSKETCH_ENTRIES(std::uint64_t)
HYPERSKETCH_ENTRIES(float)
HYPERSKETCH_ENTRIES(double)
#undef HYPERSKETCH_ENTRIES
template uint64_t convert_entries<Bfloat, float>(Place, const Bfloat*, size_t, size_t, size_t, float*);
template uint64_t convert_entries<Bfloat, double>(Place, const Bfloat*, size_t, size_t, size_t, double*);
template bool all_finite<float>(Place, const float*, size_t);
template bool all_finite<double>(Place, const double*, size_t);

}  // namespace hypersketch::cuda
