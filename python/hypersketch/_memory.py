# SPDX-License-Identifier: Apache-2.0
"""Memory of states: aligned to cache lines, in huge pages when large (see cpp/bindings/memory.cpp)."""

from __future__ import annotations

from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core


def zeros(size: int, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
    """Return a new one-dimensional array of zeros."""
    n_bytes = size * np.dtype(dtype).itemsize
    try:
        return _core.zeros(n_bytes).view(dtype)
    except MemoryError:
        raise MemoryError(f"The system has no memory for a state of {n_bytes} bytes.") from None


def is_alone(array: NDArray[Any]) -> bool:
    """Whether the memory is NumPy's or this module's: others may change what was mapped or is a buffer."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base is None or type(base).__name__ == "PyCapsule"


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether the memory is a mapped file or mapped shared memory."""
    base: Any = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return isinstance(base, mmap)


def copied(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of a one-dimensional array in such memory, which can be changed."""
    twin = zeros(array.size, array.dtype)
    twin[:] = array
    return twin
