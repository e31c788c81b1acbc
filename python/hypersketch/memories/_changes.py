# SPDX-License-Identifier: Apache-2.0
"""What memories without random parts share: no seed, and what every change begins and ends with."""

from __future__ import annotations

from typing import Any

from hypersketch import _memory
from hypersketch._stored import Stored, Tally
from hypersketch.memories._associative import AssociativeMemory


def require_writable(memory: Stored, state: Any = None) -> None:
    """Refuse to change what is memory-mapped; the lock is held."""
    if not _memory.is_writable(memory._state if state is None else state):
        raise ValueError(
            f"This {type(memory).__name__} is read-only (memory-mapped, or made over a buffer that is). "
            "Change a copy() of it instead."
        )


def counted(memory: Stored, n: int) -> None:
    """Note that n more are stored."""
    memory._record = (memory._tally.plus(Tally(n_added=n)), [])


class Seedless(AssociativeMemory):
    """A memory in which nothing is random."""

    @property
    def seed(self) -> int:
        """There is none: nothing in this memory is random.

        >>> import hypersketch
        >>> hypersketch.NeighbourMemory(8).seed
        0
        """
        return 0
