# SPDX-License-Identifier: Apache-2.0
"""CSV and TSV: rows are cut out of the bytes of the file, pyarrow reads the values of one column.

What is written is therefore what was read, byte for byte, whatever its quotes and numbers look like. Both
read quotes alike: they open a field where it begins and are characters elsewhere. Where readers of CSV
disagree, at a carriage return that is no part of a line ending, the file is refused.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from hypersketch._optional import first_line
from hypersketch.cli.columns import NullPolicy, chosen_column, column_spans
from hypersketch.cli.pieces import TextPiece
from hypersketch.cli.sources import Reading, Source
from hypersketch.cli.spans import Absent, Block, Bytes, Cut, Flags, blocks, cut_rows

__all__ = ["delimited_pieces"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def delimited_pieces(source: Source, reading: Reading, nulls: NullPolicy) -> Iterator[TextPiece]:
    """The pieces of a file with a header row.

    An unquoted empty field is no value; blank lines are no rows and stay.

    Raises
    ------
    ValueError
        When the file has no header, or no such column, or rows that cannot be told apart.

    Examples
    --------
    >>> from pathlib import Path
    >>> from hypersketch.cli.sources import find_sources
    >>> _ = Path("two.csv").write_text('id,text\\n1,"a, b"\\n2,c\\n')
    >>> reading = Reading("column", "text")
    >>> [source] = find_sources(["two.csv"], reading)
    >>> [piece] = delimited_pieces(source, reading, NullPolicy("error"))
    >>> piece.header, piece.spans.one(0)
    (b'id,text\\n', b'a, b')
    """
    table = None

    def splitter(data: Bytes, at_end: bool) -> Cut:
        try:
            return cut_rows(data, at_end, _DELIMITERS[source.format].encode(), marked=table is None)
        except ValueError as error:
            raise ValueError(f"{source.label} cannot be read: {error}") from error

    with source.opened() as file:
        for block in blocks(file, splitter):
            if table is None:
                table = _Table(block, source, reading, nulls)
            yield table.piece(block)


class _Table:
    """What the first row of a file says about the others."""

    def __init__(self, block: Block, source: Source, reading: Reading, nulls: NullPolicy) -> None:
        if not block.cut.starts.size:
            raise ValueError(f"{source.label} is empty; a table begins with a row of names.")
        self._source = source
        self._delimiter = _DELIMITERS[source.format]
        self._nulls = nulls
        self._header = block.data[: block.cut.stops[0]].tobytes()
        text = io.StringIO(self._header.decode("utf-8-sig", "surrogateescape"), newline="")
        self._names = next(csv.reader(text, delimiter=self._delimiter))
        self._column = chosen_column(self._names, reading, source)
        self._label = f"Column '{self._names[self._column]}' of {source.label}"

    def piece(self, block: Block) -> TextPiece:
        """The rows of a block, without the header."""
        cut, skip = block.cut, int(block.first)
        starts, ends, stops = cut.starts[skip:], cut.ends[skip:], cut.stops[skip:]
        blank: Flags = ends == starts
        values = self._values(block, int(cut.stops[0]) if block.first else 0)
        spans, null = column_spans(values, self._label)
        if null.size != np.count_nonzero(~blank):
            raise ValueError(
                f"The rows of {self._source.label} cannot be told apart: {null.size} rows are in lines that "
                f"look like {np.count_nonzero(~blank)}."
            )
        header = self._header if block.first else b""
        return TextPiece(
            spans,
            block.data.size,
            self._absent(blank, null),
            int(np.count_nonzero(blank)),
            block=block,
            starts=starts,
            stops=stops,
            header=header,
        )

    def _values(self, block: Block, begin: int) -> Any:
        """The values of the column as an Arrow array of bytes."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        name = str(self._column)
        data = block.data[begin:]
        if not data.size:
            return pa.array([], pa.large_binary())
        if data[:3].tobytes() == codecs.BOM_UTF8:
            # Bytes of a value, which pyarrow would skip were they the first; blank lines are no rows.
            data = np.concatenate([np.frombuffer(b"\n", np.uint8), data])
        try:
            table = arrow.read_csv(
                pa.BufferReader(pa.py_buffer(data)),
                arrow.ReadOptions(
                    use_threads=False,
                    block_size=data.size + 1,
                    column_names=[str(i) for i in range(len(self._names))],
                ),
                arrow.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                arrow.ConvertOptions(
                    check_utf8=False,
                    column_types={name: pa.large_binary()},
                    include_columns=[name],
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        except pa.ArrowException as error:
            # pyarrow counts rows from the beginning of the block.
            reason = re.sub(r"Row #\d+: ", "", first_line(error))
            raise ValueError(f"{self._source.label} cannot be read: {reason}") from error
        return table.column(0)

    def _absent(self, blank: Flags, null: Flags) -> Absent | None:
        """Rows without a record: those without a value, and blank lines, which stay."""
        without = self._nulls.absent(null, self._label)
        if not blank.any():
            return without
        rows = blank.copy()
        kept = np.ones(blank.size, np.bool_)
        if without is not None:
            rows[~blank] = without.rows
            kept[np.flatnonzero(~blank)[without.rows]] = without.kept
        return Absent(rows, kept[rows])
