# SPDX-License-Identifier: Apache-2.0
"""NumPy: XOR and bitwise_count, one query at a time; also what the answers are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class NumpySearch:
    """Packed words."""

    def __init__(self, rows: NDArray[np.uint64]) -> None:
        self.name = f"NumPy {np.__version__}"
        self._rows = rows

    def distances(self, query: NDArray[np.uint64]) -> NDArray[np.uint32]:
        return np.bitwise_count(self._rows ^ query).sum(1, dtype=np.uint32)

    def nearest(self, queries: NDArray[np.uint64], k: int) -> None:
        """Find k of the nearest rows, in any order."""
        for query in queries:
            np.argpartition(self.distances(query), k)[:k]

    def ranked(self, queries: NDArray[np.uint64], k: int) -> NDArray[np.int64]:
        """Return the k nearest rows in order; of equally near rows the first ones."""
        return np.stack([np.argsort(self.distances(query), kind="stable")[:k] for query in queries])
