# SPDX-License-Identifier: Apache-2.0
"""How bundles on a GPU compare themselves with keys, pairs and packed vectors: the CPU's scores, bit for bit.

Keys and vectors of the GPU are answered there, in their kind; those of host memory in NumPy arrays.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch._device_array import DeviceArray, Passing
from hypersketch.vsa import _on_gpu
from hypersketch.vsa._bundle_on_gpu import _pairs, _there, batch_of


def _bundle_at(bundle: Any, stream: int) -> tuple[Any, DeviceArray]:
    """Return the span of a bundle's counters or planes, ready on a stream, and what keeps them."""
    state = bundle._scored_state()
    state.memory.ready(stream)
    return state.memory.span(state.size, stream), state


def _finished(made: Any, in_host: bool, *used: DeviceArray) -> Any:
    for state in used:
        state.mark(made.seen.stream)
    answers = made.finished()
    return np.asarray(answers) if in_host else answers


def of_keys(bundle: Any, owner: str, keys: Any, values: Any, threads: int | None) -> Any:
    """Return similarities with the atoms of keys, or with products of two atoms."""
    _threads.resolve(owner, threads)
    others = None
    if values is None:
        words, hashed = batch_of(bundle, owner, keys, threads)
        in_host = isinstance(words, np.ndarray)
        given = _there(words, hashed, bundle._device_index, _device.chosen_stream())
    else:
        in_host = not any(_device.is_on_gpu(one) for one in (keys, values))
        given, right = _pairs(bundle, owner, keys, values, threads)
        others = right.span()
    made = _device.target(owner, None, (given.size,), np.float64, given)
    span, state = _bundle_at(bundle, given.stream)
    score = partial(_device.module().score_keys, span, bundle.dim, bundle._n_planes, given.span(), others)
    score(True, bundle.seed, made.whole(), *bundle._reading)
    return _finished(made, in_host, state)


def of_vectors(bundle: Any, owner: str, vectors: Any) -> Any:
    """Return similarities with packed vectors."""
    in_host = not _device.is_on_gpu(vectors)
    if in_host:
        rows = _validation.packed(owner, "vectors", vectors, bundle.dim)
        there = DeviceArray.of(rows, bundle._device_index)
        given = there.view()
    else:
        given = _on_gpu.packed(owner, "vectors", vectors, bundle.dim)
        _device.require_near(owner, "vectors", given, bundle._device_index)
        _on_gpu._refuse_strays(owner, bundle.dim, vectors=given)
    made = _device.target(owner, None, (_on_gpu._n_rows(given),), np.float64, given)
    span, state = _bundle_at(bundle, given.stream)
    score = partial(_device.module().score_rows, span, bundle.dim, bundle._n_planes, given.span())
    score(made.whole(), *bundle._reading)
    return _finished(made, in_host, state)


def similarity(owner: str, a: Any, b: Any, dim: int) -> Any:
    """Return the similarity of vectors of a MAP space, row by row: one meets each row of the other."""
    a_sums, b_sums = _on_gpu.is_sums(a), _on_gpu.is_sums(b)
    if a_sums and b_sums:
        _validation.refuse(owner, "b", "packed where both are on a GPU and a holds sums", "sums", TypeError)
    if not (a_sums or b_sums):
        products = _on_gpu.packed(owner, "a", _on_gpu.bind(owner, a, b, dim), dim)
        ones: NDArray[np.uint64] = np.zeros(_validation.words_for(dim), np.uint64)
        passing = Passing(products.device, products.stream)
        return _scored(
            owner, products._replace(pointer=passing.span(ones).pointer, shape=ones.shape), products, dim
        )
    total, rows, names = (a, b, ("a", "b")) if a_sums else (b, a, ("b", "a"))
    one, given = _on_gpu.sums(owner, names[0], total, dim), _on_gpu.packed(owner, names[1], rows, dim)
    _on_gpu.together(owner, given, **{names[0]: one})
    _on_gpu._refuse_strays(owner, dim, **{names[1]: given})
    if _on_gpu._n_rows(one) != 1:
        must = "one vector where it holds sums and both are on a GPU"
        _validation.refuse(owner, names[0], must, f"shape {one.shape}")
    return _scored(owner, one, given, dim)


def _scored(owner: str, one: _device.View, rows: _device.View, dim: int) -> Any:
    made = _device.target(owner, None, (_on_gpu._n_rows(rows),), np.float64, rows)
    _device.behind(rows, one)
    span = one._replace(stream=rows.stream).span()
    n_planes = 0 if one.dtype == np.int32 else 1
    _device.module().score_rows(span, dim, n_planes, rows.span(), made.whole(), 1.0, dim)
    return made.finished()
