# SPDX-License-Identifier: Apache-2.0
"""How class vectors are learned from batches of encoded rows, and which dimensions teach nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import MatrixEncoder, RowEncoder, as_signs

Indices = NDArray[np.intp]
_KEPT_BYTES = 1 << 30
"""Encoded rows up to this size are kept; more of them are encoded anew whenever they are needed."""


def norms(rows: Floats) -> Floats:
    """Return the lengths of rows; 0 as the least number above it.

    >>> norms(np.array([[3, 4]], np.float32))
    array([5.], dtype=float32)
    """
    lengths = np.empty(len(rows), np.float32)
    _core.lengths(rows, lengths, _threads.get_num_threads())
    return lengths


def products(rows: Floats, vectors: Floats) -> Floats:
    """Return the inner product of every row with every vector, whatever else is in the batch.

    >>> products(np.eye(2, dtype=np.float32), np.array([[2, 3]], np.float32))
    array([[2.],
           [3.]], dtype=float32)
    """
    scores = np.empty((len(rows), len(vectors)), np.float32)
    _core.inner_products(rows, vectors, scores, _threads.get_num_threads())
    return scores


def cosines(rows: Floats, lengths: Floats, vectors: Floats) -> Floats:
    """Return the cosine of every row, of known length, with every vector.

    >>> cosines(np.eye(2, dtype=np.float32), np.ones(2, np.float32), np.array([[2, 0]], np.float32))
    array([[1.],
           [0.]], dtype=float32)
    """
    scores = products(rows, vectors)
    scores /= norms(vectors)
    scores /= lengths[:, np.newaxis]
    return scores


class Batches:
    """The encoded rows as float32, some at a time."""

    def __init__(self, encoder: RowEncoder, X: Floats, size: int, *, binary: bool) -> None:
        self._encode: Callable[[Floats], Floats] = encoder.signs if binary else encoder.floats
        self._X, self.size, self._binary = X, size, binary
        keep = 4 * encoder.dim * len(X) <= _KEPT_BYTES
        self._kept = self._encode(X) if keep else None
        self._lengths = None if self._kept is None else norms(self._kept)

    def redrawn(self, encoder: MatrixEncoder, dims: Indices) -> None:
        """Take note that the encoder has changed some dimensions."""
        if self._kept is None:
            return
        columns = encoder.columns(self._X, dims)
        self._kept[:, dims] = as_signs(columns) if self._binary else columns
        self._lengths = norms(self._kept)

    def __len__(self) -> int:
        return -(-len(self._X) // self.size)

    def part(self, i: int) -> slice:
        """Return which rows batch i has."""
        return slice(i * self.size, min((i + 1) * self.size, len(self._X)))

    def whole(self) -> tuple[Floats, Floats] | None:
        """Return all rows and their lengths where they are kept."""
        return None if self._kept is None or self._lengths is None else (self._kept, self._lengths)

    def __getitem__(self, i: int) -> tuple[Floats, Floats]:
        part = self.part(i)
        kept = self.whole()
        if kept is not None:
            return kept[0][part], kept[1][part]
        rows = self._encode(self._X[part])
        return rows, norms(rows)


@dataclass
class Rule:
    """What a row adds to the class vectors when its class does not win clearly."""

    learning_rate: float
    margin: float
    """A class wins clearly when its cosine is larger than every other by more than this."""
    by_distance: bool
    """Whether a correction is the smaller the nearer the class vector already is (OnlineHD)."""
    binarized: bool
    """Whether rows meet the signs of the class vectors (QuantHD)."""


@dataclass
class Learner:
    """Class vectors, and the rows that they are learned from."""

    batches: Batches
    targets: Indices
    weights: Floats | None
    vectors: Floats
    rule: Rule

    def _weights(self, part: slice) -> Floats | None:
        return None if self.weights is None else self.weights[part]

    def add_all(self, dims: Any = slice(None)) -> None:
        """Add every row to the vector of its class, in some dimensions."""
        for i in range(len(self.batches)):
            part = self.batches.part(i)
            rows = self.batches[i][0][:, dims]
            steps = np.zeros((len(self.vectors), len(rows)), np.float32)
            given = self._weights(part)
            steps[self.targets[part], np.arange(len(rows))] = 1.0 if given is None else given
            self.vectors[:, dims] += steps @ rows

    def epoch(self, order: Indices) -> tuple[int, int]:
        """Go through the batches in this order; return how many rows corrected and how many were mistaken."""
        whole = self.batches.whole()
        if whole is not None:
            return self._pass(*whole, slice(None), order, self.batches.size)
        counts = [self._pass(*self.batches[i], self.batches.part(i), np.zeros(1, np.int64)) for i in order]
        return sum(found for found, _ in counts), sum(wrong for _, wrong in counts)

    def _pass(
        self, rows: Floats, lengths: Floats, part: slice, order: Indices, size: int | None = None
    ) -> tuple[int, int]:
        rule = self.rule
        return _core.learn_pass(
            rows,
            lengths,
            self.targets[part],
            self._weights(part),
            self.vectors,
            order.astype(np.int64, copy=False),
            size or max(1, len(rows)),
            rule.learning_rate,
            rule.margin,
            rule.by_distance,
            rule.binarized,
            _threads.get_num_threads(),
        )

    # ---- regeneration

    def least_varied(self, n: int) -> Indices:
        """Return the n dimensions in which the classes differ least (NeuralHD)."""
        unit = self.vectors / norms(self.vectors)[:, np.newaxis]
        return _smallest(unit.var(axis=0), n)

    def most_misleading(self, n: int, alpha: float, beta: float, theta: float) -> Indices:
        """Return the n dimensions that bring mistaken rows nearest to wrong classes (DistHD)."""
        scores = np.zeros(self.vectors.shape[1])
        unit = self.vectors / norms(self.vectors)[:, np.newaxis]
        for i in range(len(self.batches)):
            found, rows, lengths = self._met(i, unit)
            targets = self.targets[self.batches.part(i)]
            ranks = np.argsort(-found, axis=1, kind="stable")[:, :2]
            wrong = np.flatnonzero(ranks[:, 0] != targets)
            for row in wrong:
                own, (first, second) = targets[row], ranks[row]
                vector = rows[row] / lengths[row]
                far = [np.abs(unit[c] - vector) for c in (own, first, second)]
                score = alpha * far[0] - beta * far[1]
                scores += score if second == own else score - theta * far[2]
        return _smallest(-scores, n)

    def _met(self, i: int, unit: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the products of a batch with vectors, its rows and their lengths."""
        rows, lengths = self.batches[i]
        return products(rows, unit), rows, lengths


def _smallest(scores: NDArray[Any], n: int) -> Indices:
    """Return where the n smallest scores are; of equal ones the first, in rising order."""
    return np.sort(np.argsort(scores, kind="stable")[:n])
