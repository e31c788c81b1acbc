# SPDX-License-Identifier: Apache-2.0
"""Vectors of items in the memory of a GPU. Keys stay with the host, which looks them up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _device_search, _validation
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import RowsView, used
from hypersketch.memories._codebooks import (
    Codebook,
    Places,
    ProceduralCodebook,
    StoredCodebook,
    Vectors,
    lengths,
    real_weights,
)
from hypersketch.memories._columns import Column
from hypersketch.memories._hadamard import HadamardCodebook
from hypersketch.vsa import _scored_on_gpu
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space

_WORD = 4
"""Bytes; rows are moved by words of 32 bits, but for those of integers of 16 bits."""


class GpuColumn(Column):
    """The first n rows of a buffer on a GPU, which may have room for more."""

    __slots__ = ("_n", "_room")

    def __init__(self, n: int, room: DeviceArray) -> None:
        self._n, self._room = n, room

    @classmethod
    def of(cls, rows: NDArray[Any], device: int) -> GpuColumn:
        """Return a copy of rows of the host."""
        return cls(len(rows), DeviceArray.of(rows, device))

    def __len__(self) -> int:
        return self._n

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return int(self._room.memory.device)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return self._n * self._row_bytes

    @property
    def _row_bytes(self) -> int:
        return math.prod(self._room.shape[1:]) * self._room.dtype.itemsize

    def view(self, first: int = 0, last: int | None = None) -> _device.View:
        """Return how the library sees some of the rows."""
        last = self._n if last is None else last
        seen = self._room.view()
        pointer = seen.pointer + first * self._row_bytes
        return seen._replace(pointer=pointer, shape=(last - first, *seen.shape[1:]))

    @property
    def rows(self) -> NDArray[Any]:  # type: ignore[override]
        """A copy of all rows in host memory."""
        return self.view().to_host()

    def extended(self, more: NDArray[Any]) -> GpuColumn:
        total, room = self._n + len(more), self._room
        if total > len(room):
            room = self._larger(max(total, 2 * self._n))
        if len(more):
            data = np.ascontiguousarray(more, room.dtype).reshape(-1).view(np.uint8)
            GpuColumn(total, room).view(self._n).span().from_host(data)
        return GpuColumn(total, room)

    def _larger(self, room: int) -> DeviceArray:  # type: ignore[override]
        larger = DeviceArray.empty((room, *self._room.shape[1:]), self._room.dtype, self.device)
        mine, theirs = self.view(), larger.view()
        _device.module().copy_span(theirs.span(), mine.span(), self.nbytes)
        used(mine, theirs)
        return larger

    def taken(self, places: NDArray[Any]) -> DeviceArray:
        """Return copies of the rows at some places; zeros for a place of -1."""
        indices = DeviceArray.of(np.asarray(places, np.int64), self.device)
        found: DeviceArray = self.taken_there(_device.Target(indices, indices.view())).finished()
        return found

    def taken_there(self, places: _device.Target) -> _device.Target:
        """Return the same for places on the GPU, of their kind."""
        width = math.prod(self._room.shape[1:])
        return _device_search.taken(RowsView(self.view(), self._n, width), places)

    def chosen(self, kept: NDArray[Any]) -> GpuColumn:
        return GpuColumn(len(kept), self.taken(kept))

    def copied(self) -> GpuColumn:
        return GpuColumn(self._n, self._larger(self._n))

    def put(self, places: NDArray[Any], rows: NDArray[Any]) -> None:
        """Write rows in the place of others."""
        indices = DeviceArray.of(np.asarray(places, np.int64), self.device)
        values = DeviceArray.of(np.ascontiguousarray(rows, self._room.dtype), self.device)
        views = self.view(), indices.view(), values.view()
        mine, where, new = (one.span() for one in views)
        module, size = _device.module(), self._room.dtype.itemsize
        put, word = (module.put_rows, _WORD) if size >= _WORD else (module.put_digit_rows, size)
        put(mine, self._row_bytes // word, where, new)
        used(*views)


class GpuCodebook(StoredCodebook):
    """Stored vectors on a GPU, which searches them; whoever asks for some gets copies in host memory."""

    _vectors: GpuColumn

    def __init__(self, space: Space, hashes: Column, vectors: GpuColumn) -> None:
        super().__init__(space, hashes, vectors)
        self._rounded: _device_reals.RoundedRows | None = None

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return self._vectors.device

    @property
    def nbytes(self) -> int:
        return self._vectors.nbytes

    @property
    def column(self) -> GpuColumn:
        """The vectors where they lie."""
        return self._vectors

    def rows(self, part: slice, threads: int) -> Vectors:
        first, last, _ = part.indices(len(self))
        return self._vectors.view(first, last).to_host()

    def taken(self, places: Places, threads: int) -> Vectors:
        flat = np.asarray(places).reshape(-1)
        taken = np.asarray(self._vectors.taken(flat))
        return taken.reshape(*np.shape(places), *taken.shape[1:])

    def norms(self, part: slice, rows: Vectors) -> NDArray[np.float32]:
        return lengths(self.space, rows)

    def extended(self, hashes: Column, vectors: Vectors | None) -> GpuCodebook:
        assert vectors is not None
        return GpuCodebook(self.space, hashes, self._vectors.extended(vectors))

    def replaced(self, places: Places, vectors: Vectors) -> GpuCodebook:
        self._vectors.put(places, vectors)
        return GpuCodebook(self.space, self.hashes, self._vectors)

    def chosen(self, hashes: Column, places: Places) -> GpuCodebook:
        return GpuCodebook(self.space, hashes, self._vectors.chosen(places))

    def copied(self, hashes: Column) -> GpuCodebook:
        return GpuCodebook(self.space, hashes, self._vectors.copied())

    def view(self) -> RowsView:
        """Return the vectors as a search sees them."""
        return RowsView(self._vectors.view(), len(self), self.space.width)

    def finds(self, k: int) -> bool:
        """Tell whether the GPU has kernels for so many neighbours."""
        return finds(self.space, k)

    def checked(self, owner: str, probes: Any) -> _device.View:
        """Return the view of vectors of the space on a GPU."""
        return probes_of(owner, self.space, probes)

    def search(self, owner: str, probes: _device.View, k: int) -> tuple[_device.Target, _device.Target]:
        """Return the k items most alike to checked probes there, and their similarities, as probes come."""
        if isinstance(self.space, RealSpace):
            rounded = self._rounded_rows()
            return rounded.search(owner, probes, self._vectors.view(), k)
        return search_rows(owner, self.space, probes, self.view(), k)

    def nearest(self, probes: NDArray[Any], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Return the same for probes of the host, there; None where the GPU has no kernels."""
        if not self.finds(k):
            return None
        if isinstance(self.space, RealSpace) and _device_search.streams(max(self.space.nbytes, 16 * k)):
            return self._rounded_rows().search_of_host(probes, self._vectors.view(), k)
        if isinstance(self.space, MapSpace):
            return _device_search.hamming_of_host(probes, self.view(), self.space.dim, k, alike=True)
        owner = "ItemMemory.search"
        return _device_search.by_pieces(
            lambda seen: self.search(owner, seen, k), probes, self.view(), k, np.float64
        )

    def within(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return starts, items and distances of all that may reach the thresholds of packed probes."""
        asked = _device_search.rows_of("within", "probes", DeviceArray.of(probes, self.device).view())
        dim = self.space.dim
        return _device_search.within(asked, self.view(), dim, radii_of(dim, thresholds))

    def reaching(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return probe, item and similarity of all that reach the thresholds of probes, in any order."""
        asked = DeviceArray.of(probes, self.device).view()
        if not isinstance(self.space, RealSpace):
            return reaching_scored(self.space, asked, self.view(), thresholds)
        rows, limits = self._vectors.view(), np.ascontiguousarray(thresholds)
        return self._rounded_rows().within("ItemMemory.range_search", asked, rows, limits)

    def _rounded_rows(self) -> _device_reals.RoundedRows:
        if self._rounded is None:  # two threads may both do this, to the same effect
            self._rounded = _device_reals.RoundedRows(self._vectors.view(), real_weights(self.space), True)
        return self._rounded


def radii_of(dim: int, thresholds: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return distances that all vectors which reach similarities are within; -1 where none reaches one."""
    radii = np.minimum(dim, (dim * (1.0 - np.clip(thresholds, -1.0, 1.0)) / 2.0).astype(np.int64) + 1)
    return np.where(thresholds > 1.0, -1, radii).astype(np.int32)


def finds(space: Space, k: int) -> bool:
    """Tell whether the GPU has kernels for so many neighbours."""
    return not isinstance(space, RealSpace) or k <= _device_reals.MOST


def search_rows(
    owner: str, space: Space, probes: _device.View, rows: RowsView, k: int
) -> tuple[_device.Target, _device.Target]:
    """Return the k rows that are not real and most alike to probes of a GPU, and their similarities."""
    asked = _device_search.rows_of(owner, "probes", probes)
    if isinstance(space, MapSpace):
        return _device_search.hamming(owner, asked, rows, space.dim, k, alike=True)
    return _scored_on_gpu.search(owner, space, asked, rows, k)


def reaching_scored(
    space: Space, probes: _device.View, rows: RowsView, thresholds: NDArray[np.float64]
) -> Any:
    """Return probe, row and similarity of all rows that reach the probes' thresholds by scores."""
    asked = _device_search.rows_of("ItemMemory.range_search", "probes", probes)
    return _scored_on_gpu.within(space, asked, rows, thresholds)


def probes_of(owner: str, space: Space, probes: Any) -> _device.View:
    """Return the view of checked vectors of a space on a GPU."""
    if isinstance(space, RealSpace):
        return _device_reals.checked(owner, "probes", probes, space.dtype, space.width)
    if isinstance(space, MapSpace):
        return _device_search.packed(owner, "probes", probes, space.dim).seen
    return _scored_on_gpu.checked(owner, "probes", probes, space)


def require_kernels(codebook: str, space: Space, device: int) -> None:
    """Refuse memories whose searches the GPU half has no kernels for."""
    if not isinstance(space, RealSpace) or codebook != "procedural" or space._STORES_NO_ATOMS:
        return
    what = f"ItemMemory of {type(space).__name__} with spectral=True and codebook='procedural'"
    why = "as its atoms are Fourier transforms of numbers that are drawn"
    must = f"'cpu': {what} has no GPU kernels, {why}"
    _validation.refuse("ItemMemory", "device", must, _device.name_of(device))


def moved(book: Codebook, hashes: Column, device: int | None) -> Codebook:
    """Return a copy of a codebook on a device, over hashes that were copied before."""
    if book.device == device:
        return book.copied(hashes)
    if isinstance(book, ProceduralCodebook):
        return _without_vectors(book, hashes, device)
    if isinstance(book, HadamardCodebook):
        return _orthogonal(book, hashes, device)
    if device is None:
        assert isinstance(book, GpuCodebook)
        return StoredCodebook(book.space, hashes, Column(book.column.rows))
    assert isinstance(book, StoredCodebook)
    return GpuCodebook(book.space, hashes, GpuColumn.of(book.columns[0].rows, device))


def _orthogonal(book: HadamardCodebook, hashes: Column, device: int | None) -> Codebook:
    from hypersketch.memories._gpu_hadamard import GpuHadamard

    numbers = book.columns[0].copied()
    if device is None:
        return HadamardCodebook(book.space, hashes, numbers)
    return GpuHadamard(book.space, hashes, numbers, device)


def _without_vectors(book: ProceduralCodebook, hashes: Column, device: int | None) -> Codebook:
    from hypersketch.memories._gpu_atoms import GpuAtoms

    if device is None:
        return ProceduralCodebook(book.space, hashes)
    return GpuAtoms(book.space, hashes, GpuColumn.of(hashes.rows.reshape(-1, 1), device))
