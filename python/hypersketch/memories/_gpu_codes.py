# SPDX-License-Identifier: Apache-2.0
"""Weights of Sparsey on a GPU: rows are counted there, and codes found, followed, learned and decoded.

Supports are quotients and products of counts, which a GPU rounds as the CPU does, so the best unit of a
module is the CPU's. Winners that are drawn are not chosen there: their chances are exponentials, whose last
bit differs from one mathematical library to the next, and one bit may make another code. The CPU draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, Passing, room
from hypersketch._device_search import used
from hypersketch.memories._gpu_rows import array_of
from hypersketch.memories._unit_lists import Units

_COUNTERS = 1 << 26
"""That are there at once: 256 MiB."""
_STEPS = 1 << 12
"""Codes that follow one another between two looks for Ctrl-C."""
_ROWS = 256
"""Rows of a list where all are counted."""

Codes = NDArray[np.int64]
Doubles = NDArray[np.float64]
Found = tuple[View, Doubles]
"""Codes on the GPU, and the largest support of every module, in host memory."""


def _part(seen: View, first: int, last: int) -> Any:
    """Return the span of some rows."""
    return seen._replace(
        pointer=seen.pointer + first * seen.strides[0], shape=(last - first, *seen.shape[1:])
    ).span()


class GpuCodes:
    """A state on a GPU, as calls see it."""

    def __init__(self, values: Mapping[str, Any], state: DeviceArray) -> None:
        self._seen, n_inputs = state.view(), values["n_inputs"]
        self._shape = values["n_modules"], values["n_units"]
        self._n_code, self.n_inputs = values["n_modules"] * values["n_units"], n_inputs
        n_words = _validation.words_for(self._n_code)
        rows = self._seen._replace(
            shape=(self._seen.size // n_words, n_words), strides=(8 * n_words, 8)
        )  # of inputs, and behind them of units
        self._inputs, self._context = (
            _part(rows, *bounds) for bounds in ((0, n_inputs), (n_inputs, rows.shape[0]))
        )

    def _passing(self) -> Passing:
        return Passing(self._seen.device, self._seen.stream)

    def _sent(self, items: Units, passing: Passing) -> tuple[Any, Any]:
        return passing.span(items.starts), passing.span(items.indices)

    def _counted(self, items: Units, passing: Passing) -> Any:
        counts = passing.empty(len(items) * self._n_code, np.int32)
        _device.module().count_lists(self._inputs, *self._shape, *self._sent(items, passing), counts)
        used(self._seen)
        return counts

    def counts(self, items: Units) -> NDArray[np.int32]:
        """Return how many active inputs of each item are connected with each unit."""
        made, passing = np.empty((len(items), self._n_code), np.int32), self._passing()
        if made.size:
            self._counted(items, passing).to_host(made.reshape(-1).view(np.uint8))
        return made

    def expected(self, code: Codes) -> NDArray[np.int32]:
        """Return how many winners are connected with each unit."""
        made, passing = np.empty((1, self._n_code), np.int32), self._passing()
        counts = passing.empty(self._n_code, np.int32)
        _device.module().count_winners(self._context, *self._shape, passing.span(code), counts)
        counts.to_host(made.reshape(-1).view(np.uint8))
        used(self._seen)
        return made

    def ones(self) -> int:
        """Return how many weights from inputs are set."""
        total, step = 0, max(_ROWS, _COUNTERS // self._n_code * _ROWS)
        for first in range(0, self.n_inputs, step):
            indices = np.arange(first, min(self.n_inputs, first + step))
            starts = np.append(np.arange(0, indices.size, _ROWS), indices.size)
            total += int(self.counts(Units(starts, indices)).sum(dtype=np.int64))
        return total

    def learning(self, active: Codes, code: Codes, before: Codes | None) -> Callable[[], Any]:
        """Return the call that sets the weights of an item to its winners."""
        passing = self._passing()
        sent = [None if one is None else passing.span(one) for one in (active, code, before)]
        learn = _device.module().learn_code
        call: Callable[[], Any] = partial(learn, self._inputs, self._context, *self._shape, *sent)
        self._kept = passing  # for as long as the call may come
        return call

    def done(self) -> None:
        """Note that the state was changed."""
        used(self._seen)

    # ---- answers

    def _room(self, n: int) -> tuple[View, View]:
        shape = n, self._shape[0]
        return room(shape, np.int64, self._seen), room(shape, np.float64, self._seen)

    def _parts(self, n: int) -> Iterator[tuple[int, int]]:
        step = max(1, min(_COUNTERS // self._n_code, _STEPS))
        return ((first, min(n, first + step)) for first in range(0, n, step))

    def _finished(self, codes: View, largest: View) -> Found:
        used(self._seen, codes, largest)
        return codes, largest.to_host()

    def find(self, items: Units) -> Found:
        """Return codes of best support of items of which none has a context."""
        codes, largest = self._room(len(items))
        for first, last in self._parts(len(items)):
            passing, some = self._passing(), items.part(first, last)
            numbers = passing.span(some.numbers)
            spans = _part(codes, first, last), _part(largest, first, last)
            _device.module().best_units(self._counted(some, passing), numbers, *self._shape, *spans)
        return self._finished(codes, largest)

    def follow(self, items: Units, begins: NDArray[np.bool_]) -> Found:
        """Return the same for items, each in the context of the code before."""
        codes, largest = self._room(len(items))
        for first, last in self._parts(len(items)):
            passing, some = self._passing(), items.part(first, last)
            given = self._counted(some, passing), passing.span(some.numbers)
            self._follow(given, begins, None, codes, largest, first, last)
        return self._finished(codes, largest)

    def go_on(self, before: View, n: int) -> Found:
        """Return the n codes that the context alone expects after another."""
        codes, largest = self._room(n)
        for first, last in self._parts(n):
            self._follow((None, None), np.zeros(n, np.bool_), before, codes, largest, first, last)
        return self._finished(codes, largest)

    def _follow(
        self,
        given: tuple[Any, Any],
        begins: NDArray[np.bool_],
        before: View | None,
        codes: View,
        largest: View,
        first: int,
        last: int,
    ) -> None:
        last_one = _part(codes, first - 1, first) if first else None if before is None else before.span()
        own = np.ascontiguousarray(begins[first:last])
        spans = _part(codes, first, last), _part(largest, first, last)
        _device.module().follow_codes(*given, self._context, *self._shape, own, last_one, *spans)

    def inputs_of(self, codes: View) -> DeviceArray:
        """Return the inputs that are connected with all winners of each code."""
        n = codes.shape[0]
        made = room((n, self.n_inputs), np.bool_, self._seen)
        for first, last in self._parts(n):
            spans = _part(codes, first, last), _part(made, first, last)
            _device.module().connected_rows(self._inputs, self.n_inputs, *self._shape, *spans)
        used(self._seen, codes)
        return array_of(made)
