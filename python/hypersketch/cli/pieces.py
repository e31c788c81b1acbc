# SPDX-License-Identifier: Apache-2.0
"""Pieces of a file, one after the other: their records, and what is written when some are left out.

Text and CSV are written as the very bytes that were read, Parquet as the rows of a row group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypersketch import _core
from hypersketch._optional import require
from hypersketch.cli.columns import TEXT, NullPolicy
from hypersketch.cli.sources import Reading, Source
from hypersketch.cli.spans import Absent, Block, Flags, Offsets, Spans, blocks

__all__ = ["Piece", "Reader", "TextPiece", "require_one_kind"]


@dataclass(frozen=True)
class Piece:
    """A piece of a file.

    Attributes
    ----------
    spans : Spans
        The records (of a table, the values of the column).
    n_bytes : int
        Bytes of the file it stands for.
    absent : Absent or None
        None: every row holds a record.
    n_blank : int
        Rows that are blank lines between others.
    """

    spans: Spans
    n_bytes: int
    absent: Absent | None = None
    n_blank: int = 0

    def rows(self, keep: Flags, absent: bool | None = None) -> Flags:
        """Which rows stay, from which records stay; ``absent`` decides for all rows without a record.

        Examples
        --------
        >>> spans = Spans(np.frombuffer(b"ab", np.uint8), np.arange(2), np.arange(1, 3))
        >>> absent = Absent(np.array([False, True, False]), np.array([True]))
        >>> Piece(spans, 2, absent).rows(np.array([True, False]))
        array([ True,  True, False])
        """
        if self.absent is None:
            return keep
        rows = np.empty(self.absent.rows.size, np.bool_)
        rows[~self.absent.rows] = keep
        rows[self.absent.rows] = self.absent.kept if absent is None else absent
        return rows


@dataclass(frozen=True)
class TextPiece(Piece):
    """A piece of text: row i is ``block.data[starts[i]:stops[i]]``. The next piece reuses its memory."""

    block: Block = field(kw_only=True)
    starts: Offsets = field(kw_only=True)
    stops: Offsets = field(kw_only=True)

    header: bytes = b""
    """Row of names, in the first piece of CSV."""

    @property
    def lead(self) -> memoryview:
        """What stands before the first row of a file and always stays: blank lines."""
        begin = len(self.header)
        first = int(self.starts[0]) if self.starts.size else self.block.data.size
        return (self.block.data[begin:first] if self.block.first else self.block.data[:0]).data

    def written(self, rows: Flags) -> memoryview:
        """The bytes of the rows that stay. Uses the block's own memory, so records are gone afterwards."""
        data = self.block.data
        n = _core.pack_spans(data, self.starts, self.stops, rows, data)
        return data[:n].data


def require_one_kind(sources: Sequence[Source], reading: Reading) -> None:
    """Refuse tables whose columns cannot be compared: their records are told apart by bytes alone.

    Parameters
    ----------
    sources : sequence of Source
    reading : Reading
        What a record is.

    Raises
    ------
    ValueError
        When the columns hold values of different kinds or units.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from pyarrow.parquet import write_table
    >>> from hypersketch.cli.sources import find_sources
    >>> write_table(pa.table({"id": pa.array([1], pa.int8())}), "a.parquet")
    >>> write_table(pa.table({"id": pa.array([1], pa.int64())}), "b.parquet")
    >>> reading = Reading("column", "id")
    >>> require_one_kind(find_sources(["a.parquet", "b.parquet"], reading), reading)
    """
    if reading.by != "column" or all(source.format != "parquet" for source in sources):
        return
    require("A column of a file", "cli", "pyarrow")
    from hypersketch.cli.parquet import parquet_kind

    first: tuple[str, str] | None = None
    for source in sources:
        kind = parquet_kind(source, reading) if source.format == "parquet" else TEXT
        if kind is None:
            continue  # reading it will say so
        first = first or (kind, source.label)
        if kind != first[0]:
            raise ValueError(
                f"The column holds {first[0]} in {first[1]} and {kind} in {source.label}, which cannot be "
                "compared. Convert one of them first."
            )


class Reader:
    """One pass over the files.

    Parameters
    ----------
    reading : Reading
        What a record is.
    columns_only : bool, default False
        Whether the pieces will only be looked at: of Parquet nothing but the column is read then.

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("few.txt").write_text("one\\ntwo\\n")
    >>> [source] = find_sources(["few.txt"], Reading())
    >>> [bytes(piece.written(np.array([False, True]))) for piece in Reader(Reading()).pieces(source)]
    [b'two\\n']
    """

    def __init__(self, reading: Reading, *, columns_only: bool = False) -> None:
        self._reading = reading
        self._columns_only = columns_only
        self._nulls = NullPolicy(reading.nulls, reading.ways)

    def pieces(self, source: Source) -> Iterator[Any]:
        """The pieces of a file.

        Yields
        ------
        TextPiece or TablePiece
            Valid until the next one is asked for.

        Raises
        ------
        OSError
            When the file cannot be read.
        ValueError, TypeError
            When it is not of its format, or has no such column, or one that holds no keys.
        """
        if source.format == "text":
            return _text(source, self._reading)
        require("A column of a file", "cli", "pyarrow")
        if source.format == "parquet":
            from hypersketch.cli.parquet import table_pieces

            return table_pieces(source, self._reading, self._nulls, self._columns_only)
        from hypersketch.cli.delimited import delimited_pieces

        return delimited_pieces(source, self._reading, self._nulls)


def _text(source: Source, reading: Reading) -> Iterator[TextPiece]:
    with source.opened() as file:
        for block in blocks(file, reading.splitter):
            cut = block.cut
            yield TextPiece(block.spans, block.data.size, block=block, starts=cut.starts, stops=cut.stops)
