# SPDX-License-Identifier: Apache-2.0
"""Orthogonal codebooks on a GPU: transforms there compare packed probes with all items at once.

The numbers of the items' rows are kept by the host, as it looks items up; the GPU has a copy of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import RowsView, used
from hypersketch.memories._codebooks import Codebook, Places, Vectors
from hypersketch.memories._columns import Column
from hypersketch.memories._gpu_codebook import radii_of
from hypersketch.memories._hadamard import HadamardCodebook
from hypersketch.vsa._space import Space

_ANSWERS_AT_ONCE = 1 << 24
"""To probes of the host, before they go there."""


class GpuHadamard(HadamardCodebook):
    """The same rows, searched by a GPU."""

    def __init__(self, space: Space, hashes: Column, numbers: Column, device: int) -> None:
        super().__init__(space, hashes, numbers)
        self._device = device
        self._kept: tuple[DeviceArray, DeviceArray] | None = None

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return self._device

    @property
    def column(self) -> GpuHadamard:
        """What makes vectors where they are wanted."""
        return self

    def _again(self, book: HadamardCodebook) -> GpuHadamard:
        return GpuHadamard(self.space, book.hashes, book._numbers, self._device)

    def extended(self, hashes: Column, vectors: Vectors | None) -> GpuHadamard:
        return self._again(super().extended(hashes, vectors))

    def merged(self, hashes: Column, other: Codebook, places: Places, threads: int) -> GpuHadamard:
        return self._again(super().merged(hashes, other, places, threads))

    def chosen(self, hashes: Column, places: Places) -> GpuHadamard:
        return self._again(super().chosen(hashes, places))

    def copied(self, hashes: Column) -> GpuHadamard:
        return self._again(super().copied(hashes))

    # ---- what searches ask

    def finds(self, k: int) -> bool:
        """Tell that the GPU finds any number of neighbours."""
        return True

    def checked(self, owner: str, probes: Any) -> _device.View:
        """Return the view of packed vectors on a GPU."""
        return _device_search.packed(owner, "probes", probes, self.space.dim).seen

    def search(self, owner: str, probes: _device.View, k: int) -> tuple[_device.Target, _device.Target]:
        """Return the k items most alike to checked probes there, and their similarities, as probes come."""
        asked, items = _device_search.rows_of(owner, "probes", probes), self._there(probes.stream)
        places = _device.target(owner, None, (asked.n, k), np.int64, probes)
        similarities = _device.target(owner, None, (asked.n, k), np.float64, probes)
        found, given = (places.whole(), similarities.whole()), (asked.seen.span(), asked.n, asked.stride)
        _device.module().hadamard_top_k(*given, self.space.dim, *items, k, *found)
        used(asked.seen)
        self._there(probes.stream)  # which notes that the stream used them
        return places, similarities

    def nearest(self, probes: NDArray[Any], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the same for probes of the host, there."""
        places, similarities = np.empty((len(probes), k), np.int64), np.empty((len(probes), k))
        step = max(1, _ANSWERS_AT_ONCE // k)
        for first in range(0, len(probes), step):
            part = slice(first, first + step)
            found = self.search("search", DeviceArray.of(probes[part], self._device).view(), k)
            places[part], similarities[part] = (np.asarray(one.finished()) for one in found)
        return places, similarities

    def within(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return starts, items and distances of all that may reach the thresholds of packed probes."""
        asked, dim = self._asked(probes), self.space.dim
        items = self._there(asked.seen.stream)

        def collect(limits: Any, cursors: Any, keys: Any) -> None:
            given = asked.seen.span(), asked.stride, limits
            _device.module().hadamard_range(*given, dim, *items, cursors, keys)

        return _device_search.collected(asked.seen, asked.n, radii_of(dim, thresholds), collect)

    def taken_there(self, places: _device.Target) -> _device.Target:
        """Return the vectors of items at places on the GPU, zeros for -1, of the places' kind."""
        at = places.seen
        made = _device.target("cleanup", None, (at.size, self.space.width), np.uint64, at)
        items = self._there(at.stream)
        _device.module().hadamard_rows(self.space.dim, *items, at.span(), made.whole())
        used(at)
        self._there(at.stream)  # which notes that the stream used them
        return made

    def _asked(self, probes: NDArray[Any]) -> RowsView:
        return _device_search.rows_of("search", "probes", DeviceArray.of(probes, self._device).view())

    def _there(self, stream: int) -> tuple[Any, Any]:
        """Return spans of the signs and of the rows' numbers on the GPU, ready on a stream."""
        if self._kept is None:  # two threads may both do this, to the same effect
            rows = np.ascontiguousarray(self._numbers.rows)
            self._kept = DeviceArray.of(self.signs, self._device), DeviceArray.of(rows, self._device)
        for one in self._kept:
            one.mark(stream)
        signs, numbers = (one.memory.span(one.size, stream) for one in self._kept)
        return signs, numbers
