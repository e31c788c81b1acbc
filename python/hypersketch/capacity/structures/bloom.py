# SPDX-License-Identifier: Apache-2.0
"""Bloom filters: k random bits a key."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Size
from hypersketch.capacity.structures.base import (
    ErrorRates,
    FloatArray,
    Int64Array,
    Moments,
    Structure,
    UInt64Array,
    combined_hashes,
)
from hypersketch.sketches import BloomFilter

__all__ = ["Bloom", "best_hashes"]

# More hashes than this buy an error below 1e-9, which no experiment can see.
_MOST_HASHES = 30


def best_hashes(units: int, n: int) -> int:
    """Hashes that make the false-positive rate smallest: (m / n) ln 2, rounded to the better neighbour."""
    ideal = units / max(1, n) * math.log(2)
    low = min(_MOST_HASHES, max(1, math.floor(ideal)))
    candidates = {low, min(_MOST_HASHES, low + 1)}
    return min(sorted(candidates), key=lambda k: k * math.log(-math.expm1(-k * n / units)))


class Bloom(Structure):
    """A classic Bloom filter."""

    name: ClassVar[str] = "bloom"
    title: ClassVar[str] = "Bloom filter"
    explanation: ClassVar[str] = (
        "A row of bits: every key sets a few bits at random places; a key whose bits are all set counts as "
        "stored."
    )
    tasks: ClassVar[frozenset[str]] = frozenset({"membership", "intersection", "pairs"})
    unit: ClassVar[str] = "n_bits"

    def size(self, units: int, n: int, task: str = "membership") -> Size:
        return {"n_bits": units, "n_hashes": best_hashes(units, n)}

    def n_bytes(self, size: Size) -> int:
        return 8 * -(-size["n_bits"] // 64)

    def build(self, size: Size, seed: int, hashes: UInt64Array) -> BloomFilter:
        bloom = BloomFilter(n_bits=size["n_bits"], n_hashes=size["n_hashes"], layout="classic", seed=seed)
        bloom.add_hashes(hashes, threads=1)
        return bloom

    def score_trials(
        self,
        size: Size,
        seeds: UInt64Array,
        members: UInt64Array,
        probes: UInt64Array,
        weights: Int64Array | None = None,
    ) -> FloatArray:
        added, asked = combined_hashes(members), combined_hashes(probes)
        scores = np.empty(asked.shape)
        for t, seed in enumerate(seeds.tolist()):
            scores[t] = self.build(size, seed, added[t]).contains_hashes(asked[t], threads=1)
        return scores

    def threshold(self, size: Size, n: int) -> float:
        return 0.5

    def error_rates(self, size: Size, n: int) -> ErrorRates:
        return ErrorRates(float(theory.bloom.false_positive_rate(size["n_bits"], size["n_hashes"], n)), 0.0)

    def intersection_moments(self, size: Size, n_x: int, n_y: int, shared: int) -> Moments:
        with np.errstate(over="ignore", invalid="ignore"):  # a hopelessly full filter: the error is infinite
            sd = theory.bloom.intersection_sd(size["n_bits"], size["n_hashes"], n_x, n_y, shared)
        return Moments(float(shared), float(sd))
