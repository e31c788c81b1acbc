// SPDX-License-Identifier: Apache-2.0
// Steps of every rule, and walks: who has moved, and how far.
#include "hypersketch/threshold.hpp"
#include "retrieve_steps.cuh"

namespace hypersketch::cuda {
namespace {

constexpr size_t kLookEvery = 4;  // steps

// Queries that go on, and those of a step that have too many candidates for it.
struct Left {
  unsigned moving, dense;
};

// A warp a query: how far it has moved, and what its next step begins at. Takes those that have not ended and are dense
// or are not; without flags none are.
__global__ void __launch_bounds__(kThreads)
    advance_kernel(const float* moved, const WeightSums* sums, size_t n, size_t dim, float tolerance, Ended ended,
                   const bool* dense, bool takes_dense, Walked walked, Left* left) {
  const size_t q = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (q >= n || ended.of(q) || (dense != nullptr && dense[q]) != takes_dense) return;
  __syncwarp();  // all lanes have looked
  float most = 0.0F;
  for (size_t i = q * dim + lane; i < (q + 1) * dim; i += kWarp) {
    most = fmaxf(most, fabsf(moved[i] - walked.states[i]));
    walked.before[i] = walked.states[i];
    walked.states[i] = moved[i];
  }
  for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, step));
  if (lane != 0) return;
  walked.sums[q] = sums[q];
  walked.converged[q] = most <= tolerance;
  if (++walked.n_steps[q] < ended.most_steps && most > tolerance) atomicAdd(&left->moving, 1U);
}

// The steps of a call, in two parts: where many queries have few candidates, few have many.
class Stepper {
 public:
  Stepper(Place place, const Compared& patterns, StoredRows values, size_t n, const StepRule& rule, Precision precision,
          RetrievalPath path)
      : place_(place),
        patterns_(patterns),
        values_(values),
        rule_(rule),
        precision_(precision),
        path_(path),
        left_(place, 1),
        dense_(place, rule.kind == StepKind::kThreshold ? n : 0) {}

  bool may_be_dense() const { return rule_.kind == StepKind::kThreshold && patterns_.rows.n > kMostCandidates; }
  const bool* dense() const { return dense_.data(); }
  Left* left() const { return left_.data(); }

  // What is left; waits for the GPU.
  Left look() const {
    Left left{};
    copy_to_host(place_, &left, left_.data(), sizeof left);
    return left;
  }

  // All but the dense ones, which are counted.
  void take(AskedRows queries, Ended ended, float* states, WeightSums* sums) const {
    clear(place_, left_.data(), sizeof(Left));
    if (rule_.kind == StepKind::kThreshold)
      return states_of_candidates(place_, patterns_, values_, queries, rule_, ended, states, sums, dense_.data(),
                                  &left_.data()->dense);
    if (rule_.kind == StepKind::kBest)
      return states_of_best(place_, patterns_, values_, queries, rule_.degree, states, sums);
    const auto kind = rule_.kind == StepKind::kSoftmax ? SeparationKind::kSoftmax : SeparationKind::kPower;
    retrieve_states(place_, patterns_, values_, queries, {kind, nullptr, static_cast<float>(rule_.degree)}, precision_,
                    states, sums, path_);
  }

  void take_dense(AskedRows queries, float* states, WeightSums* sums) const {
    states_of_dense(place_, patterns_, values_, queries, rule_, precision_, dense_.data(), states, sums);
  }

 private:
  Place place_;
  const Compared& patterns_;
  StoredRows values_;
  const StepRule& rule_;
  Precision precision_;
  RetrievalPath path_;
  Scratch<Left> left_;
  Scratch<bool> dense_;
};

}  // namespace

void take_step(Place place, Compared patterns, StoredRows values, AskedRows queries, const StepRule& rule,
               Precision precision, float* states, WeightSums* sums, RetrievalPath path) {
  if (queries.n == 0) return;
  const OnDevice on(place.device);
  const Stepper step(place, patterns, values, queries.n, rule, precision, path);
  step.take(queries, {}, states, sums);
  if (step.may_be_dense() && step.look().dense != 0) step.take_dense(queries, states, sums);
}

// Dense queries wait for the next look; after the first of them there is one every step. They make up for it then.
void walk(Place place, Compared patterns, AskedRows queries, const StepRule& rule, Precision precision,
          size_t most_steps, float tolerance, Walked walked, RetrievalPath path) {
  if (queries.n == 0) return;
  const OnDevice on(place.device);
  const size_t n = queries.n, dim = patterns.rows.dim;
  const Scratch<float> moved(place, n * dim);
  const Scratch<WeightSums> sums(place, n);
  const Stepper step(place, patterns, patterns.rows, n, rule, precision, path);
  const AskedRows asked{walked.states, n, queries.betas};
  const Ended ended{walked.converged, walked.n_steps, static_cast<std::int64_t>(most_steps)};
  const auto advance = [&](bool takes_dense) {
    launch(place, grid_for(n * kWarp), advance_kernel, moved.data(), sums.data(), n, dim, tolerance, ended,
           step.dense(), takes_dense, walked, step.left());
  };
  copy(place, walked.before, walked.states, n * dim * sizeof(float));
  clear(place, walked.n_steps, n * sizeof(std::int64_t));
  clear(place, walked.converged, n);
  size_t every = kLookEvery;
  for (size_t taken = 1; most_steps != 0; ++taken) {
    step.take(asked, ended, moved.data(), sums.data());
    advance(false);
    if (taken >= most_steps && !step.may_be_dense()) break;
    if (taken < most_steps && taken % every != 0) continue;
    Left left = step.look();
    if (left.dense != 0) {
      every = 1;
      step.take_dense(asked, moved.data(), sums.data());
      advance(true);
      left = step.look();
    }
    if (left.moving == 0) break;
  }
}

}  // namespace hypersketch::cuda
