# SPDX-License-Identifier: Apache-2.0
"""What bytes of a key a Parquet column hashes: those of its physical type, plainly encoded."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.keys import hash_keys

_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


@dataclass(frozen=True)
class ColumnType:
    """The type of a Parquet column."""

    column: str
    physical: str
    """``INT32``, ``INT64``, ``FLOAT``, ``DOUBLE``, ``BYTE_ARRAY`` or ``FIXED_LEN_BYTE_ARRAY``."""
    values: Any = field(compare=False)
    """The pyarrow type of the values."""

    def hashes(self, keys: Any, threads: int | None, *, skip_nulls: bool = False) -> NDArray[np.uint64]:
        """Return XXH64 of each key's bytes, as the column's writer computes it."""
        import pyarrow.types as types

        array = self._converted(keys)
        if skip_nulls:
            array = array.drop_null()
        elif array.null_count:
            raise ValueError(f"The 'keys' parameter must have no nulls. Got {array.null_count} of them.")
        if self.physical == "INT32" and types.is_integer(array.type):
            signed = types.is_signed_integer(array.type)
            array = array.cast("int32" if signed else "uint32")
        return hash_keys(array.view(self._bits()) if self._bits() else array, threads=threads)

    def _bits(self) -> Any:
        """Return the type as which values of one width are hashed."""
        import pyarrow

        words = {"INT32": pyarrow.binary(4), "FLOAT": pyarrow.binary(4)}
        return {**words, "INT64": pyarrow.int64(), "DOUBLE": pyarrow.int64()}.get(self.physical)

    def _converted(self, keys: Any) -> Any:
        """Return the keys as a pyarrow array of the column's own type; nothing is rounded or parsed."""
        import pyarrow
        from pyarrow import types

        must = f"The 'keys' parameter must be values of {self.values}, as the column {self.column!r} holds"
        try:
            array = _arrow_array(keys)
            if types.is_dictionary(array.type):
                array = array.dictionary_decode()
            related = any(of(self.values) and of(array.type) for of in _families())
            if not related and len(array) > array.null_count:
                raise TypeError(f"{must}. Got {array.type} instead.")
            return array.cast(self.values)
        except pyarrow.ArrowTypeError as error:
            raise TypeError(f"{must}: {error}") from error
        except (pyarrow.ArrowInvalid, OverflowError) as error:
            raise ValueError(f"{must}: {error}") from error


def _families() -> tuple[Any, ...]:
    """Return tests for types whose values convert into each other."""
    from pyarrow import types

    texts = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")

    def is_text(kind: Any) -> bool:
        return str(kind) in texts or bool(types.is_fixed_size_binary(kind))

    def is_moment(kind: Any) -> bool:
        return bool(types.is_timestamp(kind) or types.is_date64(kind))

    return (types.is_integer, types.is_floating, types.is_date, types.is_time, is_moment, is_text)


def _arrow_array(keys: Any) -> Any:
    """Return one key or a batch of keys as a pyarrow array."""
    import pyarrow

    objects = isinstance(getattr(keys, "dtype", None), np.dtype) and keys.dtype.hasobject
    if hasattr(keys, "__arrow_c_stream__") and not objects:
        return pyarrow.chunked_array(keys).combine_chunks()
    if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
        keys = [keys]
    if isinstance(keys, np.ndarray) and keys.dtype.kind in "SU":
        keys = keys.tolist()  # NumPy ends them at their last character, Arrow at the first NUL
    if hasattr(keys, "__array__") and not objects:
        return pyarrow.array(keys)
    values = list(keys)
    try:
        return _exact_moments(pyarrow.array(values), values)
    except OverflowError:  # beyond int64, which is tried first
        return pyarrow.array(values, pyarrow.uint64())


def _exact_moments(array: Any, values: list[Any]) -> Any:
    """Return the array of the values again where pyarrow's guess of its type cut their ends off."""
    import pyarrow
    from pyarrow import types

    if types.is_date(array.type) and any(isinstance(value, datetime.datetime) for value in values):
        raise pyarrow.ArrowTypeError("dates and datetimes are mixed.")
    if types.is_timestamp(array.type) and any(getattr(value, "nanosecond", 0) for value in values):
        return pyarrow.array(values, pyarrow.timestamp("ns", array.type.tz))  # those of pandas
    return array


def column_type(schema: Any, column: object) -> ColumnType:
    """Return the type of a column, by its name or dotted path.

    Raises
    ------
    TypeError, ValueError
        When the schema has no such column, or one of a type that has no Bloom filters here.
    """
    if not isinstance(column, str):
        _validation.refuse("Parquet files", "column", "a str", column, TypeError)
    known = {schema.column(i).path: schema.column(i) for i in range(len(schema.names))}
    if column not in known:
        must = f"one of the columns {_validation.shown(list(known))}"
        _validation.refuse("Parquet files", "column", must, column)
    found = known[column]
    return ColumnType(column, found.physical_type, _values_of(found))


def _values_of(column: Any) -> Any:
    """Return the pyarrow type of a column's values."""
    import pyarrow

    logical = json.loads(column.logical_type.to_json())
    kind, physical = logical["Type"], column.physical_type
    plain = {
        "INT32": pyarrow.int32(),
        "INT64": pyarrow.int64(),
        "FLOAT": pyarrow.float32(),
        "DOUBLE": pyarrow.float64(),
        "BYTE_ARRAY": pyarrow.large_binary(),
    }
    if physical == "FIXED_LEN_BYTE_ARRAY":
        plain[physical] = pyarrow.binary(column.length)
    if kind == "Decimal" or physical not in plain:
        raise ValueError(
            f"The column {column.path!r} of {physical} ({kind}) has no Bloom filter: integers, floats, "
            "dates, times, strings and bytes have."
        )
    if kind == "Int":
        return getattr(pyarrow, f"{'' if logical['isSigned'] else 'u'}int{logical['bitWidth']}")()
    if kind == "Date":
        return pyarrow.date32()
    if kind == "Time":
        unit = _UNITS[logical["timeUnit"]]
        return pyarrow.time32(unit) if unit == "ms" else pyarrow.time64(unit)
    if kind == "Timestamp":
        return pyarrow.timestamp(_UNITS[logical["timeUnit"]], "UTC" if logical["isAdjustedToUTC"] else None)
    return plain[physical]
