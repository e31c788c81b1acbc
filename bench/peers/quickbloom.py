# SPDX-License-Identifier: Apache-2.0
"""quickbloom (github.com/dmatth1/quickbloom): Parquet's split-block filter in AVX2 C, through ctypes."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native import peer_library
from peers import Missing

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_SIGNATURES = [
    ("qb_new", _POINTER, [_SIZE]),
    ("qb_free", None, [_POINTER]),
    ("qb_estimate_bits", _SIZE, [_SIZE, ctypes.c_double]),
    ("qb_serialized_size", _SIZE, [_POINTER]),
    ("qb_insert_bulk", None, [_POINTER, _POINTER, _SIZE, _SIZE]),
    ("qb_contains_bulk", _SIZE, [_POINTER, _POINTER, _SIZE, _SIZE]),
    ("qb_insert_prehash_bulk", None, [_POINTER, _POINTER, _SIZE]),
    ("qb_contains_prehash_bulk", _SIZE, [_POINTER, _POINTER, _SIZE]),
]


class Quickbloom:
    """One call a batch. Sized by its own estimate, which it rounds up to a power of two."""

    def __init__(self, n: int, *, prehashed: bool) -> None:
        path = os.environ.get("HYPERSKETCH_QUICKBLOOM")
        if not path:
            raise Missing("quickbloom's shared library is not given (HYPERSKETCH_QUICKBLOOM)")
        self.name = f"quickbloom, {'prehashed' if prehashed else 'hashing'}"
        self._library = peer_library(Path(path), _SIGNATURES)
        self._prehashed = prehashed
        self._bits = self._library.qb_estimate_bits(n, 0.01)
        self._filter: Any = None
        self.fresh()

    def fresh(self) -> None:
        self.close()
        self._filter = self._library.qb_new(self._bits)

    def close(self) -> None:
        self._library.qb_free(self._filter)
        self._filter = None

    def add(self, keys: NDArray[np.uint64]) -> None:
        if self._prehashed:
            self._library.qb_insert_prehash_bulk(self._filter, keys.ctypes.data, keys.size)
        else:
            self._library.qb_insert_bulk(self._filter, keys.ctypes.data, 8, keys.size)

    def found(self, keys: NDArray[np.uint64]) -> int:
        if self._prehashed:
            return int(self._library.qb_contains_prehash_bulk(self._filter, keys.ctypes.data, keys.size))
        return int(self._library.qb_contains_bulk(self._filter, keys.ctypes.data, 8, keys.size))

    def nbytes(self) -> int:
        return int(self._library.qb_serialized_size(self._filter))
