# SPDX-License-Identifier: Apache-2.0
"""Class vectors learned on a GPU, where the encoded rows stay; the vectors themselves are few and come back.

Products, scores and corrections have the CPU's order and bits. Only the sums of a first pass may differ in
last digits from those of the CPU, whose order is that of its matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypersketch import _device
from hypersketch._device import Target, View
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.learn import _on_gpu
from hypersketch.learn._bits import Floats, Words
from hypersketch.learn._encoders import MatrixEncoder, RowEncoder
from hypersketch.learn._sparse import SparseLearner
from hypersketch.learn._training import Batches, Indices, Learner, norms

_KEPT_BYTES = 1 << 34
"""Encoded rows up to this size are kept on the GPU, where it has them."""


class GpuBatches(Batches):
    """The encoded rows on a GPU, some at a time."""

    def __init__(self, encoder: RowEncoder, X: Floats, size: int, *, binary: bool, device: int) -> None:
        self.encoder, self.dim, self.device = encoder, encoder.dim, device
        self._X, self.size, self._binary = X, size, binary
        self._rows = _on_gpu.placed(X, device)
        self._room: DeviceArray | None = None
        if 4 * encoder.dim * len(X) <= _KEPT_BYTES:
            self._room = self._new_room(len(X))
            self._encode_all()

    def _new_room(self, n: int) -> DeviceArray | None:
        try:
            return DeviceArray.empty((n, self.dim), np.float32, self.device)
        except MemoryError:
            return None

    def _encode_all(self) -> None:
        if self._room is None:
            return
        whole = self._room.view()
        made = Target(self._room, whole)
        for part in _on_gpu._parts(self.encoder, self._rows):
            self._write(part, _on_gpu._lines(made, part))
        self._room.mark(whole.stream)

    def _write(self, part: slice, out: Any) -> None:
        write = _on_gpu.write_signs if self._binary else _on_gpu.write_floats
        write(self.encoder, _on_gpu.part_of(self._rows, part), out)

    def redrawn(self, encoder: MatrixEncoder, dims: Indices) -> None:
        _on_gpu.forget(encoder)
        self._encode_all()

    @property
    def all_at_once(self) -> bool:
        """Whether all rows are kept."""
        return self._room is not None

    def runs(self) -> list[slice]:
        """Return the rows that can be had at once: all, or a batch."""
        n = len(self._X)
        return [slice(0, n)] if self.all_at_once else [self.part(i) for i in range(len(self))]

    def spans(self, part: slice, passing: Passing) -> tuple[Any, Any]:
        """Return the encoded rows of a part and their lengths, for as long as what passes is kept."""
        n = part.stop - part.start
        if self._room is not None:
            rows = _on_gpu._lines(Target(self._room, self._room.view()), part)
        else:
            rows = passing.empty(n * self.dim, np.float32)
            self._write(part, rows)
        lengths = passing.empty(n, np.float32)
        _device.module().row_lengths(rows, self.dim, lengths)
        return rows, lengths

    def to_host(self, part: slice) -> Floats:
        """Return the encoded rows of a part in host memory."""
        passing = Passing(self.device, self._rows.stream)
        out = np.empty((part.stop - part.start, self.dim), np.float32)
        self.spans(part, passing)[0].to_host(out.reshape(-1).view(np.uint8))
        return out


@dataclass
class GpuLearner(Learner):
    """Class vectors that learn from rows on a GPU."""

    batches: GpuBatches

    def _placed(self, passing: Passing, part: slice) -> tuple[Any, Any, Any]:
        """Return targets, weights and class vectors on the GPU."""
        given = self._weights(part)
        weights = None if given is None else passing.span(given)
        return passing.span(self.targets[part]), weights, passing.span(self.vectors)

    def _return(self, vectors: Any) -> None:
        vectors.to_host(self.vectors.reshape(-1).view(np.uint8))

    def _passing(self) -> Passing:
        return Passing(self.batches.device, _device.chosen_stream())

    def add_all(self, dims: Any = slice(None)) -> None:
        before = self.vectors.copy()
        for part in self.batches.runs():
            passing = self._passing()
            rows, _ = self.batches.spans(part, passing)
            targets, weights, vectors = self._placed(passing, part)
            size = self.batches.size
            _device.module().add_to_classes(rows, self.batches.dim, targets, weights, size, vectors)
            self._return(vectors)
        sums = self.vectors[:, dims].copy()
        self.vectors[:] = before
        self.vectors[:, dims] = sums

    def epoch(self, order: Indices) -> tuple[int, int]:
        if self.batches.all_at_once:
            return self._go_through(slice(0, len(self.targets)), order, self.batches.size)
        parts = (self.batches.part(int(i)) for i in order)
        counts = [self._go_through(part, np.zeros(1, np.int64), part.stop - part.start) for part in parts]
        return sum(found for found, _ in counts), sum(wrong for _, wrong in counts)

    def _go_through(self, part: slice, order: Indices, size: int) -> tuple[int, int]:
        rule, passing = self.rule, self._passing()
        rows, lengths = self.batches.spans(part, passing)
        targets, weights, vectors = self._placed(passing, part)
        counts: tuple[int, int] = _device.module().learn_pass(
            *(rows, self.batches.dim, lengths, targets, weights, vectors),
            *(order.astype(np.int64, copy=False), size, rule.learning_rate, rule.margin),
            *(rule.by_distance, rule.binarized),
        )
        self._return(vectors)
        return counts

    def _met(self, i: int, unit: Floats) -> tuple[Floats, Floats, Floats]:
        part, passing = self.batches.part(i), self._passing()
        rows, lengths = self.batches.spans(part, passing)
        n = part.stop - part.start
        scores = passing.empty(n * len(unit), np.float32)
        _device.module().inner_products(rows, passing.span(unit), self.batches.dim, scores)
        found, measured = np.empty((n, len(unit)), np.float32), np.empty(n, np.float32)
        scores.to_host(found.reshape(-1).view(np.uint8))
        lengths.to_host(measured.view(np.uint8))
        return found, self.batches.to_host(part), measured


@dataclass
class GpuSparseLearner(SparseLearner, GpuLearner):
    """The same, pruned after every pass."""


def learner(settings: Any, encoder: RowEncoder, X: Floats, rest: tuple[Any, ...]) -> GpuLearner:
    """Return what learns on the GPU of some settings from rows in host memory."""
    batches = GpuBatches(encoder, X, settings.batch_size, binary=settings.packed, device=settings.device)
    targets, weights, vectors, rule = rest
    given: dict[str, Any] = {"targets": targets, "weights": weights, "vectors": vectors, "rule": rule}
    if settings.method == "sparse":
        given |= {"sparsity": settings.sparsity, "by": settings.sparsity_type}
        return GpuSparseLearner(batches=batches, **given)
    return GpuLearner(batches=batches, **given)


# ---- answers


def scores(encoder: RowEncoder, rows: View, vectors: Floats, *, binary: bool = False) -> Target:
    """Return the cosines of rows on a GPU, or of their signs, with class vectors, in the rows' kind."""
    made = _device.target("scores", None, (rows.shape[0], len(vectors)), np.float32, rows)
    module, write = _device.module(), _on_gpu.write_signs if binary else _on_gpu.write_floats
    kept = Passing(rows.device, rows.stream)
    classes, sizes = kept.span(vectors), kept.span(norms(vectors))
    for part in _on_gpu._parts(encoder, rows):
        passing, some, out = (
            Passing(rows.device, rows.stream),
            _on_gpu.part_of(rows, part),
            _on_gpu._lines(made, part),
        )
        encoded = passing.empty(some.shape[0] * encoder.dim, np.float32)
        lengths = passing.empty(some.shape[0], np.float32)
        write(encoder, some, encoded)
        module.row_lengths(encoded, encoder.dim, lengths)
        module.inner_products(encoded, classes, encoder.dim, out)
        module.divide_scores(out, sizes, lengths)
    return made


def packed_scores(encoder: RowEncoder, rows: View, vectors: Words) -> Target:
    """Return the similarities of the signs of rows with packed class vectors."""
    made = _device.target("scores", None, (rows.shape[0], len(vectors)), np.float64, rows)
    kept = Passing(rows.device, rows.stream)
    classes = kept.span(vectors)
    for part in _on_gpu._parts(encoder, rows):
        passing, some = Passing(rows.device, rows.stream), _on_gpu.part_of(rows, part)
        words = passing.empty(some.shape[0] * vectors.shape[1], np.uint64)
        _on_gpu.write_packed(encoder, some, words)
        _device.module().packed_similarities(words, classes, encoder.dim, _on_gpu._lines(made, part))
    return made


def _kind(made: Target) -> str:
    return "f32" if made.seen.dtype == np.float32 else "f64"


def differences(made: Target) -> Target:
    """Return the second column less the first."""
    out = _device.target("decision_function", None, (made.seen.shape[0],), made.seen.dtype, made.seen)
    getattr(_device.module(), f"subtract_columns_{_kind(made)}")(made.whole(), out.whole())
    return out


def labels(made: Target, classes: Any) -> Any:
    """Return the best classes' labels: in the scores' kind, in host memory for those that are no numbers."""
    best = _device.target("predict", None, (made.seen.shape[0],), np.int64, made.seen)
    getattr(_device.module(), f"best_columns_{_kind(made)}")(made.whole(), made.seen.shape[1], best.whole())
    if classes.dtype.kind not in "iuf" or classes.dtype.itemsize not in (4, 8):
        return classes[best.seen.to_host()]
    passing = Passing(made.seen.device, made.seen.stream)
    out = _device.target("predict", None, (made.seen.shape[0],), classes.dtype, made.seen)
    words = classes.dtype.itemsize // 4
    _device.module().take_rows(passing.span(classes), words, words, best.whole(), out.whole())
    return out.finished()
