# SPDX-License-Identifier: Apache-2.0
"""Vectors that know their space, with operators for its algebra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._space import Space


class Hypervectors:
    """One vector of a space, or a batch of them, with operators.

    ``a * b`` binds, ``a / b`` unbinds b, ``a + b`` and ``a - b`` bundle with weights 1 and -1, ``-a`` is a
    with weight -1, ``a ** k`` binds k times, ``a << k`` and ``a >> k`` permute, ``~a`` inverts, ``a @ b`` is
    the similarity of every vector of a with every one of b, and ``a[i]`` picks.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        Whose vectors they are.
    array : ndarray
        The vector, or one a row, in the form of the space. Not copied when it has the space's type.

    Raises
    ------
    TypeError, ValueError
        For what is no space, and arrays that are not vectors of it.

    Notes
    -----
    A sum is brought to the form of the space at once, so a + b + c is not the bundle of three: make that by
    `bundle`. MAP-I alone keeps sums as they are.

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

    def __init__(self, space: Space, array: NDArray[Any]) -> None:
        if not isinstance(space, Space):
            _validation.refuse("Hypervectors", "space", "a space of hypersketch.vsa", space, TypeError)
        self._space: Any = space
        self._array: NDArray[Any] = space._checked("__init__", "array", array)

    @classmethod
    def of(cls, space: Space, keys: Any) -> Hypervectors:
        """Return the atoms of keys, one a row; one key is a batch of one.

        >>> from hypersketch.vsa import HRR, Hypervectors
        >>> len(Hypervectors.of(HRR(64), ["a", "b"]))
        2
        """
        if not isinstance(space, Space):
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
        return self._superposed(other, 1)

    def __sub__(self, other: Hypervectors) -> Hypervectors:
        return self._superposed(other, -1)

    def __neg__(self) -> Hypervectors:
        rows = np.atleast_2d(self._array)
        turned = self._space.superpose(rows, np.full(len(rows), -1), starts=np.arange(len(rows) + 1))
        return self._made(turned.reshape(self._array.shape[:-1] + turned.shape[1:]))

    def _superposed(self, other: Hypervectors, weight: int) -> Hypervectors:
        mine, theirs = self._array, self._theirs(other)
        if mine.dtype != theirs.dtype:  # packed vectors and sums of MAP-I
            mine, theirs = (self._space.unpack(one).astype(np.int32) for one in (mine, theirs))
        rows, others = np.atleast_2d(mine), np.atleast_2d(theirs)
        if len(rows) != len(others) and 1 not in (len(rows), len(others)):
            raise ValueError(f"The first has {len(rows)} vectors but the second has {len(others)} vectors.")
        n = max(len(rows), len(others)) if len(rows) and len(others) else 0
        shape = n, rows.shape[1]
        pairs = np.stack([np.broadcast_to(rows[:n], shape), np.broadcast_to(others[:n], shape)], axis=1)
        weights = None if weight == 1 else np.tile([1, weight], n)
        sums = self._space.superpose(pairs.reshape(-1, shape[1]), weights, starts=np.arange(0, 2 * n + 1, 2))
        return self._made(sums[0] if mine.ndim == theirs.ndim == 1 else sums)

    def __pow__(self, exponent: float) -> Hypervectors:
        return self._made(self._space.power(self._array, exponent))

    def bundle(self, weights: Any = None) -> Hypervectors:
        """Return the bundle of all these vectors, as ``space.superpose``: one vector.

        >>> from hypersketch.vsa import Hypervectors, MapI
        >>> a, b, c = letters = Hypervectors.of(MapI(1000), ["a", "b", "c"])
        >>> letters.bundle() == a + b + c, letters.bundle([2, 1, -1]) == a + a + b - c
        (True, True)
        """
        return self._made(self._space.superpose(self._array, weights))

    def product(self) -> Hypervectors:
        """Return the product of all these vectors, as ``space.product``: one vector.

        >>> from hypersketch.vsa import Hypervectors, MapI
        >>> a, b, c = letters = Hypervectors.of(MapI(1000), ["a", "b", "c"])
        >>> letters.product() == a * b * c
        True
        """
        return self._made(self._space.product(self._array))

    def normalize(self) -> Hypervectors:
        """Return the vectors as their space keeps them: for example signs of the sums of MAP-I.

        >>> from hypersketch.vsa import Hypervectors, MapI
        >>> a, b, c = Hypervectors.of(MapI(10_000), ["a", "b", "c"])
        >>> float(((a + b + c).normalize() @ a).round(1))
        0.5
        """
        return self._made(self._space.normalize(self._array))

    def __lshift__(self, shift: int) -> Hypervectors:
        return self._made(self._space.permute(self._array, shift))

    def __rshift__(self, shift: int) -> Hypervectors:
        is_number = isinstance(shift, int | np.integer) and not isinstance(shift, bool)
        return self._made(self._space.permute(self._array, -int(shift) if is_number else shift))

    def __invert__(self) -> Hypervectors:
        return self._made(self._space.inverse(self._array))

    def __matmul__(self, other: Hypervectors) -> Any:
        mine, theirs = self._array, self._theirs(other)
        scores = self._space.similarities(mine, theirs)
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
        if copy is None:  # which NumPy 1 does not know
            return np.asarray(self._array, dtype=dtype)
        return np.array(self._array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        n = "one vector" if self._array.ndim == 1 else f"{len(self)} vectors"
        return f"Hypervectors({n} of {self._space})"
