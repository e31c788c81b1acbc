# SPDX-License-Identifier: Apache-2.0
"""Spaces whose vectors are small integers, bound by adding them modulo r: block codes and cyclic groups."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hypersketch import _validation
from hypersketch._structure import chunks
from hypersketch.vsa import _entries
from hypersketch.vsa._space import Space

if TYPE_CHECKING:
    from hypersketch.vsa.modular_bundle import ModularBundle

Digits = NDArray[np.uint16]

MODULUS = _validation.within(2, 2**16)


@dataclass(frozen=True)
class ModularSpace(Space):
    """A space of vectors of integers in [0, r), an element of a cyclic group each."""

    modulus: int = 64
    """Order r of the group."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "modulus", MODULUS(type(self).__name__, "modulus", self.modulus))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a vector's integers.

        >>> from hypersketch.vsa import CGR
        >>> CGR(100).dtype
        dtype('uint16')
        """
        return np.dtype(np.uint16)

    def _checked(self, method: str, name: str, value: object) -> Digits:
        """Return vectors of this space, shape (width,) or (n, width)."""
        owner, must = self._owner(method), f"vectors of {self.width} integers in [0, {self.modulus})"
        if not isinstance(value, np.ndarray):
            _validation.refuse(owner, name, must, value, TypeError)
        if value.dtype.kind not in "iu":
            _validation.refuse(owner, name, must, value.dtype, TypeError)
        if value.ndim not in (1, 2) or value.shape[-1] != self.width:
            raise ValueError(
                f"{name} has the shape {value.shape} but {owner} needs ({self.width},) or (n, {self.width})."
            )
        if value.size and not (value.min() >= 0 and value.max() < self.modulus):
            beyond = value[(value < 0) | (value >= self.modulus)].ravel()[0]
            _validation.refuse(owner, name, must, int(beyond))
        return value.astype(np.uint16, copy=False)

    def _pair(self, method: str, first: tuple[str, object], second: tuple[str, object]) -> list[NDArray[Any]]:
        """Return two batches of vectors whose rows go together, wide enough to be added."""
        a, b = (self._checked(method, name, value) for name, value in (first, second))
        self._require_rows((first[0], second[0]), a, b)
        return [a.astype(np.int32), b.astype(np.int32)]

    # ---- atoms

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Digits:
        words = self._words(hashes, -(-self.width // 2), threads)
        halves = words.view(np.uint32)[:, : self.width].astype(np.uint64)
        return np.asarray(halves * np.uint64(self.modulus) >> np.uint64(32), np.uint16)

    def identity(self) -> Digits:
        """Return the vector with which binding changes nothing: zeros.

        >>> from hypersketch.vsa import CGR
        >>> CGR(3).identity()
        array([0, 0, 0], dtype=uint16)
        """
        return np.zeros(self.width, np.uint16)

    # ---- algebra

    def bind(self, a: Digits, b: Digits) -> Digits:
        """Bind vectors: add them modulo r.

        Parameters
        ----------
        a, b : ndarray of integers, shape (width,) or (n, width)
            Vectors of this space. One vector binds with each row of the other argument.

        Returns
        -------
        ndarray of uint16
            The products, of the shape that ``a`` and ``b`` broadcast to.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of this space, or unequal numbers of rows.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> space = CGR(100)
        >>> a, b = space.atoms(["a", "b"])
        >>> bool((space.unbind(space.bind(a, b), b) == a).all())
        True
        """
        left, right = self._pair("bind", ("a", a), ("b", b))
        return np.asarray((left + right) % self.modulus, np.uint16)

    def unbind(self, bound: Digits, known: Digits) -> Digits:
        """Take a known vector out of a product, exactly: subtract it modulo r; otherwise as `bind`.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2, modulus=10).unbind(numpy.array([3, 1]), numpy.array([5, 1]))
        array([8, 0], dtype=uint16)
        """
        product, factor = self._pair("unbind", ("bound", bound), ("known", known))
        return np.asarray((product - factor) % self.modulus, np.uint16)

    def inverse(self, vectors: Digits) -> Digits:
        """Return the vectors that undo binding with these.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2, modulus=10).inverse(numpy.array([3, 0]))
        array([7, 0], dtype=uint16)
        """
        rows = self._checked("inverse", "vectors", vectors).astype(np.int32)
        return np.asarray(-rows % self.modulus, np.uint16)

    def _power(self, rows: Digits, exponent: Any) -> Digits:
        return np.asarray(rows.astype(np.int64) * (exponent % self.modulus) % self.modulus, np.uint16)

    def permute(self, vectors: Digits, shift: int) -> Digits:
        """Shift vectors cyclically: entry d moves to d + shift; negative shifts undo positive ones.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(3).permute(numpy.array([1, 2, 3]), 1)
        array([3, 1, 2], dtype=uint16)
        """
        rows = self._checked("permute", "vectors", vectors)
        steps = _validation.integer(self._owner("permute"), "shift", shift, -(2**63), 2**63 - 1)
        return np.roll(rows, steps % self.width, axis=-1)

    def normalize(self, vectors: Digits) -> Digits:
        """Return vectors as the space keeps them: as they are.

        >>> from hypersketch.vsa import CGR
        >>> import numpy
        >>> CGR(2).normalize(numpy.array([3, 0]))
        array([3, 0], dtype=uint16)
        """
        return self._checked("normalize", "vectors", vectors)

    def similarity(self, a: Digits, b: Digits) -> NDArray[np.float64]:
        """Return how alike vectors are, row by row, as the class says.

        Parameters
        ----------
        a, b : ndarray of integers, shape (width,) or (n, width)
            Vectors of this space. One vector is compared with each row of the other argument.

        Returns
        -------
        ndarray of float64, shape (n,)
            1 for equal vectors. One element when both arguments are single vectors.

        Raises
        ------
        TypeError, ValueError
            As for `bind`.

        Examples
        --------
        >>> from hypersketch.vsa import CGR
        >>> space = CGR(1000)
        >>> space.similarity(space.atoms("a"), space.atoms(["a", "b"])).round(1)
        array([1., 0.])
        """
        left, right = self._pair("similarity", ("a", a), ("b", b))
        return np.atleast_1d(self._likeness(left, right))

    def _similarities(self, a: Digits, b: Digits, threads: int) -> NDArray[np.float64]:
        scores = np.empty((len(a), len(b)))
        for row, score in zip(a, scores, strict=True):
            for part in chunks(len(b), self.width):
                score[part] = self._likeness(row, b[part])
        return scores

    @abstractmethod
    def _likeness(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        """Return the similarity of checked vectors: a sum of integers, and one division."""

    # ---- bundles

    @abstractmethod
    def _chosen(self, counts: NDArray[np.int32], offsets: Digits) -> Digits:
        """Return the entries that stand for counts, shape (width, r); offsets break ties without favour."""

    def _empty_bundle(self) -> ModularBundle:
        from hypersketch.vsa.modular_bundle import ModularBundle

        return ModularBundle(self)


def most_frequent(counts: NDArray[np.int32], offsets: Digits) -> Digits:
    """Return the most frequent value of every entry; of equal ones the first from the entry's offset on."""
    width, modulus = counts.shape
    turned = (np.arange(modulus) + offsets[:, np.newaxis].astype(np.int64)) % modulus
    ranked = np.take_along_axis(counts, turned, axis=1)
    return np.asarray(turned[np.arange(width), ranked.argmax(axis=1)], np.uint16)


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
    strangers on average. Binding and unbinding are exact.

    Examples
    --------
    >>> from hypersketch.vsa import CGR
    >>> space = CGR(2000)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.similarity(["red", "grey"]).round(1)
    array([0.3, 0. ])
    """

    def _likeness(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.equal(a, b).sum(axis=-1) / self.width)

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
    share of blocks whose ones coincide: 1/L for strangers on average.

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
    opposite ones. Binding and unbinding are exact.

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
        around = np.minimum(apart, other).sum(axis=-1, dtype=np.int64)
        return np.asarray(1.0 - 4.0 * around / (self.modulus * self.width))

    def _chosen(self, counts: NDArray[np.int32], offsets: Digits) -> Digits:
        directions = np.exp(1j * math.tau * np.arange(self.modulus) / self.modulus)
        sums = counts @ directions
        nearest = np.round(np.angle(sums) * self.modulus / math.tau).astype(np.int64) % self.modulus
        # What cancels is left with rounding errors far below a single vector's length.
        has_direction = np.abs(sums) > 1e-9 * np.maximum(1, np.abs(counts).sum(axis=1))
        return np.where(has_direction, nearest, offsets).astype(np.uint16)

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
