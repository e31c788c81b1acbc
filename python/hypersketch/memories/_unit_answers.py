# SPDX-License-Identifier: Apache-2.0
"""What memories of sparse patterns answer, and which units do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch.memories._associative import Retrieval
from hypersketch.memories._unit_lists import Units

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class UnitRetrieval(Retrieval):
    """What a memory of sparse patterns answers.

    Attributes
    ----------
    states, energies, steps, converged
        As of `Retrieval`; states are bools, a column a unit, and there are no energies. All arrays are on a
        GPU, and of their kind, where queries are.
    sums : ndarray of int32, shape (n, n_units)
        How many active units of the query each unit is connected with.
    """

    sums: NDArray[np.int32]

    @property
    def units(self) -> list[NDArray[np.int64]]:
        """Active units of each answer, in host memory.

        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(8)
        >>> memory.store([[1, 5], [2, 3]])
        >>> memory.retrieve([[5], [2]]).units
        [array([1, 5]), array([2, 3])]
        """
        return [np.flatnonzero(row) for row in _device.on_host(type(self).__name__, "states", self.states)]


def chosen(sums: NDArray[np.int32], numbers: NDArray[np.int64], level: float | None, k: int | None) -> Bools:
    """Return which units answer, by a threshold or as the k best."""
    if k is not None:
        best = np.argsort(-sums, axis=1, kind="stable")[:, :k]
        made = np.zeros(sums.shape, np.bool_)
        np.put_along_axis(made, best, True, axis=1)
        return made & (sums > 0)
    assert level is not None
    over: Bools = sums >= least_of(level, numbers)[:, None]
    return over


def least_of(level: float, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the least sums that a threshold asks for: an integer itself, or a share of the active units."""
    least = np.ceil(level * numbers - 1e-9) if isinstance(level, float) else np.full(len(numbers), level)
    return np.asarray(np.maximum(1, least), np.int64)


def rows_of(asked: Units, n_units: int) -> Bools:
    made = np.zeros((len(asked), n_units), np.bool_)
    made[asked.owners, asked.indices] = True
    return made
