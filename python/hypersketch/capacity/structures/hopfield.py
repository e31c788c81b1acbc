# SPDX-License-Identifier: Apache-2.0
"""Hopfield±: random sign vectors stored as signed outer products in a matrix."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.streams import Counts
from hypersketch.capacity.structures.base import (
    ErrorRates,
    Int64Array,
    Moments,
    Structure,
    UInt64Array,
)
from hypersketch.memories import HopfieldMembership

__all__ = ["Hopfield"]


class Hopfield(Structure):
    """Hopfield±: W = sum of e s s^T with random signs e."""

    name: ClassVar[str] = "hopfield"
    title: ClassVar[str] = "Hopfield±"
    explanation: ClassVar[str] = (
        "A symmetric matrix: every key adds the outer product of its random sign vector with itself, times "
        "a random sign."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"membership", "intersection", "frequency", "hopfield-pm"})
    unit: ClassVar[str] = "dim"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": units}

    def n_bytes(self, size: Size) -> int:
        return 4 * (size["dim"] * (size["dim"] - 1) // 2)

    def build(
        self, size: Size, seed: int, hashes: UInt64Array, weights: Int64Array | None = None
    ) -> HopfieldMembership:
        memory = HopfieldMembership(size["dim"], seed=seed, device=self.device)
        memory.add_hashes(hashes, weights, threads=1)
        return memory

    def scores(self, built: HopfieldMembership, asked: UInt64Array) -> npt.ArrayLike:
        return built.score_hashes(asked, threads=1)

    def threshold(self, size: Size, n: int) -> float:
        return 0.5

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        dim = size["dim"]
        return ErrorRates(
            float(theory.hopfield.false_positive_rate(dim, n)),
            float(theory.hopfield.false_negative_rate(dim, n)),
        )

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        """Moments of <W_X, W_Y> / D^2 = sum of e_i e_j (s_i . s_j)^2 / D^2 over i in X and j in Y.

        A shared item gives exactly 1. The other terms have mean 0 and are uncorrelated unless they are the
        same pair: a pair of shared items comes twice. E (s_i . s_j)^4 = 3 D^2 - 2 D, so the variance is (3 -
        2 / D) / D^2 * (|X| |Y| + I^2 - 2 I), with I the intersection: formula 1.7 of MAP-I times (3 - 2 / D)
        / D.
        """
        dim = size["dim"]
        pairs = n_x * n_y + shared * shared - 2 * shared
        return Moments(float(shared), math.sqrt((3 - 2 / dim) * pairs) / dim)

    def expression(self, size: Size) -> str:
        return f"HopfieldMembership(dim={size['dim']})"

    def count_rmse(self, size: Size, counts: Counts) -> float:
        # The other keys' squares, averaged over the keys, times the noise that one unit weight makes.
        others = counts.l2**2 * (1.0 - 1.0 / counts.n)
        return math.sqrt(float(theory.hopfield.noise_variance(size["dim"], 1)) * others)
