# SPDX-License-Identifier: Apache-2.0
"""What makes weights of similarities: dense separations in one pass, sparse ones from few candidates.

Sparse separations are those of Fenchel-Young losses: entmax (Peters et al. 2019, arXiv 1905.05702), with
sparsemax at alpha = 2, and normmax (Blondel et al. 2020, arXiv 1901.02324). All have weights that are
max(0, t - tau)^g of t = factor beta s, with tau such that the sum of max(0, t - tau)^e is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core
from hypersketch.memories._columns import Column
from hypersketch.memories._patterns import Patterns

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

Passed: TypeAlias = tuple[NDArray[Any], Floats | None, Floats, bool, Floats | None, Floats | None]
Listed: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], Floats]
"""Where each query's patterns begin, the patterns, and their scores."""

SPARSE = ("sparsemax", "entmax", "normmax")
SEPARATIONS = ("softmax", "polynomial", "identity", *SPARSE, "top-k")


@dataclass(frozen=True)
class SparseWeights:
    """Weights by query: those of query i are ``values[starts[i]:starts[i + 1]]``.

    Attributes
    ----------
    starts : ndarray of int64, shape (n + 1,)
    indices : ndarray of int64
        Numbers of the patterns, ascending within a query.
    values : ndarray of float32
    """

    starts: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: Floats


@dataclass(frozen=True)
class Law:
    """What a separation makes of beta s: its kind, and what that takes.

    Attributes
    ----------
    kind : str
        ``softmax``, ``power``, ``threshold`` of sparse ones, or ``best`` of a softmax over few.
    factor, e, g : float
        Of thresholds: t = factor beta s, and the exponents of the sum that is 1 and of weights.
    degree : int
        Of powers, or how many are the best.
    """

    kind: str = "softmax"
    factor: float = 1.0
    e: float = 1.0
    g: float = 1.0
    degree: int = 1

    def scaled(self, betas: Floats) -> Floats:
        """Return what scores are multiplied by."""
        scales: Floats = (betas * np.float32(self.factor)).astype(np.float32)
        return scales


def law_of(parameters: Mapping[str, Any], n: int) -> Law:
    """Return the law of a memory's separation over n patterns."""
    separation, alpha = parameters["separation"], parameters["alpha"]
    if separation == "softmax":
        return Law()
    if separation == "top-k":
        return Law("best", degree=min(parameters["k"], n))
    if separation == "normmax":
        return Law("threshold", 1.0, alpha / (alpha - 1.0), 1.0 / (alpha - 1.0))
    if separation in SPARSE:
        alpha = 2.0 if separation == "sparsemax" else alpha
        return Law("threshold", alpha - 1.0, 1.0 / (alpha - 1.0), 1.0 / (alpha - 1.0))
    return Law("power", degree=parameters["degree"])


@dataclass(frozen=True)
class Asked:
    """Queries in the form of the similarity, with all that a pass over the patterns takes."""

    patterns: Patterns
    queries: Floats
    distances: bool
    factors: Floats | None
    offsets: Floats | None
    constants: Doubles
    """What the similarity has beside the score, one a query; no weight depends on it."""
    threads: int
    precision: str = "float32"

    @property
    def passed(self) -> Passed:
        rows, scales = self.patterns.kernel
        return rows, scales, self.queries, self.distances, self.factors, self.offsets

    def chosen(self, kept: NDArray[Any]) -> Asked:
        queries, constants = np.ascontiguousarray(self.queries[kept]), self.constants[kept]
        return replace(self, queries=queries, constants=constants)

    # ---- steps and passes over the patterns

    def step(self, law: Law, values: Patterns, betas: Floats, out: Floats) -> Doubles:
        """Write weighted means of the values; return three numbers of each query's weights.

        They are what weights are relative to (a maximum, or the threshold), and the sums of them and of their
        squares.
        """
        if law.kind == "threshold":
            return _sparse(law, self, values, betas, out)
        if law.kind == "best":
            return _top(law.degree, self, values, betas, out)
        return self.retrieve(values, law.kind, betas, None, law.degree, out)

    def retrieve(
        self,
        values: Patterns,
        kind: str,
        betas: Floats,
        thresholds: Floats | None,
        exponent: float,
        out: Floats,
    ) -> Doubles:
        """Write weighted means of the values by one pass; return the numbers of `step`."""
        numbers = np.empty((len(self.queries), 3))
        rows, scales, queries, distances, factors, offsets = self.passed
        value_rows, value_scales = (None, None) if values is self.patterns else values.kernel
        _core.retrieve_states(
            rows, scales, value_rows, value_scales, queries, distances, factors, offsets, kind, betas,
            thresholds, exponent, self.precision, out, numbers, self.threads,
        )  # fmt: skip
        return numbers

    def odds(self, betas: Floats) -> Doubles:
        """Return the same numbers of a softmax alone."""
        return self.step(Law(), self._nothing(), betas, np.empty((len(self.queries), 1), np.float32))

    def _nothing(self) -> Patterns:
        """Return the cheapest values that there are."""
        return Patterns(Column(np.zeros((len(self.patterns), 1), np.float32)), None)

    def nearest(self, k: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the best patterns of every query and their scores."""
        indices = np.empty((len(self.queries), k), np.int64)
        scores = np.empty(indices.shape, np.float32)
        _core.nearest_patterns(*self.passed, indices, scores, self.threads)
        return indices, scores

    def above(self, bounds: Floats) -> Listed:
        """Return the patterns whose scores are above each query's bound."""
        return _core.scores_above(*self.passed, bounds, self.threads)

    def support(self, betas: Floats, exponent: float) -> tuple[Listed, Doubles, NDArray[np.bool_]]:
        """Return what is beyond thresholds, the thresholds, and which queries have too many."""
        return _core.sparse_support(*self.passed, betas, exponent, self.threads)

    def refine(self, betas: Floats, exponent: float, thresholds: Doubles) -> None:
        """Find thresholds by passes, from lower bounds."""
        _core.refine_thresholds(*self.passed, betas, exponent, thresholds, self.threads)

    def summed(self, weights: SparseWeights, values: Patterns, out: Floats) -> None:
        """Write weighted sums of listed values."""
        rows, scales = values.kernel
        _core.sum_listed(rows, scales, weights.starts, weights.indices, weights.values, out, self.threads)


@dataclass(frozen=True)
class Projected:
    """States and what is said of the weights they were made with."""

    states: Floats
    normalizers: Doubles
    """ln of the sum of exp(beta s), the threshold of t, or the sum of powers' magnitudes, one a query."""
    effective: Doubles
    """1 / the sum of squared weights."""


def project(
    parameters: Mapping[str, Any], asked: Asked, values: Patterns, betas: Floats, out: Floats
) -> Projected:
    """Write the weighted mean of the values into ``out``."""
    law = law_of(parameters, len(asked.patterns))
    numbers = asked.step(law, values, law.scaled(betas), out)
    first, sums, squares = numbers.T
    with np.errstate(over="ignore"):  # of powers, which nothing is made of but looks
        if law.kind == "power":
            normalizers = sums * first**law.degree
        else:
            levels = first if law.kind == "threshold" else first + np.log(sums)
            normalizers = levels + betas * law.factor * asked.constants
    return Projected(out, normalizers, ratio(sums**2, squares))


def ratio(a: Doubles, b: Doubles) -> Doubles:
    """Return a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def odds_of_others(asked: Asked, betas: Floats, own: Doubles) -> Doubles:
    """Return the softmax's weight on others over that on one pattern, whose scores are given."""
    maxima, sums, _ = asked.odds(betas).T
    behind = maxima - betas * own
    slack = 2.0**-24 * (asked.queries.shape[1] + 8) * np.maximum(np.abs(maxima), 1.0)
    with np.errstate(over="ignore"):  # where others are far ahead
        return np.asarray(sums * np.exp(np.where(np.abs(behind) > slack, behind, 0.0)) - 1.0)


def _listed(law: Law, asked: Asked, betas: Floats) -> tuple[SparseWeights, Doubles, NDArray[np.bool_]]:
    """Return weights of queries with few candidates, thresholds, and which queries have many."""
    (starts, indices, scores), thresholds, dense = asked.support(betas, law.e)
    lengths = np.diff(starts)
    beyond = np.repeat(betas.astype(np.float64), lengths) * scores - np.repeat(thresholds, lengths)
    weights = np.maximum(beyond, 0.0) ** law.g
    sums = np.add.reduceat(np.append(weights, 0.0), starts[:-1]) if weights.size else np.ones(len(betas))
    weights /= np.repeat(sums, lengths)
    if dense.any():
        asked.chosen(dense).refine(betas[dense], law.e, found := thresholds[dense])
        thresholds[dense] = found
    return SparseWeights(starts, indices, weights.astype(np.float32)), thresholds, dense


def _sparse(law: Law, asked: Asked, values: Patterns, betas: Floats, out: Floats) -> Doubles:
    weights, thresholds, dense = _listed(law, asked, betas)
    numbers = _summed(asked, weights, values, out)
    if dense.any():
        part = asked.chosen(dense)
        own = part.patterns if values is asked.patterns else values
        states = np.empty((len(part.queries), out.shape[1]), np.float32)
        limits = thresholds[dense].astype(np.float32)
        numbers[dense] = part.retrieve(own, "beyond", betas[dense], limits, law.g, states)
        out[dense] = states
    numbers[:, 0] = thresholds
    return numbers


def _summed(asked: Asked, weights: SparseWeights, values: Patterns, out: Floats) -> Doubles:
    """Write sums of listed values, and return numbers of weights whose sum is 1, relative to nothing."""
    asked.summed(weights, values, out)
    squares = np.append(weights.values.astype(np.float64) ** 2, 0.0)
    sums = np.add.reduceat(squares, weights.starts[:-1])
    listed = np.where(np.diff(weights.starts) > 0, sums, 0.0)
    return np.stack([np.zeros(len(out)), np.ones(len(out)), listed], axis=1)


def top_weights(k: int, asked: Asked, betas: Floats) -> tuple[SparseWeights, Doubles]:
    """Return the softmax over the best k, and ln of its sum."""
    indices, scores = asked.nearest(k)
    scaled = betas[:, None].astype(np.float64) * scores
    maxima = scaled[:, :1]
    weights = np.exp(scaled - maxima)
    sums = weights.sum(axis=1, keepdims=True)
    order = np.argsort(indices, axis=1)
    starts = np.arange(len(indices) + 1, dtype=np.int64) * indices.shape[1]
    kept = np.take_along_axis((weights / sums).astype(np.float32), order, axis=1)
    listed_weights = SparseWeights(starts, np.take_along_axis(indices, order, axis=1).ravel(), kept.ravel())
    return listed_weights, (maxima + np.log(sums))[:, 0]


def _top(k: int, asked: Asked, values: Patterns, betas: Floats, out: Floats) -> Doubles:
    weights, normalizers = top_weights(k, asked, betas)
    numbers = _summed(asked, weights, values, out)
    numbers[:, 0] = normalizers
    return numbers


def weights_above(
    parameters: Mapping[str, Any], asked: Asked, betas: Floats, normalizers: Doubles, least: float
) -> tuple[SparseWeights, Doubles]:
    """Return the weights above ``least``, and beta times the similarities that they are of.

    The normalizers are those of `project`.
    """
    separation, law = parameters["separation"], law_of(parameters, len(asked.patterns))
    if law.kind == "best":
        weights, sums = top_weights(law.degree, asked, betas)
        with np.errstate(divide="ignore"):
            return weights, np.log(weights.values) + np.repeat(
                sums + betas * asked.constants, np.diff(weights.starts)
            )
    scaled = betas.astype(np.float64) * law.factor
    levels = normalizers - scaled * asked.constants
    cut = levels + (np.log(least) if separation == "softmax" else 0.0)
    bounds = np.nextafter((cut / scaled).astype(np.float32), np.float32(-np.inf))
    starts, indices, scores = asked.above(bounds)
    lengths = np.diff(starts)
    beyond = np.repeat(scaled, lengths) * scores - np.repeat(levels, lengths)
    values = np.exp(beyond) if separation == "softmax" else _shares(np.maximum(beyond, 0.0) ** law.g, starts)
    kept = values > (least if separation == "softmax" else max(least, 0.0))
    counts = np.add.reduceat(np.append(kept, False).astype(np.int64), starts[:-1]) * (lengths > 0)
    found = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    thetas = np.repeat(betas.astype(np.float64), lengths) * (scores + np.repeat(asked.constants, lengths))
    return SparseWeights(found, indices[kept], values[kept].astype(np.float32)), thetas[kept]


def _shares(weights: Doubles, starts: NDArray[np.int64]) -> Doubles:
    sums = np.add.reduceat(np.append(weights, 0.0), starts[:-1])
    shares: Doubles = weights / np.repeat(sums, np.diff(starts))
    return shares


def free_energies(
    parameters: Mapping[str, Any], asked: Asked, betas: Floats, normalizers: Doubles
) -> Doubles:
    """Return max over weights p of <p, theta> - Omega(p), over beta, for theta = beta s."""
    separation, alpha = parameters["separation"], parameters["alpha"]
    if separation in ("softmax", "top-k"):
        return normalizers / betas
    weights, thetas = weights_above(parameters, asked, betas, normalizers, 0.0)
    p = weights.values.astype(np.float64)
    alpha = 2.0 if separation == "sparsemax" else alpha
    if separation == "normmax":
        norms = np.add.reduceat(np.append(p**alpha, 0.0), weights.starts[:-1]) ** (1.0 / alpha)
        return (_by_query(p * thetas, weights.starts) - norms) / betas
    tsallis = (p**alpha - p) / (alpha * (alpha - 1.0))
    return _by_query(p * thetas - tsallis, weights.starts) / betas


def _by_query(terms: Doubles, starts: NDArray[np.int64]) -> Doubles:
    sums: Doubles = np.add.reduceat(np.append(terms, 0.0), starts[:-1])
    return sums
