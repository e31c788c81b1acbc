# SPDX-License-Identifier: Apache-2.0
"""How a bundle answers whether a vector is in it, and how often: scores between strangers' and members'.

A stranger's score has a known mean and deviation in every space. What a vector of weight 1 scores follows
from the sum itself: the inner product of the sum x with its own form f(x) is the sum of all members' products
with f(x), so a member's is <x, f(x)> over the sum of squared weights, whatever f does (takes signs, cuts off,
picks the most frequent value).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch.theory import cleanup, normal
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import popcounts
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR
from hypersketch.vsa.modular import MCR, ModularSpace
from hypersketch.vsa.spaces import MapI
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.ternary import MapT

Floats = NDArray[np.float64]


class Law(NamedTuple):
    """What vectors of some sizes are expected to score; the fields broadcast."""

    mean: Any
    """Of strangers."""
    sd: Any
    member: Any
    """Of vectors with weight 1; infinite when the bundle is empty."""
    member_sd: Any

    def midpoint(self) -> Any:
        """Return the scores half way between strangers and members."""
        return (self.mean + self.member) / 2

    def estimates(self, scores: Floats) -> Floats:
        """Return weights of which these are the scores."""
        signal = self.member - self.mean
        fits = np.isfinite(signal) & (signal > 0)
        return np.asarray(np.divide(scores - self.mean, signal, out=np.zeros_like(scores), where=fits))

    def error(self) -> float:
        """Return the probability that a stranger passes the midpoint."""
        if not np.isfinite(self.member):
            return 0.0
        return float(normal.tail(float((self.midpoint() - self.mean) / self.sd))) if self.sd > 0 else 0.0

    def unbound(self, steps: int) -> Law:
        """Return the law after unbinding so often by normal vectors, whose squared spectra add noise."""
        # E |k|^4 = 2 (E |k|^2)^2: a member's own length grows twofold a step, and the sum's by as much.
        return self._replace(member=self.member / np.sqrt(1 + (2**steps - 1) * self.member**2))

    def accuracy(self, universe: int) -> float:
        """Return the probability that a member scores above ``universe - 1`` strangers."""
        if not np.isfinite(self.member) or self.sd == 0:
            return 1.0
        one, two = (float(self.member), float(self.member_sd)), (float(self.mean), float(self.sd))
        return cleanup.accuracy(*one, *two, universe)


def typical(space: Space, factors: int) -> float:
    """Return the squared length (or the number of ones) of a product of so many atoms."""
    if isinstance(space, BSDC):
        return float(space.n_ones)
    if isinstance(space, MapT):
        return float(space.dim)
    if not isinstance(space, RealSpace):
        return 1.0
    each = {"FHRR": 1.0, "MapC": 1 / 3}.get(type(space).__name__)
    return 1.0 if each is None else space.dim * each**factors


def sizes(space: Space, rows: NDArray[Any]) -> Floats:
    """Return squared lengths of vectors, over D in the MAP family; numbers of ones of sparse codes."""
    if isinstance(space, BSDC | MapT):
        return popcounts(np.atleast_2d(rows)).astype(np.float64)
    if isinstance(space, RealSpace):
        return np.atleast_1d(space._products(rows, rows))
    if rows.dtype == np.int32:
        return np.asarray(np.einsum("nd,nd->n", rows, rows, dtype=np.float64) / space.dim)
    return np.ones(len(rows))


Gauge = Callable[[Any], Law]
"""Returns what strangers and members of given squared lengths score."""


def gauge(space: Space, bundle: Any, vector: NDArray[Any]) -> Gauge:
    """Return how a bundle with this vector is to be read.

    Examples
    --------
    >>> from hypersketch.vsa import MapB
    >>> space = MapB(10_000)
    >>> bag = space.bundle(range(5))
    >>> round(float(gauge(space, bag, bag.vector)(1.0).member), 1)
    0.4
    """
    if isinstance(space, MapSpace):
        return _gauge_of_signs(space, bundle)
    if isinstance(space, RealSpace):
        pairs = (bundle._sum, vector), (bundle._sum, bundle._sum), (vector, vector)
        inner, energy, own = (float(space._products(*pair)) for pair in pairs)
        halves = 2 if isinstance(space, FHRR) else 1
        fixed = isinstance(space, MapC) or (isinstance(space, FHRR) and space.phase_only)
        return partial(_law_of_cosines, halves * space.dim, inner, energy, own, 0.5 if fixed else 1.0)
    if isinstance(space, MapT):
        counters, ones = bundle.counters.astype(np.float64), float(popcounts(vector[np.newaxis])[0])
        inner, energy = float(np.abs(counters).sum()), float(counters @ counters)
        return partial(_law_of_cosines, space.dim, inner, energy, ones, 0.5)
    if isinstance(space, ModularSpace):
        law = _law_of_digits(space, bundle, vector)
        return lambda size: law
    return partial(_law_of_ones, space.dim, float(popcounts(vector[np.newaxis])[0]))


def _gauge_of_signs(space: MapSpace, bundle: Any) -> Gauge:
    counters = bundle.counters.astype(np.float64)
    energy = float(counters @ counters) / space.dim  # about the sum of squared weights
    if isinstance(space, MapI):
        return partial(_law_of_sums, space.dim, energy)
    member = float(np.abs(counters).sum()) / space.dim / energy if energy else math.inf
    sd = 1 / math.sqrt(space.dim)
    law = Law(0.0, sd, member, sd * math.sqrt(max(0.0, 1 - member**2)))
    return lambda size: law


def _law_of_sums(dim: int, energy: float, size: Any) -> Law:
    if not energy:
        return Law(0.0, 0.0, math.inf, 0.0)
    sd = np.sqrt(energy * size / dim)
    return Law(0.0, sd, size, sd * math.sqrt(max(0.0, 1 - 1 / energy)))


def _law_of_cosines(dim: int, inner: float, energy: float, own: float, power: float, size: Any) -> Law:
    """Return the law of cosines with f(x), by <x, f(x)>, <x, x> and <f(x), f(x)>.

    A member's variance is (1 - c^2) / D where it is a sum of entries, and (1 - c^2)^2 / D where lengths vary
    with it, as those of normal vectors do: that of a correlation coefficient.
    """
    sd = 1 / math.sqrt(dim)
    if not energy or not own:
        return Law(0.0, sd, math.inf, sd)
    member = np.sqrt(size) * inner / (energy * math.sqrt(own))
    return Law(0.0, sd, member, sd * np.maximum(0.0, 1 - member**2) ** power)


def _law_of_digits(space: ModularSpace, bundle: Any, vector: NDArray[Any]) -> Law:
    counts = bundle.counters.astype(np.float64)
    width, order = counts.shape
    steps = np.arange(order)
    around = np.minimum(steps, order - steps)
    alike = 1.0 - 4.0 * around / order if isinstance(space, MCR) else (steps == 0).astype(np.float64)
    mean, sd = float(alike.mean()), float(alike.std()) / math.sqrt(width)
    weight = float(bundle.total_weight)
    squares = (float((counts**2).sum()) / width - weight**2 / order) / (1 - 1 / order)
    if squares < 0.5 / width:  # of an empty bundle
        return Law(mean, sd, math.inf, sd)
    around = (vector[:, np.newaxis].astype(np.int64) + np.arange(order)) % order
    total = float((np.take_along_axis(counts, around, axis=1) @ alike).sum()) / width
    member = mean + (total - mean * weight) / squares
    left = max(0.0, 1 - member**2 if isinstance(space, MCR) else member * (1 - member))
    return Law(mean, sd, member, sd * math.sqrt(left) if isinstance(space, MCR) else math.sqrt(left / width))


def _law_of_ones(dim: int, ones: float, size: Any) -> Law:
    if not ones:
        return Law(0.0, 0.0, math.inf, 0.0)
    share = ones / dim
    size = np.maximum(size, 1.0)
    mean = np.sqrt(size * ones) / dim
    spread = np.sqrt(size * share * (1 - share) * (dim - size) / (dim - 1))
    return Law(mean, spread / np.sqrt(size * ones), np.sqrt(size / ones), 0.0)
