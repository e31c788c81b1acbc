# SPDX-License-Identifier: Apache-2.0
"""Structures whose states add up: weights, ``+=``, and counters that never leave their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory
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

    # ---- ranges

    @property
    def _most(self) -> Any:
        """Largest magnitude of a counter; the smallest integer stays unused, so that signs can turn round."""
        return MAX_COUNTER

    def _fits(self, bound: Any) -> bool:
        return bool(bound <= self._most)

    def _largest(self) -> Any:
        """Return the largest magnitude of a counter, from the counters themselves."""
        low, high = _memory.extremes(self._state) if self._state.size else (0, 0)
        return max(abs(int(low)), abs(int(high)))

    @property
    def _bound(self) -> Any:
        """No counter is larger in magnitude. Where others can change the state, only a look can tell."""
        return self._tally.bound if self._alone else self._largest()

    def _is_far_from_full(self, more: Any) -> bool:
        """Whether no counter can leave its range by a change of ``more``. Looks at them only when it must."""
        # The sum of all weights added by this object is a bound without looking.
        if self._alone and self._fits(self._tally.bound + more):
            return True
        largest = self._largest()
        self._record = (self._tally._replace(bound=largest), [])
        return self._fits(largest + more)


class Counters(Additive):
    """An additive structure of int32 counters, none of which may ever leave its range."""

    def _weight_arguments(self, n: int, weights: NDArray[np.int64] | None, sign: int) -> tuple[Any, ...]:
        if sign == 1:
            return (weights,)
        return (np.full(n, -1, np.int64) if weights is None else -weights,)

    def _require_room(self, more: int) -> None:
        """Refuse a change by up to ``more`` a counter, when the largest counter leaves no room for it."""
        if not self._is_far_from_full(more):
            raise OverflowError(
                f"A counter of this {type(self).__name__} could leave the range of int32: the largest is "
                f"{self._tally.bound} and the change adds up to {more}."
            )

    def _largest(self) -> int:
        """Return the largest magnitude of a counter, the diagonal of a matrix among them."""
        largest: int = super()._largest()
        return max(abs(self._tally.trace), largest)

    def _join(self, other: Any) -> None:
        largest = other._largest()
        self._require_room(largest)
        change = _memory.combining(np.add, self._state, other._state)
        self._commit(*change, other._tally._replace(bound=largest))
