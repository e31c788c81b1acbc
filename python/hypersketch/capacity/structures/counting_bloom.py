# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filters: k random counters a key."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, cast

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
from hypersketch.capacity.structures.bloom import best_hashes
from hypersketch.sketches import CountingBloomFilter

__all__ = ["CountingBloom"]


class CountingBloom(Structure):
    """A counting Bloom filter; 8 bits a cell for sets, 32 for weighted counts."""

    name: ClassVar[str] = "counting-bloom"
    title: ClassVar[str] = "Counting Bloom filter"
    explanation: ClassVar[str] = (
        "A row of small counters: every key adds to a few of them, so keys can be removed and counted as "
        "well."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"membership", "intersection", "frequency", "inner-product"})
    unit: ClassVar[str] = "n_cells"
    least: ClassVar[int] = 3
    count_quantity: ClassVar[str] = "wrong counts"
    has_kernels: ClassVar[bool] = True

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        # A set fits into bytes; counts of a stream may not.
        counter_bits = 32 if task in ("frequency", "inner-product") else 8
        return {"n_cells": units, "n_hashes": best_hashes(units, n), "counter_bits": counter_bits}

    def n_bytes(self, size: Size) -> int:
        return size["n_cells"] * size["counter_bits"] // 8

    def build(
        self, size: Size, seed: int, hashes: UInt64Array, weights: Int64Array | None = None
    ) -> CountingBloomFilter:
        sketch = CountingBloomFilter(
            n_cells=size["n_cells"],
            n_hashes=size["n_hashes"],
            counter_bits=cast(Literal[8, 16, 32], size["counter_bits"]),
            seed=seed,
            device=self.device,
        )
        sketch.add_hashes(hashes, weights)
        return sketch

    def scores(self, built: CountingBloomFilter, asked: UInt64Array) -> npt.ArrayLike:
        return built.count_hashes(asked, threads=1)

    def threshold(self, size: Size, n: int) -> float:
        return 0.5

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        rate = theory.counting_bloom.false_positive_rate(size["n_cells"], size["n_hashes"], n)
        return ErrorRates(float(rate), 0.0)

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        mean, sd = theory.counting_bloom.intersection_moments(
            size["n_cells"], size["n_hashes"], n_x, n_y, shared
        )
        return Moments(float(mean), float(sd))

    def expression(self, size: Size) -> str:
        return (
            f"CountingBloomFilter(n_cells={size['n_cells']}, n_hashes={size['n_hashes']}, "
            f"counter_bits={size['counter_bits']})"
        )

    def count_error(self, size: Size, counts: Counts) -> float:
        return float(theory.counting_bloom.wrong_count_rate(size["n_cells"], size["n_hashes"], counts.n))

    def count_rmse(self, size: Size, counts: Counts) -> float:
        return theory.frequency.counting_bloom_rmse(size["n_cells"], size["n_hashes"], *counts)

    def inner_error(self, size: Size, counts: Counts) -> float:
        # 4.10 for weights: each pair of keys adds the product of its squared weights over m - 1.
        return counts.l2**2 / math.sqrt(size["n_cells"] - 1.0)
