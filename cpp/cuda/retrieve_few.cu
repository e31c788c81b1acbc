// SPDX-License-Identifier: Apache-2.0
// Steps from few patterns, of which the host sees nothing: candidates are listed in device memory, a block a query puts
// them in the order of their places, finds their threshold and makes them weights, and their values are summed up. So
// it goes with the best patterns, which are listed by rank.
#include "hypersketch/threshold.hpp"
#include "retrieve_plan.cuh"
#include "retrieve_steps.cuh"
#include "top_k.cuh"

namespace hypersketch::cuda {
namespace {

constexpr unsigned kBlockWarps = kThreads / kWarp;
constexpr size_t kMostBest = size_t{1} << 24;  // patterns listed at once

// ---- what a block does together

__device__ __forceinline__ SumBeyond sum_of_block(SumBeyond own) {
  return {cuda::sum_of_block(own.value), cuda::sum_of_block(own.slope)};
}

__device__ __forceinline__ float most_of_block(float own) {
  __shared__ float largest[kBlockWarps];
  for (int step = kWarp / 2; step > 0; step /= 2) own = fmaxf(own, __shfl_xor_sync(kWholeWarp, own, step));
  __syncthreads();
  if (threadIdx.x % kWarp == 0) largest[threadIdx.x / kWarp] = own;
  __syncthreads();
  for (unsigned w = 0; w < kBlockWarps; ++w) own = fmaxf(own, largest[w]);
  return own;
}

// How many threads before this one say yes, and how many do at all.
struct Rank {
  unsigned before, all;
};
__device__ __forceinline__ Rank rank_in_block(bool yes) {
  __shared__ unsigned counts[kBlockWarps];
  const unsigned votes = __ballot_sync(kWholeWarp, yes), own = threadIdx.x / kWarp;
  __syncthreads();
  if (threadIdx.x % kWarp == 0) counts[own] = static_cast<unsigned>(__popc(votes));
  __syncthreads();
  Rank rank{static_cast<unsigned>(__popc(votes & ((1U << threadIdx.x % kWarp) - 1))), 0};
  for (unsigned w = 0; w < kBlockWarps; ++w) {
    if (w < own) rank.before += counts[w];
    rank.all += counts[w];
  }
  return rank;
}

// ---- thresholds

// Where candidates begin: a little below the largest score less 1 / beta, as on the CPU; nowhere for those that ended.
__global__ void bound_kernel(const WeightSums* sums, const float* betas, size_t n, size_t room, Ended ended,
                             float* bounds, std::int64_t* starts) {
  const size_t q = thread_index();
  if (q > n) return;
  starts[q] = static_cast<std::int64_t>(q * room);
  if (q == n) return;
  const double most = sums[q].maximum, safe = most - 1.0 - 4e-7 * fabs(most);
  bounds[q] = ended.of(q) ? kInfinite : nextafterf(static_cast<float>(safe / double(betas[q])), -kInfinite);
}

__device__ __forceinline__ double weight_beyond(double beyond, double exponent) {
  if (beyond <= 0.0) return 0.0;
  return exponent == 1.0 ? beyond : exponent == 2.0 ? beyond * beyond : pow(beyond, exponent);
}

// Candidates of one query in shared memory, by place: a place in the upper half of a key, the score's bits below it.
struct Candidates {
  uint64_t* keys;
  unsigned n;
  double beta;

  __device__ __forceinline__ float score(unsigned i) const { return __uint_as_float(static_cast<unsigned>(keys[i])); }
  __device__ __forceinline__ double level(unsigned i) const { return beta * double(score(i)); }
  __device__ __forceinline__ std::uint32_t place(unsigned i) const { return static_cast<unsigned>(keys[i] >> 32); }

  __device__ __forceinline__ void take(const ScoredPattern* found) const {
    unsigned padded = 1;
    while (padded < n) padded *= 2;
    for (unsigned i = threadIdx.x; i < padded; i += kThreads)
      keys[i] = i < n ? uint64_t{found[i].pattern} << 32 | __float_as_uint(found[i].score) : kNoKey;
    __syncthreads();
    sort_keys(keys, padded, threadIdx.x, kThreads, [] { __syncthreads(); });
  }

  __device__ __forceinline__ double threshold(double exponent) const {
    float most = -kInfinite;
    for (unsigned i = threadIdx.x; i < n; i += kThreads) most = fmaxf(most, score(i));
    ThresholdSearch search(beta * double(most_of_block(most)) - 1.0);
    for (int step = 0; step < kMostSteps && !search.done(); ++step) {
      SumBeyond sum{0.0, 0.0};
      for (unsigned i = threadIdx.x; i < n; i += kThreads) add_beyond(sum, level(i) - search.at(), exponent);
      search.look(sum_of_block(sum));
    }
    return search.at();
  }

  // Lists those beyond the threshold with their weights, in the order of their places; returns how many there are.
  __device__ __forceinline__ unsigned list(double threshold, double exponent, double sum, ScoredPattern* to) const {
    unsigned listed = 0;
    for (unsigned first = 0; first < n; first += kThreads) {
      const unsigned i = first + threadIdx.x;
      const double beyond = i < n ? level(i) - threshold : 0.0;
      const Rank rank = rank_in_block(beyond > 0.0);
      if (beyond > 0.0)
        to[listed + rank.before] = {static_cast<float>(weight_beyond(beyond, exponent) / sum), place(i)};
      listed += rank.all;
    }
    return listed;
  }
};

// A block a query. Its candidates become the weights of those beyond the threshold, in the order of their places.
__global__ void __launch_bounds__(kThreads)
    settle_kernel(const float* betas, StepRule rule, size_t room, ScoredPattern* found, unsigned long long* counts,
                  WeightSums* sums, bool* dense, unsigned* n_dense) {
  __shared__ uint64_t keys[kMostCandidates];
  const size_t q = blockIdx.x;
  const unsigned long long n = counts[q];
  __syncthreads();  // all have looked
  const bool is_dense = n > room;
  if (threadIdx.x == 0) {
    dense[q] = is_dense;
    if (is_dense) counts[q] = 0, sums[q].maximum -= 1.0, atomicAdd(n_dense, 1U);
  }
  if (is_dense || n == 0) return;
  ScoredPattern* const own = found + q * room;
  const Candidates candidates{keys, static_cast<unsigned>(n), double(betas[q])};
  candidates.take(own);
  const double threshold = candidates.threshold(rule.sum_exponent);
  SumBeyond sum{0.0, 0.0};  // of weights and of their squares
  for (unsigned i = threadIdx.x; i < candidates.n; i += kThreads) {
    const double weight = weight_beyond(candidates.level(i) - threshold, rule.weight_exponent);
    sum.value += weight, sum.slope += weight * weight;
  }
  sum = sum_of_block(sum);
  const unsigned listed = candidates.list(threshold, rule.weight_exponent, sum.value, own);
  if (threadIdx.x == 0) counts[q] = listed, sums[q] = {threshold, sum.value, sum.slope};
}

// ---- the best

// A block a query. The best patterns become those with the weights of a softmax.
__global__ void __launch_bounds__(kThreads)
    weigh_best_kernel(const std::int64_t* places, const float* scores, const float* betas, size_t k,
                      ScoredPattern* found, WeightSums* sums) {
  const size_t first = blockIdx.x * k;
  const double beta = double(betas[blockIdx.x]), most = beta * double(scores[first]);
  const auto weight = [&](size_t i) { return exp(beta * double(scores[first + i]) - most); };
  SumBeyond sum{0.0, 0.0};  // of weights and of their squares
  for (size_t i = threadIdx.x; i < k; i += kThreads) sum.value += weight(i), sum.slope += weight(i) * weight(i);
  sum = sum_of_block(sum);
  for (size_t i = threadIdx.x; i < k; i += kThreads)
    found[first + i] = {static_cast<float>(weight(i) / sum.value), static_cast<std::uint32_t>(places[first + i])};
  if (threadIdx.x == 0) sums[blockIdx.x] = {most, sum.value, sum.slope};
}

// ---- sums of listed values

// A block a query, whose `counts` (null: `room`) patterns with their weights begin at listed + room q.
template <class Store>
__global__ void __launch_bounds__(kThreads) sum_kernel(StoredRows values, const ScoredPattern* listed, size_t room,
                                                       const unsigned long long* counts, float* states) {
  const size_t q = blockIdx.x, n = counts == nullptr ? room : counts[q];
  const auto* const rows = static_cast<const unsigned char*>(values.rows);
  for (size_t d = threadIdx.x; d < values.dim; d += blockDim.x) {
    float state = 0.0F;
    for (size_t i = q * room; i < q * room + n; ++i) {
      const ScoredPattern one = listed[i];
      const float scale = values.scales == nullptr ? 1.0F : values.scales[one.pattern];
      state += one.score * (scale * Store::number(rows + one.pattern * values.stride + d * Store::kBytes));
    }
    states[q * values.dim + d] = state;
  }
}

void sum_listed(Place place, StoredRows values, const ScoredPattern* listed, size_t room,
                const unsigned long long* counts, size_t n_queries, float* states) {
  const auto kernel = values.type == StoredType::kFloat32    ? sum_kernel<StoredFloats>
                      : values.type == StoredType::kBfloat16 ? sum_kernel<StoredBfloats>
                      : values.type == StoredType::kInt8     ? sum_kernel<StoredBytes>
                                                             : sum_kernel<StoredEights>;
  launch(place, {static_cast<unsigned>(n_queries)}, kernel, values, listed, room, counts, states);
}

}  // namespace

void states_of_candidates(Place place, const Compared& patterns, StoredRows values, AskedRows queries,
                          const StepRule& rule, Ended ended, float* states, WeightSums* sums, bool* dense,
                          unsigned* n_dense) {
  const size_t room = std::min(kMostCandidates, patterns.rows.n);
  in_parts(patterns, queries, [&](AskedRows part, size_t first) {
    weight_sums(place, patterns, part, {SeparationKind::kSoftmax, nullptr, 1.0F}, sums + first);
    Ended own = ended;
    if (own.converged != nullptr) own.converged += first, own.n_steps += first;
    const Scratch<float> bounds(place, part.n);
    const Scratch<std::int64_t> starts(place, part.n + 1);
    const Scratch<unsigned long long> counts(place, part.n);
    const Scratch<ScoredPattern> found(place, part.n * room);
    clear(place, counts.data(), part.n * sizeof(unsigned long long));
    launch(place, grid_for(part.n + 1), bound_kernel, sums + first, part.betas, part.n, room, own, bounds.data(),
           starts.data());
    look_above(place, patterns, part, {bounds.data(), counts.data(), starts.data(), found.data()});
    launch(place, {static_cast<unsigned>(part.n)}, settle_kernel, part.betas, rule, room, found.data(), counts.data(),
           sums + first, dense + first, n_dense);
    sum_listed(place, values, found.data(), room, counts.data(), part.n, states + first * values.dim);
  });
}

void states_of_best(Place place, const Compared& patterns, StoredRows values, AskedRows queries, size_t k,
                    float* states, WeightSums* sums) {
  const size_t most = std::clamp<size_t>(kMostBest / k, 1, kMostLooking);
  const auto of_part = [&](AskedRows part, size_t first) {
    const Scratch<std::int64_t> places(place, part.n * k);
    const Scratch<float> scores(place, part.n * k);
    const Scratch<ScoredPattern> found(place, part.n * k);
    nearest_patterns(place, patterns, part, k, places.data(), scores.data());
    launch(place, {static_cast<unsigned>(part.n)}, weigh_best_kernel, places.data(), scores.data(), part.betas, k,
           found.data(), sums + first);
    sum_listed(place, values, found.data(), k, nullptr, part.n, states + first * values.dim);
  };
  in_parts(patterns, queries, of_part, most);
}

}  // namespace hypersketch::cuda
