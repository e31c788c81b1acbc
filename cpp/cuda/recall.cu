// SPDX-License-Identifier: Apache-2.0
// States that follow the energy of packed patterns. Two products of bits a sweep, both by binary tensor cores:
// distances of all states from all patterns, and fields, for which the patterns' integer weights are cut into planes of
// bits, so that the field of a unit is a sum of bits in common, one power of two a plane. Nothing leaves the device
// between sweeps but, now and then, whether any state is still on its way. No sum is rounded, so the result is the
// CPU's.
//
// Bottleneck: tile products, (1 + planes) * states * units * patterns bits: for Hebb's rule and N units log2(N) + 2
// planes. With few states, the patterns' bytes, read twice a sweep.
#include "common_bits.cuh"
#include "recall.cuh"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{256} << 20;  // of scratch memory for states that are updated together
#else
constexpr size_t kPieceBytes = size_t{16} << 10;  // in tests, for several pieces of few states
#endif
constexpr unsigned kTiles = 2, kStates = kTiles * kTileColumns;  // of a warp
constexpr unsigned kBlocksAProcessor = 8;

// ---- planes of bits

struct Planes {
  uint64_t* words;  // plane p of state q is row p * n_padded + q
  size_t n_padded;
  size_t n_words;
  std::int64_t* sums;  // of a state's weights and of its offsets
};

// Block b takes every n_splits-th group of 8 * 32 patterns of state b / n_splits.
__global__ void __launch_bounds__(kThreads)
    plane_kernel(RecallNumbers numbers, const std::int32_t* distances, size_t n, unsigned n_splits, Planes planes) {
  const size_t q = blockIdx.x / n_splits, n_halves = 2 * planes.n_words;
  const unsigned lane = threadIdx.x % kWarp, split = blockIdx.x % n_splits;
  std::int64_t weights = 0, offsets = 0;
  for (size_t half = size_t{split} * kWarps + threadIdx.x / kWarp; half < n_halves; half += size_t{n_splits} * kWarps) {
    const size_t m = half * kWarp + lane;
    std::int32_t weight = 0;
    if (m < n) {
      const std::int32_t d = distances[q * n + m];
      weight = __ldg(numbers.whole_weights + d);
      offsets += __ldg(numbers.whole_offsets + d);
    }
    weights += weight;
    unsigned mine = 0;
    for (unsigned p = 0; p < numbers.n_planes; ++p) {
      const unsigned plane = __ballot_sync(kWholeWarp, (weight >> p & 1) != 0);
      if (lane == p) mine = plane;
    }
    if (lane < numbers.n_planes) halves_of(planes.words)[(lane * planes.n_padded + q) * n_halves + half] = mine;
  }
  weights = sum_of_warp(weights);
  offsets = sum_of_warp(offsets);
  if (lane != 0) return;
  add_to(planes.sums + 2 * q, weights);
  add_to(planes.sums + 2 * q + 1, offsets);
}

// A warp's 32 units are 32 bits of each of its states. Planes are weighed by doubling, from the sign's on.
template <bool kWide>
__global__ void __launch_bounds__(kThreads, 2)
    turn_kernel(ScanRows units, ScanQueries columns, unsigned n_planes, size_t n_padded, const std::int64_t* sums,
                unsigned n_groups, Sweep sweep) {
  const unsigned group = blockIdx.x % n_groups, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const size_t tile_of_units = size_t{blockIdx.x / n_groups} * kWarps + threadIdx.x / kWarp;
  const size_t first = tile_of_units * kRowsAWarp;
  if (first >= units.n) return;
  std::int64_t totals[kTiles][8] = {};
  for (unsigned p = n_planes; p-- > 0;) {
    CommonBits<kTiles> bits;
    bits.clear();
    bits.template add<kWide, false>(units, first, columns, p * (n_padded / kTileColumns) + size_t{group} * kTiles);
#pragma unroll
    for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
      for (unsigned i = 0; i < 8; ++i) {
        const std::int64_t common = bits.common(tile, i);
        totals[tile][i] = 2 * totals[tile][i] + (p + 1 == n_planes ? -common : common);
      }
  }
#pragma unroll
  for (unsigned tile = 0; tile < kTiles; ++tile)
#pragma unroll
    for (unsigned odd = 0; odd < 2; ++odd) {
      const size_t q = size_t{group} * kStates + tile * kTileColumns + 2 * t + odd;
      const bool is_there = q < sweep.n;
      const size_t at = (is_there ? q : 0) * 2 * sweep.n_words + tile_of_units;
      const unsigned state = halves_of(sweep.states)[at];
      const std::int64_t weights = sums[is_there ? 2 * q : 0], offset = sums[is_there ? 2 * q + 1 : 1];
      unsigned turned = 0;
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned unit = g + 8 * i;
        const std::int64_t field = weights - 2 * totals[tile][2 * i + odd];
        const bool turns = ((state >> unit & 1) != 0 ? -field : field) + offset < 0;
        turned |= (turns && first + unit < units.n ? 1U : 0U) << unit;
      }
      for (int delta = 4; delta < 32; delta *= 2) turned |= __shfl_xor_sync(kWholeWarp, turned, delta);
      if (g == 0 && is_there) halves_of(sweep.next)[at] = state ^ turned;
    }
}

// ---- the end of a sweep, and of all of them

// A warp a state.
__global__ void __launch_bounds__(kThreads) settle_kernel(Sweep sweep) {
  const size_t q = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (q >= sweep.n || sweep.answers.converged[q] || sweep.answers.cycles[q]) return;
  uint64_t* const state = sweep.states + q * sweep.n_words;
  uint64_t* const before = sweep.before + q * sweep.n_words;
  const uint64_t* const next = sweep.next + q * sweep.n_words;
  bool stays = true, returns = true;
  for (size_t j = lane; j < sweep.n_words; j += kWarp) {
    stays = stays && next[j] == state[j];
    returns = returns && next[j] == before[j];
    before[j] = state[j];
    state[j] = next[j];
  }
  stays = __all_sync(kWholeWarp, stays);
  returns = __all_sync(kWholeWarp, returns);
  __syncwarp();  // all have read whether there is something to do
  if (lane != 0) return;
  const bool circles = !stays && returns && sweep.answers.sweeps[q] > 0;
  ++sweep.answers.sweeps[q];
  sweep.answers.converged[q] = stays;
  sweep.answers.cycles[q] = circles;
  if (!stays && !circles) atomicAdd(sweep.going, 1U);
}

__global__ void __launch_bounds__(kThreads)
    energy_kernel(ScaledColumn numbers, bool order_free, const std::int32_t* distances, size_t n,
                  RecallAnswers answers) {
  const std::int32_t* const own = distances + blockIdx.x * n;
  std::int32_t top = INT32_MIN;
  for (size_t m = threadIdx.x; m < n; m += kThreads) top = max(top, __ldg(numbers.exponents + own[m]));
  top = block_max(top);
  const TwoSums sums = sum_terms(n, order_free, [&](size_t m) {
    const std::int64_t power = std::int64_t{__ldg(numbers.exponents + own[m])} - top;
    return TwoSums{scaled_to(__ldg(numbers.mantissas + own[m]), power), 0};
  });
  if (threadIdx.x != 0) return;
  answers.values[blockIdx.x] = sums.a;
  answers.exponents[blockIdx.x] = top;
}

// ---- states that are updated together

RecallAnswers from(RecallAnswers answers, size_t first) {
  return {answers.values + first, answers.exponents + first, answers.sweeps + first, answers.converged + first,
          answers.cycles + first};
}

class Together {
 public:
  Together(Place place, PatternBits patterns, RecallNumbers numbers, RecallRule rule, uint64_t* states, size_t n,
           RecallAnswers answers)
      : place_(place),
        patterns_(patterns),
        numbers_(numbers),
        rule_(rule),
        n_words_(words_for(patterns.dim)),
        distances_(place, n * patterns.n),
        memory_(place, states, n, n_words_, answers) {}

  void run() const {
    if (rule_.budget != 0 && rule_.synchronous)
      settle();
    else if (rule_.budget != 0)
      walk();
    if (rule_.synchronous || rule_.budget == 0) find_distances();
    launch(place_, {static_cast<unsigned>(sweep().n), kThreads, kSumsBytes}, energy_kernel, numbers_.energies,
           numbers_.free_energies, distances_.data(), patterns_.n, sweep().answers);
  }

 private:
  const Sweep& sweep() const { return memory_.view(); }

  void find_distances() const {
    all_distances(place_, {patterns_.rows, patterns_.n, n_words_}, {sweep().states, sweep().n, n_words_}, patterns_.dim,
                  {distances_.data(), 1, patterns_.n});
  }

  void copy_states() const { copy(place_, sweep().next, sweep().states, sweep().n * n_words_ * sizeof(uint64_t)); }

  void settle() const {
    const bool whole = numbers_.whole_weights != nullptr;
    const size_t n = sweep().n, n_padded = tiles_of(n, kStates) * kStates;
    const Scratch<uint64_t> planes(place_, whole ? n_padded * numbers_.n_planes * words_for(patterns_.n) : 0);
    const Scratch<std::int64_t> sums(place_, whole ? 2 * n : 0);
    const Scratch<double> reals(place_, whole ? 0 : n * (patterns_.n + 2));
    clear(place_, planes.data(), whole ? n_padded * numbers_.n_planes * words_for(patterns_.n) * sizeof(uint64_t) : 0);
    for (size_t i = 0; i < rule_.budget && !memory_.is_over(i); ++i) {
      find_distances();
      copy_states();
      if (whole)
        step_by_planes({planes.data(), n_padded, words_for(patterns_.n), sums.data()});
      else
        step_by_reals(place_, patterns_, numbers_, distances_.data(), weighed_in(reals.data()), sweep());
      end_sweep(place_, sweep());
    }
  }

  Weighed weighed_in(double* reals) const {
    double* const offsets = reals + sweep().n * patterns_.n;
    return {reals, offsets, offsets + sweep().n};
  }

  void step_by_planes(Planes planes) const {
    const size_t n = sweep().n;
    const auto processors = static_cast<size_t>(device_attribute(place_.device, cudaDevAttrMultiProcessorCount));
    const size_t most = tiles_of(2 * planes.n_words, kWarps);
    const size_t n_splits = std::clamp<size_t>(kBlocksAProcessor * processors / n, 1, most);
    clear(place_, planes.sums, 2 * n * sizeof(std::int64_t));
    launch(place_, {static_cast<unsigned>(n * n_splits), kThreads}, plane_kernel, numbers_, distances_.data(),
           patterns_.n, static_cast<unsigned>(n_splits), planes);
    const ScanRows units = scan_rows({patterns_.units, patterns_.dim, planes.n_words}, patterns_.n);
    const ArrangedColumns columns(place_, {planes.words, planes.n_padded * numbers_.n_planes, planes.n_words},
                                  patterns_.n, units.n_chunks);
    const size_t n_groups = planes.n_padded / kStates, n_blocks = tiles_of(units.n, size_t{kRowsAWarp} * kWarps);
    launch(place_, {static_cast<unsigned>(n_groups * n_blocks), kThreads},
           is_wide(units) ? turn_kernel<true> : turn_kernel<false>, units, columns.view(), numbers_.n_planes,
           planes.n_padded, planes.sums, static_cast<unsigned>(n_groups), sweep());
  }

  void walk() const {
    const Scratch<double> reals(place_, sweep().n * (patterns_.n + 2));
    const Scratch<std::int64_t> order(place_, patterns_.dim);
    std::vector<size_t> units;
    find_distances();
    for (size_t i = 0; i < rule_.budget; ++i) {
      if (i == 0 || rule_.order == nullptr) {
        order_units(rule_, i, units);
        static_assert(sizeof(size_t) == sizeof(std::int64_t));
        copy_from_host(place_, order.data(), units.data(), units.size() * sizeof(size_t));
      }
      walk_units(place_, patterns_, numbers_, distances_.data(), weighed_in(reals.data()), order.data(), sweep());
      if (memory_.nothing_goes()) return;
    }
  }

  Place place_;
  PatternBits patterns_;
  RecallNumbers numbers_;
  RecallRule rule_;
  size_t n_words_;
  Scratch<std::int32_t> distances_;
  SweepMemory memory_;
};

}  // namespace

SweepMemory::SweepMemory(Place place, uint64_t* states, size_t n, size_t n_words, RecallAnswers answers)
    : place_(place),
      next_(place, n * n_words),
      before_(place, n * n_words),
      going_(place, 1),
      sweep_{states, next_.data(), before_.data(), n, n_words, answers, going_.data()} {
  clear(place, answers.sweeps, n * sizeof(std::int64_t));
  clear(place, answers.converged, n);
  clear(place, answers.cycles, n);
  clear(place, before_.data(), n * n_words * sizeof(uint64_t));
}

bool SweepMemory::nothing_goes() const {
  unsigned going = 0;
  copy_to_host(place_, &going, going_.data(), sizeof going);
  return going == 0;
}

void end_sweep(Place place, const Sweep& sweep) {
  clear(place, sweep.going, sizeof(unsigned));
  launch(place, grid_for(sweep.n * kWarp), settle_kernel, sweep);
}

void recall(Place place, PatternBits patterns, RecallNumbers numbers, RecallRule rule, uint64_t* states, size_t n,
            RecallAnswers answers) {
  const OnDevice on(place.device);
  const size_t n_words = words_for(patterns.dim);
  const size_t a_pattern = sizeof(std::int32_t) + (numbers.whole_weights == nullptr ? 8 : numbers.n_planes / 4 + 1);
  const size_t a_state = patterns.n * a_pattern + 3 * n_words * sizeof(uint64_t);
  const size_t step = std::clamp<size_t>(kPieceBytes / a_state, 1, size_t{1} << 20) + kStates - 1;
  for (size_t first = 0; first < n; first += step / kStates * kStates) {
    const size_t count = std::min(step / kStates * kStates, n - first);
    Together(place, patterns, numbers, rule, states + first * n_words, count, from(answers, first)).run();
  }
}

}  // namespace hypersketch::cuda
