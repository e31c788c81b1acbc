# SPDX-License-Identifier: Apache-2.0
"""Mean, variance and covariance of cosines whose three sums run over independent entries (delta method)."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Entry", "Pair", "Scores", "cosine"]


class Scores(NamedTuple):
    """The law of the scores that one vector gives codewords, as `hypersketch.theory.scores.moments` has it.

    Attributes
    ----------
    hit_mean, hit_sd : float
        Of a codeword that the vector holds.
    rest_mean, rest_sd : float
        Of any other codeword.
    correlation : float
        Of the scores of two codewords that the vector holds.
    kurtosis : float
        Excess kurtosis of the other codewords' scores, 0 for normal ones.
    pairs : float
        Number of pairs of normal numbers whose correlation coefficient a held codeword's score is; 0 where it
        is taken as normal.

    Examples
    --------
    >>> Scores(0.5, 0.1, 0.0, 0.1, -0.05, 0.0).hit_mean
    0.5
    """

    hit_mean: float
    hit_sd: float
    rest_mean: float
    rest_sd: float
    correlation: float = 0.0
    kurtosis: float = 0.0
    pairs: float = 0.0


class Entry(NamedTuple):
    """What one entry adds to <x, a> (p), |x|^2 (x) and |a|^2 (a): means, variances, covariances."""

    mean_p: float
    mean_x: float
    mean_a: float
    var_p: float
    var_x: float
    var_a: float = 0.0
    cov_px: float = 0.0
    cov_pa: float = 0.0
    cov_xa: float = 0.0


class Pair(NamedTuple):
    """Covariances of one entry between two members: of both p, and of one's p with the other's a."""

    cov_pp: float
    cov_pa: float = 0.0


def cosine(entry: Entry, entries: float, pair: Pair | None = None) -> tuple[float, float, float]:
    """Return mean, standard deviation and correlation of cosines <x, a> / (|x| |a|) over many entries.

    The mean is right to the order 1 / entries, the variance and the correlation to the leading order.

    Examples
    --------
    >>> mean, sd, _ = cosine(Entry(1.0, 2.0, 1.0, 3.0, 8.0, 2.0, 4.0, 2.0, 2.0), 1000)  # two normal vectors
    >>> round(mean, 3), round(sd * 1000**0.5, 3)
    (0.707, 0.5)
    """
    p, x, a = entry.mean_p, entry.mean_x, entry.mean_a
    plain = p / math.sqrt(x * a)
    px, pa, xa = entry.cov_px / (p * x), entry.cov_pa / (p * a), entry.cov_xa / (x * a)
    vp, vx, va = entry.var_p / p**2, entry.var_x / x**2, entry.var_a / a**2
    bend = -0.5 * px - 0.5 * pa + 0.25 * xa + 0.375 * (vx + va)
    variance = vp + 0.25 * (vx + va) - px - pa + 0.5 * xa
    correlation = 0.0
    if pair is not None and variance > 1e-12:
        shared = pair.cov_pp / p**2 - px + 0.25 * vx + 0.5 * xa - pair.cov_pa / (p * a)
        correlation = min(1.0, max(-1.0, shared / variance))
    return plain * (1.0 + bend / entries), plain * math.sqrt(max(variance, 0.0) / entries), correlation
