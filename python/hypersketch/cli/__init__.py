# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch``: work on files (dedup, filter, top, recall), and the lab (capacity, plan).

Needs the extra ``cli``; the lab's commands need the extra ``lab``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hypersketch._optional import missing_sentence

if TYPE_CHECKING:
    import typer

__all__ = ["application", "main"]


def main() -> None:
    """Entry point of the console script.

    Ends the process with 0 if all is well, 1 after an error, 3 if a verdict of the lab is outside, 130 after
    Ctrl-C, 141 when nobody reads its output any more, 143 when it was told to end (SIGTERM).
    """
    sentence = missing_sentence("The command hypersketch", "cli", ("typer", "rich"))
    if sentence is not None:
        print(sentence, file=sys.stderr)
        raise SystemExit(1)
    application()()


def application() -> typer.Typer:
    """The typer application, with its commands.

    Returns
    -------
    typer.Typer

    Examples
    --------
    >>> [command.name for command in application().registered_commands]
    ['dedup', 'top', 'recall', 'capacity', 'plan']
    """
    from hypersketch.cli import app

    return app.application()
