# SPDX-License-Identifier: Apache-2.0
"""Count sketch: d rows of w signed sums, read by the median.

Every key adds its weight, times a random sign, to one random cell of each row. A row is a bundle of w
buckets: its estimates of weights, norms and inner products have the variances of a MAP-I bundle of w
dimensions.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import map_i
from ._checks import Floats, answer, at_most, count, counts, probabilities, real, reals
from ._search import least_passing
from .normal import tail

MAX_DEPTH = 64
"""Rows of the largest sketch that `dimensions` looks at."""


def row_standard_error(f2: Floats, weight: Floats, width: Floats) -> Floats:
    """Return the standard deviation of one row's estimate of a key's weight.

    Parameters
    ----------
    f2 : float or array
        Second moment F2, the sum of all squared weights. Elementwise.
    weight : float or array
        Weight f of the key asked for, 0 for one that was not added.
    width : int or array
        Cells w of the row.

    Returns
    -------
    float or ndarray
        sqrt((F2 - f^2) / w). The estimate is unbiased.

    Raises
    ------
    ValueError
        An argument is out of its range, or f^2 exceeds F2.

    Notes
    -----
    Formula 5.1 (Charikar, Chen & Farach-Colton 2002); derived, exact, simulated (15206 against 15027).

    Examples
    --------
    >>> row_standard_error(25.0, 3.0, 64)
    0.5
    """
    owner = "count_sketch.row_standard_error"
    total, own = reals(owner, "f2", f2, 0.0), reals(owner, "weight", weight)
    at_most(owner, "weight", np.abs(own), np.sqrt(total) * (1.0 + 1e-12), "sqrt(f2)")
    return answer(np.sqrt(np.maximum(total - own**2, 0.0) / counts(owner, "width", width)))


def median_factor(depth: int) -> float:
    """Return how much smaller the error of the median of d rows is than that of one row.

    Parameters
    ----------
    depth : int in [1, 64]
        Rows d. For an even number the mean of the middle two.

    Returns
    -------
    float
        Standard deviation of the median of d standard normal variables, about sqrt(pi / 2d).

    Raises
    ------
    ValueError
        ``depth`` is not such an integer.

    Notes
    -----
    Formula 5.2; derived, by integration over the order statistics. Exact for Gaussian rows; few heavy keys
    make rows that are mostly right, so that skewed data do better (simulated .557, .369, .266 for 3, 5, 7).

    Examples
    --------
    >>> [round(median_factor(d), 3) for d in (1, 3, 5, 7)]
    [1.0, 0.67, 0.536, 0.459]
    """
    rows = count("count_sketch.median_factor", "depth", depth)
    at_most(
        "count_sketch.median_factor", "depth", np.float64(rows), np.float64(MAX_DEPTH), "the largest depth"
    )
    return _median_factor(rows)


@functools.cache
def _median_factor(rows: int) -> float:
    z = np.linspace(-9.0, 9.0, 6001)
    step = z[1] - z[0]
    density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    above, below = np.asarray(tail(z)), np.asarray(tail(-z))

    def square(rank: int) -> float:
        """Return E[x^2] for the rank-th smallest."""
        ways = rows * math.comb(rows - 1, rank - 1)
        return float(np.sum(z**2 * ways * below ** (rank - 1) * above ** (rows - rank) * density) * step)

    half = rows // 2
    if rows % 2:
        return math.sqrt(square(half + 1))
    # E[xy] of the middle two: the larger's density times the mean of the smaller below it.
    ways = rows * (rows - 1) * math.comb(rows - 2, half - 1)
    smaller = z * below ** (half - 1) * density
    summed = np.concatenate(([0.0], np.cumsum(0.5 * (smaller[1:] + smaller[:-1])) * step))
    product = float(np.sum(z * above ** (half - 1) * density * summed) * ways * step)
    return math.sqrt(0.25 * (square(half) + square(half + 1) + 2.0 * product))


def standard_error(f2: Floats, weight: Floats, width: Floats, depth: int) -> Floats:
    """Return the standard error of the estimate of a key's weight from d rows.

    Parameters
    ----------
    f2, weight, width : float or array
        As for `row_standard_error`. Elementwise.
    depth : int in [1, 64]
        Rows d.

    Returns
    -------
    float or ndarray
        `row_standard_error` times `median_factor`.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formulas 5.1 and 5.2: what Gaussian rows give, and an upper estimate for skewed data.

    Examples
    --------
    >>> round(standard_error(25.0, 3.0, 64, 5), 3)
    0.268
    """
    return answer(np.asarray(row_standard_error(f2, weight, width)) * median_factor(depth))


def _at_least(need: int, trials: int, chance: float) -> float:
    """Return P(Bin(trials, chance) >= need); all terms are positive, so none is lost."""
    return math.fsum(
        math.comb(trials, k) * chance**k * (1.0 - chance) ** (trials - k) for k in range(need, trials + 1)
    )


def failure_bound(width: int, depth: int, eps: float) -> float:
    """Return a bound on the probability that an estimate is off by more than eps |f|_2.

    Parameters
    ----------
    width, depth : int
        Cells w of a row and rows d.
    eps : float > 0
        Error in units of the Euclidean norm |f|_2 of all weights.

    Returns
    -------
    float
        2 P(Bin(d, q) >= ceil(d/2)) with q = min(1/2, 1 / (2 eps^2 w)), at most 1.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived, with every constant: a row is off by more than eps |f|_2 with probability at most 1 / (eps^2 w)
    (Chebyshev, 5.1), in either direction alike because signs are symmetric; for the median to be too high,
    half of the independent rows must be. Holds for every stream.

    Examples
    --------
    >>> failure_bound(10_000, 5, 0.05) < 0.002 < failure_bound(10_000, 5, 0.03)
    True
    """
    owner = "count_sketch.failure_bound"
    w, d = count(owner, "width", width), count(owner, "depth", depth)
    chance = min(0.5, 0.5 / (real(owner, "eps", eps, 0.0, math.inf, "()") ** 2 * w))
    return min(1.0, 2.0 * _at_least((d + 1) // 2, d, chance))


def dimensions(eps: float, delta: float) -> tuple[int, int]:
    """Return the width and depth of the smallest sketch whose `failure_bound` is at most delta.

    Parameters
    ----------
    eps : float > 0
        Largest error, in units of |f|_2.
    delta : float in (0, 1)
        Probability that the estimate of a key is worse.

    Returns
    -------
    tuple of int
        (width, depth) with the fewest cells; the depth is odd.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    w = O(1/eps^2) and d = O(log 1/delta), as in formula 5.2, with the constants of `failure_bound`.

    Examples
    --------
    >>> dimensions(0.01, 0.01)
    (42480, 7)
    """
    owner = "count_sketch.dimensions"
    error, chance = real(owner, "eps", eps, 0.0, math.inf, "()"), float(probabilities(owner, "delta", delta))
    sizes = [(_width(error, chance, depth), depth) for depth in range(1, MAX_DEPTH, 2)]
    return min(sizes, key=lambda size: (size[0] * size[1], size[1]))


def _width(eps: float, delta: float, depth: int) -> int:
    """Return the least width at this depth."""
    return least_passing(lambda width: failure_bound(width, depth, eps) <= delta)


def inner_moments(v: ArrayLike, w: ArrayLike, width: int) -> tuple[float, float]:
    """Return mean and variance of one row's inner product of two sketches.

    Parameters
    ----------
    v, w : array of shape (keys,)
        Weights of every key in the one and in the other sketch, 0 where it is absent.
    width : int
        Cells of the row.

    Returns
    -------
    tuple of float
        (v.w, (|v|^2 |w|^2 + (v.w)^2 - 2 sum v_a^2 w_a^2) / width).

    Raises
    ------
    ValueError
        The weights have different shapes or are not finite.

    Notes
    -----
    Formula 5.3: 1.7 with D = width; derived, exact.

    Examples
    --------
    >>> inner_moments([1, 1, 0], [0, 1, 1], 4)
    (1.0, 0.75)
    """
    return map_i.weighted_inner_moments(v, w, width)


def second_moment_moments(f2: Floats, f4: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of one row's squared norm, its estimate of the second moment.

    Parameters
    ----------
    f2, f4 : float or array
        Sums of the second and of the fourth powers of all weights. Elementwise.
    width : int or array
        Cells w of the row.

    Returns
    -------
    tuple of float or ndarray
        (F2, 2 (F2^2 - F4) / w).

    Raises
    ------
    ValueError
        An argument is out of its range, or F4 exceeds F2^2.

    Notes
    -----
    Formulas 5.3 and 5.6: 1.6 with D = w; derived, exact. So var <= 2 F2^2 / w (Alon, Matias & Szegedy 1996).

    Examples
    --------
    >>> second_moment_moments(32.0, 32.0, 512)
    (32.0, 3.875)
    """
    owner = "count_sketch.second_moment_moments"
    second, fourth = reals(owner, "f2", f2, 0.0), reals(owner, "f4", f4, 0.0)
    at_most(owner, "f4", fourth, second**2 * (1.0 + 1e-12), "f2^2")
    spread = 2.0 * np.maximum(second**2 - fourth, 0.0) / counts(owner, "width", width)
    return answer(second + 0.0 * spread), answer(spread)


def second_moment_failure_bound(width: int, depth: int, eps: float) -> float:
    """Return a bound on the probability that the second moment is off by more than eps F2.

    Parameters
    ----------
    width, depth : int
        Cells w of a row and rows d.
    eps : float > 0
        Relative error.

    Returns
    -------
    float
        2 P(Bin(d, p) >= ceil(d/2)) with p = 1 / (1 + eps^2 w / 2), at most 1.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived from 5.6: a row is too high by more than eps F2 with probability at most p (Cantelli, variance
    2 F2^2 / w), too low likewise; the median is wrong only when half of the rows are, on one side. The form
    16/eps^2 x 2 log 1/delta of Alon, Matias & Szegedy (recalled) has larger constants.

    Examples
    --------
    >>> second_moment_failure_bound(10_000, 5, 0.1) < 0.0002
    True
    """
    owner = "count_sketch.second_moment_failure_bound"
    w, d = count(owner, "width", width), count(owner, "depth", depth)
    chance = 1.0 / (1.0 + 0.5 * real(owner, "eps", eps, 0.0, math.inf, "()") ** 2 * w)
    return min(1.0, 2.0 * _at_least((d + 1) // 2, d, chance))


def moments_of(weights: ArrayLike) -> tuple[float, float]:
    """Return F2 and F4 of a vector of weights, as the functions above take them.

    Parameters
    ----------
    weights : array of shape (keys,)
        Weights of the distinct keys.

    Returns
    -------
    tuple of float
        (sum f^2, sum f^4).

    Raises
    ------
    ValueError
        A weight is not a finite number.

    Notes
    -----
    Definition.

    Examples
    --------
    >>> moments_of([1, 2])
    (5.0, 17.0)
    """
    given: NDArray[np.float64] = reals("count_sketch.moments_of", "weights", weights)
    return float(np.sum(given**2)), float(np.sum(given**4))
