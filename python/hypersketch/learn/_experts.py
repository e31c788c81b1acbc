# SPDX-License-Identifier: Apache-2.0
"""Regression models that share the rows by their likeness to clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn._bits import Floats
from hypersketch.learn._training import Batches, Indices, norms

Numbers = NDArray[np.float64]


def softmax(scores: Numbers) -> Numbers:
    """Return exponentials of scores as shares of each row.

    >>> softmax(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    parts = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


@dataclass
class Experts:
    """One model a cluster (RegHD)."""

    models: Floats
    clusters: Floats
    learning_rate: float
    sharpness: float

    def answers(self, rows: NDArray[Any]) -> tuple[Numbers, Numbers, NDArray[Any]]:
        """Return what the models say of rows of length one, how they share in it, and the rows' cosines."""
        models, clusters = self.models.astype(rows.dtype), self.clusters.astype(rows.dtype)
        cosines = rows @ (clusters / norms(self.clusters)[:, np.newaxis]).T
        shares = softmax(self.sharpness * cosines.astype(np.float64))
        return (shares * (rows @ models.T)).sum(axis=1), shares, cosines

    def learn(self, batches: Batches, wanted: Numbers, weights: Any, order: Indices) -> float:
        """Go through batches in this order; return the mean squared error, taken before a row is learned."""
        total = 0.0
        for i in order:
            part = batches.part(i)
            rows, lengths = batches[i]
            given = np.ones(len(rows)) if weights is None else weights[part]
            total += self._learn(rows / lengths[:, np.newaxis], wanted[part], given)
        return total / float(len(wanted) if weights is None else weights.sum())

    def _learn(self, rows: Floats, wanted: Numbers, weights: Numbers) -> float:
        from scipy.linalg import solve_triangular

        answers, shares, cosines = self.answers(rows)
        # Row i changes the answer for a later row j by its error times its weight times likeness[j, i].
        likeness = self.learning_rate * (rows @ rows.T) * (shares @ shares.T) * weights
        chain = np.tril(likeness, -1) + np.eye(len(rows))
        errors = solve_triangular(chain, wanted - answers, lower=True, unit_diagonal=True)
        steps = self.learning_rate * shares * (weights * errors)[:, np.newaxis]
        self.models += steps.T.astype(np.float32) @ rows
        if len(self.clusters) > 1:
            self._move_clusters(rows, cosines, weights)
        return float(weights @ errors**2)

    def _move_clusters(self, rows: Floats, cosines: Floats, weights: Numbers) -> None:
        """Let every row draw its nearest cluster, the more the farther that is."""
        nearest = np.argmax(cosines, axis=1)
        every = np.arange(len(rows))
        pulls = np.zeros((len(self.clusters), len(rows)), np.float32)
        pulls[nearest, every] = weights * (1 - cosines[every, nearest])
        self.clusters += pulls @ rows
