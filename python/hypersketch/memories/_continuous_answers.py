# SPDX-License-Identifier: Apache-2.0
"""What a continuous memory answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._associative import Retrieval
from hypersketch.memories._separations import SparseWeights

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContinuousRetrieval(Retrieval):
    """What a continuous memory answers: one row a query.

    Attributes
    ----------
    states : ndarray of float32, shape (n, dim) or (n, value_dim)
    energies : ndarray of float64, shape (n,), or None
        Of the last pattern-side states, where they were asked for.
    steps : ndarray of int64, shape (n,)
    converged : ndarray of bool, shape (n,)
        Whether the last step moved no number by more than ``tol``.
    effective : ndarray of float64, shape (n,)
        1 / the sum of squared weights of the last step: how many patterns the state is a mean of. 1 is a
        pattern retrieved; many are a metastable state, or the mean of all.
    weights : SparseWeights or None
        Of the last step, where they were asked for.
    """

    effective: Doubles
    weights: SparseWeights | None = None


class PatternMatches(NamedTuple):
    """The k patterns most alike to every query, best first, ties by number."""

    indices: NDArray[np.int64]
    similarities: Doubles
