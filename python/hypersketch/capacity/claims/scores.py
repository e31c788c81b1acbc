# SPDX-License-Identifier: Apache-2.0
"""Measurements that claims about MAP-I and MAP-B share: scores, error rates, failures, crossings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims.base import Case, FloatArray, Measure, UInt64Array, blocks, bundle_scores
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.bundles import MapBundle

__all__ = [
    "crossing_cases",
    "crossing_of",
    "failures",
    "false_negatives",
    "false_positives",
    "member_mean",
    "member_variance",
    "predicted_crossing",
    "replicated_crossing",
    "stranger_variance",
]

# Bundles of 10, 25, 50 items, 500 tests, at most one bundle in ten with any wrong test.
_TESTED = 500
_DELTA = 0.1
_SPREAD = (0.84, 0.92, 1.0, 1.08, 1.16)
_BUNDLES = 500


def _packed(cell: Cell) -> bool:
    return cast(MapBundle, structure(cell.structure)).packed


def _threshold(cell: Cell) -> float:
    return structure(cell.structure).threshold(cell.size, cell.n)


def member_mean(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean score of the members of each trial."""
    result: FloatArray = bundle_scores(cell, hashes, _packed(cell))[:, : cell.n].mean(axis=1)
    return result


def member_variance(expected: Callable[[Cell], float]) -> Measure:
    """Mean squared deviation of members' scores from their expectation."""

    def measure(cell: Cell, hashes: UInt64Array) -> FloatArray:
        scores = bundle_scores(cell, hashes, _packed(cell))[:, : cell.n]
        result: FloatArray = ((scores - expected(cell)) ** 2).mean(axis=1)
        return result

    return measure


def stranger_variance(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean squared score of strangers."""
    result: FloatArray = (bundle_scores(cell, hashes, _packed(cell))[:, cell.n :] ** 2).mean(axis=1)
    return result


def false_positives(cell: Cell, hashes: UInt64Array) -> npt.NDArray[np.int64]:
    """Strangers of each trial that reach the threshold."""
    scores = bundle_scores(cell, hashes, _packed(cell))[:, cell.n :]
    return np.asarray((scores >= _threshold(cell)).sum(axis=1))


def false_negatives(cell: Cell, hashes: UInt64Array) -> npt.NDArray[np.int64]:
    """Members of each trial that miss the threshold."""
    scores = bundle_scores(cell, hashes, _packed(cell))[:, : cell.n]
    return np.asarray((scores < _threshold(cell)).sum(axis=1))


def failures(cell: Cell, hashes: UInt64Array) -> npt.NDArray[np.int64]:
    """1 for each trial in which any member or stranger is answered wrongly."""
    stored = bundle_scores(cell, hashes, _packed(cell)) >= _threshold(cell)
    return np.asarray(~stored[:, : cell.n].all(axis=1) | stored[:, cell.n :].any(axis=1), dtype=np.int64)


def crossing_cases(name: str) -> tuple[Case, ...]:
    """Cases of the crossing dimension, with the dimensions around the expected crossing."""
    module = theory.map_i if name == "map-i" else theory.map_b
    return tuple(
        Case(
            n,
            {"dim": (centre := module.crossing_dimension(n, _TESTED, _DELTA))},
            trials=60,
            probes=_TESTED - n,
            setting={"dims": [round(centre * factor) for factor in _SPREAD]},
        )
        for n in (10, 25, 50)
    )


def crossing_of(dims: Sequence[int], failed: npt.ArrayLike) -> float:
    """Dimension at which the failure rate crosses 10 %, by a line of normal quantiles over √D."""
    from scipy.special import ndtri

    quantiles = -ndtri(np.asarray(failed, dtype=np.float64))
    slope, intercept = np.polyfit(np.sqrt(dims), quantiles, 1)
    return float(((-ndtri(_DELTA) - intercept) / slope) ** 2)


def replicated_crossing(cell: Cell, hashes: UInt64Array) -> list[float]:
    """One crossing dimension a trial, from 500 bundles at each of five dimensions."""
    dims: list[int] = cell.setting["dims"]
    threshold = _threshold(cell)

    def rates(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        return np.stack([_failure_rates(cell, dim, threshold, seeds, keys) for dim in dims], axis=1)

    measured = blocks(cell, hashes, _TESTED, rates)
    return [crossing_of(dims, row) for row in measured]


def _failure_rates(
    cell: Cell, dim: int, threshold: float, seeds: UInt64Array, keys: UInt64Array
) -> npt.NDArray[Any]:
    """Share of failing bundles of each trial; its keys stay, each bundle has a seed and atoms of its own."""
    rates = np.empty(seeds.size)
    for t, seed in enumerate(seeds.tolist()):
        bundle_seeds = kernels.trial_seeds(seed ^ dim, _BUNDLES)
        asked = np.broadcast_to(keys[t], (1, _BUNDLES, _TESTED))
        scores = kernels.bundle_trials(dim, _packed(cell), bundle_seeds, asked[:, :, : cell.n], asked) / dim
        stored = scores >= threshold
        wrong = ~stored[:, : cell.n].all(axis=1) | stored[:, cell.n :].any(axis=1)
        rates[t] = (wrong.sum() + 0.5) / (_BUNDLES + 1)  # never 0 or 1, whose quantiles are infinite
    return rates


def predicted_crossing(failure_probability: Callable[[int, int, int], float]) -> Callable[[Cell], float]:
    """What the same line gives when it is laid through exact failure probabilities."""

    def predict(cell: Cell) -> float:
        dims: list[int] = cell.setting["dims"]
        return crossing_of(dims, [failure_probability(dim, cell.n, _TESTED) for dim in dims])

    return predict
