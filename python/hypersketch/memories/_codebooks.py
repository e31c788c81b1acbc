# SPDX-License-Identifier: Apache-2.0
"""Where the vectors of items come from: kept, or computed from the hashes of their keys whenever needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch._structure import chunks
from hypersketch.memories._columns import Column
from hypersketch.vsa._space import Space
from hypersketch.vsa.holographic import HRR

Vectors = NDArray[Any]
Places = NDArray[np.intp]


class Codebook(ABC):
    """The vectors of n items. Codebooks do not change their length: changes return new ones."""

    def __init__(self, space: Space, hashes: Column) -> None:
        self.space = space
        self.hashes = hashes
        """Of the items' keys; they are kept by the keys."""

    @classmethod
    @abstractmethod
    def of(cls, space: Space, hashes: Column, columns: list[Column]) -> Codebook:
        """Return the codebook that keeps these columns."""

    @classmethod
    def columns_of(cls, space: Space) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
        """Return type and shape of a row of each column."""
        return []

    @classmethod
    def empty(cls, space: Space) -> Codebook:
        """Return a codebook without items."""
        columns = [Column(np.empty((0, *shape), dtype)) for dtype, shape in cls.columns_of(space)]
        return cls.of(space, Column.empty(np.uint64), columns)

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def device(self) -> int | None:
        """Index of the GPU that holds the vectors; None for the host."""
        return None

    @property
    def columns(self) -> list[Column]:
        """What is kept besides the keys."""
        return []

    @property
    def nbytes(self) -> int:
        return sum(column.rows.nbytes for column in self.columns)

    @abstractmethod
    def rows(self, part: slice, threads: int) -> Vectors:
        """Return the vectors of consecutive items."""

    @abstractmethod
    def taken(self, places: Places, threads: int) -> Vectors:
        """Return copies of the vectors of some items."""

    def norms(self, part: slice, rows: Vectors) -> NDArray[np.float32]:
        """Return the lengths of real vectors, which are those of the items."""
        return lengths(self.space, rows)

    def verify(self) -> None:  # noqa: B027  # most keep nothing that could be wrong
        """Refuse columns of a file that cannot be."""

    @abstractmethod
    def extended(self, hashes: Column, vectors: Vectors | None) -> Codebook:
        """Return a codebook with more items at its end; hashes are those of all items."""

    def merged(self, hashes: Column, other: Codebook, places: Places, threads: int) -> Codebook:
        """Return a codebook with some items of another at its end."""
        return self.extended(hashes, None)

    @abstractmethod
    def chosen(self, hashes: Column, places: Places) -> Codebook:
        """Return the codebook of some items, in this order."""

    @abstractmethod
    def copied(self, hashes: Column) -> Codebook:
        """Return a codebook in memory of its own."""


class StoredCodebook(Codebook):
    """Vectors as they were given, or the atoms of the keys."""

    def __init__(self, space: Space, hashes: Column, vectors: Column, norms: Column | None = None) -> None:
        super().__init__(space, hashes)
        self._vectors = vectors
        self._norms = Column.empty(np.float32) if norms is None else norms

    @classmethod
    def of(cls, space: Space, hashes: Column, columns: list[Column]) -> StoredCodebook:
        return cls(space, hashes, columns[0])

    @classmethod
    def columns_of(cls, space: Space) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
        return [(space.dtype, (space.width,))]

    @property
    def columns(self) -> list[Column]:
        return [self._vectors]

    @property
    def vectors(self) -> Vectors:
        """The vectors of all items, where they lie."""
        return self._vectors.rows

    def rows(self, part: slice, threads: int) -> Vectors:
        return self._vectors.rows[part]

    def taken(self, places: Places, threads: int) -> Vectors:
        taken: Vectors = self._vectors.rows[places]
        return taken

    def norms(self, part: slice, rows: Vectors) -> NDArray[np.float32]:
        known = self._norms
        if len(known) < part.stop:  # two threads may both do this, to the same effect
            new = self._vectors.rows[len(known) : part.stop]
            parts = [lengths(self.space, new[piece]) for piece in chunks(len(new), self.space.width)]
            self._norms = known = Column(np.concatenate([known.rows, *parts]))
        return known.rows[part]

    def verify(self) -> None:
        self.space._checked("vectors", "its vectors", self._vectors.rows)

    def extended(self, hashes: Column, vectors: Vectors | None) -> StoredCodebook:
        assert vectors is not None
        return StoredCodebook(self.space, hashes, self._vectors.extended(vectors), self._norms)

    def merged(self, hashes: Column, other: Codebook, places: Places, threads: int) -> StoredCodebook:
        book = self
        for part in chunks(len(places), self.space.width):
            book = book.extended(hashes, other.taken(places[part], threads))
        return book

    def replaced(self, places: Places, vectors: Vectors) -> StoredCodebook:
        """Put other vectors in the place of some, where they lie."""
        self._vectors.rows[places] = vectors
        return StoredCodebook(self.space, self.hashes, self._vectors)

    def chosen(self, hashes: Column, places: Places) -> StoredCodebook:
        return StoredCodebook(self.space, hashes, self._vectors.chosen(places))

    def copied(self, hashes: Column) -> StoredCodebook:
        return StoredCodebook(self.space, hashes, self._vectors.copied(), self._norms)


class ProceduralCodebook(Codebook):
    """Atoms of the keys, computed anew whenever they are needed."""

    @classmethod
    def of(cls, space: Space, hashes: Column, columns: list[Column]) -> ProceduralCodebook:
        return cls(space, hashes)

    def rows(self, part: slice, threads: int) -> Vectors:
        atoms: Vectors = self.space._atoms_of(np.ascontiguousarray(self.hashes.rows[part]), threads)
        return atoms

    def taken(self, places: Places, threads: int) -> Vectors:
        atoms: Vectors = self.space._atoms_of(self.hashes.rows[places], threads)
        return atoms

    def extended(self, hashes: Column, vectors: Vectors | None) -> ProceduralCodebook:
        return ProceduralCodebook(self.space, hashes)

    def chosen(self, hashes: Column, places: Places) -> ProceduralCodebook:
        return ProceduralCodebook(self.space, hashes)

    def copied(self, hashes: Column) -> ProceduralCodebook:
        return ProceduralCodebook(self.space, hashes)


def lengths(space: Space, rows: Vectors) -> NDArray[np.float32]:
    """Return the lengths of real vectors to single precision; zero or infinite where that does not hold."""
    parts, weights = real_parts(rows), real_weights(space)
    with np.errstate(over="ignore", under="ignore"):
        weighed = parts if weights is None else parts * weights.astype(np.float32)
        return np.asarray(np.sqrt(np.einsum("nd,nd->n", weighed, parts)), np.float32)


def real_weights(space: Space) -> NDArray[np.float64] | None:
    """Return by what the real parts count in inner products; None where all count alike."""
    spectral = isinstance(space, HRR) and space.spectral
    return np.repeat(space._parseval(), 2) if spectral else None  # type: ignore[attr-defined]


def real_parts(rows: Vectors) -> NDArray[np.float32]:
    """Return real vectors as they are, complex ones as pairs of real numbers: inner products stay."""
    plain = np.ascontiguousarray(rows)
    return plain.view(np.float32) if plain.dtype.kind == "c" else plain
