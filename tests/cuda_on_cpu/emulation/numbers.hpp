// SPDX-License-Identifier: Apache-2.0
// CUDA's functions of one thread: bits, products, conversions, loads and stores with hints. The host's rounding is to
// nearest, so the _rn functions are plain operations; they are kept apart from contraction by the compiler's flags.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "fibres.hpp"

namespace cuda_on_cpu {

template <class T>
T aligned_load(const T* from) {
  if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) stop("a load of %zu bytes is misaligned", sizeof(T));
  return *from;
}

// From the cache in which atomic operations happen: a word is read as one of them would.
template <class T>
T load_past_first_cache(const T* from) {
  if constexpr (std::is_arithmetic_v<T>) {
    if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) stop("a load of %zu bytes is misaligned", sizeof(T));
    T value;
    __atomic_load(from, &value, __ATOMIC_RELAXED);
    return value;
  } else {
    return aligned_load(from);
  }
}

template <class T>
void aligned_store(T* to, T value) {
  if (reinterpret_cast<std::uintptr_t>(to) % alignof(T) != 0) stop("a store of %zu bytes is misaligned", sizeof(T));
  *to = value;
}

// One access of the second-level cache, which several threads may make.
template <class T>
void store_past_first_cache(T* to, T value) {
  if constexpr (std::is_integral_v<T>) {
    if (reinterpret_cast<std::uintptr_t>(to) % alignof(T) != 0) stop("a store of %zu bytes is misaligned", sizeof(T));
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
  } else {
    aligned_store(to, value);
  }
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_LOAD(name, load) \
  template <class T>                 \
  T name(const T* from) {            \
    return cuda_on_cpu::load(from);  \
  }
CUDA_ON_CPU_LOAD(__ldg, aligned_load)
CUDA_ON_CPU_LOAD(__ldca, aligned_load)
CUDA_ON_CPU_LOAD(__ldcg, load_past_first_cache)
CUDA_ON_CPU_LOAD(__ldcs, aligned_load)
CUDA_ON_CPU_LOAD(__ldlu, aligned_load)
CUDA_ON_CPU_LOAD(__ldcv, load_past_first_cache)
#undef CUDA_ON_CPU_LOAD

#define CUDA_ON_CPU_STORE(name, store)              \
  template <class T>                                \
  void name(T* to, std::type_identity_t<T> value) { \
    cuda_on_cpu::store(to, value);                  \
  }
CUDA_ON_CPU_STORE(__stwb, aligned_store)
CUDA_ON_CPU_STORE(__stcg, store_past_first_cache)
CUDA_ON_CPU_STORE(__stcs, aligned_store)
CUDA_ON_CPU_STORE(__stwt, store_past_first_cache)
#undef CUDA_ON_CPU_STORE

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }

inline unsigned long long __brevll(unsigned long long x) {
  unsigned long long reversed = 0;
  for (int i = 0; i < 64; ++i) reversed |= (x >> i & 1) << (63 - i);
  return reversed;
}
inline unsigned __brev(unsigned x) { return static_cast<unsigned>(__brevll(x) >> 32); }

inline unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32);
}
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<long long>(x) * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(x) * y >> 64);
}
inline long long __mul64hi(long long x, long long y) {
  __extension__ using Wide = __int128;
  return static_cast<long long>(static_cast<Wide>(x) * y >> 64);
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) >> (shift & 31));
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(y) << 32 | x;
  unsigned out = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned choice = selector >> (4 * i) & 15;
    unsigned byte = static_cast<unsigned>(bytes >> (8 * (choice & 7))) & 255;
    if (choice & 8) byte = byte & 128 ? 255 : 0;
    out |= byte << (8 * i);
  }
  return out;
}

#define CUDA_ON_CPU_LEAST_AND_MOST(Result, A, B)                                                              \
  inline Result min(A a, B b) {                                                                               \
    return static_cast<Result>(b) < static_cast<Result>(a) ? static_cast<Result>(b) : static_cast<Result>(a); \
  }                                                                                                           \
  inline Result max(A a, B b) {                                                                               \
    return static_cast<Result>(a) < static_cast<Result>(b) ? static_cast<Result>(b) : static_cast<Result>(a); \
  }
CUDA_ON_CPU_LEAST_AND_MOST(int, int, int)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned, unsigned, unsigned)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned, int, unsigned)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned, unsigned, int)
CUDA_ON_CPU_LEAST_AND_MOST(long, long, long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long, unsigned long, unsigned long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long, long, unsigned long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long, unsigned long, long)
CUDA_ON_CPU_LEAST_AND_MOST(long long, long long, long long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long long, unsigned long long, unsigned long long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long long, long long, unsigned long long)
CUDA_ON_CPU_LEAST_AND_MOST(unsigned long long, unsigned long long, long long)
#undef CUDA_ON_CPU_LEAST_AND_MOST
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
inline double min(float a, double b) { return std::fmin(static_cast<double>(a), b); }
inline double max(float a, double b) { return std::fmax(static_cast<double>(a), b); }
inline double min(double a, float b) { return std::fmin(a, static_cast<double>(b)); }
inline double max(double a, float b) { return std::fmax(a, static_cast<double>(b)); }

inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return std::sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return std::fma(x, y, z); }

inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

inline void __threadfence() {
  static char fences;
  cuda_on_cpu::hear(&fences);
  cuda_on_cpu::tell(&fences);
}
inline void __threadfence_block() { __threadfence(); }
inline void __threadfence_system() { __threadfence(); }
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap() { cuda_on_cpu::stop("a kernel called __trap"); }
