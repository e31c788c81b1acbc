# SPDX-License-Identifier: Apache-2.0
"""What memories without random parts share: no seed, and what every change begins and ends with."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import starmap
from operator import setitem
from typing import Any, TypeVar

from hypersketch import _memory
from hypersketch._stored import Stored, Tally
from hypersketch.memories._associative import AssociativeMemory

Merging = TypeVar("Merging", bound="Mergeable")


def require_writable(memory: Stored, state: Any = None) -> None:
    """Refuse to change what is memory-mapped; the lock is held."""
    if not _memory.is_writable(memory._state if state is None else state):
        raise ValueError(
            f"This {type(memory).__name__} is read-only (memory-mapped, or made over a buffer that is). "
            "Change a copy() of it instead."
        )


Change = tuple[Any, Any, Any]
"""An array or a dict, a place in it, and what comes there."""


def at_once(*changes: Change) -> None:
    """Make changes in one step of the interpreter, so that no Ctrl-C can come between them."""
    deque(starmap(setitem, changes), maxlen=0)


def call_at_once(call: Callable[[], Any], change: Change) -> None:
    """Make a call, which must be compiled code, and a change in one step of the interpreter."""
    deque(map(partial.__call__, (partial(call), partial(setitem, *change))), maxlen=0)


def count_of(memory: Stored, n: int) -> Change:
    """Return the change by which n more are stored."""
    return vars(memory), "_record", (memory._tally.plus(Tally(n_added=n)), [])


def counted(memory: Stored, n: int) -> None:
    """Note that n more are stored."""
    at_once(count_of(memory, n))


class Mergeable(AssociativeMemory):
    """A memory that takes in another of the same parameters."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Take in everything that another memory holds."""

    def _joined(self: Merging, other: Merging) -> Merging:
        """Return a new memory that holds what both hold."""
        self._require_same(other, "merge with")
        joined = self.copy()
        joined.merge(other)
        return joined


class Summed(Mergeable):
    """A memory in which what is stored adds up."""

    def __iadd__(self: Merging, other: Merging) -> Merging:
        self.merge(other)
        return self

    def __add__(self: Merging, other: Merging) -> Merging:
        return self._joined(other)


class United(Mergeable):
    """A memory of bits that are set, the union of what is stored."""

    def __ior__(self: Merging, other: Merging) -> Merging:
        self.merge(other)
        return self

    def __or__(self: Merging, other: Merging) -> Merging:
        return self._joined(other)


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
