# SPDX-License-Identifier: Apache-2.0
"""Patterns as a memory keeps them: rows of float32, bfloat16 or int8, and what similarities need of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.memories._columns import Column

Rows = NDArray[Any]
Floats = NDArray[np.float32]

STORED: dict[str, type[np.generic]] = {"float32": np.float32, "bfloat16": np.uint16, "int8": np.int8}
"""What numbers are kept as; NumPy has no bfloat16, whose bits lie in uint16."""

_PIECE = 1 << 22  # numbers that are widened at once
_LEAST = float(127 * np.finfo(np.float32).tiny)


def _bfloat16(owner: str, name: str, rows: Floats, first: int) -> NDArray[np.uint16]:
    bits = rows.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    made: NDArray[np.uint16] = rounded.astype(np.uint16)
    infinite = ((made & np.uint16(0x7FFF)) >= np.uint16(0x7F80)).any(axis=1)
    if infinite.any():
        row = first + int(np.flatnonzero(infinite)[0])
        raise ValueError(f"The {name!r} parameter of {owner} must be finite in bfloat16. Row {row} is not.")
    return made


def _int8(owner: str, name: str, rows: Floats, first: int) -> tuple[NDArray[np.int8], Floats]:
    largest = np.abs(rows).max(axis=1, initial=0.0)
    small = np.flatnonzero((largest > 0) & (largest < _LEAST))
    if small.size:
        raise ValueError(
            f"The {name!r} parameter of {owner} must have rows that can be scaled to int8, whose largest "
            f"magnitude is 0 or at least {_LEAST:.2g}. Got {float(largest[small[0]])} in row "
            f"{first + int(small[0])}."
        )
    scales = (largest / np.float32(127)).astype(np.float32)
    wide = rows / np.where(scales > 0, scales, 1)[:, None]
    return np.clip(np.rint(wide), -127, 127).astype(np.int8), scales


def narrowed(owner: str, name: str, rows: Floats, dtype: str) -> tuple[Rows, Floats | None]:
    """Return rows as a narrow type and, of int8, their scales; one piece is wide at a time."""
    made = np.empty(rows.shape, STORED[dtype])
    scales = np.empty(len(rows), np.float32) if dtype == "int8" else None
    step = max(1, _PIECE // max(1, rows.shape[1]))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        if scales is None:
            made[part] = _bfloat16(owner, name, rows[part], first)
        else:
            made[part], scales[part] = _int8(owner, name, rows[part], first)
    return made, scales


@dataclass(frozen=True)
class Patterns:
    """Rows that lie end to end; int8 has a scale for each. They never change: a change makes others."""

    rows: Column
    scales: Column | None

    @classmethod
    def empty(cls, dim: int, dtype: str) -> Patterns:
        rows = Column(np.empty((0, dim), STORED[dtype]))
        return cls(rows, Column.empty(np.float32) if dtype == "int8" else None)

    @classmethod
    def of(cls, owner: str, name: str, rows: Floats, dtype: str) -> Patterns:
        """Return float32 rows as they are kept, or refuse the first that cannot be."""
        if dtype == "float32":
            return cls(Column(rows), None)
        kept, scales = narrowed(owner, name, rows, dtype)
        return cls(Column(kept), None if scales is None else Column(scales))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> list[Column]:
        return [self.rows] if self.scales is None else [self.rows, self.scales]

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.columns)

    @property
    def kernel(self) -> tuple[Rows, Floats | None]:
        """Rows and scales as kernels take them."""
        return self.rows.rows, None if self.scales is None else self.scales.rows

    def extended(self, more: Patterns) -> Patterns:
        columns = [old.extended(new.rows) for old, new in zip(self.columns, more.columns, strict=True)]
        return self._with(columns)

    def chosen(self, kept: NDArray[np.intp]) -> Patterns:
        return self._with([column.chosen(kept) for column in self.columns])

    def replaced(self, places: NDArray[np.intp], news: Patterns) -> Patterns:
        """Return patterns with other rows at some places."""
        pairs = zip(self.columns, news.columns, strict=True)
        return self._with([column.replaced(places, new.rows) for column, new in pairs])

    def _with(self, columns: list[Column]) -> Patterns:
        return Patterns(columns[0], columns[1] if self.scales is not None else None)

    def widened(self, part: Any = slice(None)) -> Floats:
        """Return some rows as float32."""
        rows: Rows = self.rows.rows[part]
        if rows.dtype == np.float32:
            return rows
        wide: Floats
        if rows.dtype == np.uint16:
            wide = (rows.astype(np.uint32) << np.uint32(16)).view(np.float32)
        else:
            assert self.scales is not None
            wide = rows * self.scales.rows[part][..., None]
        return wide

    def lengths(self) -> Floats:
        """Return the Euclidean length of every row."""
        dim = max(1, self.rows.rows.shape[1])
        step = max(1, _PIECE // dim)
        found = np.empty(len(self), np.float32)
        for first in range(0, len(self), step):  # one piece in double precision at a time
            part = self.widened(slice(first, first + step)).astype(np.float64)
            with np.errstate(over="ignore"):  # infinite lengths are refused
                found[first : first + step] = np.sqrt(np.einsum("ij,ij->i", part, part))
        return found


def places(owner: str, value: object, n: int) -> NDArray[np.intp]:
    """Return indices of patterns, each of them once."""
    must = f"different integers in [0, {n}), numbers of patterns"
    given = np.atleast_1d(np.asarray(value))
    if given.dtype.kind not in "iu" and given.size:
        _validation.refuse(owner, "indices", must, value, TypeError)
    if given.ndim != 1 or (given.size and not 0 <= int(given.min()) <= int(given.max()) < n):
        _validation.refuse(owner, "indices", must, value)
    if np.unique(given).size != given.size:
        _validation.refuse(owner, "indices", must, value)
    return given.astype(np.intp)


def given(owner: str, name: str, value: object) -> Floats:
    """Return an array of float32 rows that is used where it lies."""
    must = "a C-contiguous array of float32, shape (n, dim)"
    if not isinstance(value, np.ndarray) or value.dtype != np.float32:
        came = value.dtype if isinstance(value, np.ndarray) else value
        _validation.refuse(owner, name, must, came, TypeError)
    if value.ndim != 2 or not value.flags.c_contiguous:
        _validation.refuse(owner, name, must, f"shape {value.shape}, strides {value.strides}")
    rows = value.view(np.ndarray)
    rows.flags.writeable = False
    return rows
