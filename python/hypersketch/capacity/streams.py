# SPDX-License-Identifier: Apache-2.0
"""Skewed streams: how often each of n keys occurs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "skewed_counts", "zipf_counts", "zipf_groups"]

Int64Array: TypeAlias = npt.NDArray[np.int64]

# Ranks, and counts, that a grouped stream holds one by one; between them groups are 1 % wide.
_SINGLE = 1000
_STEP = 1.01


class Counts(NamedTuple):
    """Different counts of a stream, and how many keys have each.

    Examples
    --------
    >>> stream = Counts.of(zipf_counts(5))
    >>> stream.n, stream.total, round(stream.l2, 2)
    (5, 11, 5.92)
    """

    values: Int64Array
    numbers: Int64Array

    @classmethod
    def of(cls, counts: Int64Array) -> Counts:
        """Counts of single keys, grouped."""
        values, numbers = np.unique(counts, return_counts=True)
        return cls(values, numbers.astype(np.int64))

    @property
    def n(self) -> int:
        """Number of keys."""
        return int(self.numbers.sum())

    @property
    def total(self) -> int:
        """Sum of all counts (F1)."""
        return int(self.values @ self.numbers)

    @property
    def l2(self) -> float:
        """Root of the sum of the squares of all counts."""
        return math.sqrt(float(self.values.astype(np.float64) ** 2 @ self.numbers))


def zipf_counts(n: int) -> Int64Array:
    """Counts of a skewed stream: the r-th most frequent of n keys occurs n / r times, at least once.

    Examples
    --------
    >>> zipf_counts(5).tolist()
    [5, 2, 2, 1, 1]
    """
    return skewed_counts(n, 1.0, n)


def skewed_counts(n: int, exponent: float, most: int) -> Int64Array:
    """Counts of a skewed stream: the r-th most frequent of n keys occurs most / r^exponent times.

    Parameters
    ----------
    n : int
        Keys.
    exponent : float
        Skew; 0 makes all keys equally frequent.
    most : int
        How often the first key occurs.

    Examples
    --------
    >>> skewed_counts(5, 2.0, 100).tolist()
    [100, 25, 11, 6, 4]
    """
    return np.maximum(1, np.rint(most / np.arange(1, n + 1) ** exponent)).astype(np.int64)


def zipf_groups(n: int) -> Counts:
    """:func:`zipf_counts`, grouped, for any n: counts between frequent and rare keys are rounded by 1 %.

    Examples
    --------
    >>> zipf_groups(5).n, zipf_groups(10**12).n
    (5, 1000000000000)
    """
    first = min(math.isqrt(n), _SINGLE)
    # Keys whose count rounds to v or more have the ranks up to n / (v - 1/2).
    most = min(round(n / (first + 1)), _SINGLE)
    last = [min(n, max(first, 2 * n // (2 * v - 1))) for v in range(most + 1, 0, -1)]
    bounds = [first]
    while bounds[-1] < last[0]:
        bounds.append(min(last[0], max(bounds[-1] + 1, int(bounds[-1] * _STEP))))
    middle = [round(n * math.log(b / a) / (b - a)) for a, b in pairwise(bounds)]
    values = [*(round(n / rank) for rank in range(1, first + 1)), *middle, *range(most, 0, -1)]
    numbers = [1] * first + np.diff(bounds).tolist() + np.diff(last).tolist()
    return Counts(np.array(values, dtype=np.int64), np.array(numbers, dtype=np.int64))
