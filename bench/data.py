# SPDX-License-Identifier: Apache-2.0
"""The keys that suites use, and how their numbers are written."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def power(base: int, n: int) -> str:
    """A power as people write it.

    >>> power(10, 1_000_000), power(2, 65_536)
    ('10⁶', '2¹⁶')
    """
    exponent = round(math.log(n, base))
    return str(base) + str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def percent(share: float) -> str:
    """A share of the order of 1 %.

    >>> percent(0.01004)
    '1.004 %'
    """
    return f"{100 * share:.3f} %"


def random_keys(seed: int, n: int) -> NDArray[np.uint64]:
    """Uniform below 2**63, which every peer takes."""
    return np.random.default_rng(seed).integers(0, 2**63, n, dtype=np.uint64)


def strings(seed: int, n: int) -> list[str]:
    """New str objects of 20 characters, whose hash nobody has asked for yet."""
    return [f"{x:020d}" for x in random_keys(seed, n).tolist()]


class ZipfStream:
    """Keys under a Zipf law of exponent 1.1 over 10**6 ranks, and how often each occurs."""

    def __init__(self, n: int) -> None:
        weights = np.arange(1, 10**6 + 1) ** -1.1
        below = np.cumsum(weights) / weights.sum()
        ranks = np.searchsorted(below, np.random.default_rng(3).random(n))
        names = random_keys(4, below.size + 1)
        counts = np.bincount(ranks, minlength=names.size)
        self.keys = names[ranks]
        self.distinct, self.counts = names[counts > 0], counts[counts > 0]

    def mean_error(self, estimates: object) -> float:
        """Mean absolute error of estimates of the distinct keys, each key counted once."""
        return float(np.abs(np.asarray(estimates, np.float64) - self.counts).mean())
