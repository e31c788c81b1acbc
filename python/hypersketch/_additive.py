# SPDX-License-Identifier: Apache-2.0
"""Structures whose states add up: weights, ``+=``, and int32 counters that never leave their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch._structure import MAX_COUNTER, Mutable, Structure


class Additive(Structure):
    """A structure whose states add up: merged by ``+=``, with weights and a total weight."""

    @property
    def total_weight(self) -> int | float:
        """Sum of the weights added, less those removed; a key without a weight weighs 1.

        >>> import hypersketch
        >>> hypersketch.MapI(64).bundle(["a", "b"], weights=[5, -2]).total_weight
        3
        """
        total: int | float = self._tally.total_weight
        return total

    def _weight_arguments(self, n: int, weights: NDArray[np.int64] | None, sign: int) -> tuple[Any, ...]:
        return (weights,)

    def __iadd__(self: Mutable, other: Mutable) -> Mutable:
        self.merge(other)
        return self

    def __add__(self: Mutable, other: Mutable) -> Mutable:
        return self._joined(other)


class Counters(Additive):
    """An additive structure of int32 counters, none of which may ever leave its range."""

    def _weight_arguments(self, n: int, weights: NDArray[np.int64] | None, sign: int) -> tuple[Any, ...]:
        if sign == 1:
            return (weights,)
        return (np.full(n, -1, np.int64) if weights is None else -weights,)

    def _require_room(self, more: int) -> None:
        """Refuse a change by up to ``more`` a counter, when the largest counter leaves no room for it."""
        if self._tally.bound + more <= MAX_COUNTER:
            return
        # The sum of all weights is a bound without looking. Now look.
        largest = self._largest()
        self._record = (self._tally._replace(bound=largest), [])
        if largest + more > MAX_COUNTER:
            raise OverflowError(
                f"A counter of this {type(self).__name__} could leave the range of int32: the largest is "
                f"{largest} and the change adds up to {more}."
            )

    def _largest(self) -> int:
        """Return the largest magnitude of a counter, the diagonal of a matrix among them."""
        trace = abs(self._tally.trace)
        return max(trace, int(self._state.max()), -int(self._state.min())) if self._state.size else trace

    def _join(self, other: Any) -> None:
        largest = other._largest()
        self._require_room(largest)
        self._commit(np.add, (self._state, other._state, self._state), other._tally._replace(bound=largest))
