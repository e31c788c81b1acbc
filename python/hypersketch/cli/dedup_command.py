# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch dedup``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

from typing import Annotated

import typer

from hypersketch.cli.dedup import Summary, deduplicate, peak_memory
from hypersketch.cli.interruptions import Changes
from hypersketch.cli.options import (
    FILTER_OPTIONS,
    Capacity,
    Column,
    Files,
    Format,
    Layout,
    bytes_text,
    total_bytes,
    warn_of_rate,
)
from hypersketch.cli.outputs import opened_output
from hypersketch.cli.progress import byte_bar
from hypersketch.cli.sources import STREAM, Reading, find_sources, require_known
from hypersketch.cli.terminal import facts, integer, sentences

__all__ = ["dedup"]


def dedup(
    files: Files,
    by: Annotated[str, typer.Option(help="What a record is: line, paragraph or column.")] = "line",
    column: Column = None,
    fpr: Annotated[
        float | None, typer.Option(help="Rate of the filter. Default: 1e-6 for --one-pass, else 1e-3.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="File, or folder for one file each (end with /); '-' is standard output."),
    ] = None,
    one_pass: Annotated[
        bool, typer.Option("--one-pass", help="Read once; a false positive of the filter loses a record.")
    ] = False,
    capacity: Capacity = None,
    layout: Layout = None,
    format: Format = None,
    nulls: Annotated[
        str,
        typer.Option(help="Rows without a value: error, keep (all), or equal (duplicates of each other)."),
    ] = "error",
) -> None:
    """Remove exact duplicates of lines, paragraphs or rows; the first of each stays, in order.

    A Bloom filter flags records that came before; a second pass compares their bytes, so nothing unique is
    lost.
    """
    with sentences(Changes(out, files), FILTER_OPTIONS):
        require_known("--by", by, ("line", "paragraph", "column"))
        reading = Reading(by, column, format, nulls)
        sources = find_sources(files, reading)
        if out is None and STREAM not in files:
            raise ValueError("--out must name a file or a folder; '--out -' is standard output.")
        piped = out is None or out == STREAM
        total = total_bytes(sources, 1 if one_pass else 2)
        with opened_output(out, sources) as output, byte_bar("deduplicating", total) as advance:
            summary = deduplicate(
                sources,
                reading,
                output,
                fpr=fpr,
                capacity=integer("--capacity", capacity),
                layout=layout,
                one_pass=one_pass,
                advance=advance,
            )
        _print(summary, by, one_pass, piped)


def _print(summary: Summary, by: str, one_pass: bool, piped: bool) -> None:
    what = "rows" if by == "column" else f"{by}s"
    rows = [(f"{what} seen", f"{summary.seen:,}"), (f"{what} dropped", f"{summary.dropped:,}")]
    if one_pass:
        rows.append(("expected false drops", f"{summary.expected_false_drops:.3g}"))
    else:
        rows += [
            ("false drops", "0 (every duplicate was compared)"),
            ("false drops averted by the second pass", f"{summary.averted:,}"),
            ("table of the second pass", bytes_text(summary.table_bytes)),
        ]
    rows += [
        ("filter", bytes_text(summary.filter_bytes)),
        ("peak memory of the process", bytes_text(peak_memory())),
        ("speed", f"{summary.speed / 1e6:,.0f} MB/s over {'one pass' if one_pass else 'two passes'}"),
    ]
    facts("Deduplicated", rows, stderr=piped)
    warn_of_rate(summary.fpr, summary.wanted_fpr)
