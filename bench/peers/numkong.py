# SPDX-License-Identifier: Apache-2.0
"""numkong (formerly simsimd): distances of packed bits, in blocks of rows that stay in a cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of

_BLOCK_BYTES = 1 << 19
"""What was fastest of 2**17 to 2**20; one call on all rows is an order slower."""


class Numkong:
    """The distance of the nearest row only: it has no top-k, and NumPy's would not be its own."""

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.name = name_of("numkong")
        import numkong

        self._numkong: Any = numkong
        step = max(256, _BLOCK_BYTES // rows.shape[1])
        self._blocks = [numkong.hammings_pack(rows[i : i + step]) for i in range(0, len(rows), step)]

    def nearest(self, queries: NDArray[np.uint8]) -> NDArray[Any]:
        best = [np.asarray(self._numkong.hammings_packed(queries, block)).min(1) for block in self._blocks]
        return np.min(best, axis=0)
