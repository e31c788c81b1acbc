# SPDX-License-Identifier: Apache-2.0
"""MAP-B: the signs of the sum of random sign vectors, one bit a dimension."""

from __future__ import annotations

from typing import ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import ErrorRates, Moments, UInt64Array
from hypersketch.capacity.structures.bundles import MapBundle
from hypersketch.vsa import MapB, PackedBundle

__all__ = ["MapBundleB"]


class MapBundleB(MapBundle):
    """MAP-B: the majority sign of every dimension."""

    name: ClassVar[str] = "map-b"
    title: ClassVar[str] = "MAP-B"
    explanation: ClassVar[str] = (
        "A vector of signs, one bit each: every key votes with its random vector of −1 and +1, the majority "
        "stays."
    )
    tasks: ClassVar[frozenset[str]] = frozenset(
        {
            "membership",
            "intersection",
            "pairs",
            "sequence",
            "nested",
            "cleanup",
            "cleanup-pairs",
            "schlegel",
            "accuracy",
            "log-N",
            "sequence-length",
            "bsc-exact",
            "binding-depth",
            "noise",
            "resonator",
        }
    )
    packed: ClassVar[bool] = True
    has_kernels: ClassVar[bool] = True

    def n_bytes(self, size: Size) -> int:
        return 8 * -(-size["dim"] // 64)

    def expression(self, size: Size) -> str:
        return f"MapB(dim={size['dim']}).bundle().pack()"

    def space(self, size: Size, seed: int) -> MapB:
        return MapB(size["dim"], seed=seed)

    def build(self, size: Size, seed: int, hashes: UInt64Array) -> PackedBundle:
        return self.space(size, seed).bundle(hashes, threads=1, device=self.device).pack()

    def threshold(self, size: Size, n: int) -> float:
        # Half of what a member is expected to score.
        return float(theory.map_b.correlation(n)) / 2

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        dim = size["dim"]
        return ErrorRates(
            float(theory.map_b.false_positive_rate(dim, n)), float(theory.map_b.false_negative_rate(dim, n))
        )

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        mean, sd = theory.map_b.intersection_moments(n_x, shared, size["dim"], n_y)
        return Moments(float(mean), float(sd))

    def leaf_similarity(self, fan_out: int, depth: int) -> float:
        return float(theory.map_b.nested_correlation(fan_out, depth))
