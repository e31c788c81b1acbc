// SPDX-License-Identifier: Apache-2.0
// What the updates of states share: the states of a call, sums as the CPU adds them, and how a sweep ends.
#pragma once

#include "hypersketch/bits.hpp"
#include "hypersketch/simd.hpp"
#include "recall.hpp"
#include "rows.cuh"

namespace hypersketch::cuda {

__device__ __forceinline__ bool bit_of(const uint64_t* words, size_t i) {
  return (__ldg(words + i / kWordBits) >> (i % kWordBits) & 1) != 0;
}

__host__ __device__ inline unsigned* halves_of(uint64_t* words) { return reinterpret_cast<unsigned*>(words); }

// States that are updated together. A sweep reads `states` and writes `next`, which begins as a copy.
struct Sweep {
  uint64_t* states;
  uint64_t* next;
  uint64_t* before;  // of the sweep before
  size_t n;
  size_t n_words;
  RecallAnswers answers;
  unsigned* going;  // how many have not ended
};

// recall.cu: ends a sweep of all units at once; which states stay, and which go round in circles of two.
void end_sweep(Place place, const Sweep& sweep);

// Memory of a sweep, and looks at how many states are still on their way. The host looks after two sweeps, and then
// after every fourth: waiting costs as much as a small sweep.
class SweepMemory {
 public:
  SweepMemory(Place place, uint64_t* states, size_t n, size_t n_words, RecallAnswers answers);
  const Sweep& view() const { return sweep_; }
  // Whether sweep number `sweep` must not follow, as far as the host has looked.
  bool is_over(size_t sweep) const { return sweep % 4 == 2 && nothing_goes(); }
  bool nothing_goes() const;

 private:
  Place place_;
  Scratch<uint64_t> next_, before_;
  Scratch<unsigned> going_;
  Sweep sweep_;
};

// ---- a block's sums of doubles

inline constexpr size_t kSumsBytes = (2 * kThreads + 2) * sizeof(double);  // of shared memory

struct TwoSums {
  double a;
  double b;
};

// Adds terms(m) for m < n, two at a time: in their order where the CPU's rounding must come out, and otherwise in any.
template <class Terms>
__device__ __forceinline__ TwoSums sum_terms(size_t n, bool any_order, Terms terms) {
  double* const shared = shared_memory<double>();
  double* const all = shared + 2 * kThreads;
  const unsigned which = threadIdx.x / kWarp;
  const bool adds = threadIdx.x % kWarp == 0 && which < 2;
  TwoSums own{0, 0};
  double ordered = 0;
  for (size_t first = 0; first < n; first += kThreads) {
    const size_t m = first + threadIdx.x;
    const TwoSums term = m < n ? terms(m) : TwoSums{0, 0};
    if (any_order) {
      own.a += term.a;
      own.b += term.b;
      continue;
    }
    shared[threadIdx.x] = term.a;
    shared[kThreads + threadIdx.x] = term.b;
    __syncthreads();
    const unsigned count = n - first < kThreads ? static_cast<unsigned>(n - first) : kThreads;
    if (adds)
      for (unsigned i = 0; i < count; ++i) ordered += shared[which * kThreads + i];
    __syncthreads();
  }
  if (any_order) {
    shared[threadIdx.x] = own.a;
    shared[kThreads + threadIdx.x] = own.b;
    __syncthreads();
    if (adds)
      for (unsigned i = 0; i < kThreads; ++i) ordered += shared[which * kThreads + i];
  }
  if (adds) all[which] = ordered;
  __syncthreads();
  const TwoSums sums{all[0], all[1]};
  __syncthreads();  // before anybody writes there again
  return sums;
}

// The largest of what threads have.
__device__ __forceinline__ std::int32_t block_max(std::int32_t value) {
  auto* const shared = shared_memory<std::int32_t>();
  value = __reduce_max_sync(kWholeWarp, value);
  if (threadIdx.x % kWarp == 0) shared[threadIdx.x / kWarp] = value;
  __syncthreads();
  for (unsigned i = 0; i < kThreads / kWarp; ++i) value = shared[i] > value ? shared[i] : value;
  __syncthreads();
  return value;
}

// mantissa * 2^power for power <= 0; what would be subnormal is 0, as on the CPU.
__device__ __forceinline__ double scaled_to(double mantissa, std::int64_t power) {
  if (power == 0) return mantissa;
  return power < -1000 ? 0.0 : ldexp(mantissa, static_cast<int>(power));
}

// ---- recall_reals.cu: weights in double precision

// What is known of every state before its units are updated: weights of the patterns, and of the state itself.
struct Weighed {
  double* values;   // n_patterns a state
  double* offsets;  // one a state, as the next
  double* guards;   // a field closer to zero has no certain sign
};

// All units at once, into sweep.next.
void step_by_reals(Place place, PatternBits patterns, RecallNumbers numbers, const std::int32_t* distances,
                   Weighed weighed, const Sweep& sweep);
// One unit after the other, in place; `order` is device memory, and distances go along.
void walk_units(Place place, PatternBits patterns, RecallNumbers numbers, std::int32_t* distances, Weighed weighed,
                const std::int64_t* order, const Sweep& sweep);

}  // namespace hypersketch::cuda
