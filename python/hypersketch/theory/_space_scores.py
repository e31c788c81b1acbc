# SPDX-License-Identifier: Apache-2.0
"""Scores of members and strangers, model by model. Each formula stands once, here; `spaces` chooses."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from . import map_b
from ._clipped import bundle_entry, pair_entry
from ._cosines import Entry, Pair, Scores, cosine
from ._lattice import binomial_tail
from ._lattice_retrieval import Lattice
from ._occupancy import fullest_cell
from ._walks import circle_law, phasor_cosines

_SPHERE = -6.0  # excess kurtosis of a random direction's cosine, times D + 2


def map_i(dim: int, n: int) -> Scores:
    """Return the inner products over D (formula 1.1), the kurtosis as a random direction's."""
    pair = 1.0 / dim if n > 1 else 0.0  # <x, a_i> and <x, a_j> share <a_i, a_j>
    hit = (n - 1.0) / dim
    correlation = pair / hit if n > 1 else 0.0
    return Scores(1.0, math.sqrt(hit), 0.0, math.sqrt(n / dim), correlation, _SPHERE / (dim + 2.0))


def signs(dim: int, n: int) -> Scores:
    """Return the inner products over D of MAP-B, or 1 - 2 Hamming distance / D of BSC (formulas 2.3, 2.8)."""
    c = float(map_b.correlation(n))
    correlation = float(map_b.agreement(n)) if n > 1 else 0.0
    return Scores(c, math.sqrt(max(0.0, 1 - c * c) / dim), 0.0, dim**-0.5, correlation, -2.0 / dim)


def ternary(dim: int, n: int) -> Scores:
    """Return the cosines of MAP-T, whose entries are 0 with the chance t of a tie (even n only)."""
    if n % 2:
        return signs(dim, n)
    c, t = float(map_b.correlation(n)), math.comb(n, n // 2) / 2.0**n
    entry = Entry(c, 1.0 - t, 1.0, 1.0 - t - c * c, t * (1.0 - t), 0.0, c * t)
    mean, sd, correlation = cosine(entry, dim, Pair(t / (n - 1.0) - c * c))
    return Scores(mean, sd, 0.0, dim**-0.5, correlation, -2.0 / (dim * (1.0 - t)))


def normal_bundle(dim: int, n: int) -> Scores:
    """Return the cosines of normal atoms with their sum (HRR, VTB, MBAT): var (1 - 1/n)^2 / D for members.

    Entries of an atom and of the sum are D pairs of normal numbers that correlate by 1 / sqrt(n).
    """
    entry = Entry(1.0, n, 1.0, n + 1.0, 2.0 * n * n, 2.0, 2.0 * n, 2.0, 2.0)
    pairs = float(dim) if n > 1 and dim > 3 else 0.0
    return _sphere(cosine(entry, dim, Pair(1.0)), dim)._replace(pairs=pairs)


def hrr_pairs(dim: int, n: int) -> Scores:
    """Return the cosines after correlation unbinding; entries are spectral, |k|^2 and |v|^2 exponential."""
    m = n - 1.0
    entry = Entry(1.0, 2 + m, 1.0, 6 + m, 88 + 48 * m + 6 * m * m, 2.0, 20 + 6 * m, 2.0, 4.0)
    return _sphere(cosine(entry, dim), dim)


def vtb_pairs(dim: int, n: int) -> Scores:
    """Return the cosines after unbinding by transposes: G = Y^T Y d is Wishart, tr G^k / d = 1, 2, 5, 14."""
    m = n - 1.0
    size = 2 + m + 1 / math.sqrt(dim)
    entry = Entry(1.0, size, 1.0, 6 + m, 64 + 44 * m + 6 * m * m, 2.0, 18 + 6 * m, 2.0, 4.0)
    return _sphere(cosine(entry, dim), dim)


def _sphere(found: tuple[float, float, float], dim: int) -> Scores:
    mean, sd, correlation = found
    return Scores(mean, sd, 0.0, dim**-0.5, correlation, _SPHERE / (dim + 2.0))


def map_c(dim: int, n: int, pairs: bool) -> Scores:
    """Return the cosines with a clipped sum; a stranger's variance is 1 / D exactly."""
    if pairs:
        entry, peak = pair_entry(n)
        pair = None
    else:
        entry, pair, peak = bundle_entry(n)
    mean, sd, correlation = cosine(entry, dim, pair)
    # Uniform numbers have the kurtosis -1.2, and dividing by their own norm adds 6 (12/5 - 4) / 4 = -2.4.
    return Scores(mean, sd, 0.0, dim**-0.5, correlation, (-1.2 * peak - 2.4) / dim)


def fhrr(dim: int, n: int) -> Scores:
    """Return the mean cosines of angles with phase-normalised sums."""
    mean, variance, shared = phasor_cosines(n)
    correlation = shared / variance if variance > 1e-12 else 0.0
    return Scores(mean, math.sqrt(variance / dim), 0.0, (0.5 / dim) ** 0.5, correlation, -1.5 / dim)


def fhrr_sum(dim: int, n: int) -> Scores:
    """Return the cosines with sums of phasors (formula 3.1 without its norm)."""
    m = n - 1.0
    mean, sd, correlation = cosine(Entry(1.0, n, 1.0, m / 2, n * m, 0.0, m), dim, Pair(0.5))
    return Scores(mean, sd, 0.0, (0.5 / dim) ** 0.5, correlation, -1.5 * (2.0 - 1.0 / n) / dim)


@lru_cache(maxsize=512)
def mcr(dim: int, n: int, modulus: int) -> Scores:
    """Return 1 - 4 d / r for the mean distance d around the circle between a direction and a sum's."""
    steps = np.arange(modulus)
    alike = 1.0 - 4.0 * np.minimum(steps, modulus - steps) / modulus
    law = circle_law(n, modulus)
    mean = float(law @ alike)
    variance = float(law @ (alike - mean) ** 2)
    rest = float(alike.mean())
    spread = float(np.mean((alike - rest) ** 2))
    kurtosis = float(np.mean((alike - rest) ** 4)) / spread**2 - 3.0
    # Two members share what both have of the cosine.
    cosines = np.cos(2.0 * math.pi * steps / modulus)
    slope = float(law @ ((alike - mean) * cosines)) / max(float(law @ (cosines - law @ cosines) ** 2), 1e-300)
    shared = slope**2 * phasor_cosines(n)[2] if n > 1 else 0.0
    correlation = min(1.0, shared / variance) if variance > 1e-12 else 0.0
    return Scores(mean, math.sqrt(variance / dim), rest, math.sqrt(spread / dim), correlation, kurtosis / dim)


def digits(width: int, n: int, modulus: int) -> Scores:
    """Return the shares of entries equal to the most frequent: E M / n for the fullest of r cells."""
    most, both = fullest_cell(n, modulus)
    p, q = most / n, 1.0 / modulus
    shared = both / (n * (n - 1.0)) - p * p if n > 1 else 0.0
    variance = p * (1.0 - p)
    correlation = shared / variance if variance > 1e-12 else 0.0
    spread = q * (1.0 - q)
    return Scores(
        p,
        math.sqrt(variance / width),
        q,
        math.sqrt(spread / width),
        correlation,
        (1.0 / spread - 6.0) / width,
    )


def digits_lattice(width: int, n: int, modulus: int) -> Lattice:
    """Return the laws of the numbers of entries equal to the most frequent."""
    scores = digits(width, n, modulus)
    return agreements(width, scores.hit_mean, scores.rest_mean)._replace(correlation=scores.correlation)


def agreements(width: int, member: float, stranger: float) -> Lattice:
    """Return the laws of numbers of equal entries, each of them equal with a chance.

    Examples
    --------
    >>> agreements(2, 1.0, 0.5).above.tolist()
    [1.0, 0.75, 0.25, 0.0]
    """
    values = np.arange(-1.0, width + 1.0)
    below = 1.0 - binomial_tail(width, values + 1.0, member)
    return Lattice(values, below, binomial_tail(width, values + 1.0, stranger), 0.0)
