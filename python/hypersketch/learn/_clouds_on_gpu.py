# SPDX-License-Identifier: Apache-2.0
"""Encoded rows of k-means that stay on a GPU.

Distances are the CPU's, bit for bit, where centers are. Sums of rows may differ from the CPU's in last
digits, as its matrix products have an order of their own; few centers and distances come back to the host.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device import Target, View
from hypersketch._device_array import Passing
from hypersketch.learn import _on_gpu, _training_on_gpu
from hypersketch.learn._bits import Floats, Words
from hypersketch.learn._clouds import STEP, Cloud, FloatCloud, Labels, PackedCloud
from hypersketch.learn._encoders import RowEncoder


class CloudThere(Cloud):
    """Rows on a GPU, whose sums are made there."""

    @abstractmethod
    def _float_runs(self) -> Iterator[tuple[slice, Passing, Any, Floats | None]]:
        """Return some rows after the other as floats: which, what passes, and lengths that are not one."""

    def centers(self, labels: Labels, weights: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        sums = np.zeros((len(before), self.encoder.dim), np.float32)
        for part, passing, rows, lengths in self._float_runs():
            light = weights[part].astype(np.float32)
            if lengths is not None:
                light /= lengths
            total = passing.span(sums)
            _device.module().add_to_classes(
                *(rows, self.encoder.dim, passing.span(labels[part].astype(np.int64))),
                *(passing.span(light), STEP, total),
            )
            total.to_host(sums.reshape(-1).view(np.uint8))
        return self._center(sums, before)


class FloatCloudThere(CloudThere, FloatCloud):
    """Rows of length one; the distance is 1 less the cosine."""

    def __init__(self, encoder: RowEncoder, X: Floats, device: int) -> None:
        Cloud.__init__(self, encoder, X)
        self._X = X
        self._there = _training_on_gpu.GpuBatches(encoder, X, STEP, binary=False, device=device)

    def _runs(self) -> Iterator[tuple[slice, Passing, Any, Any]]:
        for part in self._there.runs():
            passing = Passing(self._there.device, _device.chosen_stream())
            yield part, passing, *self._there.spans(part, passing)

    def _float_runs(self) -> Iterator[tuple[slice, Passing, Any, Floats | None]]:
        for part, passing, rows, lengths in self._runs():
            measured = np.empty(part.stop - part.start, np.float32)
            lengths.to_host(measured.view(np.uint8))
            yield part, passing, rows, measured

    def distances(self, centers: NDArray[Any]) -> NDArray[Any]:
        out = np.empty((self.n, len(centers)), np.float32)
        for part, passing, rows, lengths in self._runs():
            found = passing.empty((part.stop - part.start) * len(centers), np.float32)
            _write_distances(rows, lengths, passing.span(centers), self.encoder.dim, found)
            found.to_host(out[part].reshape(-1).view(np.uint8))
        return out


class PackedCloudThere(CloudThere, PackedCloud):
    """Signs of rows, one bit each; the distance is the share of bits that differ."""

    def __init__(self, encoder: RowEncoder, X: Floats, device: int) -> None:
        Cloud.__init__(self, encoder, X)
        self._device, self._width = device, _validation.words_for(encoder.dim)
        self._there = _on_gpu.packed(encoder, _on_gpu.placed(X, device))

    def _lines(self, part: slice, stream: int) -> Any:
        """Return the words of some rows, ready on a stream."""
        self._there.array.mark(stream)
        seen = self._there.seen._replace(stream=stream)
        return _on_gpu._lines(Target(self._there.array, seen), part)

    def _float_runs(self) -> Iterator[tuple[slice, Passing, Any, Floats | None]]:
        for first in range(0, self.n, STEP):
            part = slice(first, min(self.n, first + STEP))
            stream = _device.chosen_stream()
            passing = Passing(self._device, stream)
            rows = passing.empty((part.stop - first) * self.encoder.dim, np.float32)
            _device.module().unpack_entries(self._lines(part, stream), self.encoder.dim, "float32", rows)
            yield part, passing, rows, None

    def rows(self, places: NDArray[Any]) -> Words:
        stream = _device.chosen_stream()
        passing, found = Passing(self._device, stream), np.empty((places.size, self._width), np.uint64)
        out, wanted = passing.empty(found.size, np.uint64), passing.span(places.astype(np.int64))
        words = self._lines(slice(0, self.n), stream)
        _device.module().take_rows(words, 2 * self._width, 2 * self._width, wanted, out)
        out.to_host(found.reshape(-1).view(np.uint8))
        return found

    def distances(self, centers: NDArray[Any]) -> NDArray[Any]:
        stream = _device.chosen_stream()
        passing, out = Passing(self._device, stream), np.empty((self.n, len(centers)))
        found = passing.empty(out.size, np.float64)
        words = self._lines(slice(0, self.n), stream)
        _write_sign_distances(words, passing.span(centers), self.encoder.dim, found)
        found.to_host(out.reshape(-1).view(np.uint8))
        return out


def _write_distances(rows: Any, lengths: Any, centers: Any, dim: int, out: Any) -> None:
    _device.module().inner_products(rows, centers, dim, out)
    _device.module().cosine_distances(out, lengths)


def _write_sign_distances(words: Any, centers: Any, dim: int, out: Any) -> None:
    _device.module().packed_similarities(words, centers, dim, out)
    _device.module().sign_distances(out)


# ---- answers to rows that lie there


def distances(encoder: RowEncoder, rows: View, centers: NDArray[Any]) -> Target:
    """Return the distances of rows on a GPU from centers, in the rows' kind."""
    packed = centers.dtype == np.uint64
    dtype = np.float64 if packed else np.float32
    made = _device.target("transform", None, (rows.shape[0], len(centers)), dtype, rows)
    kept = Passing(rows.device, rows.stream)
    there = kept.span(centers)
    for part in _on_gpu._parts(encoder, rows):
        passing, some = Passing(rows.device, rows.stream), _on_gpu.part_of(rows, part)
        n, out = some.shape[0], _on_gpu._lines(made, part)
        if packed:
            words = passing.empty(n * centers.shape[1], np.uint64)
            _on_gpu.write_packed(encoder, some, words)
            _write_sign_distances(words, there, encoder.dim, out)
        else:
            encoded, lengths = passing.empty(n * encoder.dim, np.float32), passing.empty(n, np.float32)
            _on_gpu.write_floats(encoder, some, encoded)
            _device.module().row_lengths(encoded, encoder.dim, lengths)
            _write_distances(encoded, lengths, there, encoder.dim, out)
    return made


def nearest(found: Target) -> Target:
    """Return the columns of the smallest distances, of equal ones the first, in their kind."""
    n, n_columns = found.seen.shape
    best = _device.target("predict", None, (n,), np.int32, found.seen)
    kind = _training_on_gpu._kind(found)
    getattr(_device.module(), f"least_columns_{kind}")(found.whole(), n_columns, best.whole())
    return best
