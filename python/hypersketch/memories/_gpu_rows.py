# SPDX-License-Identifier: Apache-2.0
"""Vectors of -1 and +1, packed or not, and of real numbers in arrays on a GPU; and answers of their kind."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _device_search, _validation
from hypersketch._device import View
from hypersketch._device_array import DeviceArray, room
from hypersketch._device_search import RowsView, used


def array_of(seen: View) -> DeviceArray:
    """Return memory of ours as the array that it is, for whatever stream comes next."""
    used(seen)
    owner = seen.owner
    assert isinstance(owner, DeviceArray)
    return owner


class GpuForm(NamedTuple):
    """How rows on a GPU came: of whose array, packed or in a dtype, many or a single one."""

    like: View
    dtype: np.dtype[Any]
    is_packed: bool
    single: bool

    def formed(self, words: DeviceArray, dim: int) -> Any:
        """Return packed rows in this form; unsigned entries as int8."""
        signed = np.dtype(np.int8) if self.dtype.kind == "u" and not self.is_packed else self.dtype
        n, n_words = words.shape
        shape = (n, n_words if self.is_packed else dim)
        made = _device.target("retrieve", None, shape[1:] if self.single else shape, signed, self.like)
        given = words.view()._replace(stream=self.like.stream)
        if self.is_packed:
            _device.module().copy_span(made.whole(), given.span(), words.nbytes)
        else:
            _device.module().unpack_entries(given.span(), dim, signed.name, made.whole())
        used(given)
        return made.finished()

    def alike(self, array: DeviceArray) -> Any:
        """Return an array of ours as one of this kind."""
        if self.like.library is None:
            return array
        made = _device.target("retrieve", None, array.shape, array.dtype, self.like)
        given = array.view()._replace(stream=self.like.stream)
        _device.module().copy_span(made.whole(), given.span(), array.nbytes)
        used(given)
        return made.finished()

    def of_host(self, array: NDArray[Any]) -> Any:
        """Return an array of the host as one of this kind."""
        return _device_search.of_host(array, self.like).finished()


def packed(owner: str, name: str, array: Any, dim: int, device: int | None) -> tuple[DeviceArray, GpuForm]:
    """Return checked rows on a GPU as words of ours, shape (n, n_words), and the form in which they came."""
    seen, n_words = _device.view(owner, name, array), _validation.words_for(dim)
    _device.require_near(owner, name, seen, device)
    width = seen.shape[-1] if seen.shape else 0
    # PyTorch has no arithmetic of uint64, so words also come as int64; of a single unit they are entries.
    is_packed = seen.dtype == np.uint64 or (seen.dtype == np.int64 and width == n_words != dim)
    form = GpuForm(seen, seen.dtype, is_packed, len(seen.shape) == 1)
    if is_packed:
        rows = _device_search.packed(owner, name, array, dim)
        return _copied_words(owner, name, rows, dim), form
    if seen.dtype.kind not in "biuf" or not seen.dtype.isnative:
        must = "an array of -1 and +1, or packed vectors of 64-bit words"
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    rows = _rows(owner, name, seen, dim)
    made = room((rows.n, n_words), np.uint64, seen)
    shape = rows.n, dim, rows.stride
    bad = _device.module().pack_entries(seen.span(), seen.dtype.name, *shape, made.span()) if rows.n else -1
    if bad >= 0:
        _refuse_entry(owner, name, rows, *divmod(bad, dim))
    used(seen)
    return array_of(made), form


def _rows(owner: str, name: str, seen: View, dim: int) -> RowsView:
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != dim:
        raise ValueError(
            f"{name} has the shape {seen.shape} but {owner} needs ({dim},) or (n, {dim}): one column a unit."
        )
    return _device_search.rows_of(owner, name, seen)


def _copied_words(owner: str, name: str, rows: RowsView, dim: int) -> DeviceArray:
    seen = rows.seen
    made = room(seen.shape, np.uint64, seen)
    n_bytes = 8 * seen.size
    if rows.stride == seen.shape[1] or rows.n < 2:
        _device.module().copy_span(made.span(), seen.span(), n_bytes)
    else:
        places = _device_search.of_host(np.arange(rows.n), seen)
        gathered = _device_search.taken(rows, places)
        _device.module().copy_span(made.span(), gathered.whole(), n_bytes)
    if rows.n and _device.module().any_beyond(made.span(), dim):
        raise ValueError(f"{name} sets bits beyond dimension {dim}, which must be zero in packed vectors.")
    used(seen)
    return array_of(made)


def _element(rows: RowsView, row: int, column: int) -> Any:
    size = rows.seen.dtype.itemsize
    pointer = rows.seen.pointer + (row * rows.stride + column) * size
    return rows.seen._replace(pointer=pointer, shape=(1,), strides=(size,)).to_host().item()


def _refuse_entry(owner: str, name: str, rows: RowsView, row: int, unit: int) -> NoReturn:
    raise ValueError(
        f"The {name!r} parameter of {owner} must hold only -1 and +1. Got {_element(rows, row, unit)!r} in "
        f"row {row} at unit {unit} instead."
    )


def reals(
    owner: str, name: str, array: Any, dim: int, dtype: Any, device: int | None
) -> tuple[View, GpuForm]:
    """Return finite real vectors as a dtype, one a row, in memory of ours, and how they came."""
    seen = _device.view_of_any(owner, name, array)
    _device.require_near(owner, name, seen, device)
    must = f"real vectors of {dim} dimensions, shape ({dim},) or (n, {dim})"
    _device_reals.require_reals(owner, name, seen, must)
    if len(seen.shape) not in (1, 2) or seen.shape[-1] != dim:
        _validation.refuse(owner, name, must, f"shape {seen.shape}")
    made = _device_reals.converted(owner, name, seen, dtype)
    return made, GpuForm(seen, seen.dtype, False, len(seen.shape) == 1)
