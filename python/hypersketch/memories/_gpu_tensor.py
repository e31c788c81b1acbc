# SPDX-License-Identifier: Apache-2.0
"""A sum of outer products of three vectors on a GPU.

Sums of single precision are made there in another order than on the CPU, and what two vectors leave of a
tensor is summed in double precision where the second one comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_search import used

_NUMBERS = 1 << 26
"""Of pairs, or of squares, that are there at once: 256 MiB."""

Floats = NDArray[Any]


def _parts(n: int, dim: int) -> Iterator[slice]:
    step = max(1, _NUMBERS // dim**2)
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def _sent(rows: Floats, device: int) -> View:
    return DeviceArray.of(np.ascontiguousarray(rows), device).view()


def _pairs(one: View, two: View, dim: int) -> View:
    """Return the outer product of every two rows, one a row."""
    made = room((one.shape[0], dim * dim), np.float32, one)
    _device.module().outer_rows(one.span(), two.span(), dim, made.span())
    return made


def added(state: DeviceArray, dim: int, factors: list[Floats], weights: Floats) -> DeviceArray:
    """Return the tensor with outer products of rows of float32, which have weights."""
    made = state.copied(state.memory.device)
    target, every = made.view(), np.ascontiguousarray(weights, np.float64)
    for part in _parts(len(every), dim):
        one, two, three = (_sent(rows[part], target.device) for rows in factors)
        pairs = _pairs(two, three, dim)
        n, ones = one.shape[0], np.ones(part.stop - part.start)
        strengths, before = _sent(every[part], target.device), _sent(ones, target.device)
        spans = (view.span() for view in (target, pairs, one))
        sent = strengths.span(), strengths.span(), before.span(), None
        _device.module().write_pairs_float32(*spans, dim * dim, dim, n, *sent, np.ones(1), False)
        used(target, pairs, one, two, three, strengths, before)
    return made


def left(state: DeviceArray, dim: int, place: int, known: tuple[Floats, Floats]) -> NDArray[np.float64]:
    """Return what two vectors of every row leave of the tensor at the place of the third, in host memory."""
    found = np.empty((len(known[0]), dim))
    for part in _parts(len(found), dim):
        matrix = state.view()
        one, two = (_sent(rows[part], matrix.device) for rows in known)
        if place == 0:  # the first index is left
            pairs = _pairs(one, two, dim)
            made = room(one.shape, np.float32, matrix)
            _device.module().answer_rows_float32(pairs.span(), matrix.span(), dim * dim, made.span())
        else:
            pairs = room((one.shape[0], dim * dim), np.float32, matrix)
            _device.module().combine_rows(one.span(), matrix.span(), dim, pairs.span())
            made = room(one.shape, np.float64, matrix)
            _device.module().contract_rows(pairs.span(), two.span(), dim, place == 2, made.span())
        found[part] = made.to_host()
        used(matrix, one, two, pairs, made)
    return found
