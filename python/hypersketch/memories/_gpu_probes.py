# SPDX-License-Identifier: Apache-2.0
"""Probes that lie on a GPU: item memories there answer with arrays of the same library."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search, _validation
from hypersketch.memories import _ranking
from hypersketch.memories._gpu_atoms import GpuAtoms
from hypersketch.memories._gpu_codebook import GpuCodebook
from hypersketch.memories._gpu_hadamard import GpuHadamard
from hypersketch.memories._item_state import Items
from hypersketch.memories._probes import Matches, MatchesInRange, thresholds_of, vectors_of
from hypersketch.vsa import MapI

GpuBook: TypeAlias = GpuCodebook | GpuAtoms | GpuHadamard


def checked(owner: str, items: Items, probes: Any) -> tuple[GpuBook, _device.View]:
    """Return the vectors of items, of which there are some, and probes on the same GPU, one a row."""
    given = _device.view_of_any(owner, "probes", probes)
    _device.require_near(owner, "probes", given, items.book.device)
    assert isinstance(items.book, GpuCodebook | GpuAtoms | GpuHadamard)
    seen = given if _are_sums(items, given) else items.book.checked(owner, probes)
    if not len(items):
        raise ValueError(f"{owner} needs items, but this ItemMemory is empty.")
    return items.book, seen


def _are_sums(items: Items, given: _device.View) -> bool:
    """Whether probes are sums of MAP-I, for which the GPU has no kernels."""
    return isinstance(items.book.space, MapI) and given.dtype == np.int32


def _best(
    owner: str, items: Items, probes: Any, k: int, threads: int
) -> tuple[_device.Target, _device.Target]:
    """Return places and similarities of the k best items of each probe, in the probes' kind."""
    book, seen = checked(owner, items, probes)
    if book.finds(k) and not _are_sums(items, seen):
        return book.search(owner, seen, k)
    places, similarities = _ranking.best(book, on_host(owner, items, probes), k, threads)
    return _device_search.of_host(places, seen), _device_search.of_host(similarities, seen)


def search(items: Items, probes: Any, k: object, threads: int) -> Matches:
    """Return the k best items of each probe; keys in host memory."""
    owner = "ItemMemory.search"
    checked(owner, items, probes)
    wanted = _validation.neighbours(owner, k, len(items), "items")
    places, similarities = _best(owner, items, probes, wanted, threads)
    keys = items.keys.taken(places.seen.to_host())
    return Matches(keys, similarities.finished(), places.finished())


def cleanup(items: Items, probes: Any, threshold: Any, threads: int) -> Any:
    """Return the vector of the best item of each probe, or zeros below its threshold."""
    owner = "ItemMemory.cleanup"
    book, _ = checked(owner, items, probes)
    places, similarities = _best(owner, items, probes, 1, threads)
    if threshold is not None:
        limits = thresholds_of(owner, threshold, places.seen.shape[0])
        too_low = similarities.seen.to_host()[:, 0] < limits
        kept = np.where(too_low, -1, places.seen.to_host()[:, 0])
        places.copy_from(kept)
    cleaned = book.column.taken_there(places)
    if len(_device.view_of_any("", "probes", probes).shape) == 2:
        return cleaned.finished()
    row = cleaned.seen
    alone = _device.target(owner, None, row.shape[1:], row.dtype, row)
    _device.module().copy_span(alone.whole(), cleaned.whole(), row.size * row.dtype.itemsize)
    return alone.finished()


def on_host(owner: str, items: Items, probes: Any) -> NDArray[Any]:
    """Return a checked copy of the probes in host memory, for what the GPU has no kernels for."""
    book, seen = checked(owner, items, probes)
    if _are_sums(items, seen):
        return np.atleast_2d(vectors_of(owner, "probes", book.space, seen.to_host()))
    rows = _device_search.rows_of(owner, "probes", seen)
    places = _device_search.of_host(np.arange(rows.n), seen)
    copied = _device_search.taken(rows, places).seen.to_host().view(book.space.dtype)
    checked_rows: NDArray[Any] = book.space._checked(owner, "probes", copied)
    return checked_rows


def in_range(found: MatchesInRange, probes: Any) -> MatchesInRange:
    """Return what was found in arrays of the probes' kind, but for the keys."""
    like = _device.view_of_any("ItemMemory.range_search", "probes", probes)
    starts, similarities, indices = (
        _device_search.of_host(part, like).finished()
        for part in (found.starts, found.similarities, found.indices)
    )
    return MatchesInRange(starts, found.keys, similarities, indices)


def thresholds(found: NDArray[np.float64], probes: Any) -> Any:
    """Return thresholds in an array of the probes' kind."""
    return _device_search.of_host(
        found, _device.view_of_any("ItemMemory.threshold", "probes", probes)
    ).finished()
