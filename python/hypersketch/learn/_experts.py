# SPDX-License-Identifier: Apache-2.0
"""Regression models that share the rows by their likeness to clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn._bits import Floats
from hypersketch.learn._training import Indices, norms

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

    def learn(self, batches: Any, wanted: Numbers, weights: Any, order: Indices) -> float:
        """Go through batches in this order; return the mean squared error, taken before a row is learned."""
        total = 0.0
        for i in order:
            part = batches.part(i)
            given = np.ones(part.stop - part.start) if weights is None else weights[part]
            total += self._learn(batches, i, wanted[part], given)
        return total / float(len(wanted) if weights is None else weights.sum())

    def _learn(self, batches: Any, i: int, wanted: Numbers, weights: Numbers) -> float:
        """Learn a batch and return its squared error."""
        rows, lengths = batches[i]
        rows = rows / lengths[:, np.newaxis]
        answers, shares, cosines = self.answers(rows)
        errors = self._errors(rows @ rows.T, shares, wanted - answers, weights)
        self.models += self._steps(shares, weights * errors).T @ rows
        if len(self.clusters) > 1:
            self.clusters += self._pulls(cosines, weights).T @ rows
        return float(weights @ errors**2)

    def _errors(self, gram: Floats, shares: Numbers, before: Numbers, weights: Numbers) -> Numbers:
        """Return the rows' errors when they are learned one after the other, from those before any was."""
        from scipy.linalg import solve_triangular

        # Row i changes the answer for a later row j by its error times its weight times likeness[j, i].
        likeness = self.learning_rate * gram * (shares @ shares.T) * weights
        chain = np.tril(likeness, -1) + np.eye(len(gram))
        return np.asarray(solve_triangular(chain, before, lower=True, unit_diagonal=True))

    def _steps(self, shares: Numbers, errors: Numbers) -> Floats:
        """Return by what every row moves every model."""
        return (self.learning_rate * shares * errors[:, np.newaxis]).astype(np.float32)

    def _pulls(self, cosines: NDArray[Any], weights: Numbers) -> Floats:
        """Return by what every row draws its nearest cluster: the more the farther that is."""
        nearest, every = np.argmax(cosines, axis=1), np.arange(len(cosines))
        pulls = np.zeros(cosines.shape, np.float32)
        pulls[every, nearest] = weights * (1 - cosines[every, nearest])
        return pulls
