# SPDX-License-Identifier: Apache-2.0
"""What all associative memories do: store patterns, retrieve them from parts, and say how many they hold."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch._stored import Stored


@dataclass(frozen=True, eq=False)
class Retrieval:
    """What a memory answers: one row a query.

    Attributes
    ----------
    states : ndarray, shape (n, dim)
        What was retrieved.
    energies : ndarray of float64, shape (n,), or None
        Energy of the states; None for a memory that has no energy.
    steps : ndarray of int64, shape (n,)
        Number of updates made.
    converged : ndarray of bool, shape (n,)
        Whether the last update changed nothing (by more than the tolerance, for real states).
    """

    states: NDArray[Any]
    energies: NDArray[np.float64] | None
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.states)


class AssociativeMemory(Stored):
    """A memory of patterns that is asked with parts or noisy forms of them.

    Every one has these verbs: ``store`` and ``retrieve``, ``capacity`` (how many patterns it holds at an
    error rate, from theory), ``expected_error`` (the error rate that theory gives for what it holds now).
    """

    @abstractmethod
    def store(self, patterns: Any, /, *args: Any, **options: Any) -> None:
        """Store patterns."""

    @abstractmethod
    def retrieve(self, queries: Any, /, *args: Any, **options: Any) -> Any:
        """Return what is stored for each query."""

    @abstractmethod
    def capacity(self, error: float = 0.01) -> float:
        """Return how many random patterns fit while the error rate stays at or below ``error``."""

    @abstractmethod
    def expected_error(self) -> float:
        """Return the error rate that theory gives for as many random patterns as are stored."""
