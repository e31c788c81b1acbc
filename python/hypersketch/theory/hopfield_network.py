# SPDX-License-Identifier: Apache-2.0
"""Hopfield networks of random patterns: wrong bits, how many patterns fit, and where recall breaks down.

M random patterns of N units, load alpha = M / N, zero diagonal; a unit whose field is zero keeps its state.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, counts, real, reals, refuse
from ._lattice import sign_sum_tail
from ._scipy import scipy_module
from .normal import tail

CRITICAL_LOAD = 0.137906
"""Load at which Hebb's rule loses all patterns, for many units: see `retrieval_overlap`."""


def bit_error(
    n_units: Floats, n_patterns: Floats, n_flipped: Floats = 0, *, diagonal: bool = False
) -> Floats:
    """Return the rate of units that are wrong after one synchronous update, Hebb's rule; exact.

    Parameters
    ----------
    n_units, n_patterns : int or array
        Units N and stored patterns M, one of which is asked for. Elementwise.
    n_flipped : int or array, default 0
        How many units of it, at random, are turned in the starting state.
    diagonal : bool, default False
        Whether the diagonal of W counts, as in a plain `OuterProductMemory`; it holds every unit where it is,
        right or wrong, with the weight M.

    Returns
    -------
    float or ndarray
        Rate over units and over all patterns.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    A unit's field times its entry is N - 1 - 2 k plus a sum of (M - 1)(N - 1) independent random signs, k the
    turned units among the others, and M or -M with the diagonal: the tail is that of a binomial distribution.
    A turned unit stays wrong at a field of zero, too. Formula 6.1; derived. Its limit Q(sqrt(N / M)) at loads
    0.105, 0.138, 0.185, 0.37 and 0.61 is 0.001, 0.0036, 0.01, 0.05 and 0.1, the table of Hertz, Krogh &
    Palmer (1991), recalled.

    Examples
    --------
    >>> bit_error(1000, [106, 139, 186, 371, 611]).round(4)
    array([0.001 , 0.0036, 0.01  , 0.0502, 0.1003])
    >>> round(bit_error(200, 60, 40), 4), round(bit_error(200, 60, 40, diagonal=True), 4)
    (0.134, 0.0966)
    """
    owner = "hopfield_network.bit_error"
    units, patterns = counts(owner, "n_units", n_units), counts(owner, "n_patterns", n_patterns)
    turned = counts(owner, "n_flipped", n_flipped, 0)
    if np.any(turned > units):
        refuse(owner, "n_flipped", "at most n_units", n_flipped)
    signs, share = (patterns - 1) * (units - 1), turned / units
    own = patterns if diagonal else 0
    # P(sum < -(N - 1 - 2 k)) = P(sum >= N - 2 k) for a unit that was right, k turned among the others.
    right = sign_sum_tail(signs, units - 2 * turned + own)
    # P(sum <= -(N - 1 - 2 (k - 1))) = P(sum >= N + 1 - 2 k) for one that was turned: with that sign it would
    # be right only for a field above zero.
    wrong = sign_sum_tail(signs, units + 1 - 2 * turned - own)
    return answer((1.0 - share) * right + share * wrong)


def gaussian_bit_error(load: Floats) -> Floats:
    """Return the rate of wrong units after one update from a stored pattern, for many units.

    Parameters
    ----------
    load : float or array
        Patterns a unit, above 0.

    Returns
    -------
    float or ndarray
        Q(1 / sqrt(load)).

    Raises
    ------
    ValueError
        The load is not above 0.

    Notes
    -----
    Formula 6.1; recalled (Hertz, Krogh & Palmer 1991, section 2.2).

    Examples
    --------
    >>> gaussian_bit_error([0.105, 0.138, 0.185, 0.37, 0.61]).round(4)
    array([0.001 , 0.0036, 0.01  , 0.0501, 0.1002])
    """
    loads = reals("hopfield_network.gaussian_bit_error", "load", load, 0.0, math.inf, "()")
    return answer(tail(1.0 / np.sqrt(loads)))


def capacity(n_units: int, error: float) -> int:
    """Return the largest number of patterns with at most this rate of wrong units, Hebb's rule.

    Parameters
    ----------
    n_units : int
        Number of units N.
    error : float
        Rate of wrong units after one update from a stored pattern, strictly between 0 and 1/2.

    Returns
    -------
    int
        The largest M whose `bit_error` is at most ``error``; at least 1.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Exact, by bisection. Beyond `CRITICAL_LOAD` the first update is still as good as this says, but those
    after it make it worse.

    Examples
    --------
    >>> [capacity(1000, error) for error in (0.001, 0.0036, 0.01, 0.05, 0.1)]
    [105, 139, 185, 370, 610]
    """
    owner = "hopfield_network.capacity"
    units, rate = count(owner, "n_units", n_units), real(owner, "error", error, 0.0, 0.5, "()")
    if units == 1:
        return 1  # its field is always zero

    def passes(patterns: int) -> bool:
        return bool(bit_error(units, patterns) <= rate)

    low, high = 1, 2
    while passes(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def perfect_recall_capacity(n_units: Floats, every: bool = False) -> Floats:
    """Return how many patterns can be stored so that they come back without an error, Hebb's rule.

    Parameters
    ----------
    n_units : int or array
        Number of units N, at least 2.
    every : bool, default False
        Whether all patterns must, not almost every one.

    Returns
    -------
    float or ndarray
        N / (2 ln N), or N / (4 ln N) for every one.

    Raises
    ------
    ValueError
        The number of units is not an integer of at least 2.

    Notes
    -----
    Formula 6.3; recalled (McEliece, Posner, Rodemich & Venkatesh 1987), for many units.

    Examples
    --------
    >>> round(perfect_recall_capacity(1000), 1), round(perfect_recall_capacity(1000, every=True), 1)
    (72.4, 36.2)
    """
    units = counts("hopfield_network.perfect_recall_capacity", "n_units", n_units, 2)
    return answer(units / ((4.0 if every else 2.0) * np.log(units)))


def retrieval_overlap(load: float) -> float:
    """Return the overlap of the attractor near a stored pattern with it, for many units, Hebb's rule.

    Parameters
    ----------
    load : float
        Patterns a unit, above 0.

    Returns
    -------
    float
        The overlap m; 0 beyond the critical load, where there is no such attractor.

    Raises
    ------
    ValueError
        The load is not above 0.

    Notes
    -----
    The replica-symmetric equations of Amit, Gutfreund & Sompolinsky (1985) at temperature 0 in one unknown:
    m = erf(y) with y (sqrt(2 alpha) + (2 / sqrt(pi)) exp(-y^2)) = erf(y). The largest root is lost at alpha =
    0.137906 with m = 0.967. Formula 6.2; recalled, and the critical load is that of Stojnic (arXiv
    2403.01907, first level).

    Examples
    --------
    >>> [round(retrieval_overlap(load), 4) for load in (0.05, 0.1, 0.1379, 0.138)]
    [1.0, 0.998, 0.9681, 0.0]
    """
    alpha = real("hopfield_network.retrieval_overlap", "load", load, 0.0, math.inf, "()")
    root = math.sqrt(2.0 * alpha)

    def excess(y: float) -> float:
        return math.erf(y) - y * (root + 2.0 / math.sqrt(math.pi) * math.exp(-y * y))

    highest = 1.0 / root + 1.0
    steps = np.linspace(highest, 0.0, 4001)[:-1].tolist()
    first = next((i for i, y in enumerate(steps) if excess(y) >= 0.0), 0)
    if first == 0:
        return 0.0
    low, high = steps[first], steps[first - 1]
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if excess(middle) >= 0.0 else (low, middle)
    return math.erf(low)


def storkey_bit_error(load: Floats) -> Floats:
    """Return the rate of wrong units after one update from a stored pattern, Storkey's rule, for many units.

    Parameters
    ----------
    load : float or array
        Patterns a unit, above 0.

    Returns
    -------
    float or ndarray
        Mean over all patterns; the first that were stored have the most.

    Raises
    ------
    ValueError
        The load is not above 0.

    Notes
    -----
    A pattern stored at load b and asked for at load a has fields 1 + noise of variance u = (e^2a - e^(a+b) +
    1 - e^(a-b)) / 2; the rate is the mean of Q(1 / sqrt(u)) over b in [0, a]. From the rule: a new pattern x
    adds -x (x . noise) - (W x) o to a field, o its overlap with the pattern, so du = (u + v) da, where v =
    (e^2a - 1) / 2, dv = (1 + 2 v) da, is the sum of squares of a row of W; the newest pattern has no noise.
    Derived, simulated at N = 800 (rates .00078 and .0221 against .00074 and .0220 at loads .4 and .6).

    Examples
    --------
    >>> storkey_bit_error([0.3, 0.4, 0.6]).round(6)
    array([7.000e-06, 7.420e-04, 2.202e-02])
    """
    loads = reals("hopfield_network.storkey_bit_error", "load", load, 0.0, math.inf, "()")
    errors, weights = _storkey_errors(loads)
    return answer((errors * weights).sum(axis=-1) / 2.0)


def storkey_stable(n_units: int, n_patterns: int) -> float:
    """Return the share of patterns that one update leaves as they are, Storkey's rule, for many units.

    Parameters
    ----------
    n_units, n_patterns : int
        Units N and patterns M.

    Returns
    -------
    float
        Mean over patterns of (1 - the rate of wrong units of each)^N.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Units are taken as independent. Derived, as `storkey_bit_error`.

    Examples
    --------
    >>> round(storkey_stable(400, 120), 3)
    0.997
    """
    owner = "hopfield_network.storkey_stable"
    units, patterns = count(owner, "n_units", n_units), count(owner, "n_patterns", n_patterns)
    errors, weights = _storkey_errors(np.asarray(patterns / units))
    return float(((1.0 - errors) ** units * weights).sum() / 2.0)


def _storkey_errors(loads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rates of wrong units over the loads at which patterns were stored, and weights that add to 2."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    a = loads[..., np.newaxis]
    b = a * (nodes + 1.0) / 2.0
    variance = (np.exp(2.0 * a) - np.exp(a + b) + 1.0 - np.exp(a - b)) / 2.0
    return np.asarray(tail(1.0 / np.sqrt(np.maximum(variance, 1e-300)))), weights


def storkey_load(error: float) -> float:
    """Return the load at which Storkey's rule has this rate of wrong units.

    Parameters
    ----------
    error : float
        Rate after one update from a stored pattern, strictly between 0 and 1/2.

    Returns
    -------
    float
        The load whose `storkey_bit_error` is ``error``.

    Raises
    ------
    ValueError
        The error is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Derived. For comparison, N / sqrt(2 ln N) patterns are recalled without an error (Storkey 1997, recalled).

    Examples
    --------
    >>> round(storkey_load(0.001), 4), round(storkey_load(0.01), 4)
    (0.4103, 0.5295)
    """
    rate = real("hopfield_network.storkey_load", "error", error, 0.0, 0.5, "()")
    high = 1.0
    while storkey_bit_error(high) < rate:
        high *= 2.0
    brentq = scipy_module("optimize").brentq
    return float(brentq(lambda load: storkey_bit_error(load) - rate, 1e-3, high))
