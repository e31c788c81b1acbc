# SPDX-License-Identifier: Apache-2.0
"""Which codewords come out on top, from the laws of their scores: on a lattice, a line, or all at the top."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._cosines import Scores
from ._exchangeable import direction_tail
from ._order_statistics import Members, expected_misses
from ._scipy import scipy_module

Floats64 = NDArray[np.float64]

_SPAN = 9.0  # standard deviations
_STEPS = 12.0  # grid points a standard deviation
_FACTORS = 9  # nodes of a factor that members share


class Lattice(NamedTuple):
    """Integer scores: the integers, P(member <= u), P(stranger > u), and the members' correlation."""

    values: Floats64
    below: Floats64
    above: Floats64
    correlation: float


def line_top(scores: Scores, n: int, rest: int) -> float:
    """Return the expected share of n members with such scores among the n best of n + rest.

    Examples
    --------
    >>> round(line_top(Scores(0.0, 1.0, 0.0, 1.0), 5, 15), 3)
    0.25
    """
    u, above = _grid(scores, math.sqrt(n) / 8.0)
    z = _members_at(scores, u)
    return _share([*_members(z, n, scores.correlation)], above, n, rest)


def line_single(scores: Scores, rest: int) -> float:
    """Return the chance that one member with such scores beats ``rest`` strangers.

    Examples
    --------
    >>> round(line_single(Scores(0.0, 1.0, 0.0, 1.0), 3), 4)
    0.25
    """
    z = np.linspace(-_SPAN, _SPAN, 2001)
    weights = np.exp(-0.5 * z * z)
    above = _stranger_tail(scores, _scores_at(scores, z))
    win = np.exp(rest * np.log1p(-np.minimum(above, 1.0 - 1e-16)))
    return float(weights @ win / weights.sum())


def _grid(scores: Scores, finer: float) -> tuple[Floats64, Floats64]:
    low = min(scores.hit_mean - _SPAN * scores.hit_sd, scores.rest_mean - _SPAN * scores.rest_sd)
    high = max(scores.hit_mean + _SPAN * scores.hit_sd, scores.rest_mean + _SPAN * scores.rest_sd)
    step = min(max(scores.hit_sd, 0.02 * scores.rest_sd), scores.rest_sd) / (_STEPS * max(1.0, finer))
    u = np.linspace(low, high, min(20_001, 2 * math.ceil((high - low) / step / 2.0) + 1))
    return u, _stranger_tail(scores, u)


def _fisher(scores: Scores) -> tuple[float, float]:
    """Return mean and standard deviation of the inverse hyperbolic tangent of a correlation coefficient.

    Source: Fisher (1921), for D pairs of known mean: atanh(rho) + rho / (2 D), variance 1 / (D - 2).
    """
    mean, pairs = scores.hit_mean, scores.pairs
    rho = mean * (1.0 + (1.0 - mean * mean) / (2.0 * pairs))
    return math.atanh(min(rho, 1.0 - 1e-15)) + rho / (2.0 * pairs), 1.0 / math.sqrt(pairs - 2.0)


def _members_at(scores: Scores, u: Floats64) -> Floats64:
    """Return the standard normal numbers that have members' scores ``u`` as quantiles."""
    if not scores.pairs:
        return np.asarray((u - scores.hit_mean) / max(scores.hit_sd, 1e-12))
    mean, sd = _fisher(scores)
    return np.asarray((np.arctanh(np.clip(u, -1.0 + 1e-15, 1.0 - 1e-15)) - mean) / sd)


def _scores_at(scores: Scores, z: Floats64) -> Floats64:
    """Return the scores of members at standard normal numbers."""
    if not scores.pairs:
        return scores.hit_mean + scores.hit_sd * z
    mean, sd = _fisher(scores)
    return np.asarray(np.tanh(mean + sd * z))


def _stranger_tail(scores: Scores, u: Floats64) -> Floats64:
    """Return P(stranger > u): a random direction's coordinate, of as many dimensions as the kurtosis asks."""
    z = (u - scores.rest_mean) / scores.rest_sd
    if scores.kurtosis >= -1e-9:
        return np.asarray(scipy_module("special").ndtr(-z))
    dim = max(2.0, -6.0 / scores.kurtosis - 2.0)
    return direction_tail(dim, z / math.sqrt(dim))  # type: ignore[arg-type]


def _members(z: Floats64, n: int, correlation: float) -> list[tuple[float, Members]]:
    """Return weighted cases of n exchangeable members at standard scores z."""
    ndtr = scipy_module("special").ndtr
    if correlation <= 0.0 or n == 1:
        return [(1.0, Members(n, ndtr(z), -correlation if n > 1 else 0.0))]
    shared, weights = np.polynomial.hermite_e.hermegauss(_FACTORS)
    scale = math.sqrt(max(1.0 - correlation, 1e-4))
    return [
        (float(weight), Members(n, ndtr((z - math.sqrt(correlation) * f) / scale), 0.0))
        for f, weight in zip(shared, weights / weights.sum(), strict=True)
    ]


def _share(cases: list[tuple[float, Members]], above: Floats64, n: int, rest: int) -> float:
    weights = np.array([weight for weight, _ in cases])
    misses = expected_misses([case for _, case in cases], weights, above, n, rest)
    return float(np.clip(1.0 - misses / n, 0.0, 1.0))


def lattice_top(lattice: Lattice, n: int, rest: int) -> float:
    """Return the same for integer scores, equal ones in random order.

    A random order among equal scores is what smearing every score evenly over its cell gives.
    """
    values, span = lattice.values, float(len(lattice.values))
    parts = 2 * math.ceil(max(1.0, 20.0 / math.sqrt(span)))  # even: every kink is met by both sums
    u = np.linspace(values[0], values[-1], (len(values) - 1) * parts + 1)
    above = np.interp(u, values, lattice.above)
    below = np.interp(u, values, lattice.below)
    z = scipy_module("special").ndtri(np.clip(below, 1e-300, 1.0 - 1e-16))
    return _share(_members(z, n, lattice.correlation), above, n, rest)


def lattice_single(lattice: Lattice, rest: int) -> float:
    """Return the chance that a member beats ``rest`` strangers, ties broken at random, exact."""
    hit = np.diff(lattice.below, prepend=0.0)
    at_least = np.concatenate([[1.0], lattice.above[:-1]])  # P(stranger >= u)
    same = np.maximum(at_least - lattice.above, 1e-300)
    # Over how many of the others tie: (F^N - G^N) / (N (F - G)), F = P(<= u), G = P(< u), N = rest + 1.
    total, at_most = rest + 1.0, np.maximum(1.0 - lattice.above, 1e-300)
    lost = np.expm1(total * np.log1p(-np.minimum(same / at_most, 1.0 - 1e-16)))
    won = -np.exp(total * np.log(at_most)) * lost / (total * same)
    return float(np.clip(hit @ np.clip(won, 0.0, 1.0), 0.0, 1.0))


def full_score_top(
    log_ties: tuple[float, float], n: int, rest: int, twins: tuple[int, float] = (0, 0.0)
) -> float:
    """Return the share of n members that all have the highest score there is; strangers tie by chance.

    E n / (n + T) with T ~ Bin(rest, q), ln q normal with the given mean and variance: n / (n + T) is the
    integral of n s^(n-1) s^T. ``twins`` are so many others that score highest with a chance of their own.

    Examples
    --------
    >>> full_score_top((-math.inf, 0.0), 5, 100)
    1.0
    """
    mean, variance = log_ties
    if mean == -math.inf:
        return 1.0
    shift, chance = np.polynomial.hermite_e.hermegauss(_FACTORS)
    q = np.exp(np.minimum(mean + math.sqrt(variance) * shift, 0.0))
    nodes, weights = np.polynomial.legendre.leggauss(100)
    s = (nodes + 1.0) / 2.0
    # s^n is uniform in (0, 1), which puts the nodes where n / (n + T) lives.
    lost = np.outer(q, -np.expm1(np.log(s) / n))
    ties = np.exp(rest * np.log1p(-np.minimum(lost, 1.0 - 1e-16)))
    ties = ties * (1.0 + twins[1] * np.expm1(np.log(s) / n)) ** twins[0]
    return float(np.clip((chance / chance.sum()) @ ties @ (weights / 2.0), 0.0, 1.0))
