# SPDX-License-Identifier: Apache-2.0
"""Facts whose sum lies on a GPU: packed products are made, unbound and compared there, others on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device import View
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import used
from hypersketch.memories._gpu_codebook import GpuCodebook
from hypersketch.memories._gpu_recall import joined
from hypersketch.memories.item_memory import ItemMemory
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._scores_on_gpu import _scored
from hypersketch.vsa._space import Space
from hypersketch.vsa.structures._vocabulary import Vocabulary

Rows = Any
"""Vectors in host memory, or packed ones on a GPU."""


def vocabulary(one: Vocabulary, device: int | None) -> Vocabulary:
    """Return a copy whose own item memory is on a device, if that searches its vectors."""
    twin = one.copy()
    if twin.given is None and twin.memory is not None and isinstance(one.space, MapSpace | RealSpace):
        twin.memory = twin.memory.to(_device.name_of(device))
    return twin


def placed(space: Space, slots: Mapping[str, NDArray[Any]], device: int | None) -> dict[str, Rows]:
    """Return packed vectors on the GPU of a sum, where they are bound; all else stays with the host."""
    packed = isinstance(space, MapSpace) and all(rows.dtype == np.uint64 for rows in slots.values())
    if device is None or not packed:
        return dict(slots)
    return {name: DeviceArray.of(rows, device) for name, rows in slots.items()}


def behind_one_another(sets: list[Rows]) -> Rows:
    """Return packed vectors on a GPU, and others behind them."""
    return sets[0] if len(sets) == 1 else joined(*sets)


def _rows_of(items: ItemMemory, words: Vocabulary, device: int) -> View:
    """Return all vectors of an item memory on a GPU."""
    book = items._items.book
    if isinstance(book, GpuCodebook) and book.device == device:
        return book.column.view()
    return DeviceArray.of(words.rows_at(np.arange(len(items))), device).view()


def nearest(words: Vocabulary, probes: DeviceArray, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of the items most alike to probes on a GPU, of equals the first, and similarities."""
    items, device = words.items, probes.memory.device
    if probes.dtype == np.int32:
        return _nearest_sums(_rows_of(items, words, device), probes, words.space.dim, k)
    here = items if items.device == probes.device else items.to(probes.device)
    best = here.search(probes, k)
    return np.asarray(best.indices), np.asarray(best.similarities)


def _nearest_sums(
    rows: View, probes: DeviceArray, dim: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Do so for sums: the GPU scores all items for each of them, the host picks."""
    n, seen = len(probes), probes.view()
    _device.behind(seen, rows)
    places, similarities = np.empty((n, k), np.int64), np.empty((n, k))
    for i in range(n):
        one = seen._replace(pointer=seen.pointer + 4 * dim * i, shape=(dim,), strides=(4,))
        scores = np.asarray(_scored("TripleMemory.query", one, rows._replace(stream=seen.stream), dim))
        places[i] = np.argsort(-scores, kind="stable")[:k]
        similarities[i] = scores[places[i]]
    used(seen, rows._replace(stream=seen.stream))
    return places, similarities
