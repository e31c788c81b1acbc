# SPDX-License-Identifier: Apache-2.0
"""Signs of rows as bits and back: a set bit stands for -1, as everywhere in the MAP family."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]


def signs(words: Words, dim: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Return the entries -1 and +1 of packed rows.

    >>> signs(np.array([[5]], np.uint64), 3)
    array([[-1.,  1., -1.]], dtype=float32)
    """
    octets = words.astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=dim, bitorder="little")
    entries = bits.astype(dtype)
    entries *= dtype(-2)
    entries += dtype(1)
    return entries
