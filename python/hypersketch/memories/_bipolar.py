# SPDX-License-Identifier: Apache-2.0
"""Patterns and states of -1 and +1: in which forms they come, checked, and back in the form they came in.

Packed, a set bit is -1, as in `hypersketch.MapB`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa import _packed

Words = NDArray[np.uint64]


def _eight_signs() -> NDArray[np.uint64]:
    octets = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    bits = np.unpackbits(octets, axis=1, bitorder="little").astype(np.int8)
    return np.ascontiguousarray(1 - 2 * bits, np.int8).view(np.uint64).ravel()


_EIGHT_SIGNS = _eight_signs()
"""The eight entries of every octet, as one number."""


class Form(NamedTuple):
    """How rows came: packed or in a dtype, many or a single one."""

    dtype: np.dtype[Any]
    single: bool

    @property
    def is_packed(self) -> bool:
        """Whether rows are words of 64 units."""
        return self.dtype == np.uint64


def packed_rows(owner: str, name: str, value: object, n_units: int) -> tuple[Words, Form]:
    """Return checked rows as words, shape (n, n_words), and their form.

    Examples
    --------
    >>> words, form = packed_rows("example", "patterns", [[1, -1, -1], [1, 1, 1]], 3)
    >>> words
    array([[6],
           [0]], dtype=uint64)
    """
    _validation.not_masked(owner, name, value, "-1 and +1")
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, name, "rows of equal length", value, TypeError)
    if given.dtype == np.uint64:
        words = _validation.packed(owner, name, given, n_units)
    else:
        words = _packed.pack_bits(_negative(owner, name, given, n_units))
    n_words = _validation.words_for(n_units)
    return np.ascontiguousarray(words.reshape(-1, n_words)), Form(given.dtype, given.ndim == 1)


def _negative(owner: str, name: str, given: NDArray[Any], n_units: int) -> NDArray[np.bool_]:
    """Return which entries are -1, refusing what is neither -1 nor +1; True is +1 and False is -1."""
    if given.ndim not in (1, 2) or given.shape[-1] != n_units:
        raise ValueError(
            f"{name} has the shape {given.shape} but {owner} needs ({n_units},) or (n, {n_units}): one "
            "column a unit."
        )
    if given.dtype == np.bool_:
        return ~given
    if given.dtype.kind not in "iuf":
        must = "an array of -1 and +1, or packed vectors of uint64"
        _validation.refuse(owner, name, must, given.dtype, TypeError)
    negative: NDArray[np.bool_] = given == -1
    good = negative | (given == 1)
    if not good.all():
        row, unit = np.argwhere(~np.atleast_2d(good))[0].tolist()
        came = np.atleast_2d(given)[row, unit].item()
        raise ValueError(
            f"The {name!r} parameter of {owner} must hold only -1 and +1. Got {came!r} in row {row} at unit "
            f"{unit} instead."
        )
    return negative


def signs(words: Words, n_units: int, dtype: Any = np.int8) -> NDArray[Any]:
    """Return packed rows as -1 and +1, or False and True.

    Examples
    --------
    >>> import numpy as np
    >>> signs(np.array([[6]], np.uint64), 3)
    array([[ 1, -1, -1]], dtype=int8)
    """
    octets = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    if np.dtype(dtype) == np.bool_:
        bits = np.unpackbits(octets, axis=-1, count=n_units, bitorder="little")
        return np.asarray(bits == 0)
    units = _EIGHT_SIGNS[octets].view(np.int8)[..., :n_units]
    return np.ascontiguousarray(units, dtype)


def formed(words: Words, form: Form, n_units: int) -> NDArray[Any]:
    """Return rows in the form that others came in; unsigned ones, but for words, as int8.

    Examples
    --------
    >>> import numpy as np
    >>> formed(np.array([[6]], np.uint64), Form(np.dtype(float), True), 3)
    array([ 1., -1., -1.])
    """
    signed = np.dtype(np.int8) if form.dtype.kind == "u" else form.dtype  # which has no -1
    rows = words if form.is_packed else signs(words, n_units, signed)
    return rows[0] if form.single else rows
