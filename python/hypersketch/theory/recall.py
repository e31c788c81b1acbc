# SPDX-License-Identifier: Apache-2.0
"""What associative memories of random patterns give back: wrong bits after one update from a noisy cue.

Patterns are n random vectors of d signs. A cue is a pattern with a share ``flips`` of its bits turned, so
that its overlap with the pattern is m = 1 - 2 flips. An error is a wrong bit of the answer. Sums of outer
products are in `hopfield_network`, higher powers in `dense`, hard locations in `sparse_distributed`.
"""

from __future__ import annotations

import math

from ._checks import count, real
from ._scipy import scipy_module
from .normal import tail


def _cue(owner: str, dim: int, n: int, flips: float) -> tuple[int, int, float]:
    """Return checked d, n and the overlap of the cue."""
    d, patterns = count(owner, "dim", dim), count(owner, "n", n)
    return d, patterns, 1.0 - 2.0 * real(owner, "flips", flips, 0.0, 0.5, "[)")


def _tail(mean: float, variance: float) -> float:
    """Return the chance that a normal number is below 0."""
    return float(tail(mean / math.sqrt(variance))) if variance > 0 else float(mean <= 0)


def pseudo_inverse(dim: int, n: int, flips: float = 0.0) -> float:
    """Return the bit error of the projection onto the patterns (pseudo-inverse, or ridge without penalty).

    Parameters
    ----------
    dim, n : int
        Bits d of a pattern and number n of patterns.
    flips : float, default 0.0
        Share of turned bits of the cue, in [0, 1/2).

    Returns
    -------
    float
        1/2 for more patterns than bits, of which the projection is the identity: no cue is corrected.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Noise of variance 1 - m^2 a bit is projected onto n of d dimensions: Q(m / sqrt((1 - m^2) n / d)) for n <
    d. Formula 6.4 says that all patterns are fixed; the rest is derived.

    Examples
    --------
    >>> pseudo_inverse(200, 180), round(pseudo_inverse(200, 100, 0.1), 4)
    (0.0, 0.0297)
    """
    d, patterns, m = _cue("recall.pseudo_inverse", dim, n, flips)
    if patterns >= d:
        return 0.5
    return 0.0 if m == 1.0 else _tail(m, (1.0 - m * m) * patterns / d)


def nearest(dim: int, n: int, flips: float = 0.0) -> float:
    """Return the bit error of answering with the pattern nearest to the cue.

    Parameters
    ----------
    dim, n, flips
        As for `pseudo_inverse`.

    Returns
    -------
    float
        The chance that another pattern is nearer, times (1 - m^2) / 2, its wrong bits: both are near the cue.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Exact for exactly ``flips`` d turned bits, rounded up, of which ties are lost by half; derived. Modern
    Hopfield memories, whose separation is steep enough, answer so: `continuous.beta_for` says how steep. So
    does the exponential dense memory (Demircigil et al. 2017).

    Examples
    --------
    >>> round(nearest(64, 1000, 0.25), 4), nearest(256, 10**6, 0.2) < 1e-15
    (0.0094, True)
    """
    owner = "recall.nearest"
    d, patterns, m = _cue(owner, dim, n, flips)
    turned = math.ceil(0.5 * (1.0 - m) * d - 1e-9)
    below = scipy_module("special").bdtr
    closer = 0.5 * float(below(turned, d, 0.5) + (below(turned - 1, d, 0.5) if turned else 0.0))
    outdone = -math.expm1((patterns - 1) * math.log1p(-min(closer, 1.0 - 1e-16)))
    return 0.5 * (1.0 - m * m) * outdone
