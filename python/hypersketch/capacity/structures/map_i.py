# SPDX-License-Identifier: Apache-2.0
"""MAP-I: the sum of random sign vectors."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.streams import Counts
from hypersketch.capacity.structures.base import ErrorRates, Moments, UInt64Array
from hypersketch.capacity.structures.bundles import MapBundle
from hypersketch.vsa import Bundle, MapI

__all__ = ["MapBundleI"]


class MapBundleI(MapBundle):
    """MAP-I: integer sums; linear, so it counts, deletes and merges exactly."""

    name: ClassVar[str] = "map-i"
    title: ClassVar[str] = "MAP-I"
    explanation: ClassVar[str] = (
        "A vector of integers: every key has its own random vector of −1 and +1, and the memory is their sum."
    )
    tasks: ClassVar[frozenset[str]] = frozenset(
        {
            "membership",
            "intersection",
            "frequency",
            "inner-product",
            "pairs",
            "sequence",
            "nested",
            "cleanup",
            "cleanup-pairs",
            "schlegel",
            "accuracy",
            "log-N",
            "hopfield-pm",
            "sequence-length",
            "bsc-exact",
            "binding-depth",
            "superposition",
            "set-width",
        }
    )
    packed: ClassVar[bool] = False
    has_kernels: ClassVar[bool] = True

    def n_bytes(self, size: Size) -> int:
        return 4 * size["dim"]

    def space(self, size: Size, seed: int) -> MapI:
        return MapI(size["dim"], seed=seed)

    def build(self, size: Size, seed: int, hashes: UInt64Array) -> Bundle:
        return self.space(size, seed).bundle(hashes, threads=1, device=self.device)

    def threshold(self, size: Size, n: int) -> float:
        return 0.5

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        dim = size["dim"]
        return ErrorRates(
            float(theory.map_i.false_positive_rate(dim, n)), float(theory.map_i.false_negative_rate(dim, n))
        )

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        # 1.7 is about <x, y> / D, which is the estimate itself.
        mean, variance = theory.map_i.inner_moments(n_x, n_y, shared, size["dim"])
        return Moments(float(mean), math.sqrt(variance))

    def expression(self, size: Size) -> str:
        return f"MapI(dim={size['dim']}).bundle()"

    def count_rmse(self, size: Size, counts: Counts) -> float:
        rmse = np.asarray(theory.map_i.frequency_rmse(counts.l2, counts.values, size["dim"]))
        return math.sqrt(float(rmse**2 @ counts.numbers) / counts.n)

    def inner_error(self, size: Size, counts: Counts) -> float:
        return counts.l2**2 / math.sqrt(size["dim"])  # 1.7

    def leaf_similarity(self, fan_out: int, depth: int) -> float:
        return 1.0
