# SPDX-License-Identifier: Apache-2.0
"""What quantizing leaves of a sum of signs: steps, levels and how likely they are."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real, refuse
from ._scipy import scipy_module

Array = NDArray[np.float64]

MOST_BITS = 8
"""Largest number of bits a dimension."""

# Steps, in standard deviations, that correlate best with a Gaussian; for one bit there is no step.
STEPS = (0.0, 0.99568669, 0.58601944, 0.33520063, 0.18813879, 0.10406302, 0.05686767, 0.03076239)


class Levels(NamedTuple):
    """Magnitudes of v, how likely they are, and E[|X|] / n' where v has that magnitude."""

    values: Array
    chances: Array
    signals: Array

    def mean(self, power: int) -> float:
        """Return E v^power for even powers, E[v^power s] of a member's sign s for odd ones."""
        weights = self.signals if power % 2 else self.chances
        return float(weights @ self.values**power)


def bits_of(owner: str, bits: object) -> int:
    """Return a checked number of bits.

    Examples
    --------
    >>> bits_of("example", 3)
    3
    """
    given = count(owner, "bits", bits)
    if given > MOST_BITS:
        refuse(owner, "bits", f"an integer in [1, {MOST_BITS}]", bits)
    return given


def _step(owner: str, bits: int, n: int, step: object) -> int:
    if step is None:
        return best_step(bits, math.sqrt(n))
    given = count(owner, "step", step, 2)
    if given % 2:
        refuse(owner, "step", "an even integer >= 2", step)
    return given


def best_step(bits: int, spread: float) -> int:
    """Return the step with which a quantized bundle keeps most.

    Parameters
    ----------
    bits : int in [1, 8]
        Bits a dimension.
    spread : float
        Root mean square of the bundle's counters: sqrt(n) for n keys.

    Returns
    -------
    int
        The even number nearest to the best step for a Gaussian. Sums are odd, so even steps part them
        cleanly; among them it is the best one for the binomial sums too, in all cases tried (n = 3 ... 1000).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> [best_step(bits, 10.0) for bits in (1, 2, 3, 4, 8)]
    [2, 10, 6, 4, 2]
    """
    owner = "quantized.best_step"
    best = STEPS[bits_of(owner, bits) - 1] * real(owner, "spread", spread, 0.0)
    return 2 * max(1, math.floor(best / 2.0 + 0.5))


@lru_cache(maxsize=64)
def _levels(bits: int, n: int, step: int) -> Levels:
    """Return the law of v: binomial sums, cut into levels."""
    signs = n + 1 - n % 2
    largest = min(signs, 2 * math.ceil(20.0 * math.sqrt(signs)) + 1)
    sums = np.arange(1.0, largest + 1.0, 2.0)
    gammaln = scipy_module("special").gammaln
    plus = (signs + sums) / 2.0
    log = gammaln(signs + 1.0) - gammaln(plus + 1.0) - gammaln(signs - plus + 1.0)
    chances = 2.0 * np.exp(log - signs * math.log(2.0))
    chances /= chances.sum()
    top = 2 ** (bits - 1)
    level = np.minimum(sums // step, top - 1).astype(np.int64)
    return Levels(
        2.0 * np.arange(top) + 1.0,
        np.bincount(level, chances, top).astype(np.float64),
        np.bincount(level, chances * sums / signs, top).astype(np.float64),
    )


def law_of(owner: str, bits: object, n: object, step: object) -> tuple[Levels, int, int]:
    """Return the checked law of v, the bits and the number of keys.

    Examples
    --------
    >>> law_of("example", 1, 3, None)[0].signals.tolist()
    [0.5]
    """
    b, items = bits_of(owner, bits), count(owner, "n", n)
    return _levels(b, items, _step(owner, b, items, step)), b, items
