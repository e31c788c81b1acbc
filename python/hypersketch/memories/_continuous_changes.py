# SPDX-License-Identifier: Apache-2.0
"""How patterns come into a continuous memory, change and leave it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hypersketch.memories import _patterns
from hypersketch.memories._continuous_store import ContinuousStore


class ContinuousChanges(ContinuousStore):
    """Each puts other rows in the place of all, under the lock; what looks on keeps what it saw."""

    def store(self, patterns: Any, values: Any = None) -> None:
        """Store patterns, one a row, with their values where the memory has them.

        Parameters
        ----------
        patterns : array of shape (dim,) or (n, dim)
            For a memory on a GPU also an array of real numbers there, float16 and bfloat16 among them.
        values : array of shape (n, value_dim), optional
            Only for a memory with ``value_dim``.

        Raises
        ------
        TypeError, ValueError
            For what are not finite vectors (the row is named) of these dimensions, unequal numbers of them,
            zero vectors under cosine, rows that the memory's type cannot hold, or when the memory is
            read-only. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2, value_dim=1, beta=9.0)
        >>> memory.store([[1, 0], [0, 1]], [[10], [20]])
        >>> memory.retrieve([0, 1]).states.round(1)
        array([[20.]], dtype=float32)
        """
        owner = "ContinuousMemory.store"
        news = self._made(owner, patterns, values)
        with self._lock:
            self._require_writable()
            held = self._held
            others = None if held.values is None else held.values.extended(news.values)  # type: ignore[arg-type]
            lengths = held.lengths.extended(news.lengths.rows)
            self._held = replace(
                held, patterns=held.patterns.extended(news.patterns), values=others, lengths=lengths
            )

    def remove(self, indices: Any) -> None:
        """Take patterns out; those behind them move up.

        Parameters
        ----------
        indices : int or array of int
            Numbers of patterns, each of them once.

        Raises
        ------
        TypeError, ValueError
            For what are not such numbers, or when the memory is read-only. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2)
        >>> memory.store([[1, 0], [0, 1]])
        >>> memory.remove(0)
        >>> memory.patterns
        array([[0., 1.]], dtype=float32)
        """
        with self._lock:
            self._require_writable()
            gone = _patterns.places("ContinuousMemory.remove", indices, len(self))
            kept = np.ones(len(self), np.bool_)
            kept[gone] = False
            self._held = self._held.chosen(np.flatnonzero(kept))

    def update(self, indices: Any, patterns: Any, values: Any = None) -> None:
        """Put other patterns, and values, in the place of some.

        Parameters
        ----------
        indices : int or array of int
            Numbers of n patterns, each of them once.
        patterns : array of shape (n, dim)
        values : array of shape (n, value_dim), optional

        Raises
        ------
        TypeError, ValueError
            As for `store` and `remove`. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2)
        >>> memory.store([[1, 0], [0, 1]])
        >>> memory.update(1, [3, 4])
        >>> memory.patterns[1]
        array([3., 4.], dtype=float32)
        """
        owner = "ContinuousMemory.update"
        news = self._made(owner, patterns, values)
        with self._lock:
            self._require_writable()
            where, held = _patterns.places(owner, indices, len(self)), self._held
            if len(where) != len(news):
                raise ValueError(
                    f"{owner} needs as many patterns as indices. Got {len(news)} and {len(where)}."
                )
            lengths = held.lengths.replaced(where, news.lengths.rows)
            others = None if held.values is None else held.values.replaced(where, news.values)  # type: ignore[arg-type]
            self._held = replace(
                held, patterns=held.patterns.replaced(where, news.patterns), values=others, lengths=lengths
            )
