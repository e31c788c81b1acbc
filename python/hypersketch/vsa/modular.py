# SPDX-License-Identifier: Apache-2.0
"""Spaces whose vectors are small integers, bound by adding them modulo r: block codes and cyclic groups."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hypersketch import _validation
from hypersketch._structure import chunks
from hypersketch.vsa import _entries
from hypersketch.vsa._modular import MODULUS, Digits, ModularSpace, most_frequent

__all__ = ["CGR", "MCR", "MODULUS", "Digits", "ModularSpace", "SparseBlockCodes", "most_frequent"]


@functools.lru_cache(maxsize=8)
def _direction_table(modulus: int) -> NDArray[np.float64]:
    """Return cosine and sine of every step around the circle, side by side; not to be changed."""
    directions = np.asarray(np.exp(1j * math.tau * np.arange(modulus) / modulus), np.complex128)
    directions.flags.writeable = False
    return directions.view(np.float64)


@dataclass(frozen=True)
class CGR(ModularSpace):
    """CGR: integers modulo r, bundled by the most frequent value.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the choice among equally frequent values.
    modulus : int in [2, 2**16], default 64
        Order r of the group.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Cyclic group representations (Yu et al. 2022). The similarity is the share of equal entries: 1/r for
    strangers on average. Binding and unbinding are exact. What arrays of uint16 on a GPU are bound,
    superposed and compared to lies there.

    Examples
    --------
    >>> from hypersketch.vsa import CGR
    >>> space = CGR(2000)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.similarity(["red", "grey"]).round(1)
    array([0.3, 0. ])
    """

    def _likeness(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        return self._scaled(np.equal(a, b).sum(axis=-1))

    def _scaled(self, sums: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(sums / self.width)

    def _chosen(self, counts: NDArray[np.int32], offsets: Digits) -> Digits:
        return most_frequent(counts, offsets)


@dataclass(frozen=True)
class SparseBlockCodes(CGR):
    """B-SBC: blocks of L bits of which one is set; a vector is the places of the ones.

    Parameters
    ----------
    dim : int in [1, 2**26], a multiple of ``modulus``
        Dimension D in bits: D / L blocks.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the choice among equally frequent places.
    modulus : int in [2, 2**16], default 64
        Length L of a block.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and a dimension that is not whole blocks.

    Notes
    -----
    Binary sparse block codes (Laiho et al. 2015; Frady, Kleyko & Sommer 2021): binding shifts every block
    cyclically by the other's place. A vector costs two bytes a block, whatever L is. The similarity is the
    share of blocks whose ones coincide: 1/L for strangers on average. Arrays on a GPU as for `CGR`.

    Examples
    --------
    >>> from hypersketch.vsa import SparseBlockCodes
    >>> space = SparseBlockCodes(64 * 500)
    >>> a, b = space.atoms(["a", "b"])
    >>> space.similarity(space.unbind(space.bind(a, b), b), a), space.nbytes
    (array([1.]), 1000)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % self.modulus:
            must = f"a multiple of {self.modulus}, the length of a block"
            _validation.refuse("SparseBlockCodes", "dim", must, self.dim)

    @property
    def width(self) -> int:
        """Number of blocks.

        >>> from hypersketch.vsa import SparseBlockCodes
        >>> SparseBlockCodes(6400).width
        100
        """
        return self.dim // self.modulus

    def pack(self, bits: ArrayLike) -> Digits:
        """Return vectors of their D bits: zeros and ones or bools, one 1 in every block; `unpack` undoes it.

        >>> from hypersketch.vsa import SparseBlockCodes
        >>> SparseBlockCodes(8, modulus=4).pack([0, 1, 0, 0, 1, 0, 0, 0])
        array([1, 0], dtype=uint16)
        """
        return _entries.places(self._owner("pack"), bits, self.dim, self.modulus)

    def unpack(self, vectors: Digits) -> NDArray[np.uint8]:
        """Return the D bits of vectors.

        >>> from hypersketch.vsa import SparseBlockCodes
        >>> import numpy
        >>> SparseBlockCodes(8, modulus=4).unpack(numpy.array([1, 0]))
        array([0, 1, 0, 0, 1, 0, 0, 0], dtype=uint8)
        """
        rows = self._checked("unpack", "vectors", vectors)
        bits: NDArray[np.uint8] = np.equal(rows[..., np.newaxis], np.arange(self.modulus)).astype(np.uint8)
        return bits.reshape(*rows.shape[:-1], self.dim)


@dataclass(frozen=True)
class MCR(ModularSpace):
    """MCR: integers modulo r as directions on a circle, bundled by adding the directions.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms and of the direction where a sum has none.
    modulus : int in [2, 2**16], default 64
        Number r of directions.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Modular composite representation (Snaider & Franklin 2014). The similarity is 1 - 4 d / r for the mean
    distance d around the circle: 1 for equal vectors, 0 on average for strangers (of an even r), -1 for
    opposite ones. Binding and unbinding are exact. Arrays on a GPU as for `CGR`; an entry of a bundle may be
    another there than on the CPU where rounding decides which of two values is nearer.

    Examples
    --------
    >>> from hypersketch.vsa import MCR
    >>> space = MCR(10_000)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.similarity(["red", "grey"]).round(1) + 0.0
    array([0.4, 0. ])
    """

    def _likeness(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        apart = np.maximum(a, b) - np.minimum(a, b)
        # In 16 bits r = 2**16 is 0, and 0 - d what is meant; d = 0 is the smaller one in any case.
        other = np.subtract(np.asarray(self.modulus).astype(apart.dtype), apart)
        return self._scaled(np.minimum(apart, other).sum(axis=-1, dtype=np.int64))

    _CIRCLE = 1

    def _scaled(self, sums: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(1.0 - 4.0 * sums / (self.modulus * self.width))

    def _chosen(self, counts: NDArray[np.int32], offsets: Digits) -> Digits:
        return self._nearest(counts @ self._directions(), np.abs(counts).sum(axis=1), offsets)

    def _directions(self) -> NDArray[np.complex128]:
        return _direction_table(self.modulus).view(np.complex128)

    def _direction_table(self) -> NDArray[np.float64]:
        return _direction_table(self.modulus)

    def _nearest(self, sums: NDArray[np.complex128], sizes: NDArray[Any], offsets: Digits) -> Digits:
        """Return the directions nearest to sums of so many.

        Of two equally near ones that with an even number of steps from 0, the shorter way round.
        """
        places = np.angle(sums) * (self.modulus / math.tau)
        # Halfway is where it is but for rounding errors of sums, whose order of terms must not decide.
        halves = np.round(2.0 * places)
        places = np.where(np.abs(2.0 * places - halves) < 1e-6, halves / 2.0, places)
        places = np.where(2.0 * places == -self.modulus, -places, places)  # half around, from either side
        nearest = np.round(places).astype(np.int64) % self.modulus
        # What cancels is left with rounding errors far below a single vector's length.
        has_direction = np.abs(sums) > 1e-9 * np.maximum(1, sizes)
        return np.where(has_direction, nearest, offsets).astype(np.uint16)

    def _superpose(self, rows: Digits, weights: Any, edges: NDArray[np.int64]) -> Digits:
        """Add directions themselves, which are fewer than the counters of all values."""
        if weights is not None:
            return super()._superpose(rows, weights, edges)
        made = np.empty((edges.size - 1, self.width), np.uint16)
        directions, offsets = self._directions(), self._offsets()
        for part in chunks(len(made), 16 * self.width * int(np.diff(edges).max(initial=1))):
            starts = edges[part.start : part.stop + 1]
            sums = np.add.reduceat(directions[rows[starts[0] : starts[-1]]], starts[:-1] - starts[0], axis=0)
            made[part] = self._nearest(sums, np.diff(starts)[:, np.newaxis], offsets)
        return made

    def from_phases(self, phases: NDArray[Any]) -> Digits:
        """Return the directions nearest to angles in radians.

        >>> from hypersketch.vsa import MCR
        >>> import numpy
        >>> MCR(3, modulus=4).from_phases(numpy.array([0.1, numpy.pi / 2, -numpy.pi / 2]))
        array([0, 1, 3], dtype=uint16)
        """
        steps = _entries.directions(self._owner("from_phases"), phases, self.modulus)
        return self._checked("from_phases", "phases", steps)

    def to_phases(self, vectors: Digits) -> NDArray[np.float32]:
        """Return the angles of vectors in radians, in (-pi, pi].

        >>> from hypersketch.vsa import MCR
        >>> import numpy
        >>> MCR(3, modulus=4).to_phases(numpy.array([0, 1, 3])).round(2)
        array([ 0.  ,  1.57, -1.57], dtype=float32)
        """
        rows = self._checked("to_phases", "vectors", vectors).astype(np.float64)
        turned = np.where(2 * rows > self.modulus, rows - self.modulus, rows)
        return (math.tau / self.modulus * turned).astype(np.float32)
