# SPDX-License-Identifier: Apache-2.0
"""A progress bar of bytes on standard error, shown on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["byte_bar"]

_SECONDS = 0.1


@contextmanager
def byte_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many bytes of a pass are done.

    Parameters
    ----------
    title : str
        What the bar is labelled with.
    total : int or None
        Bytes of the pass; None for a stream, whose length nobody knows.

    Yields
    ------
    callable
        Is told how many more bytes were done.

    Examples
    --------
    >>> with byte_bar("pass 1", 100) as advance:
    ...     advance(60)
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda n_bytes: None
        return
    text, left = TextColumn("{task.description}"), TimeRemainingColumn()
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), left)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        waiting, shown = 0, time.monotonic()

        def advance(n_bytes: int) -> None:
            nonlocal waiting, shown
            waiting += n_bytes
            if time.monotonic() - shown >= _SECONDS:
                bar.advance(task, waiting)
                waiting, shown = 0, time.monotonic()

        yield advance
        bar.advance(task, waiting)
