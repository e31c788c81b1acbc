# SPDX-License-Identifier: Apache-2.0
"""Learning rules whose weights are floats: Storkey's and the pseudo-inverse, as products of thin matrices.

W = U^T V less its diagonal, with a row or two of U and V a pattern, so fields cost 2 r N products instead of
N^2. Fields closer to zero than a tie count as zero: far more than rounding, far less than almost any field,
so both ways to compute them turn the same units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TIE = 1e-9
"""Of the diagonal that is taken off, where that exceeds 1: rounding grows with it."""
_MOST_ENTRIES = 1 << 22
"""Of the states that are updated together."""


class Fields(Protocol):
    """Fields of states, one a row, that follow single units."""

    tie: float

    def start(self, states: Floats) -> None: ...

    def all(self) -> Floats: ...

    def of(self, unit: int) -> Floats: ...

    def turned(self, rows: NDArray[np.intp], unit: int, signs: Floats) -> None: ...


class ThinFields:
    """Through products with the thin matrices."""

    def __init__(self, u: Floats, v: Floats) -> None:
        self.u, self.v = u, v
        self.diagonal = (u * v).sum(axis=0)
        self.tie = TIE * max(1.0, float(np.abs(self.diagonal).max()))

    def start(self, states: Floats) -> None:
        self.states = states
        self.products = states @ self.v.T

    def all(self) -> Floats:
        fields: Floats = self.products @ self.u - self.states * self.diagonal
        return fields

    def of(self, unit: int) -> Floats:
        field: Floats = self.products @ self.u[:, unit] - self.states[:, unit] * self.diagonal[unit]
        return field

    def turned(self, rows: NDArray[np.intp], unit: int, signs: Floats) -> None:
        self.products[rows] += 2.0 * np.outer(signs, self.v[:, unit])

    def matrix(self) -> Floats:
        """Return W."""
        weights: Floats = self.u.T @ self.v
        np.fill_diagonal(weights, 0.0)
        symmetric: Floats = (weights + weights.T) / 2.0  # to the last bit
        return symmetric


class MatrixFields:
    """Through W."""

    def __init__(self, weights: Floats, tie: float) -> None:
        self.weights, self.tie = weights, tie

    def start(self, states: Floats) -> None:
        self.fields = states @ self.weights

    def all(self) -> Floats:
        return self.fields

    def of(self, unit: int) -> Floats:
        field: Floats = self.fields[:, unit]
        return field

    def turned(self, rows: NDArray[np.intp], unit: int, signs: Floats) -> None:
        self.fields[rows] += 2.0 * np.outer(signs, self.weights[unit])


# ---- rules


def storkey(patterns: Floats) -> ThinFields:
    """Return the weights of Storkey's rule, pattern after pattern.

    With zero diagonal the local fields h_ij = h_i - W_ij x_j make the step W (1 + 2/N) + (x x^T - x h^T - h
    x^T) / N, h = W x.
    """
    n, n_units = patterns.shape
    own, diagonal = np.zeros_like(patterns), np.zeros(n_units)
    growth = 1.0 + 2.0 / n_units
    for m, state in enumerate(patterns):
        if m:
            factors = growth ** np.arange(m - 1, -1, -1.0) / n_units
            own[m] = _thin(patterns[:m], own[:m], factors, state) - diagonal * state
        diagonal = growth * diagonal + state * (state - 2.0 * own[m]) / n_units
    factors = growth ** np.arange(n - 1, -1, -1.0)[:, np.newaxis] / n_units
    u = np.concatenate((patterns, own))
    return ThinFields(u, np.concatenate((factors * (patterns - own), -factors * patterns)))


def _thin(x: Floats, h: Floats, factors: Floats, state: Floats) -> Floats:
    """Return (sum of factor (x x^T - x h^T - h x^T)) state."""
    by_x, by_h = factors * (x @ state), factors * (h @ state)
    field: Floats = (by_x - by_h) @ x - by_x @ h
    return field


def pseudo_inverse(patterns: Floats) -> ThinFields:
    """Return the weights of the projection onto the patterns, X^T (X X^T)^-1 X."""
    return ThinFields(patterns, np.linalg.solve(patterns @ patterns.T, patterns))


def first_dependent(patterns: Floats) -> int | None:
    """Return the first pattern that depends linearly on those before it, as far as floats can tell.

    Examples
    --------
    >>> first_dependent(np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]))
    2
    """
    gram = patterns @ patterns.T
    low, high = 0, len(gram)
    if _independent(gram, patterns.shape[1]):
        return None
    while high - low > 1:  # the first `low` rows are independent, the first `high` are not
        middle = (low + high) // 2
        if _independent(gram[:middle, :middle], patterns.shape[1]):
            low = middle
        else:
            high = middle
    return high - 1


def _independent(gram: Floats, n_units: int) -> bool:
    try:
        pivots = np.diagonal(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        return False
    # A pivot's square is the squared distance from the span of the patterns before, of which N is the most.
    return bool((pivots**2 > 1e-10 * n_units).all())


# ---- updates


def blocks(n: int, n_units: int) -> Iterator[slice]:
    """Cut states into blocks that are updated together."""
    step = max(1, _MOST_ENTRIES // n_units)
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def step_all(fields: Fields, states: Floats) -> NDArray[np.bool_]:
    """Update all units at once, in place; return which rows changed."""
    fields.start(states)
    turns = np.less(fields.all() * states, -fields.tie)
    states[turns] *= -1.0
    return np.asarray(turns.any(axis=1))


def sweep(fields: Fields, states: Floats, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Update one unit after the other, in place; return which rows changed."""
    fields.start(states)
    changed = np.zeros(len(states), np.bool_)
    for unit in order.tolist():
        rows = np.flatnonzero(fields.of(unit) * states[:, unit] < -fields.tie)
        if rows.size:
            states[rows, unit] *= -1.0
            fields.turned(rows, unit, states[rows, unit])
            changed[rows] = True
    return changed


def energies(fields: Fields, states: Floats) -> Floats:
    """Return -s^T W s / 2 of every state."""
    fields.start(states)
    halves: Floats = -0.5 * (fields.all() * states).sum(axis=1)
    return halves
