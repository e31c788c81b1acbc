# SPDX-License-Identifier: Apache-2.0
"""Sums of random unit phasors: how far their direction is from one of them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module

_ENUMERATED = 4  # phasors of a sum whose few directions are all looked at
_HARMONICS = 32


def direction_moment(order: int, n: int) -> float:
    """Return E cos(order * angle) between a sum of n uniform random phasors and one of them.

    A plane wave averaged over a circle is its value in the middle times J_0, so that for z = 1 + a walk of
    n - 1 steps E exp(i k arg z) = k INT_0^oo J_k(t) J_0(t)^(n-1) dt / t (Weber's integral for n = 1).
    Derived.

    Examples
    --------
    >>> direction_moment(1, 1), round(direction_moment(1, 2), 6), round(direction_moment(1, 3), 5)
    (1.0, 0.63662, 0.52487)
    """
    if n == 1:
        return 1.0
    if n == 2:  # half the angle between both phasors, uniform in (-pi/2, pi/2)
        return math.sin(order * math.pi / 2.0) / (order * math.pi / 2.0)
    return _integral(order, n)


@lru_cache(maxsize=4096)
def _integral(order: int, n: int) -> float:
    special = scipy_module("special")
    t, weights = _nodes(n)
    waves = np.full(t.size, 0.5 if order == 1 else 0.0)  # the limit of J_k(t) / t at 0
    waves[1:] = special.jv(order, t[1:]) / t[1:]
    return float(order * (waves @ weights))


@lru_cache(maxsize=64)
def _nodes(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return t and J_0(t)^(n-1) dt of Simpson's rule; what lies beyond its end is below 1e-5 of all."""
    end = max(60.0, min(4000.0, 4e5 ** (2.0 / n)))
    t = np.linspace(0.0, end, 2 * math.ceil(8 * end) + 1)
    simpson = np.full(t.size, 2.0 / 3.0)
    simpson[1::2], simpson[[0, -1]] = 4.0 / 3.0, 1.0 / 3.0
    return t, np.asarray(scipy_module("special").j0(t) ** (n - 1) * (t[1] - t[0]) * simpson)


def phasor_cosines(n: int) -> tuple[float, float, float]:
    """Return mean, variance and covariance of the cosines of members with the direction of their sum.

    Source: E cos^2 = (1 + E cos 2a) / 2, and the cosines of all n members add up to the length of the sum,
    whose mean square is n. Derived.

    Examples
    --------
    >>> [round(value, 5) for value in phasor_cosines(2)]
    [0.63662, 0.09472, 0.09472]
    """
    mean = direction_moment(1, n)
    square = 0.5 + 0.5 * direction_moment(2, n)
    product = (1.0 - square) / (n - 1.0) if n > 1 else square
    return mean, max(square - mean**2, 0.0), product - mean**2


@lru_cache(maxsize=512)
def circle_law(n: int, modulus: int) -> NDArray[np.float64]:
    """Return P(the nearest direction to a sum of n of r directions lies d steps from one of them), d < r.

    Exact up to four members, whose sums are all looked at; a sum without a direction is a draw among all of
    them. Above, directions are continuous, which misses harmonics of the order r of the uniform law.

    Examples
    --------
    >>> law = circle_law(3, 8)
    >>> round(float(law.sum()), 12), bool(law[0] > law[1] > law[4])
    (1.0, True)
    """
    if n == 1:
        return np.asarray(np.eye(1, modulus)[0])
    if n <= _ENUMERATED and modulus ** (n - 1) <= 300_000:
        return _enumerated(n, modulus)
    orders = np.arange(1, min(_HARMONICS, 4 * modulus) + 1)
    sizes = np.array([direction_moment(int(k), n) for k in orders])
    window = np.sinc(orders / modulus)  # a bin is 1/r of the circle wide
    waves = np.cos(2.0 * math.pi * np.outer(np.arange(modulus), orders) / modulus)
    law = np.maximum((1.0 + 2.0 * waves @ (sizes * window)) / modulus, 0.0)
    return np.asarray(law / law.sum())


def _enumerated(n: int, modulus: int) -> NDArray[np.float64]:
    """Look at all sums of one direction and n - 1 others."""
    steps = np.exp(2j * math.pi * np.arange(modulus) / modulus)
    sums = np.ones(1, complex)
    for _ in range(n - 1):
        sums = np.add.outer(sums, steps).ravel()
    nearest = np.round(np.angle(sums) * modulus / (2.0 * math.pi)).astype(np.int64) % modulus
    lost = np.abs(sums) <= 1e-9 * n
    law = np.bincount(nearest[~lost], minlength=modulus) / sums.size
    return np.asarray(law + lost.mean() / modulus)
