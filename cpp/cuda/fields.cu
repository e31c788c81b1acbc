// SPDX-License-Identifier: Apache-2.0
// States that follow fields in double precision: those of Storkey's and the pseudo-inverse rule, whose weights are
// products of thin matrices. All units at once are two products of matrices a sweep; one after the other, a block a
// state keeps its product with v up to date.
#include "hypersketch/bits.hpp"
#include "matmul.hpp"
#include "recall.cuh"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{256} << 20;  // of states that are updated together
#else
constexpr size_t kPieceBytes = size_t{4} << 10;  // in tests, for several pieces
#endif

__device__ __forceinline__ bool is_minus(const uint64_t* state, size_t i) {
  return (state[i / kWordBits] >> (i % kWordBits) & 1) != 0;
}

// What unit i of a state would gain by its field: positive where it should stay.
__device__ __forceinline__ double stay(const Fields& fields, double product, bool minus, size_t i) {
  return (minus ? -product : product) - fields.diagonal[i];
}

// A warp decides 32 units of `next`.
__global__ void turn_kernel(Fields fields, const double* products, Sweep sweep) {
  const size_t n_halves = 2 * sweep.n_words, n_warps = size_t{gridDim.x} * blockDim.x / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  for (size_t w = thread_index() / kWarp; w < sweep.n * n_halves; w += n_warps) {
    const size_t q = w / n_halves, i = w % n_halves * kWarp + lane;
    bool minus = false;
    if (i < fields.dim) {
      minus = is_minus(sweep.states + q * sweep.n_words, i);
      if (stay(fields, products[q * fields.dim + i], minus, i) < -fields.tie) minus = !minus;
    }
    const unsigned bits = __ballot_sync(kWholeWarp, minus);
    if (lane == 0) halves_of(sweep.next)[w] = bits;
  }
}

__global__ void __launch_bounds__(kThreads) energy_kernel(Fields fields, const double* products, Sweep sweep) {
  const size_t q = blockIdx.x;
  const TwoSums sums = sum_terms(fields.dim, true, [&](size_t i) {
    const bool minus = is_minus(sweep.states + q * sweep.n_words, i);
    return TwoSums{stay(fields, products[q * fields.dim + i], minus, i), 0};
  });
  if (threadIdx.x != 0) return;
  sweep.answers.values[q] = -0.5 * sums.a;
  sweep.answers.exponents[q] = 0;
}

__global__ void __launch_bounds__(kThreads)
    walk_kernel(Fields fields, double* thin, const std::int64_t* order, Sweep sweep) {
  const size_t q = blockIdx.x;
  if (sweep.answers.converged[q]) return;
  uint64_t* const state = sweep.states + q * sweep.n_words;
  double* const own = thin + q * fields.rank;
  bool changed = false;
  for (size_t k = 0; k < fields.dim; ++k) {
    const auto i = static_cast<size_t>(__ldg(order + k));
    const double* const u = fields.u + i * fields.rank;
    const double product = sum_terms(fields.rank, true, [&](size_t r) { return TwoSums{own[r] * u[r], 0}; }).a;
    const bool minus = is_minus(state, i);
    if (stay(fields, product, minus, i) >= -fields.tie) continue;
    changed = true;
    __syncthreads();
    if (threadIdx.x == 0) state[i / kWordBits] ^= uint64_t{1} << (i % kWordBits);
    const double* const v = fields.v + i * fields.rank;
    for (size_t r = threadIdx.x; r < fields.rank; r += kThreads) own[r] += (minus ? 2.0 : -2.0) * v[r];
    __syncthreads();
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  ++sweep.answers.sweeps[q];
  sweep.answers.converged[q] = !changed;
  if (changed) atomicAdd(sweep.going, 1U);
}

// States that are updated together.
class FieldSweeps {
 public:
  FieldSweeps(Place place, Fields fields, RecallRule rule, uint64_t* states, size_t n, RecallAnswers answers)
      : place_(place),
        fields_(fields),
        rule_(rule),
        memory_(place, states, n, words_for(fields.dim), answers),
        signs_(place, n * fields.dim),
        thin_(place, fields.v == nullptr ? 0 : n * fields.rank),
        products_(place, n * fields.dim) {}

  void run() const {
    rule_.synchronous ? settle() : walk();
    multiply_states();
    launch(place_, {static_cast<unsigned>(sweep().n), kThreads, kSumsBytes}, energy_kernel, fields_, products_.data(),
           sweep());
  }

 private:
  const Sweep& sweep() const { return memory_.view(); }

  void multiply_thin() const {
    unpack_entries<double>(place_, sweep().states, sweep().n, fields_.dim, signs_.data());
    if (fields_.v == nullptr) return;
    multiply<double>(place_, {signs_.data(), fields_.dim, 1}, {fields_.v, fields_.rank, 1},
                     {sweep().n, fields_.dim, fields_.rank}, nullptr, 1.0, thin_.data());
  }

  void multiply_states() const {
    multiply_thin();
    const bool formed = fields_.v == nullptr;
    const size_t depth = formed ? fields_.dim : fields_.rank;
    multiply<double>(place_, {formed ? signs_.data() : thin_.data(), depth, 1}, {fields_.u, 1, depth},
                     {sweep().n, depth, fields_.dim}, nullptr, 1.0, products_.data());
  }

  void settle() const {
    for (size_t i = 0; i < rule_.budget && !memory_.is_over(i); ++i) {
      multiply_states();
      launch(place_, grid_for(sweep().n * 2 * sweep().n_words * kWarp), turn_kernel, fields_, products_.data(),
             sweep());
      end_sweep(place_, sweep());
    }
  }

  void walk() const {
    const Scratch<std::int64_t> order(place_, fields_.dim);
    std::vector<size_t> units;
    for (size_t i = 0; i < rule_.budget; ++i) {
      if (i == 0 || rule_.order == nullptr) {
        order_units(rule_, i, units);
        copy_from_host(place_, order.data(), units.data(), units.size() * sizeof(size_t));
      }
      multiply_thin();
      clear(place_, sweep().going, sizeof(unsigned));
      launch(place_, {static_cast<unsigned>(sweep().n), kThreads, kSumsBytes}, walk_kernel, fields_, thin_.data(),
             order.data(), sweep());
      if (memory_.nothing_goes()) return;
    }
  }

  Place place_;
  Fields fields_;
  RecallRule rule_;
  SweepMemory memory_;
  Scratch<double> signs_, thin_, products_;
};

}  // namespace

void follow_fields(Place place, Fields fields, RecallRule rule, uint64_t* states, size_t n, RecallAnswers answers) {
  const OnDevice on(place.device);
  const size_t n_words = words_for(fields.dim), a_state = (2 * fields.dim + fields.rank) * sizeof(double);
  const size_t step = std::clamp<size_t>(kPieceBytes / a_state, 1, size_t{1} << 20);
  for (size_t first = 0; first < n; first += step)
    FieldSweeps(place, fields, rule, states + first * n_words, std::min(step, n - first),
                {answers.values + first, answers.exponents + first, answers.sweeps + first, answers.converged + first,
                 answers.cycles + first})
        .run();
}

}  // namespace hypersketch::cuda
