# SPDX-License-Identifier: Apache-2.0
"""Exact search among packed vectors by Hamming distance.

Every query meets every row, so nothing is missed; the answer is ordered by distance and then by row, and is
the same for any number of threads. Vectors of D entries -1 and +1 at the Hamming distance h have the inner
product D - 2 h, so the nearest rows are those with the largest inner product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch.vsa.spaces import DIM

_CHUNK_WORDS = 1 << 33
"""Words compared between two looks at interrupts: a fraction of a second."""


def _vectors(owner: str, queries: object, rows: object, dim: int) -> tuple[NDArray[np.uint64], ...]:
    """Return both as packed vectors, one a row."""
    shape = (-1, _validation.words_for(dim))
    both = (("queries", queries), ("rows", rows))
    return tuple(_validation.packed(owner, name, value, dim).reshape(shape) for name, value in both)


def _step(rows: NDArray[Any]) -> int:
    """Return how many queries are asked at once."""
    return max(64, _CHUNK_WORDS // max(1, rows.size))


def nearest(
    queries: Any,
    rows: Any,
    dim: int,
    k: int,
    *,
    threads: int | None = None,
) -> tuple[Any, Any]:
    """Return the k rows nearest to each query by Hamming distance.

    Parameters
    ----------
    queries : ndarray of uint64, shape (n_words,) or (q, n_words)
        Packed vectors, for example from ``space.atoms`` or ``PackedBundle.vector``.
    rows : ndarray of uint64, shape (n_words,) or (n, n_words)
        The packed vectors to search.
    dim : int
        Their dimension D; n_words is ceil(D / 64).
    k : int
        How many rows a query, in [1, n].
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    indices : ndarray of int64, shape (q, k)
        Rows by ascending distance; of equally near rows the first one comes first.
    distances : ndarray of int32, shape (q, k)
        How many dimensions differ.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of this dimension, or a k beyond the rows.

    See Also
    --------
    within : All rows within a radius.

    Notes
    -----
    Rows may be an array on a GPU (of PyTorch, CuPy, or any with ``__cuda_array_interface__`` or DLPack; words
    may be signed ones). The GPU searches them then, for queries that lie there or in host memory, and answers
    are arrays of the queries' kind. Bits beyond the dimension do not count there.

    Examples
    --------
    >>> import hypersketch
    >>> from hypersketch.vsa import nearest
    >>> space = hypersketch.MapB(10_000)
    >>> names = ["red", "green", "blue"]
    >>> bag = space.bundle(["red", "blue", "blue"])
    >>> indices, distances = nearest(bag.pack().vector, space.atoms(names), space.dim, k=2)
    >>> [names[i] for i in indices[0]]
    ['blue', 'red']
    """
    dim = DIM("nearest", "dim", dim)
    if _device.is_on_gpu(rows) or _device.is_on_gpu(queries):
        return _nearest_on_gpu(queries, rows, dim, k)
    asked, stored = _vectors("nearest", queries, rows, dim)
    shapes = f"rows, for queries of shape {asked.shape} and rows of shape {stored.shape}"
    k = _validation.neighbours("nearest", k, len(stored), shapes)
    n_threads = _threads.resolve("nearest", threads)
    indices = np.empty((asked.shape[0], k), np.int64)
    distances = np.empty((asked.shape[0], k), np.int32)
    step = _step(stored)
    for first in range(0, asked.shape[0], step):
        part = slice(first, first + step)
        _core.hamming_top_k(asked[part], stored, dim, indices[part], distances[part], n_threads)
    return indices, distances


def _nearest_on_gpu(queries: Any, rows: Any, dim: int, k: int) -> tuple[Any, Any]:
    from hypersketch import _device_search

    if not _device.is_on_gpu(rows):
        _validation.refuse("nearest", "rows", "on the GPU, where queries are", "host memory")
    stored = _device_search.packed("nearest", "rows", rows, dim)
    if not _device.is_on_gpu(queries):
        checked = np.atleast_2d(_validation.packed("nearest", "queries", queries, dim))
        k = _neighbours(k, len(checked), stored.n)
        return _device_search.hamming_of_host(checked, stored, dim, k, alike=False)
    asked = _device_search.packed("nearest", "queries", queries, dim)
    k = _neighbours(k, asked.n, stored.n)
    indices, distances = _device_search.hamming("nearest", asked, stored, dim, k, alike=False)
    return indices.finished(), distances.finished()


def _neighbours(k: int, n_queries: int, n: int) -> int:
    return _validation.neighbours("nearest", k, n, f"rows, for {n_queries} queries and {n} rows")


def within(
    queries: Any,
    rows: Any,
    dim: int,
    radius: int,
    *,
    threads: int | None = None,
) -> tuple[Any, Any, Any]:
    """Return all rows within a Hamming distance of each query.

    Parameters
    ----------
    queries : ndarray of uint64, shape (n_words,) or (q, n_words)
        Packed vectors, for example from ``space.atoms`` or ``PackedBundle.vector``.
    rows : ndarray of uint64, shape (n_words,) or (n, n_words)
        The packed vectors to search.
    dim : int
        Their dimension D; n_words is ceil(D / 64).
    radius : int
        The largest distance that is reported, in [0, D].
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    starts : ndarray of int64, shape (q + 1,)
        What was found for query i stands at ``starts[i]:starts[i + 1]`` of the other two.
    indices : ndarray of int64
        Rows by ascending distance; of equally near rows the first one comes first.
    distances : ndarray of int32
        How many dimensions differ.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of this dimension, or a radius beyond it.

    See Also
    --------
    nearest : A fixed number of rows.

    Notes
    -----
    Rows may lie on a GPU, as for `nearest`.

    Examples
    --------
    >>> import hypersketch
    >>> from hypersketch.vsa import within
    >>> space = hypersketch.MapB(1000)
    >>> atoms = space.atoms(["a", "b", "c", "b"])
    >>> starts, indices, distances = within(atoms[:2], atoms, space.dim, radius=300)
    >>> [indices[starts[i] : starts[i + 1]].tolist() for i in range(2)]
    [[0], [1, 3]]
    """
    dim = DIM("within", "dim", dim)
    if _device.is_on_gpu(rows) or _device.is_on_gpu(queries):
        return _within_on_gpu(queries, rows, dim, _validation.integer("within", "radius", radius, 0, dim))
    asked, stored = _vectors("within", queries, rows, dim)
    radius = _validation.integer("within", "radius", radius, 0, dim)
    n_threads = _threads.resolve("within", threads)
    step = _step(stored)
    parts = [
        _core.hamming_range(asked[first : first + step], stored, dim, radius, n_threads)
        for first in range(0, max(1, asked.shape[0]), step)
    ]
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.diff(starts) for starts, _, _ in parts])
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    return starts, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


def _within_on_gpu(queries: Any, rows: Any, dim: int, radius: int) -> tuple[Any, Any, Any]:
    from hypersketch import _device_search
    from hypersketch._device_array import DeviceArray

    if not _device.is_on_gpu(rows):
        _validation.refuse("within", "rows", "on the GPU, where queries are", "host memory")
    stored = _device_search.packed("within", "rows", rows, dim)
    if _device.is_on_gpu(queries):
        asked = _device_search.packed("within", "queries", queries, dim)
        if asked.seen.device != stored.seen.device:
            names = (_device.name_of(one.seen.device) for one in (asked, stored))
            raise ValueError(f"All arrays of within must be on one GPU. Got {' and '.join(names)} instead.")
    else:
        checked = np.atleast_2d(_validation.packed("within", "queries", queries, dim))
        there = DeviceArray.of(checked, stored.seen.device).view()
        asked = _device_search.rows_of("within", "queries", there)
    found = _device_search.within(asked, stored, dim, np.full(asked.n, radius, np.int32))
    if not _device.is_on_gpu(queries):
        return found
    starts, indices, distances = (_device_search.of_host(one, asked.seen).finished() for one in found)
    return starts, indices, distances
