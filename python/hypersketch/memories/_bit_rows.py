# SPDX-License-Identifier: Apache-2.0
"""Binary vectors in the forms in which they come: packed words, or rows of -1 and +1, or of bools.

Packed, a set bit is -1, as in `hypersketch.MapB`; True is +1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa import _packed

Words = NDArray[np.uint64]


def packed(owner: str, name: str, value: object, dim: int) -> tuple[Words, np.dtype[Any]]:
    """Return checked rows as words, shape (n, n_words), and the dtype in which they came."""
    _validation.not_masked(owner, name, value, "-1 and +1, or bits")
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, name, "rows of equal length", value)
    if given.dtype == np.uint64:
        words = _validation.packed(owner, name, given, dim)
    else:
        words = _packed.pack_bits(_negative(owner, name, given, dim))
    return np.ascontiguousarray(words.reshape(-1, _validation.words_for(dim))), given.dtype


def _negative(owner: str, name: str, given: NDArray[Any], dim: int) -> NDArray[np.bool_]:
    must = f"packed vectors of uint64, or rows of -1 and +1 or of bools, shape ({dim},) or (n, {dim})"
    if given.dtype.kind not in "biuf":
        _validation.refuse(owner, name, must, given.dtype, TypeError)
    if given.ndim not in (1, 2) or given.shape[-1] != dim:
        _validation.refuse(owner, name, must, f"shape {given.shape}")
    rows = np.atleast_2d(given)
    if rows.dtype == np.bool_:
        return ~rows
    negative: NDArray[np.bool_] = rows == -1
    bad = ~(negative | (rows == 1))
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        came = rows[row, column].item()
        raise ValueError(
            f"The {name!r} parameter of {owner} must hold only -1 and +1. Got {came!r} in row {row}, column "
            f"{column} instead."
        )
    return negative


def in_form(words: Words, dim: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return packed rows as they came: words, bools, or -1 and +1 of a signed dtype."""
    if dtype == np.uint64:
        return words
    bits = unpacked(words, dim)
    if dtype == np.bool_:
        return ~bits
    signed = dtype if dtype.kind in "if" else np.dtype(np.int8)
    return np.where(bits, -1, 1).astype(signed)


def unpacked(words: Words, dim: int) -> NDArray[np.bool_]:
    """Return the bits of packed rows, one a column."""
    if not len(words):
        return np.zeros((0, dim), np.bool_)
    made: NDArray[np.bool_] = np.unpackbits(words.view(np.uint8), axis=-1, count=dim, bitorder="little").view(
        np.bool_
    )
    return made
