# SPDX-License-Identifier: Apache-2.0
"""How alike two majorities are whose fields are bound to the same random roles."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_EXACT = 1000
"""Fields up to which sums of signs are counted out; beyond, they are as good as normal."""


@lru_cache(maxsize=8)
def agreement(n_fields: int) -> NDArray[np.float64]:
    """Return E[sign X sign Y] for X, Y sums of n signs, of which 0, 1, ..., n are the same in both.

    With U the sum of the signs that are the same and V that of the others, X = U + V and Y = U - V: they
    agree where |U| > |V| and, by the same tie bit, where both are 0; where one is 0, that bit says nothing.

    >>> agreement(3)
    array([-1.,  0.,  0.,  1.])
    """
    if n_fields > _EXACT:
        return np.asarray(2 / math.pi * np.arcsin(2 * np.arange(n_fields + 1) / n_fields - 1))
    found = np.empty(n_fields + 1)
    for n in range(n_fields // 2, n_fields + 1):
        u, v = _magnitudes(n, n_fields), _magnitudes(n_fields - n, n_fields)
        above = np.cumsum(v)
        u_wins = float(u[1:] @ above[:-1])
        v_wins = float(v[1:] @ np.cumsum(u)[:-1])
        found[n] = u_wins - v_wins + u[0] * v[0]
        found[n_fields - n] = v_wins - u_wins + u[0] * v[0]
    return found


def _magnitudes(n: int, size: int) -> NDArray[np.float64]:
    """Return the probabilities that a sum of n signs has the magnitude 0, 1, ..., size."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # of factorials
    up = np.arange((n + 1) // 2, n + 1)  # signs that are +1: at least half of them
    chances = np.exp(logs[n] - logs[up] - logs[n - up] - n * math.log(2))
    made = np.zeros(size + 1)
    made[2 * up - n] = np.where(2 * up == n, chances, 2 * chances)
    return made
