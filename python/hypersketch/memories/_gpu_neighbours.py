# SPDX-License-Identifier: Apache-2.0
"""Keys with values on a GPU, of which the nearest are found and mixed there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_reals import MOST, RoundedRows
from hypersketch._device_search import RowsView, taken, used
from hypersketch.memories import _gpu_rows, _reals
from hypersketch.memories._gpu_rows import GpuForm
from hypersketch.memories._nearest import _LEAST, _MOST, _SPARE

_AT_ONCE = 1 << 16  # queries between two looks at interrupts
_NUMBERS = 1 << 37  # that are compared between two where all rows are: a fraction of a second
_ROWS = 1 << 32  # below which a search counts

Bools = NDArray[np.bool_]


def vectors(
    owner: str, name: str, array: Any, dim: int, device: int | None, *, directed: bool = False
) -> tuple[DeviceArray, GpuForm]:
    """Return checked vectors from a GPU, none of them zero where they need a direction, and how they came."""
    seen, form = _gpu_rows.reals(owner, name, array, dim, np.float32, device)
    if directed:
        _reals.refuse_zeros(owner, name, squared_lengths(seen).to_host() == 0.0)
    return _gpu_rows.array_of(seen), form


def squared_lengths(rows: View) -> View:
    """Return the squared lengths of rows, in the order in which NumPy sums."""
    made = room((rows.shape[0],), np.float64, rows)
    _device.module().row_squares_of(rows.span(), rows.shape[1], made.span())
    used(rows)
    return made


def part(seen: View, first: int, last: int | None = None) -> View:
    """Return some rows of a contiguous array."""
    last = seen.shape[0] if last is None else last
    size = math.prod(seen.shape[1:]) * seen.dtype.itemsize
    return seen._replace(pointer=seen.pointer + first * size, shape=(last - first, *seen.shape[1:]))


def _copy(to: View, given: View) -> None:
    if given.size:
        _device.module().copy_span(to.span(), given.span(), given.size * given.dtype.itemsize)
    used(to, given)


class Window:
    """Some rows of a buffer on a GPU, in the order in which they came.

    A window does not change: `extended` returns a later one, over the same buffer where that has room behind.
    """

    __slots__ = ("_n", "_room", "_start")

    def __init__(self, room: DeviceArray, start: int, n: int) -> None:
        self._room, self._start, self._n = room, start, n

    def __len__(self) -> int:
        return self._n

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return self.view().size * self._room.dtype.itemsize

    def view(self) -> View:
        """Return how the library sees the rows."""
        return part(self._room.view(), self._start, self._start + self._n)

    def extended(self, more: View, bound: int | None) -> Window:
        """Return a window of the last rows, no more than a bound, of these and then those."""
        kept = self.view()
        if bound is not None:
            more = part(more, max(0, more.shape[0] - bound))
            kept = part(kept, max(0, self._n + more.shape[0] - bound))
        n, n_new = kept.shape[0], more.shape[0]
        buffer, start = self._room, self._start + self._n - n
        if start + n + n_new > len(buffer):
            shape = max(n + n_new, 2 * n), *buffer.shape[1:]
            buffer, start = DeviceArray.empty(shape, buffer.dtype, buffer.memory.device), 0
            _copy(buffer.view(), kept)
        made = Window(buffer, start, n + n_new)
        _copy(part(made.view(), n), more)
        return made


class GpuNeighbours:
    """Keys and values on a GPU, which never change, and what searches need of the keys."""

    def __init__(self, similarity: str, keys: Window, values: Window) -> None:
        self.keys, self.values, self._similarity = keys, values, similarity
        self._prepared: _Prepared | None = None

    @classmethod
    def empty(cls, values: Mapping[str, Any], device: int) -> GpuNeighbours:
        """Return none, for a memory's parameters."""
        tokens, width = values["vocabulary"] is not None, values["value_dim"]
        shapes = (0, values["key_dim"]), (0,) if tokens else (0, width)
        dtypes = np.float32, np.int64 if tokens else np.float32
        rooms = [DeviceArray.empty(*one, device) for one in zip(shapes, dtypes, strict=True)]
        return cls(values["similarity"], *(Window(one, 0, 0) for one in rooms))

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return int(self.keys._room.memory.device)

    @property
    def columns(self) -> list[Window]:
        """Keys and values."""
        return [self.keys, self.values]

    def extended(self, keys: View, values: View, bound: int | None) -> GpuNeighbours:
        """Return these items and then others, of all of which no more than a bound stay, the last ones."""
        columns = self.keys.extended(keys, bound), self.values.extended(values, bound)
        return GpuNeighbours(self._similarity, *columns)

    def state(self, size: int, second: int) -> DeviceArray:
        """Return one array of bytes with the keys, and the values from a place on."""
        made = DeviceArray.zeros(size, np.uint8, self.device)
        seen = made.view()
        _copy(seen, self.keys.view())
        _copy(part(seen, second), self.values.view())
        return made

    def best(self, asked: View, k: int, first: int) -> tuple[DeviceArray, DeviceArray]:
        """Return the k items most alike to each query, numbered from one on, and their similarities."""
        if self._prepared is None:
            self._prepared = _Prepared(self._similarity, self.keys.view())
        shape = asked.shape[0], k
        indices, similarities = (
            DeviceArray.empty(shape, dtype, self.device) for dtype in (np.int64, np.float64)
        )
        made = indices.view(), similarities.view()
        for start in range(0, asked.shape[0], _AT_ONCE):
            last = min(start + _AT_ONCE, asked.shape[0])
            places, alike = (part(one, start, last) for one in made)
            self._prepared.best(part(asked, start, last), self.keys.view(), first, places, alike)
        used(asked, *made)
        return indices, similarities

    def answers(
        self, asked: View, k: int, first: int, heat: float, n_tokens: int | None
    ) -> tuple[DeviceArray, ...]:
        """Return what the values of the best items mix to, the items, their similarities and weights."""
        indices, similarities = self.best(asked, k, first)
        weights = DeviceArray.empty(indices.shape, np.float64, self.device)
        values, cuda = self.values.view(), _device.module()
        width, dtype = (values.shape[1], np.float32) if n_tokens is None else (n_tokens, np.float64)
        states = DeviceArray.empty((len(indices), width), dtype, self.device)
        passing = [one.view() for one in (similarities, indices, weights, states)]
        alike, places, shares, out = (one.span() for one in passing)
        cuda.soften(alike, k, heat, shares)
        mix = cuda.mix_vectors if n_tokens is None else cuda.mix_tokens
        mix(shares, places, first, k, values.span(), width, out)
        used(values, *passing)
        return states, indices, similarities, weights


class _Prepared:
    """What a search needs of keys besides: lengths, and rounded numbers where single precision holds all."""

    def __init__(self, similarity: str, keys: View) -> None:
        self._similarity, self._dim = similarity, keys.shape[1]
        self._squares = _gpu_rows.array_of(squared_lengths(keys))
        least, most = map(float, _memory.extremes(self._squares))
        self._longest = math.sqrt(most)
        self._rounded: RoundedRows | None = None
        self._lifted: DeviceArray | None = None
        if least > _LEAST**2 and most < _MOST**2 and len(self._squares) < _ROWS:
            self._scale = 2.0 ** math.floor(math.log2(self._longest))
            rows = keys
            if similarity == "euclidean":
                self._lifted = self._lift(keys, self._squares)
                rows = self._lifted.view()
            self._rounded = RoundedRows(rows, None, similarity == "cosine")

    def _lift(self, rows: View, squares: DeviceArray | None) -> DeviceArray:
        made = room((rows.shape[0], self._dim + 2), np.float32, rows)
        seen = None if squares is None else squares.view()
        given = rows.span(), self._dim, None if seen is None else seen.span(), self._scale
        _device.module().lift_rows(*given, made.span())
        used(rows, *(() if seen is None else (seen,)))
        return _gpu_rows.array_of(made)

    def best(self, asked: View, keys: View, first: int, indices: View, similarities: View) -> None:
        """Fill in the best items of queries."""
        n, k = indices.shape
        squares = squared_lengths(asked)
        own = squares.to_host()
        sound = (own > _LEAST**2) & (own < _MOST**2)
        if self._rounded is None or k > MOST - _SPARE:
            sound[:] = False
        settled = np.zeros(n, np.bool_)
        views = squares, self._squares.view()
        spans = asked.span(), views[0].span(), keys.span(), views[1].span()
        near = _device.module().Near(self._similarity, self._dim, *spans)
        if n and sound.all():
            settled = self._by_candidates(near, asked, keys, first, indices, similarities)
        elif sound.any():
            self._some_alone(sound, asked, keys, first, indices, similarities)
            settled = sound
        self._by_all(near, np.flatnonzero(~settled), first, indices, similarities)
        used(keys, *views)

    def _by_candidates(
        self, near: Any, asked: View, keys: View, first: int, indices: View, similarities: View
    ) -> Bools:
        """Fill in the best items of a few more candidates; return which queries these settle."""
        assert self._rounded is not None
        k, rows, queries = indices.shape[1], keys, asked._replace(library=None)
        if self._lifted is not None:
            rows, queries = self._lifted.view(), self._lift(asked, None).view()
        found, scores = self._rounded.search("search", queries, rows, min(len(self._squares), k + _SPARE))
        settled = DeviceArray.empty((asked.shape[0],), np.bool_, asked.device)
        seen = settled.view()
        candidates = found.whole(), scores.whole(), self._longest
        targets = indices.span(), similarities.span(), seen.span()
        _device.module().best_of_candidates(near, *candidates, k, first, *targets)
        found.finished()
        scores.finished()
        used(seen)
        return np.asarray(settled)

    def _some_alone(
        self, which: Bools, asked: View, keys: View, first: int, indices: View, similarities: View
    ) -> None:
        """Fill in the best items of some queries, asked without the others."""
        places = DeviceArray.of(np.flatnonzero(which), asked.device)
        where = places.view()
        target = _device.Target(places, where)
        some = taken(RowsView(asked, asked.shape[0], asked.shape[1]), target).seen
        shape = some.shape[0], indices.shape[1]
        made = [DeviceArray.empty(shape, one.dtype, asked.device).view() for one in (indices, similarities)]
        self.best(some, keys, first, *made)
        words = 2 * shape[1]
        for to, given in zip((indices, similarities), made, strict=True):
            _device.module().put_rows(to.span(), words, where.span(), given.span())
            used(given)
        used(where)

    def _by_all(self, near: Any, which: NDArray[np.intp], first: int, indices: View, alike: View) -> None:
        """Fill in the best items of queries that are compared with all keys."""
        step = max(1, _NUMBERS // max(1, len(self._squares) * self._dim))
        for start in range(0, len(which), step):
            some = which[start : start + step].tolist()
            _device.module().best_of_all(near, some, indices.shape[1], first, indices.span(), alike.span())
