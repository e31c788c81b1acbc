# SPDX-License-Identifier: Apache-2.0
"""How many threads a call may use. Threads live for one call, so a process may fork between calls."""

from __future__ import annotations

import os

from hypersketch import _validation

MAX_THREADS = 1024

_chosen: int | None = None


def _available() -> int:
    """Return the number of processor cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def set_num_threads(n: int | None) -> None:
    """Set how many threads calls use when they are not told by ``threads=``.

    Parameters
    ----------
    n : int in [1, 1024] or None
        None restores the default: every core that the process may run on.

    Raises
    ------
    TypeError
        When ``n`` is not an integer.
    ValueError
        When ``n`` is out of range.

    Examples
    --------
    >>> import hypersketch
    >>> hypersketch.set_num_threads(2)
    >>> hypersketch.get_num_threads()
    2
    >>> hypersketch.set_num_threads(None)
    """
    global _chosen
    _chosen = None if n is None else _validation.integer("set_num_threads", "n", n, 1, MAX_THREADS)


def get_num_threads() -> int:
    """Return how many threads calls use when they are not told by ``threads=``.

    Returns
    -------
    int
        What `set_num_threads` chose, else the number of cores that the process may run on.

    Examples
    --------
    >>> import hypersketch
    >>> hypersketch.get_num_threads() >= 1
    True
    """
    return min(_available(), MAX_THREADS) if _chosen is None else _chosen


def resolve(owner: str, threads: int | None) -> int:
    """Return the number of threads of one call from its ``threads`` argument."""
    if threads is None:
        return get_num_threads()
    return _validation.integer(owner, "threads", threads, 1, MAX_THREADS)
