# SPDX-License-Identifier: Apache-2.0
"""Arrays that grow at their end, and never move under those who look at them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _memory


class Column:
    """The first n rows of a buffer, which may have room for more.

    A column does not change its length: `extended` returns a longer one, over the same buffer where it has
    room, so whoever holds the shorter one still sees what it saw.
    """

    __slots__ = ("_buffer", "rows")

    def __init__(self, rows: NDArray[Any], buffer: NDArray[Any] | None = None) -> None:
        self.rows = rows
        self._buffer = rows if buffer is None else buffer

    @classmethod
    def empty(cls, dtype: Any) -> Column:
        return cls(np.empty(0, dtype))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return int(self.rows.nbytes)

    def extended(self, more: NDArray[Any]) -> Column:
        """Return a column of these rows and then those."""
        n, total = len(self.rows), len(self.rows) + len(more)
        buffer = self._buffer
        if total > len(buffer) or not buffer.flags.writeable:
            buffer = self._larger(max(total, 2 * n))
        buffer[n:total] = more
        return Column(buffer[:total], buffer)

    def _larger(self, room: int) -> NDArray[Any]:
        """Return a new buffer that begins with these rows."""
        width = self.rows.shape[1:]
        flat = _memory.zeros(room * int(np.prod(width, dtype=np.int64)), self.rows.dtype)
        buffer: NDArray[Any] = flat.reshape(room, *width)
        buffer[: len(self.rows)] = self.rows
        return buffer

    def chosen(self, kept: NDArray[Any]) -> Column:
        """Return a column of the rows at some places, in a buffer of its own."""
        return Column(self.rows[kept])

    def copied(self) -> Column:
        return Column(self._larger(len(self.rows)))

    def replaced(self, places: NDArray[Any], rows: Any) -> Column:
        """Return a column with other rows at some places, in a buffer of its own."""
        made = Column(self._larger(len(self.rows)))
        made.rows[places] = rows
        return made
