// SPDX-License-Identifier: Apache-2.0
// Updates with weights in double precision, which every table has: where weights are beyond 2^29, exponentials, and
// units one after the other. Sums are made in the order of the CPU's, kSumLanes lanes and these by halves, so that
// states are the same bit by bit even where they are rounded; integers are added by whole blocks.
//
// Bottleneck: additions in double precision, one for each state, unit and pattern; units one after the other wait for
// one another, and only the states of a call go side by side.
#include "recall.cuh"

namespace hypersketch::cuda {
namespace {

constexpr auto kLanes = static_cast<unsigned>(kSumLanes);

// Weights of all patterns for the state of this block, its offset and its guard; all threads get them.
struct OwnWeights {
  double offset;
  double guard;
};

__device__ OwnWeights refresh(RecallNumbers numbers, const std::int32_t* distances, size_t n, double* values) {
  std::int32_t top = numbers.exact ? 0 : INT32_MIN;
  if (!numbers.exact)
    for (size_t m = threadIdx.x; m < n; m += kThreads) {
      const std::int32_t d = distances[m];
      const std::int32_t a = __ldg(numbers.weights.exponents + d), b = __ldg(numbers.offsets.exponents + d);
      top = max(top, max(a, b));
    }
  top = block_max(top);
  const TwoSums sums = sum_terms(n, numbers.order_free, [&](size_t m) {
    const std::int32_t d = distances[m];
    const double weight =
        scaled_to(__ldg(numbers.weights.mantissas + d), std::int64_t{__ldg(numbers.weights.exponents + d)} - top);
    const double offset =
        scaled_to(__ldg(numbers.offsets.mantissas + d), std::int64_t{__ldg(numbers.offsets.exponents + d)} - top);
    values[m] = weight;
    return TwoSums{offset, fabs(weight) + fabs(offset)};
  });
  constexpr double kExact = 9007199254740992.0, kTwoRoundings = 2.220446049250313e-16;
  const double guard =
      numbers.exact && sums.b < kExact ? 0.0 : __dmul_rn(__dmul_rn(static_cast<double>(n + 16), kTwoRoundings), sums.b);
  return {sums.a, guard};
}

// Whether a unit turns, whose field without the state's own share is `sum`.
__device__ __forceinline__ bool turns(bool bit, double sum, OwnWeights own) {
  return (bit ? -sum : sum) + own.offset < -own.guard;
}

__device__ __forceinline__ double signed_value(const uint64_t* unit, const double* values, size_t m) {
  return bit_of(unit, m) ? -values[m] : values[m];
}

__global__ void __launch_bounds__(kThreads)
    weigh_kernel(RecallNumbers numbers, const std::int32_t* distances, size_t n, Weighed weighed) {
  const size_t q = blockIdx.x;
  const OwnWeights own = refresh(numbers, distances + q * n, n, weighed.values + q * n);
  if (threadIdx.x != 0) return;
  weighed.offsets[q] = own.offset;
  weighed.guards[q] = own.guard;
}

__global__ void __launch_bounds__(kThreads) turn_units(PatternBits patterns, Weighed weighed, Sweep sweep) {
  const size_t item = thread_index() / kLanes, n_items = sweep.n * patterns.dim;
  const unsigned lane = threadIdx.x % kLanes;
  const size_t at = item < n_items ? item : n_items - 1, q = at / patterns.dim, i = at % patterns.dim;
  const uint64_t* const unit = patterns.units + i * words_for(patterns.n);
  const double* const values = weighed.values + q * patterns.n;
  double sum = 0;
  for (size_t m = lane; m < patterns.n; m += kLanes) sum += signed_value(unit, values, m);
  for (unsigned half = kLanes / 2; half > 0; half /= 2) {
    const double other = __shfl_down_sync(kWholeWarp, sum, half, kLanes);
    if (lane < half) sum += other;
  }
  if (lane != 0 || item >= n_items) return;
  uint64_t* const state = sweep.states + q * sweep.n_words;
  const OwnWeights own{weighed.offsets[q], weighed.guards[q]};
  if (turns(bit_of(state, i), sum, own))
    atomicXor(halves_of(sweep.next + q * sweep.n_words) + i / kWarp, 1U << (i % kWarp));
}

// A state's block. Threads beyond the lanes help where no order is to be kept.
struct Walk {
  PatternBits patterns;
  RecallNumbers numbers;
  std::int32_t* distances;
  double* values;
  uint64_t* state;

  __device__ OwnWeights weigh() const { return refresh(numbers, distances, patterns.n, values); }

  __device__ double field(size_t i) const {
    double* const shared = shared_memory<double>();
    const unsigned lanes = numbers.order_free ? kThreads : kLanes;
    const uint64_t* const unit = patterns.units + i * words_for(patterns.n);
    double sum = 0;
    if (threadIdx.x < lanes)
      for (size_t m = threadIdx.x; m < patterns.n; m += lanes) sum += signed_value(unit, values, m);
    shared[threadIdx.x] = sum;
    for (unsigned half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    }
    __syncthreads();
    const double all = shared[0];
    __syncthreads();
    return all;
  }

  __device__ void turn(size_t i) const {
    const bool now = !(state[i / kWordBits] >> (i % kWordBits) & 1);
    __syncthreads();
    if (threadIdx.x == 0) state[i / kWordBits] ^= uint64_t{1} << (i % kWordBits);
    const uint64_t* const unit = patterns.units + i * words_for(patterns.n);
    for (size_t m = threadIdx.x; m < patterns.n; m += kThreads) distances[m] += bit_of(unit, m) != now ? 1 : -1;
    __syncthreads();
  }
};

__global__ void __launch_bounds__(kThreads)
    walk_kernel(PatternBits patterns, RecallNumbers numbers, std::int32_t* distances, Weighed weighed,
                const std::int64_t* order, Sweep sweep) {
  const size_t q = blockIdx.x;
  if (sweep.answers.converged[q]) return;
  const Walk walk{patterns, numbers, distances + q * patterns.n, weighed.values + q * patterns.n,
                  sweep.states + q * sweep.n_words};
  OwnWeights own = walk.weigh();
  bool changed = false;
  for (size_t k = 0; k < patterns.dim; ++k) {
    const auto i = static_cast<size_t>(__ldg(order + k));
    const double sum = walk.field(i);
    if (!turns((walk.state[i / kWordBits] >> (i % kWordBits) & 1) != 0, sum, own)) continue;
    changed = true;
    walk.turn(i);
    own = walk.weigh();
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  ++sweep.answers.sweeps[q];
  sweep.answers.converged[q] = !changed;
  if (changed) atomicAdd(sweep.going, 1U);
}

}  // namespace

void step_by_reals(Place place, PatternBits patterns, RecallNumbers numbers, const std::int32_t* distances,
                   Weighed weighed, const Sweep& sweep) {
  launch(place, {static_cast<unsigned>(sweep.n), kThreads, kSumsBytes}, weigh_kernel, numbers, distances, patterns.n,
         weighed);
  launch(place, grid_for(sweep.n * patterns.dim * kLanes), turn_units, patterns, weighed, sweep);
}

void walk_units(Place place, PatternBits patterns, RecallNumbers numbers, std::int32_t* distances, Weighed weighed,
                const std::int64_t* order, const Sweep& sweep) {
  clear(place, sweep.going, sizeof(unsigned));
  launch(place, {static_cast<unsigned>(sweep.n), kThreads, kSumsBytes}, walk_kernel, patterns, numbers, distances,
         weighed, order, sweep);
}

}  // namespace hypersketch::cuda
