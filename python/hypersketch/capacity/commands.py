# SPDX-License-Identifier: Apache-2.0
"""The commands behind ``hypersketch``. Needs the extra ``lab``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import hypersketch
from hypersketch.capacity import tables
from hypersketch.capacity.experiments import EXPERIMENTS, experiment
from hypersketch.capacity.planner import Plan
from hypersketch.capacity.planner import plan as make_plan
from hypersketch.capacity.results import Results
from hypersketch.capacity.runner import run

__all__ = ["capacity", "plan", "top"]

#: Exit codes besides 0 (all verdicts inside) and 1 (an error, said in one sentence).
EXIT_OUTSIDE = 3
EXIT_INTERRUPTED = 130

_STYLES = {"inside": "green", "above": "bold red", "below": "bold red"}

Structures = Annotated[str | None, typer.Option(help="Names, e.g. map-i,bloom. Default: all that can do it.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hypersketch {hypersketch.__version__}")
        raise typer.Exit


def top(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Fixed-size memories: how large they must be, and how often they are wrong."""


def capacity(
    name: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="An experiment, 'paper' (all claims), or 'list'.")
    ],
    structures: Structures = None,
    n: Annotated[str | None, typer.Option(help="Stored items, e.g. 50,200.")] = None,
    dims: Annotated[str | None, typer.Option(help="Dimensions, bits or cells, e.g. 256,1024.")] = None,
    universe: Annotated[str | None, typer.Option(help="Different keys to draw from, e.g. 1e6.")] = None,
    trials: Annotated[str | None, typer.Option(help="Independent repetitions of each cell.")] = None,
    seed: Annotated[str, typer.Option(help="Seed of the whole run.")] = "1",
    jobs: Annotated[str | None, typer.Option(help="Cells measured at once. Default: one a core.")] = None,
    keys: Annotated[
        str | None, typer.Option(help="'synthetic', 'stdlib', or a file (text, .npy, .csv, .parquet).")
    ] = None,
    column: Annotated[str | None, typer.Option(help="Column of a .csv or .parquet file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for results, figures and the report page.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run in --out.")] = False,
) -> None:
    """Measure how often structures are wrong, and set it beside the theory."""
    if name == "list":
        _print_experiments()
        return
    with _sentences(out):
        results = run(
            name,
            structures=_names(structures),
            n=_integers("--n", n),
            dims=_integers("--dims", dims),
            universe=_integer("--universe", universe),
            trials=_integer("--trials", trials),
            seed=_integer("--seed", seed) or 0,
            jobs=_integer("--jobs", jobs) or _cores(),
            keys=keys,
            column=column,
            out=out,
            resume=resume,
            progress=True,
        )
        _print_results(name, results)
    if out is not None:
        print(f"Report: {out / 'index.html'}\nRows: {out / 'results.jsonl'}\nFigures: {out / 'figures'}")
    if not results.all_inside:
        raise typer.Exit(EXIT_OUTSIDE)


def plan(
    task: Annotated[
        str,
        typer.Argument(
            help="membership, intersection, frequency, heavy-hitters, inner-product, pairs, sequence or "
            "cleanup."
        ),
    ],
    n: Annotated[str, typer.Option(help="Items to store, e.g. 1000 or 1e6.")],
    universe: Annotated[str | None, typer.Option(help="Items that will be asked for.")] = None,
    error: Annotated[float | None, typer.Option(help="Wanted error, e.g. 1e-3.")] = None,
    budget_bytes: Annotated[str | None, typer.Option(help="Bytes that the structure may take.")] = None,
    structures: Structures = None,
) -> None:
    """Size every structure for a task, or say what error a budget buys."""
    with _sentences():
        made = make_plan(
            task,
            _integer("--n", n) or 0,
            universe=_integer("--universe", universe),
            error=error,
            budget_bytes=_integer("--budget-bytes", budget_bytes),
            structures=_names(structures),
        )
        _print_plan(made)


@contextmanager
def _sentences(out: Path | None = None) -> Iterator[None]:
    """Errors become one sentence on stderr, Ctrl-C says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        how = f" Finished cells are kept; go on with: --out {out} --resume" if out is not None else ""
        print(f"Interrupted.{how}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        print(f"Could not read or write{where}: {error.strerror or error}.", file=sys.stderr)
        raise typer.Exit(1) from None
    except (ValueError, TypeError, MemoryError, OverflowError) as error:
        print(str(error) or "There is not enough memory for this run.", file=sys.stderr)
        raise typer.Exit(1) from None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _integers(option: str, text: str | None) -> list[int] | None:
    if text is None:
        return None
    return [value for part in text.split(",") if (value := _integer(option, part)) is not None]


def _integer(option: str, text: str | None) -> int | None:
    """An integer as people write them: 1000, 1_000, 1e6."""
    if text is None:
        return None
    try:
        return int(text, 10)
    except ValueError:
        pass
    try:
        number = float(text)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{option} must be an integer such as 1000 or 1e6. Got '{text}' instead.")


def _print_experiments() -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, entry in [*EXPERIMENTS.items(), ("paper", experiment("paper"))]:
        table.add_row(f"[bold]{name}[/]", entry.summary)
    Console().print(table)


def _print_results(name: str, results: Results) -> None:
    chosen = experiment(name)
    table = Table(title=chosen.title, title_justify="left", header_style="bold")
    head, lines = chosen.table(results)
    for column in head:
        table.add_column(
            column, justify="left" if column in chosen.text_columns else "right", overflow="fold"
        )
    for line in lines:
        table.add_row(*line[:-1], f"[{_STYLES.get(line[-1], 'dim')}]{line[-1]}[/]")
    _console().print(table)
    print(tables.headline(results))


def _print_plan(made: Plan) -> None:
    table = Table(title=made.title, title_justify="left", header_style="bold")
    head, *lines = made.table()
    for index, column in enumerate(head):
        table.add_column(column, justify="left" if index < 2 else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    _console().print(table)
    for note in made.notes():
        print(note)


def _console() -> Console:
    """A console that does not squeeze tables into 80 columns when the output is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=160)
