# SPDX-License-Identifier: Apache-2.0
"""What a resonator network runs by, and its run on packed vectors. `_phasors` runs it on all others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core

MOST_DIM = 2**28
_CHUNK_WORDS = 1 << 33
"""Words compared between two looks at interrupts, when all probes need the whole budget: some seconds."""


@dataclass(frozen=True)
class Rule:
    """How estimates are updated, whatever they are made of."""

    synchronous: bool
    noise: float
    threshold: float
    false_accept: float
    seed: int

    def accept(self, n_products: float, n_terms: float) -> float:
        """Return the similarity that none of so many unrelated products reaches (Hoeffding), at most 1."""
        bound = math.sqrt(2.0 * math.log(2.0 * n_products / self.false_accept) / n_terms)
        return min(1.0, bound)


class Found(NamedTuple):
    """What is known of every probe at the end."""

    codewords: NDArray[np.int64]
    similarities: NDArray[np.float64]
    sweeps: NDArray[np.int64]
    periods: NDArray[np.int64]

    def of(self, part: slice) -> Found:
        """Return the answers of some probes, to be written to."""
        return Found(self.codewords[part], self.similarities[part], self.sweeps[part], self.periods[part])


def no_answers(n: int, n_factors: int) -> Found:
    """Return room for the answers of n probes."""
    codewords = np.empty((n, n_factors), np.int64)
    return Found(codewords, np.empty(n), np.empty(n, np.int64), np.zeros(n, np.int64))


def hash_rows(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a hash of every row, on which its noise depends: equal probes meet equal noise."""
    octets = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.shape[1] * rows.itemsize)
    return _core.hash_fixed(octets, 0)


def parts(n: int, words_a_probe: int, threads: int) -> Iterator[slice]:
    """Cut n probes into pieces, so that interrupts are looked at between them."""
    step = max(4 * threads, _CHUNK_WORDS // max(1, words_a_probe))
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


class PackedEngine:
    """Resonance of packed vectors: integers throughout, the same at every level and for all threads."""

    def __init__(self, space: Any, books: list[NDArray[np.uint64]], rule: Rule) -> None:
        self.dim, self.rule = space.dim, rule
        self.rows = np.concatenate(books)
        self.sizes = np.array([len(book) for book in books], np.int64)
        self.start = np.stack([space.normalize(space.superpose(book)) for book in books])
        self.accept = rule.accept(math.prod(self.sizes.tolist()), space.dim)

    def run(self, probes: NDArray[np.uint64], budget: int, threads: int) -> Found:
        """Return what is found of packed probes."""
        found = no_answers(len(probes), len(self.sizes))
        hashes, products = hash_rows(probes), np.empty(len(probes), np.int64)
        for part in parts(len(probes), 8 * self.rows.size * budget, threads):
            self._run(probes[part], hashes[part], budget, found, products, part, threads)
        return found._replace(similarities=products / self.dim)

    def numbers(self) -> tuple[bool, int, int, int]:
        """Return the rule in integers: whether it is synchronous, noise, threshold, what is accepted."""
        return packed_numbers(self.rule, self.dim, self.accept)

    def _run(
        self,
        probes: NDArray[np.uint64],
        hashes: NDArray[np.uint64],
        budget: int,
        found: Found,
        products: NDArray[np.int64],
        part: slice,
        threads: int,
    ) -> None:
        synchronous, noise, threshold, accept = self.numbers()
        _core.resonate(
            self.rows,
            self.sizes,
            self.dim,
            self.start,
            probes,
            hashes,
            synchronous,
            self.rule.seed,
            noise,
            threshold,
            accept,
            budget,
            found.codewords[part],
            products[part],
            found.sweeps[part],
            found.periods[part],
            threads,
        )


def packed_numbers(rule: Rule, dim: int, accept: float) -> tuple[bool, int, int, int]:
    """Return a rule for packed vectors in integers."""
    unit = math.sqrt(dim)
    noise, threshold = noise_scale(rule.noise * unit), min(2**31 - 1, math.ceil(rule.threshold * unit))
    return rule.synchronous, noise, threshold, math.ceil(accept * dim - 1e-6)


def noise_scale(deviation: float) -> int:
    """Return what a step of noise adds to an inner product, in units of 2**-16; eight steps are a deviation.

    >>> noise_scale(8.0)
    65536
    """
    return round(deviation * 2**13)
