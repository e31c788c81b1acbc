# SPDX-License-Identifier: Apache-2.0
"""Balls in cells: the fullest cell (block codes) and how many cells are not empty (unions)."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module

Floats64 = NDArray[np.float64]


@lru_cache(maxsize=512)
def fullest_cell(balls: int, cells: int) -> tuple[float, float]:
    """Return E M and E M (M - 1) of the number M of balls in the fullest cell, exact.

    P(M <= m) is the coefficient of z^n in (sum_(j <= m) z^j / j!)^r, times n! / r^n; here with Poisson
    weights, whose power has the same coefficient relative to that of all counts.

    Examples
    --------
    >>> fullest_cell(2, 4)
    (1.25, 0.5)
    """
    rate = balls / cells
    counts = np.arange(balls + 1.0)
    gammaln = scipy_module("special").gammaln
    poisson = np.exp(counts * math.log(rate) - rate - gammaln(counts + 1.0))
    whole = math.exp(balls * math.log(balls) - balls - math.lgamma(balls + 1.0))
    mean = second = 0.0
    for most in range(balls):  # E M = sum P(M > m), E M (M - 1) = sum 2 m P(M > m)
        above = 1.0
        if most * cells >= balls:
            above = max(0.0, 1.0 - _power(poisson[: most + 1], cells, balls) / whole)
        mean += above
        second += 2.0 * most * above
        if above < 1e-13:
            break
    return round(mean, 12), round(second, 12)


def _power(single: Floats64, times: int, coefficient: int) -> float:
    """Return one coefficient of a polynomial's power, by squaring, cut off above it."""
    made: Floats64 | None = None
    square = single
    while True:
        if times & 1:
            made = square if made is None else np.convolve(made, square)[: coefficient + 1]
        times >>= 1
        if not times:
            break
        square = np.convolve(square, square)[: coefficient + 1]
    assert made is not None
    return float(made[coefficient]) if coefficient < made.size else 0.0


def union_moments(n: int, dim: int, ones: int) -> tuple[float, float]:
    """Return mean and variance of the ones of the union of n random sets of that many ones of dim places.

    Exact, from the chances that one place and that two places are empty.

    Examples
    --------
    >>> union_moments(1, 100, 10)
    (10.0, 0.0)
    """
    empty = (1.0 - ones / dim) ** n
    two = ((dim - ones) * (dim - ones - 1.0) / (dim * (dim - 1.0))) ** n
    variance = dim * empty * (1.0 - empty) + dim * (dim - 1.0) * (two - empty**2)
    return round(dim * (1.0 - empty), 9), max(0.0, round(variance, 9))


@lru_cache(maxsize=512)
def log_filled_moments(n: int, cells: int) -> tuple[float, float]:
    """Return mean and variance of ln(share of cells that n random balls fill), exact.

    Examples
    --------
    >>> log_filled_moments(1, 1)
    (0.0, 0.0)
    """
    law = np.zeros(cells + 1)
    law[0] = 1.0
    filled = np.arange(cells + 1.0)
    for _ in range(n):
        stay = law * filled / cells
        law = stay + np.append(0.0, (law * (1.0 - filled / cells))[:-1])
    logs = np.log(np.maximum(filled, 1.0) / cells)
    mean = float(law @ logs)
    return mean, max(0.0, float(law @ (logs - mean) ** 2))
