# SPDX-License-Identifier: Apache-2.0
"""Sparse codes on a GPU: atoms with the CPU's bits, as their inputs come."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _device, _device_keys
from hypersketch.vsa import _on_gpu


def drawn(space: Any) -> tuple[int, int, bool, int]:
    """Return what says which atoms a space has."""
    return space.dim, space.n_ones, space.variant == "seg", space.seed


def checked_rows(owner: str, vectors: Any, space: Any) -> _device.View:
    """Return the view of packed vectors that set no bit beyond the dimension."""
    given = _on_gpu.packed(owner, "vectors", vectors, space.dim)
    _on_gpu._refuse_strays(owner, space.dim, vectors=given)
    return given


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.width), np.uint64, seen)
    _device.module().sparse_atoms(words[0 : words.size], *drawn(space), made.whole())
    return made.finished()
