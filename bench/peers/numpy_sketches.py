# SPDX-License-Identifier: Apache-2.0
"""The sketches one writes by hand in NumPy: a multiply-shift hash a row, signs from another one, bincount."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD],
    np.uint64,
)


class NumpyCountMin:
    """Five rows of float64, whose width is a power of two; the smallest of the rows answers."""

    name = f"NumPy {np.__version__}"

    def __init__(self, width: int) -> None:
        self._shift = np.uint64(64 - (width.bit_length() - 1))
        self._width = width
        self.fresh()

    def fresh(self) -> None:
        self._table = np.zeros((5, self._width))

    def nbytes(self) -> int:
        return self._table.nbytes

    def _columns(self, keys: NDArray[np.uint64], r: int) -> NDArray[np.int64]:
        return ((keys * _ODD[r]) >> self._shift).astype(np.int64)

    def add(self, keys: NDArray[np.uint64]) -> None:
        for r in range(5):
            self._table[r] += np.bincount(self._columns(keys, r), minlength=self._width)

    def estimate(self, keys: NDArray[np.uint64]) -> NDArray[Any]:
        return np.min([self._table[r][self._columns(keys, r)] for r in range(5)], axis=0)


class NumpyCountSketch(NumpyCountMin):
    """The same with signs; the median of the rows answers."""

    def _signs(self, keys: NDArray[np.uint64], r: int) -> NDArray[np.float64]:
        return ((keys * _ODD[(r + 2) % 5]) >> np.uint64(63)).astype(np.float64) * 2 - 1

    def add(self, keys: NDArray[np.uint64]) -> None:
        for r in range(5):
            columns, signs = self._columns(keys, r), self._signs(keys, r)
            self._table[r] += np.bincount(columns, weights=signs, minlength=self._width)

    def estimate(self, keys: NDArray[np.uint64]) -> NDArray[Any]:
        rows = [self._table[r][self._columns(keys, r)] * self._signs(keys, r) for r in range(5)]
        return np.median(rows, axis=0)
