# SPDX-License-Identifier: Apache-2.0
"""Batches of keys out of whatever streams: iterators, Arrow streams, tables, dataframes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from hypersketch import _core, _device, _validation


def each(owner: str, batches: Any, column: str | None) -> Iterator[Any]:
    """Yield one batch of keys after the other, picked from the column where there are several."""
    if column is not None and not isinstance(column, str):
        _validation.refuse(owner, "column", "a str", column, TypeError)
    if _is_arrow(batches) or isinstance(batches, np.ndarray) or _device.is_on_gpu(batches):
        yield from _of_batch(owner, batches, column)
        return
    if isinstance(batches, Mapping):
        _refuse_mapping(owner, batches)
    if isinstance(batches, str | bytes | bytearray | memoryview) or not isinstance(batches, Iterable):
        _validation.refuse(owner, "batches", "an iterable of batches of keys", type(batches), TypeError)
    for batch in batches:
        yield from _of_batch(owner, batch, column)


def _is_arrow(batch: Any) -> bool:
    return hasattr(batch, "__arrow_c_stream__") or hasattr(batch, "__arrow_c_array__")


def _of_batch(owner: str, batch: Any, column: str | None) -> Iterator[Any]:
    """Yield the keys of one batch, chunk by chunk where it is an Arrow stream."""
    if _is_arrow(batch):
        try:
            reader = _reader(batch)
        except ImportError:  # pandas offers the door but needs pyarrow to open it
            pass
        else:
            reader.choose(_index_of(owner, reader.columns, column))
            yield from reader
            return
    if column is None and isinstance(batch, Mapping):
        _refuse_mapping(owner, batch)
    yield batch if column is None else batch[column]


def _refuse_mapping(owner: str, given: object) -> NoReturn:
    """Refuse what would otherwise be taken for a batch of its names."""
    must = "batches of keys, or with a column named batches that have it, not a mapping"
    _validation.refuse(owner, "batches", must, given, TypeError)


def chunks(column: Any) -> list[_core.ArrowColumn]:
    """Return the chunks of an Arrow column, which stay in memory as long as they are kept."""
    reader = _reader(column)
    if reader.columns is None:
        reader.choose(None)
    return list(reader)


def _reader(batch: Any) -> _core.ArrowReader:
    if hasattr(batch, "__arrow_c_stream__"):
        return _core.ArrowReader(batch.__arrow_c_stream__())
    return _core.ArrowReader(*batch.__arrow_c_array__())


def _index_of(owner: str, columns: list[str] | None, column: str | None) -> int | None:
    """Return which column holds the keys; None where there is but a column without a table."""
    if columns is None:
        if column is not None:
            _validation.refuse(owner, "column", "None for batches of a single column", column)
        return None
    if column is None and len(columns) == 1:
        return 0
    if column not in columns:
        known = f"one of the columns {_validation.shown(columns)}"
        _validation.refuse(owner, "column", known, column)
    return columns.index(column)
