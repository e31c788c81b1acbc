# SPDX-License-Identifier: Apache-2.0
"""Claims about MAP-B: the majority's correlation with its members, errors, nesting, overlap, flipped bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims import scores
from hypersketch.capacity.claims.base import Case, Claim, FloatArray, UInt64Array, blocks
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.structures import structure
from hypersketch.vsa import MapB

__all__ = ["claims"]

_PAPER = "Clarkson, Ubaru, Yang (arXiv 2301.10352)"
_DERIVED = "derived for this library"
_AGES = 6
_USUAL = Case(31, {"dim": 1024}, trials=20_000, probes=200)
_OVERLAPPING = tuple(
    Case(41, {"dim": 4000}, trials=10_000, setting={"shared": shared}) for shared in (10, 20, 30)
)


def _dim(cell: Cell) -> int:
    return cell.size["dim"]


def _correlation(cell: Cell) -> float:
    return float(theory.map_b.correlation(cell.n))


def _each(
    cell: Cell, hashes: UInt64Array, per_trial: int, of: Callable[[MapB, UInt64Array, int], float]
) -> FloatArray:
    """One number for each trial, from its space, its keys and its seed."""
    result: FloatArray = blocks(
        cell,
        hashes,
        per_trial,
        lambda seeds, keys: [
            of(MapB(_dim(cell), seed=seed), row, seed) for seed, row in zip(seeds.tolist(), keys, strict=True)
        ],
    )
    return result


def _distances(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean relative Hamming distance of members and bundle."""
    result: FloatArray = (1 - scores.member_mean(cell, hashes)) / 2
    return result


def _incremental(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Similarity with the item that came `age` steps ago, when every step keeps only the signs."""
    age = cell.setting["age"]

    def similarity(space: MapB, keys: UInt64Array, seed: int) -> float:
        items, ties = space.atoms(keys[:_AGES], threads=1), space.atoms(keys[_AGES:], threads=1)
        state = items[0]
        for item, tie in zip(items[1:], ties, strict=True):
            bundle = space.bundle()  # a third, fresh vector decides exactly the ties, at random
            bundle.add_vectors(np.stack([state, item, tie]), threads=1)
            state = bundle.pack().vector
        return float(np.ravel(space.similarity(state, items[_AGES - 1 - age]))[0])

    return _each(cell, hashes, 2 * _AGES - 1, similarity)


def _flipped(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean similarity of the members with a bundle of which a share of the bits is flipped."""
    rate = cell.setting["flips"]

    def similarity(space: MapB, keys: UInt64Array, seed: int) -> float:
        flips = np.random.default_rng(seed).random(_dim(cell)) < rate
        mask = np.packbits(np.pad(flips, (0, -_dim(cell) % 64)), bitorder="little").view(np.uint64)
        noisy = space.bundle(keys, threads=1).pack().vector ^ mask
        atoms = space.atoms(keys, threads=1)
        return float(np.mean(space.similarity(np.broadcast_to(noisy, atoms.shape), atoms)))

    return _each(cell, hashes, cell.n, similarity)


def _agreement(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Correlation over the bits between two members' agreements with their bundle."""

    def correlation(space: MapB, keys: UInt64Array, seed: int) -> float:
        first, second = space.bundle(keys, threads=1).pack().similarity(keys[:2], threads=1)
        atoms = space.atoms(keys[:2], threads=1)
        both = float(np.ravel(space.similarity(atoms[0], atoms[1]))[0])  # x² = 1: the product of agreements
        return float((both - first * second) / np.sqrt((1 - first**2) * (1 - second**2)))

    return _each(cell, hashes, cell.n, correlation)


def _nested(cell: Cell, hashes: UInt64Array) -> list[float]:
    return experiment("nested").measure(cell, hashes)["leaf similarity"]


def _overlaps(cell: Cell, hashes: UInt64Array) -> list[float]:
    return experiment("intersection").measure(cell, hashes)["mean estimate"]


def _overlap_moments(cell: Cell) -> tuple[float, float]:
    return structure("map-b").intersection_moments(cell.size, cell.n, cell.n, cell.setting["shared"])


def _beside_dimension(cell: Cell) -> dict[str, float]:
    return {
        "Gaussian": float(theory.map_b.dimension(cell.n, 500, 0.1)),
        "provable (Hoeffding)": float(theory.map_b.provable_dimension(cell.n, 500, 0.1)),
        "paper, 56 n ln(2d/δ)": float(theory.bounds.map_b_dimension(cell.n, 500, 0.1)),
    }


def claims() -> list[Claim]:
    """Claims 2.1 to 2.8."""
    return [
        _correlation_claim(),
        _distance_claim(),
        _stranger_claim(),
        _member_claim(),
        _failure_claim(),
        _crossing_claim(),
        _nested_claim(),
        _incremental_claim(),
        _overlap_claim(),
        _overlap_spread_claim(),
        _flipped_claim(),
        _agreement_claim(),
    ]


def _correlation_claim() -> Claim:
    return Claim(
        "2.1 correlation",
        "Similarity of a majority with each of its n members: a staircase, equal for 2m and 2m + 1 members.",
        "c(n) = C(n − 1, (n − 1)/2)/2ⁿ⁻¹ ~ √(2/(π n)); c(n) = c(n + 1) for even n",
        "Kanerva 1997, as coded in the hdfsa repository",
        "mean",
        "map-b",
        tuple(Case(n, {"dim": 2048}, trials=2000) for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 31)),
        scores.member_mean,
        _correlation,
        beside=lambda cell: {"√(2/πn)": float(np.sqrt(2 / (np.pi * cell.n)))},
    )


def _distance_claim() -> Claim:
    return Claim(
        "2.2 distance",
        "Relative Hamming distance of a member from the majority.",
        "Δ = (1 − c(n))/2",
        "Kanerva 1997, as coded in the hdfsa repository",
        "mean",
        "map-b",
        (_USUAL,),
        _distances,
        lambda cell: float(theory.map_b.hamming(cell.n)),
    )


def _stranger_claim() -> Claim:
    return Claim(
        "2.3 stranger",
        "The score of a key that is not stored has variance 1/D, whatever the number of keys.",
        "Var⟨x, s⟩/D = 1/D",
        _DERIVED,
        "variance",
        "map-b",
        (_USUAL,),
        scores.stranger_variance,
        lambda cell: float(theory.map_b.score_variance(_dim(cell), cell.n)),
    )


def _member_claim() -> Claim:
    return Claim(
        "2.3 member",
        "The score of a stored key spreads around c(n) with variance (1 − c²)/D.",
        "Var⟨x, s⟩/D = (1 − c²)/D",
        _DERIVED,
        "variance",
        "map-b",
        (_USUAL,),
        scores.member_variance(_correlation),
        lambda cell: float(theory.map_b.score_variance(_dim(cell), cell.n, member=True)),
    )


def _failure_claim() -> Claim:
    return Claim(
        "2.4 failure",
        "Chance that any of 500 tests of one majority bundle is wrong, at the threshold c/2.",
        "1 − (1 − FNR)ⁿ (1 − FPR)^(N − n), exact binomial rates",
        _DERIVED,
        "rate",
        "map-b",
        tuple(Case(25, {"dim": dim}, trials=40_000, probes=475) for dim in (1800, 2171, 2600)),
        scores.failures,
        lambda cell: theory.map_b.failure_probability(_dim(cell), cell.n, cell.n + cell.probes),
        beside=lambda cell: {
            "Gaussian": float(theory.map_b.gaussian_failure_probability(_dim(cell), cell.n, 500))
        },
    )


def _crossing_claim() -> Claim:
    return Claim(
        "2.4 crossing",
        "Dimension at which one bundle in ten has any wrong answer among 500 tests. The paper's "
        "provable constant is about six times larger.",
        "D ≈ 2 π n z²; paper m = 56 n ln(2d/δ)",
        _PAPER + ", Theorem 16 (second hand); sharp form derived",
        "mean",
        "map-b",
        scores.crossing_cases("map-b"),
        scores.replicated_crossing,
        scores.predicted_crossing(theory.map_b.failure_probability),
        beside=_beside_dimension,
    )


def _nested_claim() -> Claim:
    cases = tuple(
        Case(
            fan_out**depth, {"dim": 2048}, trials=300, probes=1, setting={"fan_out": fan_out, "depth": depth}
        )
        for fan_out, depth in ((3, 2), (3, 3), (5, 3))
    )
    return Claim(
        "2.5 nested",
        "Similarity with a leaf of a tree of majorities falls by the factor c(fan-out) at each level.",
        "c(n)^depth",
        _DERIVED + "; the paper's Lemma 17 (second hand) states the pairwise case",
        "mean",
        "map-b",
        cases,
        _nested,
        lambda cell: float(theory.map_b.nested_correlation(cell.setting["fan_out"], cell.setting["depth"])),
    )


def _incremental_claim() -> Claim:
    return Claim(
        "2.5 incremental",
        "If every new item is merged with the signs kept so far, older items fade by half a step.",
        "2^−(age + 1)",
        _PAPER + ", Lemma 17 (second hand)",
        "mean",
        "map-b",
        tuple(Case(_AGES, {"dim": 2048}, trials=500, setting={"age": age}) for age in range(_AGES - 1)),
        _incremental,
        lambda cell: float(theory.map_b.incremental_correlation(cell.setting["age"])),
    )


def _overlap_claim() -> Claim:
    return Claim(
        "2.6 overlap",
        "Two majorities tell how many members they share.",
        "Î = n sin(π corr/2), corr ≈ (2/π) asin(I/n)",
        _DERIVED,
        "mean",
        "map-b",
        _OVERLAPPING,
        _overlaps,
        lambda cell: _overlap_moments(cell)[0],
        beside=lambda cell: {"shared": cell.setting["shared"]},
    )


def _overlap_spread_claim() -> Claim:
    return Claim(
        "2.6 overlap spread",
        "Standard deviation of that estimate.",
        "≈ (π n/2) cos(π corr/2) √((1 − corr²)/D)",
        _DERIVED,
        "rms",
        "map-b",
        _OVERLAPPING,
        lambda cell, hashes: (np.array(_overlaps(cell, hashes)) - _overlap_moments(cell)[0]) ** 2,
        lambda cell: _overlap_moments(cell)[1],
        beside=lambda cell: {
            "delta method": float(theory.map_b.intersection_sd(cell.n, cell.setting["shared"], _dim(cell)))
        },
    )


def _flipped_claim() -> Claim:
    return Claim(
        "2.7 flipped bits",
        "Flipping a share p of a bundle's bits shrinks every similarity by 1 − 2p.",
        "c → (1 − 2p) c",
        "hdfsa repository; derived",
        "mean",
        "map-b",
        tuple(Case(11, {"dim": 2048}, trials=2000, setting={"flips": rate}) for rate in (0.1, 0.3)),
        _flipped,
        lambda cell: float(theory.map_b.flipped_correlation(cell.n, cell.setting["flips"])),
    )


def _agreement_claim() -> Claim:
    return Claim(
        "2.8 agreement",
        "Where one member agrees with its majority, another one agrees a little less often.",
        "−ρ²/(1 − ρ²), ρ = c(n)",
        "ABM preprint (second hand); derived",
        "mean",
        "map-b",
        tuple(Case(n, {"dim": 4096}, trials=4000) for n in (3, 11)),
        _agreement,
        lambda cell: float(theory.map_b.agreement(cell.n)),
    )
