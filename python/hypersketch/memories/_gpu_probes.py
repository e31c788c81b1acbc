# SPDX-License-Identifier: Apache-2.0
"""Probes that lie on a GPU: item memories there answer with arrays of the same library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search, _validation
from hypersketch._device_search import RowsView
from hypersketch.memories._gpu_codebook import GpuCodebook
from hypersketch.memories._item_state import Items
from hypersketch.memories._probes import Matches, MatchesInRange, thresholds_of
from hypersketch.vsa._space import Space


def checked(owner: str, items: Items, space: Space, probes: Any) -> tuple[GpuCodebook, RowsView]:
    """Return the vectors of items, of which there are some, and probes on the same GPU."""
    device = _device.view(owner, "probes", probes).device
    if items.book.device != device:
        raise ValueError(
            f"The 'probes' parameter of {owner} is on {_device.name_of(device)}, but the structure is on "
            f"{_device.name_of(items.book.device)}. Move one of them with to()."
        )
    assert isinstance(items.book, GpuCodebook)
    rows = _device_search.packed(owner, "probes", probes, space.dim)
    if not len(items):
        raise ValueError(f"{owner} needs items, but this ItemMemory is empty.")
    return items.book, rows


def _best(
    owner: str, items: Items, space: Space, probes: Any, k: object
) -> tuple[GpuCodebook, _device.Target, _device.Target]:
    book, rows = checked(owner, items, space, probes)
    wanted = _validation.neighbours(owner, k, len(items), "items")
    dim = space.dim
    return book, *_device_search.hamming(owner, rows, book.view(), dim, wanted, alike=True)


def search(items: Items, space: Space, probes: Any, k: object) -> Matches:
    """Return the k best items of each probe; keys in host memory."""
    _, places, similarities = _best("ItemMemory.search", items, space, probes, k)
    keys = items.keys.taken(places.seen.to_host())
    return Matches(keys, similarities.finished(), places.finished())


def cleanup(items: Items, space: Space, probes: Any, threshold: Any) -> Any:
    """Return the vector of the best item of each probe, or zeros below its threshold."""
    owner = "ItemMemory.cleanup"
    book, places, similarities = _best(owner, items, space, probes, 1)
    if threshold is not None:
        limits = thresholds_of(owner, threshold, places.seen.shape[0])
        too_low = similarities.seen.to_host()[:, 0] < limits
        kept = np.where(too_low, -1, places.seen.to_host()[:, 0])
        places.copy_from(kept)
    cleaned = book.column.taken_there(places)
    if len(_device.view("", "probes", probes).shape) == 2:
        return cleaned.finished()
    row = cleaned.seen
    alone = _device.target(owner, None, row.shape[1:], row.dtype, row)
    _device.module().copy_span(alone.whole(), cleaned.whole(), row.size * row.dtype.itemsize)
    return alone.finished()


def on_host(owner: str, items: Items, space: Space, probes: Any) -> NDArray[np.uint64]:
    """Return a copy of the probes in host memory, for what the GPU has no kernels for."""
    _, rows = checked(owner, items, space, probes)
    places = _device_search.of_host(np.arange(rows.n), rows.seen)
    copied = _device_search.taken(rows, places)
    return copied.seen.to_host().view(np.uint64)


def in_range(found: MatchesInRange, probes: Any) -> MatchesInRange:
    """Return what was found in arrays of the probes' kind, but for the keys."""
    like = _device.view("ItemMemory.range_search", "probes", probes)
    starts, similarities, indices = (
        _device_search.of_host(part, like).finished()
        for part in (found.starts, found.similarities, found.indices)
    )
    return MatchesInRange(starts, found.keys, similarities, indices)


def thresholds(found: NDArray[np.float64], probes: Any) -> Any:
    """Return thresholds in an array of the probes' kind."""
    return _device_search.of_host(found, _device.view("ItemMemory.threshold", "probes", probes)).finished()
