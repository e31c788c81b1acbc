# SPDX-License-Identifier: Apache-2.0
"""Count sketches and Count-Min sketches: one cell a key in each of a few rows."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.streams import Counts
from hypersketch.capacity.structures.base import (
    Int64Array,
    Structure,
    UInt64Array,
)
from hypersketch.sketches import CountMinSketch, CountSketch

__all__ = ["ConservativeCountMin", "CountMin", "RowSketch", "SignedRows"]

# Rows of a sketch that nobody asked another number for: a count is far off once in hundreds of keys.
_DEPTH = 5


class RowSketch(Structure):
    """Rows of cells of 64 bits."""

    unit: ClassVar[str] = "width"
    least: ClassVar[int] = 3
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"width": units, "depth": _DEPTH}

    def n_bytes(self, size: Size) -> int:
        return 8 * size["width"] * size["depth"]

    @abstractmethod
    def empty(self, size: Size, seed: int) -> CountSketch | CountMinSketch:
        """The public object, empty."""

    def build(
        self, size: Size, seed: int, hashes: UInt64Array, weights: Int64Array | None = None
    ) -> CountSketch | CountMinSketch:
        sketch = self.empty(size, seed)
        sketch.add_hashes(hashes, weights, threads=1)
        return sketch

    def scores(self, built: CountSketch | CountMinSketch, asked: UInt64Array) -> npt.ArrayLike:
        return built.estimate_hashes(asked, threads=1)


class SignedRows(RowSketch):
    """A count sketch."""

    name: ClassVar[str] = "count-sketch"
    title: ClassVar[str] = "Count sketch"
    explanation: ClassVar[str] = (
        "A few rows of counters: in each row a key owns one counter and a random sign, and adds its count "
        "times the sign; its count is read off as the median of its signed counters."
    )
    tasks: ClassVar[frozenset[str]] = frozenset(
        {"frequency", "heavy-hitters", "inner-product", "count-error"}
    )

    def empty(self, size: Size, seed: int) -> CountSketch:
        return CountSketch(size["width"], size["depth"], seed=seed, device=self.device)

    def expression(self, size: Size) -> str:
        return f"CountSketch(width={size['width']}, depth={size['depth']})"

    def count_rmse(self, size: Size, counts: Counts) -> float:
        return theory.frequency.count_sketch_rmse(size["width"], size["depth"], *counts)

    def stranger_count(self, size: Size, counts: Counts, chance: float) -> float:
        return theory.frequency.count_sketch_quantile(size["width"], size["depth"], chance, *counts)

    def inner_error(self, size: Size, counts: Counts) -> float:
        # 5.3 without common keys; skewed rows gain more from the median than this factor says.
        factor = theory.count_sketch.median_factor(size["depth"])
        return counts.l2**2 * factor / math.sqrt(size["width"])


class CountMin(RowSketch):
    """A Count-Min sketch."""

    name: ClassVar[str] = "count-min"
    title: ClassVar[str] = "Count-Min sketch"
    explanation: ClassVar[str] = (
        "A few rows of counters: in each row a key owns one counter and adds its count to it; the least of "
        "its counters is its count, or more."
    )
    tasks: ClassVar[frozenset[str]] = frozenset(
        {"frequency", "heavy-hitters", "inner-product", "count-error"}
    )
    count_quantity: ClassVar[str] = "wrong counts"

    def empty(self, size: Size, seed: int) -> CountMinSketch:
        return CountMinSketch(size["width"], size["depth"], seed=seed, device=self.device)

    def expression(self, size: Size) -> str:
        return f"CountMinSketch(width={size['width']}, depth={size['depth']})"

    def count_error(self, size: Size, counts: Counts) -> float:
        return theory.frequency.count_min_wrong_count_rate(size["width"], size["depth"], counts.n)

    def count_rmse(self, size: Size, counts: Counts) -> float:
        return theory.frequency.count_min_moments(size["width"], size["depth"], *counts)[1]

    def mean_excess(self, size: Size, counts: Counts) -> float:
        """Predicted mean of what is added to the counts of the stored keys."""
        return theory.frequency.count_min_moments(size["width"], size["depth"], *counts)[0]

    def stranger_count(self, size: Size, counts: Counts, chance: float) -> float:
        return theory.frequency.count_min_quantile(size["width"], size["depth"], chance, *counts)

    def inner_error(self, size: Size, counts: Counts) -> float:
        # One row's mean excess and spread; the least of the rows errs less.
        width = size["width"]
        return math.hypot(counts.total**2 / width, counts.l2**2 * math.sqrt((1.0 - 1.0 / width) / width))


class ConservativeCountMin(RowSketch):
    """A Count-Min sketch that raises only the cells that must grow."""

    name: ClassVar[str] = "count-min-conservative"
    title: ClassVar[str] = "Count-Min, conservative"
    explanation: ClassVar[str] = (
        "A Count-Min sketch that raises only those of a key's counters that are below its least one plus "
        "the new count. It errs less, and cannot be merged."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"count-error"})
    has_kernels: ClassVar[bool] = False  # what it holds depends on the order of the keys

    def empty(self, size: Size, seed: int) -> CountMinSketch:
        return CountMinSketch(size["width"], size["depth"], conservative=True, seed=seed)

    def expression(self, size: Size) -> str:
        return f"CountMinSketch(width={size['width']}, depth={size['depth']}, conservative=True)"
