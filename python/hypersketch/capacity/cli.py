# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch``: a thin layer over :func:`hypersketch.capacity.run` and the planner."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hypersketch.capacity.extras import LAB, missing_sentence

if TYPE_CHECKING:
    import typer

__all__ = ["application", "main"]


def main() -> None:
    """Entry point of the console script.

    Ends the process with 0 if all verdicts are inside, 1 after an error, 3 if a verdict is outside, 130 after
    Ctrl-C.
    """
    sentence = missing_sentence("The command hypersketch", LAB)
    if sentence is not None:
        print(sentence, file=sys.stderr)
        raise SystemExit(1)
    application()()


def application() -> typer.Typer:
    """The typer application, with its commands.

    Returns
    -------
    typer.Typer
    """
    import typer

    from hypersketch.capacity import commands

    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Fixed-size memories: how large they must be, and how often they are wrong.",
    )
    app.callback()(commands.top)
    app.command("capacity")(commands.capacity)
    app.command("plan")(commands.plan)
    return app
