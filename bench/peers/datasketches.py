# SPDX-License-Identifier: Apache-2.0
"""Apache DataSketches' count_min_sketch: one call a key, from a list of Python integers."""

from __future__ import annotations

from typing import Any

from peers import name_of


class Datasketches:
    """Five rows of 64-bit counters."""

    def __init__(self, width: int) -> None:
        self.name = name_of("datasketches")
        import datasketches

        self._make = lambda: datasketches.count_min_sketch(5, width)
        self.fresh()

    def fresh(self) -> None:
        self._sketch: Any = self._make()

    def add(self, keys: list[int]) -> None:
        update = self._sketch.update
        for key in keys:
            update(key)

    def estimate(self, keys: list[int]) -> list[float]:
        return list(map(self._sketch.get_estimate, keys))

    def nbytes(self) -> int:
        return len(self._sketch.serialize())
