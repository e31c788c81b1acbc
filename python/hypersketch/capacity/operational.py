# SPDX-License-Identifier: Apache-2.0
"""Operational capacity: the largest problem that is solved often enough, and how it grows with the dimension.

A curve is how many of how many trials were solved at each problem size. From its highest point on it falls,
so neighbours that rise there are pooled (isotonic regression), and the size at which it passes the wanted
rate is read off between two points, on a logarithmic axis. Intervals come from drawing all counts again
(bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Capacity", "Curve", "Slope", "capacity_of", "growth"]

_REPLICATES = 1000
FloatArray = npt.NDArray[np.float64]


class Curve(NamedTuple):
    """Trials and how many of them were solved, at rising problem sizes.

    Examples
    --------
    >>> Curve((10.0, 100.0), (50, 40), 50).rates.tolist()
    [1.0, 0.8]
    """

    sizes: tuple[float, ...]
    solved: tuple[int, ...]
    trials: int

    @property
    def rates(self) -> FloatArray:
        """Share of trials solved."""
        return np.array(self.solved) / self.trials


class Capacity(NamedTuple):
    """Largest size solved at the wanted rate, with a 95 % interval; NaN where the curve does not pass it.

    Examples
    --------
    >>> Capacity(100.0, 90.0, 120.0).value
    100.0
    """

    value: float
    low: float
    high: float


class Slope(NamedTuple):
    """Exponent of the growth of a capacity, with a 95 % interval, from so many capacities.

    Examples
    --------
    >>> Slope(2.0, 1.9, 2.1, 4).n
    4
    """

    value: float
    low: float
    high: float
    n: int


@lru_cache(maxsize=512)
def capacity_of(curve: Curve, rate: float, seed: int = 1) -> Capacity:
    """Return the largest size at which the rate is reached.

    Parameters
    ----------
    curve : Curve
        What was measured.
    rate : float
        Wanted share of solved trials, e.g. 0.99.
    seed : int, default 1
        Of the bootstrap.

    Examples
    --------
    >>> curve = Curve((100.0, 1000.0, 10_000.0), (1000, 1000, 900), 1000)
    >>> found = capacity_of(curve, 0.99)
    >>> round(found.value), found.low < found.value < found.high
    (1259, True)
    """
    draws = _crossings(curve, rate, seed)
    known = draws[np.isfinite(draws)]
    value = math.exp(_crossing(np.log(curve.sizes), curve.rates[np.newaxis], rate)[0])
    if not math.isfinite(value) or known.size < 0.9 * draws.size:
        return Capacity(value, math.nan, math.nan)
    low, high = np.exp(np.quantile(known, (0.025, 0.975)))
    return Capacity(value, float(low), float(high))


def growth(dims: Sequence[float], curves: Sequence[Curve], rate: float, seed: int = 1) -> Slope | None:
    """Return the slope of log capacity against log dimension; None for fewer than three capacities.

    Parameters
    ----------
    dims : sequence of float
        Dimension of each curve.
    curves : sequence of Curve
        What was measured.
    rate : float
        Wanted share of solved trials.
    seed : int, default 1
        Of the bootstrap.

    Examples
    --------
    >>> curves = [Curve((d * d / 4, d * d, 4 * d * d), (400, 399, 300), 400) for d in (64, 128, 256)]
    >>> slope = growth([64, 128, 256], curves, 0.99)
    >>> round(slope.value, 3), slope.low < 2 < slope.high
    (2.0, True)
    """
    values = np.array([_crossing(np.log(one.sizes), one.rates[np.newaxis], rate)[0] for one in curves])
    passed = np.isfinite(values)
    if passed.sum() < 3:
        return None
    logs = np.log(np.asarray(dims, float)[passed])
    draws = np.stack(
        [_crossings(curve, rate, seed + i) for i, curve in enumerate(curves) if passed[i]], axis=1
    )
    draws = draws[np.isfinite(draws).all(axis=1)]
    slopes = _slopes(logs, draws) if len(draws) >= 0.9 * _REPLICATES else np.full(2, math.nan)
    low, high = np.quantile(slopes, (0.025, 0.975))
    return Slope(
        float(_slopes(logs, values[passed][np.newaxis])[0]), float(low), float(high), int(passed.sum())
    )


def _slopes(x: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the least-squares slope of every row."""
    centred = x - x.mean()
    return np.asarray(rows @ centred / (centred @ centred))


def _crossings(curve: Curve, rate: float, seed: int) -> FloatArray:
    """Return the crossings of curves drawn again from the pooled rates, half a trial from all and none."""
    pooled = _falling(curve.rates[np.newaxis])[0]
    _, place, sizes = np.unique(pooled, return_inverse=True, return_counts=True)
    trials = sizes[place] * curve.trials
    likely = (pooled * trials + 0.5) / (trials + 1.0)
    draws = np.random.default_rng(seed).binomial(curve.trials, likely, (_REPLICATES, likely.size))
    return _crossing(np.log(curve.sizes), draws / curve.trials, rate)


def _crossing(logs: FloatArray, rates: FloatArray, rate: float) -> FloatArray:
    """Return where each row of falling rates passes the wanted one; NaN where it does not."""
    falling = _falling(rates)
    rows, after = np.arange(len(falling)), (falling < rate).argmax(axis=1)
    before = np.maximum(after - 1, 0)
    drop = falling[rows, before] - falling[rows, after]
    share = np.divide(falling[rows, before] - rate, drop, out=np.zeros(len(rows)), where=drop > 0)
    inside = (falling[:, 0] >= rate) & (falling[:, -1] < rate)
    return np.where(inside, logs[before] + share * (logs[after] - logs[before]), math.nan)


def _falling(rates: FloatArray) -> FloatArray:
    """Return the nearest rates of each row that do not rise from its highest on, and that up to there.

    Isotonic regression as the least over beginnings of the largest over ends of the means between them.
    """
    n = rates.shape[1]
    rises = np.arange(n) < rates.argmax(axis=1)[:, np.newaxis]
    rates = np.where(rises, rates.max(axis=1, keepdims=True), rates)
    sums = np.concatenate([np.zeros((len(rates), 1)), rates.cumsum(axis=1)], axis=1)
    made = np.empty_like(rates)
    for i in range(n):
        ends = np.arange(i, n) + 1
        means = [(sums[:, ends] - sums[:, [a]]) / (ends - a) for a in range(i + 1)]
        made[:, i] = np.min([one.max(axis=1) for one in means], axis=0)
    return made
