# SPDX-License-Identifier: Apache-2.0
"""Quantized bundles: how often a member is the best of N codewords, and what that asks for.

All of it is in `quantized` too.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import count, real
from ._lattice import first_passing_dimension
from ._levels import law_of
from ._search import least_passing
from ._strangers import chance_to_win
from .cleanup import accuracy as gaussian_integral
from .map_b import hamming

# Variance that a random order of equal scores adds: given v they lie 2 apart.
_SMEARED = 1.0 / 3.0


def accuracy(dim: int, n: int, universe: int, bits: int, step: int | None = None) -> float:
    """Return the probability that a member is the best of N codewords, the others being strangers.

    Parameters
    ----------
    dim : int
        Dimension D.
    n, bits, step
        As for `gain`.
    universe : int
        Number N of codewords, the member included.

    Returns
    -------
    float
        Accuracy, ties broken at random.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    One bit: the binomial sum of `bsc.accuracy`, exact. More: given v, strangers are independent with the
    variance |v|^2; the integral of formula 3.1 is averaged over |v|^2, with which the member's score is
    correlated, both normal. Derived; 4,000 simulated bundles, n = 51, N = 100, D = 600: 2 bits .749 (this
    .751), 3 bits .792 (.794); n = 20, D = 256: 2 bits .788 (.777), 5 bits .834 (.830), within 2 standard
    errors.

    Examples
    --------
    >>> [round(accuracy(600, 51, 100, bits), 3) for bits in (1, 2, 3, 8)]
    [0.593, 0.751, 0.794, 0.808]
    """
    owner = "quantized.accuracy"
    d, total = count(owner, "dim", dim), count(owner, "universe", universe)
    law, b, items = law_of(owner, bits, n, step)
    if b == 1:
        return chance_to_win(d, float(hamming(items)), total, random_ties=True)
    mean, power = law.mean(1), law.mean(2)
    spread = math.sqrt(max(1e-30, d * (law.mean(4) - power**2)))
    slope = d * (law.mean(3) - mean * power) / spread
    rest = math.sqrt(max(1e-30, d * (power - mean**2) - slope**2) + _SMEARED)
    z, weights = np.polynomial.hermite_e.hermegauss(9)
    return float(
        sum(
            weight
            * gaussian_integral(
                d * mean + slope * node,
                rest,
                0.0,
                math.sqrt(max(1.0, d * power + spread * node) + _SMEARED),
                total,
            )
            for node, weight in zip(z, weights / weights.sum(), strict=True)
        )
    )


def dimension(n: int, universe: int, bits: int, error: float) -> int:
    """Return the least dimension at which a member is not the best of N with at most that probability.

    Parameters
    ----------
    n, universe, bits
        As for `accuracy`.
    error : float
        Allowed error, strictly between 0 and 1.

    Returns
    -------
    int
        Dimension D, by bisection of `accuracy`.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [dimension(51, 100, bits, 0.01) for bits in (1, 2, 8)]
    [2033, 1466, 1292]
    """
    owner = "quantized.dimension"
    allowed = real(owner, "error", error, 0.0, 1.0, "()")
    return first_passing_dimension(lambda dim: 1.0 - accuracy(dim, n, universe, bits) <= allowed)


def capacity(dim: int, universe: int, bits: int, error: float) -> int:
    """Return the number of keys that a bundle of D dimensions of b bits holds.

    Parameters
    ----------
    dim, universe, bits
        As for `accuracy`.
    error : float
        Allowed chance that a key is not the best of N, strictly between 0 and 1.

    Returns
    -------
    int
        The largest odd n whose error is allowed (an even bundle counts one key more), by bisection of
        `accuracy`; 0 if there is none.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [capacity(2048, 100, bits, 0.01) for bits in (1, 2, 3, 8)]
    [51, 71, 77, 79]
    """
    owner = "quantized.capacity"
    allowed = real(owner, "error", error, 0.0, 1.0, "()")
    half = least_passing(lambda k: 1.0 - accuracy(dim, 2 * k + 1, universe, bits) > allowed, 1, -1)
    return max(0, 2 * half - 1)
