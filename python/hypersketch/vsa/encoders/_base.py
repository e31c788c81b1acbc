# SPDX-License-Identifier: Apache-2.0
"""What encoders share: a space, a seed of their own, checked numbers, tables that are made when needed."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _validation
from hypersketch.keys import hash_keys
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._space import Space

Vectors = NDArray[Any]
Numbers = NDArray[Any]
Kept = TypeVar("Kept", bound=Space)

OUTSIDE = _validation.one_of("clip", "raise")
_AT_ONCE = 2**20
"""Numbers of a temporary array that are made at once; larger ones by pieces, which stay in a cache."""


def _gpu_of(owner: str, space: Space, values: object, device: str | None) -> int | None:
    """Return the index of the GPU that encodes, the values' or the one asked for; None for the CPU."""
    where = _device.of(values)
    asked = where if device is None else device
    index = _device.resolve(owner, asked)
    if where != "cpu" and _device.name_of(index) != where:
        _validation.refuse(owner, "device", f"{where}, where the values are", device)
    if index is not None and not isinstance(space, MapSpace):
        must = "'cpu' for a space that is not packed (MapI, MapB and BSC are)"
        _validation.refuse(owner, "device", must, asked)
    return index


def pieces(n: int, numbers_each: int, at_once: int = _AT_ONCE) -> Iterator[slice]:
    """Cut n rows into pieces of as many as make few enough temporary numbers, one at least."""
    step = max(1, at_once // max(1, numbers_each))
    return (slice(first, min(n, first + step)) for first in range(0, n, step))


def derived(space: Kept, *label: object) -> Kept:
    """Return a space of the same kind whose atoms belong to the label alone."""
    named = "/".join(map(str, ("hypersketch", *label))).encode()
    return dataclasses.replace(space, seed=_core.hash_bytes(named, space.seed))


def random_words(space: Space, n: int) -> NDArray[np.uint64]:
    """Return n random words that are those of no atom of an encoder: its atoms have integers for keys."""
    words: NDArray[np.uint64] = space._words(hash_keys("words"), n, 1)[0]
    return words


def uniforms(space: Space, keys: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return n random numbers strictly between 0 and 1 for every key, one row each."""
    words = space._words(hash_keys(keys), n, 1)
    return np.asarray(((words >> np.uint64(11)) + 0.5) * 2.0**-53)


@dataclass(frozen=True)
class Encoder(ABC):
    """A fixed map from values of one kind to vectors of a space.

    Encoders are values: equal ones make equal vectors, on every machine but for the rounding of real numbers.
    What they precompute is made at its first use and is not part of a pickle.
    """

    space: Any
    """The space of the vectors."""

    _SEED_IS_OPTIONAL: ClassVar[bool] = False
    """Whether None is a seed: that of the atoms of the space itself."""

    @abstractmethod
    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a value."""

    def _init(self) -> str:
        """Check what all encoders have; return the name for errors."""
        owner = type(self).__name__
        if not isinstance(self.space, Space):
            _validation.refuse(owner, "space", "a space of hypersketch.vsa", self.space, TypeError)
        if "seed" in {field.name for field in dataclasses.fields(self)}:
            check = _validation.optional(_validation.seed) if self._SEED_IS_OPTIONAL else _validation.seed
            self._set("seed", check(owner, "seed", self.seed))  # type: ignore[attr-defined]
        return owner

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _owner(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _codes(self, values: Any, threads: int | None) -> tuple[Vectors, NDArray[np.int64]]:
        """Return vectors, and which of them each of n values has: what records are made of."""
        given = np.asarray(values)
        distinct, which = np.unique(given, return_inverse=True)
        return self.encode(distinct, threads=threads), which.reshape(-1)


class TableEncoder(Encoder):
    """An encoder with one vector for each of finitely many levels."""

    @abstractmethod
    def indices(self, values: Any) -> NDArray[np.int64]:
        """Return which row of the table each value has."""

    @abstractmethod
    def _make_table(self) -> Vectors:
        """Return one vector a level."""

    @abstractmethod
    def _values_at(self, rows: NDArray[np.int64]) -> Any:
        """Return the values that rows of the table stand for."""

    @cached_property
    def table(self) -> Vectors:
        """The vectors of all levels, one a row; read-only, made at its first use.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> LevelEncoder(BSC(128), 0, 1, levels=5).table.shape
        (5, 2)
        """
        made = self._make_table()
        made.flags.writeable = False
        return made

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a value: the row of the table of its level.

        Parameters
        ----------
        values : array of shape (n,), or one value
            What to encode; one value is a batch of one.
        threads : int, optional
            Accepted for the sake of other encoders: this one copies rows.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space.

        Raises
        ------
        TypeError, ValueError
            For values of another kind, NaN, and what lies outside where that is refused.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> LevelEncoder(BSC(128), 0, 1).encode([0.1, 0.5, 0.9]).shape
        (3, 2)
        """
        rows = np.atleast_1d(self.indices(values))
        if rows.ndim != 1:
            must = "one value or a one-dimensional array of them (RecordEncoder takes rows of several)"
            _validation.refuse(self._owner("encode"), "values", must, f"shape {rows.shape}")
        vectors: Vectors = self.table[rows]
        return vectors

    def decode(self, vectors: Vectors) -> Any:
        """Return the value of the level that each vector is most similar to.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of the space, with noise or without.

        Returns
        -------
        ndarray, shape (n,)
            Values of levels; the lowest of equally similar ones.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder
        >>> scale = LevelEncoder(BSC(10_000), 0, 10, levels=11)
        >>> scale.decode(scale.encode([2.2, 7.9]))
        array([2., 8.])
        """
        return self._values_at(nearest_rows(self.space, vectors, self.table))

    def _codes(self, values: Any, threads: int | None) -> tuple[Vectors, NDArray[np.int64]]:
        return self.table, self.indices(values).reshape(-1)


def has_table(encoder: Any) -> bool:
    """Return whether an encoder has one vector for each of finitely many values."""
    is_plain = isinstance(encoder, TableEncoder) and type(encoder).encode is TableEncoder.encode
    return is_plain or getattr(encoder, "categories", None) is not None


def nearest_rows(space: Space, vectors: Vectors, table: Vectors) -> NDArray[np.int64]:
    """Return the row of the table that each vector is most similar to, the first of equals."""
    rows = np.atleast_2d(space._checked("similarities", "vectors", vectors))
    found = np.empty(len(rows), np.int64)
    for part in pieces(len(rows), len(table)):
        found[part] = space.similarities(rows[part], table).argmax(axis=1)
    return found


def numbers(
    owner: str, value: object, *, name: str = "values", axes: tuple[int, ...] = (0, 1), infinite: bool = False
) -> Numbers:
    """Return float32 or float64 numbers, none of them NaN, with one of the given numbers of axes."""
    must = "real numbers"
    if np.ma.is_masked(value):
        _validation.refuse(owner, name, "numbers without nulls", "a masked array")
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, name, must, value, TypeError)
    if given.dtype.kind not in "iuf":
        if given.size:
            _validation.refuse(owner, name, must, given.dtype, TypeError)
        given = given.astype(np.float64)
    if given.ndim not in axes:
        wanted = " or ".join(map(str, axes))
        raise ValueError(f"{name} has {given.ndim} axes but {owner} needs {wanted}.")
    kept = given if given.dtype in (np.float32, np.float64) else given.astype(np.float64)
    checked = np.isnan(kept).any() if infinite else not np.isfinite(kept).all()
    if checked:
        _validation.refuse(owner, name, must, "NaN" if infinite else "NaN or infinity")
    return kept


def require_kinds(owner: str, space: Space, kinds: tuple[type, ...], why: str) -> None:
    """Refuse a space in which the encoding has no meaning."""
    if not isinstance(space, kinds):
        names = ", ".join(kind.__name__ for kind in kinds)
        _validation.refuse(owner, "space", f"a {names}: {why}", space, TypeError)
