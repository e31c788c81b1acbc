# SPDX-License-Identifier: Apache-2.0
"""How class vectors are learned from batches of encoded rows, and which dimensions teach nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import RowEncoder

Indices = NDArray[np.intp]
_TINY = np.finfo(np.float32).tiny
_KEPT_BYTES = 1 << 30
"""Encoded rows up to this size are kept; more of them are encoded anew whenever they are needed."""


def norms(rows: Floats) -> Floats:
    """Return the lengths of rows; 0 as the least number above it.

    >>> norms(np.array([[3, 4]], np.float32))
    array([5.], dtype=float32)
    """
    return np.asarray(np.maximum(np.sqrt(np.einsum("nd,nd->n", rows, rows)), _TINY), np.float32)


def cosines(rows: Floats, lengths: Floats, vectors: Floats) -> Floats:
    """Return the cosine of every row, of known length, with every vector.

    >>> cosines(np.eye(2, dtype=np.float32), np.ones(2, np.float32), np.array([[2, 0]], np.float32))
    array([[1.],
           [0.]], dtype=float32)
    """
    scores = rows @ vectors.T
    scores /= norms(vectors)
    scores /= lengths[:, np.newaxis]
    return np.asarray(scores)


class Batches:
    """The encoded rows as float32, some at a time."""

    def __init__(self, encoder: RowEncoder, X: Floats, size: int, *, as_signs: bool) -> None:
        self._encode: Callable[[Floats], Floats] = encoder.signs if as_signs else encoder.floats
        self._X, self.size = X, size
        self._keep = 4 * encoder.dim * len(X) <= _KEPT_BYTES
        self.encode()

    def encode(self) -> None:
        """Encode the rows that are kept; anew when the encoder has changed."""
        self._kept = self._encode(self._X) if self._keep else None
        self._lengths = None if self._kept is None else norms(self._kept)

    def __len__(self) -> int:
        return -(-len(self._X) // self.size)

    def part(self, i: int) -> slice:
        """Return which rows batch i has."""
        return slice(i * self.size, min((i + 1) * self.size, len(self._X)))

    def __getitem__(self, i: int) -> tuple[Floats, Floats]:
        part = self.part(i)
        if self._kept is not None and self._lengths is not None:
            return self._kept[part], self._lengths[part]
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

    def scores(self, rows: Floats, lengths: Floats, vectors: Floats) -> Floats:
        if self.binarized:
            vectors = np.sign(vectors)
        return cosines(rows, lengths, vectors)

    def corrections(
        self, scores: Floats, targets: Indices, weights: Floats | None
    ) -> tuple[Indices, Floats, int]:
        """Return which rows correct, by how much which class (a column a row), and how many were mistaken."""
        every = np.arange(len(targets))
        own = scores[every, targets]
        others = scores.copy()
        others[every, targets] = -np.inf
        rivals = np.argmax(others, axis=1)
        best = others[every, rivals]
        found = np.flatnonzero(own - best <= self.margin)
        steps = np.zeros((scores.shape[1], found.size), np.float32)
        toward, away = (1 - own[found], 1 - best[found]) if self.by_distance else (1.0, 1.0)
        columns = np.arange(found.size)
        steps[targets[found], columns] = toward
        steps[rivals[found], columns] = np.negative(away)
        steps *= self.learning_rate
        if weights is not None:
            steps *= weights[found]
        return found, steps, int(np.count_nonzero(own <= best))


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
        corrected = mistaken = 0
        for i in order:
            part = self.batches.part(i)
            rows, lengths = self.batches[i]
            scores = self.rule.scores(rows, lengths, self.vectors)
            found, steps, wrong = self.rule.corrections(scores, self.targets[part], self._weights(part))
            if found.size:
                few = 2 * found.size < len(rows)
                if not few:
                    whole = np.zeros((len(steps), len(rows)), np.float32)
                    whole[:, found] = steps
                self.vectors += steps @ rows[found] if few else whole @ rows
            corrected += found.size
            mistaken += wrong
        return corrected, mistaken

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
            rows, lengths = self.batches[i]
            targets = self.targets[self.batches.part(i)]
            ranks = np.argsort(-(rows @ unit.T), axis=1, kind="stable")[:, :2]
            wrong = np.flatnonzero(ranks[:, 0] != targets)
            for row in wrong:
                own, (first, second) = targets[row], ranks[row]
                vector = rows[row] / lengths[row]
                far = [np.abs(unit[c] - vector) for c in (own, first, second)]
                score = alpha * far[0] - beta * far[1]
                scores += score if second == own else score - theta * far[2]
        return _smallest(-scores, n)


def _smallest(scores: NDArray[Any], n: int) -> Indices:
    """Return where the n smallest scores are; of equal ones the first, in rising order."""
    return np.sort(np.argsort(scores, kind="stable")[:n])
