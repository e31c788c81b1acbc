# SPDX-License-Identifier: Apache-2.0
"""MAP-B: how a majority bundle correlates with members, with nested members and with other bundles.

All of it is in `map_b` too.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import Floats, answer, at_most, count, counts, reals
from ._lattice import binomial_tail
from ._scipy import scipy_module

# C(2m, m) / 4^m = (1 + sum a_i / m^i) / sqrt(pi m); with these terms exact to rounding from m = 400 on.
_CENTRAL = (-1.0 / 8.0, 1.0 / 128.0, 5.0 / 1024.0, -21.0 / 32768.0, -399.0 / 262144.0)


def _central(m: int) -> float:
    """Return C(2m, m) / 4^m."""
    if m < 400:
        return float(math.comb(2 * m, m) / 4**m)
    series = sum(a / float(m) ** (i + 1) for i, a in enumerate(_CENTRAL))
    return (1.0 + series) / math.sqrt(math.pi * m)


_CENTRALS = np.frompyfunc(_central, 1, 1)


def correlation(n: Floats) -> Floats:
    """Return the correlation c(n) of a majority bundle with each of its n members.

    Parameters
    ----------
    n : int or array
        Number of members. Elementwise.

    Returns
    -------
    float or ndarray
        c(n): the expected score of a member.

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.

    Notes
    -----
    C(n-1, (n-1)/2) / 2^(n-1) for odd n; c(n) = c(n+1) for even n with random ties; about
    sqrt(2/(pi n)). Formula 2.1; paper (Kanerva 1997 form, in the hdfsa repository) and derived, exact,
    simulated. Needs no SciPy.

    Examples
    --------
    >>> correlation([1, 2, 3, 4, 5]).tolist()
    [1.0, 0.5, 0.5, 0.375, 0.375]
    """
    items = counts("map_b.correlation", "n", n)
    return answer(np.asarray(_CENTRALS((items // 2).astype(np.int64)), dtype=np.float64))


def hamming(n: Floats) -> Floats:
    """Return the expected relative Hamming distance of a member from its BSC bundle.

    Parameters
    ----------
    n : int or array
        Number of members. Elementwise.

    Returns
    -------
    float or ndarray
        (1 - c(n)) / 2.

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.

    Notes
    -----
    1/2 - C(n-1, (n-1)/2) / 2^n; about .5 - .4/sqrt(n - .44). Formula 2.2; paper (hdfsa
    repository; Kanerva).

    Examples
    --------
    >>> hamming(3), hamming(5)
    (0.25, 0.3125)
    """
    return answer((1.0 - np.asarray(correlation(counts("map_b.hamming", "n", n)))) / 2.0)


def nested_correlation(n: Floats, depth: Floats) -> Floats:
    """Return the correlation of a nested bundle with one of its leaves.

    Parameters
    ----------
    n : int or array
        Fan-out of every level. Elementwise.
    depth : int or array
        Number of levels.

    Returns
    -------
    float or ndarray
        c(n)^depth.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 2.5; derived, exact, simulated: (3,2) .249 against .25, (3,3) .124 against .125,
    (5,3) .0538 against .0527. For an even fan-out every bundle must break its ties by a vector of its
    own: with one tie vector shared by all bundles of a space, (2,2) has 1/8, not 1/4 (enumerated).

    Examples
    --------
    >>> nested_correlation(3, 2), round(nested_correlation(5, 3), 4)
    (0.25, 0.0527)
    """
    owner = "map_b.nested_correlation"
    c = np.asarray(correlation(counts(owner, "n", n)))
    return answer(c ** counts(owner, "depth", depth, 0))


def incremental_correlation(age: Floats) -> Floats:
    """Return the correlation of an item with a bundle that was binarised after every addition.

    Parameters
    ----------
    age : int or array
        Number of items added after this one. Elementwise.

    Returns
    -------
    float or ndarray
        2^-(age + 1).

    Raises
    ------
    ValueError
        ``age`` is not an integer of its range.

    Notes
    -----
    Pairwise bundling with fresh random ties, c(2) = 1/2 a step. Formula 2.5; derived,
    simulated .50 .25 .127 .064 .034 .032.

    Examples
    --------
    >>> incremental_correlation([0, 1, 2]).tolist()
    [0.5, 0.25, 0.125]
    """
    return answer(0.5 ** (counts("map_b.incremental_correlation", "age", age, 0) + 1.0))


def flipped_correlation(n: Floats, rate: Floats) -> Floats:
    """Return the correlation of a member with a bundle whose bits were flipped at a rate.

    Parameters
    ----------
    n : int or array
        Number of members. Elementwise.
    rate : float or array
        Probability that a bit is flipped, in [0, 1].

    Returns
    -------
    float or ndarray
        (1 - 2 rate) c(n).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 2.7; derived, simulated at n = 11, rate = .1 (.194 against .197).

    Examples
    --------
    >>> round(flipped_correlation(11, 0.1), 3)
    0.197
    """
    owner = "map_b.flipped_correlation"
    return answer((1.0 - 2.0 * reals(owner, "rate", rate, 0.0, 1.0)) * np.asarray(correlation(n)))


def agreement(n: Floats) -> Floats:
    """Return the correlation, per bit, of two members' agreements with their bundle.

    Parameters
    ----------
    n : int or array
        Number of members, at least 2. Elementwise.

    Returns
    -------
    float or ndarray
        -c^2 / (1 - c^2), c = c(n).

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.

    Notes
    -----
    Formula 2.8; paper, second hand (ABM preprint) and derived, exact, simulated at n = 11
    (-.0648 against -.0632 there). Chains of hops therefore do worse than p^h.

    Examples
    --------
    >>> round(agreement(11), 4)
    -0.0645
    """
    c = np.asarray(correlation(counts("map_b.agreement", "n", n, 2)))
    return answer(-(c**2) / (1.0 - c**2))


def _overlap(owner: str, n: int, shared: int, n_other: int | None) -> tuple[int, int, int]:
    """Return the checked sizes (n, other n, shared)."""
    first = count(owner, "n", n)
    second = first if n_other is None else count(owner, "n_other", n_other)
    both = count(owner, "shared", shared, 0)
    at_most(owner, "shared", np.float64(both), np.float64(min(first, second)), "the smaller size")
    return first, second, both


def intersection_correlation(n: int, shared: int, n_other: int | None = None) -> float:
    """Return the exact correlation of two majority bundles that share members.

    Parameters
    ----------
    n : int
        Number of members of the first bundle.
    shared : int
        Number I of members in both.
    n_other : int, optional
        Number of members of the second bundle, ``n`` by default.

    Returns
    -------
    float
        Expected <x, y> / D.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.
    ImportError
        SciPy is not installed.

    Notes
    -----
    E[g(A) h(A)], A the sum of the I shared signs, g and h the expected signs of A plus the
    rest. Bundles of one space break ties by one vector, which counts as a member of every even bundle, so
    two even bundles share it. Exact form of formula 2.6; derived, simulated at n = 41, I = 10, 20, 30:
    .161 .325 .527.

    Examples
    --------
    >>> [round(intersection_correlation(41, shared), 3) for shared in (10, 20, 30)]
    [0.158, 0.327, 0.527]
    """
    first, second, both = _overlap("map_b.intersection_correlation", n, shared, n_other)
    if first % 2 == 0 and second % 2 == 0:
        both += 1
    first, second = first + 1 - first % 2, second + 1 - second % 2
    plus = np.arange(both + 1, dtype=np.float64)
    gammaln = scipy_module("special").gammaln
    log = gammaln(both + 1.0) - gammaln(plus + 1.0) - gammaln(both - plus + 1.0) - both * math.log(2.0)
    total = 2.0 * plus - both
    signs = [
        2.0 * binomial_tail(size - both, np.ceil((size - both - total) / 2.0), 0.5) - 1.0
        for size in (first, second)
    ]
    return float(np.sum(np.exp(log) * signs[0] * signs[1]))


def gaussian_intersection_correlation(n: Floats, shared: Floats) -> Floats:
    """Return the large-n correlation (2/pi) asin(I/n) of two majority bundles.

    Parameters
    ----------
    n, shared : int or array
        Number of members of each bundle, and of both. Elementwise.

    Returns
    -------
    float or ndarray
        Correlation.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above ``n``.

    Notes
    -----
    Formula 2.6; derived (central limit), simulated at n = 41, I = 10, 20, 30: .161 .325
    .527 against .157 .324 .523.

    Examples
    --------
    >>> round(gaussian_intersection_correlation(41, 20), 3)
    0.324
    """
    owner = "map_b.gaussian_intersection_correlation"
    items, both = counts(owner, "n", n), counts(owner, "shared", shared, 0)
    at_most(owner, "shared", both, items, "n")
    return answer(2.0 / math.pi * np.arcsin(both / items))


def intersection_estimate(n: Floats, correlation: Floats, n_other: Floats | None = None) -> Floats:
    """Return the estimated number of shared members from the correlation of two majority bundles.

    Parameters
    ----------
    n : int or array
        Number of members of the first bundle. Elementwise.
    correlation : float or array
        <x, y> / D, in [-1, 1].
    n_other : int or array, optional
        Number of members of the second bundle, ``n`` by default.

    Returns
    -------
    float or ndarray
        sqrt(n n') sin(pi correlation / 2).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 2.6; derived, simulated at n = 41, I = 20, D = 4000: mean 20.2, sd .857. Its bias is in
    `intersection_moments`.

    Examples
    --------
    >>> round(intersection_estimate(41, 0.324), 1)
    20.0
    """
    owner = "map_b.intersection_estimate"
    items = counts(owner, "n", n)
    others = items if n_other is None else counts(owner, "n_other", n_other)
    angle = math.pi / 2.0 * reals(owner, "correlation", correlation, -1.0, 1.0)
    return answer(np.sqrt(items * others) * np.sin(angle))


def intersection_moments(n: int, shared: int, dim: int, n_other: int | None = None) -> tuple[float, float]:
    """Return mean and standard deviation of the estimated number of shared members.

    Parameters
    ----------
    n, shared : int
        Number of members of the first bundle, and of both.
    dim : int
        Dimension D.
    n_other : int, optional
        Number of members of the second bundle, ``n`` by default.

    Returns
    -------
    tuple of float
        (mean, sd) of `intersection_estimate`.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Exact: with agreements A ~ Bin(D, (1+r)/2), r the exact correlation, E exp(i pi A / D) is
    a power, and the sine's first two moments follow from it. Derived; formula 2.6 has the delta method
    of it.

    Examples
    --------
    >>> mean, sd = intersection_moments(41, 20, 4000)
    >>> round(mean, 1), round(sd, 2)
    (20.2, 0.84)
    """
    owner = "map_b.intersection_moments"
    first, second, _ = _overlap(owner, n, shared, n_other)
    d = count(owner, "dim", dim)
    agree = (1.0 + intersection_correlation(n, shared, n_other)) / 2.0

    def rotation(angle: float) -> complex:
        """Return E exp(i angle (2 A / D - 1))."""
        step = complex(math.cos(2.0 * angle / d), math.sin(2.0 * angle / d))
        turned = (1.0 - agree + agree * step) ** d
        return turned * complex(math.cos(angle), -math.sin(angle))

    mean = rotation(math.pi / 2.0).imag
    square = 0.5 - 0.5 * rotation(math.pi).real
    scale = math.sqrt(first * second)
    return scale * mean, scale * math.sqrt(max(0.0, square - mean**2))


def intersection_sd(n: int, shared: int, dim: int) -> float:
    """Return the delta-method standard deviation of the estimated number of shared members.

    Parameters
    ----------
    n, shared : int
        Number of members of each bundle, and of both.
    dim : int
        Dimension D.

    Returns
    -------
    float
        (pi n / 2) cos(pi r / 2) sqrt((1 - r^2) / D), r the exact correlation.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above ``n``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 2.6; derived, simulated at n = 41, I = 20, D = 4000 (.857 against .841).

    Examples
    --------
    >>> round(intersection_sd(41, 20, 4000), 2)
    0.84
    """
    r = intersection_correlation(n, shared)
    d = count("map_b.intersection_sd", "dim", dim)
    return math.pi * n / 2.0 * math.cos(math.pi * r / 2.0) * math.sqrt(max(0.0, 1.0 - r * r) / d)
