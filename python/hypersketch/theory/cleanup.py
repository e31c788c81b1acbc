# SPDX-License-Identifier: Apache-2.0
"""Cleanup: how often the right codewords come out on top of N.

Two questions: does the one right codeword beat all others (`accuracy`), and how many of the n best of N
are the n members (`top_k_accuracy`, the protocol of Schlegel, Neubert & Protzel). Ties are broken at
random, as "lower index first" does when the members are a random part of the codebook, unless a function
says otherwise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import map_b
from ._checks import count, real, refuse
from ._exchangeable import member_tail_below, norm_nodes
from ._map_i_scores import NODES, SPAN, rest_above, share_of_pair
from ._scipy import scipy_module
from ._strangers import chance_to_win
from .cleanup_bounds import gallant_okaywe_accuracy, gallant_okaywe_dimension, high_fidelity_dimension
from .cleanup_top_k import map_b_top_k, map_i_top_k, top_k_accuracy

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
    points = int(min(200_001, 1001 + 40 * SPAN * spread / rest_spread))
    u, weights = _gaussian_nodes(mean, spread, points)
    beaten = scipy_module("special").log_ndtr((u - rest_mean) / rest_spread)
    return float(weights @ np.exp(others * beaten))


def _gaussian_nodes(
    mean: float, spread: float, points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of a normal average; the trapezoid rule is spectrally accurate on it."""
    z = np.linspace(-SPAN, SPAN, points)
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
        return share_of_pair(d, items, 1, others)
    right = 0.0
    for norm, weight in zip(*norm_nodes(d, items, NODES), strict=True):
        u = math.sqrt(norm) * np.linspace(-SPAN, math.sqrt(norm) / items + SPAN, 2001)
        win = np.exp(others * np.log1p(-np.minimum(rest_above(d, items, norm, u), 1.0 - 1e-16)))
        below = member_tail_below(d, items, norm, u)
        right += weight * float(np.diff(below) @ (0.5 * (win[1:] + win[:-1])))
    return min(1.0, float(right))


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
