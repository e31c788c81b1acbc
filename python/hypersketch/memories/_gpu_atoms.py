# SPDX-License-Identifier: Apache-2.0
"""Item memories on a GPU that keep no vectors: atoms are made there whenever they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import Atoms, RowsView, used
from hypersketch.memories._codebooks import Places, ProceduralCodebook, Vectors
from hypersketch.memories._columns import Column
from hypersketch.memories._gpu_codebook import GpuColumn, radii_of
from hypersketch.vsa._space import Space

_ATOM_WORDS = 1 << 27
"""Words of atoms that are on the GPU at once."""


class GpuAtoms(ProceduralCodebook):
    """Hashes of keys on a GPU, which makes their atoms. The host makes what it asks for itself."""

    def __init__(self, space: Space, hashes: Column, there: GpuColumn) -> None:
        super().__init__(space, hashes)
        self._there = there

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return self._there.device

    @property
    def column(self) -> GpuAtoms:
        """What makes vectors where they are wanted."""
        return self

    def extended(self, hashes: Column, vectors: Vectors | None) -> GpuAtoms:
        more = hashes.rows[len(self) :].reshape(-1, 1)
        return GpuAtoms(self.space, hashes, self._there.extended(more))

    def chosen(self, hashes: Column, places: Places) -> GpuAtoms:
        return GpuAtoms(self.space, hashes, self._there.chosen(places))

    def copied(self, hashes: Column) -> GpuAtoms:
        return GpuAtoms(self.space, hashes, self._there.copied())

    # ---- what searches ask

    def finds(self, k: int) -> bool:
        """Tell that the GPU finds any number of neighbours."""
        return True

    def checked(self, owner: str, probes: Any) -> _device.View:
        """Return the view of packed vectors on a GPU."""
        return _device_search.packed(owner, "probes", probes, self.space.dim).seen

    def search(self, owner: str, probes: _device.View, k: int) -> tuple[_device.Target, _device.Target]:
        """Return the k items most alike to checked probes there, and their similarities, as probes come."""
        asked = _device_search.rows_of(owner, "probes", probes)
        step = max(1, _ATOM_WORDS // self.space.width)
        found = []
        for first in range(0, len(self), step):
            last = min(len(self), first + step)
            rows = self._atoms(self._there.view(first, last)._replace(stream=probes.stream), probes.stream)
            few = min(k, last - first)
            found.append(_device_search.hamming(owner, asked, rows, self.space.dim, few, alike=True))
            used(rows.seen._replace(stream=probes.stream))
        return found[0] if len(found) == 1 else _best_of(found, step, k, probes)

    def _atoms(self, hashes: _device.View, stream: int) -> RowsView:
        made = DeviceArray.empty((hashes.size, self.space.width), np.uint64, self.device)
        seen = made.view()._replace(stream=stream)
        _device.module().atom_rows(hashes.span(), self.space.dim, self.space.seed, seen.span())
        used(hashes)
        return RowsView(seen, hashes.size, self.space.width)

    def nearest(self, probes: NDArray[Any], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the same for probes of the host, there."""
        owner, all_rows = "ItemMemory.search", RowsView(self._there.view(), len(self), self.space.width)
        return _device_search.by_pieces(
            lambda seen: self.search(owner, seen, k), probes, all_rows, k, np.float64
        )

    def within(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return starts, items and distances of all that may reach the thresholds of packed probes."""
        asked = _device_search.rows_of("within", "probes", DeviceArray.of(probes, self.device).view())
        atoms = Atoms(self._there.view(), self.space.seed)
        return _device_search.within(asked, atoms, self.space.dim, radii_of(self.space.dim, thresholds))

    def taken_there(self, places: _device.Target) -> _device.Target:
        """Return the vectors of items at places on the GPU, zeros for -1, of the places' kind."""
        which = places.seen.to_host().reshape(-1)
        hashes = DeviceArray.of(self.hashes.rows[np.maximum(which, 0)], self.device).view()
        rows = self._atoms(hashes._replace(stream=places.seen.stream), places.seen.stream)
        kept = np.where(which < 0, -1, np.arange(which.size))
        return _device_search.taken(rows, _device_search.of_host(kept, places.seen))


def _best_of(
    found: list[tuple[_device.Target, _device.Target]], step: int, k: int, like: _device.View
) -> tuple[_device.Target, _device.Target]:
    """Return the k best of what was found in blocks of items, of equally alike ones the first."""
    items = np.concatenate([one.seen.to_host() + b * step for b, (one, _) in enumerate(found)], axis=1)
    alike = np.concatenate([one.seen.to_host() for _, one in found], axis=1)
    order = np.argsort(-alike, axis=1, kind="stable")[:, :k]  # blocks come in the order of items
    best = (np.take_along_axis(one, order, axis=1) for one in (items, alike))
    places, similarities = (_device_search.of_host(one, like) for one in best)
    return places, similarities
