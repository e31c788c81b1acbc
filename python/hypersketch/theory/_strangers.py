# SPDX-License-Identifier: Apache-2.0
"""One stored codeword against strangers, when scores are numbers of agreeing bits."""

from __future__ import annotations

import math

import numpy as np

from ._lattice import binomial_tail


def chance_to_win(dim: int, distance: float, universe: int, *, random_ties: bool) -> float:
    """Return P(a codeword at Bin(D, distance) is nearer than N - 1 others at Bin(D, 1/2)), all independent.

    Parameters
    ----------
    dim : int
        Dimension D.
    distance : float
        Chance that a bit of the stored codeword differs from the probe.
    universe : int
        Number N of codewords, the stored one included.
    random_ties : bool
        Whether a tie is broken at random; otherwise it is lost.

    Notes
    -----
    sum_h P(h) P(other > h)^(N-1); with random ties the power becomes (P(>=h)^N - P(>h)^N) / (N P(h)).

    Examples
    --------
    >>> chance_to_win(1, 0.0, 2, random_ties=False), chance_to_win(1, 0.0, 2, random_ties=True)
    (0.5, 0.75)
    """
    centre = dim * distance
    reach = 12.0 * math.sqrt(dim * max(distance * (1.0 - distance), 1.0 / dim)) + 12.0
    h = np.arange(
        max(0, math.floor(centre - reach)), min(dim, math.ceil(centre + reach)) + 1, dtype=np.float64
    )
    hit = binomial_tail(dim, h, distance) - binomial_tail(dim, h + 1.0, distance)
    farther = np.log(np.maximum(binomial_tail(dim, h + 1.0, 0.5), 1e-300))
    win = np.exp((universe - 1) * farther)
    if random_ties:
        same = np.maximum(binomial_tail(dim, dim - h, 0.5) - binomial_tail(dim, dim - h + 1.0, 0.5), 1e-300)
        at_least = np.maximum(binomial_tail(dim, h, 0.5), 1e-300)
        # log1p keeps what is lost in the difference of two powers of nearly 1.
        fewer = np.expm1(universe * np.log1p(-np.minimum(same / at_least, 1.0 - 1e-16)))
        win = -np.exp(universe * np.log(at_least)) * fewer / (universe * same)
    return float(np.clip(hit @ win, 0.0, 1.0))
