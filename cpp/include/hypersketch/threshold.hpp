// SPDX-License-Identifier: Apache-2.0
// The threshold of a sparse separation, on the CPU and the GPU: tau at which the sum of max(0, t - tau)^exponent over
// the t = beta score is 1. It is at least the largest t less 1. Each sum is a step of Newton's.
#pragma once

#include <cmath>

#include "hypersketch/config.hpp"

namespace hypersketch {

inline constexpr size_t kMostCandidates = 2048;  // scores of a query that are listed
inline constexpr int kMostSteps = 100;

// A value and a derivative of the sum of max(0, t - tau)^exponent.
struct SumBeyond {
  double value, slope;
};

// Adds what one t counts that is so far beyond tau.
HYPERSKETCH_HD void add_beyond(SumBeyond& sum, double beyond, double exponent) {
  if (beyond <= 0.0) return;
  const double power = exponent == 1.0 ? 1.0 : exponent == 2.0 ? beyond : std::pow(beyond, exponent - 1.0);
  sum.value += power * beyond;
  sum.slope -= exponent * power;
}

// An interval with the threshold in it, and the next place to look.
class ThresholdSearch {
 public:
  // The threshold is in [least, least + 1].
  HYPERSKETCH_MEMBER explicit ThresholdSearch(double least) : low_(least), high_(least + 1.0), at_(least) {}

  HYPERSKETCH_MEMBER double at() const { return at_; }
  HYPERSKETCH_MEMBER bool done() const { return done_; }

  // Takes what the sum is at at().
  HYPERSKETCH_MEMBER void look(SumBeyond sum) {
    (sum.value >= 1.0 ? low_ : high_) = at_;
    const double step = (sum.value - 1.0) / -sum.slope;
    double next = at_ + step;
    if (!(next > low_ && next < high_)) next = 0.5 * (low_ + high_);
    done_ = std::fabs(sum.value - 1.0) <= 1e-15 || next == at_ || high_ - low_ <= 1e-15 * std::fabs(at_);
    if (!done_) at_ = next;
  }

 private:
  double low_, high_, at_;
  bool done_ = false;
};

}  // namespace hypersketch
