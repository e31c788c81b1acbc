# SPDX-License-Identifier: Apache-2.0
"""The second pass of a deduplication: which records were really there before, by their bytes.

The table knows the hashes of the records that a filter flagged, and of those only: its memory grows with the
duplicates. In the second pass the first record of such a hash leaves its bytes, with which later ones are
compared. So the answer is exact, whatever the filter mistook and whatever two hashes agree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core
from hypersketch.cli.spans import Flags, Spans

__all__ = ["ExactTable"]

_SLOTS = 1 << 12
_ARENA = 1 << 16


class ExactTable:
    """A set of records with reserved hashes.

    Examples
    --------
    >>> import numpy as np
    >>> lines = Spans(np.frombuffer(b"aabac", np.uint8), np.arange(5), np.arange(1, 6))
    >>> hashes = lines.hashes()
    >>> table = ExactTable()
    >>> table.reserve(hashes[1:2])
    >>> table.keep(lines, hashes)
    array([ True, False,  True, False,  True])
    >>> table.n_reserved
    1
    """

    def __init__(self) -> None:
        self._slots: NDArray[np.uint64] = np.zeros((_SLOTS, 2), np.uint64)
        self._arena: NDArray[np.uint8] = np.empty(_ARENA, np.uint8)
        self._numbers = (0, 0)

    @property
    def n_reserved(self) -> int:
        """Number of reserved hashes (and of further records that share one)."""
        return self._numbers[0]

    @property
    def nbytes(self) -> int:
        """Bytes taken."""
        return int(self._slots.nbytes + self._arena.nbytes)

    def reserve(self, hashes: NDArray[np.uint64]) -> None:
        """Note hashes whose records are to be compared.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n,)
        """
        while True:
            done, *numbers = _core.exact_reserve(self._slots, self._arena, self._numbers, hashes)
            self._numbers = (numbers[0], numbers[1])
            if done == hashes.size:
                return
            hashes = hashes[done:]
            self._grow_slots()

    def keep(self, records: Spans, hashes: NDArray[np.uint64]) -> Flags:
        """Tell which records are the first of their bytes.

        Parameters
        ----------
        records : Spans
        hashes : ndarray of uint64, shape (n,)
            Hashes of the records.

        Returns
        -------
        ndarray of bool, shape (n,)
            False for a record that was asked about before and whose hash is reserved.
        """
        keep: Flags = np.empty(len(records), np.bool_)
        first = 0
        while True:
            starts, ends = records.starts[first:], records.ends[first:]
            done, *numbers = _core.exact_keep(
                self._slots,
                self._arena,
                self._numbers,
                records.data,
                starts,
                ends,
                hashes[first:],
                keep[first:],
            )
            self._numbers = (numbers[0], numbers[1])
            first += done
            if first == keep.size:
                return keep
            self._make_room(int(records.ends[first] - records.starts[first]))

    def _make_room(self, size: int) -> None:
        """Enlarge what was too small for a record of that size."""
        needed = self._numbers[1] + 8 + size
        if needed > self._arena.size:
            # In place where the system can: two copies of a large arena might not fit.
            self._arena.resize(max(needed, self._arena.size * 3 // 2), refcheck=False)
        else:
            self._grow_slots()

    def _grow_slots(self) -> None:
        old = self._slots
        self._slots = np.zeros((2 * len(old), 2), np.uint64)
        _core.exact_move(old, self._slots, self._arena, self._numbers)
