# SPDX-License-Identifier: Apache-2.0
"""Unions of sparse vectors: how many ones they have, and which other vectors lie inside them by chance."""

from __future__ import annotations

import math

from ._cosines import Scores
from ._occupancy import log_filled_moments, union_moments
from ._scipy import scipy_module


def scores(model: str, dim: int, n: int) -> Scores:
    """Return overlap / sqrt(k U) for members (all k ones) and others, U the ones of the union."""
    k = math.isqrt(dim - 1) + 1
    ones, variance = _ones(model, dim, n)
    kept, spread = 1.0, 0.0
    if model == "bsdc-thin" and ones > dim // 2:
        kept, spread, ones, variance = kept_by_half(dim, n), 0.0, float(dim // 2), 0.0
        spread = kept * (1.0 - kept) / k
    size = math.sqrt(k / ones)
    by_union = 0.5 * math.sqrt(variance) / ones  # of 1 / sqrt(U)
    p = ones / dim
    inside = p * (1.0 - p) * (1.0 if model == "bsdc-seg" else (dim - k) / (dim - 1.0)) / k
    hit = size * math.sqrt(spread + (kept * by_union) ** 2)
    rest = size * math.sqrt(inside + (p * by_union) ** 2)
    correlation = 1.0 if hit > 0.0 and n > 1 and spread == 0.0 else 0.0
    return Scores(size * kept * (1.0 + 1.5 * by_union**2), hit, size * p, rest, correlation, 0.0)


def _ones(model: str, dim: int, n: int) -> tuple[float, float]:
    """Return mean and variance of the ones of a union."""
    k = math.isqrt(dim - 1) + 1
    if model != "bsdc-seg":
        return union_moments(n, dim, k)
    mean = variance = 0.0
    for length, segments in _segments(dim, k):
        ones, spread = union_moments(n, length, 1) if length > 1 else (1.0, 0.0)
        mean, variance = mean + segments * ones, variance + segments * spread
    return mean, variance


def _segments(dim: int, k: int) -> list[tuple[int, int]]:
    """Return (length, how many) of the segments of a vector."""
    longer = dim % k
    return [(length, many) for length, many in ((dim // k + 1, longer), (dim // k, k - longer)) if many]


def kept_by_half(dim: int, n: int) -> float:
    """Return the chance that a member's one is among the D/2 places that most members have."""
    k = math.isqrt(dim - 1) + 1
    q = k / dim
    chance = [math.comb(n, c) * q**c * (1.0 - q) ** (n - c) for c in range(n + 1)]
    kept, room = 0.0, (dim // 2) / dim
    for c in range(n, 0, -1):
        part = min(1.0, room / chance[c]) if chance[c] > 0.0 else 1.0
        room -= part * chance[c]
        kept += part * chance[c] * c / (n * q)  # a place of c members is a one of each of them
        if room <= 0.0:
            break
    return min(1.0, kept)


def log_ties(model: str, dim: int, n: int) -> tuple[float, float]:
    """Return mean and variance of ln P(another codeword lies wholly inside the union)."""
    k = math.isqrt(dim - 1) + 1
    if model == "bsdc-seg":
        parts = [(many, log_filled_moments(n, length)) for length, many in _segments(dim, k)]
        return sum(m * mean for m, (mean, _) in parts), sum(m * spread for m, (_, spread) in parts)
    ones, variance = union_moments(n, dim, k)
    gammaln = scipy_module("special").gammaln

    def log_inside(size: float) -> float:
        """ln C(size, k) / C(D, k)."""
        return float(
            gammaln(size + 1.0) - gammaln(size - k + 1.0) - gammaln(dim + 1.0) + gammaln(dim - k + 1.0)
        )

    slope = (log_inside(ones + 0.5) - log_inside(max(ones - 0.5, k))) if variance > 0.0 else 0.0
    bend = (log_inside(ones + 1.0) - 2.0 * log_inside(ones) + log_inside(max(ones - 1.0, k))) / 2.0
    return log_inside(ones) + (bend * variance if variance > 0.0 else 0.0), slope**2 * variance
