# SPDX-License-Identifier: Apache-2.0
"""Continuous Hopfield memories: how much of a softmax leaks to others, and when sparse separations are exact.

Patterns are random unit vectors of dimension d and the query is one of them, so that its own score is beta
and the others' are beta times cosines of random directions, whose squares are Beta(1/2, (d - 1)/2).
"""

from __future__ import annotations

import math

from ._checks import count, real, refuse
from ._leakage import leaked_power, log_integral
from ._scipy import scipy_module

__all__ = [
    "MARGINS",
    "beta_for",
    "capacity",
    "error_bound",
    "inexactness",
    "leakage",
    "leakage_moment",
    "margin",
]

MARGINS = {"sparsemax": 1.0, "normmax": 1.0}
"""Gaps of scaled scores from which on a separation leaves one pattern; that of entmax is 1 / (alpha - 1)."""


_MOST_BETA = 1e9
"""That is looked for."""
_MOST_STEPS = 200
_CLOSE = 1e-12  # of ln r


def leakage(n_patterns: int, dim: int, beta: float, overlap: float = 1.0) -> float:
    """Return the part of a softmax that falls on other patterns than the one asked for.

    Parameters
    ----------
    n_patterns : int
        Number of patterns M.
    dim : int
        Dimensions d.
    beta : float > 0
        Inverse temperature.
    overlap : float in (0, 1], default 1
        Cosine of the query and its pattern.

    Returns
    -------
    float
        r / (1 + r) with r = (M - 1) E exp(beta (c - overlap)), c the cosine of two random directions.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived. E exp(beta c) = Gamma(d/2) (2/beta)^(d/2 - 1) I_(d/2 - 1)(beta), a Bessel function, which is
    exp(beta^2 / 2d) for beta far below d. It is the mean of the sum over the others, put into the fraction:
    the mean of the fraction is a little lower where that sum varies much, which is for large beta;
    `leakage_moment` gives it exactly.

    Examples
    --------
    >>> round(leakage(5000, 64, 10.0), 2)
    0.33
    """
    owner = "continuous.leakage"
    m, d, b = count(owner, "n_patterns", n_patterns), count(owner, "dim", dim), _beta(owner, beta)
    log_r = _log_ratio(m, d, b, real(owner, "overlap", overlap, 0.0, 1.0, "(]"))
    return 1.0 / (1.0 + math.exp(-log_r)) if log_r > -700 else 0.0


def _beta(owner: str, beta: float) -> float:
    return real(owner, "beta", beta, 0.0, math.inf, "()")


def _log_ratio(m: int, d: int, b: float, overlap: float) -> float:
    """Return ln r."""
    others = math.log(m - 1) if m > 1 else -math.inf
    return others + _log_mean_exponential(d, b) + b * (1.0 - overlap)


def leakage_moment(n_patterns: int, dim: int, beta: float, order: int = 1) -> float:
    """Return the mean of the part of a softmax on other patterns, or of a power of it: exact.

    Parameters
    ----------
    n_patterns : int
        Number of patterns M.
    dim : int >= 2
        Dimensions d.
    beta : float > 0
        Inverse temperature.
    order : {1, 2, 3}, default 1
        The power.

    Returns
    -------
    float
        E L^order with L = S / (1 + S), S = sum over the others of exp(beta (c - 1)).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived. (1 + S)^-k is the integral of s^(k-1) exp(-s (1 + S)) / (k-1)!, and E exp(-s S) is the (M-1)th
    power of one pattern's. The powers of L = 1 - 1/(1 + S) make Laguerre polynomials of that:
    E L^k = integral of exp(-s) L_(k-1)^(1)(s) (1 - E exp(-s S)).

    Examples
    --------
    >>> round(leakage(1000, 8, 20.0), 3), round(leakage_moment(1000, 8, 20.0), 3)
    (0.299, 0.286)
    """
    owner = "continuous.leakage_moment"
    m, d, b = count(owner, "n_patterns", n_patterns), count(owner, "dim", dim, 2), _beta(owner, beta)
    power = count(owner, "order", order)
    if power > 3:
        refuse(owner, "order", "1, 2 or 3", order)
    return leaked_power(m, d, b, power) if m > 1 else 0.0


def _log_mean_exponential(dim: int, beta: float) -> float:
    """Return ln E exp(beta (c - 1))."""
    if dim == 1:
        return math.log1p(math.exp(-2.0 * beta)) - math.log(2.0)
    return log_integral(dim, beta)[0] - log_integral(dim, 0.0)[0]


def _missing_cosine(dim: int, beta: float) -> float:
    """Return the mean of 1 - c, c being tilted by exp(beta c): minus the slope of the above."""
    if dim == 1:
        return 2.0 / (1.0 + math.exp(min(2.0 * beta, 700.0)))
    return log_integral(dim, beta)[1]


def beta_for(n_patterns: int, dim: int, error: float = 0.01, overlap: float = 1.0) -> float:
    """Return the smallest inverse temperature at which a softmax leaks no more than ``error``.

    Parameters
    ----------
    n_patterns : int
        Number of patterns M.
    dim : int
        Dimensions d.
    error : float in (0, 1), default 0.01
        Part of the softmax on other patterns.
    overlap : float in (0, 1], default 1
        Cosine of the query and its pattern.

    Returns
    -------
    float
        For patterns of length 1; for length R divide by R^2. Infinite where no temperature suffices.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The root of `leakage`, which falls with beta, for an overlap below 1 down to its least value.

    Examples
    --------
    >>> beta = beta_for(100_000, 384, 0.01)
    >>> round(beta, 1), round(leakage(100_000, 384, beta), 4)
    (16.5, 0.01)
    """
    owner = "continuous.beta_for"
    m, d = max(2, count(owner, "n_patterns", n_patterns)), count(owner, "dim", dim)
    target, own = real(owner, "error", error, 0.0, 1.0, "()"), real(owner, "overlap", overlap, 0.0, 1.0, "(]")
    wanted = math.log(target / (1.0 - target))

    beta = 0.0
    for _ in range(_MOST_STEPS):  # ln r is convex: Newton's steps from 0 never pass its first root
        above = (_log_ratio(m, d, beta, own) if beta > 0.0 else math.log(m - 1)) - wanted
        slope = 1.0 - own - (_missing_cosine(d, beta) if beta > 0.0 else 1.0)
        if above <= _CLOSE:
            return beta if beta > 0.0 else 1.0
        if slope >= 0.0 or beta > _MOST_BETA:
            return math.inf
        beta -= above / slope
    return beta


def capacity(dim: int, beta: float, error: float = 0.01) -> float:
    """Return how many random unit patterns a softmax holds while it leaks no more than ``error``.

    Parameters
    ----------
    dim : int
        Dimensions d.
    beta : float > 0
        Inverse temperature.
    error : float in (0, 1), default 0.01
        Part of the softmax on other patterns.

    Returns
    -------
    float
        1 + error / (1 - error) / E exp(beta (c - 1)); it grows exponentially with d where beta does with it.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    `leakage` solved for M. Exponential storage is Theorem 3 of Ramsauer et al. 2020 (arXiv 2008.02217).

    Examples
    --------
    >>> round(capacity(64, 10.0, 1 / 3))
    5089
    """
    owner = "continuous.capacity"
    d, b = count(owner, "dim", dim), _beta(owner, beta)
    target = real(owner, "error", error, 0.0, 1.0, "()")
    log_others = math.log(target / (1.0 - target)) - _log_mean_exponential(d, b)
    return 1.0 + math.exp(log_others) if log_others < 700.0 else math.inf


def error_bound(
    n_patterns: int, separation: float, beta: float, radius: float, distance: float = 0.0
) -> float:
    """Return the bound of Ramsauer et al. on how far one update leads from the pattern.

    Parameters
    ----------
    n_patterns : int
        Number of patterns M.
    separation : float
        Delta, the pattern's product with itself less the largest with another.
    beta : float > 0
        Inverse temperature.
    radius : float > 0
        Largest length of a pattern.
    distance : float >= 0, default 0
        The larger one of the query's distance and the fixed point's distance from the pattern.

    Returns
    -------
    float
        2 (M - 1) exp(-beta (Delta - 2 distance radius)) radius.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 5 of Ramsauer et al. 2020 (arXiv 2008.02217). It counts every other pattern as the nearest one, so
    measured errors are far below it.

    Examples
    --------
    >>> round(error_bound(5000, 0.5, 20.0, 1.0), 2)
    0.45
    """
    owner = "continuous.error_bound"
    m = count(owner, "n_patterns", n_patterns)
    b, r = real(owner, "beta", beta, 0.0, math.inf, "()"), real(owner, "radius", radius, 0.0, math.inf, "()")
    gap = real(owner, "separation", separation) - 2.0 * real(owner, "distance", distance) * r
    return 2.0 * (m - 1) * math.exp(-b * gap) * r


def margin(separation: str, alpha: float = 1.5) -> float:
    """Return the gap of scaled scores, beta times the separation, from which one pattern has all the weight.

    Parameters
    ----------
    separation : {'sparsemax', 'entmax', 'normmax', 'softmax'}
    alpha : float > 1, default 1.5
        Of entmax.

    Returns
    -------
    float
        1 / (alpha - 1) for entmax, 1 for sparsemax and normmax, infinity for softmax.

    Raises
    ------
    ValueError
        For another separation or an alpha out of range.

    Notes
    -----
    Derived: at one pattern left the threshold is its score less 1 (of scores times alpha - 1 for entmax), and
    the next one must not pass it. Santos et al. 2024 (arXiv 2402.13725) have the same margins.

    Examples
    --------
    >>> margin("entmax", 1.5), margin("sparsemax"), margin("softmax")
    (2.0, 1.0, inf)
    """
    owner = "continuous.margin"
    if separation == "softmax":
        return math.inf
    if separation in MARGINS:
        return MARGINS[separation]
    if separation != "entmax":
        known = "one of 'softmax', 'sparsemax', 'entmax', 'normmax'"
        refuse(owner, "separation", known, separation)
    a = real(owner, "alpha", alpha, 1.0, math.inf, "()")
    return 1.0 / (a - 1.0)


def inexactness(n_patterns: int, dim: int, beta: float, gap: float) -> float:
    """Return the probability that a sparse separation leaves more than the pattern asked for.

    Parameters
    ----------
    n_patterns : int
        Number of patterns M.
    dim : int >= 2
        Dimensions d.
    beta : float > 0
        Inverse temperature.
    gap : float > 0
        The separation's `margin`.

    Returns
    -------
    float
        1 - P(c <= 1 - gap / beta)^(M - 1), c the cosine of two random directions: exact.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived. It falls to 0 at a finite beta for any M, where `leakage` never does.

    Examples
    --------
    >>> inexactness(1000, 64, 2.0, 2.0) > 0.99, inexactness(1000, 64, 8.0, 2.0) < 0.001
    (True, True)
    """
    owner = "continuous.inexactness"
    m, d = count(owner, "n_patterns", n_patterns), count(owner, "dim", dim, 2)
    b, g = real(owner, "beta", beta, 0.0, math.inf, "()"), real(owner, "gap", gap, 0.0, math.inf, "()")
    cut = 1.0 - g / b
    if cut <= -1.0:
        return 0.0 if m == 1 else 1.0
    half = (d - 1) / 2.0
    above = float(
        scipy_module("special").betainc(half, half, (1.0 - cut) / 2.0)
    )  # (1 + c) / 2 is Beta(half, half)
    return -math.expm1((m - 1) * math.log1p(-above)) if above < 1.0 else 1.0
