# SPDX-License-Identifier: Apache-2.0
"""Exact search among rows on a GPU: what comes in, and answers of the queries' kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch._device_array import DeviceArray, Passing

_WORD = 4
"""Bytes; rows are moved by words of 32 bits, but for those of integers of 16 bits."""
_PIECE_WORDS = 1 << 40
"""Words compared between two looks at interrupts: a fraction of a second."""
_ROW_BITS = np.uint64(33)
"""Of a key: the distance stands above them."""


class RowsView(NamedTuple):
    """Packed vectors on a GPU, one a row."""

    seen: _device.View
    n: int
    stride: int
    """Words from one row to the next."""

    def part(self, first: int, last: int) -> RowsView:
        """Return some of the rows."""
        pointer = self.seen.pointer + first * self.stride * self.seen.dtype.itemsize
        shape = (last - first, *self.seen.shape[1:])
        return RowsView(self.seen._replace(pointer=pointer, shape=shape), last - first, self.stride)


def packed(owner: str, name: str, array: Any, dim: int) -> RowsView:
    """Return checked packed vectors on a GPU; bits beyond the dimension are left to the kernels."""
    seen, n_words = _device.view(owner, name, array), _validation.words_for(dim)
    if seen.dtype.kind not in "iu" or seen.dtype.itemsize != 8 or not seen.dtype.isnative:
        must = f"packed vectors of 64-bit words, {n_words} of them ({dim} dimensions)"
        _validation.refuse(owner, name, must, f"an array of {seen.dtype}", TypeError)
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != n_words:
        raise ValueError(
            f"{name} has the shape {seen.shape} but {owner} needs ({n_words},) or (n, {n_words}): "
            f"{dim} dimensions in words of 64 bits."
        )
    return rows_of(owner, name, seen)


def rows_of(owner: str, name: str, seen: _device.View) -> RowsView:
    """Return rows whose elements lie side by side."""
    size = seen.dtype.itemsize
    if len(seen.shape) == 1:
        seen = seen._replace(shape=(1, *seen.shape), strides=(seen.shape[0] * size, *seen.strides))
    (n, width), (step, within) = seen.shape, seen.strides
    if (width > 1 and within != size) or (n > 1 and (step % size or step < width * size)):
        _validation.refuse(owner, name, "rows whose elements lie side by side", f"strides of {seen.strides}")
    return RowsView(seen, n, step // size if n > 1 else width)


def used(*views: _device.View) -> None:
    """Note for arrays of ours on which stream they were read."""
    for seen in views:
        if isinstance(seen.owner, DeviceArray):
            seen.owner.mark(seen.stream)


def of_host(array: NDArray[Any], like: _device.View) -> _device.Target:
    """Return a copy of an array of the host where another lies, of its kind."""
    made = _device.target("copy", None, array.shape, array.dtype, like)
    made.copy_from(np.ascontiguousarray(array))
    return made


def taken(rows: RowsView, places: _device.Target) -> _device.Target:
    """Return copies of the rows at some places, zeros for -1, of the kind of the places."""
    seen, at = rows.seen, places.seen
    made = _device.target("take_rows", None, (at.size, *seen.shape[1:]), seen.dtype, at)
    _device.behind(at, seen)
    words, module = seen.dtype.itemsize // _WORD, _device.module()
    take, words = (module.take_rows, words) if words else (module.take_digit_rows, 1)
    take(seen.span(), rows.stride * words, seen.shape[1] * words, at.span(), made.whole())
    used(at, seen._replace(stream=at.stream))
    return made


def hamming(
    owner: str, queries: RowsView, rows: RowsView, dim: int, k: int, *, alike: bool, path: str = "best"
) -> tuple[_device.Target, _device.Target]:
    """Return places of the k nearest rows, and their distances or similarities, as the queries come."""
    asked, stored = queries.seen, rows.seen
    if asked.device != stored.device:
        names = _device.name_of(asked.device), _device.name_of(stored.device)
        raise ValueError(f"All arrays of {owner} must be on one GPU. Got {names[0]} and {names[1]} instead.")
    _device.behind(asked, stored)
    shape = (queries.n, k)
    indices = _device.target(owner, None, shape, np.int64, asked)
    other = _device.target(owner, None, shape, np.float64 if alike else np.int32, asked)
    spans = (None, other.whole()) if alike else (other.whole(), None)
    function, size = _device.module().hamming_top_k, (dim, k)
    of_queries, of_rows = (asked.span(), *queries[1:]), (stored.span(), *rows[1:])
    function(*of_queries, *of_rows, *size, indices.whole(), *spans, path)
    used(asked, stored._replace(stream=asked.stream))
    return indices, other


class Atoms(NamedTuple):
    """Atoms of hashes on a GPU, which are made where they are compared."""

    seen: _device.View
    seed: int


def within(
    queries: RowsView, rows: RowsView | Atoms, dim: int, radii: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return starts, places and distances of all rows within radii, nearest first, in host memory."""
    asked, stored = queries.seen, rows.seen
    _device.behind(asked, stored)
    stride, seed = (rows.stride, 0) if isinstance(rows, RowsView) else (0, rows.seed)
    of_rows = stored.span(), stored.shape[0], stride, seed, dim

    def collect(limits: Any, cursors: Any, keys: Any) -> None:
        _device.module().hamming_range(asked.span(), queries.stride, limits, *of_rows, cursors, keys)

    found = collected(asked, queries.n, radii, collect)
    used(stored._replace(stream=asked.stream))
    return found


def collected(
    asked: _device.View, n: int, radii: NDArray[np.int32], collect: Callable[[Any, Any, Any], None]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return starts, places and distances of what is within radii of n queries, nearest first.

    ``collect`` takes the radii, cursors, and where keys go, or None to count them alone.
    """
    passing = Passing(asked.device, asked.stream)
    limits, cursors = passing.span(radii.astype(np.int32)), passing.span(np.zeros(n, np.uint64))
    collect(limits, cursors, None)
    counts = np.empty(n, np.uint64)
    cursors.to_host(counts.view(np.uint8))
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts.astype(np.int64))))
    found = np.empty(int(starts[-1]), np.uint64)
    if found.size:
        keys = passing.empty(found.size, np.uint64)
        collect(limits, passing.span(starts[:-1].astype(np.uint64)), keys)
        keys.to_host(found.view(np.uint8))
    used(asked)
    found = found[np.lexsort((found, np.repeat(np.arange(n), counts.astype(np.int64))))]
    return starts, *_of_keys(found)


def matches(
    asked: _device.View, n: int, collect: Callable[[Any, Any, Any], None]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return query, place and similarity of what n queries find, in host memory, unordered.

    ``collect`` takes cursors, and where places and similarities go, or None to count them alone.
    """
    passing = Passing(asked.device, asked.stream)
    cursors, counts = passing.span(np.zeros(n, np.uint64)), np.empty(n, np.int64)
    collect(cursors, None, None)
    cursors.to_host(counts.view(np.uint8))
    places, alike = np.empty(int(counts.sum()), np.int64), np.empty(int(counts.sum()))
    if places.size:
        starts = passing.span((np.cumsum(counts) - counts).astype(np.uint64))
        found = [passing.empty(places.size, one.dtype) for one in (places, alike)]
        collect(starts, *found)
        for there, here in zip(found, (places, alike), strict=True):
            there.to_host(here.view(np.uint8))
    return np.repeat(np.arange(n), counts), places, alike


Search = Callable[[_device.View], tuple[_device.Target, _device.Target]]
"""From queries on a GPU to places and similarities or distances of k rows each."""


def by_pieces(
    search: Search, queries: NDArray[Any], rows: RowsView, k: int, dtype: Any
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return what a search finds for queries in host memory, there."""
    indices, others = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), dtype)
    step = _step(rows, queries.shape[1])
    for first in range(0, len(queries), step):
        part = slice(first, first + step)
        found = search(DeviceArray.of(queries[part], rows.seen.device).view())
        indices[part], others[part] = (np.asarray(one.finished()) for one in found)
    return indices, others


def hamming_of_host(
    queries: NDArray[np.uint64], rows: RowsView, dim: int, k: int, *, alike: bool
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return what `hamming` finds for queries in host memory, which stream there through pinned buffers."""
    if not streams(8 * max(k, queries.shape[1])):
        return by_pieces(
            lambda seen: hamming("search", rows_of("search", "queries", seen), rows, dim, k, alike=alike),
            *(queries, rows, k, np.float64 if alike else np.int32),
        )
    keys, given = np.empty((len(queries), k), np.uint64), np.ascontiguousarray(queries)
    step, threads = _step(rows, queries.shape[1]), _threads.get_num_threads()
    for first in range(0, len(queries), step):
        part = slice(first, first + step)
        of_rows = rows.seen.span(), rows.n, rows.stride
        _device.module().hamming_top_k_of_host(given[part], *of_rows, dim, k, keys[part], threads)
    used(rows.seen)
    indices, distances = _of_keys(keys)
    return indices, (dim - 2 * distances.astype(np.int64)) / dim if alike else distances


def streams(n_bytes: int) -> bool:
    """Tell whether pinned buffers hold so many bytes of a query or its answer."""
    return bool(n_bytes <= _device.module().most_staged_bytes())


def _step(rows: RowsView, words: int) -> int:
    """Return how many queries are asked between two looks at interrupts."""
    return max(4096, _PIECE_WORDS // max(1, rows.n * words))


def _of_keys(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return rows and distances of the keys by which kernels order them."""
    rows = (keys & ((np.uint64(1) << _ROW_BITS) - np.uint64(1))).astype(np.int64)
    return rows, (keys >> _ROW_BITS).astype(np.int32)
