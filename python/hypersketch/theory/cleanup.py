# SPDX-License-Identifier: Apache-2.0
"""Cleanup: how often the right codewords come out on top of N.

Two questions: does the one right codeword beat all others (`accuracy`), and how many of the n best of N
are the n members (`top_k_accuracy`, the protocol of Schlegel, Neubert & Protzel). Ties are broken at
random, as "lower index first" does when the members are a random part of the codebook, unless a function
says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import map_b
from ._checks import count, real, refuse, subset_count
from ._exchangeable import direction_tail, member_tail_below, norm_nodes, smearing
from ._lattice import binomial_tail
from ._order_statistics import Members, expected_misses
from ._scipy import scipy_module
from ._strangers import chance_to_win
from .cleanup_bounds import (
    gallant_okaywe_accuracy,
    gallant_okaywe_dimension,
    high_fidelity_dimension,
)

__all__ = [
    "accuracy",
    "gallant_okaywe_accuracy",
    "gallant_okaywe_dimension",
    "high_fidelity_dimension",
    "map_b_accuracy",
    "map_b_top_k",
    "map_i_accuracy",
    "map_i_top_k",
    "moments",
    "top_k_accuracy",
]


_SPAN = 10.0  # standard deviations covered by a quadrature
_NODES = 5  # of the average over |x|^2
_STEPS = 12.0  # grid points a standard deviation, refined for many members

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def accuracy(mu_hit: float, sd_hit: float, mu_rest: float, sd_rest: float, universe: int) -> float:
    """Return the probability that the right codeword scores above the N - 1 others, scores being Gaussian.

    Parameters
    ----------
    mu_hit, sd_hit : float
        Mean and standard deviation of the right codeword's score; the deviation may be 0.
    mu_rest, sd_rest : float
        Mean and standard deviation (above 0) of each other score.
    universe : int
        Number N of codewords, the right one included.

    Returns
    -------
    float
        Accuracy.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    INT phi((u - mu_h)/sd_h)/sd_h Phi((u - mu_r)/sd_r)^(N-1) du. Formula 3.1; paper (Frady,
    Kleyko & Sommer 2018; perceptron theory, Kleyko et al.; code in hdfsa). Inputs for the models:
    `moments`.

    Examples
    --------
    >>> round(accuracy(1.0, 1.0, 1.0, 1.0, 4), 6)
    0.25
    """
    owner = "cleanup.accuracy"
    mean, spread = real(owner, "mu_hit", mu_hit), real(owner, "sd_hit", sd_hit, 0.0)
    rest_mean, rest_spread = real(owner, "mu_rest", mu_rest), real(owner, "sd_rest", sd_rest, 0.0, ends="(]")
    others = count(owner, "universe", universe) - 1
    points = int(min(200_001, 1001 + 40 * _SPAN * spread / rest_spread))
    u, weights = _gaussian_nodes(mean, spread, points)
    beaten = scipy_module("special").log_ndtr((u - rest_mean) / rest_spread)
    return float(weights @ np.exp(others * beaten))


def _gaussian_nodes(
    mean: float, spread: float, points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of a normal average; the trapezoid rule is spectrally accurate on it."""
    z = np.linspace(-_SPAN, _SPAN, points)
    weights = np.exp(-0.5 * z * z)
    return mean + spread * z, weights / weights.sum()


def moments(model: str, dim: int, n: int) -> tuple[float, float, float, float]:
    """Return mean and standard deviation of the right and of the other scores, as `accuracy` takes them.

    Parameters
    ----------
    model : {"map-i", "map-b", "fhrr", "hrr"}
        Kind of key-value or sequence bundle. FHRR is the sum of phasors, HRR the correlation unbinding.
    dim : int
        Dimension D.
    n : int
        Number of pairs in the bundle.

    Returns
    -------
    tuple of float
        (mu_hit, sd_hit, mu_rest, sd_rest), in units of an inner product (not divided by D).

    Raises
    ------
    ValueError
        The model is not known or a size is out of its range.

    Notes
    -----
    Formula 3.1, table; the SNR sqrt(D/n) of MAP-I is Frady's eq. 35 (paper, second hand),
    the rest derived and simulated; HRR is approximate (D (n + 5) and D (n + 1)).

    Examples
    --------
    >>> moments("map-i", 256, 20) == (256, (256 * 19) ** 0.5, 0, (256 * 20) ** 0.5)
    True
    >>> round(accuracy(*moments("map-i", 512, 60), 1024), 3)
    0.379
    """
    owner = "cleanup.moments"
    d, items = count(owner, "dim", dim), count(owner, "n", n)
    c = float(map_b.correlation(items))
    variances = {
        "map-i": (d * (items - 1.0), float(d * items)),
        "map-b": (d * (1.0 - c * c), float(d)),
        "fhrr": (d * (items - 1.0) / 2.0, d * items / 2.0),
        "hrr": (d * (items + 5.0), d * (items + 1.0)),
    }
    if model not in variances:
        refuse(owner, "model", f"one of {', '.join(variances)}", model)
    hit, rest = variances[model]
    return (c * d if model == "map-b" else float(d)), math.sqrt(hit), 0.0, math.sqrt(rest)


def map_i_accuracy(dim: int, n: int, universe: int) -> float:
    """Return the cleanup accuracy of one item of a MAP-I bundle of n pairs (or positions) among N codewords.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of pairs in the bundle.
    universe : int
        Number N of codewords that the unbound probe is compared with.

    Returns
    -------
    float
        Accuracy.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.1 averaged over the bundle's norm, given which the competitors are
    independent. paper (Frady, Kleyko & Sommer 2018) and derived. 100,000 simulated bundles, (n, N, D):
    (20, 256, 256) .7750 (this .7763, independent .7642), (60, 1024, 512) .3856 (.3838, .3795), (51, 64,
    1001) .9723 (.9725); exact for n <= 2.

    Examples
    --------
    >>> round(1 - map_i_accuracy(15221, 1000, 100), 3)
    0.1
    """
    owner = "cleanup.map_i_accuracy"
    d, items = count(owner, "dim", dim), count(owner, "n", n)
    others = count(owner, "universe", universe) - 1
    if items <= 2:
        return _share_of_pair(d, items, 1, others)
    right = 0.0
    for norm, weight in zip(*norm_nodes(d, items, _NODES), strict=True):
        u = math.sqrt(norm) * np.linspace(-_SPAN, math.sqrt(norm) / items + _SPAN, 2001)
        win = np.exp(others * np.log1p(-np.minimum(_rest_above(d, items, norm, u), 1.0 - 1e-16)))
        below = member_tail_below(d, items, norm, u)
        right += weight * float(np.diff(below) @ (0.5 * (win[1:] + win[:-1])))
    return min(1.0, float(right))


def _rest_above(dim: int, n: int, norm: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(a non-member's inner product > scores) given |x|^2, equal scores being put in random order."""
    return direction_tail(dim, scores / math.sqrt((norm + smearing(n)) * dim))


def _share_of_pair(dim: int, n: int, members: int, rest: int) -> float:
    """Return the expected share of members on top for a MAP-I bundle of one or two items, exact.

    x is not 0 in K dimensions (all for n = 1, half of them for n = 2). Members score the largest value
    there is, and each other codeword equals it with probability 2^-K: members / (members + ties) on
    average.
    """
    k = np.arange(dim + 1.0) if n == 2 else np.array([float(dim)])
    chance = binomial_tail(dim, k, 0.5) - binomial_tail(dim, k + 1.0, 0.5) if n == 2 else np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(100)
    s, weights = (nodes + 1.0) / 2.0, weights / 2.0
    # E[m / (m + T)] = m INT s^(m-1) E[s^T] ds, T ~ Bin(rest, 2^-K).
    lost = np.outer(np.exp2(-k), 1.0 - s)
    ties = np.exp(rest * np.log1p(-np.minimum(lost, 1.0 - 1e-16)))
    return float(chance @ ties @ (weights * members * s ** (members - 1)))


def map_b_accuracy(dim: int, n: int, universe: int, ties: str = "wrong") -> float:
    """Return the cleanup accuracy of one item of a MAP-B or BSC bundle against N codewords, exact.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of items (or pairs) in the bundle.
    universe : int
        Number N of codewords, the right one included; the others are not in the bundle.
    ties : {"wrong", "random"}, default "wrong"
        Whether a tie with the best other codeword counts as an error or is broken at random.

    Returns
    -------
    float
        Accuracy.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Distances Bin(D, Delta) of the hit and Bin(D, 1/2) of the others: sum_h P(h) P(dist >
    h)^(N-1). Formula 3.2; derived, exact, simulated at D = 1001, N = 64, n = 51 (.144 against .139 of
    error). With random ties the power becomes (P(>=h)^N - P(>h)^N) / (N P(h)).

    Examples
    --------
    >>> round(1 - map_b_accuracy(24002, 1000, 100), 3), round(1 - map_b_accuracy(55649, 1000, 100), 4)
    (0.1, 0.001)
    """
    owner = "cleanup.map_b_accuracy"
    d, items, total = (count(owner, k, v) for k, v in (("dim", dim), ("n", n), ("universe", universe)))
    if ties not in ("wrong", "random"):
        refuse(owner, "ties", "'wrong' or 'random'", ties)
    distance = float(map_b.hamming(items))
    return chance_to_win(d, distance, total, random_ties=ties == "random")


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
    reach = _SPAN * max(spreads)
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
        return _share_of_pair(d, items, items, rest)
    norms, weights = norm_nodes(d, items, _NODES)
    # In units of sqrt(S) the non-members have one law, whatever S is.
    step = 1.0 / (_STEPS * max(1.0, math.sqrt(items) / 8.0))
    u = np.arange(-_SPAN, math.sqrt(float(norms.max())) / items + _SPAN, step)
    above = _rest_above(d, items, float(d * items), u * math.sqrt(d * items))
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
    reach = _SPAN * math.sqrt(d) / 2.0
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
