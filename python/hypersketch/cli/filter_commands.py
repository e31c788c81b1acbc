# SPDX-License-Identifier: Apache-2.0
"""The commands ``hypersketch filter build``, ``query``, ``info`` and ``merge``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

import warnings
from typing import Annotated, Any

import typer

from hypersketch import CapacityWarning, ScalableBloomFilter
from hypersketch.cli.filters import build as build_filter
from hypersketch.cli.filters import load_filter, matching
from hypersketch.cli.interruptions import Changes
from hypersketch.cli.options import (
    FILTER_OPTIONS,
    By,
    Capacity,
    Column,
    Files,
    Format,
    Layout,
    Nulls,
    bytes_text,
    total_bytes,
    warn_of_rate,
)
from hypersketch.cli.outputs import opened_output
from hypersketch.cli.progress import byte_bar
from hypersketch.cli.sources import Reading, find_sources, require_known
from hypersketch.cli.terminal import facts, integer, sentences

__all__ = ["application"]

Filter = Annotated[str, typer.Argument(metavar="FILTER", help="A filter that 'filter build' or save() made.")]


def application() -> typer.Typer:
    """The group of commands.

    Returns
    -------
    typer.Typer
    """
    app = typer.Typer(no_args_is_help=True, help="Bloom filters of files: build, query, info, merge.")
    for command in (build, query, info, merge):
        app.command(command.__name__)(command)
    return app


def build(
    files: Files,
    out: Annotated[str, typer.Option(help="The filter, e.g. seen.safetensors.")],
    by: By = "line",
    column: Column = None,
    fpr: Annotated[float, typer.Option(help="False-positive rate.")] = 1e-3,
    capacity: Capacity = None,
    layout: Layout = None,
    format: Format = None,
    nulls: Nulls = "error",
) -> None:
    """Make a filter of the records of files."""
    with sentences(Changes(out), FILTER_OPTIONS):
        require_known("--by", by, ("line", "column"))
        reading = Reading(by, column, format, nulls, ("error", "skip"))
        sources = find_sources(files, reading)
        with byte_bar("building", total_bytes(sources)) as advance:
            most = integer("--capacity", capacity)
            made = build_filter(sources, reading, fpr=fpr, capacity=most, layout=layout, advance=advance)
        made.save(out)
        _describe(out, made)
        warn_of_rate(made.expected_fpr(), fpr)


def query(
    filter: Filter,
    files: Files,
    by: By = "line",
    column: Column = None,
    invert: Annotated[bool, typer.Option("--invert", help="The records that the filter has not.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
    out: Annotated[
        str | None, typer.Option(help="File, or folder for one file each (end with /). Default: print.")
    ] = None,
    format: Format = None,
) -> None:
    """Print the records of files that a filter has; some that it has not are among them, at its rate.

    A row without a value is in no filter.
    """
    with sentences(Changes(out, files)):
        require_known("--by", by, ("line", "column"))
        reading = Reading(by, column, format, nulls="keep")
        made = load_filter(filter)
        sources = find_sources(files, reading)
        with byte_bar("querying", total_bytes(sources)) as advance:
            if count:
                found = matching(made, sources, reading, None, invert=invert, advance=advance)
            else:
                with opened_output(out, sources) as output:
                    matching(made, sources, reading, output, invert=invert, advance=advance)
        if count:
            print(found)


def info(filter: Filter) -> None:
    """Tell what a filter is, how full, and how often it errs."""
    with sentences():
        _describe(filter, load_filter(filter))


def merge(
    filters: Annotated[list[str], typer.Argument(metavar="FILTERS", help="Filters of the same parameters.")],
    out: Annotated[str, typer.Option(help="The filter that has everything that one of them has.")],
) -> None:
    """Merge filters that were built alike (on several machines, or day by day)."""
    with sentences(Changes(out)):
        merged, *others = (load_filter(path) for path in filters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CapacityWarning)  # said below, in the words of commands
            for other in others:
                merged.merge(other)
        merged.save(out)
        _describe(out, merged)
        if not isinstance(merged, ScalableBloomFilter) and merged.capacity is not None:
            rate = merged.expected_fpr(round(merged.cardinality()))
            wanted = merged.expected_fpr(merged.capacity)
            warn_of_rate(rate, wanted, "Build the filters with a larger --capacity.")


def _describe(path: str, made: Any) -> None:
    parameters = [(name, f"{value}") for name, value in made._parameters().items() if value is not None]
    n, sd = made.cardinality(), made.cardinality_sd()
    facts(
        f"{path}: {type(made).__name__}",
        [
            *parameters,
            ("size", bytes_text(made.nbytes)),
            ("fill", f"{made.fill:.2%}"),
            ("keys added", f"{made.n_added:,}"),
            ("different keys, estimated", f"{n:,.0f} ± {sd:,.0f}"),
            ("expected false-positive rate", f"{made.expected_fpr(round(n)):.3g}"),
        ],
    )
