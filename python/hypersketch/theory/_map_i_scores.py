# SPDX-License-Identifier: Apache-2.0
"""Scores of a MAP-I bundle on codewords that are not in it, and bundles so small that all is exact."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._exchangeable import direction_tail, smearing
from ._lattice import binomial_tail

SPAN = 10.0  # standard deviations covered by a quadrature
NODES = 5  # of the average over |x|^2


def rest_above(dim: int, n: int, norm: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(a non-member's inner product > scores) given |x|^2, equal scores being put in random order."""
    return direction_tail(dim, scores / math.sqrt((norm + smearing(n)) * dim))


def share_of_pair(dim: int, n: int, members: int, rest: int) -> float:
    """Return the expected share of members on top for a MAP-I bundle of one or two items, exact.

    x is not 0 in K dimensions (all for n = 1, half of them for n = 2). Members score the largest value
    there is, and each other codeword equals it with probability 2^-K: members / (members + ties) on
    average.
    """
    k = np.arange(dim + 1.0) if n == 2 else np.array([float(dim)])
    chance = binomial_tail(dim, k, 0.5) - binomial_tail(dim, k + 1.0, 0.5) if n == 2 else np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(100)
    s, weights = (nodes + 1.0) / 2.0, weights / 2.0
    # E[m / (m + T)] = m INT s^(m-1) E[s^T] ds, T ~ Bin(rest, 2^-K).
    lost = np.outer(np.exp2(-k), 1.0 - s)
    ties = np.exp(rest * np.log1p(-np.minimum(lost, 1.0 - 1e-16)))
    return float(chance @ ties @ (weights * members * s ** (members - 1)))
