# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers as hypervectors on a GPU: the maps of `_encoders`, with their bits.

Sums over features are those of the CPU's fused kernels (AVX2 and AVX-512), signs and sums of records those of
all. Tables of an encoder stay on the GPU for as long as it lives here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device import Target, View
from hypersketch._device_array import DeviceArray
from hypersketch.learn._compressed import Compressed
from hypersketch.learn._encoders import DensityRecord, Foreign, LevelRecord, MatrixEncoder, Record, RowEncoder
from hypersketch.learn._sparse import Chosen
from hypersketch.vsa._on_gpu import Passing
from hypersketch.vsa.encoders._base import pieces
from hypersketch.vsa.encoders._records_on_gpu import bundle_chosen

_AT_ONCE = 1 << 26
"""Numbers that are made at once where they are not kept."""
_TABLES: weakref.WeakKeyDictionary[RowEncoder, dict[tuple[str, int], DeviceArray]] = (
    weakref.WeakKeyDictionary()
)


# ---- in


def rows_of(owner: str, X: Any, n_features: int) -> View:
    """Return checked rows that lie on a GPU."""
    seen = _device.view(owner, "X", X)
    if seen.dtype != np.float32 or not seen.is_contiguous:
        must = "rows of float32 that stand one after the other, where it lies on a GPU"
        _validation.refuse(owner, "X", must, f"{seen.dtype} with strides {seen.strides}", TypeError)
    if len(seen.shape) != 2 or seen.shape[1] != n_features or seen.shape[0] < 1:
        raise ValueError(f"X has the shape {seen.shape} but {owner} needs (n >= 1, {n_features}).")
    if not _device.module().all_finite(seen.span()):
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
    tables = _TABLES.setdefault(encoder, {})
    if (name, device) not in tables:
        tables[name, device] = DeviceArray.of(make(), device)
    return tables[name, device]


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
            _device.module().unpack_rows_i8(words, encoder.dim, out)
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
        columns = on_stream(_table(encoder, "dims", rows.device, lambda: dims), rows.stream)
        module.take_columns(whole, encoder.inner.dim, columns, out)
    elif isinstance(encoder, LevelRecord):
        words = passing.empty(n * encoder.space.width, np.uint64)
        write_packed(encoder, rows, words)
        module.unpack_rows_f32(words, encoder.dim, out)
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
    spans = [on_stream(matrix, rows.stream), None]
    if encoder.phases is not None:
        phases = encoder.phases
        spans[1] = on_stream(_table(owner, "phases", rows.device, lambda: phases[:, dims]), rows.stream)
    _device.module().expand_rows(rows.span(), *spans, owner.dim, out)
    for name in ("matrix", "phases")[: 1 + (spans[1] is not None)]:
        _TABLES[owner][name, rows.device].mark(rows.stream)


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
