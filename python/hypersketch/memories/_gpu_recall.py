# SPDX-License-Identifier: Apache-2.0
"""Packed patterns on a GPU, and states that fall to them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hypersketch import _device, _validation
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import used
from hypersketch.memories._float_rules import ThinFields
from hypersketch.memories._recall_tables import RecallColumns

if TYPE_CHECKING:
    from hypersketch.memories._pattern_memory import Run

_EXACT = 2.0**53


def joined(rows: DeviceArray, more: DeviceArray) -> DeviceArray:
    """Return patterns and others behind them."""
    n, n_words = len(rows), rows.shape[1]
    made = DeviceArray.empty((n + len(more), n_words), np.uint64, rows.memory.device)
    target, first, second = made.view(), rows.view(), more.view()
    _device.module().copy_span(target.span(), first.span(), rows.nbytes)
    behind = target._replace(pointer=target.pointer + rows.nbytes, shape=more.shape)
    _device.module().copy_span(behind.span(), second.span(), more.nbytes)
    used(target, first, second)
    return made


class GpuTable:
    """The columns of a table on a GPU, for so many patterns."""

    def __init__(self, columns: RecallColumns, n_units: int, n_patterns: int, device: int) -> None:
        heaviest = float(np.abs(columns.weights).max())
        largest = heaviest + float(np.abs(columns.offsets).max())
        plain = columns.exact and not columns.weight_exponents.any()
        order_free = plain and n_patterns * largest < _EXACT
        whole = columns.whole_weights if order_free else None
        is_plain = not columns.energy_exponents.any()
        top = float(np.abs(columns.energies).max())
        given = (*columns[:6], whole, None if whole is None else columns.whole_offsets)
        self._arrays = [None if one is None else DeviceArray.of(one, device) for one in given]
        self.numbers = _device.module().RecallNumbers(
            n_units,
            *(None if one is None else one.view().span() for one in self._arrays),
            0 if whole is None else int(heaviest).bit_length() + 1,
            columns.exact,
            order_free,
            is_plain and n_patterns * top < _EXACT,
        )

    def ready(self, stream: int) -> None:
        """Make a stream wait for the columns."""
        for one in self._arrays:
            if one is not None:
                one.mark(stream)


def by_units(rows: DeviceArray, n_units: int) -> DeviceArray:
    """Return patterns turned round: one row of bits a unit."""
    shape = n_units, _validation.words_for(len(rows))
    made = DeviceArray.empty(shape, np.uint64, rows.memory.device)
    target, given = made.view(), rows.view()
    _device.module().turn_bits(given.span(), n_units, target.span())
    used(target, given)
    return made


class GpuFields:
    """Thin matrices of a rule with floats on a GPU, one row a unit; or the matrix of weights itself."""

    def __init__(self, fields: ThinFields, formed: bool, device: int) -> None:
        self.tie = fields.tie
        diagonal = np.zeros_like(fields.diagonal) if formed else fields.diagonal
        u = fields.matrix() if formed else fields.u.T
        self._u, self._diagonal = (DeviceArray.of(one, device) for one in (u, diagonal))
        self._v = None if formed else DeviceArray.of(fields.v.T, device)

    def follow(self, run: Run, n_units: int) -> None:
        """Let the states of a run follow the fields, in place."""
        parts = [self._u, self._diagonal, *(() if self._v is None else (self._v,))]

        def call(states: Any, how: tuple[Any, ...], answers: list[Any]) -> None:
            u, diagonal, *v = (one.view()._replace(stream=states.stream).span() for one in parts)
            given = u, v[0] if v else None, diagonal, n_units, self.tie
            _device.module().follow_fields(*given, states.span(), *how, *answers)

        _answered(run, parts, call)


def recall(rows: DeviceArray, units: DeviceArray, table: GpuTable, n_units: int, run: Run) -> None:
    """Let the states of a run follow the energy of packed patterns, in place."""

    def call(states: Any, how: tuple[Any, ...], answers: list[Any]) -> None:
        table.ready(states.stream)
        given = (one.view()._replace(stream=states.stream).span() for one in (rows, units))
        _device.module().recall(table.numbers, *given, n_units, states.span(), *how, *answers)

    _answered(run, [rows, units], call)


def _answered(run: Run, parts: list[DeviceArray], call: Callable[..., None]) -> None:
    """Make a call for the states of a run; what is found out about each goes to the host."""
    if not len(run.words):
        return
    states = run.words.view()
    answers = {
        name: DeviceArray.empty(getattr(run, name).shape, getattr(run, name).dtype, states.device)
        for name in ("values", "exponents", "sweeps", "converged", "cycles")
    }
    views = [one.view()._replace(stream=states.stream) for one in answers.values()]
    how = run.synchronous, run.seed, run.order, run.budget
    call(states, how, [one.span() for one in views])
    used(states, *views, *(one.view()._replace(stream=states.stream) for one in parts))
    for name, found in answers.items():
        getattr(run, name)[...] = np.asarray(found)
