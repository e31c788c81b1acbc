# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers as hypervectors on a GPU: the maps of `_encoders`, with their bits.

Sums over features are those of the CPU's fused kernels (AVX2 and AVX-512), signs and sums of records those of
all. Tables of an encoder stay on the GPU for as long as it lives here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_reals, _validation
from hypersketch._device import Target, View
from hypersketch._device_array import DeviceArray, Passing
from hypersketch._device_search import used
from hypersketch.learn._compressed import Compressed
from hypersketch.learn._encoders import DensityRecord, Foreign, LevelRecord, MatrixEncoder, Record, RowEncoder
from hypersketch.learn._sparse import Chosen
from hypersketch.learn._training import Indices
from hypersketch.vsa.encoders._base import pieces
from hypersketch.vsa.encoders._records_on_gpu import bundle_chosen

_AT_ONCE = 1 << 26
"""Numbers that are made at once where they are not kept."""


class _Table(NamedTuple):
    """What an encoder computes with, on a GPU."""

    dims: Indices | None
    """Of which dimensions, or None for all."""
    array: DeviceArray


_TABLES: weakref.WeakKeyDictionary[RowEncoder, dict[tuple[str, int, bool], _Table]] = (
    weakref.WeakKeyDictionary()
)


# ---- in


def rows_of(owner: str, X: Any, n_features: int) -> View:
    """Return checked rows that lie on a GPU."""
    seen = _device.view_of_any(owner, "X", X)
    must = "rows of real numbers that stand one after the other, where it lies on a GPU"
    _device_reals.require_reals(owner, "X", seen, must)
    if not seen.is_contiguous:
        _validation.refuse(owner, "X", must, f"strides of {seen.strides}", TypeError)
    if len(seen.shape) != 2 or seen.shape[1] != n_features or seen.shape[0] < 1:
        raise ValueError(f"X has the shape {seen.shape} but {owner} needs (n >= 1, {n_features}).")
    if seen.dtype != np.float32:
        return _device_reals.converted(owner, "X", seen, np.float32)
    if not _device.module().all_finite_float32(seen.span()):
        _validation.refuse(owner, "X", "finite numbers", "NaN or infinity")
    return seen


def placed(rows: NDArray[np.float32], device: int) -> View:
    """Return the view of a copy of rows on a GPU."""
    return DeviceArray.of(rows, device).view()


def part_of(seen: View, part: slice) -> View:
    """Return some rows."""
    step = seen.dtype.itemsize * seen.shape[1]
    shape = (part.stop - part.start, seen.shape[1])
    return seen._replace(pointer=seen.pointer + part.start * step, shape=shape)


def on_stream(array: DeviceArray, stream: int) -> Any:
    """Return the span of an array of ours, ready on a stream, which it notes as its last user."""
    array.mark(stream)
    return array.memory.span(array.size, stream)


# ---- tables


def forget(encoder: RowEncoder) -> None:
    """Drop the copies of an encoder's tables: some of its entries were redrawn."""
    _TABLES.pop(encoder, None)


def _table(encoder: RowEncoder, name: str, device: int, make: Callable[[], NDArray[Any]]) -> DeviceArray:
    """Return a table of an encoder; one of chosen dimensions is kept until others are chosen."""
    chosen = isinstance(encoder, Chosen)
    inner, dims = (encoder.inner, encoder.dims) if isinstance(encoder, Chosen) else (encoder, None)
    tables, key = _TABLES.setdefault(inner, {}), (name, device, chosen)
    kept = tables.get(key)
    if kept is None or (dims is not None and not np.array_equal(kept.dims, dims)):  # type: ignore[arg-type]
        kept = tables[key] = _Table(dims, DeviceArray.of(make(), device))
    return kept.array


# ---- vectors


def floats(encoder: RowEncoder, rows: View) -> Target:
    """Return the vectors of rows on a GPU, float32, in their kind."""
    made = _device.target("floats", None, (rows.shape[0], encoder.dim), np.float32, rows)
    for part in _parts(encoder, rows):
        write_floats(encoder, part_of(rows, part), _lines(made, part))
    return made


def signs(encoder: RowEncoder, rows: View) -> Target:
    """Return the signs of the vectors, -1 and 1 of int8."""
    made = _device.target("signs", None, (rows.shape[0], encoder.dim), np.int8, rows)
    for part in _parts(encoder, rows):
        passing, out = Passing(rows.device, rows.stream), _lines(made, part)
        some = part_of(rows, part)
        if isinstance(encoder, LevelRecord):
            words = passing.empty(some.shape[0] * encoder.space.width, np.uint64)
            write_packed(encoder, some, words)
            _device.module().unpack_entries(words, encoder.dim, "int8", out)
        else:
            values = passing.empty(some.shape[0] * encoder.dim, np.float32)
            write_floats(encoder, some, values)
            _device.module().sign_entries_i8(values, out)
    return made


def packed(encoder: RowEncoder, rows: View) -> Target:
    """Return the signs of the vectors, one bit an entry."""
    shape = rows.shape[0], _validation.words_for(encoder.dim)
    made = _device.target("packed", None, shape, np.uint64, rows)
    for part in _parts(encoder, rows):
        write_packed(encoder, part_of(rows, part), _lines(made, part))
    return made


def _lines(made: Target, part: slice) -> Any:
    width = made.seen.shape[1]
    return made[part.start * width : part.stop * width]


def _parts(encoder: RowEncoder, rows: View) -> Any:
    inner = getattr(encoder, "inner", encoder)
    return pieces(rows.shape[0], max(encoder.dim, inner.dim, encoder.n_features), _AT_ONCE)


def write_floats(encoder: RowEncoder, rows: View, out: Any) -> None:
    """Write the vectors of rows into a span."""
    n, module, passing = rows.shape[0], _device.module(), Passing(rows.device, rows.stream)
    if isinstance(encoder, MatrixEncoder):
        _expand(encoder, encoder, slice(None), rows, out)
    elif isinstance(encoder, Chosen) and isinstance(encoder.inner, MatrixEncoder):
        _expand(encoder, encoder.inner, encoder.dims, rows, out)
    elif isinstance(encoder, Chosen):
        whole = passing.empty(n * encoder.inner.dim, np.float32)
        write_floats(encoder.inner, rows, whole)
        dims = encoder.dims.astype(np.int64)
        columns = _table(encoder, "dims", rows.device, lambda: dims)
        module.take_columns(whole, encoder.inner.dim, on_stream(columns, rows.stream), out)
        columns.mark(rows.stream)
    elif isinstance(encoder, LevelRecord):
        words = passing.empty(n * encoder.space.width, np.uint64)
        write_packed(encoder, rows, words)
        module.unpack_entries(words, encoder.dim, "float32", out)
    elif isinstance(encoder, DensityRecord):
        sums = passing.empty(n * encoder.dim, np.int32)
        _bundle(encoder, rows, sums, passing)
        module.clip_sums(sums, encoder.clip or 0, out)
    elif isinstance(encoder, Compressed):
        whole = passing.empty(n * encoder.inner.dim, np.float32)
        write_floats(encoder.inner, rows, whole)
        keys = on_stream(_table(encoder, "keys", rows.device, lambda: encoder.keys), rows.stream)
        module.fold_rows(whole, encoder.inner.dim, keys, encoder.dim, out)
    else:  # of somebody else, on the CPU
        out.from_host(_bytes(encoder.floats(rows.to_host())))


def write_signs(encoder: RowEncoder, rows: View, out: Any) -> None:
    """Write the signs of the vectors, -1 and 1, into a span of float32."""
    write_floats(encoder, rows, out)
    if not isinstance(encoder, LevelRecord):
        _device.module().sign_entries_f32(out, out)


def write_packed(encoder: RowEncoder, rows: View, out: Any) -> None:
    """Write the signs of the vectors, one bit an entry, into a span."""
    passing = Passing(rows.device, rows.stream)
    if isinstance(encoder, LevelRecord):
        _bundle(encoder, rows, out, passing)
    elif isinstance(encoder, Foreign):
        out.from_host(_bytes(encoder.packed(rows.to_host())))
    else:
        values = passing.empty(rows.shape[0] * encoder.dim, np.float32)
        write_floats(encoder, rows, values)
        _device.module().pack_rows(values, encoder.dim, out)


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _expand(owner: RowEncoder, encoder: MatrixEncoder, dims: Any, rows: View, out: Any) -> None:
    """Multiply rows with some columns of an encoder's matrix."""
    matrix = _table(owner, "matrix", rows.device, lambda: encoder.matrix[:, dims])
    tables, phases = [matrix], encoder.phases
    if phases is not None:
        tables.append(_table(owner, "phases", rows.device, lambda: phases[:, dims]))
    spans = [on_stream(table, rows.stream) for table in tables]
    _device.module().expand_rows(rows.span(), spans[0], spans[1] if spans[1:] else None, owner.dim, out)
    used(rows)
    for table in tables:
        table.mark(rows.stream)


def _bundle(encoder: Record, rows: View, out: Any, passing: Passing) -> None:
    """Write the bundles of records, whose levels are found on the GPU."""
    device, span = (
        rows.device,
        np.where(encoder.high > encoder.low, encoder.high - encoder.low, np.float32(1)),
    )
    low = on_stream(_table(encoder, "low", device, lambda: encoder.low), rows.stream)
    spans = on_stream(_table(encoder, "span", device, lambda: span.astype(np.float32)), rows.stream)
    chosen = passing.empty(rows.size, np.uint32)
    _device.module().feature_levels(rows.span(), low, spans, encoder.n_levels, chosen)
    levels = _table(encoder, "levels", device, lambda: encoder.levels)
    features = _table(encoder, "features", device, lambda: encoder.features)
    bundle_chosen(encoder.space, rows.shape[0], levels, chosen, features, out, rows)
    used(rows)
