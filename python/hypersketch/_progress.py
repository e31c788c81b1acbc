# SPDX-License-Identifier: Apache-2.0
"""The bar that shows how many keys went in, on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import Any

from hypersketch import _optional


@contextmanager
def keys_added(wanted: bool, batches: Any) -> Iterator[Callable[[int], None]]:
    """The callable that is told, after every batch, of how many keys it was."""
    if not wanted:
        yield lambda n: None
        return
    _optional.require("A progress bar", "cli", "rich")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.fields[keys]:,} keys")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), text, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("adding", total=_length(batches), keys=0)

        def advance(n: int) -> None:
            bar.update(task, advance=1, keys=bar.tasks[task].fields["keys"] + n)

        yield advance


def _length(batches: Any) -> int | None:
    """Return the number of batches, where their container knows it."""
    known = isinstance(batches, Sized) and not hasattr(batches, "__arrow_c_stream__")
    return len(batches) if known and not hasattr(batches, "__array__") else None
