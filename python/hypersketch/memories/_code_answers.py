# SPDX-License-Identifier: Apache-2.0
"""What a memory of codes of winners answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device
from hypersketch.memories._associative import Retrieval

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CodeRetrieval(Retrieval):
    """What Sparsey answers.

    Attributes
    ----------
    states, energies, steps, converged
        As of `Retrieval`; states are bools, inputs connected with all winners. One step, no energies.
    codes : ndarray of int64, shape (n, n_modules)
        Winner of each module.
    familiarity : ndarray of float64, shape (n,)
        G: 1 for what is stored, near 0 for what is like nothing.
    """

    codes: Codes
    familiarity: Doubles

    @property
    def units(self) -> list[NDArray[np.int64]]:
        """Active inputs of each answer.

        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(50, 10, 8)
        >>> memory.store([[1, 2, 3, 4], [40, 41, 42, 43]])
        >>> memory.retrieve([[1, 2, 3]]).units
        [array([1, 2, 3, 4])]
        """
        states: Bools = _device.on_host("CodeRetrieval.units", "states", self.states)
        return [np.flatnonzero(row) for row in states]


def retrieval(states: Bools, codes: Codes, known: Doubles) -> CodeRetrieval:
    n = len(codes)
    return CodeRetrieval(states, None, np.ones(n, np.int64), np.ones(n, np.bool_), codes, known)
