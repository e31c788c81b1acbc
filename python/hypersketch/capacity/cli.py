# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch``: a thin layer over :func:`hypersketch.capacity.run` and the planner."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

__all__ = ["application", "main"]

_LAB = ("scipy", "rich", "typer", "matplotlib", "polars")


def main() -> None:
    """Entry point of the console script.

    Ends the process with 0 if all verdicts are inside, 1 after an error, 3 if a verdict is outside, 130 after
    Ctrl-C.
    """
    missing = [name for name in _LAB if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The command hypersketch needs the extra 'lab' (missing: {', '.join(missing)}). "
            "Install it with: pip install 'hypersketch[lab]'",
            file=sys.stderr,
        )
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
