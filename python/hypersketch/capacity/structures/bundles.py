# SPDX-License-Identifier: Apache-2.0
"""What MAP-I and MAP-B have in common as seen from experiments: dimensions, fused trials, cleanup."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import (
    FloatArray,
    Int64Array,
    Structure,
    UInt64Array,
)
from hypersketch.vsa import MapB, MapI

__all__ = ["MapBundle"]


class MapBundle(Structure):
    """A bundle of atoms with entries -1 and +1."""

    unit: ClassVar[str] = "dim"
    #: Whether scores are taken from the signs of the sums (MAP-B) or from the sums (MAP-I).
    packed: ClassVar[bool]

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"dim": units}

    def score_trials(
        self,
        size: Size,
        seeds: UInt64Array,
        members: UInt64Array,
        probes: UInt64Array,
        weights: Int64Array | None = None,
    ) -> FloatArray:
        scores = kernels.bundle_trials(size["dim"], self.packed, seeds, members, probes, weights)
        return scores / size["dim"]

    def cleanup_trials(
        self, size: Size, seeds: UInt64Array, codebook: UInt64Array, members: Int64Array
    ) -> Int64Array:
        """Hits of each trial: members among the n best of the codebook."""
        return kernels.cleanup_trials(size["dim"], self.packed, seeds, codebook, members)

    @abstractmethod
    def space(self, size: Size, seed: int) -> MapI | MapB:
        """The public space of that size."""

    @abstractmethod
    def cleanup_accuracy(self, size: Size, n: int, universe: int) -> float:
        """Predicted share of the n members found by taking the n best of the universe."""

    @abstractmethod
    def leaf_similarity(self, fan_out: int, depth: int) -> float:
        """Expected similarity of a leaf with a bundle of bundles, `depth` levels of `fan_out` each."""
