# SPDX-License-Identifier: Apache-2.0
"""How bundles of real vectors on a GPU take keys, pairs and vectors, and answer.

Atoms are made there, with the CPU's bits, where spaces draw them; their sums are taken in double precision.
Up to 256 keys or vectors a call give the bits of the CPU. More are summed in groups, then the groups: what n
terms sum to is off by less than n 2^-53 of the sum of their magnitudes, here and there. What the host has to
make (spectra, products other than of entries) and what lies in its memory is summed on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _threads
from hypersketch._device_array import DeviceArray, Passing
from hypersketch._structure import chunks
from hypersketch.vsa import _on_gpu
from hypersketch.vsa._bundle_on_gpu import _pairs, _there, batch_of
from hypersketch.vsa._real import Numbers
from hypersketch.vsa._scores_on_gpu import _finished
from hypersketch.vsa._spectral_on_gpu import drawn, floats, form_of, rows_of, spectrum_of

if TYPE_CHECKING:
    from hypersketch.vsa.real_bundle import RealBundle

_NUMBERS_AT_ONCE = 1 << 34
"""Of atoms, between two looks for Ctrl-C: a fraction of a second."""


def _pieces(bundle: RealBundle, n: int) -> Any:
    return chunks(n, most=max(255, _NUMBERS_AT_ONCE // bundle.dim))


def _total(
    bundle: RealBundle, stream: int, add: Callable[[slice, Any, Any], bool], refuse: Callable[[], Any]
) -> Callable[[slice, Any], DeviceArray]:
    """Return what sums a part of a batch; ``add`` writes to a span and tells whether all is in range."""
    device = bundle._device_index or 0

    def total(part: slice, weights: NDArray[np.float64] | None) -> DeviceArray:
        change = DeviceArray.empty(bundle._state.shape, np.float64, device)
        change.mark(stream)
        passing = Passing(device, stream)
        factors = None if weights is None else passing.span(weights)
        if not add(part, factors, change.memory.span(change.size, stream)):
            refuse()
        change.mark(stream)
        return change

    return total


def _no_rows(part: slice) -> Any:
    raise AssertionError("The GPU makes them.")


def add_keys(
    bundle: RealBundle,
    verb: str,
    keys: Any,
    weights: Any,
    sign: int,
    threads: int | None,
    are_hashes: bool = False,
) -> None:
    """Add atoms of keys, or for sign -1 take them away."""
    owner = f"RealBundle.{verb}"
    _threads.resolve(owner, threads)
    words, hashed = batch_of(bundle, owner, keys, threads, are_hashes)
    there = _there(words, hashed, bundle._device_index or 0, _device.chosen_stream())
    if not bundle.space._STORES_NO_ATOMS:
        bundle._add_hashed(verb, there.to_host(), weights, sign, threads)
        return
    _add_atoms(bundle, verb, there, None, weights, sign)


def _add_atoms(bundle: RealBundle, verb: str, keys: Any, others: Any, weights: Any, sign: int) -> None:
    batches = [None if one is None else _device_keys.Words(one) for one in (keys, others)]

    def add(part: slice, factors: Any, sums: Any) -> bool:
        spans = (None if one is None else one[part] for one in batches)
        good: bool = _device.module().sum_atoms(*drawn(bundle.space), *spans, factors, sums)
        return good

    total = _total(bundle, keys.stream, add, bundle._refuse_range)
    pieces = _pieces(bundle, keys.size)
    bundle._add_rows(verb, keys.size, _no_rows, weights, sign, total, pieces)


def add_pairs(bundle: RealBundle, keys: Any, values: Any, weights: Any, threads: int | None) -> None:
    """Add products of atoms."""
    owner = "RealBundle.add_pairs"
    _threads.resolve(owner, threads)
    left, right = _pairs(bundle, owner, keys, values, threads)
    if bundle.space._STORES_NO_ATOMS and bundle.space._NUMBERS != Numbers.NORMAL:  # bound entry by entry
        _add_atoms(bundle, "add_pairs", right, left, weights, 1)
    else:
        bundle._add_hashed_pairs(left.to_host(), right.to_host(), weights, threads)


def add_vectors(bundle: RealBundle, vectors: Any, weights: Any) -> None:
    """Add vectors of the bundle's GPU."""
    owner = "RealBundle.add_vectors"
    given = rows_of(owner, "vectors", vectors, bundle.space)
    _device.require_near(owner, "vectors", given, bundle._device_index)
    n = _on_gpu._n_rows(given)

    def rows(part: slice) -> Any:
        return bundle._row_batch(given.to_host())[part]

    def add(part: slice, factors: Any, sums: Any) -> bool:
        good: bool = _device.module().sum_rows(floats(given), factors, sums)
        return good

    def refuse() -> None:
        rows(slice(0, n))  # which refuses those that are not finite
        bundle._refuse_range()

    total = _total(bundle, given.stream, add, refuse)
    bundle._add_rows("add_vectors", n, rows, weights, 1, total, [slice(0, n)] if n else [])


# ---- answers


def vector(bundle: RealBundle) -> DeviceArray:
    """Return the bundle as a vector of its space, on its GPU."""
    space, state, stream = bundle.space, bundle._state, _device.chosen_stream()
    made = DeviceArray.empty((space.width,), space.dtype, bundle._device_index or 0)
    for one in (state, made):
        one.mark(stream)
    sums = state.memory.span(state.size, stream)
    _device.module().shape_sums(sums, state.size, form_of(space), spectrum_of(space), floats(made.view()))
    for one in (state, made):
        one.mark(stream)
    return made


def similarity(bundle: RealBundle, keys: Any, threads: int | None) -> Any:
    """Return cosines with the atoms of keys: in an array of the GPU where the keys are, else of the host."""
    owner, space = "RealBundle.similarity", bundle.space
    n_threads = _threads.resolve(owner, threads)
    words, hashed = batch_of(bundle, owner, keys, threads)
    there = _there(words, hashed, bundle._device_index or 0, _device.chosen_stream())
    made = _device.target(owner, None, (there.size,), np.float64, there)
    mine = vector(bundle)
    mine.mark(there.stream)
    seen = mine.view()._replace(stream=there.stream)
    if space._STORES_NO_ATOMS:
        module = _device.module()
        module.score_atoms(*drawn(space), floats(seen), there.span(), made.whole())
    else:
        _score_made(space, seen, there, made, n_threads)
    return _finished(made, isinstance(words, np.ndarray), mine)


def _score_made(space: Any, mine: Any, keys: Any, made: Any, threads: int) -> None:
    """Score atoms that the host makes, a piece at a time."""
    hashes, width = keys.to_host(), space.nbytes // 4
    for part in chunks(keys.size, 64 * space.dim):
        passing = Passing(keys.device, keys.stream)
        rows = passing.span(space._atoms_of(hashes[part], threads).view(np.float32))
        _device.module().cosines(floats(mine), rows, width, spectrum_of(space), made[part])
