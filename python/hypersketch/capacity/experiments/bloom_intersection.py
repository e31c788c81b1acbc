# SPDX-License-Identifier: Apache-2.0
"""What do the set bits of two Bloom filters say about their sets?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.bloom import Filter

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["BloomIntersection"]

_BITS_PER_KEY = (6, 16)
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


class BloomIntersection(Experiment):
    """Estimates size, union and intersection of two sets from filters of all layouts."""

    name: ClassVar[str] = "bloom-intersection"
    title: ClassVar[str] = "What do the bits of two Bloom filters say about their sets?"
    summary: ClassVar[str] = (
        "What do the bits of two Bloom filters say about their sets? Bias and spread over the overlap, all "
        "layouts."
    )
    question: ClassVar[str] = (
        "Two Bloom filters hold two sets; the keys themselves are gone. How many keys does one of them "
        "hold, how many do both hold together, and how many do they share?"
    )
    method: ClassVar[str] = (
        "In each trial two sets of n keys that share from none to all of them are stored in two filters of "
        "one fresh seed. The set bits of the first, of the second and of both together each tell a number "
        "of keys; the first two less the third is the estimated overlap."
    )
    prediction: ClassVar[str] = (
        "A bit stays clear with the same chance under every key, so the share of clear bits tells the "
        "number of keys. The spread follows from how the bits depend on each other: those of one word, of "
        "one block, and of different blocks. Each layout has a function f for it: f(s) is the covariance of "
        "two estimates whose sets share s keys, and the variance of the overlap is f(both together) + 2 "
        "f(shared) − f(first) − f(second)."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "bias": Quantity("mean", "mean error of the estimated number of shared keys", log=False),
        "spread": Quantity("rms", "root mean square error of the estimated number of shared keys", log=False),
        "union spread": Quantity(
            "rms", "root mean square error of the estimated number of keys of both sets", log=False
        ),
        "size spread": Quantity(
            "rms", "root mean square error of the estimated number of keys of one set", log=False
        ),
    }
    default_n: ClassVar[tuple[int, ...]] = (2000,)
    default_trials: ClassVar[int] = 400

    def units(self, entry: Structure, n: int) -> list[int]:
        return [bits * n for bits in _BITS_PER_KEY]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"shared": shared} for shared in sorted({round(share * n) for share in _SHARES})]

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        n, shared = cell.n, cell.setting["shared"]
        found = np.array(
            [
                self._estimates(cell, seed, row[:n], row[n - shared :])
                for seeds, keys in Draw(cell, hashes, 2 * n - shared)
                for seed, row in zip(seeds.tolist(), keys, strict=True)
            ]
        )
        bias, union, size = (found - [shared, 2 * n - shared, n]).T
        return {
            "bias": bias.tolist(),
            "spread": (bias**2).tolist(),
            "union spread": (union**2).tolist(),
            "size spread": (size**2).tolist(),
        }

    @staticmethod
    def _estimates(cell: Cell, seed: int, x: UInt64Array, y: UInt64Array) -> tuple[float, float, float]:
        """Estimated intersection, union and size of the first set."""
        entry = structure(cell.structure, cell.device)
        first, second = entry.build(cell.size, seed, x), entry.build(cell.size, seed, y)
        return (
            first.intersection_cardinality(second),
            first.union_cardinality(second),
            first.cardinality(),
        )

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = cast(Filter, structure(cell.structure))
        n, shared = cell.n, cell.setting["shared"]
        return {
            "bias": 0.0,
            "spread": entry.intersection_sd(cell.size, n, n, shared),
            "union spread": entry.cardinality_sd(cell.size, 2 * n - shared),
            "size spread": entry.cardinality_sd(cell.size, n),
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "shared keys",
            lambda row: float(row.setting["shared"]),
            lambda row: f"{round(row.bits_per_item)} bits a key",
            lambda row: structure(row.structure).title,
            log=False,
        )
