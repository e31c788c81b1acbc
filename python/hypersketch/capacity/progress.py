# SPDX-License-Identifier: Apache-2.0
"""Progress of a run: a callable, a bar of rich, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

__all__ = ["Progress", "progress_report"]

#: Called with (finished cells, all cells) whenever a cell is finished.
Progress: TypeAlias = Callable[[int, int], None]


@contextmanager
def progress_report(wanted: bool | Progress, title: str, total: int) -> Iterator[Progress]:
    """The callable that a run tells its progress, for as long as the run lasts.

    Parameters
    ----------
    wanted : bool or callable
        True for a live bar on stderr (package rich), a callable to be told, False for nothing.
    title : str
        What the bar is labelled with.
    total : int
        Number of cells.

    Examples
    --------
    >>> with progress_report(lambda done, total: print(done, "of", total), "demo", 3) as report:
    ...     report(1, 3)
    1 of 3
    """
    if callable(wanted):
        yield wanted
    elif wanted:
        with _bar(title, total) as report:
            yield report
    else:
        yield lambda done, total: None


@contextmanager
def _bar(title: str, total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.progress import TimeRemainingColumn as Left

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Left(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, total: bar.update(task, completed=done)
