# SPDX-License-Identifier: Apache-2.0
"""Vectors that know their space, with operators for its algebra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._space import Space
from hypersketch.vsa.spaces import MapSpace


class Hypervectors:
    """One vector of a space, or a batch of them, with operators.

    ``a * b`` binds, ``a / b`` unbinds b, ``a + b`` bundles, ``a << k`` and ``a >> k`` permute, ``~a``
    inverts, ``a @ b`` is the similarity of every vector of a with every one of b, and ``a[i]`` picks.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        Whose vectors they are.
    array : ndarray
        The vector, or one a row, in the form of the space. It is not copied.

    Raises
    ------
    TypeError, ValueError
        For what is no space, and arrays that are not vectors of it.

    Notes
    -----
    A sum is brought to the form of the space at once, so a + b + c is not the bundle of three: make that by
    ``space.bundle()``. MAP-I keeps sums of integers, which only its bundles hold.

    Examples
    --------
    >>> from hypersketch.vsa import FHRR, Hypervectors
    >>> name, capital, france, paris = Hypervectors.of(FHRR(4096), ["name", "capital", "France", "Paris"])
    >>> record = name * france + capital * paris
    >>> bool((record / capital) @ paris > 0.5), bool(abs((record / capital) @ france) < 0.1)
    (True, True)
    """

    __slots__ = ("_array", "_space")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # so that an array on the left leaves the operator to this class

    def __init__(self, space: Space | MapSpace, array: NDArray[Any]) -> None:
        if not isinstance(space, Space | MapSpace):
            _validation.refuse("Hypervectors", "space", "a space of hypersketch.vsa", space, TypeError)
        space.permute(array, 0)  # which refuses what is no vector of the space
        self._space: Any = space
        self._array = array

    @classmethod
    def of(cls, space: Space | MapSpace, keys: Any) -> Hypervectors:
        """Return the atoms of keys.

        >>> from hypersketch.vsa import HRR, Hypervectors
        >>> len(Hypervectors.of(HRR(64), ["a", "b"]))
        2
        """
        if not isinstance(space, Space | MapSpace):
            _validation.refuse("Hypervectors.of", "space", "a space of hypersketch.vsa", space, TypeError)
        return cls(space, space.atoms(keys))

    @property
    def space(self) -> Any:
        """The space.

        >>> from hypersketch.vsa import CGR, Hypervectors
        >>> Hypervectors.of(CGR(8), ["a"]).space
        CGR(dim=8, seed=0, modulus=64)
        """
        return self._space

    def _theirs(self, other: object) -> NDArray[Any]:
        """Return the array of vectors of the same space."""
        if not isinstance(other, Hypervectors):
            raise TypeError(f"Hypervectors only go with Hypervectors. Got a {type(other).__name__} instead.")
        if other._space != self._space:
            raise TypeError(f"Vectors of different spaces do not mix: {self._space} and {other._space}.")
        return other._array

    def _made(self, array: NDArray[Any]) -> Hypervectors:
        return Hypervectors(self._space, array)

    def __mul__(self, other: Hypervectors) -> Hypervectors:
        return self._made(self._space.bind(self._array, self._theirs(other)))

    def __truediv__(self, other: Hypervectors) -> Hypervectors:
        return self._made(self._space.unbind(self._array, self._theirs(other)))

    def __add__(self, other: Hypervectors) -> Hypervectors:
        mine, theirs = self._array, self._theirs(other)
        if mine.ndim == theirs.ndim == 1:
            return self._made(self._both(mine, theirs))
        rows, others = np.atleast_2d(mine), np.atleast_2d(theirs)
        if len(rows) != len(others) and 1 not in (len(rows), len(others)):
            raise ValueError(f"The first has {len(rows)} vectors but the second has {len(others)} vectors.")
        shape = max(len(rows), len(others)) if len(rows) and len(others) else 0, rows.shape[1]
        pairs = zip(np.broadcast_to(rows, shape), np.broadcast_to(others, shape), strict=True)
        return self._made(np.array([self._both(a, b) for a, b in pairs], mine.dtype).reshape(shape))

    def _both(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        """Return the bundle of two vectors in the form of the space."""
        bag = self._space.bundle()
        bag.add_vectors(np.stack([a, b]))
        if isinstance(self._space, MapSpace):
            bag = bag.pack()  # which MAP-I refuses
        vector: NDArray[Any] = bag.vector
        return vector

    def __lshift__(self, shift: int) -> Hypervectors:
        return self._made(self._space.permute(self._array, shift))

    def __rshift__(self, shift: int) -> Hypervectors:
        return self._made(self._space.permute(self._array, -shift))

    def __invert__(self) -> Hypervectors:
        return self._made(self._space.inverse(self._array))

    def __matmul__(self, other: Hypervectors) -> Any:
        mine, theirs = self._array, self._theirs(other)
        rows, others = np.atleast_2d(mine), np.atleast_2d(theirs)
        scores = np.empty((len(rows), len(others)))
        for score, row in zip(scores, rows, strict=True):
            score[:] = self._space.similarity(row, others)
        return scores.reshape(mine.shape[:-1] + theirs.shape[:-1])[()]

    def __getitem__(self, index: Any) -> Hypervectors:
        if self._array.ndim == 1:
            raise IndexError("This is one vector: it has no others to pick from.")
        return self._made(np.ascontiguousarray(self._array[index]))

    def __len__(self) -> int:
        if self._array.ndim == 1:
            raise TypeError("One vector has no length.")
        return len(self._array)

    def __iter__(self) -> Iterator[Hypervectors]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether both are the same vectors of the same space."""
        if not isinstance(other, Hypervectors):
            return NotImplemented
        return bool(self._space == other._space and np.array_equal(self._array, other._array))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        n = "one vector" if self._array.ndim == 1 else f"{len(self)} vectors"
        return f"Hypervectors({n} of {self._space})"
