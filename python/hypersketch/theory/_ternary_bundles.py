# SPDX-License-Identifier: Apache-2.0
"""MAP-T bundles of an even number n: signs where votes differ, 0 where they are equal.

U of the D entries are not 0, U ~ Bin(D, 1 - t), t = C(n, n/2) / 2^n. All cosines with atoms have sqrt(D U)
below, so that they rank as inner products do, and given U these are lattice scores: a stranger agrees in
Bin(U, 1/2) of the U entries, a member in Bin(U, (1 + c/(1 - t)) / 2), c the correlation of a sign with one of
its votes. Two members' votes have the covariance 0 over all entries and -1/(n - 1) at ties, hence t / (n - 1)
/ (1 - t) elsewhere. Derived; exact but for the joint law of more than two members.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import map_b
from ._lattice import binomial_tail
from ._lattice_retrieval import Lattice, lattice_single, lattice_top

_REACH = 9.0  # standard deviations of scores
_MOST_NODES = 13  # of U: what depends on it is smooth


class Votes(NamedTuple):
    """An entry of a bundle: chance of a tie, chance that a member agrees if there is none, correlation."""

    ties: float
    agreeing: float
    correlation: float


def votes(n: int) -> Votes:
    """Return what the entries of a bundle of n have to do with its members', n even.

    Examples
    --------
    >>> votes(2)
    Votes(ties=0.5, agreeing=1.0, correlation=0.0)
    """
    ties = math.exp(math.lgamma(n + 1.0) - 2.0 * math.lgamma(n / 2.0 + 1.0) - n * math.log(2.0))
    sure = min(1.0, float(map_b.correlation(n)) / (1.0 - ties))
    variance = 1.0 - sure * sure
    shared = ties / ((n - 1.0) * (1.0 - ties)) - sure * sure
    correlation = shared / variance if variance > 1e-12 else 0.0
    return Votes(round(ties, 15), round((1.0 + sure) / 2.0, 15), correlation)


def top_k(dim: int, n: int, universe: int) -> float:
    """Return the expected share of the n members among the n best of N codewords.

    Examples
    --------
    >>> round(top_k(300, 2, 100), 4)
    1.0
    """
    return sum(
        chance * lattice_top(lattice, n, universe - n) for chance, lattice in _by_entries(dim, votes(n))
    )


def accuracy(dim: int, n: int, universe: int) -> float:
    """Return the chance that a member beats N - 1 strangers.

    Examples
    --------
    >>> accuracy(1, 2, 2)
    0.625
    """
    cases = _by_entries(dim, votes(n))
    return sum(chance * lattice_single(lattice, universe - 1) for chance, lattice in cases)


def _by_entries(dim: int, entry: Votes) -> list[tuple[float, Lattice]]:
    """Return the chances of numbers U of entries, and the laws of the scores given U.

    All U where they are few, else as many at equal distances, each for those around it.
    """
    mean, sd = dim * (1.0 - entry.ties), math.sqrt(dim * entry.ties * (1.0 - entry.ties))
    low, high = max(0, math.floor(mean - _REACH * sd)), min(dim, math.ceil(mean + _REACH * sd))
    stride = max(1, math.ceil((high - low) / _MOST_NODES))
    nodes = np.arange(low, high + stride, stride)
    above = binomial_tail(dim, np.append(nodes, nodes[-1] + stride) - stride // 2, 1.0 - entry.ties)
    above[0], above[-1] = 1.0, 0.0
    return [
        (float(chance), _lattice(min(dim, int(ones)), entry))
        for ones, chance in zip(nodes, -np.diff(above), strict=True)
        if chance > 0.0
    ]


def _lattice(ones: int, entry: Votes) -> Lattice:
    reach = _REACH * math.sqrt(ones) / 2.0 + 1.0
    first, last = math.floor(ones / 2.0 - reach), math.ceil(ones * entry.agreeing + reach)
    values: NDArray[np.float64] = np.arange(max(-1, first), min(ones, last) + 1.0)
    below = 1.0 - binomial_tail(ones, values + 1.0, entry.agreeing)
    return Lattice(values, below, binomial_tail(ones, values + 1.0, 0.5), entry.correlation)
