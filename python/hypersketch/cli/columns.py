# SPDX-License-Identifier: Apache-2.0
"""A column of a table as records: the bytes of its values, and the rows that have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hypersketch.cli.sources import Reading, Source
from hypersketch.cli.spans import Absent, Flags, Spans

__all__ = ["TEXT", "NullPolicy", "chosen_column", "column_kind", "column_spans"]


_BYTES = (
    "string",
    "large_string",
    "string_view",
    "binary",
    "large_binary",
    "binary_view",
    "fixed_size_binary",
)
"""Arrow's types of bytes."""

_WAYS = {
    "keep": "all stay",
    "equal": "they are duplicates of each other",
    "skip": "they are left out",
}

TEXT = "text or bytes"
"""The kind of values that are bytes themselves; those of CSV are."""


def chosen_column(names: Sequence[str], reading: Reading, source: Source) -> int:
    """Where the wanted column stands.

    Raises
    ------
    ValueError
        When there is none of that name, or several, or none was named and there are several.

    Examples
    --------
    >>> chosen_column(["id", "text"], Reading("column", "text"), Source("a.csv", "csv", 10))
    1
    """
    if reading.column is None and len(names) == 1:
        return 0
    n = list(names).count(reading.column or "")
    if n == 1:
        return list(names).index(reading.column or "")
    if reading.column is None:
        asked = "A column must be named (--column)"
    else:
        asked = f"There {'are several columns' if n else 'is no column'} '{reading.column}'"
    raise ValueError(f"{asked} in {source.label}. Its columns are: {', '.join(names)}.")


class NullPolicy:
    """What becomes of rows without a value, over all files of a pass.

    Examples
    --------
    >>> NullPolicy("equal").absent(np.array([True, False, True]), "column 'a' of 'b.csv'").kept
    array([ True, False])
    """

    def __init__(self, nulls: str, ways: Sequence[str] = tuple(_WAYS)) -> None:
        self._nulls = nulls
        self._ways = ways
        self._seen = False

    def absent(self, rows: Flags, label: str) -> Absent | None:
        """Which of these rows stay; None when all have a value.

        Raises
        ------
        ValueError
            When there may be none.
        """
        n = int(np.count_nonzero(rows))
        if n == 0:
            return None
        if self._nulls == "error":
            ways = " or ".join(f"--nulls {way} ({_WAYS[way]})" for way in self._ways if way != "error")
            raise ValueError(f"{label} has rows without a value. Say what becomes of them: {ways}.")
        kept: Flags = np.full(n, self._nulls != "equal")
        kept[0] |= not self._seen
        self._seen = True
        return Absent(rows, kept)


def column_kind(kind: Any) -> str | None:
    """What the values of an Arrow type are, as far as they can be compared by their bytes.

    Columns of one kind hold the same record where they hold the same value; of columns of different kinds
    nobody knows (an integer 1000, a thousand milliseconds and eight bytes of text may be the same bytes).

    Parameters
    ----------
    kind : pyarrow.DataType

    Returns
    -------
    str or None
        None for values that are no keys.

    Examples
    --------
    >>> import pyarrow as pa
    >>> column_kind(pa.int8()), column_kind(pa.uint8()), column_kind(pa.timestamp("ms", "Asia/Tokyo"))
    ('signed integers', 'unsigned integers', 'moments in ms')
    >>> column_kind(pa.dictionary(pa.int8(), pa.string())), column_kind(pa.float32())
    ('text or bytes', None)
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return column_kind(kind.value_type)
    if types.is_integer(kind):
        return f"{'signed' if types.is_signed_integer(kind) else 'unsigned'} integers"
    if types.is_timestamp(kind):
        return f"{'moments' if kind.tz else 'local times'} in {kind.unit}"
    if types.is_date(kind):
        return f"dates in {'days' if types.is_date32(kind) else 'ms'}"
    if types.is_time(kind) or types.is_duration(kind):
        return f"{'durations' if types.is_duration(kind) else 'times of day'} in {kind.unit}"
    return TEXT if any(getattr(types, f"is_{name}")(kind) for name in _BYTES) else None


def column_spans(column: Any, label: str) -> tuple[Spans, Flags]:
    """The values of an Arrow column as records.

    An integer is its eight little-endian bytes and a string its UTF-8 bytes, as in `hypersketch.hash_keys`;
    dates and times are the integers they are stored as.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
    label : str
        How messages name it.

    Returns
    -------
    Spans
        Of the rows that have a value.
    ndarray of bool, shape (rows,)
        Which rows have none.

    Raises
    ------
    TypeError
        For floats, booleans and nested values, which are no keys.

    Examples
    --------
    >>> import pyarrow as pa
    >>> spans, absent = column_spans(pa.array(["a", None, "bc"]), "an example")
    >>> spans.starts, spans.ends, absent
    (array([0, 1]), array([1, 3]), array([False,  True, False]))
    """
    import pyarrow as pa

    array = _plain(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column, label)
    absent: Flags = np.asarray(array.is_null())
    present = array.drop_null()
    return (_integers(present) if pa.types.is_integer(array.type) else _strings(present)), absent


def _plain(array: Any, label: str) -> Any:
    """The same values as integers or large_binary."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = column_kind(array.type)
    if kind is None:
        raise TypeError(
            f"{label} must hold integers, strings, bytes or times. It holds {array.type} instead."
        )
    if kind == TEXT:
        return array.cast(pa.large_binary())
    if types.is_integer(array.type):
        return array
    return array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())


def _integers(array: Any) -> Spans:
    values = array.to_numpy(zero_copy_only=False)
    wide = values.astype(np.uint64 if values.dtype.kind == "u" else np.int64)
    starts = np.arange(0, 8 * wide.size, 8, dtype=np.int64)
    return Spans(wide.astype(wide.dtype.newbyteorder("<")).view(np.uint8), starts, starts + 8, wide)


def _strings(array: Any) -> Spans:
    if len(array) == 0:
        return Spans(np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    values = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    return Spans(values, bounds[:-1].copy(), bounds[1:].copy())
