# SPDX-License-Identifier: Apache-2.0
"""Vectors of integers modulo r on a GPU: atoms with the CPU's bits, as their inputs come."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _device, _device_keys, _validation
from hypersketch.vsa import _on_gpu

_TYPES = (np.dtype(np.uint16), np.dtype(np.int16))


def drawn(space: Any) -> tuple[int, int, int]:
    """Return what says which atoms a space has."""
    return space.width, space.modulus, space.seed


def rows_of(owner: str, name: str, value: Any, space: Any) -> _device.View:
    """Return the view of vectors of a space: uint16, or int16 with the same bits."""
    must = f"vectors of {space.width} integers in [0, {space.modulus}), uint16 or int16"
    seen = _on_gpu._on_gpu(owner, name, value, must)
    if seen.dtype not in _TYPES:
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    return _on_gpu._rows(owner, name, seen, space.width, "one integer an entry")


def refuse_large(owner: str, space: Any, **rows: _device.View) -> None:
    """Raise for the first that has an integer beyond the modulus."""
    for name, seen in rows.items():
        if _device.module().any_not_below(seen.span(), space.modulus):
            must = f"vectors of {space.width} integers in [0, {space.modulus})"
            _validation.refuse(owner, name, must, "larger ones")


def checked_rows(owner: str, vectors: Any, space: Any) -> _device.View:
    """Return the view of vectors of a space that have no integer beyond the modulus."""
    given = rows_of(owner, "vectors", vectors, space)
    refuse_large(owner, space, vectors=given)
    return given


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.width), np.uint16, seen)
    _device.module().digit_atoms(words[0 : words.size], *drawn(space), made.whole())
    return made.finished()
