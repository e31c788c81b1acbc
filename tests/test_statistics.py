# SPDX-License-Identifier: Apache-2.0
"""The intervals cover what they promise, and a verdict says where the measurement lies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hypersketch.capacity import statistics

SIMULATIONS = 1500


def beta_binomial(
    rng: np.random.Generator, trials: int, tests: int, rate: float, clustering: float
) -> np.ndarray:
    """Counts whose rate varies from trial to trial, as that of structures does."""
    if not clustering:
        return rng.binomial(tests, rate, trials)
    strength = 1 / clustering - 1
    return rng.binomial(tests, rng.beta(rate * strength, (1 - rate) * strength, trials))


def allowed_misses(alpha: float) -> float:
    """Misses among the simulations that an interval with error alpha exceeds once in ten thousand times."""
    return float(stats.binom.ppf(0.9999, SIMULATIONS, alpha))


@pytest.mark.parametrize("alpha", [0.05, 0.002])
@pytest.mark.parametrize(
    ("trials", "tests", "rate", "clustering"),
    [
        (10, 15, 0.95, 0.0),
        (10, 15, 0.95, 0.1),
        (50, 100, 0.01, 0.0),
        (100, 1000, 0.001, 0.0),
        (200, 500, 0.1, 0.05),
        (100, 1, 0.5, 0.0),
    ],
)
def test_rate_interval_covers(alpha: float, trials: int, tests: int, rate: float, clustering: float) -> None:
    rng = np.random.default_rng(1)
    misses = 0
    for _ in range(SIMULATIONS):
        low, high = statistics.rate_interval(
            beta_binomial(rng, trials, tests, rate, clustering), tests, alpha
        )
        misses += not low <= rate <= high
    # The design effect is itself estimated, so a clustered rate may miss twice as often far out.
    assert misses <= allowed_misses(alpha * (2 if clustering else 1))


@pytest.mark.parametrize(("trials", "tests"), [(200, 1), (60, 20), (200, 50)])
def test_mean_square_interval_covers(trials: int, tests: int) -> None:
    rng = np.random.default_rng(2)
    squares = (rng.normal(size=(SIMULATIONS, trials, tests)) ** 2).mean(axis=2)
    bounds = [statistics.mean_square_interval(row, 0.01) for row in squares]
    misses = sum(not low <= 1 <= high for low, high in bounds)
    assert misses <= allowed_misses(0.02)


def test_mean_and_prediction_intervals_cover() -> None:
    rng = np.random.default_rng(3)
    samples = rng.normal(size=(SIMULATIONS, 21))
    of_mean = [statistics.interval("mean", row[:20], 1, 0.01) for row in samples]
    of_draw = [statistics.interval("draw", row[:20], 1, 0.01) for row in samples]
    assert sum(not low <= 0 <= high for low, high in of_mean) <= allowed_misses(0.01)
    assert sum(not low <= row[20] <= high for (low, high), row in zip(of_draw, samples, strict=True)) <= (
        allowed_misses(0.01)
    )


def test_rate_interval_is_clopper_pearson_for_independent_tests() -> None:
    counts = [3]
    low, high = statistics.rate_interval(counts, 50, 0.05)
    exact = stats.binomtest(3, 50).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_wilson_interval_is_wilsons() -> None:
    low, high = statistics.wilson_interval([7], 60)
    exact = stats.binomtest(7, 60).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("count", [0, 20])
def test_rates_of_zero_and_one_have_an_interval(count: int) -> None:
    low, high = statistics.rate_interval([count] * 5, 20, 1e-6)
    wide = statistics.wilson_interval([count] * 5, 20)
    assert 0 <= low <= count / 20 <= high <= 1
    assert low < high
    assert 0 <= wide.low < wide.high <= 1


def test_clustering_widens_the_interval() -> None:
    together = statistics.rate_interval([0, 10] * 20, 10, 0.05)
    apart = statistics.rate_interval([5] * 40, 10, 0.05)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_one_trial_has_no_interval_of_the_mean() -> None:
    assert statistics.mean_interval([1.0], 0.05) == (-math.inf, math.inf)
    assert statistics.mean_square_interval([1.0], 0.05) == (0.0, math.inf)


def test_two_trials_far_apart_have_no_upper_end() -> None:
    assert statistics.mean_square_interval([1.0, 1e-9], 1e-4) == (0.0, math.inf)


@pytest.mark.parametrize(
    ("predicted", "expected"), [(0.5, "inside"), (0.3, "above"), (0.7, "below"), (0.4 - 1e-15, "inside")]
)
def test_verdict(predicted: float, expected: str) -> None:
    assert statistics.verdict(predicted, statistics.Interval(0.4, 0.6)) == expected
