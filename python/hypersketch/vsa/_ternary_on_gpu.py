# SPDX-License-Identifier: Apache-2.0
"""Ternary vectors on a GPU: atoms, products, sums and cosines with the CPU's bits, as their inputs come."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from hypersketch import _device, _device_keys, _validation
from hypersketch._device import View
from hypersketch._device_search import used
from hypersketch.vsa import _on_gpu


def rows_of(owner: str, name: str, value: Any, space: Any) -> View:
    """Return the view of ternary vectors; the kernels find bits that should not be set."""
    must = f"packed vectors of uint64 with {space.width} words"
    seen = _on_gpu._on_gpu(owner, name, value, must)
    if seen.dtype not in _on_gpu._WORDS:
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    why = f"two planes of {space.dim} dimensions in words of 64 bits"
    return _on_gpu._rows(owner, name, seen, space.width, why)


def checked_rows(owner: str, vectors: Any, space: Any, name: str = "vectors") -> View:
    """Return the view of ternary vectors that set no bit that should not be set."""
    given = rows_of(owner, name, vectors, space)
    if not _device.module().are_ternary(given.span(), space.dim):
        _refuse_strays(owner, name, space)
    return given


def _refuse_strays(owner: str, names: str, space: Any) -> NoReturn:
    must = f"two planes of {space.dim} dimensions with no bit beyond them and no entry both +1 and -1"
    _validation.refuse(owner, names, must, "such bits or entries")


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.width), np.uint64, seen)
    _device.module().ternary_atoms(words[0 : words.size], space.dim, space.seed, made.whole())
    return made.finished()


def _pair(owner: str, space: Any, a: Any, b: Any) -> tuple[View, View, tuple[int, ...]]:
    left, right = rows_of(owner, "a", a, space), rows_of(owner, "b", b, space)
    _on_gpu.together(owner, left, b=right)
    return left, right, _on_gpu._broadcast(owner, left, right, ("a", "b"))


def bind(owner: str, space: Any, a: Any, b: Any) -> Any:
    """Return products of entries; one vector meets each row of the other argument."""
    left, right, shape = _pair(owner, space, a, b)
    made = _device.target(owner, None, shape, left.dtype, left)
    if not _device.module().ternary_products(left.span(), right.span(), space.dim, made.whole()):
        _refuse_strays(owner, "a, b", space)
    return made.finished()


def similarity(owner: str, space: Any, a: Any, b: Any) -> Any:
    """Return the cosines of vectors, row by row."""
    left, right, shape = _pair(owner, space, a, b)
    made = _device.target(owner, None, (shape[0] if len(shape) == 2 else 1,), np.float64, left)
    if not _device.module().ternary_cosines(left.span(), right.span(), space.dim, made.whole()):
        _refuse_strays(owner, "a, b", space)
    return made.finished()


def superposed(owner: str, space: Any, vectors: Any, weights: Any, starts: Any) -> Any:
    """Return the signs of sums of runs of vectors, 0 where votes are equal."""
    given = checked_rows(owner, vectors, space)
    # Both planes are summed as one packed vector, whose set bits count -1.
    sums = _on_gpu.summed(owner, vectors, 64 * space.width, weights, starts)
    counted = _device.view(owner, "sums", sums)._replace(stream=given.stream)
    made = _device.target(owner, None, (*counted.shape[:-1], space.width), given.dtype, given)
    _device.module().ternary_signs(counted.span(), space.dim, made.whole())
    used(counted)
    return made.finished()
