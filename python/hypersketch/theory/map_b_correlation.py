# SPDX-License-Identifier: Apache-2.0
"""MAP-B: how a majority bundle correlates with members and nested members. All of it is in `map_b` too."""

from __future__ import annotations

import math

import numpy as np

from ._checks import Floats, answer, counts, reals

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
