# SPDX-License-Identifier: Apache-2.0
"""Memory of states: aligned to cache lines, in huge pages when large (see cpp/bindings/memory.cpp)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core


def zeros(size: int, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
    """Return a new one-dimensional array of zeros."""
    return _core.zeros(size * np.dtype(dtype).itemsize).view(dtype)


def is_alone(array: NDArray[Any]) -> bool:
    """Whether the memory is NumPy's or this module's: others may change what was mapped or is a buffer."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base is None or type(base).__name__ == "PyCapsule"


def copied(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of a one-dimensional array in such memory, which can be changed."""
    twin = zeros(array.size, array.dtype)
    twin[:] = array
    return twin
