# SPDX-License-Identifier: Apache-2.0
"""A binary matrix of synapses: parameters, files, looks, how pairs set them and how they are counted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch._stored import Tally
from hypersketch.memories import _unit_lists
from hypersketch.memories._changes import (
    Change,
    Seedless,
    United,
    at_once,
    call_at_once,
    count_of,
    require_writable,
)
from hypersketch.memories._unit_answers import Bools, UnitRetrieval
from hypersketch.memories._unit_lists import Units

if TYPE_CHECKING:
    from hypersketch.memories._gpu_rows import GpuForm
    from hypersketch.memories._gpu_synapses import GpuSynapses

Words = NDArray[np.uint64]

DIM = _validation.within(1, 2**24)
_CHUNK = 1 << 22  # words or counters that are worked on at once


class SynapseStore(United, Seedless):
    """One bit a synapse, packed by input unit."""

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "n_in": DIM,
        "n_out": DIM,
        "active_in": DIM,
        "active_out": DIM,
    }
    _UNCOMPARED: ClassVar[frozenset[str]] = frozenset({"active_in", "active_out"})

    @classmethod
    def _checked(cls, **given: object) -> dict[str, Any]:
        parameters = super()._checked(**given)
        for side in ("in", "out"):
            if parameters[f"active_{side}"] > parameters[f"n_{side}"]:
                must = f"at most n_{side} = {parameters[f'n_{side}']}"
                _validation.refuse(cls.__name__, f"active_{side}", must, parameters[f"active_{side}"])
        return parameters

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["n_in"] * _validation.words_for(parameters["n_out"]), np.uint64

    def _fill(self, parameters: dict[str, Any], state: Any, tally: Tally, device: int | None = None) -> None:
        super()._fill(parameters, state, tally, device)
        self._there: GpuSynapses | None = None
        if _memory.on_gpu(self._state):
            from hypersketch.memories._gpu_synapses import GpuSynapses

            self._there = GpuSynapses(self._values, self._state)

    @classmethod
    def _restore(
        cls, parameters: dict[str, Any], counts: Mapping[str, int], state: NDArray[Any]
    ) -> SynapseStore:
        if _validation.has_tail(state.reshape(parameters["n_in"], -1), parameters["n_out"]):
            raise ValueError("its state sets bits beyond n_out.")
        made = super()._restore(parameters, counts, state)
        assert isinstance(made, SynapseStore)
        return made

    @property
    def _rows(self) -> Words:
        rows: Words = self._state.reshape(self._values["n_in"], -1)
        return rows

    # ---- looks

    @property
    def matrix(self) -> Bools:
        """The synapses, shape (n_in, n_out), a copy.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(2, 3)
        >>> memory.store([[1]], [[0, 2]])
        >>> memory.matrix
        array([[False, False, False],
               [ True, False,  True]])
        """
        with self._lock:
            rows = _memory.host(self._state).reshape(self._values["n_in"], -1)
            bits = np.unpackbits(rows.view(np.uint8), axis=1, count=self._values["n_out"], bitorder="little")
        return bits.view(np.bool_)

    @property
    def density(self) -> float:
        """Share p1 of the synapses that are set; most is stored at 1/2.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(10)
        >>> memory.store([[1, 5]])
        >>> memory.density
        0.04
        """
        with self._lock:
            ones = _memory.ones(self._state)
        return float(ones / (self._values["n_in"] * self._values["n_out"]))

    @property
    def _auto(self) -> bool:
        return bool(self._values["n_in"] == self._values["n_out"])

    # ---- changes

    def _given(self, owner: str, name: str, value: Any, side: str) -> tuple[Any, GpuForm | None]:
        """Return checked patterns where the memory is, and the form of those that came from a GPU."""
        n_units, device = self._values[side], self._device_index
        if _device.is_on_gpu(value):
            from hypersketch.memories import _gpu_units

            return _gpu_units.units(owner, name, value, n_units, device)
        given = _unit_lists.units(owner, name, value, n_units)
        if device is None:
            return given, None
        from hypersketch.memories import _gpu_units

        return _gpu_units.sent(given, device), None

    def _take(self, keys: Any, values: Any) -> None:
        """Set the synapses of pairs; after Ctrl-C those that are in are counted."""
        with self._lock:
            require_writable(self)
            if self._there is not None:
                for number, setting in self._there.settings(keys, values):
                    call_at_once(setting, count_of(self, number))
                return
            width = self._rows.shape[1]
            step = max(1, _CHUNK // max(1, width * int(keys.numbers.max(initial=1))))
            for first in range(0, len(keys), step):
                last = min(first + step, len(keys))
                changes = self._set(keys.part(first, last), values.part(first, last))
                at_once(*changes, count_of(self, last - first))

    def _set(self, keys: Units, values: Units) -> list[Change]:
        """Return the OR of the outputs of all patterns that have an input unit with that unit's row."""
        if not keys.indices.size:
            return []
        order = np.argsort(keys.indices, kind="stable")
        units, starts = np.unique(keys.indices[order], return_index=True)
        rows = values.packed(self._values["n_out"])[keys.owners[order]]
        return [(self._rows, units, self._rows[units] | np.bitwise_or.reduceat(rows, starts, axis=0))]

    def _join(self, other: SynapseStore) -> None:
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            require_writable(self)
            function, arguments = _memory.combining(np.bitwise_or, self._state, other._state)
            call_at_once(partial(function, *arguments), count_of(self, other.n_added))

    # ---- answers

    def _read_there(
        self, there: GpuSynapses, asked: Any, form: GpuForm | None, readout: tuple[Any, Any], many: int
    ) -> UnitRetrieval:
        """Return answers from a GPU in arrays of the queries' kind."""
        states, sums, *others = there.read(asked, *readout, many)
        if form is None:
            made = (*map(_memory.host, (states, sums)), *others)
        else:
            made = (*map(form.alike, (states, sums)), *map(form.of_host, others))
        shown, totals, steps, converged = made
        return UnitRetrieval(shown, None, steps, converged, totals)

    def _sums(self, asked: Units, threads: int) -> NDArray[np.int32]:
        n_out = self._values["n_out"]
        step = max(1, _CHUNK // n_out)
        parts = [
            _unit_lists.counts(self._rows, asked.part(i, min(i + step, len(asked))), n_out, threads)
            for i in range(0, len(asked), step)
        ]
        return np.concatenate([np.empty((0, n_out), np.int32), *parts])
