# SPDX-License-Identifier: Apache-2.0
"""Claims about cleanup: one item against distractors, the n best of N, published minimal dimensions."""

from __future__ import annotations

from typing import cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims.base import Case, Claim, Int64Array, UInt64Array, bundle_scores
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.experiments.schlegel import DIMENSIONS, SIZES, first_dimensions, line_at
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.bundles import MapBundle

__all__ = ["PUBLISHED_DIMENSION", "claims"]

_CODEBOOK = 1000
_ACCURACY = 0.99
_TRIALS = 10
_SCHLEGEL = "Schlegel, Neubert, Protzel 2022; recomputed from the authors' published result files"

#: Minimal dimension at 15 items of 1,000, from the authors' result files.
PUBLISHED_DIMENSION = {"map-i": 470, "map-b": 790}


def _dim(cell: Cell) -> int:
    return cell.size["dim"]


def _single_errors(cell: Cell, hashes: UInt64Array) -> Int64Array:
    """1 for each trial in which a distractor scores at least as high as a stored item."""
    scores = bundle_scores(cell, hashes, packed=True)
    return np.asarray(scores[:, cell.n :].max(axis=1) >= scores[:, 0], dtype=np.int64)


def _hits(cell: Cell, hashes: UInt64Array) -> list[float]:
    return experiment("cleanup").measure(cell, hashes[:_CODEBOOK])["accuracy"]


def _accuracy(cell: Cell) -> float:
    return cast(MapBundle, structure(cell.structure)).cleanup_accuracy(cell.size, cell.n, _CODEBOOK)


def _rule(cell: Cell, hashes: UInt64Array) -> list[float]:
    """The published rule, carried out once a trial: first good dimension of each size, a line, read at n."""
    entry = cast(MapBundle, structure(cell.structure))
    found = []
    for seed in kernels.trial_seeds(cell.seed, cell.trials).tolist():
        measured = [
            (n, dim, _mean_accuracy(entry, dim, n, seed, hashes[:_CODEBOOK]))
            for n in SIZES
            for dim in DIMENSIONS
        ]
        found.append(line_at(first_dimensions(measured, _ACCURACY), cell.n))
    return found


def _mean_accuracy(entry: MapBundle, dim: int, n: int, seed: int, codebook: UInt64Array) -> float:
    seeds = kernels.trial_seeds(seed ^ (dim << 16 | n), _TRIALS)
    members = kernels.sample_indices(int(seeds[0]), _TRIALS, n, codebook.size)
    return float(entry.cleanup_trials({"dim": dim}, seeds, codebook, members[:, np.newaxis]).mean()) / n


def claims() -> list[Claim]:
    """Claims 3.2 and 3.6."""
    return [*_single_claims(), *_accuracy_claims(), *_rule_claims()]


def _single_claims() -> list[Claim]:
    cases = (
        Case(51, {"dim": 1001}, trials=100_000, probes=63),
        Case(1000, {"dim": 24_002}, trials=8000, probes=99),
    )
    return [
        Claim(
            "3.2 one item",
            "Chance that some of the other codewords scores at least as high as a stored one (for 1,000 "
            "items, 100 codewords and D = 24,002 the published value is 0.100).",
            "1 − Σ_h P(h) P(distance > h)^(N − 1), binomial",
            "hdfsa repository (Teeters, Kleyko, Kanerva, Olshausen 2023)",
            "rate",
            "map-b",
            cases,
            _single_errors,
            lambda cell: 1 - theory.cleanup.map_b_accuracy(_dim(cell), cell.n, cell.probes + 1),
        )
    ]


def _accuracy_claims() -> list[Claim]:
    return [
        Claim(
            f"3.6 accuracy {title}",
            "Share of 15 stored items among the 15 best of 1,000.",
            "order statistics of the scores of stored and other items",
            "derived for this library",
            "rate",
            name,
            tuple(Case(15, {"dim": dim}, trials=10_000) for dim in dims),
            _hits,
            _accuracy,
            tests=lambda cell: cell.n,
        )
        for name, title, dims in (
            ("map-i", "MAP-I", (100, 144, 196, 256, 324, 400, 440, 484, 576)),
            ("map-b", "MAP-B", (144, 256, 324, 400, 484, 576, 700, 784, 900)),
        )
    ]


def _rule_claims() -> list[Claim]:
    return [
        Claim(
            f"3.6 dimension {structure(name).title}",
            "Dimensions that the published rule (ten runs, 99 % of the items found, a line over bundle "
            "sizes) asks for at 15 items of 1,000. The published number is one run of this rule, so it must "
            "lie where single runs lie.",
            f"published: {published}",
            _SCHLEGEL,
            "draw",
            name,
            (Case(15, {"dim": published}, trials=100),),
            _rule,
            lambda cell: float(PUBLISHED_DIMENSION[cell.structure]),
        )
        for name, published in PUBLISHED_DIMENSION.items()
    ]
