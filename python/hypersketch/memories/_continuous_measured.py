# SPDX-License-Identifier: Apache-2.0
"""Inverse temperatures of the patterns that a continuous memory has, in place of random ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, theory
from hypersketch.memories import _separations
from hypersketch.memories._continuous_queries import NO_BETAS, Call, ContinuousQueries

Doubles = NDArray[np.float64]

_MOST_STEPS = 16
_CLOSE = 0.01  # of ln r: the leak is met to 1 %
_STEEPEST = 8.0  # factor of one step
_MOST = 2.0**20  # times the first beta: what still leaks there has a twin


def _within(owner: str, name: str, value: Any, must: str, least: float, most: float) -> float:
    number = _validation.real(owner, name, value, must)
    if not least <= number <= most:
        _validation.refuse(owner, name, must, number)
    return number


def _chosen(n: int, sample: int) -> NDArray[np.intp]:
    """Return different numbers below n, ascending; all of them where there are no more."""
    if n <= sample:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, sample, replace=False))


def _roots(
    odds: Callable[[NDArray[np.intp], Doubles], Doubles], n: int, error: float, start: float
) -> Doubles:
    """Return, for n queries, the inverse temperatures at which they leak ``error``; infinite where none do.

    ``odds(which, betas)`` are the weights on others over those on the right pattern, for some of the queries.
    Their logarithm is convex in beta, so that a secant from below stays below, and falls to the root.
    """
    wanted = math.log(error / (1.0 - error))
    betas, old_betas = np.full(n, start), np.full(n, start / 2.0)
    olds = _logs(odds(np.arange(n), old_betas)) - wanted
    open_ones = np.arange(n)
    for _ in range(_MOST_STEPS):
        news = _logs(odds(open_ones, betas[open_ones])) - wanted
        still = np.abs(news) > _CLOSE
        kept = open_ones[still]
        steps = _secants(old_betas[kept], olds[kept], betas[kept], news[still])
        old_betas[kept], olds[kept] = betas[kept], news[still]
        betas[kept] = np.where(steps > _MOST * start, np.inf, steps)
        open_ones = kept[np.isfinite(betas[kept])]
        if not open_ones.size:
            break
    betas[open_ones] = np.inf
    return betas


def _logs(odds: Doubles) -> Doubles:
    return np.asarray(np.log(np.clip(odds, 1e-9, 1e300)))


def _secants(old_betas: Doubles, olds: Doubles, betas: Doubles, news: Doubles) -> Doubles:
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (news - olds) / (betas - old_betas)
        steps = betas - news / slopes
    flat = ~np.isfinite(steps) | (slopes >= 0.0)
    steps = np.where(flat, np.where(news > 0.0, np.inf, 0.0), steps)
    return np.clip(steps, betas / _STEEPEST, betas * _STEEPEST)


class ContinuousMeasured(ContinuousQueries):
    """Looks at how near the patterns are to each other."""

    def _measured_beta(self, owner: str, error: Any, share: Any, sample: Any, threads: Any) -> float:
        leak = _within(owner, "error", error, "a float in [0.0001, 1)", 1e-4, math.nextafter(1.0, 0.0))
        part = _within(owner, "share", share, "a float in (0, 1]", math.nextafter(0.0, 1.0), 1.0)
        many = _validation.integer(owner, "sample", sample, 1, 2**20)
        self._require_shares("temperature to measure")
        held = self._held_or_refuse(owner)
        if len(held) < 2:
            raise ValueError(f"{owner} needs two patterns at least. This memory has 1.")
        places = _chosen(len(held), many)
        call = self._call(owner, held.patterns.widened(places), NO_BETAS, threads)
        gaps = self._gaps(call, places)
        if self._values["separation"] in _separations.SPARSE:
            with np.errstate(divide="ignore"):
                betas = self._margin() / gaps
        else:
            betas = np.full(len(places), np.inf)
            ahead = np.flatnonzero(gaps > 0.0)  # of the others, the odds fall with beta
            betas[ahead] = self._roots(call.chosen(ahead), leak)
        found = float(np.sort(betas)[math.ceil(part * len(betas)) - 1])
        if math.isinf(found):
            raise ValueError(
                f"No beta lets {part:g} of the patterns leak {leak:g} at most: {np.isinf(betas).mean():.0%} "
                "have others as similar as themselves. Ask for a smaller share."
            )
        return found

    def _own(self, call: Call) -> Doubles:
        """Return the scores of queries with the patterns that they are, without their constants."""
        rows, similarity = call.queries.astype(np.float64), self._values["similarity"]
        if similarity == "manhattan":
            return np.zeros(len(rows))
        if similarity == "cosine":
            return np.ones(len(rows))
        squares = np.einsum("ij,ij->i", rows, rows)
        return np.asarray(squares if similarity == "dot" else 0.5 * squares)

    def _gaps(self, call: Call, places: NDArray[np.intp]) -> Doubles:
        """Return by how much the most similar other pattern is behind; 0 where it is not."""
        indices, scores = self._asked(call).nearest(2)
        own, others = self._own(call), np.where(indices[:, 0] == places, scores[:, 1], scores[:, 0])
        slack = 2.0**-24 * (call.queries.shape[1] + 8) * np.abs(own)
        return np.where(own - others > slack, own - others, 0.0)

    def _roots(self, call: Call, error: float) -> Doubles:
        own = self._own(call)

        def odds(some: NDArray[np.intp], betas: Doubles) -> Doubles:
            asked = self._asked(replace(call, queries=call.queries[some]))
            return _separations.odds_of_others(asked, betas.astype(np.float32), own[some])

        square = 1.0 if self._values["similarity"] == "cosine" else self._mean_square(call.held)
        return _roots(odds, len(own), error, math.log(1 + len(call.held)) / (square or 1.0))

    def _margin(self) -> float:
        return theory.continuous.margin(self._values["separation"], self._values["alpha"])
