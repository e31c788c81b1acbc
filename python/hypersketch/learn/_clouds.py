# SPDX-License-Identifier: Apache-2.0
"""k-means over encoded rows, kept as floats or as bits: seeds, centers, passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn._bits import Floats, Words, signs
from hypersketch.learn._encoders import RowEncoder
from hypersketch.learn._training import Batches, norms, products
from hypersketch.vsa import MapB
from hypersketch.vsa._packed import pack_bits

Labels = NDArray[np.int32]
STEP = 512
"""Rows at once."""


class Cloud(ABC):
    """Encoded rows with a distance and a center."""

    def __init__(self, encoder: RowEncoder, X: Floats) -> None:
        self.encoder, self.n = encoder, len(X)

    @abstractmethod
    def rows(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return some rows as centers."""

    @abstractmethod
    def distances(self, centers: NDArray[Any]) -> NDArray[Any]:
        """Return the distance of every row from every center."""

    @abstractmethod
    def _parts(self) -> Iterator[tuple[slice, Floats]]:
        """Return all rows as floats, some at a time."""

    @abstractmethod
    def _center(self, sums: Floats, before: NDArray[Any]) -> NDArray[Any]:
        """Return centers from sums; where a sum is zero throughout, what was before."""

    def centers(self, labels: Labels, weights: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        """Return the bundle of every cluster's rows."""
        sums = np.zeros((len(before), self.encoder.dim), np.float32)
        for part, rows in self._parts():
            members = np.zeros((len(before), len(rows)), np.float32)
            members[labels[part], np.arange(len(rows))] = weights[part]
            sums += members @ rows
        return self._center(sums, before)


class FloatCloud(Cloud):
    """Rows of length one; the distance is 1 less the cosine."""

    def __init__(self, encoder: RowEncoder, X: Floats) -> None:
        super().__init__(encoder, X)
        self._X = X
        self._batches = Batches(encoder, X, STEP, binary=False)

    def _parts(self) -> Iterator[tuple[slice, Floats]]:
        for i in range(len(self._batches)):
            rows, lengths = self._batches[i]
            yield self._batches.part(i), rows / lengths[:, np.newaxis]

    def rows(self, places: NDArray[Any]) -> Floats:
        rows = self.encoder.floats(self._X[places])
        return np.asarray(rows / norms(rows)[:, np.newaxis])

    def distances(self, centers: NDArray[Any]) -> NDArray[Any]:
        out = np.empty((self.n, len(centers)), np.float32)
        for i in range(len(self._batches)):
            rows, lengths = self._batches[i]
            out[self._batches.part(i)] = 1 - products(rows, centers) / lengths[:, np.newaxis]
        return np.maximum(out, 0, out=out)

    def _center(self, sums: Floats, before: NDArray[Any]) -> NDArray[Any]:
        filled = np.any(sums, axis=1, keepdims=True)
        return np.asarray(np.where(filled, sums / norms(sums)[:, np.newaxis], before), np.float32)


class PackedCloud(Cloud):
    """Signs of rows, one bit each; the distance is the share of bits that differ."""

    def __init__(self, encoder: RowEncoder, X: Floats) -> None:
        super().__init__(encoder, X)
        self._words = encoder.packed(X)
        self._space = MapB(encoder.dim)

    def _parts(self) -> Iterator[tuple[slice, Floats]]:
        for i in range(0, self.n, STEP):
            part = slice(i, i + STEP)
            yield part, signs(self._words[part], self.encoder.dim)

    def rows(self, places: NDArray[Any]) -> Words:
        return np.asarray(self._words[places])

    def distances(self, centers: NDArray[Any]) -> NDArray[Any]:
        return np.asarray((1 - self._space.similarities(centers, self._words).T) / 2)

    def _center(self, sums: Floats, before: NDArray[Any]) -> NDArray[Any]:
        ties = signs(before, self.encoder.dim)
        return pack_bits(np.where(sums == 0, ties, sums) < 0)


def seeds(cloud: Cloud, weights: NDArray[Any], k: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return k rows as first centers: each drawn by weight times distance from those before it."""
    places = [int(rng.choice(cloud.n, p=weights / weights.sum()))]
    nearest = np.full(cloud.n, np.inf)
    while len(places) < k:
        newest = cloud.distances(cloud.rows(np.array(places[-1:])))[:, 0]
        nearest = np.minimum(nearest, newest)
        odds = nearest * weights
        odds[places] = 0
        if not odds.any():  # fewer different rows than clusters
            odds = np.ones(cloud.n)
            odds[places] = 0
        places.append(int(rng.choice(cloud.n, p=odds / odds.sum())))
    return cloud.rows(np.array(places))


@dataclass
class Outcome:
    """Where one run of k-means ended."""

    centers: NDArray[Any]
    labels: Labels
    inertia: float
    passes: int


def lloyd(cloud: Cloud, weights: NDArray[Any], centers: NDArray[Any], max_iter: int) -> Outcome:
    """Move centers to the bundles of their rows until no row changes its cluster."""
    labels, distances = _assigned(cloud, centers)
    passes = 0
    while passes < max_iter:
        passes += 1
        moved = _refilled(labels, distances, weights, len(centers))
        centers = cloud.centers(moved, weights, centers)
        after, distances = _assigned(cloud, centers)
        settled = np.array_equal(after, labels)
        labels = after
        if settled:
            break
    inertia = float((distances[np.arange(cloud.n), labels] * weights).sum(dtype=np.float64))
    return Outcome(centers, labels, inertia, passes)


def _assigned(cloud: Cloud, centers: NDArray[Any]) -> tuple[Labels, NDArray[Any]]:
    distances = cloud.distances(centers)
    return np.argmin(distances, axis=1).astype(np.int32, copy=False), distances


def _refilled(labels: Labels, distances: NDArray[Any], weights: NDArray[Any], k: int) -> Labels:
    """Return labels in which every cluster without rows has got the farthest row of another one."""
    counts = np.bincount(labels, weights > 0, k)
    if counts.all():
        return labels
    moved = np.array(labels)
    own = distances[np.arange(labels.size), labels] * (weights > 0)
    for empty in np.flatnonzero(counts == 0):
        candidates = np.where(counts[moved] > 1, own, -1.0)
        farthest = int(np.argmax(candidates))
        if candidates[farthest] <= 0:
            break
        counts[moved[farthest]] -= 1
        moved[farthest], own[farthest] = empty, 0
        counts[empty] = 1
    return moved
