# SPDX-License-Identifier: Apache-2.0
"""What all commands do alike: numbers as people write them, errors in one sentence, tables."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

from hypersketch.cli.interruptions import Changes, Terminated, raising_terminated

__all__ = ["facts", "integer", "sentences", "wide_console"]

#: Exit codes besides 0 and 1 (an error, said in one sentence).
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
EXIT_TERMINATED = 143

_NO_OPTIONS: Mapping[str, str] = {}


@contextmanager
def sentences(interrupted: object = "", options: Mapping[str, str] = _NO_OPTIONS) -> Iterator[None]:
    """Errors become one sentence on standard error; a reader that went away is no error.

    Parameters
    ----------
    interrupted : object
        Its text is said after "Interrupted." when Ctrl-C came, and after "Terminated." when the process was
        told to end. Of `Changes` also after an error, where there are any.
    options : mapping of str to str
        For parameters of the library the options that they come from: errors name the option.

    Raises
    ------
    typer.Exit
        With the exit code.

    Examples
    --------
    >>> with sentences("Nothing is lost."):
    ...     print("done")
    done
    """
    try:
        with raising_terminated():
            yield
            sys.stdout.flush()
    except (KeyboardInterrupt, Terminated) as error:
        end = isinstance(error, Terminated)
        print(f"{'Terminated' if end else 'Interrupted'}. {interrupted}".rstrip(), file=sys.stderr)
        raise typer.Exit(EXIT_TERMINATED if end else EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_PIPE) from None
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        _fail(f"Could not read or write{where}: {error.strerror or error}.", interrupted)
    except (ValueError, TypeError, MemoryError, OverflowError, ModuleNotFoundError) as error:
        _fail(_of_option(str(error), options) or "There is not enough memory for this run.", interrupted)


def _of_option(sentence: str, options: Mapping[str, str]) -> str:
    """The sentence about an option, where it is about the parameter behind it.

    Examples
    --------
    >>> _of_option("The 'n_bytes' parameter of CountSketch.for_memory must be more.", {"n_bytes": "--memory"})
    '--memory must be more.'
    """
    found = re.match(r"The '(\w+)' parameter of [\w.]+ must ", sentence)
    if found is None or found[1] not in options:
        return sentence
    return f"{options[found[1]]} must {sentence[found.end() :]}"


def _fail(sentence: str, changes: object) -> NoReturn:
    changed = f" {changes}" if isinstance(changes, Changes) and changes else ""
    print(sentence + changed, file=sys.stderr)
    raise typer.Exit(1) from None


def integer(option: str, text: str | None) -> int | None:
    """An integer as people write them: 1000, 1_000, 1e6.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> integer("--n", "1e6")
    1000000
    """
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


def wide_console() -> Console:
    """A console that does not squeeze tables into 80 columns when the output is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def facts(title: str, rows: Sequence[tuple[str, str]], *, stderr: bool = False) -> None:
    """Print names and values, one pair a line; never folded, for programs read them too.

    Examples
    --------
    >>> facts("A box", [("width", "3 m"), ("height", "14 m")])
    A box
      width    3 m
      height  14 m
    """
    stream = sys.stderr if stderr else sys.stdout
    left, right = (max(len(row[side]) for row in rows) for side in (0, 1))
    print(title, file=stream)
    for name, value in rows:
        print(f"  {name:<{left}}  {value:>{right}}", file=stream)
