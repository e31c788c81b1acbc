# SPDX-License-Identifier: Apache-2.0
"""Patterns in the memory of a GPU: rows that begin on 16 bytes, scales and lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search
from hypersketch._device_array import DeviceArray
from hypersketch.memories._columns import Column
from hypersketch.memories._gpu_codebook import GpuColumn
from hypersketch.memories._patterns import STORED, Floats, Patterns

_ALIGNMENT = 16


def words_of(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return rows as words of 32 bits, one number or whole vectors of 16 bytes a row."""
    flat = np.ascontiguousarray(rows)
    if flat.ndim == 1:
        return flat.view(np.uint32).reshape(-1, 1)
    n_bytes = flat.shape[1] * flat.itemsize
    padded = np.zeros((len(flat), -(-n_bytes // _ALIGNMENT) * _ALIGNMENT), np.uint8)
    padded[:, :n_bytes] = flat.view(np.uint8)
    return padded.view(np.uint32)


class PaddedColumn(GpuColumn):
    """Rows of numbers on a GPU, or one number a row, as words with zeros behind them."""

    __slots__ = ("_dtype", "_width")

    def __init__(self, n: int, room: DeviceArray, dtype: Any, width: int | None) -> None:
        super().__init__(n, room)
        self._dtype, self._width = np.dtype(dtype), width

    @classmethod
    def of(cls, rows: NDArray[Any], device: int) -> PaddedColumn:
        words = words_of(rows)
        width = None if rows.ndim == 1 else rows.shape[1]
        return cls(len(rows), DeviceArray.of(words, device), rows.dtype, width)

    def _like(self, made: GpuColumn) -> PaddedColumn:
        return PaddedColumn(len(made), made._room, self._dtype, self._width)

    def part(self, found: NDArray[np.uint32]) -> NDArray[Any]:
        """Return words of the host as the numbers that they are."""
        numbers = found.view(self._dtype)
        return numbers.reshape(-1) if self._width is None else np.ascontiguousarray(numbers[:, : self._width])

    @property
    def rows(self) -> NDArray[Any]:  # type: ignore[override]
        """A copy of all rows in host memory."""
        return self.part(self.view().to_host())

    def extended(self, more: NDArray[Any]) -> PaddedColumn:
        return self._like(super().extended(words_of(more)))

    def extended_there(self, more: PaddedColumn) -> PaddedColumn:
        """Return a column of these rows and then those of another on the GPU."""
        total, room = len(self) + len(more), self._room
        if total > len(room):
            room = self._larger(max(total, 2 * len(self)))
        grown = PaddedColumn(total, room, self._dtype, self._width)
        if len(more):
            to, source = grown.view(len(self)), more.view()
            _device.behind(to, source)
            _device.module().copy_span(to.span(), source.span(), more.nbytes)
            _device_search.used(to, source)
        return grown

    def chosen(self, kept: NDArray[Any]) -> PaddedColumn:
        return self._like(super().chosen(kept))

    def copied(self) -> PaddedColumn:
        return self._like(super().copied())

    def replaced(self, places: NDArray[Any], rows: Any) -> PaddedColumn:
        made = self.copied()
        made.put(places, words_of(rows))
        return made

    def some(self, part: Any) -> NDArray[Any]:
        """Return some rows in host memory, by a slice or by their places."""
        if isinstance(part, slice):
            first, last, _ = part.indices(len(self))
            return self.part(self.view(first, last).to_host())
        return self.part(np.asarray(self.taken(np.asarray(part, np.int64))))


class MirroredColumn(Column):
    """Numbers that lie in host memory and on a GPU."""

    __slots__ = ("there",)

    def __init__(self, host: Column, there: PaddedColumn) -> None:
        super().__init__(host.rows, host._buffer)
        self.there = there

    def extended(self, more: NDArray[Any]) -> MirroredColumn:
        return MirroredColumn(super().extended(more), self.there.extended(more))

    def chosen(self, kept: NDArray[Any]) -> MirroredColumn:
        return MirroredColumn(super().chosen(kept), self.there.chosen(kept))

    def replaced(self, places: NDArray[Any], rows: Any) -> MirroredColumn:
        return MirroredColumn(super().replaced(places, rows), self.there.replaced(places, rows))


@dataclass(frozen=True)
class GpuPatterns(Patterns):
    """Rows on a GPU; they never change."""

    rows: PaddedColumn
    scales: PaddedColumn | None

    @classmethod
    def moved(cls, patterns: Patterns, device: int) -> GpuPatterns:
        """Return a copy of patterns there."""
        columns = [PaddedColumn.of(column.rows, device) for column in patterns.columns]
        return cls(columns[0], columns[1] if patterns.scales is not None else None)

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return self.rows.device

    @property
    def dim(self) -> int:
        """Numbers of a row."""
        return int(self.rows._width or 0)

    @property
    def dtype(self) -> str:
        """What numbers are kept as."""
        return next(name for name, kind in STORED.items() if kind == self.rows._dtype)

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.columns)

    def on_host(self) -> Patterns:
        """Return a copy in host memory."""
        return Patterns(Column(self.rows.rows), None if self.scales is None else Column(self.scales.rows))

    def widened(self, part: Any = slice(None)) -> Floats:
        scales = None if self.scales is None else Column(self.scales.some(part))
        return Patterns(Column(self.rows.some(part)), scales).widened()

    def extended(self, more: Patterns) -> GpuPatterns:
        if isinstance(more, GpuPatterns):
            pairs = zip(self.columns, more.columns, strict=True)
            columns = [old.extended_there(new) for old, new in pairs]  # type: ignore[attr-defined]
        else:
            columns = [old.extended(new.rows) for old, new in zip(self.columns, more.columns, strict=True)]
        return self._with(columns)

    def _with(self, columns: list[Any]) -> GpuPatterns:
        return GpuPatterns(columns[0], columns[1] if self.scales is not None else None)

    def lengths(self) -> Floats:
        return self.on_host().lengths()

    def stored(self, similarity: str, lengths: PaddedColumn | None) -> tuple[Any, list[_device.View]]:
        """Return the rows as kernels take them, and the views that a call must wait for."""
        views = [self.rows.view()]
        scales = None if self.scales is None else self.scales.view()
        seen = None if lengths is None else lengths.view()
        views += [one for one in (scales, seen) if one is not None]
        spans = [None if one is None else _flat(one).span() for one in (scales, seen)]
        # Rows are words to us, and numbers to kernels.
        rows = views[0]._replace(shape=(rows_bytes(views[0]) // self.rows._dtype.itemsize,))
        module = _device.module()
        return module.StoredPatterns(rows.span(), self.dtype, len(self), self.dim, *spans, similarity), views


def _flat(seen: _device.View) -> _device.View:
    return seen._replace(shape=(seen.size,))


def rows_bytes(seen: _device.View) -> int:
    """Return the bytes of an array."""
    return seen.size * seen.dtype.itemsize
