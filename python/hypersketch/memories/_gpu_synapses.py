# SPDX-License-Identifier: Apache-2.0
"""A binary matrix of synapses on a GPU: pairs set its bits there, and patterns are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch._device_array import DeviceArray
from hypersketch._device_search import rows_of, used
from hypersketch.memories import _gpu_units
from hypersketch.memories._gpu_units import GpuUnits
from hypersketch.memories._unit_answers import least_of

_SYNAPSES = 1 << 30  # that are set between two looks at interrupts: a fraction of a second
_SUMS = 1 << 30  # that are made between two

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


class GpuSynapses:
    """The synapses in the words of a state on a GPU."""

    def __init__(self, values: Mapping[str, Any], state: DeviceArray) -> None:
        self._sizes = values["n_in"], values["n_out"]
        self._state = state

    @property
    def device(self) -> int:
        """Index of the GPU."""
        return int(self._state.memory.device)

    def settings(self, keys: GpuUnits, values: GpuUnits) -> Iterator[tuple[int, Callable[[], Any]]]:
        """Yield numbers of pairs, and the calls that set their synapses."""
        most = int((keys.numbers * values.numbers).max(initial=0))
        step = max(1, _SYNAPSES // max(1, most))
        for first in range(0, len(keys), step):
            last = min(first + step, len(keys))
            lists = *keys.spans(first, last), *values.spans(first, last)
            given = self._state.view().span(), *self._sizes, *lists, most
            yield last - first, partial(_device.module().set_synapses, *given)
            self._used(keys, values)

    def _used(self, *lists: GpuUnits) -> None:
        used(self._state.view())
        for one in lists:
            one.used()

    def read(
        self, asked: GpuUnits, level: float | None, k: int | None, many: int
    ) -> tuple[DeviceArray, DeviceArray, Integers, Bools]:
        """Return states and sums there, and steps and which converged in host memory."""
        n, n_out = len(asked), self._sizes[1]
        states, sums = (DeviceArray.empty((n, n_out), dtype, self.device) for dtype in (np.bool_, np.int32))
        steps, converged = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        going, now = np.arange(n), asked
        for _ in range(many):
            numbers, stays = self._answered(now, going, level, k, sums, states)
            steps[going] += 1
            converged[going] = stays
            numbers, going = numbers[~stays], going[~stays]
            if not going.size:
                break
            now = _gpu_units.listed(rows_of("", "", states.view()), n_out, going, numbers)
        return states, sums, steps, converged

    def _answered(
        self,
        asked: GpuUnits,
        rows: Integers,
        level: float | None,
        k: int | None,
        sums: DeviceArray,
        states: DeviceArray,
    ) -> tuple[Integers, Bools]:
        """Fill in some rows of sums and states; return how many units answer, and which answers stay."""
        numbers, stays = np.empty(len(asked), np.int64), np.empty(len(asked), np.bool_)
        step = max(1, _SUMS // self._sizes[1])
        for first in range(0, len(asked), step):
            part = slice(first, min(first + step, len(asked)))
            least = None if level is None else self._sent(least_of(level, asked.numbers[part]))
            found = [DeviceArray.empty(one[part].shape, one.dtype, self.device) for one in (numbers, stays)]
            passing = [self._sent(rows[part]), least, sums.view(), states.view(), *(x.view() for x in found)]
            where, limits, *targets = (None if one is None else one.span() for one in passing)
            lists = asked.spans(part.start, part.stop)
            given = self._state.view().span(), *self._sizes, *lists, where, limits, k or 0
            _device.module().read_synapses(*given, *targets)
            used(*(one for one in passing if one is not None))
            self._used(asked)
            numbers[part], stays[part] = map(np.asarray, found)
        return numbers, stays if self._sizes[0] == self._sizes[1] else np.ones_like(stays)

    def _sent(self, array: Integers) -> Any:
        return DeviceArray.of(array, self.device).view()
