# SPDX-License-Identifier: Apache-2.0
"""Continuous memories on a GPU: what their passes do there, and calls whose states stay there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _validation
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import used
from hypersketch.memories._gpu_patterns import GpuPatterns, MirroredColumn, PaddedColumn
from hypersketch.memories._patterns import LARGEST, STORED, Floats, Patterns, narrowed
from hypersketch.memories._separations import Asked, Law, Listed, law_of

Doubles = NDArray[np.float64]


class Bench:
    """Arrays of one call on a GPU, all ready on its stream."""

    def __init__(self, device: int, like: _device.View | None = None) -> None:
        self._device = device
        self.stream = _device.chosen_stream() if like is None else like.stream
        self._views: list[_device.View] = []

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        used(*(seen._replace(stream=self.stream) for seen in self._views))

    def take(self, seen: _device.View) -> Any:
        """Return the span of an array, which the stream waits for."""
        if seen.stream != self.stream:
            _device.module().follow(self._device, self.stream, seen.stream)
        self._views.append(seen)
        return seen._replace(stream=self.stream).span()

    def put(self, array: NDArray[Any]) -> Any:
        """Return the span of a copy of an array of the host."""
        return self.take(DeviceArray.of(array, self._device).view())

    def room(self, shape: tuple[int, ...], dtype: Any) -> tuple[DeviceArray, Any]:
        """Return a new array and its span."""
        made = DeviceArray.empty(shape, dtype, self._device)
        return made, self.take(made.view())

    def stored(self, patterns: Patterns, similarity: str, lengths: PaddedColumn | None) -> Any:
        """Return patterns as kernels take them."""
        assert isinstance(patterns, GpuPatterns)
        made, views = patterns.stored(similarity, lengths)
        for seen in views:
            self.take(seen)
        return made


@dataclass(frozen=True)
class GpuAsked(Asked):
    """Queries of the host that ask patterns on a GPU; answers come back to the host."""

    similarity: str = "dot"
    lengths: PaddedColumn | None = None

    @property
    def _on(self) -> int:
        assert isinstance(self.patterns, GpuPatterns)
        return self.patterns.device

    def _begin(self, bench: Bench, betas: Floats | None) -> tuple[Any, Any, Any]:
        scales = np.ones(len(self.queries), np.float32) if betas is None else betas
        stored = bench.stored(self.patterns, self.similarity, self.lengths)
        return stored, bench.put(self.queries), bench.put(scales.astype(np.float32))

    def step(self, law: Law, values: Patterns, betas: Floats, out: Floats) -> Doubles:
        if not len(self.queries):
            return np.empty((0, 3))
        with Bench(self._on) as bench:
            stored, queries, scales = self._begin(bench, betas)
            projected = stored if values is self.patterns else bench.stored(values, "dot", None)
            states, to_states = bench.room(out.shape, np.float32)
            sums, to_sums = bench.room((len(out), 3), np.float64)
            _device.module().retrieve_states(
                stored, projected, queries, scales, rule_of(law), self.precision, to_states, to_sums
            )
        out[...] = np.asarray(states)
        return np.asarray(sums)

    def _nothing(self) -> GpuPatterns:
        nothing = np.zeros((len(self.patterns), 1), self.patterns.rows._dtype)  # type: ignore[attr-defined]
        scales = (
            None
            if self.patterns.scales is None
            else PaddedColumn.of(np.zeros(len(self.patterns), np.float32), self._on)
        )
        return GpuPatterns(PaddedColumn.of(nothing, self._on), scales)

    def nearest(self, k: int) -> tuple[NDArray[np.int64], Floats]:
        shape = (len(self.queries), k)
        if not len(self.queries):
            return np.empty(shape, np.int64), np.empty(shape, np.float32)
        with Bench(self._on) as bench:
            asked = self._begin(bench, None)
            indices, to_indices = bench.room(shape, np.int64)
            scores, to_scores = bench.room(shape, np.float32)
            _device.module().nearest_patterns(*asked, k, to_indices, to_scores)
        return np.asarray(indices), np.asarray(scores)

    def above(self, bounds: Floats) -> Listed:
        if not len(self.queries):
            return np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        with Bench(self._on) as bench:
            found: Listed = _device.module().scores_above(*self._begin(bench, None), bench.put(bounds))
        return found


def rule_of(law: Law) -> Any:
    """Return a separation's law as kernels take it."""
    return _device.module().StepRule(law.kind, law.degree, law.e, law.g)


def lengths_there(held: Any) -> PaddedColumn:
    """Return the lengths of patterns on the GPU."""
    lengths: MirroredColumn = held.lengths
    return lengths.there


# ---- calls whose states stay on the GPU


@dataclass(frozen=True)
class Stepped:
    """Where queries have come to, on the GPU; ``like`` says in which kind."""

    states: _device.Target
    before: DeviceArray
    sums: Doubles
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]


def step(
    parameters: Mapping[str, Any],
    held: Any,
    queries: _device.View,
    betas: Floats,
    steps: int,
    tol: float,
    precision: str,
    target: _device.Target,
) -> Stepped:
    """Take steps from queries on the GPU; the last one of a memory with values is to these."""
    n, dim = queries.shape
    law = law_of(parameters, len(held))
    own, device, rule = held.values is None, held.patterns.device, rule_of(law)
    with Bench(device, queries) as bench:
        stored = bench.stored(held.patterns, parameters["similarity"], lengths_there(held))
        scales, asked = bench.put(law.scaled(betas)), bench.take(queries)  # asked once for n * dim numbers
        states = target.whole() if own else bench.room((n, dim), np.float32)[1]
        before, to_before = bench.room((n, dim), np.float32)
        sums, to_sums = bench.room((n, 3), np.float64)
        done, to_done = bench.room((n,), np.bool_)
        taken, to_taken = bench.room((n,), np.int64)
        module = _device.module()
        module.copy_span(states, asked, 4 * n * dim)
        moves = steps if own else steps - 1
        module.walk_patterns(
            stored, states, scales, rule, precision, moves, tol, to_before, to_sums, to_taken, to_done
        )
        if not own:
            module.copy_span(to_before, states, 4 * n * dim)
            values = bench.stored(held.values, "dot", None)
            module.retrieve_states(stored, values, states, scales, rule, precision, target.whole(), to_sums)
    counted = np.asarray(taken) + (0 if own else 1)
    return Stepped(target, before, np.asarray(sums), counted, np.asarray(done))


def nearest(similarity: str, held: Any, queries: _device.View, k: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the best patterns of queries on the GPU and their scores, in host memory."""
    (n, dim), shape = queries.shape, (queries.shape[0], k)
    if not n:
        return np.empty(shape, np.int64), np.empty(shape, np.float32)
    with Bench(held.device, queries) as bench:
        stored = bench.stored(held.patterns, similarity, lengths_there(held))
        asked = bench.take(queries._replace(shape=(n * dim,)))
        indices, to_indices = bench.room(shape, np.int64)
        scores, to_scores = bench.room(shape, np.float32)
        _device.module().nearest_patterns(
            stored, asked, bench.put(np.ones(n, np.float32)), k, to_indices, to_scores
        )
    return np.asarray(indices), np.asarray(scores)


def checked(
    owner: str, name: str, similarity: str, held: Any, queries: Any, dim: int
) -> tuple[_device.View, Doubles]:
    """Return queries on the GPU of the patterns, one a row, and their lengths."""
    seen = rows_there(owner, name, queries, dim, held.device)
    with Bench(seen.device, seen) as bench:
        squares, to_squares = bench.room((seen.shape[0],), np.float64)
        if seen.shape[0]:
            _device.module().squared_lengths(bench.take(seen._replace(shape=(seen.size,))), dim, to_squares)
    found = np.asarray(squares) if seen.shape[0] else np.empty(0)
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        _validation.refuse(owner, name, "finite in float32", f"NaN or infinity in row {bad[0]}")
    if similarity == "cosine" and not found.all():
        raise ValueError(
            f"The {name!r} parameter of {owner} must have no zero vector, which has no cosine with any. "
            f"Got one in row {int(np.flatnonzero(found == 0.0)[0])}."
        )
    return seen, np.sqrt(found)


def rows_there(owner: str, name: str, rows: Any, dim: int, device: int | None) -> _device.View:
    """Return checked float rows on the GPU of a memory."""
    seen = _device_reals.checked(owner, name, rows, np.dtype(np.float32), dim)
    _device.require_near(owner, name, seen, device)
    return seen


def kept_there(owner: str, name: str, seen: _device.View, dtype: str) -> tuple[GpuPatterns, Floats]:
    """Return float rows on a GPU as they are kept, and their lengths in host memory."""
    (n, dim), kind, device = seen.shape, np.dtype(STORED[dtype]), seen.device
    words = -(-dim * kind.itemsize // 16) * 4
    with Bench(device, seen) as bench:
        rows = DeviceArray.empty((n, words), np.uint32, device)
        scales = DeviceArray.empty((n, 1), np.uint32, device) if dtype in LARGEST else None
        lengths, to_lengths = bench.room((n,), np.float32)
        largest, to_largest = bench.room((n,), np.float32)
        if n:
            kept = bench.take(rows.view()._replace(shape=(n * words * 4 // kind.itemsize,)))
            spans = None if scales is None else bench.take(scales.view()._replace(shape=(n,)))
            flat = bench.take(seen._replace(shape=(n * dim,)))
            _device.module().keep_rows(flat, dim, dtype, kept, spans, to_lengths, to_largest)
    most = np.asarray(largest) if n else np.empty(0, np.float32)
    bad = np.flatnonzero(~np.isfinite(most))
    if bad.size:
        _validation.refuse(owner, name, "finite in float32", f"NaN or infinity in row {bad[0]}")
    if dtype != "float32":
        narrowed(owner, name, most[:, None], dtype)  # refuses what the type cannot hold
    column = PaddedColumn(n, rows, kind, dim)
    return GpuPatterns(column, None if scales is None else PaddedColumn(n, scales, np.float32, None)), (
        np.asarray(lengths) if n else np.empty(0, np.float32)
    )
