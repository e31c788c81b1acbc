# SPDX-License-Identifier: Apache-2.0
"""Modes on a GPU: changed ones are written there, and asked for as keys and values of neighbours are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device import View
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import used
from hypersketch.memories._gpu_neighbours import GpuNeighbours, Window
from hypersketch.memories._modes import Modes

_WORD = 4
"""Bytes; rows are moved by words of 32 bits."""


class ModeRows(Window):
    """The modes in use, from the first on, in the state of a memory: their keys or values."""

    __slots__ = ("_first", "_width")

    def __init__(self, state: DeviceArray, first: int, width: int, n: int) -> None:
        super().__init__(state, 0, n)
        self._first, self._width = first, width

    def view(self) -> View:
        """Return how the library sees the rows."""
        seen, width = self._room.view(), self._width
        shape, strides = (self._n, width), (_WORD * width, _WORD)
        return seen._replace(
            pointer=seen.pointer + self._first, shape=shape, strides=strides, dtype=np.dtype(np.float32)
        )


def neighbours(values: Mapping[str, Any], state: DeviceArray, n_used: int) -> GpuNeighbours:
    """Return the modes in use as keys and values that are searched."""
    n, key_dim, value_dim = (values[name] for name in ("n_modes", "key_dim", "value_dim"))
    first = 16 * n
    keys = ModeRows(state, first, key_dim, n_used)
    return GpuNeighbours(
        values["similarity"], keys, ModeRows(state, first + _WORD * n * key_dim, value_dim, n_used)
    )


class Writing:
    """Some modes of host memory on their way to a state on a GPU."""

    def __init__(self, state: DeviceArray, modes: Modes, places: NDArray[np.intp]) -> None:
        self._state, seen, first = state, state.view(), 0
        where = DeviceArray.of(places.astype(np.int64), seen.device).view()
        self._kept, self._calls = [where], list[partial[Any]]()
        for column in modes:
            n_words = column[:1].nbytes // _WORD
            rows = np.ascontiguousarray(column[places]).reshape(-1).view(np.uint32)
            sent = DeviceArray.of(rows, seen.device).view()
            target = seen._replace(
                pointer=seen.pointer + first, shape=(column.nbytes // _WORD,), dtype=sent.dtype
            )
            put = _device.module().put_rows
            self._calls.append(partial(put, target.span(), n_words, where.span(), sent.span()))
            self._kept.append(sent)
            first += column.nbytes

    def call(self, *more: partial[Any]) -> Callable[[], Any]:
        """Return all of it, and more, as one call of compiled code."""
        return partial(deque, map(partial.__call__, [*self._calls, *more]), 0)

    def done(self) -> None:
        """Note that the state was changed."""
        used(self._state.view(), *self._kept)
