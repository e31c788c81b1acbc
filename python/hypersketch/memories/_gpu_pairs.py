# SPDX-License-Identifier: Apache-2.0
"""A matrix of pairs on a GPU: pairs are written and vectors are multiplied there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_reals import MOST, RoundedRows
from hypersketch._device_search import used
from hypersketch.memories import _gpu_rows, _reals
from hypersketch.memories._fast_weights import _decays
from hypersketch.memories._gpu_rows import GpuForm

Floats = NDArray[np.float64]


class Given(NamedTuple):
    """Real vectors in memory of ours, and the form in which they came; None from the host."""

    rows: View
    form: GpuForm | None

    @property
    def n(self) -> int:
        return self.rows.shape[0]

    def __len__(self) -> int:
        return self.n


def given(owner: str, name: str, value: Any, dim: int, dtype: Any, device: int) -> Given:
    """Return checked vectors on a GPU, from there or from the host."""
    if _device.is_on_gpu(value):
        return Given(*_gpu_rows.reals(owner, name, value, dim, dtype, device))
    return Given(DeviceArray.of(_reals.rows(owner, name, value, dim, dtype), device).view(), None)


class _Weighing(NamedTuple):
    """What pairs of every chunk are weighed by: see `hypersketch.memories._fast_weights`."""

    factors: Floats
    before: Floats
    kept: Floats
    decays: Floats | None


def _weighing(strengths: Floats, gates: Floats, chunk: int, delta: bool) -> _Weighing:
    n_chunks = -(-len(gates) // chunk)
    if (gates == 1.0).all():
        return _Weighing(strengths, np.ones_like(strengths), np.ones(n_chunks), None)
    factors, before, kept = np.empty_like(strengths), np.empty_like(strengths), np.empty(n_chunks)
    decays = np.zeros((n_chunks, chunk * chunk)) if delta else None
    for number in range(n_chunks):
        part = slice(number * chunk, (number + 1) * chunk)
        own = gates[part]
        start = np.concatenate(([1.0], np.cumprod(own)))
        factors[part] = np.append(np.cumprod(own[:0:-1])[::-1], 1.0) * strengths[part]
        before[part], kept[number] = start[:-1], start[-1]
        if decays is not None:
            decays[number, : own.size**2] = _decays(own).ravel()
    return _Weighing(factors, before, kept, decays)


def _function(name: str, dtype: Any) -> Any:
    return getattr(_device.module(), f"{name}_{np.dtype(dtype).name}")


def written(
    state: DeviceArray,
    blocks: list[tuple[View, View]],
    strengths: Floats,
    gates: Floats,
    *,
    delta: bool,
    chunk: int,
) -> DeviceArray:
    """Return the matrix after all pairs; blocks are keys and values, whose rows follow one another."""
    made = state.copied(state.memory.device)
    target = made.view()
    weighing = _weighing(strengths, gates, chunk, delta)
    sent = [
        None if one is None else DeviceArray.of(one, target.device).view()
        for one in (weighing.factors, strengths, weighing.before, weighing.decays)
    ]
    first = 0
    for keys, values in blocks:
        key_dim, value_dim = keys.shape[1], values.shape[1]
        pointer, size = target.pointer + first * target.dtype.itemsize, key_dim * value_dim
        part = target._replace(pointer=pointer, shape=(size,))
        _device.behind(part, keys, values)
        spans = [None if one is None else one.span() for one in (part, keys, values, *sent)]
        _function("write_pairs", state.dtype)(
            *spans[:3], key_dim, value_dim, chunk, *spans[3:], weighing.kept, delta
        )
        used(*(one._replace(stream=target.stream) for one in (keys, values)))
        first += size
    used(target, *(one for one in sent if one is not None))
    return made


def joined(state: DeviceArray, other: DeviceArray) -> DeviceArray:
    """Return the sum of two matrices on one GPU."""
    made = state.copied(state.memory.device)
    stream = _device.chosen_stream()
    _device.module().combine_cells(made.memory, other.memory, state.dtype.name, True, stream)
    return made


def is_finite(array: DeviceArray) -> bool:
    """Whether all numbers are."""
    return bool(_function("all_finite", array.dtype)(array.view().span()))


def put(state: DeviceArray, made: DeviceArray) -> None:
    """Write one array over another."""
    target, source = state.view(), made.view()
    _device.module().copy_span(target.span(), source.span(), made.nbytes)
    used(target, source)


def answered(asked: Given, matrix: DeviceArray, key_dim: int) -> DeviceArray:
    """Return what a matrix answers to each vector."""
    seen, rows = matrix.view(), asked.rows
    _device.behind(rows, seen)
    made = room((asked.n, seen.size // key_dim), matrix.dtype, rows)
    _function("answer_rows", matrix.dtype)(rows.span(), seen.span(), key_dim, made.span())
    used(rows, seen._replace(stream=rows.stream))
    return _gpu_rows.array_of(made)


def best(owner: str, answers: DeviceArray, values: Given, k: int) -> tuple[Any, Any] | None:
    """Return places and inner products of the values most like answers; None where the GPU has no kernel."""
    if k > MOST or answers.dtype != np.float32:
        return None
    rounded = RoundedRows(values.rows, None, False)
    places, alike = rounded.search(owner, answers.view(), values.rows, k)
    return places.finished(), alike.finished()
