# SPDX-License-Identifier: Apache-2.0
"""What memories of sparse patterns answer, and which units do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._associative import Retrieval
from hypersketch.memories._unit_lists import Units

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class UnitRetrieval(Retrieval):
    """What a memory of sparse patterns answers.

    Attributes
    ----------
    states, energies, steps, converged
        As of `Retrieval`; states are bools, a column a unit, and there are no energies.
    sums : ndarray of int32, shape (n, n_units)
        How many active units of the query each unit is connected with.
    """

    sums: NDArray[np.int32]

    @property
    def units(self) -> list[NDArray[np.int64]]:
        """Active units of each answer.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(8)
        >>> memory.store([[1, 5], [2, 3]])
        >>> memory.retrieve([[5], [2]]).units
        [array([1, 5]), array([2, 3])]
        """
        return [np.flatnonzero(row) for row in self.states]


def chosen(sums: NDArray[np.int32], numbers: NDArray[np.int64], level: float | None, k: int | None) -> Bools:
    """Return which units answer, by a threshold or as the k best."""
    if k is not None:
        best = np.argsort(-sums, axis=1, kind="stable")[:, :k]
        made = np.zeros(sums.shape, np.bool_)
        np.put_along_axis(made, best, True, axis=1)
        return made & (sums > 0)
    assert level is not None
    least = np.ceil(level * numbers - 1e-9) if isinstance(level, float) else np.full(len(numbers), level)
    over: Bools = sums >= np.maximum(1, least)[:, None]
    return over


def rows_of(asked: Units, n_units: int) -> Bools:
    made = np.zeros((len(asked), n_units), np.bool_)
    made[asked.owners, asked.indices] = True
    return made
