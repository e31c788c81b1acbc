# SPDX-License-Identifier: Apache-2.0
"""How many members fail to be among the best: order statistics of two groups on a grid of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._exchangeable import between_independent_and_disjoint, shifts_of
from ._scipy import scipy_module

_RANKS = 64  # ranks evaluated at a time


def expected_misses(
    members: list[Members], weights: NDArray[np.float64], above: NDArray[np.float64], n: int, rest: int
) -> float:
    """Return sum_r P(r-th smallest member < r-th largest non-member) on a grid of scores.

    ``members`` are the mixed cases, ``above`` holds P(non-member > u). The r-th smallest member lies below u
    when at least r members do, the r-th largest non-member when fewer than r lie above.
    """
    misses, last = 0.0, min(n, rest)
    strangers = _BinomialSums(rest, above)
    for first in range(0, last, _RANKS):
        ranks = np.arange(first, min(first + _RANKS, last), dtype=np.float64)[:, None]
        largest = strangers.at_most(ranks)
        smallest = np.asarray(
            sum(w * case.more_than(ranks) for w, case in zip(weights, members, strict=True))
        )
        # Two trapezoidal sums, of steps h and 2h, whose difference takes away the error in h^2 (Richardson).
        terms = (4.0 * _stieltjes(largest, smallest) - _stieltjes(largest[:, ::2], smallest[:, ::2])) / 3.0
        misses += float(np.sum(terms))
        if abs(terms[-1]) < 1e-14:
            break
    return misses


class Members:
    """How many of n members score at most u, for u on a grid; their scores correlate by ``-correlation``."""

    def __init__(self, n: int, below: NDArray[np.float64], correlation: float) -> None:
        special = scipy_module("special")
        self._n, self._below = n, below
        z = special.ndtri(np.clip(below, 1e-300, 1.0 - 1e-16))
        self._cases = [
            (weight, _BinomialSums(n, special.ndtr((z + shift) / scale)))
            for weight, shift, scale in shifts_of(correlation)
        ]

    def more_than(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(more than k members score at most u), for the next ranks k."""
        more = np.clip(1.0 - sum(weight * case.at_most(ranks) for weight, case in self._cases), 0.0, 1.0)
        if ranks[0, 0] == 0.0:
            more[0] = between_independent_and_disjoint(more[0], self._below, self._n)
        return np.asarray(more)


def _stieltjes(law: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral of ``value`` over ``law``, row by row."""
    return np.asarray(np.sum(np.diff(law, axis=1) * 0.5 * (value[:, 1:] + value[:, :-1]), axis=1))


class _BinomialSums:
    """P(Bin(n, rate) <= k) for rising k and many rates: summing is ten times faster than incomplete betas."""

    def __init__(self, n: int, rates: NDArray[np.float64]) -> None:
        inside = np.clip(rates, 1e-300, 1.0 - 1e-16)
        self._n = n
        self._yes, self._no = np.log(inside), np.log1p(-inside)
        self._so_far: NDArray[np.float64] | float = 0.0

    def at_most(self, k: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums for the next values of k, a column that follows on what was asked before."""
        gammaln = scipy_module("special").gammaln
        ways = gammaln(self._n + 1.0) - gammaln(k + 1.0) - gammaln(self._n - k + 1.0)
        sums = self._so_far + np.cumsum(np.exp(ways + k * self._yes + (self._n - k) * self._no), axis=0)
        self._so_far = sums[-1]
        return np.asarray(sums)
