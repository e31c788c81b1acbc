# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM: both clean up, neither comes between renames, and what is said of them is true."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hypersketch.cli.sources import STREAM

__all__ = ["Changes", "Terminated", "raising_terminated", "uninterrupted"]


class Terminated(BaseException):
    """The process was told to end (SIGTERM)."""


@contextmanager
def raising_terminated() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM would end the process at once, leaving unfinished files behind.

    Examples
    --------
    >>> with raising_terminated():
    ...     try:
    ...         signal.raise_signal(signal.SIGTERM)
    ...     except Terminated:
    ...         print("cleaned up")
    cleaned up
    """

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL or not _set(signal.SIGTERM, end):
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended.

    Examples
    --------
    >>> try:
    ...     with uninterrupted():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("all of it")
    ... except KeyboardInterrupt:
    ...     print("and then the end")
    all of it
    and then the end
    """
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = [number for number in before if _set(number, lambda number, frame: came.append(number))]
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        for each in came[:1]:
            signal.raise_signal(each)


def _set(number: signal.Signals, handler: signal._HANDLER) -> bool:
    """Set a handler where that can be undone: in the main thread, in place of one that Python knows."""
    if signal.getsignal(number) is None:
        return False
    try:
        signal.signal(number, handler)
    except ValueError:
        return False
    return True


class Changes:
    """Which of the files that a command writes are other ones than before.

    Parameters
    ----------
    out : str or None
        What the user named as output.
    files : sequence of str
        What goes there: one file each, if it is a folder.

    Examples
    --------
    >>> changes = Changes("new.txt")
    >>> str(changes)
    'No file was changed.'
    >>> _ = Path("new.txt").write_text("something")
    >>> str(changes)
    "'new.txt' was written."
    """

    def __init__(self, out: str | None, files: Sequence[str] = ()) -> None:
        places: list[Path] = []
        if out is not None and out != STREAM:
            folder = os.path.isdir(out) or out.endswith(("/", os.sep))
            places = [Path(out, Path(name).name) for name in files] if folder else [Path(out)]
        self._before = {place: _mark(place) for place in places}

    def __bool__(self) -> bool:
        return any(_mark(place) != mark for place, mark in self._before.items())

    def __str__(self) -> str:
        changed = [place for place, mark in self._before.items() if _mark(place) != mark]
        if not changed:
            return "No file was changed."
        if len(changed) == 1:
            return f"'{changed[0]}' was written."
        how_many = "All" if len(changed) == len(self._before) else f"{len(changed)} of"
        return f"{how_many} {len(self._before)} files in '{changed[0].parent}' were written."


def _mark(path: Path) -> tuple[int, ...] | None:
    """What changes when a regular file is replaced."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
