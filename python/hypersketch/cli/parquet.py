# SPDX-License-Identifier: Apache-2.0
"""Parquet: a row group is a piece. Written files keep schema, metadata, row groups and compression."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from hypersketch._optional import first_line
from hypersketch.cli.columns import NullPolicy, chosen_column, column_kind, column_spans
from hypersketch.cli.pieces import Piece
from hypersketch.cli.sources import Reading, Source
from hypersketch.cli.spans import Flags, Spans

__all__ = ["TablePiece", "new_parquet", "opened_parquet", "parquet_kind", "table_pieces"]


@dataclass(frozen=True)
class TablePiece(Piece):
    """A row group: all columns, or the one that was asked for."""

    table: Any = field(kw_only=True)
    origin: Any = field(kw_only=True)
    """Metadata of the file it comes from."""

    def kept(self, rows: Flags) -> Any:
        """The rows that stay, as a pyarrow.Table."""
        import pyarrow as pa

        if rows.all():
            return self.table
        schema, plain = self.table.schema, _without_views(self.table.schema)
        if plain == schema:
            return self.table.filter(pa.array(rows))
        return self.table.cast(plain).filter(pa.array(rows)).cast(schema)


def _without_views(schema: Any) -> Any:
    """The same columns of types that pyarrow can filter."""
    import pyarrow as pa

    other = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return pa.schema(
        [field.with_type(other.get(field.type, field.type)) for field in schema], schema.metadata
    )


@contextmanager
def opened_parquet(source: Source) -> Iterator[Any]:
    """A pyarrow.parquet.ParquetFile.

    Raises
    ------
    ValueError
        When the file is not Parquet, or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with source.opened() as raw, parquet.ParquetFile(raw) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, such as a missing file; pyarrow's own have no number
        raise ValueError(f"{source.label} cannot be read as Parquet: {first_line(error)}") from error


def parquet_kind(source: Source, reading: Reading) -> str | None:
    """What the values of a file's column are, by `column_kind`."""
    with opened_parquet(source) as file:
        schema = file.schema_arrow
        return column_kind(schema.field(chosen_column(schema.names, reading, source)).type)


def table_pieces(
    source: Source, reading: Reading, nulls: NullPolicy, columns_only: bool
) -> Iterator[TablePiece]:
    """The row groups of a file; one piece without rows where there is none."""
    with opened_parquet(source) as file:
        names = file.schema_arrow.names
        name = names[chosen_column(names, reading, source)]
        columns = [name] if columns_only else None
        size = source.size or 0
        if file.metadata.num_row_groups == 0:
            none = np.empty(0, np.int64)
            yield TablePiece(
                Spans(np.empty(0, np.uint8), none, none),
                size,
                table=file.schema_arrow.empty_table(),
                origin=file,
            )
        for index in range(file.metadata.num_row_groups):
            table = file.read_row_group(index, columns=columns, use_threads=True)
            label = f"Column '{name}' of {source.label}"
            spans, null = column_spans(table.column(name), label)
            share = size * table.num_rows // max(1, file.metadata.num_rows)
            yield TablePiece(spans, share, nulls.absent(null, label), table=table, origin=file)


def new_parquet(sink: BinaryIO, origin: Any) -> Any:
    """A pyarrow.parquet.ParquetWriter like the file that the rows come from."""
    from pyarrow import parquet

    return parquet.ParquetWriter(sink, origin.schema_arrow, compression=_compression(origin.metadata))


def _compression(metadata: Any) -> Any:
    if metadata.num_row_groups == 0:
        return "snappy"
    group = metadata.row_group(0)
    columns = (group.column(i) for i in range(metadata.num_columns))
    return {column.path_in_schema: column.compression.replace("UNCOMPRESSED", "NONE") for column in columns}
