# SPDX-License-Identifier: Apache-2.0
"""Class vectors of which most entries are zero, and rows of some dimensions alone (SparseHD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypersketch.learn._bits import Floats, Words, signs
from hypersketch.learn._encoders import MatrixEncoder, RowEncoder
from hypersketch.learn._training import Indices, Learner, norms
from hypersketch.vsa._packed import pack_bits


def prune(vectors: Floats, sparsity: float, by: str) -> None:
    """Make the least useful entries zero, where they are: whole dimensions, or as many of every class.

    A dimension is the less useful the nearer the unit class vectors are to each other there: max less min.

    >>> vectors = np.array([[3, 1, 4, 1], [3, 1, 1, 5]], np.float32)
    >>> prune(vectors, 0.5, "dimension")
    >>> vectors.tolist()
    [[0.0, 0.0, 4.0, 1.0], [0.0, 0.0, 1.0, 5.0]]
    """
    n = int(sparsity * vectors.shape[1])
    if by == "dimension":
        unit = vectors / norms(vectors)[:, np.newaxis]
        spread = unit.max(axis=0) - unit.min(axis=0)
        vectors[:, np.argsort(spread, kind="stable")[:n]] = 0
    else:
        least = np.argsort(np.abs(vectors), axis=1, kind="stable")[:, :n]
        np.put_along_axis(vectors, least, 0, axis=1)


@dataclass
class SparseLearner(Learner):
    """Class vectors that are pruned after every pass."""

    sparsity: float
    by: str

    def add_all(self, dims: Any = slice(None)) -> None:
        super().add_all(dims)
        prune(self.vectors, self.sparsity, self.by)

    def epoch(self, order: Indices) -> tuple[int, int]:
        counts = super().epoch(order)
        prune(self.vectors, self.sparsity, self.by)
        return counts


def kept_dims(vectors: Floats) -> Indices:
    """Return the dimensions in which any class vector is not zero; one at least.

    >>> kept_dims(np.array([[0, 1, 0, 2]], np.float32))
    array([1, 3])
    """
    kept = np.flatnonzero(vectors.any(axis=0))
    return kept if kept.size else np.zeros(1, np.intp)


class Chosen(RowEncoder):
    """Some dimensions of another encoder; projections compute no others."""

    def __init__(self, inner: RowEncoder, dims: Indices) -> None:
        super().__init__(inner.n_features, dims.size)
        self.inner, self.dims = inner, dims

    def floats(self, X: Floats) -> Floats:
        if isinstance(self.inner, MatrixEncoder):
            return self.inner.columns(X, self.dims)
        return self.inner.floats(X).take(self.dims, axis=1)

    def packed(self, X: Floats) -> Words:
        if isinstance(self.inner, MatrixEncoder):
            return super().packed(X)
        return pack_bits(signs(self.inner.packed(X), self.inner.dim).take(self.dims, axis=1) < 0)
