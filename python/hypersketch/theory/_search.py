# SPDX-License-Identifier: Apache-2.0
"""The least integer that passes a test, by doubling and bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload


@overload
def least_passing(passes: Callable[[int], bool], start: int = 1, below: int = 0) -> int: ...
@overload
def least_passing(passes: Callable[[int], bool], start: int, below: int, limit: int) -> int | None: ...
def least_passing(
    passes: Callable[[int], bool], start: int = 1, below: int = 0, limit: int | None = None
) -> int | None:
    """Return the least integer above ``below`` that passes a test which larger ones pass too.

    Parameters
    ----------
    passes : callable
        Whether an integer passes.
    start : int, default 1
        First guess, above ``below``.
    below : int, default 0
        Known, or taken, not to pass.
    limit : int, optional
        Where to give up.

    Returns
    -------
    int or None
        None if no guess up to ``limit`` passes.

    Examples
    --------
    >>> least_passing(lambda value: value >= 1234)
    1234
    >>> least_passing(lambda value: value >= 1234, start=1, below=0, limit=1000) is None
    True
    """
    low, high = below, start
    while not passes(high):
        low, high = high, 2 * high
        if limit is not None and high > limit:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
