# SPDX-License-Identifier: Apache-2.0
"""usearch: its exact search of packed bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of


class Usearch:
    """search(exact=True), one thread."""

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.name = name_of("usearch")
        from usearch.index import MetricKind, search

        self._search: Any = search
        self._metric = MetricKind.Hamming
        self._rows = rows

    def nearest(self, queries: NDArray[np.uint8], k: int) -> NDArray[Any]:
        """Return distances; of equally near rows it names any."""
        found = self._search(self._rows, queries, k, self._metric, exact=True, threads=1, dtype="b1")
        return np.asarray(found.distances)
