// SPDX-License-Identifier: Apache-2.0
// CUDA's atomic operations, for the types that CUDA has them for. One thread runs at a time, so a load and
// a store do; ThreadSanitizer sees that they are atomic. Integers wrap around.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "numbers.hpp"

namespace cuda_on_cpu {

template <class T, class Next>
T exchange(T* at, Next next) {
  if (reinterpret_cast<std::uintptr_t>(at) % alignof(T) != 0) stop("an atomic of %zu bytes is misaligned", sizeof(T));
  T old;
  __atomic_load(at, &old, __ATOMIC_RELAXED);
  T now = next(old);
  __atomic_store(at, &now, __ATOMIC_RELAXED);
  return old;
}

template <class T>
T wrapping_sum(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_ATOMIC(name, T, expression)                                   \
  inline T name(T* at, T value) {                                                 \
    return cuda_on_cpu::exchange(at, [value](T old) -> T { return expression; }); \
  }
#define CUDA_ON_CPU_ATOMIC_INTEGERS(name, expression) \
  CUDA_ON_CPU_ATOMIC(name, int, expression)           \
  CUDA_ON_CPU_ATOMIC(name, unsigned, expression)      \
  CUDA_ON_CPU_ATOMIC(name, unsigned long long, expression)

CUDA_ON_CPU_ATOMIC_INTEGERS(atomicAdd, cuda_on_cpu::wrapping_sum(old, value))
CUDA_ON_CPU_ATOMIC(atomicAdd, float, old + value)
CUDA_ON_CPU_ATOMIC(atomicAdd, double, old + value)
CUDA_ON_CPU_ATOMIC(atomicSub, int, static_cast<int>(static_cast<unsigned>(old) - static_cast<unsigned>(value)))
CUDA_ON_CPU_ATOMIC(atomicSub, unsigned, old - value)
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicOr, old | value)
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicAnd, old& value)
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicXor, old ^ value)
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicMin, std::min(old, value))
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicMax, std::max(old, value))
CUDA_ON_CPU_ATOMIC(atomicMin, long long, std::min(old, value))
CUDA_ON_CPU_ATOMIC(atomicMax, long long, std::max(old, value))
CUDA_ON_CPU_ATOMIC_INTEGERS(atomicExch, (static_cast<void>(old), value))
CUDA_ON_CPU_ATOMIC(atomicExch, float, (static_cast<void>(old), value))
CUDA_ON_CPU_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
CUDA_ON_CPU_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
#undef CUDA_ON_CPU_ATOMIC_INTEGERS
#undef CUDA_ON_CPU_ATOMIC

#define CUDA_ON_CPU_COMPARE_AND_SWAP(T)                                                         \
  inline T atomicCAS(T* at, T compare, T value) {                                               \
    return cuda_on_cpu::exchange(at, [=](T old) -> T { return old == compare ? value : old; }); \
  }
CUDA_ON_CPU_COMPARE_AND_SWAP(unsigned short)
CUDA_ON_CPU_COMPARE_AND_SWAP(int)
CUDA_ON_CPU_COMPARE_AND_SWAP(unsigned)
CUDA_ON_CPU_COMPARE_AND_SWAP(unsigned long long)
#undef CUDA_ON_CPU_COMPARE_AND_SWAP
