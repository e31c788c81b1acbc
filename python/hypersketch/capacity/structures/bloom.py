# SPDX-License-Identifier: Apache-2.0
"""Bloom filters: k random bits a key, anywhere or in one block."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import (
    ErrorRates,
    Moments,
    Structure,
    UInt64Array,
)
from hypersketch.sketches import BloomFilter

__all__ = ["Bloom", "CacheLineBloom", "Filter", "SplitBlockBloom", "best_hashes"]

# More hashes than this buy an error below 1e-9, which no experiment can see.
_MOST_HASHES = 30


def best_hashes(units: int, n: int) -> int:
    """Hashes that make the false-positive rate smallest: (m / n) ln 2, rounded to the better neighbour."""
    ideal = units / max(1, n) * math.log(2)
    low = min(_MOST_HASHES, max(1, math.floor(ideal)))
    candidates = {low, min(_MOST_HASHES, low + 1)}
    return min(sorted(candidates), key=lambda k: k * math.log(-math.expm1(-k * n / units)))


class Filter(Structure):
    """A Bloom filter of one layout."""

    #: Layout of the public object.
    layout: ClassVar[Literal["classic", "split-block", "cache-line"]]
    unit: ClassVar[str] = "n_bits"
    has_kernels: ClassVar[bool] = True

    def n_bytes(self, size: Size) -> int:
        return 8 * -(-size["n_bits"] // 64)

    def expression(self, size: Size) -> str:
        return f"BloomFilter(n_bits={size['n_bits']}, n_hashes={size['n_hashes']}, layout={self.layout!r})"

    def build(self, size: Size, seed: int, hashes: UInt64Array) -> BloomFilter:
        shape = {"n_bits": size["n_bits"], "n_hashes": size["n_hashes"]}
        bloom = BloomFilter(**shape, layout=self.layout, seed=seed, device=self.device)
        bloom.add_hashes(hashes, threads=1)
        return bloom

    def scores(self, built: BloomFilter, asked: UInt64Array) -> npt.ArrayLike:
        return built.contains_hashes(asked, threads=1)

    def threshold(self, size: Size, n: int) -> float:
        return 0.5

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        return ErrorRates(self.false_positive_rate(size, n), 0.0)

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        with np.errstate(over="ignore", invalid="ignore"):  # a hopelessly full filter: the error is infinite
            return Moments(float(shared), self.intersection_sd(size, n_x, n_y, shared))

    @abstractmethod
    def false_positive_rate(self, size: Size, n: int) -> float:
        """Exact rate of false positives with n keys, over random hashes."""

    @abstractmethod
    def cardinality_sd(self, size: Size, n: int) -> float:
        """Predicted standard deviation of the number of keys estimated from the set bits."""

    @abstractmethod
    def intersection_sd(self, size: Size, n_x: int, n_y: int, shared: int) -> float:
        """Predicted standard deviation of the intersection of two filters."""


class Bloom(Filter):
    """A classic Bloom filter."""

    name: ClassVar[str] = "bloom"
    title: ClassVar[str] = "Bloom filter"
    explanation: ClassVar[str] = (
        "A row of bits: every key sets a few bits at random places; a key whose bits are all set counts as "
        "stored."
    )
    tasks: ClassVar[frozenset[str]] = frozenset(
        {"membership", "intersection", "pairs", "bloom-fpr", "bloom-intersection"}
    )
    layout = "classic"

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_bits": units, "n_hashes": best_hashes(units, n)}

    def false_positive_rate(self, size: Size, n: int) -> float:
        return theory.bloom.false_positive_rate(size["n_bits"], size["n_hashes"], n)

    def cardinality_sd(self, size: Size, n: int) -> float:
        return float(theory.bloom.cardinality_sd(size["n_bits"], size["n_hashes"], n))

    def intersection_sd(self, size: Size, n_x: int, n_y: int, shared: int) -> float:
        return float(theory.bloom.intersection_sd(size["n_bits"], size["n_hashes"], n_x, n_y, shared))


class BlockedBloom(Filter):
    """A Bloom filter that keeps a key to one block; `units` are rounded down to whole blocks."""

    tasks: ClassVar[frozenset[str]] = frozenset({"membership", "bloom-fpr", "bloom-intersection"})
    block_bits: ClassVar[int]

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        n_blocks = max(1, units // self.block_bits)
        return {"n_bits": n_blocks * self.block_bits, "n_hashes": self.hashes(n_blocks, n)}

    @abstractmethod
    def hashes(self, n_blocks: int, n: int) -> int:
        """Number of hashes that makes the error smallest."""

    def cardinality_sd(self, size: Size, n: int) -> float:
        return float(theory.bloom.blocked_cardinality_sd(*self._form(size), n))

    def intersection_sd(self, size: Size, n_x: int, n_y: int, shared: int) -> float:
        return float(theory.bloom.blocked_intersection_sd(*self._form(size), n_x, n_y, shared))

    def _form(self, size: Size) -> tuple[str, int, int]:
        return self.layout, size["n_bits"] // self.block_bits, size["n_hashes"]


class SplitBlockBloom(BlockedBloom):
    """Parquet's Bloom filter."""

    name: ClassVar[str] = "bloom-split-block"
    title: ClassVar[str] = "Split-block Bloom filter"
    explanation: ClassVar[str] = (
        "Parquet's Bloom filter: every key sets one bit in each of the eight words of one block of 256 bits. "
        "One look at memory answers; the price is a few more bits for the same error, since blocks fill "
        "unevenly."
    )
    layout = "split-block"
    block_bits: ClassVar[int] = 256
    least: ClassVar[int] = 256

    def hashes(self, n_blocks: int, n: int) -> int:
        return 8

    def false_positive_rate(self, size: Size, n: int) -> float:
        return theory.bloom.split_block_fpr(size["n_bits"] // self.block_bits, n)


class CacheLineBloom(BlockedBloom):
    """A Bloom filter of blocks as large as a cache line."""

    name: ClassVar[str] = "bloom-cache-line"
    title: ClassVar[str] = "Cache-line Bloom filter"
    explanation: ClassVar[str] = (
        "Every key sets up to 16 bits in one block of 512 bits, the size of a cache line: one look at memory "
        "too, with larger blocks that fill more evenly."
    )
    layout = "cache-line"
    block_bits: ClassVar[int] = 512
    least: ClassVar[int] = 512

    def hashes(self, n_blocks: int, n: int) -> int:
        return theory.bloom.cache_line_hashes(n_blocks, n)

    def false_positive_rate(self, size: Size, n: int) -> float:
        return theory.bloom.cache_line_fpr(size["n_bits"] // self.block_bits, size["n_hashes"], n)
