# SPDX-License-Identifier: Apache-2.0
"""Sparse patterns on a GPU as lists of their active units, from arrays there or lists of the host."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _device_search, _validation
from hypersketch._device import Target, View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_search import RowsView, used
from hypersketch.memories import _gpu_rows, _unit_lists
from hypersketch.memories._gpu_rows import GpuForm
from hypersketch.memories._unit_lists import Units

Integers = NDArray[np.int64]


class GpuUnits(NamedTuple):
    """Active units of patterns, as in `Units`, but in any order within a pattern."""

    starts: DeviceArray
    indices: DeviceArray
    numbers: Integers
    """How many units each pattern has."""

    def __len__(self) -> int:
        return len(self.numbers)

    def spans(self, first: int, last: int) -> tuple[Any, Any]:
        """Return starts and indices of some patterns, ready on the chosen stream."""
        starts = Target(self.starts, self.starts.view())
        return starts[first : last + 1], self.indices.view().span()

    def used(self) -> None:
        """Note that the chosen stream read them."""
        used(self.starts.view(), self.indices.view())


def sent(given: Units, device: int) -> GpuUnits:
    """Return lists of the host on a GPU."""
    indices = DeviceArray.of(given.indices.astype(np.uint32), device)
    return GpuUnits(DeviceArray.of(given.starts, device), indices, given.numbers)


def listed(rows: RowsView, n_units: int, which: Integers | None, numbers: Integers) -> GpuUnits:
    """Return the true ones of rows of bools, of which numbers say how many; all rows, or some in an order."""
    seen = rows.seen
    starts = _starts(numbers, seen)
    chosen = None if which is None else _beside(which, seen)
    indices = room((int(numbers.sum()),), np.uint32, seen)
    if indices.size:
        sizes = rows.stride, n_units, None if chosen is None else chosen.span()
        _device.module().list_units(seen.span(), *sizes, starts.span(), indices.span())
    used(seen, starts, *(() if chosen is None else (chosen,)))
    return GpuUnits(_gpu_rows.array_of(starts), _gpu_rows.array_of(indices), numbers)


def units(owner: str, name: str, array: Any, n_units: int, device: int | None) -> tuple[GpuUnits, GpuForm]:
    """Return checked patterns from a GPU: bools with a column a unit, or different units of each row.

    Sentences are those of `_unit_lists.units`.
    """
    seen = _device.view(owner, name, array)
    _device.require_near(owner, name, seen, device)
    form = GpuForm(seen, seen.dtype, False, len(seen.shape) == 1)
    if seen.dtype == np.bool_:
        return _of_bools(owner, name, seen, n_units), form
    if not seen.size and len(seen.shape) in (1, 2):
        n = seen.shape[0] if len(seen.shape) == 2 else 0
        return sent(Units(np.zeros(n + 1, np.int64), np.empty(0, np.int64)), seen.device), form
    if seen.dtype.kind not in "iu" or len(seen.shape) not in (1, 2):
        must = f"different integers in [0, {n_units}), active units, in each row"
        error = TypeError if seen.dtype.kind not in "iu" else ValueError
        _validation.refuse(owner, name, must, f"{seen.dtype} of shape {seen.shape}", error)
    return _of_integers(owner, name, seen, n_units), form


def _of_bools(owner: str, name: str, seen: View, n_units: int) -> GpuUnits:
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != n_units:
        must = f"lists of active units, or bools of shape ({n_units},) or (n, {n_units})"
        _validation.refuse(owner, name, must, f"shape {seen.shape}")
    rows = _device_search.rows_of(owner, name, seen)
    numbers = room((rows.n,), np.int64, seen)
    _device.module().count_units(seen.span(), rows.stride, n_units, None, numbers.span())
    return listed(rows, n_units, None, numbers.to_host())


def _of_integers(owner: str, name: str, seen: View, n_units: int) -> GpuUnits:
    # All units are far below 2**53, and what is beyond is beyond as a double, too.
    rows = _device_reals.converted(owner, name, seen, np.float64)
    n, width = rows.shape
    indices = room((n * width,), np.uint32, seen)
    bad = int(_device.module().checked_units(rows.span(), width, n_units, indices.span()))
    if bad < n:
        given = _device_search.rows_of(owner, name, seen).part(bad, bad + 1).seen.to_host()
        _unit_lists.check_row(owner, name, given.reshape(-1), bad, n_units)
    numbers = np.full(n, width, np.int64)
    return GpuUnits(_gpu_rows.array_of(_starts(numbers, seen)), _gpu_rows.array_of(indices), numbers)


def _starts(numbers: Integers, like: View) -> View:
    return _beside(np.concatenate((np.zeros(1, np.int64), np.cumsum(numbers))), like)


def _beside(array: NDArray[Any], like: View) -> View:
    """Return a copy of an array of the host where another lies, ready on its stream."""
    made = DeviceArray.of(array, like.device)
    made.mark(like.stream)
    return made.view()._replace(stream=like.stream)
