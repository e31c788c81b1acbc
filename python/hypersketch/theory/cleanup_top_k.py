# SPDX-License-Identifier: Apache-2.0
"""Cleanup: how many of the n best of N codewords are the n members. All of it is in `cleanup` too."""

from __future__ import annotations

import math

import numpy as np

from . import map_b
from ._checks import count, real, subset_count
from ._exchangeable import member_tail_below, norm_nodes
from ._lattice import binomial_tail
from ._map_i_scores import NODES, SPAN, rest_above, share_of_pair
from ._order_statistics import Members, expected_misses
from ._scipy import scipy_module

_STEPS = 12.0  # grid points a standard deviation, refined for many members


def top_k_accuracy(
    mu_hit: float, sd_hit: float, mu_rest: float, sd_rest: float, n: int, universe: int
) -> float:
    """Return the expected share of the n members among the n best of N, all scores independent Gaussians.

    Parameters
    ----------
    mu_hit, sd_hit : float
        Mean and standard deviation (above 0) of a member's score.
    mu_rest, sd_rest : float
        Mean and standard deviation (above 0) of a non-member's score.
    n : int
        Number of members.
    universe : int
        Number N of codewords, members included.

    Returns
    -------
    float
        Expected number of members among the n best, over n.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``n`` is above ``universe``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    E[misses] = sum_r P(r-th smallest member < r-th largest non-member); the same as asking of
    a member with score u whether Bin(N-n, q(u)) + Bin(n-1, p(u)) <= n - 1. Formula 3.6; derived,
    simulated.

    Examples
    --------
    >>> round(top_k_accuracy(0.0, 1.0, 0.0, 1.0, 5, 20), 4)
    0.25
    """
    owner = "cleanup.top_k_accuracy"
    means = real(owner, "mu_hit", mu_hit), real(owner, "mu_rest", mu_rest)
    spreads = [real(owner, k, v, 0.0, ends="(]") for k, v in (("sd_hit", sd_hit), ("sd_rest", sd_rest))]
    items, rest = _split(owner, n, universe)
    reach = SPAN * max(spreads)
    step = min(spreads) / (80.0 * max(1.0, math.sqrt(items) / 8.0))
    points = min(40_001, math.ceil((abs(means[0] - means[1]) + 2.0 * reach) / step))
    u = np.linspace(min(means) - reach, max(means) + reach, points)
    ndtr = scipy_module("special").ndtr
    below, above = ndtr((u - means[0]) / spreads[0]), ndtr((means[1] - u) / spreads[1])
    return 1.0 - expected_misses([Members(items, below, 0.0)], np.ones(1), above, items, rest) / items


def _split(owner: str, n: int, universe: int) -> tuple[int, int]:
    """Return the checked number of members and of non-members."""
    items, total = subset_count(owner, n, universe)
    return items, total - items


def map_i_top_k(dim: int, n: int, universe: int) -> float:
    """Return the expected share of the n members of a MAP-I bundle among the n best of N codewords.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of members.
    universe : int
        Number N of codewords, members included.

    Returns
    -------
    float
        Top-n accuracy.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``n`` is above ``universe``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.6 given the bundle's norm (members correlated by -1/(n-1), non-members
    independent), averaged over the norm. Derived. Exact for n <= 2. 60,000 simulated bundles: n=15,
    N=1000: D=300 .9366 (this .9364, independent Gaussians .9311), 440 .9876 (.9879, .9858), 700 .99977
    (.99979, .99970); n=100, N=1000, D=400 .6138 (.6136); n=3, N=100, D=36 .929 (.925). Up to .05 high
    below D = 36, where scores are few and coarse.

    Examples
    --------
    >>> map_i_top_k(484, 5, 1000) > 0.9999
    True
    """
    owner = "cleanup.map_i_top_k"
    d = count(owner, "dim", dim)
    items, rest = _split(owner, n, universe)
    if items <= 2:
        return share_of_pair(d, items, items, rest)
    norms, weights = norm_nodes(d, items, NODES)
    # In units of sqrt(S) the non-members have one law, whatever S is.
    step = 1.0 / (_STEPS * max(1.0, math.sqrt(items) / 8.0))
    u = np.arange(-SPAN, math.sqrt(float(norms.max())) / items + SPAN, step)
    above = rest_above(d, items, float(d * items), u * math.sqrt(d * items))
    members = [
        Members(items, member_tail_below(d, items, norm, u * math.sqrt(norm)), 1.0 / (items - 1.0))
        for norm in norms
    ]
    return min(1.0, 1.0 - expected_misses(members, weights, above, items, rest) / items)


def map_b_top_k(dim: int, n: int, universe: int) -> float:
    """Return the expected share of the n members of a MAP-B bundle among the n best of N codewords.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of members.
    universe : int
        Number N of codewords, members included.

    Returns
    -------
    float
        Top-n accuracy.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``n`` is above ``universe``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.6 with exact binomial scores, ties broken at random, and the members'
    correlation 2.8. Derived. 60,000 simulated bundles: n=15, N=1000: D=440 .9205 (this .9206), 700 .9882
    (.9881); n=100, N=1000, D=400 .4999 (.4999); within 2 standard errors (.0003) from n = 3 on, .005 off
    at n=2, D=25.

    Examples
    --------
    >>> map_b_top_k(784, 5, 1000) > 0.9999
    True
    """
    owner = "cleanup.map_b_top_k"
    d = count(owner, "dim", dim)
    items, rest = _split(owner, n, universe)
    delta = float(map_b.hamming(items))
    reach = SPAN * math.sqrt(d) / 2.0
    first, last = math.floor(d / 2.0 - reach) - 1, math.ceil(d * (1.0 - delta) + reach)
    agreements = np.arange(max(-1, first), min(d, last) + 1, dtype=np.float64)
    # A random order among equal scores is what smearing every score evenly over its cell gives.
    parts = 2 * math.ceil(20.0 / math.sqrt(d))  # even: both sums of `_expected_misses` meet every kink
    u = np.linspace(agreements[0], agreements[-1], (len(agreements) - 1) * parts + 1)
    above = np.interp(u, agreements, binomial_tail(d, agreements + 1.0, 0.5))
    below = np.interp(u, agreements, binomial_tail(d, d - agreements, delta))
    correlation = -float(map_b.agreement(items)) if items > 1 else 0.0
    members = [Members(items, below, correlation)]
    return min(1.0, 1.0 - expected_misses(members, np.ones(1), above, items, rest) / items)
