# SPDX-License-Identifier: Apache-2.0
"""Unions of sparse vectors: how many ones they have, and which other vectors lie inside them by chance."""

from __future__ import annotations

import math
from collections.abc import Callable

from ._cosines import Scores
from ._halved_unions import Case, cases, lattice_of, overlap_variance
from ._lattice_retrieval import Lattice
from ._occupancy import log_filled_moments, union_moments
from ._scipy import scipy_module


def scores(model: str, dim: int, n: int) -> Scores:
    """Return overlap / sqrt(k U) for members (all k ones) and others, U the ones of the union."""
    if model == "bsdc-thin":
        found = cases(dim, n)
        if len(found) > 1 or found[0].kept < 1.0:
            return _scores_of_cases(dim, found)
    k = math.isqrt(dim - 1) + 1
    ones, variance = _ones(model, dim, n)
    size = math.sqrt(k / ones)
    by_union = 0.5 * math.sqrt(variance) / ones  # of 1 / sqrt(U)
    p = ones / dim
    inside = p * (1.0 - p) * (1.0 if model == "bsdc-seg" else (dim - k) / (dim - 1.0)) / k
    hit = size * by_union
    rest = size * math.sqrt(inside + (p * by_union) ** 2)
    correlation = 1.0 if hit > 0.0 and n > 1 else 0.0
    return Scores(size * (1.0 + 1.5 * by_union**2), hit, size * p, rest, correlation, 0.0)


def _scores_of_cases(dim: int, found: tuple[Case, ...]) -> Scores:
    """Return the same for unions that are cut to half, or sometimes are."""
    k = math.isqrt(dim - 1) + 1
    hit = rest = hit_square = rest_square = both = 0.0
    for chance, ones, kept, rivals, correlation in found:
        size = math.sqrt(k / ones)  # of a member that is whole
        spread = overlap_variance(dim, kept, rivals) / k**2 if kept < 1.0 else 0.0
        p = ones / dim
        inside = p * (1.0 - p) * (dim - k) / (dim - 1.0) / k
        hit, rest = hit + chance * size * kept, rest + chance * size * p
        hit_square += chance * size**2 * (kept**2 + spread)
        both += chance * size**2 * (kept**2 + correlation * spread)
        rest_square += chance * size**2 * (p * p + inside)
    variance = max(hit_square - hit**2, 0.0)
    correlation = (both - hit**2) / variance if variance > 1e-15 else 0.0
    rest_sd = math.sqrt(max(rest_square - rest**2, 0.0))
    return Scores(hit, math.sqrt(variance), rest, rest_sd, correlation, 0.0)


def halved(
    dim: int, n: int, of_cut: Callable[[Lattice], float], of_whole: Callable[[tuple[float, float]], float]
) -> float:
    """Return what a union cut to half is expected to reach, averaged over its numbers of ones.

    ``of_cut`` says it of the laws of scores, ``of_whole`` of the mean and variance that `log_ties` has.
    """
    found = cases(dim, n)
    if len(found) == 1 and found[0].kept == 1.0:
        return of_whole(log_ties("bsdc-thin", dim, n))
    total = 0.0
    for case in found:
        cut = case.kept < 1.0
        part = of_cut(lattice_of(dim, case)) if cut else of_whole((log_inside(dim, case.ones), 0.0))
        total += case.chance * part
    return total


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


def log_inside(dim: int, ones: float) -> float:
    """Return ln P(another codeword lies wholly among so many ones), ln C(ones, k) / C(D, k)."""
    k = math.isqrt(dim - 1) + 1
    gammaln = scipy_module("special").gammaln
    return float(gammaln(ones + 1.0) - gammaln(ones - k + 1.0) - gammaln(dim + 1.0) + gammaln(dim - k + 1.0))


def log_ties(model: str, dim: int, n: int) -> tuple[float, float]:
    """Return mean and variance of ln P(another codeword lies wholly inside the union)."""
    k = math.isqrt(dim - 1) + 1
    if model == "bsdc-seg":
        parts = [(many, log_filled_moments(n, length)) for length, many in _segments(dim, k)]
        return sum(m * mean for m, (mean, _) in parts), sum(m * spread for m, (_, spread) in parts)
    ones, variance = union_moments(n, dim, k)
    slope = (log_inside(dim, ones + 0.5) - log_inside(dim, max(ones - 0.5, k))) if variance > 0.0 else 0.0
    middle = log_inside(dim, ones)
    bend = (log_inside(dim, ones + 1.0) - 2.0 * middle + log_inside(dim, max(ones - 1.0, k))) / 2.0
    return middle + (bend * variance if variance > 0.0 else 0.0), slope**2 * variance
