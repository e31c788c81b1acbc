# SPDX-License-Identifier: Apache-2.0
"""faiss: its exact index of packed bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of


class Faiss:
    """IndexBinaryFlat, one thread."""

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.name = name_of("faiss-cpu")
        import faiss

        faiss.omp_set_num_threads(1)
        self._index: Any = faiss.IndexBinaryFlat(8 * rows.shape[1])
        self._index.add(rows)

    def nearest(self, queries: NDArray[np.uint8], k: int) -> NDArray[Any]:
        """Return distances; of equally near rows it names any."""
        distances: NDArray[Any] = self._index.search(queries, k)[0]
        return distances


class FaissFlat:
    """IndexFlatIP: exact inner products of float32 vectors, one thread."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self.name = f"{name_of('faiss-cpu')}, IndexFlatIP"
        import faiss

        faiss.omp_set_num_threads(1)
        self._index: Any = faiss.IndexFlatIP(rows.shape[1])
        self._index.add(rows)

    def nearest(self, queries: NDArray[np.float32], k: int) -> NDArray[Any]:
        """Return indices."""
        indices: NDArray[Any] = self._index.search(queries, k)[1]
        return indices
