# SPDX-License-Identifier: Apache-2.0
"""What encoders of rows of numbers share: random directions, one a dimension, and products by pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation
from hypersketch.keys import hash_keys
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa._real import Numbers, random_reals
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.encoders._base import Encoder, Vectors, derived, numbers, pieces
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.matrix_binding import MBAT, VTB
from hypersketch.vsa.ternary import MapT

FEATURES = _validation.within(1, 2**24)
_AT_ONCE = 2**21
"""Products that are made at once: enough rows for a matrix product, few enough for a cache."""

SIGNS = (MapSpace, MapT)
"""Spaces whose vectors are signs of entries."""
REAL = (HRR, VTB, MBAT)
"""Spaces whose vectors are entries brought to length 1."""


@dataclass(frozen=True)
class RowEncoder(Encoder):
    """An encoder of rows of so many numbers by random directions."""

    features: int = 1
    """Numbers a row."""

    def _init_rows(self) -> str:
        owner = self._init()
        self._set("features", FEATURES(owner, "features", self.features))
        if not isinstance(self.space, (*SIGNS, MapC, *REAL)):
            must = "a MapI, MapB, BSC, MapT, MapC, HRR, VTB, TVTB or MBAT"
            _validation.refuse(owner, "space", must, self.space, TypeError)
        return owner

    @cached_property
    def _own(self) -> Space:
        own: Space = derived(self.space, type(self).__name__, self.seed)  # type: ignore[attr-defined]
        return own

    @cached_property
    def directions(self) -> NDArray[np.float32]:
        """Standard normal numbers, one column a dimension, shape (features, D); read-only.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import ProjectionEncoder
        >>> ProjectionEncoder(BSC(100), features=3).directions.shape
        (3, 100)
        """
        made = self._numbers(Numbers.NORMAL, np.arange(self.features))
        made.flags.writeable = False
        return made

    @cached_property
    def _angles(self) -> NDArray[np.float32]:
        """Uniform angles, one a dimension."""
        halves = self._numbers(Numbers.UNIFORM, np.array([self.features]))[0]
        return np.asarray(halves * np.float32(np.pi))

    def _numbers(self, kind: Numbers, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return D random numbers of every key."""
        own = self._own
        asked = _threads.get_num_threads()
        return np.asarray(random_reals(kind, own.dim, own.seed, hash_keys(keys), 1.0, asked))

    def _rows(self, method: str, values: Any) -> NDArray[Any]:
        """Return checked rows."""
        return rows_of(self._owner(method), values, self.features)

    def _products(self, rows: NDArray[np.float32]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Return the products of rows and directions, piece by piece; each may be changed."""
        room = np.empty((min(len(rows), max(1, _AT_ONCE // self.space.dim)), self.space.dim), np.float32)
        for part in pieces(len(rows), self.space.dim, _AT_ONCE):
            some = rows[part]
            yield part, np.matmul(some, self.directions, out=room[: len(some)])


def rows_of(owner: str, values: Any, features: int) -> NDArray[Any]:
    """Return n rows of so many finite numbers; a single row, or with one feature n numbers, are such too."""
    given = numbers(owner, values, axes=(0, 1, 2))
    if given.ndim < 2:
        one_each = given.ndim == 0 or features == 1
        given = given.reshape(-1, 1) if one_each else given[np.newaxis]
    if given.shape[1] != features:
        raise ValueError(f"values has the shape {np.shape(values)} but {owner} needs (n, {features}).")
    return given


def scaled(owner: str, rows: NDArray[Any], factor: float) -> NDArray[np.float32]:
    """Return rows times a number, which float32 must hold."""
    with np.errstate(over="ignore"):
        made = (rows.astype(np.float64, copy=False) * factor).astype(np.float32)
    if not np.isfinite(made).all():
        _validation.refuse(owner, "values", "numbers that float32 holds, over the bandwidth", "larger ones")
    return np.ascontiguousarray(made)


def empty_rows(space: Space, n: int) -> Vectors:
    """Return an array for n vectors; those of MAP-I are packed."""
    return np.empty((n, space.width), space.dtype)


def placed(space: Any, entries: NDArray[np.float32], out: Vectors) -> None:
    """Write entries as vectors of the space: their signs, themselves, or directions of length 1."""
    if isinstance(space, MapSpace):
        out[...] = pack_bits(entries < 0)
    elif isinstance(space, MapT):
        out[...] = space._of_entries(np.where(entries < 0, -1, 1))
    elif isinstance(space, HRR) and space.spectral:
        out[...] = space._normalize(space.to_spectral(entries))
    elif isinstance(space, MapC):
        out[...] = entries
    else:
        out[...] = space._normalize(entries)


def row_pairs(
    owner: str, a: Any, b: Any, features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return |x|^2, |y|^2 and x.y of rows that go together; one row goes with all."""
    x, y = (rows_of(owner, one, features).astype(np.float64) for one in (a, b))
    if len(x) != len(y) and 1 not in (len(x), len(y)):
        raise ValueError(f"a has {len(x)} rows but b has {len(y)}.")
    return np.square(x).sum(axis=1), np.square(y).sum(axis=1), (x * y).sum(axis=1)
