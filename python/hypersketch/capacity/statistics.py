# SPDX-License-Identifier: Apache-2.0
"""Intervals and verdicts of the experiments.

A cell gives one number a trial. Tests inside a trial share one structure, so they are not independent: trials
are the unit of every interval here.

* A **rate** (wrong answers / tests) gets the Korn-Graubard interval: Clopper-Pearson on the effective number
of tests,
  which is the number of tests divided by the design effect (the between-trial variance over the binomial one,
  at least 1) and by a correction for having estimated it from few trials. It is right for zero events and far
  out in the tails, where the Wilson interval is too short; the 95 % interval shown beside it is Wilson's on
  the same effective number.
* A **mean** gets Student's interval over trials.
* A **draw** is one published run of a noisy procedure: it must lie where single runs lie (prediction
interval). * A **root mean square** (and a variance) gets Student's interval of the mean square on the log
scale.

A run asks many questions at once. All its verdicts together are wrong by chance at most once in a thousand
runs (:data:`FAMILY_ERROR`, split evenly over the verdicts: Bonferroni).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "FAMILY_ERROR",
    "Interval",
    "Kind",
    "Verdict",
    "design_effect",
    "estimate",
    "interval",
    "mean_interval",
    "mean_square_interval",
    "rate_interval",
    "verdict",
    "wilson_interval",
]

Kind = Literal["rate", "mean", "rms", "variance", "draw"]
Verdict = Literal["inside", "above", "below", ""]

#: Chance that any verdict of a whole run is wrong although every prediction is right.
FAMILY_ERROR = 0.001


class Interval(NamedTuple):
    """Ends of a confidence interval.

    Examples
    --------
    >>> Interval(0.1, 0.2).low
    0.1
    """

    low: float
    high: float


def _t_quantile(probability: float, degrees: float) -> float:
    """Upper quantile of Student's t: P(T > result) = probability."""
    from scipy.special import ndtri, stdtrit

    return float(-ndtri(probability) if math.isinf(degrees) else -stdtrit(degrees, probability))


def design_effect(counts: npt.ArrayLike, tests: int) -> float:
    """Variance of a rate over trials, relative to what independent tests would have; at least 1.

    Parameters
    ----------
    counts : array of shape (T,)
        Events of each trial.
    tests : int
        Tests of each trial.

    Returns
    -------
    float
        1 when the tests of a trial behave as if independent.

    Notes
    -----
    ``deff = tests * Var_t(counts / tests) / (p (1 - p))`` (Kish 1965), floored at 1.

    Examples
    --------
    >>> design_effect([5, 5, 5, 5], 10)
    1.0
    >>> design_effect([0, 10, 0, 10], 10) > 10
    True
    """
    values = np.asarray(counts, dtype=np.float64)
    rate = values.mean() / tests
    binomial = tests * rate * (1 - rate)
    if values.size < 2 or binomial <= 0:
        return 1.0
    return max(1.0, float(values.var(ddof=1) / binomial))


def _effective_tests(values: npt.NDArray[np.float64], tests: int, alpha: float) -> float:
    """Korn and Graubard's effective number of tests behind the summed counts."""
    total = float(values.size * tests)
    if values.size < 2 or total <= values.size:
        return total
    correction = _t_quantile(alpha / 2, total - 1) / _t_quantile(alpha / 2, values.size - 1)
    return total / design_effect(values, tests) * correction**2


def rate_interval(counts: npt.ArrayLike, tests: int, alpha: float) -> Interval:
    """Interval of a rate from trials whose tests may be correlated (Korn and Graubard 1998).

    Parameters
    ----------
    counts : array of shape (T,)
        Events of each trial.
    tests : int
        Tests of each trial.
    alpha : float
        Chance that the interval misses, e.g. 0.05.

    Returns
    -------
    Interval
        Clopper-Pearson ends at the effective number of tests.

    Examples
    --------
    >>> low, high = rate_interval([1, 0, 2, 1], 100, 0.05)
    >>> low < 0.01 < high
    True
    >>> rate_interval([0, 0, 0], 1000, 0.05).low
    0.0
    """
    from scipy.special import betaincinv

    values = np.asarray(counts, dtype=np.float64)
    size = _effective_tests(values, tests, alpha)
    events = size * values.mean() / tests
    low = 0.0 if events <= 0 else float(betaincinv(events, size - events + 1, alpha / 2))
    high = 1.0 if events >= size else float(betaincinv(events + 1, size - events, 1 - alpha / 2))
    return Interval(low, high)


def wilson_interval(counts: npt.ArrayLike, tests: int, alpha: float = 0.05) -> Interval:
    """Wilson's score interval of a rate at the effective number of tests.

    Parameters
    ----------
    counts : array of shape (T,)
        Events of each trial.
    tests : int
        Tests of each trial.
    alpha : float, default 0.05
        Chance that the interval misses.

    Returns
    -------
    Interval
        Both ends lie in [0, 1].

    Examples
    --------
    >>> low, high = wilson_interval([10], 100)
    >>> round(low, 4), round(high, 4)
    (0.0552, 0.1744)
    """
    values = np.asarray(counts, dtype=np.float64)
    size = _effective_tests(values, tests, alpha)
    rate = float(values.mean() / tests)
    z = _t_quantile(alpha / 2, math.inf)
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def mean_interval(values: npt.ArrayLike, alpha: float, *, one_more: bool = False) -> Interval:
    """Student's interval of a mean over trials.

    Parameters
    ----------
    values : array of shape (T,)
        One value a trial; at least two.
    alpha : float
        Chance that the interval misses.
    one_more : bool, default False
        Make it the interval of one more value instead (prediction interval).

    Returns
    -------
    Interval

    Examples
    --------
    >>> low, high = mean_interval([1.0, 2.0, 3.0, 2.0], 0.05)
    >>> low < 2.0 < high
    True
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2:
        return Interval(-math.inf, math.inf)
    spread = float(sample.std(ddof=1)) * math.sqrt(1 / sample.size + one_more)
    half = _t_quantile(alpha / 2, sample.size - 1) * spread
    return Interval(float(sample.mean()) - half, float(sample.mean()) + half)


def mean_square_interval(squares: npt.ArrayLike, alpha: float) -> Interval:
    """Interval of a mean square, from one mean square a trial.

    Parameters
    ----------
    squares : array of shape (T,)
        Mean squared deviation of each trial; at least two.
    alpha : float
        Chance that the interval misses.

    Returns
    -------
    Interval
        Student's interval of the logarithm, by the delta method: a mean of squares is skewed, its logarithm
        is not.

    Examples
    --------
    >>> low, high = mean_square_interval([0.9, 1.1, 1.0, 1.2, 0.8], 0.05)
    >>> 0 < low < 1.0 < high
    True
    """
    sample = np.asarray(squares, dtype=np.float64)
    mean = float(sample.mean())
    if sample.size < 2 or mean <= 0:
        return Interval(0.0, math.inf)
    relative = float(sample.std(ddof=1)) / mean / math.sqrt(sample.size)
    half = _t_quantile(alpha / 2, sample.size - 1) * relative
    # Two trials that are far apart say next to nothing: what is beyond all floats is infinite.
    return Interval(mean * math.exp(-half), mean * math.exp(half) if half < 700 else math.inf)


def estimate(kind: Kind, outcomes: npt.ArrayLike, tests: int) -> float:
    """The measured value of a cell.

    Parameters
    ----------
    kind : {"rate", "mean", "rms", "variance", "draw"}
        What the outcomes are: counts of events, values, or mean squared deviations (of an rms and of a
        variance).
    outcomes : array of shape (T,)
        One outcome a trial.
    tests : int
        Tests of each trial (used by rates only).

    Returns
    -------
    float

    Examples
    --------
    >>> estimate("rate", [1, 3], 10), estimate("rms", [4.0, 4.0], 1)
    (0.2, 2.0)
    """
    mean = float(np.asarray(outcomes, dtype=np.float64).mean())
    if kind == "rate":
        return mean / tests
    return math.sqrt(mean) if kind == "rms" else mean


def interval(kind: Kind, outcomes: npt.ArrayLike, tests: int, alpha: float) -> Interval:
    """Interval of the measured value of a cell; see :func:`estimate` for the arguments.

    Parameters
    ----------
    kind : {"rate", "mean", "rms", "variance", "draw"}
        What the outcomes are.
    outcomes : array of shape (T,)
        One outcome a trial.
    tests : int
        Tests of each trial (used by rates only).
    alpha : float
        Chance that the interval misses.

    Returns
    -------
    Interval

    Examples
    --------
    >>> low, high = interval("mean", [1.0, 2.0, 3.0], 1, 0.05)
    >>> low < 2.0 < high
    True
    """
    if kind == "rate":
        return rate_interval(outcomes, tests, alpha)
    if kind in ("mean", "draw"):
        return mean_interval(outcomes, alpha, one_more=kind == "draw")
    squares = mean_square_interval(outcomes, alpha)
    return squares if kind == "variance" else Interval(math.sqrt(squares.low), math.sqrt(squares.high))


def verdict(predicted: float, bounds: Interval) -> Verdict:
    """Where the measurement lies as seen from the prediction.

    Parameters
    ----------
    predicted : float
        Value that the theory gives.
    bounds : Interval
        Interval of the measurement.

    Returns
    -------
    {"inside", "above", "below"}
        ``above``: the whole interval of the measurement lies above the prediction; ``below``: under it.

    Examples
    --------
    >>> verdict(0.5, Interval(0.4, 0.6)), verdict(0.5, Interval(0.6, 0.7))
    ('inside', 'above')
    """
    # A prediction that differs from an end by rounding alone is not a finding.
    slack = 1e-9 * max(abs(predicted), 1e-300)
    if bounds.low > predicted + slack:
        return "above"
    return "below" if bounds.high < predicted - slack else "inside"
