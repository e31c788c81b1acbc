# SPDX-License-Identifier: Apache-2.0
"""MAP-C: what one entry of a sum of uniform numbers, cut off at -1 and 1, has to do with each of them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ._cosines import Entry, Pair

Floats64 = NDArray[np.float64]

_STEP = 1.0 / 128.0
_REACH = 9.0  # standard deviations of a sum
_NODES = 24


@lru_cache(maxsize=256)
def bundle_entry(n: int) -> tuple[Entry, Pair, float]:
    """Return what an entry of a clipped sum of n uniform atoms adds to a cosine, and E x^4 / (E x^2)^2.

    Numerical: the density of n - 1 uniform numbers on a grid against nodes of the member's entry. Derived.

    Examples
    --------
    >>> entry, _, _ = bundle_entry(1)
    >>> round(entry.mean_p * 3, 6), round(entry.mean_x * 3, 6)
    (1.0, 1.0)
    """
    a, weights = np.polynomial.legendre.leggauss(_NODES)
    weights = weights / 2.0
    others, law = _sum_law(n - 1, products=False)
    power = _Powers(a, weights, np.clip(np.add.outer(a, others), -1.0, 1.0), law)
    pp, px, xx = power(2, 2), power(3, 1), power(4, 0)
    p, x, s = power(1, 1), power(2, 0), 1.0 / 3.0
    entry = Entry(p, x, s, pp - p * p, xx - x * x, 1 / 5 - s * s, px - p * x, power(1, 3) - p * s, pp - x * s)
    return entry, _two_members(n, p, s), xx / x**2


def _two_members(n: int, p: float, s: float) -> Pair:
    if n == 1:
        return Pair(0.0)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    first, second = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
    both = np.outer(weights / 2.0, weights / 2.0).ravel()
    others, law = _sum_law(n - 2, products=False)
    power = _Powers(first, both, np.clip(np.add.outer(first + second, others), -1.0, 1.0), law)
    return Pair(power(2, 1, second) - p * p, power(1, 1, second**2) - p * s)


@lru_cache(maxsize=256)
def pair_entry(n: int) -> tuple[Entry, float]:
    """Return the same for a bundle of n bound pairs that was unbound: y = clip(k v + ...) k against v.

    Examples
    --------
    >>> entry, _ = pair_entry(1)  # k v k against v
    >>> round(entry.mean_p / (entry.mean_x * entry.mean_a) ** 0.5, 4), round(5**0.5 / 3, 4)
    (0.7454, 0.7454)
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    k, v = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
    both = np.outer(weights / 2.0, weights / 2.0).ravel()
    others, law = _sum_law(n - 1, products=True)
    y = np.clip(np.add.outer(k * v, others), -1.0, 1.0) * k[:, None]
    power = _Powers(v, both, y, law)
    p, x, s = power(1, 1), power(2, 0), 1.0 / 3.0
    pp, px, xx = power(2, 2), power(3, 1), power(4, 0)
    entry = Entry(p, x, s, pp - p * p, xx - x * x, 1 / 5 - s * s, px - p * x, power(1, 3) - p * s, pp - x * s)
    return entry, xx / x**2


class _Powers:
    """E x^i a^j over nodes of a (rows) and the law of the rest of x (columns)."""

    def __init__(self, a: Floats64, weights: Floats64, x: Floats64, law: Floats64) -> None:
        self._a, self._weights, self._x, self._law = a, weights, x, law

    def __call__(self, i: int, j: int, factor: Floats64 | float = 1.0) -> float:
        return float((self._weights * self._a**j * factor) @ (self._x**i @ self._law))


def _sum_law(n: int, products: bool) -> tuple[Floats64, Floats64]:
    """Return values and probabilities of a sum of n uniform numbers in [-1, 1], or of products of two.

    From the cell probabilities of one, by the n-th power of their transform.
    """
    if n == 0:
        return np.zeros(1), np.ones(1)
    spread = math.sqrt(n / (9.0 if products else 3.0))
    reach = min(float(n), _REACH * spread + 1.0) + 1.0
    size = 1 << math.ceil(math.log2(2.0 * reach / _STEP))
    values = (np.arange(size) - size // 2) * _STEP
    single = np.diff(_cdf(np.append(values, values[-1] + _STEP) - _STEP / 2.0, products))
    spectrum = np.fft.rfft(np.roll(single, -(size // 2)))
    law = np.roll(np.fft.irfft(spectrum**n, n=size), size // 2)
    # Cells widen what is smeared over them by step^2 / 12 a term; that is taken out of the values again.
    shrink = math.sqrt(1.0 / (1.0 + _STEP**2 / 12.0 * n / spread**2))
    return np.asarray(values * shrink, np.float64), np.asarray(np.maximum(law, 0.0) / law.sum(), np.float64)


def _cdf(x: Floats64, products: bool) -> Floats64:
    """Return the distribution function of a uniform number in [-1, 1], or of a product of two."""
    inside = np.clip(x, -1.0, 1.0)
    if not products:
        return np.asarray(0.5 + 0.5 * inside)
    size = np.abs(inside)
    below = np.zeros_like(size)
    some = size > 0.0
    below[some] = size[some] * (1.0 - np.log(size[some]))  # P(|product| < size)
    return np.asarray(0.5 + 0.5 * np.sign(inside) * below)
