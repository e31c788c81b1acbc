# SPDX-License-Identifier: Apache-2.0
"""Tails of sums of independent symmetric integers of any size, from the frequencies around zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_MOST_NODES = 1 << 17
_PIECE = 256
_SHARE = 1e-16


class Terms(NamedTuple):
    """A term e V, e a random sign and V an integer; sizes are in units of a scale."""

    sizes: NDArray[np.float64]
    weights: NDArray[np.float64]
    first: int
    step: int
    scale: int

    @classmethod
    def of(cls, values: Sequence[int], weights: NDArray[np.float64], scale: int) -> Terms:
        """Return the term of these values, with their weights, which need not add up to 1.

        Examples
        --------
        >>> Terms.of([3, 1], np.array([1.0, 1.0]), 3).step
        2
        """
        step = math.gcd(*(v - values[0] for v in values), 2 * values[0])
        sizes = np.array([v / scale for v in values])
        return cls(sizes, weights / weights.sum(), values[0], step, scale)


def symmetric_tail(terms: Terms, n: int, least: int) -> float:
    """Return P(e_1 V_1 + ... + e_n V_n >= least), least > 0.

    The n-th power of the characteristic function is inverted on the lattice of the sum by the midpoint rule,
    from zero up to where it vanishes; n terms whose characteristic function comes back elsewhere (other than
    by the lattice) with a power that matters must be few.

    Examples
    --------
    >>> round(symmetric_tail(Terms.of([1], np.array([1.0]), 1), 4, 2), 12)
    0.3125
    """
    if n == 0 or terms.step == 0:
        return 0.0
    # Points lie at n first + step * integer; a boundary halfway between two makes the inversion exact.
    start = n * terms.first
    first = start - (start - least) // terms.step * terms.step
    at = (2 * first - terms.step) / (2 * terms.scale)
    step, largest = terms.step / terms.scale, float(np.abs(terms.sizes).max())
    spread = math.sqrt(n * float(terms.weights @ terms.sizes**2))
    # Sums farther away than this come with the probability of rounding.
    reach = min(n * largest, 40.0 * spread + 40.0 * largest)
    if at > reach or at == 0.0:
        return 0.0 if at else 0.5
    bound = symmetric_bound(terms, n, at)
    if bound < _SHARE:  # few terms, whose characteristic function hardly falls
        return bound
    width = 2.0 * math.pi / (2.0 * max(reach, at) + 2.0 * step)
    nodes = math.ceil(math.pi / step / width)  # a whole number of them in the period
    width, most, total = math.pi / step / nodes, min(nodes, _MOST_NODES), 0.0
    for begin in range(0, most, _PIECE):
        theta = width * (np.arange(begin, min(begin + _PIECE, most)) + 0.5)
        power = _to_the(terms, theta, n)
        total += float(np.sum(power * np.sin(theta * at) * (step / 2.0) / np.sin(theta * step / 2.0)))
        if np.abs(power[-16:]).max() < _SHARE:
            break
    return float(np.clip(0.5 - total * width / math.pi, 0.0, 1.0))


def symmetric_bound(terms: Terms, n: int, at: float) -> float:
    """Return Chernoff's bound of P(e_1 V_1 + ... + e_n V_n >= at), in units of the scale.

    Examples
    --------
    >>> symmetric_bound(Terms.of([1], np.array([1.0]), 1), 100, 50.0) < 1e-5
    True
    """
    # Any t gives a bound, so a grid will do: exp(-t at) (E cosh(t V))^n.
    t = np.geomspace(1e-3, 1e4, 400)[:, np.newaxis] / at
    grown = np.abs(t * terms.sizes)
    some = terms.weights > 0.0
    with np.errstate(divide="ignore"):  # log of cosh - 1 = 2 sinh(x / 2)^2
        log = grown[:, some] + 2.0 * np.log1p(-np.exp(-grown[:, some])) - math.log(2.0)
    log += np.log(terms.weights[some])
    top = log.max(axis=1, keepdims=True)
    more = top[:, 0] + np.log(np.exp(log - top).sum(axis=1))
    exponents = n * np.logaddexp(0.0, more) - t[:, 0] * at
    return float(min(0.5, math.exp(min(0.0, float(exponents.min())))))


def _to_the(terms: Terms, theta: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Return the n-th power of the characteristic function of one term."""
    # 1 - phi = 2 E sin^2 keeps its digits where phi is nearly 1.
    lost = 2.0 * np.sin(np.outer(theta, terms.sizes / 2.0)) ** 2 @ terms.weights
    near, far = np.log1p(-np.minimum(lost, 0.5)), np.log(np.maximum(np.abs(1.0 - lost), 1e-300))
    size = np.exp(n * np.where(lost < 0.5, near, far))
    return np.asarray(size * np.where((lost > 1.0) & (n % 2 == 1), -1.0, 1.0))
