# SPDX-License-Identifier: Apache-2.0
"""Item memories on a GPU that keep no vectors: atoms are made there whenever they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _device_search
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import Atoms, RowsView, used
from hypersketch.memories._codebooks import Places, ProceduralCodebook, Vectors, real_weights
from hypersketch.memories._columns import Column
from hypersketch.memories._gpu_codebook import (
    GpuColumn,
    finds,
    probes_of,
    radii_of,
    reaching_scored,
    search_rows,
)
from hypersketch.vsa import _scored_on_gpu
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa._spectral_on_gpu import drawn, floats

_ATOM_WORDS = 1 << 27
"""Words of 8 bytes of atoms that are on the GPU at once; what rounds real ones takes half as much again."""


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
        """Tell whether the GPU has kernels for so many neighbours."""
        return finds(self.space, k)

    def checked(self, owner: str, probes: Any) -> _device.View:
        """Return the view of vectors of the space on a GPU."""
        return probes_of(owner, self.space, probes)

    def search(self, owner: str, probes: _device.View, k: int) -> tuple[_device.Target, _device.Target]:
        """Return the k items most alike to checked probes there, and their similarities, as probes come."""
        found, step = [], self._at_once
        for rows in self._pieces(probes):
            found.append(self._best_among(owner, probes, rows, min(k, rows.n)))
            used(rows.seen)
        return found[0] if len(found) == 1 else _best_of(found, step, k, probes)

    def _best_among(
        self, owner: str, probes: _device.View, rows: RowsView, k: int
    ) -> tuple[_device.Target, _device.Target]:
        if isinstance(self.space, RealSpace):
            return self._rounded(rows).search(owner, probes, rows.seen, k)
        return search_rows(owner, self.space, probes, rows, k)

    def _rounded(self, rows: RowsView) -> _device_reals.RoundedRows:
        return _device_reals.RoundedRows(rows.seen, real_weights(self.space), True)

    @property
    def _at_once(self) -> int:
        """How many atoms are on the GPU at once."""
        return max(1, _ATOM_WORDS * 8 // self.space.nbytes)

    def _pieces(self, probes: _device.View) -> Iterator[RowsView]:
        """Yield atoms of items side by side, made on the stream of the probes."""
        for first in range(0, len(self), self._at_once):
            yield self._atoms(self._there.view(first, min(len(self), first + self._at_once)), probes)

    def _atoms(self, hashes: _device.View, like: _device.View) -> RowsView:
        """Return the atoms of hashes, made on the stream of another array."""
        _device.behind(like, hashes)
        given, space = hashes._replace(stream=like.stream), self.space
        made = DeviceArray.empty((hashes.size, space.width), space.dtype, self.device)
        seen = made.view()._replace(stream=like.stream)
        if isinstance(space, RealSpace):
            _device.module().atom_reals(given.span(), *drawn(space), floats(seen))
        elif isinstance(space, MapSpace):
            _device.module().atom_rows(given.span(), space.dim, space.seed, seen.span())
        else:
            _scored_on_gpu.make_atoms(space, given, seen)
        used(given)
        return RowsView(seen, hashes.size, space.width)

    def nearest(self, probes: NDArray[Any], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Return the same for probes of the host, there; None where the GPU has no kernels."""
        if not self.finds(k):
            return None
        owner, all_rows = "ItemMemory.search", RowsView(self._there.view(), len(self), self.space.width)
        return _device_search.by_pieces(
            lambda seen: self.search(owner, seen, k), probes, all_rows, k, np.float64
        )

    def within(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return starts, items and distances of all that may reach the thresholds of packed probes."""
        asked = _device_search.rows_of("within", "probes", DeviceArray.of(probes, self.device).view())
        atoms = Atoms(self._there.view(), self.space.seed)
        return _device_search.within(asked, atoms, self.space.dim, radii_of(self.space.dim, thresholds))

    def reaching(self, probes: NDArray[Any], thresholds: NDArray[np.float64]) -> Any:
        """Return probe, item and similarity of all that reach the thresholds of probes, in any order."""
        owner, asked = "ItemMemory.range_search", DeviceArray.of(probes, self.device).view()
        limits = np.ascontiguousarray(thresholds)
        found: list[tuple[NDArray[Any], ...]] = []
        for rows in self._pieces(asked):
            if not isinstance(self.space, RealSpace):
                which, places, alike = reaching_scored(self.space, asked, rows, limits)
            else:
                which, places, alike = self._rounded(rows).within(owner, asked, rows.seen, limits)
            found.append((which, places + len(found) * self._at_once, alike))
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))

    def taken_there(self, places: _device.Target) -> _device.Target:
        """Return the vectors of items at places on the GPU, zeros for -1, of the places' kind."""
        which = places.seen.to_host().reshape(-1)
        hashes = DeviceArray.of(self.hashes.rows[np.maximum(which, 0)], self.device).view()
        rows = self._atoms(hashes, places.seen)
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
