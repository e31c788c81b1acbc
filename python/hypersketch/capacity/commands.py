# SPDX-License-Identifier: Apache-2.0
"""The commands ``hypersketch capacity`` and ``hypersketch plan``. Needs the extra ``lab``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hypersketch.capacity import tables
from hypersketch.capacity.budget import plan_bits
from hypersketch.capacity.experiments import EXPERIMENTS, experiment
from hypersketch.capacity.planner import Plan
from hypersketch.capacity.planner import plan as make_plan
from hypersketch.capacity.results import Results
from hypersketch.capacity.runner import run
from hypersketch.cli.terminal import integer, sentences, wide_console

__all__ = ["capacity", "plan"]

#: Exit code when a verdict is outside; the others are those of every command.
EXIT_OUTSIDE = 3

# Candidates when nobody says how many.
_CODEBOOK = 1000

_STYLES = {"inside": "green", "above": "bold red", "below": "bold red"}

Structures = Annotated[str | None, typer.Option(help="Names, e.g. map-i,bloom. Default: all that can do it.")]


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
    device: Annotated[
        str, typer.Option(help="'cpu', or 'cuda' ('cuda:1', ...) for structures that have GPU kernels.")
    ] = "cpu",
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
    with sentences(_how_to_go_on(out), {"device": "--device"}), _gpu_sentences(device):
        results = run(
            name,
            structures=_names(structures),
            n=_integers("--n", n),
            dims=_integers("--dims", dims),
            universe=integer("--universe", universe),
            trials=integer("--trials", trials),
            seed=integer("--seed", seed) or 0,
            jobs=integer("--jobs", jobs) or _cores(),
            device=device,
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
            help="membership, intersection, frequency, heavy-hitters, inner-product, pairs, sequence, "
            "cleanup, recall: which associative memory, or bits: how to split bytes between dimensions and "
            "bits a dimension."
        ),
    ],
    n: Annotated[str, typer.Option(help="Items to store, e.g. 1000 or 1e6.")],
    universe: Annotated[str | None, typer.Option(help="Items that will be asked for.")] = None,
    error: Annotated[float | None, typer.Option(help="Wanted error, e.g. 1e-3.")] = None,
    budget_bytes: Annotated[str | None, typer.Option(help="Bytes that the structure may take.")] = None,
    structures: Structures = None,
    stored_codewords: Annotated[str, typer.Option(help="bits: codewords that are stored too.")] = "0",
    bundles: Annotated[str, typer.Option(help="bits: bundles that are stored.")] = "1",
    max_dim: Annotated[str | None, typer.Option(help="bits: most dimensions.")] = None,
    dim: Annotated[str | None, typer.Option(help="recall: bits of a pattern.")] = None,
    noise: Annotated[float, typer.Option(help="recall: share of a cue's bits that are turned.")] = 0.0,
) -> None:
    """Size every structure for a task, or say what error a budget buys."""
    with sentences():
        if task == "bits":
            _print_plan(
                plan_bits(
                    integer("--n", n) or 0,
                    integer("--universe", universe) or _CODEBOOK,
                    integer("--budget-bytes", budget_bytes) or 0,
                    stored_codewords=integer("--stored-codewords", stored_codewords) or 0,
                    bundles=integer("--bundles", bundles) or 0,
                    max_dim=integer("--max-dim", max_dim),
                )
            )
            return
        made = make_plan(
            task,
            integer("--n", n) or 0,
            universe=integer("--universe", universe),
            error=error,
            budget_bytes=integer("--budget-bytes", budget_bytes),
            structures=_names(structures),
            dim=integer("--dim", dim),
            noise=noise,
        )
        _print_plan(made)


def _how_to_go_on(out: Path | None) -> str:
    return f"Finished cells are kept; go on with: --out {out} --resume" if out is not None else ""


@contextmanager
def _gpu_sentences(device: str) -> Iterator[None]:
    """What a GPU or its driver refuses is one sentence too."""
    try:
        yield
    except RuntimeError as error:
        if device == "cpu" or type(error) is not RuntimeError:
            raise
        raise ValueError(str(error)) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _integers(option: str, text: str | None) -> list[int] | None:
    if text is None:
        return None
    return [value for part in text.split(",") if (value := integer(option, part)) is not None]


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
    wide_console().print(table)
    print(tables.headline(results))


def _print_plan(made: Plan) -> None:
    table = Table(title=made.title, title_justify="left", header_style="bold")
    head, *lines = made.table()
    for index, column in enumerate(head):
        table.add_column(column, justify="left" if index < 2 else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    wide_console().print(table)
    for note in made.notes():
        print(note)
