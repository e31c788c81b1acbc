# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch top``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

from typing import Annotated, Any, cast

import typer
from rich.table import Table
from rich.text import Text

from hypersketch.cli.heavy import Heavy, heaviest, new_sketch
from hypersketch.cli.options import Column, Files, Format, Nulls, total_bytes
from hypersketch.cli.progress import byte_bar
from hypersketch.cli.sources import Reading, find_sources, require_known
from hypersketch.cli.terminal import integer, sentences, wide_console

__all__ = ["top"]

_OPTIONS = {"width": "--width", "depth": "--depth", "n_bytes": "--memory", "track": "--k"}


def top(
    files: Files,
    k: Annotated[int, typer.Option("--k", help="How many to print.", min=1, max=100_000)] = 20,
    by: Annotated[str, typer.Option(help="What a record is: line, word, paragraph or column.")] = "line",
    column: Column = None,
    memory: Annotated[str | None, typer.Option(help="Bytes of the sketch, e.g. 4e6. Default: 4 MB.")] = None,
    width: Annotated[
        str | None, typer.Option(help="Counters a row; with --depth instead of --memory.")
    ] = None,
    depth: Annotated[str | None, typer.Option(help="Rows of counters.")] = None,
    format: Format = None,
    nulls: Nulls = "error",
) -> None:
    """Print the most frequent records of files, with estimated counts, in fixed memory.

    The true counts of all rows are within ± of the printed ones, at 95 % confidence; that the largest of many
    estimates are shown is reckoned with.
    """
    with sentences(options=_OPTIONS):
        require_known("--by", by, ("line", "word", "paragraph", "column"))
        reading = Reading(by, column, format, nulls, ("error", "skip"))
        sources = find_sources(files, reading)
        sizes = integer("--width", width), integer("--depth", depth), integer("--memory", memory)
        sketch = new_sketch(k, *sizes)
        with byte_bar("counting", total_bytes(sources)) as advance:
            found = heaviest(sketch, sources, reading, k, advance)
        _print(found, column or by)


def _print(found: Heavy, what: str) -> None:
    table = Table(header_style="bold")
    for name, side in (("rank", "right"), (what, "left"), ("count", "right"), ("±", "right")):
        table.add_column(Text(name), justify=cast(Any, side), overflow="fold")
    for rank, (record, count) in enumerate(found.records, 1):
        table.add_row(str(rank), Text(record), f"{count:,.0f}", f"{found.error:,.0f}")
    wide_console().print(table)
    print(f"{found.n_added:,} records counted. ± holds for all rows at once, with 95 % confidence.")
    if found.n_noise:
        print(
            f"{found.n_noise:,} of the {len(found.records):,} counts are no larger than their ±, so rare "
            "records may be among them. A larger --memory tells more."
        )
