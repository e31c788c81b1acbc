# SPDX-License-Identifier: Apache-2.0
"""Orthogonal codebooks: the vectors of items are rows of a Hadamard matrix, with random signs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation
from hypersketch.keys import hash_keys
from hypersketch.memories._codebooks import Codebook, Places, Vectors
from hypersketch.memories._columns import Column
from hypersketch.vsa import hadamard
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._space import Space

_MOST_ROWS = 2**26


def require_rows(space: Space, n_items: int) -> None:
    """Refuse spaces without such a codebook, and more items than it has rows."""
    must = "MapI, MapB or BSC of a dimension that is a power of two up to 2**26, for codebook='hadamard'"
    if not isinstance(space, MapSpace):
        _validation.refuse("ItemMemory", "space", must, space, TypeError)
    if not hadamard.is_power_of_two(space.dim) or space.dim > _MOST_ROWS:
        _validation.refuse("ItemMemory", "space", must, space)
    if n_items > space.dim:
        raise ValueError(
            f"A Hadamard codebook of dimension {space.dim} has room for {space.dim} items. Got {n_items} "
            "instead."
        )


class HadamardCodebook(Codebook):
    """Rows of Sylvester's matrix, each times the same random signs: orthogonal, and as likely as atoms."""

    def __init__(self, space: Space, hashes: Column, numbers: Column) -> None:
        super().__init__(space, hashes)
        self._numbers = numbers
        """Which row each item has."""
        self._signs: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, space: Space, hashes: Column, columns: list[Column]) -> HadamardCodebook:
        return cls(space, hashes, columns[0])

    @classmethod
    def columns_of(cls, space: Space) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
        return [(np.dtype(np.uint32), ())]

    @property
    def columns(self) -> list[Column]:
        return [self._numbers]

    @property
    def signs(self) -> NDArray[np.uint64]:
        """The random signs, a packed vector."""
        if self._signs is None:
            signs = np.empty((1, self.space.width), np.uint64)
            # Another stream than that of atoms, as for ties and thinning.
            _core.atom_rows(self.space.dim, self.space.seed ^ (2**64 - 1), hash_keys("Hadamard"), signs, 1)
            self._signs = signs[0]
        return self._signs

    def rows(self, part: slice, threads: int) -> Vectors:
        return hadamard.packed_rows(self._numbers.rows[part], self.space.dim) ^ self.signs

    def taken(self, places: Places, threads: int) -> Vectors:
        return hadamard.packed_rows(self._numbers.rows[places], self.space.dim) ^ self.signs

    def scores(self, probes: NDArray[Any], threads: int) -> NDArray[Any]:
        """Return D times the similarity of each probe to every item."""
        scores = hadamard.scores(probes, self.signs, self.space.dim, threads)
        numbers = self._numbers.rows
        if np.array_equal(numbers, np.arange(numbers.size)):
            return scores[:, : numbers.size]
        taken: NDArray[Any] = scores[:, numbers]
        return taken

    def verify(self) -> None:
        numbers = self._numbers.rows
        if numbers.size and (np.unique(numbers).size != numbers.size or numbers.max() >= self.space.dim):
            raise ValueError("its rows of the Hadamard matrix are not different ones of it.")

    def extended(self, hashes: Column, vectors: Vectors | None) -> HadamardCodebook:
        require_rows(self.space, len(hashes))
        used = np.zeros(self.space.dim, bool)
        used[self._numbers.rows] = True
        free = np.flatnonzero(~used)[: len(hashes) - len(self._numbers)]
        return HadamardCodebook(self.space, hashes, self._numbers.extended(free))

    def merged(self, hashes: Column, other: Codebook, places: Places, threads: int) -> HadamardCodebook:
        assert isinstance(other, HadamardCodebook)
        numbers = other._numbers.rows[places]
        if np.isin(numbers, self._numbers.rows).any():
            raise ValueError(
                "Different keys of the two memories have the same row of the Hadamard matrix: memories can "
                "be merged when their keys were added in one order."
            )
        return HadamardCodebook(self.space, hashes, self._numbers.extended(numbers))

    def chosen(self, hashes: Column, places: Places) -> HadamardCodebook:
        return HadamardCodebook(self.space, hashes, self._numbers.chosen(places))

    def copied(self, hashes: Column) -> HadamardCodebook:
        return HadamardCodebook(self.space, hashes, self._numbers.copied())
