# SPDX-License-Identifier: Apache-2.0
"""Records encoded on a GPU: levels of numbers that lie there are found there, all other values on the CPU.

A record is four bytes a field on its way; tables and roles stay on the GPU. Vectors of values meet those of
roles where they are counted, and only the bundle is written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.vsa import _on_gpu
from hypersketch.vsa.encoders._base import has_table, pieces
from hypersketch.vsa.encoders._columns import columns_of, n_records
from hypersketch.vsa.encoders.level import Scale

_AT_ONCE = 2**26
"""Choices of rows that are on the GPU at once."""


def encoded(encoder: Any, owner: str, values: Any, device: int, threads: int | None) -> Any:
    """Return one vector a record on a GPU."""
    space = encoder.space
    if _device.is_on_gpu(values):
        seen = _device.view(owner, "values", values)
        if len(encoder.encoders) == 1 and isinstance(encoder.encoders[0], Scale):
            return _of_numbers(encoder, owner, seen)
        columns: Any = columns_of(owner, seen.to_host(), encoder.names)
        like = seen
    else:
        columns = columns_of(owner, values, encoder.names)
        like = DeviceArray.empty((0,), np.uint8, device).view()
    made = _result(owner, space, n_records(columns), like)
    for part in pieces(made.seen.shape[0], encoder.n_fields, _AT_ONCE):
        book, chosen = encoder._chosen(columns, part, threads)
        if book.dtype != np.uint64:
            raise TypeError(f"{owner} binds packed vectors of {space}. A field's encoder makes sums.")
        passing = Passing(like.device, like.stream)
        is_fixed = all(map(has_table, encoder.encoders))
        table = _copy(encoder, "book", book, like.device) if is_fixed else DeviceArray.of(book, like.device)
        _bundle(encoder, made, part, table, passing.span(chosen.reshape(-1)), like)
    return made.finished()


def _result(owner: str, space: Any, n: int, like: _device.View) -> _device.Target:
    shape, dtype = ((n, space.width), np.uint64) if space.binary else ((n, space.dim), np.int32)
    return _device.target(owner, None, shape, dtype, like)


def _copy(encoder: Any, name: str, array: NDArray[Any], device: int) -> DeviceArray:
    """Return the copy of a table on a GPU, made when it is first needed."""
    key = name, device
    if key not in encoder._copies:
        encoder._copies[key] = DeviceArray.of(array, device)
    made: DeviceArray = encoder._copies[key]
    return made


def _bundle(
    encoder: Any, made: _device.Target, part: slice, book: DeviceArray, chosen: Any, like: _device.View
) -> None:
    """Write the bundles of some records."""
    width = made.seen.shape[1]
    roles = _copy(encoder, "roles", encoder.roles, like.device)
    bundle_chosen(
        encoder.space,
        part.stop - part.start,
        book,
        chosen,
        roles,
        made[part.start * width : part.stop * width],
        like,
    )


def bundle_chosen(
    space: Any, n: int, book: DeviceArray, chosen: Any, roles: DeviceArray, out: Any, like: _device.View
) -> None:
    """Write the bundles of n records into a span: chosen rows of the book, bound with their fields' roles."""
    fields = roles.shape[0]
    work = _on_gpu.Work(like, space.dim, n * fields, np.arange(n + 1) * fields)
    if space.binary:
        work._set(bits=out, ties=work._ties_span(_on_gpu.ties_on(space, like.device)))
    else:
        _device.module().clear_span(out, 4 * out.n)
        work.into(out, False)
    for one in (book, roles):
        one.mark(like.stream)
    spans = [one.memory.span(one.size, like.stream) for one in (book, roles)]
    _device.module().bundle_chosen(work.plan, spans[0], chosen, spans[1], None)
    for one in (book, roles):
        one.mark(like.stream)


def _of_numbers(encoder: Any, owner: str, seen: _device.View) -> Any:
    """Encode rows of numbers that lie on the GPU, whose levels are found there."""
    if len(seen.shape) == 1:
        seen = seen._replace(shape=(1, seen.size) if seen.size == encoder.n_fields else (seen.size, 1))
    if seen.dtype not in (np.float32, np.float64) or not seen.is_contiguous:
        must = "rows of float32 or float64 that stand one after the other"
        _validation.refuse(owner, "values", must, f"{seen.dtype} with strides {seen.strides}", TypeError)
    if len(seen.shape) != 2 or seen.shape[1] != encoder.n_fields:
        raise ValueError(f"values has the shape {seen.shape} but {owner} needs (n, {encoder.n_fields}).")
    scale = encoder.encoders[0]
    book, made = (
        _copy(encoder, "book", encoder._book, seen.device),
        _result(owner, encoder.space, seen.shape[0], seen),
    )
    item = seen.dtype.itemsize
    for part in pieces(seen.shape[0], encoder.n_fields, _AT_ONCE):
        first, n = part.start * encoder.n_fields, (part.stop - part.start) * encoder.n_fields
        passing = Passing(seen.device, seen.stream)
        span = passing.empty(n, np.uint32)
        values = _device.module().Span(seen.pointer + first * item, n, seen.device, seen.stream)
        _find_levels(owner, scale, values, seen.dtype, span)
        _bundle(encoder, made, part, book, span, seen)
    return made.finished()


def _find_levels(owner: str, scale: Scale, values: Any, dtype: np.dtype[Any], out: Any) -> None:
    function = _device.module().quantize_f32 if dtype == np.float32 else _device.module().quantize_f64
    ends = (float(dtype.type(end)) for end in (scale.low, scale.high))  # as NumPy compares with them
    found = function(
        values, scale.low, (scale.levels - 1) / (scale.high - scale.low), scale.levels, *ends, out
    )
    if found & 1:
        _validation.refuse(owner, "values", "real numbers", "NaN")
    if found & 2 and scale.outside == "raise":  # type: ignore[attr-defined]
        _validation.refuse(owner, "values", f"numbers in [{scale.low:g}, {scale.high:g}]", "others")
