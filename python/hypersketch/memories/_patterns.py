# SPDX-License-Identifier: Apache-2.0
"""Patterns as a memory keeps them: rows of float32, bfloat16, int8 or float8, and their lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.memories._columns import Column

Rows = NDArray[Any]
Floats = NDArray[np.float32]

STORED: dict[str, type[np.generic]] = {
    "float32": np.float32,
    "bfloat16": np.uint16,
    "int8": np.int8,
    "float8": np.uint8,
}
"""What numbers are kept as; NumPy has no bfloat16 and no float8, whose bits lie in unsigned integers."""

LARGEST = {"int8": 127.0, "float8": 448.0}
"""What the largest magnitude of a row becomes, of types with a scale a row."""

_PIECE = 1 << 22  # numbers that are widened at once
_TINY = float(np.finfo(np.float32).tiny)
_LEAST = {"int8": LARGEST["int8"] * _TINY, "float8": LARGEST["float8"] * 2.0**9 * _TINY}
"""Least magnitudes of rows of which all that is kept is 0 or a normal float."""


def _all_float8() -> Floats:
    """Return the number of every byte: a sign, 4 bits of exponent, 3 of fraction (E4M3); two are none."""
    size = np.arange(128)
    exponents, fractions = size >> 3, size & 7
    numbers = np.ldexp(np.where(exponents > 0, 8 + fractions, 2 * fractions), exponents - 10)
    numbers[127] = np.nan
    return np.concatenate([numbers, -numbers]).astype(np.float32)


_FLOAT8 = _all_float8()


def _bfloat16(owner: str, name: str, rows: Floats, first: int) -> NDArray[np.uint16]:
    bits = rows.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    made: NDArray[np.uint16] = rounded.astype(np.uint16)
    infinite = ((made & np.uint16(0x7FFF)) >= np.uint16(0x7F80)).any(axis=1)
    if infinite.any():
        row = first + int(np.flatnonzero(infinite)[0])
        raise ValueError(f"The {name!r} parameter of {owner} must be finite in bfloat16. Row {row} is not.")
    return made


def _scaled(owner: str, name: str, rows: Floats, dtype: str, first: int) -> tuple[Floats, Floats]:
    """Return rows of which the largest numbers are those of a type, and what they were divided by."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    small = np.flatnonzero((largest > 0) & (largest < _LEAST[dtype]))
    if small.size:
        raise ValueError(
            f"The {name!r} parameter of {owner} must have rows that can be scaled to {dtype}, whose largest "
            f"magnitude is 0 or at least {_LEAST[dtype]:.2g}. Got {float(largest[small[0]])} in row "
            f"{first + int(small[0])}."
        )
    scales = (largest / np.float32(LARGEST[dtype])).astype(np.float32)
    wide: Floats = rows / np.where(scales > 0, scales, np.float32(1))[:, None]
    return wide, scales


def _int8(wide: Floats) -> NDArray[np.int8]:
    return np.clip(np.rint(wide), -127, 127).astype(np.int8)


def _float8(wide: Floats) -> NDArray[np.uint8]:
    """Return the nearest floats of 8 bits, ties to even, of at most 448."""
    bits = wide.view(np.uint32)
    size = bits & np.uint32(0x7FFFFFFF)
    near = (size + np.uint32(0x7FFFF) + ((size >> np.uint32(20)) & np.uint32(1))) >> np.uint32(20)
    codes = np.minimum(near.view(np.int32) - (120 << 3), 0x7E)  # the exponent's bias is 7 for 127
    small = size.view(np.float32) < 2.0**-6  # where the last place is 2^-9
    codes[small] = np.rint(size.view(np.float32)[small] * np.float32(512)).astype(np.int32)
    signs = (bits >> np.uint32(24)).astype(np.uint8) & np.uint8(0x80)
    made: NDArray[np.uint8] = codes.astype(np.uint8) | signs
    return made


def narrowed(owner: str, name: str, rows: Floats, dtype: str) -> tuple[Rows, Floats | None]:
    """Return rows as a narrow type and, if it has them, their scales; one piece is wide at a time."""
    made = np.empty(rows.shape, STORED[dtype])
    scales = np.empty(len(rows), np.float32) if dtype in LARGEST else None
    step = max(1, _PIECE // max(1, rows.shape[1]))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        if scales is None:
            made[part] = _bfloat16(owner, name, rows[part], first)
        else:
            wide, scales[part] = _scaled(owner, name, rows[part], dtype, first)
            made[part] = _int8(wide) if dtype == "int8" else _float8(wide)
    return made, scales


@dataclass(frozen=True)
class Patterns:
    """Rows that lie end to end, of 8 bits a number with a scale each. A change makes others."""

    rows: Column
    scales: Column | None

    @classmethod
    def empty(cls, dim: int, dtype: str) -> Patterns:
        rows = Column(np.empty((0, dim), STORED[dtype]))
        return cls(rows, Column.empty(np.float32) if dtype in LARGEST else None)

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
            numbers = rows if rows.dtype == np.int8 else _FLOAT8[rows]
            wide = numbers * self.scales.rows[part][..., None]
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
