# SPDX-License-Identifier: Apache-2.0
"""Vectors of integers modulo r on a GPU: atoms with the CPU's bits, as their inputs come."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from hypersketch import _device, _device_keys, _validation
from hypersketch._device_array import Passing
from hypersketch.vsa import _on_gpu
from hypersketch.vsa._modular import _NO_KEY

_TYPES = (np.dtype(np.uint16), np.dtype(np.int16))
_CELLS_AT_ONCE = 1 << 26
"""Counters of bundles that are made at a time: 256 MiB."""


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


def _refuse_pair(owner: str, space: Any, names: tuple[str, str], *views: _device.View) -> NoReturn:
    refuse_large(owner, space, **dict(zip(names, views, strict=True)))
    raise AssertionError("One of them was too large.")


def checked_rows(owner: str, vectors: Any, space: Any, name: str = "vectors") -> _device.View:
    """Return the view of vectors of a space that have no integer beyond the modulus."""
    given = rows_of(owner, name, vectors, space)
    refuse_large(owner, space, **{name: given})
    return given


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.width), np.uint16, seen)
    _device.module().digit_atoms(words[0 : words.size], *drawn(space), made.whole())
    return made.finished()


def _pair(
    owner: str, space: Any, names: tuple[str, str], a: Any, b: Any
) -> tuple[_device.View, _device.View, tuple[int, ...]]:
    left, right = (rows_of(owner, name, value, space) for name, value in zip(names, (a, b), strict=True))
    _on_gpu.together(owner, left, **{names[1]: right})
    return left, right, _on_gpu._broadcast(owner, left, right, names)


def combined(owner: str, space: Any, names: tuple[str, str], a: Any, b: Any, subtract: bool) -> Any:
    """Return sums or differences modulo r; one vector meets each row of the other argument."""
    left, right, shape = _pair(owner, space, names, a, b)
    made = _device.target(owner, None, shape, left.dtype, left)
    given = left.span(), right.span(), space.width, space.modulus, subtract
    if not _device.module().combine_digits(*given, made.whole()):
        _refuse_pair(owner, space, names, left, right)
    return made.finished()


def similarity(owner: str, space: Any, a: Any, b: Any) -> Any:
    """Return how alike vectors are, row by row."""
    left, right, shape = _pair(owner, space, ("a", "b"), a, b)
    made = _device.target(owner, None, (shape[0] if len(shape) == 2 else 1,), np.float64, left)
    given = left.span(), right.span(), space.width, space.modulus, bool(space._CIRCLE)
    if not _device.module().compare_digits(*given, made.whole()):
        _refuse_pair(owner, space, ("a", "b"), left, right)
    return made.finished()


def choose(space: Any, counters: Any, passing: Passing, out: Any) -> None:
    """Write the vectors that stand for counters."""
    table = space._direction_table()
    directions = None if table is None else passing.span(table)
    other_seed, no_key = space.seed ^ (2**64 - 1), int(_NO_KEY[0])  # as of the host's offsets
    given = space.width, space.modulus, other_seed, no_key
    _device.module().choose_digits(counters, *given, directions, out)


def superposed(owner: str, space: Any, vectors: Any, weights: Any, starts: Any) -> Any:
    """Return the bundles of runs of vectors, as many at a time as there is room for counters."""
    given = checked_rows(owner, vectors, space)
    n = _on_gpu._n_rows(given)
    edges = _on_gpu.edges_of(owner, starts, n)
    if not (edges[1:] > edges[:-1]).all():
        raise ValueError(f"{owner} needs at least one vector in every bundle.")
    checked = _on_gpu.Weights(owner, weights, n, given)
    checked.require_room(owner)
    shape = (space.width,) if starts is None else (edges.size - 1, space.width)
    made = _device.target(owner, None, shape, given.dtype, given)
    n_cells = space.width * space.modulus
    at_once = max(1, _CELLS_AT_ONCE // n_cells)
    for first in range(0, edges.size - 1, at_once):
        some = edges[first : first + at_once + 1]
        passing = Passing(given.device, given.stream)
        counters = passing.empty((some.size - 1) * n_cells, np.int32)
        rows = _device.Target(None, given)[some[0] * space.width : some[-1] * space.width]
        factors = checked.part(slice(some[0], some[-1]), passing)
        runs = rows, space.width, space.modulus, passing.span(some)
        _device.module().count_digit_runs(*runs, factors, counters)
        choose(space, counters, passing, made[first * space.width : (first + some.size - 1) * space.width])
    return made.finished()
