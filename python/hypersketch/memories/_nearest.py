# SPDX-License-Identifier: Apache-2.0
"""The nearest of float32 vectors by inner product, cosine or distance, exactly.

Products in single precision say which rows could be among the best; these are scored again in double
precision, row by row, so that what is found depends on the vectors alone: not on blocks, on how many queries
come at once, or on the library that multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch.vsa  # noqa: F401  # it needs item memories, so their parts cannot come before it
from hypersketch import _core, _threads
from hypersketch.memories import _ranking

SIMILARITIES = ("dot", "cosine", "euclidean")

_UNIT = 2.0**-24
_LEAST, _MOST = 1e-15, 1e15
"""Lengths between which squares keep 24 bits and stay finite."""
_BLOCK_SCORES = 1 << 20
_QUERIES = 256
_SPARE = 8
"""Candidates beyond the k best that the kernel returns: where all are doubtful, products decide."""
_MOST_BY_KERNEL = 512

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]


def lengths(rows: Rows) -> NDArray[np.float32]:
    """Return the lengths of vectors to single precision; 0 or infinite where it has none."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.sqrt(np.einsum("nd,nd->n", rows, rows)), np.float32)


def exact(similarity: str, some: NDArray[Any], others: NDArray[Any]) -> Floats:
    """Return the similarities of pairs of vectors, in double precision.

    Inner products; cosines, which are 0 for zero vectors; or minus the squared distances.
    """
    a, b = some.astype(np.float64, order="C"), others.astype(np.float64, order="C")
    if similarity == "euclidean":
        return np.asarray(-((a - b) ** 2).sum(axis=-1))
    inner = (a * b).sum(axis=-1)
    if similarity == "dot":
        return np.asarray(inner)
    both = np.sqrt((a * a).sum(axis=-1)) * np.sqrt((b * b).sum(axis=-1))
    cosines = np.divide(inner, both, out=np.zeros_like(inner), where=both > 0)
    return np.asarray(np.clip(cosines, -1.0, 1.0))


def _power_of_two(numbers: Floats) -> Floats:
    """Return powers of two that are at least so large: dividing by them loses nothing."""
    return np.asarray(np.ldexp(1.0, np.frexp(np.maximum(numbers, 1e-290))[1]))


class Nearness:
    """How alike some queries are to stored rows, in units that differ from query to query.

    A score times the unit of its query is a similarity, so that one slack holds for all.
    """

    unit = 1.0

    def __init__(self, similarity: str, queries: Rows, norms: NDArray[np.float32]) -> None:
        self.similarity, self._queries, self._norms = similarity, queries, norms
        wide = queries.astype(np.float64)
        own = np.sqrt((wide * wide).sum(axis=1))
        sound = norms[(norms > _LEAST) & (norms < _MOST)]
        longest = float(sound.max()) if sound.size else 1.0
        if similarity == "cosine":
            self.units = np.ones(len(queries))
        elif similarity == "dot":
            self.units = _power_of_two(own * longest)
        else:
            self.units = _power_of_two((own + longest) ** 2)
        with np.errstate(over="ignore", under="ignore"):
            lengths_of = own if similarity == "cosine" else _power_of_two(own)
            scaled = np.divide(wide, lengths_of[:, np.newaxis], out=np.zeros_like(wide), where=wide != 0)
            factors = (2.0 if similarity == "euclidean" else 1.0) * lengths_of / self.units
            offsets = own**2 / self.units
            self._scaled = scaled.astype(np.float32)
            self._factors, self._offsets = (x.astype(np.float32)[:, np.newaxis] for x in (factors, offsets))
        self._odd = ~((own > _LEAST) & (own < _MOST))
        self._is_odd = bool(self._odd.any())
        # A product of m terms is off by (m + 1) units of the lengths at most, in whatever order; so are the
        # squared lengths, and a distance is the sum of three such terms.
        self.slack = (2 * queries.shape[1] + 32) * _UNIT * (2.0 if similarity == "euclidean" else 1.0)

    def scores(self, part: slice, rows: NDArray[Any]) -> NDArray[Any]:
        """Return scores of every query with consecutive rows, off by the slack at most; NaN where unknown."""
        return self._against(rows, self._norms[part])

    def against_one(self, row: Rows, square: float, first: int) -> NDArray[np.float32]:
        """Return scores of the queries from one on with a row that is no longer than those known before.

        Its squared length may be that of the row before it was rounded.
        """
        norm = math.sqrt(square)
        if not _LEAST < norm < _MOST:
            return np.full(len(self._scaled) - first, np.nan, np.float32)
        scores: NDArray[np.float32] = self._scaled[first:] @ row
        if self.similarity == "cosine":
            scores *= np.float32(1.0 / norm)
        else:
            scores *= self._factors[first:, 0]
        if self.similarity == "euclidean":
            scores -= self._offsets[first:, 0]
            scores -= (norm * norm / self.units[first:]).astype(np.float32)
        if self._is_odd:
            scores[self._odd[first:]] = np.nan
        return scores

    def _against(self, rows: Rows, norms: NDArray[np.float32]) -> NDArray[np.float32]:
        sound = (norms > _LEAST) & (norms < _MOST)
        with np.errstate(all="ignore"):
            scores = self._scaled @ rows.T
            if self.similarity == "cosine":
                scores *= np.reciprocal(norms)
            else:
                scores *= self._factors
            if self.similarity == "euclidean":
                scores -= self._offsets
                squares = norms.astype(np.float64) ** 2
                scores -= (squares / self.units[:, np.newaxis]).astype(np.float32)
        if not sound.all():
            scores[:, ~sound] = np.nan
        if self._is_odd:
            scores[self._odd] = np.nan
        return np.asarray(scores)

    def exact(self, probes: NDArray[np.int64], rows: NDArray[Any]) -> Floats:
        """Return the scores of pairs."""
        return exact(self.similarity, self._queries[probes], rows) / self.units[probes]


def best(
    similarity: str,
    queries: Rows,
    runs: list[Rows],
    norms: NDArray[np.float32],
    k: int,
    threads: int | None = None,
) -> tuple[NDArray[np.int64], Floats]:
    """Return the k rows most alike to each query, of equals the first, and their similarities.

    The rows come in runs, one after the other, with the lengths of all.
    """
    places = np.empty((len(queries), k), np.int64)
    similarities = np.empty((len(queries), k))
    open_ones = np.arange(len(queries))
    sound = bool(((norms > _LEAST) & (norms < _MOST)).all())
    if sound and k <= _MOST_BY_KERNEL:
        many = _threads.get_num_threads() if threads is None else threads
        settled = _by_kernel(similarity, queries, runs, norms, places, similarities, many)
        open_ones = np.flatnonzero(~settled)
    for first in range(0, len(open_ones), _QUERIES):
        part = open_ones[first : first + _QUERIES]
        scorer = Nearness(similarity, queries[part], norms)
        ranked = _ranking.best_by(scorer, _blocks(runs, len(part)), len(part), k)
        places[part] = ranked.items
        similarities[part] = ranked.similarities * scorer.units[:, np.newaxis]
    return places, similarities


def _by_kernel(
    similarity: str,
    queries: Rows,
    runs: list[Rows],
    norms: NDArray[np.float32],
    places: NDArray[np.int64],
    similarities: Floats,
    threads: int,
) -> NDArray[np.bool_]:
    """Fill in the best rows of the queries for which a few more than k candidates are surely enough."""
    k = places.shape[1]
    own = np.sqrt(np.einsum("nd,nd->n", queries, queries, dtype=np.float64))
    asked = np.flatnonzero((own > _LEAST) & (own < _MOST))
    settled = np.zeros(len(queries), bool)
    step = max(1, _BLOCK_SCORES // (queries.shape[1] * (k + _SPARE)))
    for first in range(0, len(asked), max(_QUERIES, step)):
        part = asked[first : first + max(_QUERIES, step)]
        candidates, beyond = _candidates(similarity, queries[part], runs, norms, k + _SPARE, threads)
        alike = np.concatenate(
            [
                _alike(similarity, queries[some], runs, found)
                for some, found in _pieces(part, candidates, step)
            ]
        )
        order = np.lexsort((candidates, -alike))[:, :k]
        places[part] = np.take_along_axis(candidates, order, axis=1)
        similarities[part] = found = np.take_along_axis(alike, order, axis=1)
        worst, length = found[:, -1], own[part]
        reached = {"dot": worst, "cosine": worst * length, "euclidean": 0.5 * (worst + length**2)}[similarity]
        settled[part] = beyond < reached
    return settled


def _pieces(
    queries: NDArray[np.intp], candidates: NDArray[np.int64], step: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    for first in range(0, len(queries), step):
        yield queries[first : first + step], candidates[first : first + step]


def _candidates(
    similarity: str, queries: Rows, runs: list[Rows], norms: NDArray[np.float32], many: int, threads: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return the best rows by products in single precision, and what no other row's product exceeds."""
    own = np.sqrt(np.einsum("nd,nd->n", queries, queries, dtype=np.float64))
    longest = 1.0 if similarity == "cosine" else float(norms.max())
    scale = own * longest + (0.5 * longest**2 if similarity == "euclidean" else 0.0)
    slack = (2 * queries.shape[1] + 32) * _UNIT * scale
    found, beyond, start = [], np.full(len(queries), -np.inf), 0
    for rows in runs:
        lengths_of = norms[start : start + len(rows)]
        factors = np.reciprocal(lengths_of) if similarity == "cosine" else None
        offsets = -0.5 * lengths_of * lengths_of if similarity == "euclidean" else None
        indices = np.empty((len(queries), min(many, len(rows))), np.int64)
        scores = np.empty(indices.shape, np.float32)
        if len(rows):
            _core.nearest_patterns(rows, None, queries, False, factors, offsets, indices, scores, threads)
        if many < len(rows):
            beyond = np.maximum(beyond, scores[:, -1] + slack)
        found.append(indices + start)
        start += len(rows)
    return np.concatenate(found, axis=1), beyond


def _alike(similarity: str, queries: Rows, runs: list[Rows], places: NDArray[np.int64]) -> Floats:
    """Return the similarities of queries with rows, some for each."""
    picked = np.empty((*places.shape, queries.shape[1]), np.float32)
    start = 0
    for rows in runs:
        inside = (places >= start) & (places < start + len(rows))
        picked[inside] = rows[places[inside] - start]
        start += len(rows)
    return exact(similarity, np.broadcast_to(queries[:, np.newaxis], picked.shape), picked)


def _blocks(runs: list[Rows], n: int) -> Iterator[tuple[slice, NDArray[Any]]]:
    step, start = max(1, _BLOCK_SCORES // max(1, n)), 0
    for rows in runs:
        for first in range(0, len(rows), step):
            block = rows[first : first + step]
            yield slice(start + first, start + first + len(block)), block
        start += len(rows)
