# SPDX-License-Identifier: Apache-2.0
"""What all structures are: a state that keys are added to, with a lock, counts and merging."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory
from hypersketch._doors import Imports
from hypersketch._stored import Stored, Tally

Mutable = TypeVar("Mutable", bound="Structure")

MAX_COUNTER = 2**31 - 1
"""Largest magnitude of an int32 counter; -2**31 stays unused so that signs can be turned round."""

_CHUNK_KEYS = 255 * 4096
_CHUNK_WORK = 1 << 28
"""Random words computed between two looks for Ctrl-C: a fraction of a second."""


def chunks(n: int, words_per_key: int = 1, most: int | None = None) -> Iterator[slice]:
    """Cut n keys into pieces that take a fraction of a second each, in whole batches of the kernels (255).

    Packed answers need whole bytes besides, which the pieces of up to 255 words a key are.
    """
    step = max(1, min(most or _CHUNK_KEYS, _CHUNK_WORK // max(1, words_per_key)) // 255) * 255
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def dot(a: _memory.State, b: _memory.State) -> float:
    """Return the inner product of two states of integers; exact while its terms sum to less than 2**53."""
    if _memory.on_gpu(a):
        found = _memory.exact_product(a, b)
        if found is not None:
            return float(found)
    a, b = _memory.host(a), _memory.host(b)
    piece = 1 << 16  # stays in a cache
    return float(
        sum(
            np.dot(a[i : i + piece].astype(np.float64), b[i : i + piece].astype(np.float64))
            for i in range(0, a.size, piece)
        )
    )


def tally_of(n: int, weights: Any, sign: int = 1) -> Tally:
    """Return what n keys with these weights (1 each when None) add to the counts, or for sign -1 take.

    Weights are an array of int64, or `sketches._weights_on_gpu.WeightsOnGpu`, which know their tally.
    """
    if weights is not None and not isinstance(weights, np.ndarray):
        added: Tally = weights.tally
        return added._replace(n_added=sign * added.n_added, total_weight=sign * added.total_weight)
    total = n if weights is None else int(weights.sum())
    bound = n if weights is None else int(np.abs(weights).sum())
    return Tally(n_added=sign * n, total_weight=sign * total, bound=bound)


class Structure(Stored, Imports):
    """A state that keys are added to and that merges with others of its kind.

    Changes hold the object's own lock; queries do not wait for it.
    """

    # ---- changes

    def _commit(self, change: Callable[..., Any], arguments: Sequence[Any], tally: Tally) -> None:
        """Call ``change(*arguments)`` and note its tally, leaving Ctrl-C no moment in between.

        Python looks for signals when a call has returned, which is exactly between a change of the state and
        a statement that counts it. Here both happen inside one call: list.extend runs map and zip without a
        look.
        """
        changes = map(change, *((a,) for a in arguments))
        self._record[1].extend(zip(changes, (tally,), strict=True))
        self._settle()

    def _settle(self) -> None:
        self._record = (self._tally, [])

    def _add_chunks(
        self,
        change: Callable[..., Any],
        batch: NDArray[np.uint64],
        weights: Any = None,
        *,
        sign: int = 1,
        axis: int = -1,
        words_per_key: int = 1,
        pieces: Iterable[slice] | None = None,
    ) -> None:
        """Call ``change`` for parts of a checked batch, whose keys lie along the axis; sign -1 removes.

        When Ctrl-C comes, the parts done so far are in, and counted.
        """
        for part in pieces or chunks(batch.shape[axis], words_per_key):
            keys = batch[part] if axis == 0 else batch[..., part]
            if isinstance(keys, np.ndarray):
                keys = np.ascontiguousarray(keys)
            n = part.stop - part.start
            mine = None if weights is None else weights[part]
            self._commit(change, (keys, *self._weight_arguments(n, mine, sign)), tally_of(n, mine, sign))

    def _weight_arguments(self, n: int, weights: NDArray[np.int64] | None, sign: int) -> tuple[Any, ...]:
        """Return what ``change`` takes after the keys."""
        return ()

    @property
    def _writable(self) -> bool:
        return _memory.is_writable(self._state)

    def _require_writable(self) -> None:
        if not self._writable:
            # Nothing can be mapped of a state without elements, so there is no other way to such a one.
            mapped = _memory.is_mapped(self._state) or self._state.size == 0
            why = "memory-mapped" if mapped else "made over a buffer that is"
            raise ValueError(
                f"This {type(self).__name__} is read-only ({why}). Change a copy() of it instead."
            )

    def clear(self) -> None:
        """Remove everything.

        Raises
        ------
        ValueError
            When the state is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> seen = hypersketch.BloomFilter(n_bits=256)
        >>> seen.add("a")
        >>> seen.clear()
        >>> "a" in seen, seen.n_added
        (False, 0)
        """
        with self._lock:
            self._require_writable()
            self._commit(*_memory.clearing(self._state), Tally().plus(self._tally, -1))

    # ---- merging

    @abstractmethod
    def _join(self, other: Any) -> None:
        """Add the other's state, whose type and parameters are the same; both locks are held."""

    def merge(self: Mutable, other: Mutable) -> None:
        """Add everything another structure of the same type and parameters holds.

        The result is what adding the other's keys here would have given.

        Parameters
        ----------
        other : same type
            Stays as it is. Merging an object with itself doubles what it holds.

        Raises
        ------
        TypeError
            When the other is of another type.
        ValueError
            When a parameter or the seed differs, or this state is memory-mapped.
        OverflowError
            When a counter would leave its range; nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.BloomFilter(n_bits=256) for _ in "ab")
        >>> a.add(1)
        >>> b.add(2)
        >>> a.merge(b)
        >>> a.n_added
        2
        """
        self._require_same(other, "merge with")
        # Always in the same order, so that two threads merging a with b and b with a do not wait for each
        # other.
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            self._require_writable()
            self._join(other)

    def _joined(self: Mutable, other: Mutable) -> Mutable:
        """Return a new structure that holds what both hold."""
        self._require_same(other, "merge with")
        joined = self.copy()
        joined.merge(other)
        return joined
