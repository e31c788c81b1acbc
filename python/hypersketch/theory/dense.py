# SPDX-License-Identifier: Apache-2.0
"""Dense associative memories of random patterns: wrong bits, and how many patterns fit.

M random patterns of N units, energy -sum of F(overlap), F(x) = x^n or exp(x). After one update from a stored
pattern a unit is wrong where S = sum over the M - 1 other patterns of e (F(c + 1) - F(c - 1)) is below -(F(N)
- F(N - 2)), e random signs and c sums of N - 1 random signs, all independent.
"""

from __future__ import annotations

import functools
import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, counts, real, refuse
from ._scipy import scipy_module
from ._symmetric import Terms, symmetric_bound, symmetric_tail
from .normal import tail, tail_inverse


def double_factorial(n: int) -> int:
    """Return n!! of an odd number.

    Examples
    --------
    >>> double_factorial(7)
    105
    """
    return math.prod(range(n, 0, -2))


def gaussian_bit_error(n_units: Floats, n_patterns: Floats, degree: int = 3) -> Floats:
    """Return the rate of wrong units after one update from a stored pattern, for many units.

    Parameters
    ----------
    n_units, n_patterns : int or array
        Units N and patterns M. Elementwise.
    degree : int, default 3
        The power n, at least 2.

    Returns
    -------
    float or ndarray
        Q(sqrt(N^(n-1) / (M (2n-3)!!))).

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 6.6; recalled (Krotov & Hopfield 2016), simulated (n = 3, N = 60, M = 300: .0233 against .0228).

    Examples
    --------
    >>> round(gaussian_bit_error(60, 300, 3), 4)
    0.0228
    """
    owner = "dense.gaussian_bit_error"
    units, patterns = counts(owner, "n_units", n_units), counts(owner, "n_patterns", n_patterns)
    power = count(owner, "degree", degree, 2)
    return answer(tail(np.sqrt(units ** (power - 1) / (patterns * double_factorial(2 * power - 3)))))


def perfect_recall_capacity(n_units: Floats, degree: int = 3) -> Floats:
    """Return how many patterns come back without an error, almost all of them, for many units.

    Parameters
    ----------
    n_units : int or array
        Number of units N, at least 2.
    degree : int, default 3
        The power n, at least 2.

    Returns
    -------
    float or ndarray
        N^(n-1) / (2 (2n-3)!! ln N).

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 6.6; recalled (Krotov & Hopfield 2016).

    Examples
    --------
    >>> round(perfect_recall_capacity(1000, 2)), round(perfect_recall_capacity(1000, 3))
    (72, 24127)
    """
    owner = "dense.perfect_recall_capacity"
    units, power = counts(owner, "n_units", n_units, 2), count(owner, "degree", degree, 2)
    return answer(units ** (power - 1) / (2.0 * double_factorial(2 * power - 3) * np.log(units)))


@functools.lru_cache(16)
def _terms(n_units: int, degree: int, rectified: bool) -> Terms:
    """Return the values of a term, their probabilities, and the lattice of sums of terms, in integers."""

    ends = [_value(x, degree, rectified) for x in range(n_units, -n_units - 1, -2)]
    values = [above - below for above, below in pairwise(ends)]
    return Terms.of(values, _binomial(n_units - 1), max(1, values[0]))


def _value(x: int, degree: int, rectified: bool) -> int:
    """Return F(x)."""
    return 0 if rectified and x < 0 else x**degree


def _binomial(draws: int) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, ... heads."""
    heads = np.arange(draws + 1)
    gammaln = scipy_module("special").gammaln
    log = gammaln(draws + 1.0) - gammaln(heads + 1.0) - gammaln(draws - heads + 1.0) - draws * math.log(2.0)
    return np.asarray(np.exp(log))


def bit_error(
    n_units: int, n_patterns: int, degree: int = 3, rectified: bool = False, n_flipped: int = 0
) -> float:
    """Return the rate of wrong units after one update from a stored pattern, or from one with turned units.

    Parameters
    ----------
    n_units, n_patterns : int
        Units N and patterns M.
    degree : int, default 3
        The power n, at least 2.
    rectified : bool, default False
        Whether F(x) = 0 for negative x.
    n_flipped : int, default 0
        How many units of it, at random, are turned in the starting state.

    Returns
    -------
    float
        P(S < -(F(N) - F(N - 2))); ties keep the state and are right. With k turned units those that were
        right have N - 2 k in place of N, and a turned one is wrong where S <= F(N - 2 k) - F(N - 2 k + 2).

    Raises
    ------
    ValueError
        An argument is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    The characteristic function of a term is a sum of N cosines; its (M - 1)-th power is inverted on the
    lattice of S, from the frequencies around zero, where it does not vanish. The error is below 1e-6 of the
    rate for some tens of patterns and more. Derived; for degree 2 it is the binomial tail of
    `hypersketch.theory.hopfield_network.bit_error`.

    Examples
    --------
    >>> round(bit_error(60, 300), 4), round(gaussian_bit_error(60, 300), 4)
    (0.0241, 0.0228)
    >>> round(bit_error(60, 300, n_flipped=6), 4)
    0.1024
    """
    owner = "dense.bit_error"
    units, patterns = count(owner, "n_units", n_units), count(owner, "n_patterns", n_patterns)
    power = count(owner, "degree", degree, 2)
    turned = count(owner, "n_flipped", n_flipped, 0)
    if turned > units:
        refuse(owner, "n_flipped", "at most n_units", n_flipped)
    terms, left = _terms(units, power, rectified), units - 2 * turned
    steps = [_value(x, power, rectified) for x in (left - 2, left, left + 2)]
    rate = (1.0 - turned / units) * _tail(terms, patterns - 1, steps[1] - steps[0] + 1)
    if turned:
        rate += turned / units * _tail(terms, patterns - 1, steps[2] - steps[1])
    return rate


def _tail(terms: Terms, n: int, least: int) -> float:
    if least <= 0:
        return 1.0 - symmetric_tail(terms, n, 1 - least)
    return symmetric_tail(terms, n, least)


def bit_error_bound(n_units: int, n_patterns: int) -> float:
    """Return what the rate of wrong units cannot exceed, F = exp.

    Parameters
    ----------
    n_units, n_patterns : int
        Units N and patterns M.

    Returns
    -------
    float
        Upper bound of the rate of wrong units after one update from a stored pattern, at most 1/2.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Chernoff's bound: S / (F(N) - F(N - 2)) is a sum of M - 1 terms e exp(-2 K), K binomial of N - 1 and 1/2,
    so the rate is at most min over t of exp(-t) (E cosh(t exp(-2 K)))^(M - 1). Derived. Formula 6.7: all
    patterns are stable while M < exp(a N), a < ln(2) / 2 (Demircigil et al. 2017, recalled).

    Examples
    --------
    >>> bit_error_bound(28, 2**14) < 0.002 < bit_error_bound(28, 2**18)
    True
    """
    owner = "dense.bit_error_bound"
    units, patterns = count(owner, "n_units", n_units), count(owner, "n_patterns", n_patterns)
    if patterns == 1 or units == 1:
        return 0.0
    terms = Terms(np.exp(-2.0 * np.arange(units)), _binomial(units - 1), 0, 1, 1)
    return symmetric_bound(terms, patterns - 1, 1.0)


def capacity(n_units: int, error: float, degree: int | str = 3, rectified: bool = False) -> int:
    """Return the largest number of patterns with at most this rate of wrong units.

    Parameters
    ----------
    n_units : int
        Number of units N.
    error : float
        Rate of wrong units after one update from a stored pattern, strictly between 0 and 1/2.
    degree : int or 'exp', default 3
        The power n, or the exponential.
    rectified : bool, default False
        Whether F(x) = 0 for negative x.

    Returns
    -------
    int
        The largest M whose `bit_error` is at most ``error``, or whose `bit_error_bound` is; at least 1, and
        at most 2**62.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    By bisection. Derived.

    Examples
    --------
    >>> [capacity(100, 0.01, degree) for degree in (2, 3, 4)]
    [19, 605, 12143]
    """
    owner = "dense.capacity"
    units, rate = count(owner, "n_units", n_units), real(owner, "error", error, 0.0, 0.5, "()")

    def passes(patterns: int) -> bool:
        if degree == "exp":
            return bit_error_bound(units, patterns) <= rate
        return bit_error(units, patterns, int(degree), rectified) <= rate

    low = 1
    if degree != "exp":  # few patterns are the slowest to be certain of
        power = count(owner, "degree", degree, 2)
        about = units ** (power - 1) / (tail_inverse(rate) ** 2 * double_factorial(2 * power - 3))
        low = max(1, int(min(about, 2.0**60) / 4))
        while low > 1 and not passes(low):
            low //= 2
    high = 2 * low
    while high < 2**62 and passes(high):
        low, high = high, 2 * high
    if high >= 2**62:
        return 2**62
    while high - low > max(1, low >> 40):
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low
