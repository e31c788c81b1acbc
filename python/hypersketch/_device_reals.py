# SPDX-License-Identifier: Apache-2.0
"""Real rows on a GPU: how they come in, in the type that is computed with, and exact search among them.

A search finds candidates by bfloat16 products, which double precision settles.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch._device_array import DeviceArray, Passing, room
from hypersketch._device_search import matches, rows_of, used

MOST = 256
"""Neighbours that the kernels find."""
_AT_ONCE = 1 << 16
"""Queries of host memory between two looks at interrupts."""


def floats_of(seen: _device.View) -> int:
    """Return of how many real numbers a row consists; a complex one is two."""
    return seen.shape[-1] * seen.dtype.itemsize // 4


def checked(owner: str, name: str, array: Any, dtype: np.dtype[Any], width: int) -> _device.View:
    """Return the view of vectors of a type and width on a GPU, one a row; real numbers come in any type."""
    seen = _device.view_of_any(owner, name, array)
    if seen.dtype != dtype and not (dtype.kind == "f" and _is_real(seen)):
        must = f"vectors of {dtype} with {width} numbers"
        _validation.refuse(owner, name, must, f"an array of {_device.type_name(seen.dtype)}", TypeError)
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != width:
        raise ValueError(f"{name} has the shape {seen.shape} but {owner} needs ({width},) or (n, {width}).")
    if not seen.is_contiguous:
        _validation.refuse(owner, name, "contiguous", f"strides of {seen.strides}")
    if seen.dtype != dtype:
        return converted(owner, name, seen, dtype)
    shape = seen.shape if len(seen.shape) == 2 else (1, width)
    return seen._replace(shape=shape, strides=(seen.dtype.itemsize * width, seen.dtype.itemsize))


def _is_real(seen: _device.View) -> bool:
    return seen.dtype == _device.BFLOAT16 or (seen.dtype.kind in "iuf" and seen.dtype.isnative)


def require_reals(owner: str, name: str, seen: _device.View, must: str) -> None:
    """Refuse an array of what `converted` does not take."""
    if not _is_real(seen):
        _validation.refuse(owner, name, must, seen.dtype, TypeError)


def converted(owner: str, name: str, seen: _device.View, dtype: Any) -> _device.View:
    """Return vectors of real numbers as a dtype, finite there, one a row, in memory of ours.

    float16 and bfloat16 widen exactly, doubles and long integers round to nearest.
    """
    rows = rows_of(owner, name, seen)
    made = room((rows.n, rows.seen.shape[1]), dtype, seen)._replace(library=seen.library)  # answers are of it
    convert = getattr(_device.module(), f"convert_{np.dtype(dtype).name}")
    shape = *made.shape, rows.stride
    bad = convert(seen.span(), _device.type_name(seen.dtype), *shape, made.span()) if rows.n else -1
    if bad >= 0:
        raise ValueError(
            f"The {name!r} parameter of {owner} must be finite in {np.dtype(dtype)}. "
            f"Got {_element(made, bad)} in row {bad // made.shape[1]}."
        )
    used(seen, made)
    return made


def _element(seen: _device.View, place: int) -> Any:
    pointer, size = seen.pointer + place * seen.dtype.itemsize, seen.dtype.itemsize
    return seen._replace(pointer=pointer, shape=(1,), strides=(size,)).to_host().item()


class RoundedRows:
    """What a search needs of real rows besides: see cpp/cuda/search.hpp."""

    def __init__(self, rows: _device.View, weights: NDArray[np.float64] | None, cosine: bool) -> None:
        n, dim, device = rows.shape[0], floats_of(rows), rows.device
        self.cosine = cosine
        self._weights = None if weights is None else DeviceArray.of(weights, device)
        shape = (n, _device.module().bfloat_words(dim))
        self._bfloats = DeviceArray.empty(shape, np.uint32, device)
        self._squares = DeviceArray.empty((n,), np.float64, device)
        self._extremes = DeviceArray.zeros(2, np.float64, device)
        views, weighed = self._views()
        span = rows._replace(shape=(n, dim)).span()
        _device.module().round_rows(span, dim, weighed, cosine, *(view.span() for view in views))
        used(rows, *views)

    def _views(self) -> tuple[list[_device.View], Any]:
        weights = None if self._weights is None else self._weights.view().span()
        return [part.view() for part in (self._bfloats, self._squares, self._extremes)], weights

    def search(
        self, owner: str, queries: _device.View, rows: _device.View, k: int, path: str = "best"
    ) -> tuple[_device.Target, _device.Target]:
        """Return places of the k most alike rows and their similarities, as the queries come; k <= MOST."""
        views, weights = self._views()
        _device.behind(queries, rows, *views)
        shape, dim = (queries.shape[0], k), floats_of(rows)
        indices = _device.target(owner, None, shape, np.int64, queries)
        alike = _device.target(owner, None, shape, np.float64, queries)
        flat = (seen._replace(shape=(seen.shape[0], dim)).span() for seen in (queries, rows))
        spans = (view.span() for view in views)
        try:
            _device.module().real_top_k(
                *flat, dim, weights, self.cosine, *spans, k, indices.whole(), alike.whole(), path
            )
        except ValueError:
            must = f"finite numbers of {queries.dtype}"
            _validation.refuse(owner, "probes", must, "NaN or infinity")
        used(queries, *(seen._replace(stream=queries.stream) for seen in (rows, *views)))
        return indices, alike

    def within(
        self, owner: str, queries: _device.View, rows: _device.View, thresholds: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return query, place and similarity of all rows that reach thresholds, in host memory, unordered."""
        views, weights = self._views()
        _device.behind(queries, rows, *views)
        passing, dim = Passing(queries.device, queries.stream), floats_of(rows)
        flat = (seen._replace(shape=(seen.shape[0], dim)).span() for seen in (queries, rows))
        spans = (view.span() for view in views)
        given = *flat, dim, weights, self.cosine, *spans, passing.span(thresholds)
        try:
            found = matches(queries, queries.shape[0], partial(_device.module().real_range, *given))
        except ValueError:
            _validation.refuse(owner, "probes", f"finite numbers of {queries.dtype}", "NaN or infinity")
        used(queries, *(seen._replace(stream=queries.stream) for seen in (rows, *views)))
        return found

    def search_of_host(
        self, queries: NDArray[Any], rows: _device.View, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the same for queries in host memory, which stream to the GPU through pinned buffers."""
        views, weights = self._views()
        _device.behind(rows, *views)
        dim, given = floats_of(rows), np.ascontiguousarray(queries)
        flat, pairs = rows._replace(shape=(rows.shape[0], dim)).span(), np.empty((len(given), k, 2))
        spans, threads = [view.span() for view in views], _threads.get_num_threads()
        for part in (slice(first, first + _AT_ONCE) for first in range(0, len(given), _AT_ONCE)):
            some = given[part].view(np.float32), flat, dim, weights, self.cosine
            _device.module().real_top_k_of_host(*some, *spans, k, pairs[part], threads)
        used(rows, *views)
        return pairs[..., 0].copy().view(np.int64), pairs[..., 1].copy()
