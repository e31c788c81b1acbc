# SPDX-License-Identifier: Apache-2.0
"""Rows of keys of any kind, flattened: the hashes of all keys, their values, and where each row starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.keys import hash_keys


class KeyedRows(NamedTuple):
    """The entries of all rows, one row after the other."""

    hashes: NDArray[np.uint64]
    values: NDArray[np.float64]
    starts: NDArray[np.int64]


def keyed_rows(owner: str, X: Any, input_type: str) -> KeyedRows:
    """Flatten rows of tokens ("string"), of pairs of a key and a value ("pair"), or mappings ("dict")."""
    if input_type == "string" and (hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__")):
        column = _list_column(owner, X)
        if column is not None:
            return column
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        _validation.refuse(owner, "X", "an iterable of rows", X, TypeError)
    rows = [_sized(owner, row, input_type) for row in X]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)), out=starts[1:])
    if not rows:
        raise ValueError(f"The 'X' parameter of {owner} must have at least one row. Got none.")
    if input_type == "string":
        return KeyedRows(hash_keys(list(chain.from_iterable(rows))), np.ones(starts[-1]), starts)
    if input_type == "dict":
        keys, values = list(chain.from_iterable(rows)), list(chain.from_iterable(r.values() for r in rows))
    else:
        keys, values = [pair[0] for row in rows for pair in row], [pair[1] for row in rows for pair in row]
    return KeyedRows(*_numbers(owner, keys, values), starts)


def _sized(owner: str, row: Any, input_type: str) -> Any:
    """Return a row whose length is known."""
    good = isinstance(row, Mapping) if input_type == "dict" else isinstance(row, Iterable)
    if not good or isinstance(row, str | bytes):
        kind = {"dict": "mappings", "pair": "iterables of (key, value)", "string": "iterables of keys"}
        _validation.refuse(owner, "X", f"rows that are {kind[input_type]}", row, TypeError)
    return row if hasattr(row, "__len__") else list(row)


def _numbers(
    owner: str, keys: list[Any], values: list[Any]
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Return hashes and values; a value that is a string is a key "key=value" of value 1."""
    for i, value in enumerate(values):
        if isinstance(value, str):
            keys[i], values[i] = f"{keys[i]}={value}", 1.0
    must = "rows whose values are finite real numbers or strings"
    try:
        numbers = np.array(values, np.float64)
    except (TypeError, ValueError):
        wrong = next((value for value in values if not isinstance(value, Real)), values)
        _validation.refuse(owner, "X", must, wrong, TypeError)
    if not np.isfinite(numbers).all():
        _validation.refuse(owner, "X", must, values[int(np.argmin(np.isfinite(numbers)))])
    return hash_keys(keys), numbers


def _list_column(owner: str, X: Any) -> KeyedRows | None:
    """Flatten an Arrow column of lists without a Python object a token; None where pyarrow is missing."""
    try:
        import pyarrow
    except ImportError:
        return None
    column = (
        pyarrow.chunked_array(X)
        if hasattr(X, "__arrow_c_stream__")
        else pyarrow.chunked_array([pyarrow.array(X)])
    )
    if not (pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type)):
        _validation.refuse(owner, "X", "a column of lists of keys", str(column.type), TypeError)
    if column.null_count:
        raise ValueError(f"The 'X' parameter of {owner} must have no nulls. Got {column.null_count} of them.")
    parts = column.chunks
    hashes = [hash_keys(part.flatten()) for part in parts]
    sizes = [np.diff(part.offsets.to_numpy()) for part in parts]
    starts = np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum(dtype=np.int64)
    if starts.size == 1:
        raise ValueError(f"The 'X' parameter of {owner} must have at least one row. Got none.")
    return KeyedRows(np.concatenate(hashes), np.ones(starts[-1]), starts)
