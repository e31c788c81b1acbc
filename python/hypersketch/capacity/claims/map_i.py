# SPDX-License-Identifier: Apache-2.0
"""Claims about MAP-I: scores, error rates, dimensions, norms, inner products and bits."""

from __future__ import annotations

import math

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims import scores
from hypersketch.capacity.claims.base import Case, Claim, FloatArray, Int64Array, UInt64Array, blocks
from hypersketch.capacity.streams import zipf_counts
from hypersketch.vsa import MapI

__all__ = ["COLLAPSE_CASES", "claims"]

_PAPER = "Clarkson, Ubaru, Yang (arXiv 2301.10352)"
_DERIVED = "derived for this library; the sum of sign vectors of " + _PAPER
_SMALL = Case(32, {"dim": 512}, trials=20_000, probes=200)

#: Sizes and dimensions whose error rates must fall on one curve.
COLLAPSE_CASES = tuple(
    Case(n, {"dim": dim}, trials=500, probes=1000)
    for n in (8, 32, 128, 512)
    for dim in (round(2 ** (half / 2)) for half in range(12, 29))
    if 1.2 <= math.sqrt(dim / n) <= 6.5
)


def _dim(cell: Cell) -> int:
    return cell.size["dim"]


def _weights(cell: Cell) -> Int64Array | None:
    return zipf_counts(cell.n) if cell.setting.get("weights") == "zipf" else None


def _norm_moments(cell: Cell) -> tuple[float, float]:
    weights = _weights(cell)
    l2, l4 = theory.map_i.weight_norms(np.ones(cell.n) if weights is None else weights)
    mean, variance = theory.map_i.norm_moments(l2, l4, _dim(cell))
    return float(mean), float(variance)


def _norms(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """|x|^2 / D of each trial, which is the weighted sum of the members' own scores."""
    weights = _weights(cell)

    def norms(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        raw = kernels.bundle_trials(_dim(cell), False, seeds, keys[np.newaxis], keys[np.newaxis], weights)
        total: FloatArray = (raw if weights is None else raw * weights).sum(axis=1) / _dim(cell)
        return total

    result: FloatArray = blocks(cell, hashes, cell.n, norms)
    return result


def _inner(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """<x, y> / D of two sets with `shared` keys in common, the sum of the second's scores in the first."""
    second, shared = cell.setting["n_y"], cell.setting["shared"]

    def inner(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        x, y = keys[np.newaxis, :, : cell.n], keys[np.newaxis, :, cell.n - shared :]
        result: FloatArray = kernels.bundle_trials(_dim(cell), False, seeds, x, y).sum(axis=1) / _dim(cell)
        return result

    result: FloatArray = blocks(cell, hashes, cell.n + second - shared, inner)
    return result


def _inner_moments(cell: Cell) -> tuple[float, float]:
    mean, variance = theory.map_i.inner_moments(
        cell.n, cell.setting["n_y"], cell.setting["shared"], _dim(cell)
    )
    return float(mean), float(variance)


def _overlap_misses(cell: Cell, hashes: UInt64Array) -> Int64Array:
    """1 for each trial whose estimate is off by more than eps sqrt(|X| |Y|); the hardest case is X = Y."""
    return np.asarray(np.abs(_norms(cell, hashes) - cell.n) > cell.setting["eps"] * cell.n, dtype=np.int64)


def _overlap_miss_rate(cell: Cell) -> float:
    from scipy.stats import chi2

    reach = cell.setting["eps"] * _dim(cell)
    return float(chi2.cdf(_dim(cell) - reach, _dim(cell)) + chi2.sf(_dim(cell) + reach, _dim(cell)))


def _entropies(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Entropy of the counters of each trial, from how often each value occurs among D of them."""

    def entropy(counters: Int64Array) -> float:
        _, counts = np.unique(counters, return_counts=True)
        shares = counts / counters.size
        return float(-(shares * np.log2(shares)).sum())

    return np.array([entropy(counters) for counters in _counters(cell, hashes)])


def _overflows(cell: Cell, hashes: UInt64Array) -> Int64Array:
    limit = cell.setting["limit"]
    return np.array([int((np.abs(counters) > limit).sum()) for counters in _counters(cell, hashes)])


def _counters(cell: Cell, hashes: UInt64Array) -> list[Int64Array]:
    return blocks(  # type: ignore[no-any-return]
        cell,
        hashes,
        cell.n,
        lambda seeds, keys: [
            MapI(_dim(cell), seed=seed).bundle(row, threads=1).counters
            for seed, row in zip(seeds.tolist(), keys, strict=True)
        ],
    )


def _beside_dimension(cell: Cell) -> dict[str, float]:
    return {
        "Gaussian": float(theory.map_i.dimension(cell.n, 500, 0.1)),
        "provable (Hoeffding)": float(theory.map_i.provable_dimension(cell.n, 500, 0.1)),
    }


def _beside_failure(cell: Cell) -> dict[str, float]:
    independent = theory.map_i.independent_failure_probability(_dim(cell), cell.n, cell.n + cell.probes)
    return {"independent tests": float(independent)}


def claims() -> list[Claim]:
    """Claims 1.1 to 1.9."""
    return [
        _stranger_claim(),
        _member_claim(),
        _mean_claim(),
        _false_positive_claim(),
        _false_negative_claim(),
        _failure_claim(),
        _crossing_claim(),
        _norm_claim(),
        _inner_product_claim(),
        _overlap_claim(),
        _entropy_claim(),
        _overflow_claim(),
    ]


def _stranger_claim() -> Claim:
    return Claim(
        "1.1 stranger",
        "The score of a key that is not stored spreads around 0 with variance n/D.",
        "Var⟨x, s⟩/D = n/D",
        _DERIVED,
        "variance",
        "map-i",
        (_SMALL,),
        scores.stranger_variance,
        lambda cell: float(theory.map_i.score_variance(_dim(cell), cell.n)),
    )


def _member_claim() -> Claim:
    return Claim(
        "1.1 member",
        "The score of a stored key spreads around 1 with variance (n − 1)/D.",
        "Var⟨x, s⟩/D = (n − 1)/D",
        _DERIVED,
        "variance",
        "map-i",
        (_SMALL,),
        scores.member_variance(lambda cell: 1.0),
        lambda cell: float(theory.map_i.score_variance(_dim(cell), cell.n, member=True)),
    )


def _mean_claim() -> Claim:
    return Claim(
        "1.1 mean",
        "The score of a stored key is 1 on average.",
        "E⟨x, s⟩/D = 1",
        _DERIVED,
        "mean",
        "map-i",
        (_SMALL,),
        scores.member_mean,
        lambda cell: 1.0,
    )


def _false_positive_claim() -> Claim:
    return Claim(
        "1.2 false positives",
        "Error rates of all sizes fall on one curve of √(D/n): the tail of the normal distribution, and "
        "exactly a binomial sum.",
        "P(S ≥ D/2) ≈ Q(½ √(D/n)), S the sum of D n random signs",
        _DERIVED,
        "rate",
        "map-i",
        COLLAPSE_CASES,
        scores.false_positives,
        lambda cell: float(theory.map_i.false_positive_rate(_dim(cell), cell.n)),
        tests=lambda cell: cell.probes,
        beside=lambda cell: {
            "Gaussian": float(theory.map_i.gaussian_false_positive_rate(_dim(cell), cell.n))
        },
    )


def _false_negative_claim() -> Claim:
    return Claim(
        "1.2 false negatives",
        "The same for stored keys, with one key less of noise.",
        "P(D + S < D/2) ≈ Q(½ √(D/(n − 1))), S the sum of D (n − 1) random signs",
        _DERIVED,
        "rate",
        "map-i",
        COLLAPSE_CASES,
        scores.false_negatives,
        lambda cell: float(theory.map_i.false_negative_rate(_dim(cell), cell.n)),
        tests=lambda cell: cell.n,
        beside=lambda cell: {
            "Gaussian": float(theory.map_i.gaussian_false_negative_rate(_dim(cell), cell.n))
        },
    )


def _failure_claim() -> Claim:
    return Claim(
        "1.3 failure",
        "Chance that any of 500 tests of one bundle is wrong.",
        "1 − (1 − FNR)ⁿ (1 − FPR)^(N − n), averaged over the norm of the bundle",
        _DERIVED,
        "rate",
        "map-i",
        tuple(Case(25, {"dim": dim}, trials=40_000, probes=475) for dim in (1000, 1207, 1384)),
        scores.failures,
        lambda cell: theory.map_i.failure_probability(_dim(cell), cell.n, cell.n + cell.probes),
        beside=_beside_failure,
    )


def _crossing_claim() -> Claim:
    return Claim(
        "1.4 crossing",
        "Dimension at which one bundle in ten has any wrong answer among 500 tests.",
        "D ≈ 4 n z², z = Q⁻¹(δ/N); provable D ≥ 8 n ln(N/δ) (1.5)",
        _DERIVED,
        "mean",
        "map-i",
        scores.crossing_cases("map-i"),
        scores.replicated_crossing,
        scores.predicted_crossing(theory.map_i.failure_probability),
        beside=_beside_dimension,
    )


def _norm_claim() -> Claim:
    cases = (
        Case(30, {"dim": 512}, trials=200_000),
        Case(30, {"dim": 512}, trials=200_000, setting={"weights": "zipf"}),
    )
    return Claim(
        "1.6 norm",
        "The squared length of a bundle estimates the number of keys (or the sum of squared counts) "
        "with this spread.",
        "Var|x|²/D = (2/D)(‖v‖₂⁴ − ‖v‖₄⁴)",
        _DERIVED,
        "variance",
        "map-i",
        cases,
        lambda cell, hashes: (_norms(cell, hashes) - _norm_moments(cell)[0]) ** 2,
        lambda cell: _norm_moments(cell)[1],
    )


def _inner_product_claim() -> Claim:
    return Claim(
        "1.7 inner product",
        "The product of two bundles estimates how many keys they share with this spread.",
        "Var⟨x, y⟩/D = (|X||Y| + I² − 2I)/D",
        _DERIVED,
        "variance",
        "map-i",
        (Case(60, {"dim": 512}, trials=200_000, setting={"n_y": 50, "shared": 20}),),
        lambda cell, hashes: (_inner(cell, hashes) - _inner_moments(cell)[0]) ** 2,
        lambda cell: _inner_moments(cell)[1],
    )


def _overlap_claim() -> Claim:
    cases = tuple(
        Case(
            400,
            {"dim": math.ceil(theory.map_i.intersection_dimension(eps, 0.05))},
            trials=40_000,
            setting={"eps": eps},
        )
        for eps in (0.1, 0.2)
    )
    return Claim(
        "1.8 overlap",
        "With D = 2 z²/ε² dimensions the estimated overlap of two sets is off by more than ε √(|X||Y|) "
        "in at most one case of twenty, even in the hardest case of equal sets.",
        "P(|χ²_D/D − 1| > ε), ≈ δ at D = 2 z²/ε²",
        _PAPER + " by the Johnson-Lindenstrauss route; constant derived",
        "rate",
        "map-i",
        cases,
        _overlap_misses,
        _overlap_miss_rate,
        beside=lambda cell: {"δ": 0.05},
    )


def _entropy_claim() -> Claim:
    return Claim(
        "1.9 entropy",
        "Bits of information in one counter of a bundle: what a perfect code would need.",
        "≈ ½ log₂(π e n/2)",
        _DERIVED,
        "mean",
        "map-i",
        (Case(100, {"dim": 1 << 18}, trials=40),),
        _entropies,
        lambda cell: float(theory.map_i.entropy_bits(cell.n)),
        beside=lambda cell: {"Gaussian": float(theory.map_i.gaussian_entropy_bits(cell.n))},
    )


def _overflow_claim() -> Claim:
    return Claim(
        "1.9 overflow",
        "Share of counters that leave the range of a byte.",
        "≈ 2 Q(B/√n), B = 127",
        _DERIVED,
        "rate",
        "map-i",
        (Case(2000, {"dim": 1 << 16}, trials=40, setting={"limit": 127}),),
        _overflows,
        lambda cell: float(theory.map_i.overflow_probability(cell.n, cell.setting["limit"])),
        tests=lambda cell: cell.size["dim"],
        beside=lambda cell: {"Gaussian": float(theory.map_i.gaussian_overflow_probability(cell.n, 127))},
    )
