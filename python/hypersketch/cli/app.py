# SPDX-License-Identifier: Apache-2.0
"""The typer application: which commands there are."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

import hypersketch
from hypersketch._optional import missing_sentence
from hypersketch.cli import filter_commands
from hypersketch.cli.dedup_command import dedup
from hypersketch.cli.recall_command import recall
from hypersketch.cli.top_command import top

__all__ = ["application"]

_LAB = {
    "capacity": "Measure how often structures are wrong, and set it beside the theory.",
    "plan": "Size every structure for a task, or say what error a budget buys.",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hypersketch {hypersketch.__version__}")
        raise typer.Exit


def _all(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Fixed-size memories: use them on files, how large they must be, and how often they are wrong."""


def application() -> typer.Typer:
    """The application, with its commands.

    Returns
    -------
    typer.Typer
    """
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_all)
    app.command("dedup")(dedup)
    app.add_typer(filter_commands.application(), name="filter")
    app.command("top")(top)
    app.command("recall")(recall)
    for name in _LAB:
        _add_lab(app, name)
    return app


def _add_lab(app: typer.Typer, name: str) -> None:
    from hypersketch.capacity.extras import LAB

    sentence = missing_sentence(f"The command hypersketch {name}", "lab", LAB)
    if sentence is None:
        from hypersketch.capacity import commands

        app.command(name)(getattr(commands, name))
    else:
        anything = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(name, help=_LAB[name], context_settings=anything)(_refusing(sentence))


def _refusing(sentence: str) -> Callable[[typer.Context], NoReturn]:
    def refuse(context: typer.Context) -> NoReturn:
        print(sentence, file=sys.stderr)
        raise typer.Exit(1)

    return refuse
