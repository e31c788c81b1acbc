# SPDX-License-Identifier: Apache-2.0
"""What associative memories of random patterns give back: wrong bits after one update from a noisy cue.

Patterns are n random vectors of d signs. A cue is a pattern with a share ``flips`` of its bits turned, so
that its overlap with the pattern is m = 1 - 2 flips. An error is a wrong bit of the answer.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import count, real
from ._scipy import scipy_module
from .normal import tail, tail_inverse

_ROOTS = np.linspace(0.0, 3.2, 4001)


def _cue(owner: str, dim: int, n: int, flips: float) -> tuple[int, int, float]:
    """Return checked d, n and the overlap of the cue."""
    d, patterns = count(owner, "dim", dim), count(owner, "n", n)
    return d, patterns, 1.0 - 2.0 * real(owner, "flips", flips, 0.0, 0.5, "[)")


def _tail(mean: float, variance: float) -> float:
    """Return the chance that a normal number is below 0."""
    return float(tail(mean / math.sqrt(variance))) if variance > 0 else float(mean <= 0)


def hebb(dim: int, n: int, flips: float = 0.0, *, diagonal: bool = False) -> float:
    """Return the bit error of the sum of outer products (Hopfield 1982).

    Parameters
    ----------
    dim, n : int
        Bits d of a pattern and number n of patterns.
    flips : float, default 0.0
        Share of turned bits of the cue, in [0, 1/2).
    diagonal : bool, default False
        Whether the diagonal of W counts, as in a plain `OuterProductMemory`; it holds n / d of each bit of
        the cue, right or wrong.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The field of a bit has the mean m and the variance (n - 1) / d + (1 - m^2) / d, so the error without
    diagonal is about Q(m sqrt(d / (n - 1))). Formula 6.1 (Hertz, Krogh & Palmer 1991, recalled), with the
    cue's noise; derived.

    Examples
    --------
    >>> [round(hebb(1000, 1 + round(1000 * load)), 4) for load in (0.105, 0.138, 0.185)]
    [0.001, 0.0036, 0.0101]
    """
    d, patterns, m = _cue("recall.hebb", dim, n, flips)
    others = (patterns - 1 + 1 - m * m) * (d - 1) / d**2
    if not diagonal:
        return _tail(m * (d - 1) / d, others)
    own, mean = patterns / d, m * (d - 1) / d
    share = 0.5 * (1.0 - m)
    return (1.0 - share) * _tail(mean + own, others) + share * _tail(mean - own, others)


def pseudo_inverse(dim: int, n: int, flips: float = 0.0) -> float:
    """Return the bit error of the projection onto the patterns (pseudo-inverse, or ridge without penalty).

    Parameters
    ----------
    dim, n, flips
        As for `hebb`.

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


def dense(dim: int, n: int, degree: int, flips: float = 0.0) -> float:
    """Return the bit error of a dense associative memory with F(x) = x^degree (Krotov & Hopfield 2016).

    Parameters
    ----------
    dim, n, flips
        As for `hebb`.
    degree : int
        At least 2.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Q(m^(k-1) sqrt(d^(k-1) / ((n - 1) (2k - 3)!!))) for degree k. Formula 6.6, recalled; the cue's overlap m
    is derived: the signal is the (k-1)-th power of the field.

    Examples
    --------
    >>> round(dense(60, 301, 3), 4), round(dense(60, 301, 3, 0.1), 4)
    (0.0228, 0.1003)
    """
    owner = "recall.dense"
    (d, patterns, m), k = _cue(owner, dim, n, flips), count(owner, "degree", degree, 2)
    odd = math.prod(range(1, 2 * k - 2, 2))
    return _tail(m ** (k - 1) * math.sqrt(float(d) ** (k - 1)), (patterns - 1.0) * odd)


def nearest(dim: int, n: int, flips: float = 0.0) -> float:
    """Return the bit error of answering with the pattern nearest to the cue.

    Parameters
    ----------
    dim, n, flips
        As for `hebb`.

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


def sparse_distributed(
    dim: int, n: int, rows: int, flips: float = 0.0, activation: float | None = None
) -> float:
    """Return the bit error of Kanerva's sparse distributed memory with addresses that are the patterns.

    Parameters
    ----------
    dim, n, flips
        As for `hebb`.
    rows : int
        Number R of hard locations.
    activation : float, optional
        Share p of them that an address activates, in (0, 1); default the best of a few around (2 R n)^(-1/3).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    R p locations are read, of which the pattern wrote to those that its own address activates, too: the
    chance that both of two normal scores of correlation m pass the quantile of p. Every other pattern adds a
    random sign times the number k of read locations that it wrote to, E k^2 = R p^2 (1 - p) + (R p^2)^2.
    Formula 4.15 (Kanerva 1988), with the cue's noise; derived.

    Examples
    --------
    >>> round(sparse_distributed(1000, 200, 1000, activation=0.014), 4)
    0.0196
    """
    owner = "recall.sparse_distributed"
    (_, patterns, m), locations = _cue(owner, dim, n, flips), count(owner, "rows", rows)
    if activation is not None:
        return _read(patterns, locations, m, real(owner, "activation", activation, 0.0, 1.0, "()"))
    return min(_read(patterns, locations, m, share) for share in _shares(patterns, locations))


def _shares(n: int, rows: int) -> list[float]:
    best = (2.0 * rows * n) ** (-1.0 / 3.0)
    return [min(0.5, best * factor) for factor in (0.5, 1.0, 2.0, 4.0, 8.0)]


def best_activation(dim: int, n: int, rows: int, flips: float = 0.0) -> float:
    """Return the share of locations that `sparse_distributed` takes an address to activate.

    Parameters
    ----------
    dim, n, rows, flips
        As for `sparse_distributed`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(best_activation(1000, 100, 10_000, 0.1), 4)
    0.004
    """
    owner = "recall.best_activation"
    (_, patterns, m), locations = _cue(owner, dim, n, flips), count(owner, "rows", rows)
    return min(_shares(patterns, locations), key=lambda share: _read(patterns, locations, m, share))


def _read(n: int, rows: int, m: float, p: float) -> float:
    active = rows * p
    signal = active
    if m < 1.0:
        limit = float(tail_inverse(p))
        x = limit + _ROOTS**2  # densest at the edge, where cues with little noise decide
        both = np.exp(-0.5 * x**2) * np.asarray(tail((limit - m * x) / math.sqrt(1.0 - m * m)))
        signal = rows * float((2.0 * _ROOTS * both).sum() * _ROOTS[1]) / math.sqrt(2.0 * math.pi)
    return _tail(signal, (n - 1.0) * (active * p * (1.0 - p) + (active * p) ** 2))
