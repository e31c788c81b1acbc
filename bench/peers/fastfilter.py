# SPDX-License-Identifier: Apache-2.0
"""fastfilter_cpp's BlockedBloom (github.com/FastFilter/fastfilter_cpp), through ctypes.

It has no C functions of its own: the shared library must offer those below over SimdBlockFilterFixed<>, built
for this machine. `new` takes the number of keys, the others the filter first, then keys and their number;
`contains` writes a byte a key.
"""

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
    ("fastfilter_new", _POINTER, [_SIZE]),
    ("fastfilter_free", None, [_POINTER]),
    ("fastfilter_bytes", _SIZE, [_POINTER]),
    ("fastfilter_add", None, [_POINTER, _POINTER, _SIZE]),
    ("fastfilter_add_all", None, [_POINTER, _POINTER, _SIZE]),
    ("fastfilter_contains", None, [_POINTER, _POINTER, _SIZE, _POINTER]),
]


class Fastfilter:
    """10.67 bits a key. `add_all` sorts keys by region first; `add` and `found` go key by key."""

    def __init__(self, n: int) -> None:
        if not os.environ.get("HYPERSKETCH_FASTFILTER"):
            raise Missing("no shared library over fastfilter_cpp is given (HYPERSKETCH_FASTFILTER)")
        self.name = "fastfilter BlockedBloom"
        self._library = peer_library(Path(os.environ["HYPERSKETCH_FASTFILTER"]), _SIGNATURES)
        self._n = n
        self._filter: Any = None
        self._out: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.fresh()

    def fresh(self) -> None:
        self.close()
        self._filter = self._library.fastfilter_new(self._n)

    def close(self) -> None:
        if self._filter is not None:
            self._library.fastfilter_free(self._filter)
        self._filter = None

    def add(self, keys: NDArray[np.uint64]) -> None:
        self._library.fastfilter_add(self._filter, keys.ctypes.data, keys.size)

    def add_all(self, keys: NDArray[np.uint64]) -> None:
        self._library.fastfilter_add_all(self._filter, keys.ctypes.data, keys.size)

    def contains(self, keys: NDArray[np.uint64], out: NDArray[np.bool_]) -> None:
        self._library.fastfilter_contains(self._filter, keys.ctypes.data, keys.size, out.ctypes.data)

    def found(self, keys: NDArray[np.uint64]) -> int:
        out = np.empty(keys.size, np.bool_)
        self.contains(keys, out)
        return int(np.count_nonzero(out))

    def nbytes(self) -> int:
        return int(self._library.fastfilter_bytes(self._filter))
