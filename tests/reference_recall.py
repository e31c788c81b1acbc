# SPDX-License-Identifier: Apache-2.0
"""Memories of patterns of -1 and +1 from their definitions: whole numbers, one unit at a time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reference

SWEEP = 9  # the purpose of the random words of orders
Signs = NDArray[np.int64]
Field = Callable[[Signs, int], Any]


def hebb(patterns: Signs) -> Signs:
    """N W."""
    weights = patterns.T @ patterns
    np.fill_diagonal(weights, 0)
    return weights


def storkey(patterns: Signs) -> list[list[Fraction]]:
    """W by the rule of the paper, with local fields h_ij = sum over k other than i and j of W_ik x_k."""
    n = patterns.shape[1]
    weights = [[Fraction(0)] * n for _ in range(n)]
    for x in patterns.tolist():

        def local(i: int, j: int, w: Any = weights, x: Any = x) -> Fraction:
            return sum((w[i][k] * x[k] for k in range(n) if k not in (i, j)), Fraction(0))

        weights = [
            [
                weights[i][j] + (x[i] * x[j] - x[i] * local(j, i) - local(i, j) * x[j]) / Fraction(n)
                if i != j
                else Fraction(0)
                for j in range(n)
            ]
            for i in range(n)
        ]
    return weights


def pseudo_inverse(patterns: Signs) -> NDArray[np.float64]:
    """W, by NumPy's pseudo-inverse."""
    weights: NDArray[np.float64] = patterns.T @ np.linalg.pinv(patterns.T.astype(float))
    np.fill_diagonal(weights, 0.0)
    return weights


def matrix_field(weights: Any) -> Field:
    rows = np.array(weights, dtype=object)
    return lambda state, i: (rows[i] * state.astype(object)).sum()


def dense_field(patterns: Signs, energy: Callable[[int], Any]) -> Field:
    """Sum over patterns of F(overlap with unit i at +1) - F(overlap with it at -1)."""

    def field(state: Signs, i: int) -> Any:
        total: Any = 0
        for pattern in patterns.tolist():
            rest = sum(p * s for k, (p, s) in enumerate(zip(pattern, state.tolist(), strict=True)) if k != i)
            total += energy(rest + pattern[i]) - energy(rest - pattern[i])
        return total

    return field


def random_order(n_units: int, seed: int, sweep: int) -> list[int]:
    """Fisher and Yates by multiplication."""
    start = reference.stream_starts(seed, SWEEP, np.array([sweep], np.uint64))
    words = [int(word) for word in reference.random_words(start, n_units + 1)[0]]
    units = list(range(n_units))
    for i in range(n_units, 1, -1):
        j = words[i] * i >> 64
        units[i - 1], units[j] = units[j], units[i - 1]
    return units


def retrieve(
    field: Field, state: Signs, update: str, budget: int, seed: int = 0, tie: float = 0.0
) -> tuple[Signs, int, bool, bool]:
    """State, sweeps, whether it converged, whether it ended in two states."""
    state = state.copy()
    before: Signs | None = None
    for sweep in range(budget):
        last = state.copy()
        if update == "sync":
            turns = [field(last, i) * int(last[i]) < -tie for i in range(state.size)]
            state[turns] *= -1
        else:
            for i in random_order(state.size, seed, sweep):
                if field(state, i) * int(state[i]) < -tie:
                    state[i] *= -1
        if (state == last).all():
            return state, sweep + 1, True, False
        if update == "sync" and before is not None and (state == before).all():
            return state, sweep + 1, False, True
        before = last
    return state, budget, False, False
