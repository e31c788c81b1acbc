# SPDX-License-Identifier: Apache-2.0
"""Sparse codes on a GPU: atoms, products, unions and overlaps with the CPU's bits, as their inputs come."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _device, _device_keys, _validation
from hypersketch._device import View
from hypersketch._device_array import Passing
from hypersketch._device_search import used
from hypersketch.vsa import _on_gpu


def drawn(space: Any) -> tuple[int, int, bool, int]:
    """Return what says which atoms a space has."""
    return space.dim, space.n_ones, space.variant == "seg", space.seed


def checked_rows(owner: str, vectors: Any, space: Any, name: str = "vectors") -> View:
    """Return the view of packed vectors that set no bit beyond the dimension."""
    given = _on_gpu.packed(owner, name, vectors, space.dim)
    _on_gpu._refuse_strays(owner, space.dim, **{name: given})
    return given


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return the atoms of keys on a GPU, one a row."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.width), np.uint64, seen)
    _device.module().sparse_atoms(words[0 : words.size], *drawn(space), made.whole())
    return made.finished()


def _pair(
    owner: str, space: Any, names: tuple[str, str], a: Any, b: Any
) -> tuple[View, View, tuple[int, ...]]:
    left, right = (
        _on_gpu.packed(owner, name, value, space.dim) for name, value in zip(names, (a, b), strict=True)
    )
    _on_gpu.together(owner, left, **{names[1]: right})
    return left, right, _on_gpu._broadcast(owner, left, right, names)


def _refuse(owner: str, space: Any, found: int, names: tuple[str, str], *views: View) -> None:
    """Raise for what a kernel found, if anything."""
    if not found:
        return
    _on_gpu._refuse_strays(owner, space.dim, **dict(zip(names, views, strict=True)))
    space._refuse_segments(owner, names[1])


def similarity(owner: str, space: Any, a: Any, b: Any) -> Any:
    """Return overlaps over the geometric mean of both numbers of ones, row by row."""
    names = ("a", "b")
    left, right, shape = _pair(owner, space, names, a, b)
    made = _device.target(owner, None, (shape[0] if len(shape) == 2 else 1,), np.float64, left)
    found = _device.module().sparse_overlaps(left.span(), right.span(), space.dim, made.whole())
    _refuse(owner, space, found, names, left, right)
    return made.finished()


def combined(owner: str, space: Any, names: tuple[str, str], a: Any, b: Any, back: bool) -> Any:
    """Bind vectors as the variant does, or undo it; one vector meets each row of the other argument."""
    left, right, shape = _pair(owner, space, names, a, b)
    if space.variant == "cdt":
        return _thinned(owner, space, names, left, right, shape)
    made = _device.target(owner, None, shape, left.dtype, left)
    given = space.dim, space.n_ones, space.variant == "seg", back
    found = _device.module().turn_sparse(left.span(), right.span(), *given, made.whole())
    _refuse(owner, space, found, names, left, right)
    return made.finished()


def _thinned(
    owner: str, space: Any, names: tuple[str, str], left: View, right: View, shape: tuple[int, ...]
) -> Any:
    """Return unions, thinned: how many rotations each one needs is found on the host, as there."""
    n = shape[0] if len(shape) == 2 else 1
    union, made = (_device.target(owner, None, shape, left.dtype, left) for _ in range(2))
    ones = _device.target(owner, None, (n,), np.int32, left)
    module, passing = _device.module(), Passing(left.device, left.stream)
    found = module.unite_sparse(left.span(), right.span(), space.dim, union.whole(), ones.whole())
    _refuse(owner, space, found, names, left, right)
    rotations = np.array([space._n_rotations(int(one)) for one in ones.seen.to_host()], np.int32)
    steps = np.array(space._rotations(int(rotations.max(initial=0))), np.int64)
    given = passing.span(rotations), passing.span(steps)
    module.thin_sparse(union.whole(), space.dim, *given, made.whole())
    used(union.seen, ones.seen)
    return made.finished()


def thinned(owner: str, space: Any, vectors: Any) -> Any:
    """Return vectors with about as many ones as an atom has."""
    given = _on_gpu.packed(owner, "vectors", vectors, space.dim)
    return _thinned(owner, space, ("vectors", "vectors"), given, given, given.shape)


def superposed(owner: str, space: Any, vectors: Any, weights: Any, starts: Any) -> Any:
    """Return unions of runs of vectors, or the bits of weighted ones whose counters are above 0."""
    if weights is None:  # one vote sets a bit
        no_ties: Any = np.zeros(space.width, np.uint64)
        return _on_gpu.majority(owner, vectors, space.dim, no_ties, None, starts, at_least=1)
    given = _on_gpu.packed(owner, "vectors", vectors, space.dim)
    n = _on_gpu._n_rows(given)
    checked = _validation.weights(owner, _device.on_host(owner, "weights", weights), n)
    edges = _on_gpu.edges_of(owner, starts, n)
    # Set bits count -1 there: a sum is all weights less twice the counter, and below them where that
    # is above 0.
    sums = _on_gpu.summed(owner, vectors, space.dim, checked, starts)
    counted = _device.view(owner, "sums", sums)._replace(stream=given.stream)
    assert checked is not None
    totals = np.add.reduceat(checked[: edges[-1]], edges[:-1])
    made = _device.target(owner, None, (*counted.shape[:-1], space.width), given.dtype, given)
    passing = Passing(given.device, given.stream)
    _device.module().pack_below(counted.span(), passing.span(totals), space.dim, made.whole())
    used(counted)
    return made.finished()
