# SPDX-License-Identifier: Apache-2.0
"""What memories of nearest neighbours answer, and by which weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._associative import Retrieval

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Neighbours(Retrieval):
    """What nearest neighbours answer: one row a query.

    Attributes
    ----------
    states : ndarray, shape (n, value_dim) or (n, vocabulary)
        The weighted mean of the neighbours' values, or the distribution over the tokens.
    energies : None
    steps, converged : ndarray, shape (n,)
        1, and True.
    indices : ndarray of int64, shape (n, k)
        Numbers of the neighbours, counted from 0 as they were stored; the most alike first.
    similarities : ndarray of float64, shape (n, k)
        To the query.
    weights : ndarray of float64, shape (n, k)
        Softmax of the similarities over the temperature.
    """

    indices: NDArray[np.int64]
    similarities: Floats
    weights: Floats


def softmax(similarities: Floats, temperature: float) -> Floats:
    """Return weights that sum to 1; the first similarity of a row is its largest."""
    with np.errstate(over="ignore", under="ignore"):
        powers = np.exp((similarities - similarities[:, :1]) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
