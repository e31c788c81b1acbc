# SPDX-License-Identifier: Apache-2.0
"""Claims about bound pairs, grids of bindings and shifted vectors (MAP-I)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims.base import Case, Claim, FloatArray, UInt64Array, blocks
from hypersketch.vsa import MapI

__all__ = ["claims"]

_DERIVED = "derived for this library"


def _dim(cell: Cell) -> int:
    return cell.size["dim"]


def _grid(keys: UInt64Array, side: int, factors: int) -> UInt64Array:
    """Factors (F, T, side^F) of every product of one key of each of F groups of `side` keys."""
    groups = keys.reshape(len(keys), factors, side)
    places = np.indices((side,) * factors).reshape(factors, -1)
    return np.stack([groups[:, f, places[f]] for f in range(factors)])


def _grid_norms(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Squared deviation of |x|^2 / (n D) from 1 for a full grid of products."""
    side, factors = cell.setting["side"], cell.setting["factors"]

    def squares(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        items = _grid(keys, side, factors)
        norms = kernels.bundle_trials(_dim(cell), False, seeds, items, items).sum(axis=1)
        result: FloatArray = (norms / (cell.n * _dim(cell)) - 1) ** 2
        return result

    result: FloatArray = blocks(cell, hashes, side * factors, squares)
    return result


def _pair_scores(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Mean squared score of pairs of a stored key and a value that is in no pair."""
    side = cell.setting["side"]

    def squares(seeds: UInt64Array, keys: UInt64Array) -> FloatArray:
        items = _grid(keys[:, : 2 * side], side, 2)
        strangers = np.stack([keys[:, :side], keys[:, 2 * side :]])
        raw = kernels.bundle_trials(_dim(cell), False, seeds, items, strangers) / _dim(cell)
        result: FloatArray = (raw**2).mean(axis=1)
        return result

    result: FloatArray = blocks(cell, hashes, 3 * side, squares)
    return result


def _shifted(cell: Cell, seed: int, key: UInt64Array, length: int) -> UInt64Array:
    space = MapI(_dim(cell), seed=seed)
    atom = space.atoms(key, threads=1)
    return np.concatenate([space.permute(atom, shift) for shift in range(length)])


def _shifted_norms(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Squared deviation of |x|^2 / D from its mean, one symbol at L consecutive shifts."""

    def square(seed: int, key: UInt64Array) -> float:
        bundle = MapI(_dim(cell), seed=seed).bundle()
        bundle.add_vectors(_shifted(cell, seed, key, cell.n), threads=1)
        counters = bundle.counters.astype(np.float64)
        return float((counters @ counters / _dim(cell) - cell.n) ** 2)

    return _each(cell, hashes, square)


def _repeated_symbol(cell: Cell, hashes: UInt64Array) -> FloatArray:
    """Squared score of a symbol at a place where it does not stand, stored at n others."""

    def square(seed: int, key: UInt64Array) -> float:
        places = _shifted(cell, seed, key, cell.n + 1)
        bundle = MapI(_dim(cell), seed=seed).bundle()
        bundle.add_vectors(places[:-1], threads=1)
        return float(bundle.vector_similarity(places[-1:], threads=1)[0] ** 2)

    return _each(cell, hashes, square)


def _each(cell: Cell, hashes: UInt64Array, of: Callable[[int, UInt64Array], float]) -> FloatArray:
    """One number for each trial, from its seed and one key."""
    result: FloatArray = blocks(
        cell, hashes, 1, lambda seeds, keys: [of(s, k) for s, k in zip(seeds.tolist(), keys, strict=True)]
    )
    return result


def claims() -> list[Claim]:
    """Claims 1b."""
    return [
        _pair_claim(),
        _grid_claim(),
        _repeated_symbol_claim(),
        _shift_claim(),
    ]


def _pair_claim() -> Claim:
    return Claim(
        "1b pairs",
        "Pairs that share keys and values disturb each other no more than independent items: the "
        "variance of a pair's score is n/D.",
        "Var⟨x, k ∘ v⟩/D = n/D",
        _DERIVED,
        "variance",
        "map-i",
        (Case(25, {"dim": 512}, trials=20_000, setting={"side": 5}),),
        _pair_scores,
        lambda cell: float(theory.map_i.score_variance(_dim(cell), cell.n)),
    )


def _grid_claim() -> Claim:
    cases = tuple(
        Case(8**factors, {"dim": 512}, trials=50_000, setting={"side": 8, "factors": factors})
        for factors in (1, 2, 3)
    )
    return Claim(
        "1b grid",
        "The length of a bundle of all products of one key from each of k groups of 8 spreads far more "
        "than that of independent items (relative variance 2/D).",
        "Var(|x|²/D)/n² = ((3 − 2/K)^k − 1)/D, K = 8",
        _DERIVED,
        "variance",
        "map-i",
        cases,
        _grid_norms,
        lambda cell: float(
            theory.map_i.grid_norm_variance(cell.setting["side"], cell.setting["factors"], _dim(cell))
        ),
        beside=lambda cell: {"independent items": 2 / _dim(cell)},
    )


def _repeated_symbol_claim() -> Claim:
    return Claim(
        "1b repeated symbol",
        "A symbol stored at 8 positions is no louder at a ninth than 8 different symbols would be.",
        "Var⟨x, ρ⁹ s⟩/D = n/D",
        _DERIVED,
        "variance",
        "map-i",
        (Case(8, {"dim": 512}, trials=20_000),),
        _repeated_symbol,
        lambda cell: float(theory.map_i.score_variance(_dim(cell), cell.n)),
    )


def _shift_claim() -> Claim:
    return Claim(
        "1b shifts",
        "The length of one symbol at L consecutive shifts spreads as L³, not as L².",
        "Var(|x|²/D) = (4/D) Σ (L − t)²",
        _DERIVED + "; the paper bounds it by the square of the multiplicity (Theorem 10, second hand)",
        "variance",
        "map-i",
        (Case(32, {"dim": 1024}, trials=8000),),
        _shifted_norms,
        lambda cell: float(theory.map_i.shifted_norm_variance(cell.n, _dim(cell))),
    )
