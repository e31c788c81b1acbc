# SPDX-License-Identifier: Apache-2.0
"""Hard locations of a sparse distributed memory: addresses, counters, and which an address activates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation
from hypersketch.memories import _bit_rows
from hypersketch.vsa import MapB

Words = NDArray[np.uint64]
Counters = NDArray[Any]

MOST = 2**31 - 1
"""No counter is larger in magnitude."""
CHUNK = 256
"""Addresses that are compared with all locations at once."""


class Active(NamedTuple):
    """Locations of some addresses: those of address i are ``indices[starts[i] : starts[i + 1]]``."""

    starts: NDArray[np.int64]
    indices: NDArray[np.int64]

    def each(self) -> Iterator[NDArray[np.int64]]:
        """Return the locations of one address after the other."""
        return (self.indices[a:b] for a, b in pairwise(self.starts.tolist()))

    @property
    def numbers(self) -> NDArray[np.int64]:
        """How many locations each address has."""
        return np.diff(self.starts)


Writing: TypeAlias = "tuple[Active, Words, NDArray[np.int64] | None]"
"""Locations of some addresses, the values that are added there, and their weights."""


def counter_dtype(limit: int | None) -> type[np.generic]:
    """Return the smallest dtype that holds counters up to a limit."""
    if limit is None:
        return np.int32
    return np.int8 if limit < 2**7 else np.int16 if limit < 2**15 else np.int32


def layout(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Return the bytes of stored addresses, and those of the counters."""
    n = parameters["n_locations"]
    words = _validation.words_for(parameters["address_dim"]) if parameters["stored"] else 0
    return 8 * n * words, n * parameters["value_dim"] * np.dtype(counter_dtype(parameters["limit"])).itemsize


def split(parameters: Mapping[str, Any], state: NDArray[np.uint8]) -> tuple[Words | None, Counters]:
    """Return views of the stored addresses, if there are any, and of the counters."""
    first, _ = layout(parameters)
    n = parameters["n_locations"]
    addresses = state[:first].view(np.uint64).reshape(n, -1) if parameters["stored"] else None
    counters = state[first:].view(counter_dtype(parameters["limit"])).reshape(n, parameters["value_dim"])
    return addresses, counters


def computed(dim: int, n: int, seed: int) -> Words:
    """Return addresses that a seed gives: the atoms of 0, 1, ... in `hypersketch.MapB`."""
    made: Words = MapB(dim, seed).atoms(np.arange(n))
    return made


def active(addresses: Words, asked: Words, values: Mapping[str, Any], threads: int) -> Active:
    """Return the locations that addresses activate: all within the radius, or the k nearest."""
    dim = values["address_dim"]
    if values["radius"] is not None:
        starts, indices, _ = _core.hamming_range(asked, addresses, dim, values["radius"], threads)
        return Active(starts, indices)
    k, n = values["k"], len(asked)
    indices, distances = np.empty((n, k), np.int64), np.empty((n, k), np.int32)
    _core.hamming_top_k(asked, addresses, dim, indices, distances, threads)
    return Active(np.arange(0, n * k + 1, k, dtype=np.int64), indices.ravel())


def sums(counters: Counters, found: Active, bound: float, out: NDArray[np.int64]) -> None:
    """Write the sum of the counters of each address's locations."""
    most = int(found.numbers.max(initial=0))
    wide = np.int32 if bound * most < 2**31 else np.int64  # half the bytes, while nothing can wrap
    taken = np.empty((most, counters.shape[1]), counters.dtype)
    for row, here in zip(out, found.each(), strict=True):
        some = taken[: here.size]
        counters.take(here, axis=0, out=some, mode="clip")  # with a mode other than raise it needs no buffer
        row[:] = np.add.reduce(some, axis=0, dtype=wide)


def each_in_turn(work: Callable[[int], None], starts: Iterable[int], threads: int) -> None:
    """Do a work for every start, several at the same time."""
    if threads == 1:
        for first in starts:
            work(first)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, starts))


def adding(counters: NDArray[np.int32], change: Writing, threads: int) -> Callable[[], None]:
    """Return the call that adds values times their weights to the counters of their locations."""
    found, values, weights = change
    order = np.argsort(found.indices, kind="stable")
    items = np.repeat(np.arange(len(values)), found.numbers)[order]
    edges = np.zeros(len(counters) + 1, np.int64)
    np.cumsum(np.bincount(found.indices, minlength=len(counters)), out=edges[1:])
    each = None if weights is None else np.ascontiguousarray(weights[items])
    rows = values, items.astype(np.uint32), None, None, counters.shape[1], edges
    return partial(_core.gathered_counters, *rows, each, counters, threads)


def clipped(
    counters: Counters, change: Writing, limit: int
) -> Iterator[tuple[NDArray[np.int64], Counters, int]]:
    """Return, one item after the other, its locations, their counters within the limits, and its weight."""
    found, values, weights = change
    signs = 1 - 2 * _bit_rows.unpacked(values, counters.shape[1]).astype(np.int64)
    each = [1] * len(values) if weights is None else weights.tolist()
    for here, row, weight in zip(found.each(), signs, each, strict=True):
        yield here, np.clip(counters[here] + weight * row, -limit, limit), weight


def sum_of(counters: Counters, changes: Sequence[Writing], threads: int) -> NDArray[np.int64]:
    """Return counters after changes that are within 32 bits by themselves."""
    change = np.zeros(counters.shape, np.int32)
    for one in changes:
        adding(change, one, threads)()
    made: NDArray[np.int64] = np.add(change, counters, dtype=np.int64)
    return made


def total(weights: NDArray[np.int64] | None, n: int) -> int:
    """Return the sum of the magnitudes of n weights."""
    return n if weights is None else int(np.abs(weights).sum())


def largest_change(n_locations: int, changes: Sequence[Writing]) -> int:
    """Return the most that a counter of any location can change by."""
    sums = np.zeros(n_locations, np.int64)
    for found, values, weights in changes:
        each = np.ones(len(values), np.int64) if weights is None else np.abs(weights)
        np.add.at(sums, found.indices, np.repeat(each, found.numbers))
    return int(sums.max(initial=0))


def largest(counters: Counters) -> int:
    """Return the largest magnitude."""
    return max(int(counters.max(initial=0)), -int(counters.min(initial=0)))
