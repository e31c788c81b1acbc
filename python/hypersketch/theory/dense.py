# SPDX-License-Identifier: Apache-2.0
"""Dense associative memories of random patterns: wrong bits, and how many patterns fit.

M random patterns of N units, energy -sum of F(overlap), F(x) = x^n or exp(x). After one update from a stored
pattern a unit is wrong where S = sum over the M - 1 other patterns of e (F(c + 1) - F(c - 1)) is below -(F(N)
- F(N - 2)), e random signs and c sums of N - 1 random signs, all independent.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, counts, real
from ._scipy import scipy_module
from .normal import tail, tail_inverse

_MOST_NODES = 1 << 17
_SHARE = 1e-16


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


class _Terms(NamedTuple):
    """A term e (F(c + 1) - F(c - 1)) of the noise, in units of the signal."""

    sizes: NDArray[np.float64]
    weights: NDArray[np.float64]
    first: int
    step: int
    signal: int


@functools.lru_cache(16)
def _terms(n_units: int, degree: int, rectified: bool) -> _Terms:
    """Return the values of a term, their probabilities, and the lattice of sums of terms, in integers."""

    def value(x: int) -> int:
        return 0 if rectified and x < 0 else x**degree

    sums = range(n_units - 1, -n_units, -2)
    values, signal = [value(c + 1) - value(c - 1) for c in sums], value(n_units) - value(n_units - 2)
    step = math.gcd(*(v - values[0] for v in values), 2 * values[0])
    heads = np.arange(n_units)
    gammaln = scipy_module("special").gammaln
    log = gammaln(n_units) - gammaln(heads + 1.0) - gammaln(n_units - heads) - (n_units - 1) * math.log(2.0)
    weights = np.exp(log)
    sizes = np.array([v / signal for v in values])
    return _Terms(sizes, weights / weights.sum(), values[0], step, signal)


def bit_error(n_units: int, n_patterns: int, degree: int = 3, rectified: bool = False) -> float:
    """Return the rate of wrong units after one update from a stored pattern.

    Parameters
    ----------
    n_units, n_patterns : int
        Units N and patterns M.
    degree : int, default 3
        The power n, at least 2.
    rectified : bool, default False
        Whether F(x) = 0 for negative x.

    Returns
    -------
    float
        P(S < -(F(N) - F(N - 2))); ties keep the state and are right.

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
    """
    owner = "dense.bit_error"
    units, patterns = count(owner, "n_units", n_units), count(owner, "n_patterns", n_patterns)
    power = count(owner, "degree", degree, 2)
    if patterns == 1 or units == 1:
        return 0.0
    terms = _terms(units, power, rectified)
    if terms.step == 0:
        return 0.0
    # S lies at (M - 1) first + step * integer; the boundary halfway between the last wrong point and the
    # first right one makes the inversion exact.
    start = (patterns - 1) * terms.first
    last_wrong = start + (-terms.signal - 1 - start) // terms.step * terms.step
    boundary = -(2 * last_wrong + terms.step) / (2 * terms.signal)
    return _tail(terms, patterns - 1, boundary)


def _tail(terms: _Terms, n: int, at: float) -> float:
    """Return P(S > at) of a symmetric sum on a lattice of that step, ``at`` between two of its points."""
    step, largest = terms.step / terms.signal, float(np.abs(terms.sizes).max())
    spread = math.sqrt(n * float(terms.weights @ terms.sizes**2))
    # Values farther away than this come with the probability of rounding.
    reach = min(n * largest, 40.0 * spread + 40.0 * largest)
    if at > reach:
        return 0.0
    width = 2.0 * math.pi / (2.0 * max(reach, at) + 2.0 * step)
    most = min(_MOST_NODES, math.ceil(math.pi / step / width))
    total, chunk = 0.0, 256
    for first in range(0, most, chunk):
        # The midpoint rule on a periodic function: exact but for sums beyond the reach.
        theta = width * (np.arange(first, min(first + chunk, most)) + 0.5)
        power = _to_the(terms, theta, n)
        total += float(np.sum(power * np.sin(theta * at) * (step / 2.0) / np.sin(theta * step / 2.0)))
        if np.abs(power[-16:]).max() < _SHARE:
            break
    return float(np.clip(0.5 - total * width / math.pi, 0.0, 1.0))


def _to_the(terms: _Terms, theta: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Return the n-th power of the characteristic function of one term."""
    # 1 - phi = 2 E sin^2 keeps its digits where phi is nearly 1.
    lost = 2.0 * np.sin(np.outer(theta, terms.sizes / 2.0)) ** 2 @ terms.weights
    phi = 1.0 - lost
    size = np.exp(
        n * np.where(lost < 0.5, np.log1p(-np.minimum(lost, 0.5)), np.log(np.maximum(np.abs(phi), 1e-300)))
    )
    return np.asarray(size * np.where((phi < 0.0) & (n % 2 == 1), -1.0, 1.0))


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
    heads = np.arange(units)
    gammaln = scipy_module("special").gammaln
    log = gammaln(units) - gammaln(heads + 1.0) - gammaln(units - heads) - (units - 1) * math.log(2.0)
    sizes = np.exp(-2.0 * heads)

    def exponent(t: float) -> float:
        grown = np.log(2.0) + 2.0 * (_log_sinh(t * sizes / 2.0)) + log  # log of (cosh - 1) P(K)
        top = float(grown.max())
        more = top + math.log(float(np.exp(grown - top).sum()))  # log of E cosh - 1
        return -t + (patterns - 1) * float(np.logaddexp(0.0, more))

    found = scipy_module("optimize").minimize_scalar(
        exponent, bounds=(1e-6, 2.0 * units + 10.0), method="bounded"
    )
    return min(0.5, math.exp(min(0.0, float(found.fun))))


def _log_sinh(x: NDArray[np.float64]) -> NDArray[np.float64]:
    small, large = np.clip(x, 1e-300, 1.0), np.maximum(x, 1.0)
    return np.where(x < 1.0, np.log(np.sinh(small)), large + np.log1p(-np.exp(-2.0 * large)) - math.log(2.0))


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
