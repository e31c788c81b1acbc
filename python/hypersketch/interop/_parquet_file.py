# SPDX-License-Identifier: Apache-2.0
"""Where Bloom filters stand in a Parquet file, without its data: footer, filter headers, bitsets.

Format: github.com/apache/parquet-format, README.md, BloomFilter.md and parquet.thrift, from which the numbers
of the fields below are.
"""

from __future__ import annotations

import os
import shutil
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch.interop._thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    Struct,
    of_integer,
    of_list,
    to_binary,
    to_integer,
    to_list,
)

_MAGIC = b"PAR1"
_ROW_GROUPS = 4  # of FileMetaData
_COLUMNS = 1  # of RowGroup
_FILE_PATH, _META_DATA = 1, 3  # of ColumnChunk
_PATH, _OFFSET, _LENGTH = 3, 14, 15  # of ColumnMetaData
_N_BYTES, _UNIONS = 1, {2: "algorithm", 3: "hash", 4: "compression"}  # of BloomFilterHeader

_BLOCK_BYTES = 32
_MAX_HEADER = 1024
"""Ours have 15 bytes."""


class Place(NamedTuple):
    """Where a filter stands in a file."""

    offset: int
    length: int | None
    """Size of header and bitset; older writers do not tell."""


class Footer:
    """The metadata of a Parquet file, of which only the places of Bloom filters are understood."""

    def __init__(self, data: bytes) -> None:
        self._file = Struct.whole(data)
        row_groups = to_list(self._file.require(_ROW_GROUPS, LIST), STRUCT)
        self._groups = [Struct.whole(group) for group in row_groups]
        self._chunks = [self._columns_of(group) for group in self._groups]

    @staticmethod
    def _columns_of(group: Struct) -> list[Struct]:
        return [Struct.whole(chunk) for chunk in to_list(group.require(_COLUMNS, LIST), STRUCT)]

    @property
    def n_row_groups(self) -> int:
        return len(self._groups)

    def _find(self, group: int, column: str) -> tuple[Struct, Struct]:
        """Return a column's chunk in a row group and its metadata."""
        for chunk in self._chunks[group]:
            value = chunk.get(_META_DATA, STRUCT)
            if value is None or chunk.get(_FILE_PATH, BINARY) is not None:
                continue  # encrypted, or in another file
            meta = Struct.whole(value)
            path = b".".join(to_binary(part) for part in to_list(meta.require(_PATH, LIST), BINARY))
            if path == column.encode():
                return chunk, meta
        raise ValueError(f"row group {group} has no readable column {column!r}.")

    def place(self, group: int, column: str) -> Place | None:
        """Return where the filter of a column in a row group stands, if there is one."""
        meta = self._find(group, column)[1]
        offset, length = meta.get(_OFFSET, I64), meta.get(_LENGTH, I32)
        if offset is None:
            return None
        return Place(to_integer(offset), None if length is None else to_integer(length))

    def put(self, group: int, column: str, offset: int, length: int) -> None:
        """Note where the filter of a column in a row group stands."""
        chunk, meta = self._find(group, column)
        meta.put(_OFFSET, I64, of_integer(offset))
        meta.put(_LENGTH, I32, of_integer(length))
        chunk.put(_META_DATA, STRUCT, meta.encoded())

    def encoded(self) -> bytes:
        """Return the footer as a Parquet file ends with it, its length and the last letters included."""
        for group, chunks in zip(self._groups, self._chunks, strict=True):
            group.put(_COLUMNS, LIST, of_list([chunk.encoded() for chunk in chunks], STRUCT))
        self._file.put(_ROW_GROUPS, LIST, of_list([group.encoded() for group in self._groups], STRUCT))
        data = self._file.encoded()
        return data + len(data).to_bytes(4, "little") + _MAGIC


def read_footer(file: BinaryIO) -> tuple[Footer, int]:
    """Return the footer of a file and where it begins."""
    size = os.fstat(file.fileno()).st_size
    if size < 12 or _read(file, 0, 4) != _MAGIC or _read(file, size - 4, 4) != _MAGIC:
        raise ValueError("it is not a Parquet file, or its footer is encrypted.")
    length = int.from_bytes(_read(file, size - 8, 4), "little")
    first = size - 8 - length
    if first < 4:
        raise ValueError(f"its footer would have {length} of {size} bytes.")
    return Footer(_read(file, first, length)), first


def read_bitset(file: BinaryIO, place: Place, end: int) -> bytes:
    """Return the bitset of a filter, which must lie before the end of the data.

    Raises
    ------
    ValueError
        When it does not, or when it is no split-block filter of XXH64 hashes, uncompressed.
    """
    if not 4 <= place.offset < end:
        raise ValueError(f"its Bloom filter lies at byte {place.offset}, outside the data.")
    header, size = Struct.read(_read(file, place.offset, min(_MAX_HEADER, end - place.offset)))
    n_bytes = to_integer(header.require(_N_BYTES, I32))
    for field, name in _UNIONS.items():
        chosen, kind = Struct.whole(header.require(field, STRUCT)).only()
        if (chosen, kind) != (1, STRUCT):  # the first choice is the only one there is today
            raise ValueError(f"its Bloom filter has the unknown {name} {chosen}.")
    room = end - place.offset if place.length is None else min(place.length, end - place.offset)
    if n_bytes < _BLOCK_BYTES or n_bytes % _BLOCK_BYTES or size + n_bytes > room:
        raise ValueError(f"its Bloom filter would have {n_bytes} bytes where there are {room - size}.")
    return _read(file, place.offset + size, n_bytes)


def bitset_header(n_bytes: int) -> bytes:
    """Return what stands before a bitset."""
    empty, header = Struct(), Struct()
    union = Struct()
    union.put(1, STRUCT, empty.encoded())
    header.put(_N_BYTES, I32, of_integer(n_bytes))
    for field in _UNIONS:
        header.put(field, STRUCT, union.encoded())
    return header.encoded()


def write_bitset(out: BinaryIO, words: NDArray[np.uint64]) -> int:
    """Write a filter and return how many bytes it takes."""
    bitset = words.astype("<u8", copy=False)
    return out.write(bitset_header(bitset.nbytes)) + out.write(bitset.data)


def copy_data(file: BinaryIO, out: BinaryIO, end: int) -> None:
    """Copy the file up to the end of its data."""
    file.seek(0)
    shutil.copyfileobj(file, out, 1 << 22)
    out.truncate(end)
    out.seek(end)


def _read(file: BinaryIO, first: int, n: int) -> bytes:
    file.seek(first)
    data = file.read(n)
    if len(data) != n:
        raise ValueError("it ends too early.")
    return data
