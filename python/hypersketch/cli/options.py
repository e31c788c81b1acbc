# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands share, and numbers as these commands print them."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from hypersketch.cli.sources import Source

__all__ = [
    "FILTER_OPTIONS",
    "By",
    "Capacity",
    "Column",
    "Files",
    "Format",
    "Layout",
    "Nulls",
    "bytes_text",
    "total_bytes",
    "warn_of_rate",
]

Files = Annotated[
    list[str], typer.Argument(metavar="FILES", help="Files, one stream; '-' is standard input.")
]
By = Annotated[str, typer.Option(help="What a record is: line or column.")]
Capacity = Annotated[str | None, typer.Option(help="Different records, e.g. 1e6. Default: estimated.")]
Column = Annotated[str | None, typer.Option(help="Column of a CSV or Parquet file.")]
Format = Annotated[str | None, typer.Option(help="text, csv, tsv or parquet. Default: by the file's name.")]
Layout = Annotated[
    str | None,
    typer.Option(
        help="Of the filter: split-block, cache-line, classic. Default: the smaller of the first two."
    ),
]
Nulls = Annotated[str, typer.Option(help="Rows without a value: error, or skip (leave them out).")]

FILTER_OPTIONS = {name: f"--{name}" for name in ("capacity", "fpr", "layout")}
"""Parameters of filters that are options of commands."""


def warn_of_rate(fpr: float, wanted: float, advice: str = "Give a larger --capacity.") -> None:
    """Say on standard error when a filter was made for fewer records than came.

    Examples
    --------
    >>> warn_of_rate(0.01, 0.01)
    """
    if fpr > 1.05 * wanted:
        print(
            "There were more different records than the filter was made for: its false-positive rate is "
            f"{fpr:.2g} instead of {wanted:.2g}. {advice}",
            file=sys.stderr,
        )


def total_bytes(sources: Sequence[Source], passes: int = 1) -> int | None:
    """Bytes that will be read; None where a source is a stream.

    Examples
    --------
    >>> total_bytes([Source("a.txt", "text", 10), Source("b.txt", "text", 5)], passes=2)
    30
    """
    if any(source.size is None for source in sources):
        return None
    return passes * sum(source.size or 0 for source in sources)


def bytes_text(n: float) -> str:
    """A number of bytes for people.

    Examples
    --------
    >>> bytes_text(999), bytes_text(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if n < 1000:
        return f"{n:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        n /= 1000
        if n < 999.5:
            return f"{n:.3g} {unit}"
    return f"{n / 1000:.3g} TB"
