# SPDX-License-Identifier: Apache-2.0
"""BSC: how often the nearest of N codewords is the stored one, exactly, also when bits of the bundle flip.

A bit of the bundle differs from a stored codeword with the chance Delta(n) of `map_b.hamming`, from any other
with 1/2, whatever else is stored, and dimensions are independent: distances are binomial. A record of bound
pairs is the same bundle: unbound with a fresh key, its other pairs are strangers to every codeword. Rates of
flipped bits mix into Delta.
"""

from __future__ import annotations

import math

import numpy as np

from . import map_b
from ._checks import count, real, refuse
from ._lattice import binomial_tail, first_passing_dimension, least_score
from ._strangers import chance_to_win
from .cleanup import accuracy as gaussian_integral

__all__ = ["accuracy", "dimension", "distance", "false_negative_rate", "gaussian_accuracy"]


def distance(n: int, flips: float = 0.0) -> float:
    """Return the expected share of bits in which a bundle differs from a stored codeword.

    Parameters
    ----------
    n : int
        Number of items in the bundle.
    flips : float, default 0
        Probability that a bit of the bundle is flipped afterwards, in [0, 1].

    Returns
    -------
    float
        Delta + (1 - 2 Delta) flips.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formulas 2.2 and 2.7; paper (Kanerva 1997; code in hdfsa), exact.

    Examples
    --------
    >>> distance(3), distance(3, 0.5)
    (0.25, 0.5)
    """
    owner = "bsc.distance"
    delta = float(map_b.hamming(count(owner, "n", n)))
    return delta + (1.0 - 2.0 * delta) * real(owner, "flips", flips, 0.0, 1.0)


def accuracy(dim: int, n: int, universe: int, flips: float = 0.0, ties: str = "random") -> float:
    """Return the probability that the stored codeword is the nearest of N, exact.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of items (or pairs) in the bundle.
    universe : int
        Number N of codewords, the stored one included; the others are not in the bundle.
    flips : float, default 0
        Probability that a bit of the bundle is flipped, in [0, 1].
    ties : {"random", "wrong"}, default "random"
        Whether a tie with the nearest other codeword is broken at random or counts as an error.

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
    sum_h P(Bin(D, Delta) = h) P(Bin(D, 1/2) > h)^(N-1). Formula 3.2; derived, exact. Published, for n =
    1000, N = 100 and lost ties: an error of .100 at D = 24002 and of .0010 at D = 55649 (Teeters, Kleyko,
    Kanerva & Olshausen 2023).

    Examples
    --------
    >>> [round(1 - accuracy(dim, 1000, 100, ties="wrong"), 4) for dim in (24002, 55649)]
    [0.1, 0.001]
    >>> round(accuracy(1000, 11, 100, flips=0.4), 3)
    0.192
    """
    owner = "bsc.accuracy"
    d, total = count(owner, "dim", dim), count(owner, "universe", universe)
    if ties not in ("wrong", "random"):
        refuse(owner, "ties", "'wrong' or 'random'", ties)
    return chance_to_win(d, distance(n, flips), total, random_ties=ties == "random")


def gaussian_accuracy(dim: int, n: int, universe: int, flips: float = 0.0) -> float:
    """Return `accuracy` with normal scores of the same moments: the integral of formula 3.1.

    Parameters
    ----------
    dim, n, universe, flips
        As for `accuracy`.

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
    Mean D c and variance D (1 - c^2) of the stored codeword's inner product, 0 and D of the others', c = 1 -
    2 `distance`. Paper (Frady, Kleyko & Sommer 2018).

    Examples
    --------
    >>> round(1 - gaussian_accuracy(24002, 1000, 100), 3)
    0.099
    """
    d, c = count("bsc.gaussian_accuracy", "dim", dim), 1.0 - 2.0 * distance(n, flips)
    return gaussian_integral(d * c, math.sqrt(d * (1.0 - c * c)), 0.0, math.sqrt(d), universe)


def dimension(n: int, universe: int, error: float, flips: float = 0.0) -> int:
    """Return the least dimension at which the nearest codeword is a wrong one with at most that probability.

    Parameters
    ----------
    n, universe : int
        Items in the bundle and codewords, as for `accuracy`.
    error : float
        Allowed error, strictly between 0 and 1.
    flips : float, default 0
        Probability that a bit of the bundle is flipped, in [0, 1/2).

    Returns
    -------
    int
        Dimension D, by bisection of `accuracy` with ties broken at random. The curve ripples where a bit
        more makes more ties, so a dimension a few below may also pass.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.2, inverted. The closed form `cleanup.high_fidelity_dimension` is near it for small errors.

    Examples
    --------
    >>> dimension(1000, 100, 0.1)
    23925
    """
    owner = "bsc.dimension"
    allowed = real(owner, "error", error, 0.0, 1.0, "()")
    items, total = count(owner, "n", n), count(owner, "universe", universe)
    rate = real(owner, "flips", flips, 0.0, 0.5, "[)")
    return first_passing_dimension(lambda dim: 1.0 - accuracy(dim, items, total, rate) <= allowed)


def false_negative_rate(dim: int, n: int, flips: float = 0.0, threshold: float | None = None) -> float:
    """Return the exact probability that a member's similarity is below the threshold.

    Parameters
    ----------
    dim, n : int
        Dimension D and number of members.
    flips : float, default 0
        Probability that a bit of the bundle is flipped, in [0, 1].
    threshold : float, optional
        Decision threshold of the similarity, c(n)/2 by default, whatever flips.

    Returns
    -------
    float
        False-negative rate of one test. Of false positives flips change nothing.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    P(D - 2 H < t D), H ~ Bin(D, `distance`), on the lattice. Derived, exact.

    Examples
    --------
    >>> round(false_negative_rate(1000, 11, 0.2), 4)
    0.2151
    """
    owner = "bsc.false_negative_rate"
    d, differ = count(owner, "dim", dim), distance(n, flips)
    half = float(map_b.correlation(n)) / 2.0
    limit = half if threshold is None else real(owner, "threshold", threshold)
    agreeing = np.ceil((least_score(d, limit) + d) / 2.0)
    return float(binomial_tail(d, d - agreeing + 1.0, differ))
