# SPDX-License-Identifier: Apache-2.0
"""Claims about Hopfield±: noise, errors, and how many keys a matrix holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims.base import Case, Claim, FloatArray, UInt64Array, blocks
from hypersketch.capacity.experiments import experiment
from hypersketch.memories import HopfieldMembership

__all__ = ["DIMENSIONS", "TARGET", "capacity_at", "claims"]

_SOURCE = "structure of Clarkson, Ubaru, Yang (arXiv 2301.10352); constants derived for this library"
#: Dimensions of the capacity claim, and the error rate at which capacities are compared.
DIMENSIONS = (32, 64, 128, 256)
TARGET = 0.05
_MEMORIES = 8


def _dim(cell: Cell) -> int:
    return cell.size["dim"]


def _noise(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean squared score of strangers."""
    diagonal = cell.setting["diagonal"]

    def squares(seeds: UInt64Array, keys: UInt64Array) -> list[float]:
        return [
            float(np.mean(_scores(_dim(cell), cell.n, seed, row, diagonal) ** 2))
            for seed, row in zip(seeds.tolist(), keys, strict=True)
        ]

    result: FloatArray = blocks(cell, hashes, cell.n + cell.probes, squares)
    return result


def _scores(dim: int, n: int, seed: int, keys: UInt64Array, diagonal: bool = True) -> FloatArray:
    """Scores of all keys but the first n, which are stored."""
    memory = HopfieldMembership(dim, seed=seed, diagonal=diagonal)
    memory.add_hashes(keys[:n], threads=1)
    scores: FloatArray = memory.score_hashes(keys[n:], threads=1)
    return scores


def capacity_at(n: int, rate: float) -> float:
    """Number of keys at the target rate, from the rate at a number nearby: n grows as 1/z²."""
    from scipy.special import ndtri

    return float(n * (ndtri(rate) / ndtri(TARGET)) ** 2)


def _load(dim: int) -> int:
    return round(float(theory.hopfield.capacity(dim, TARGET)))


def _slope(capacities: Sequence[float]) -> float:
    return float(np.polyfit(np.log(DIMENSIONS), np.log(capacities), 1)[0])


def _slopes(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Slope of log n against log D in each trial, from several memories at each dimension."""

    def capacity(dim: int, seed: int, keys: UInt64Array) -> float:
        used = keys[-(_load(dim) + cell.probes) :]
        seeds = kernels.trial_seeds(seed ^ dim, _MEMORIES)
        wrong = sum(np.sum(_scores(dim, _load(dim), one, used) >= 0.5) for one in seeds.tolist())
        return capacity_at(_load(dim), (wrong + 0.5) / (_MEMORIES * cell.probes + 1))

    def slopes(seeds: UInt64Array, keys: UInt64Array) -> list[float]:
        return [
            _slope([capacity(dim, seed, row) for dim in DIMENSIONS])
            for seed, row in zip(seeds.tolist(), keys, strict=True)
        ]

    result: FloatArray = blocks(cell, hashes, _load(DIMENSIONS[-1]) + cell.probes, slopes)
    return result


def _predicted_slope(cell: Cell) -> float:
    return _slope(
        [capacity_at(_load(dim), theory.hopfield.false_positive_rate(dim, _load(dim))) for dim in DIMENSIONS]
    )


def _false_positives(cell: Cell, hashes: UInt64Array) -> list[float]:
    return experiment("membership").measure(cell, hashes)["false positives"]


def claims() -> list[Claim]:
    """Claims 6.11."""
    return [
        _noise_claim(),
        _false_positive_claim(),
        _slope_claim(),
    ]


def _noise_claim() -> Claim:
    cases = tuple(
        Case(300, {"dim": 64}, trials=4000, probes=500, setting={"diagonal": diagonal})
        for diagonal in (True, False)
    )
    return Claim(
        "6.11 noise",
        "The score of a key that is not stored spreads with this variance; leaving the diagonal out of "
        "the matrix saves a third of it.",
        "n (3 − 2/D)/D²; without the diagonal n (2 − 2/D)/D²",
        _SOURCE,
        "variance",
        "hopfield",
        cases,
        _noise,
        lambda cell: float(theory.hopfield.noise_variance(_dim(cell), cell.n, cell.setting["diagonal"])),
    )


def _false_positive_claim() -> Claim:
    return Claim(
        "6.11 false positives",
        "Rate of false positives at a load for which the normal distribution promises 5 %.",
        "≈ Q(D/(2 √(3n)))",
        _SOURCE,
        "rate",
        "hopfield",
        tuple(Case(_load(dim), {"dim": dim}, trials=1000, probes=1000) for dim in DIMENSIONS),
        _false_positives,
        lambda cell: theory.hopfield.false_positive_rate(_dim(cell), cell.n),
        tests=lambda cell: cell.probes,
        beside=lambda cell: {
            "Gaussian": float(theory.hopfield.gaussian_false_positive_rate(_dim(cell), cell.n))
        },
    )


def _slope_claim() -> Claim:
    return Claim(
        "6.11 slope",
        "The number of keys that fit grows as the square of the dimension, that is, with the number of "
        "cells.",
        "n ≈ D²/(12 z²): slope 2 of log n against log D",
        _SOURCE,
        "mean",
        "hopfield",
        (Case(_load(DIMENSIONS[-1]), {"dim": DIMENSIONS[-1]}, trials=60, probes=500),),
        _slopes,
        _predicted_slope,
        beside=lambda cell: {"asymptotic": 2.0},
    )
