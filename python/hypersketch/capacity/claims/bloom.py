# SPDX-License-Identifier: Apache-2.0
"""Claims about Bloom filters and counting Bloom filters: error rates, sizes of sets and of their overlaps."""

from __future__ import annotations

from collections.abc import Callable

from hypersketch import theory
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims.base import Case, Claim, FloatArray, UInt64Array, blocks
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.structures import structure
from hypersketch.sketches import BloomFilter

__all__ = ["claims"]

_SETS = Case(400, {"n_bits": 4096, "n_hashes": 4}, trials=12_000, setting={"n_y": 500, "shared": 150})
_COUNTED = Case(
    400,
    {"n_cells": 4096, "n_hashes": 4, "counter_bits": 8},
    trials=12_000,
    setting={"n_y": 500, "shared": 150},
)


def _shape(cell: Cell) -> tuple[int, int]:
    return cell.size["n_bits"], cell.size["n_hashes"]


def _sets(cell: Cell) -> tuple[int, int, int]:
    return cell.n, cell.setting["n_y"], cell.setting["shared"]


def _false_positives(cell: Cell, hashes: UInt64Array) -> list[float]:
    return experiment("membership").measure(cell, hashes)["false positives"]


def _squared_counts(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Squared error of the estimated number of keys."""

    def errors(seeds: UInt64Array, keys: UInt64Array) -> list[float]:
        entry = structure("bloom")
        return [
            (entry.build(cell.size, seed, row).cardinality() - cell.n) ** 2
            for seed, row in zip(seeds.tolist(), keys, strict=True)
        ]

    result: FloatArray = blocks(cell, hashes, cell.n, errors)
    return result


def _estimates(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Estimated overlap of two sets of different sizes, through the structure's own estimator."""
    entry = structure(cell.structure)
    n_x, n_y, shared = _sets(cell)
    result: FloatArray = blocks(
        cell,
        hashes,
        n_x + n_y - shared,
        lambda seeds, keys: entry.intersection_trials(
            cell.size, seeds, keys[:, :n_x], keys[:, n_x - shared :]
        ),
    )
    return result


def _squared_errors(cell: Cell, hashes: UInt64Array) -> FloatArray:
    result: FloatArray = (_estimates(cell, hashes) - cell.setting["shared"]) ** 2
    return result


def _with_and(cell: Cell, hashes: UInt64Array, of: Callable[[int, int, int], float]) -> FloatArray:
    """What `of` makes of the set bits of two filters and of their bitwise AND, for each trial."""
    n_x, n_y, shared = _sets(cell)
    entry = structure("bloom")

    def trial(seed: int, row: UInt64Array) -> float:
        first: BloomFilter = entry.build(cell.size, seed, row[:n_x])
        second: BloomFilter = entry.build(cell.size, seed, row[n_x - shared :])
        x, y, either = (round(one.fill * one.n_bits) for one in (first, second, first | second))
        return of(x, y, x + y - either)

    result: FloatArray = blocks(
        cell,
        hashes,
        n_x + n_y - shared,
        lambda seeds, keys: [trial(seed, row) for seed, row in zip(seeds.tolist(), keys, strict=True)],
    )
    return result


def _squared_errors_from_and(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Squared error of the overlap estimated from the common bits."""

    def estimate(x: int, y: int, both: int) -> float:
        return float(theory.bloom.intersection_from_and(*_shape(cell), x, y, both))

    result: FloatArray = (_with_and(cell, hashes, estimate) - cell.setting["shared"]) ** 2
    return result


def _counted_moments(cell: Cell) -> tuple[float, float]:
    """Predicted mean and standard deviation of the overlap of two counting filters."""
    mean, sd = theory.counting_bloom.intersection_moments(
        cell.size["n_cells"], cell.size["n_hashes"], *_sets(cell)
    )
    return float(mean), float(sd)


def claims() -> list[Claim]:
    """Claims 4.1 to 4.10."""
    return [
        _false_positive_claim(),
        _cardinality_claim(),
        _overlap_claim(),
        _overlap_from_and_claim(),
        _and_density_claim(),
        _counted_overlap_claim(),
        _counted_spread_claim(),
    ]


def _false_positive_claim() -> Claim:
    best = theory.bloom.optimum(1000, 0.01)
    cases = (
        Case(4, {"n_bits": 32, "n_hashes": 3}, trials=20_000, probes=500),
        Case(128, {"n_bits": 1024, "n_hashes": 6}, trials=1000, probes=10_000),
        Case(1000, {"n_bits": 8192, "n_hashes": 6}, trials=1000, probes=10_000),
        Case(1000, {"n_bits": best[0], "n_hashes": best[1]}, trials=1000, probes=10_000),
    )
    return Claim(
        "4.1 false positives",
        "Rate of false positives, exactly; ten million queries each. The textbook formula is a little "
        "too low for small filters. The last case is the smallest filter for 1,000 keys at 1 % (4.2).",
        "E[(X/m)ᵏ], X = set bits; textbook (1 − (1 − 1/m)^(kn))ᵏ",
        "Bose et al. 2008, Christensen et al. 2010 (recalled); recursion derived",
        "rate",
        "bloom",
        cases,
        _false_positives,
        lambda cell: float(theory.bloom.false_positive_rate(*_shape(cell), cell.n)),
        tests=lambda cell: cell.probes,
        beside=lambda cell: {
            "textbook": float(theory.bloom.classic_false_positive_rate(*_shape(cell), cell.n))
        },
    )


def _cardinality_claim() -> Claim:
    return Claim(
        "4.6 cardinality",
        "Spread of the number of keys estimated from the set bits.",
        "sd = √(m (e^L − L − 1))/k, L = kn/m",
        "Swamidass and Baldi 2007 (recalled); spread derived",
        "rms",
        "bloom",
        (Case(400, {"n_bits": 4096, "n_hashes": 4}, trials=12_000),),
        _squared_counts,
        lambda cell: float(theory.bloom.cardinality_sd(*_shape(cell), cell.n)),
    )


def _overlap_claim() -> Claim:
    return Claim(
        "4.7 overlap",
        "Spread of the overlap estimated by inclusion and exclusion.",
        "f(L∪) + 2 f(L∩) − f(L_A) − f(L_B), f(L) = (m/k²)(e^L − 1 − L)",
        "derived for this library",
        "rms",
        "bloom",
        (_SETS,),
        _squared_errors,
        lambda cell: float(theory.bloom.intersection_sd(*_shape(cell), *_sets(cell))),
    )


def _overlap_from_and_claim() -> Claim:
    return Claim(
        "4.8 overlap from AND",
        "Spread of the overlap estimated from the common bits: the same estimate in other words.",
        "[ln(m − (t∧ m − t₁ t₂)/(m − t₁ − t₂ + t∧)) − ln m]/(k ln(1 − 1/m))",
        "Papapetrou et al. 2010 (recalled)",
        "rms",
        "bloom",
        (_SETS,),
        _squared_errors_from_and,
        lambda cell: float(theory.bloom.intersection_sd(*_shape(cell), *_sets(cell))),
    )


def _and_density_claim() -> Claim:
    return Claim(
        "4.9 AND density",
        "The AND of two filters has more bits than the filter of the intersection.",
        "1 − e^−L_A − e^−L_B + e^−L∪",
        "derived for this library",
        "mean",
        "bloom",
        (_SETS,),
        lambda cell, hashes: _with_and(cell, hashes, lambda x, y, both: both / cell.size["n_bits"]),
        lambda cell: float(theory.bloom.and_density(*_shape(cell), *_sets(cell))),
        beside=lambda cell: {
            "filter of the intersection": float(theory.bloom.fill(*_shape(cell), cell.setting["shared"]))
        },
    )


def _counted_overlap_claim() -> Claim:
    return Claim(
        "4.10 overlap",
        "The product of two counting Bloom filters estimates the overlap without bias.",
        "Î = (⟨c_X, c_Y⟩ − k²|X||Y|/m)/(k (1 − 1/m))",
        "derived for this library",
        "mean",
        "counting-bloom",
        (_COUNTED,),
        _estimates,
        lambda cell: _counted_moments(cell)[0],
    )


def _counted_spread_claim() -> Claim:
    return Claim(
        "4.10 overlap spread",
        "Its spread does not depend on the number of hashes and equals that of MAP-I with as many "
        "dimensions.",
        "sd ≈ √((|X||Y| + I²)/m)",
        "derived for this library",
        "rms",
        "counting-bloom",
        (_COUNTED,),
        _squared_errors,
        lambda cell: _counted_moments(cell)[1],
    )
