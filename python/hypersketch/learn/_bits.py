# SPDX-License-Identifier: Apache-2.0
"""Signs of rows as bits and back: a set bit stands for -1, as everywhere in the MAP family."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]


def pack_negative(negative: NDArray[np.bool_]) -> Words:
    """Return rows of booleans as words, 64 to a word.

    >>> pack_negative(np.array([[True, False, True]]))
    array([[5]], dtype=uint64)
    """
    n, dim = negative.shape
    octets = np.zeros((n, 8 * _validation.words_for(dim)), np.uint8)
    packed = np.packbits(negative, axis=1, bitorder="little")
    octets[:, : packed.shape[1]] = packed
    return octets.view("<u8").astype(np.uint64, copy=False)


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
