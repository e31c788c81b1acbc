# SPDX-License-Identifier: Apache-2.0
"""Parquet files as pyarrow reads them: what it says of a damaged one becomes a ValueError."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

from hypersketch import _optional

if TYPE_CHECKING:
    from hypersketch.interop._parquet_keys import ColumnType

StrPath = str | PathLike[str]


def column_type_of(owner: str, path: StrPath, column: object) -> ColumnType:
    """Return the type of a file's column."""
    _optional.require(owner, "parquet", "pyarrow")
    from hypersketch.interop._parquet_keys import column_type

    file = opened(path)
    with sound(path):
        return column_type(file.schema, column)


def opened(path: StrPath) -> Any:
    """Return the file as pyarrow reads it."""
    from pyarrow import parquet

    with open(path, "rb"):  # so that a missing file is said to be missing
        pass
    with sound(path):
        return parquet.ParquetFile(path)


@contextlib.contextmanager
def sound(path: StrPath) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into a ValueError; a size that it believes is one as well."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, OverflowError, MemoryError, UnicodeError) as error:
        raise ValueError(f"{path} is not a sound Parquet file: {error}") from error
