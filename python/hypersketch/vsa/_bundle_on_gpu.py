# SPDX-License-Identifier: Apache-2.0
"""How bundles whose counters lie on a GPU take keys, pairs and vectors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _threads, _validation
from hypersketch._device_array import DeviceArray
from hypersketch._stored import Tally
from hypersketch._structure import chunks, tally_of
from hypersketch.keys import hash_keys, integer_bits
from hypersketch.vsa import _on_gpu

if TYPE_CHECKING:
    from hypersketch.vsa.bundle import Bundle

_PIECE_VECTORS = 1 << 28
"""Bytes of vectors of host memory that go to a GPU at a time."""


def signs(counters: DeviceArray, seed: int) -> DeviceArray:
    """Return the packed signs of one row of counters."""
    made: DeviceArray = _on_gpu.signs_of("Bundle.vector", counters, counters.size, seed)
    return made


def batch_of(
    bundle: Any, owner: str, keys: Any, threads: int | None, are_hashes: bool = False
) -> tuple[Any, bool]:
    """Return keys as words in host memory or on the bundle's GPU, and whether they are hashes."""
    if _device.is_on_gpu(keys):
        words, hashed = (
            (_device_keys.hashes_of(owner, keys), True) if are_hashes else _device_keys.words_of(owner, keys)
        )
        _device.require_near(owner, "keys", words.seen, bundle._device_index)
        return words, hashed
    if are_hashes:
        return _validation.hashes(owner, keys), True
    bits = integer_bits(keys)
    return (hash_keys(keys, threads=threads), True) if bits is None else (bits, False)


def _weights_of(owner: str, weights: Any, words: Any) -> tuple[Any, Tally]:
    """Return checked weights as kernels take them, and what they add to the counts."""
    if isinstance(words, np.ndarray):
        if _device.is_on_gpu(weights):
            _validation.refuse(owner, "weights", "in host memory, where the keys are", "an array on a GPU")
        checked = _validation.weights(owner, weights, words.size)
        return checked, tally_of(words.size, checked)
    if weights is None:
        return None, tally_of(words.size, None)
    from hypersketch.sketches._weights_on_gpu import weights_on_gpu

    there = weights_on_gpu(owner, weights, words, np.dtype(np.int32), None)
    return there, there.tally


def _signed(tally: Tally, sign: int) -> Tally:
    return tally._replace(n_added=sign * tally.n_added, total_weight=sign * tally.total_weight)


def add_keys(
    bundle: Bundle,
    owner: str,
    keys: Any,
    weights: Any,
    sign: int,
    threads: int | None,
    are_hashes: bool = False,
) -> None:
    """Add atoms of keys, or for sign -1 take them away."""
    n_threads = _threads.resolve(owner, threads)
    words, hashed = batch_of(bundle, owner, keys, threads, are_hashes)
    checked, total = _weights_of(owner, weights, words)
    with bundle._lock:
        bundle._require_writable()
        bundle._require_room(total.bound)
        change = partial(
            _device.module().bundle_add,
            bundle._state.memory,
            bundle.seed,
            hashed=hashed,
            subtract=sign < 0,
            stream=_device.chosen_stream(),
            threads=n_threads,
        )
        for part in _device_keys.pieces(words):
            mine = None if checked is None else checked[part]
            tally = tally_of(part.stop - part.start, mine) if isinstance(words, np.ndarray) else total
            bundle._commit(change, (words[part], getattr(mine, "span", mine)), _signed(tally, sign))


def _there(words: Any, hashed: bool, device: int, stream: int) -> _device.View:
    """Return the hashes of a batch on a GPU."""
    if isinstance(words, np.ndarray):
        words = _device_keys.Words(DeviceArray.of(words, device).view()._replace(stream=stream))
    return _device_keys.as_hashes(words, hashed).seen


def add_pairs(bundle: Bundle, owner: str, keys: Any, values: Any, weights: Any, threads: int | None) -> None:
    """Add products of atoms."""
    _threads.resolve(owner, threads)
    left, right = _pairs(bundle, owner, keys, values, threads)
    n = left.size
    checked = _on_gpu.Weights(owner, weights, n, left)
    work = _on_gpu.Work(left, bundle.dim, n, None, checked)
    others = right.span()
    _add(bundle, work, left.stream, checked.tally, "bundle_keys", left.span(), others, True, bundle.seed)


def _pairs(
    bundle: Any, owner: str, keys: Any, values: Any, threads: int | None
) -> tuple[_device.View, _device.View]:
    """Return hashes of keys and values on the bundle's GPU."""
    batches = [batch_of(bundle, owner, one, threads) for one in (keys, values)]
    leader = next((words.seen for words, _ in batches if not isinstance(words, np.ndarray)), None)
    stream = _device.chosen_stream() if leader is None else leader.stream
    left, right = (_there(*batch, bundle._device_index, stream) for batch in batches)
    if left.size != right.size:
        raise ValueError(
            f"{owner} needs one value a key: keys has {left.size} elements but values has {right.size}."
        )
    _on_gpu.together(owner, left, values=right)
    return left, right


def _add(bundle: Bundle, work: _on_gpu.Work, stream: int, tally: Tally, function: str, *items: Any) -> None:
    """Add what a function of the GPU half bundles to the counters."""
    memory = bundle._state.memory
    with bundle._lock:
        bundle._require_writable()
        bundle._require_room(tally.bound)
        if tally.n_added == 0:
            return
        memory.ready(stream)
        work.into(memory.span(bundle.dim, stream), False)
        change = getattr(_device.module(), function)
        bundle._commit(partial(_changed, change), (work.plan, *items), tally)
        memory.ready(stream)


def _changed(change: Any, *arguments: Any) -> None:
    change(*arguments)  # what it returns is not a count


def add_vectors(bundle: Bundle, owner: str, vectors: Any, weights: Any) -> None:
    """Add packed vectors, or sums of MAP-I, of host memory or of the bundle's GPU."""
    if not _device.is_on_gpu(vectors):
        _add_host_vectors(bundle, owner, vectors, weights)
        return
    seen = _device.view(owner, "vectors", vectors)
    _device.require_near(owner, "vectors", seen, bundle._device_index)
    if seen.dtype == np.int32 and not bundle._binary:
        _add_host_vectors(
            bundle, owner, _on_gpu.sums(owner, "vectors", vectors, bundle.dim).to_host(), weights
        )
        return
    given = _on_gpu.packed(owner, "vectors", vectors, bundle.dim)
    _on_gpu._refuse_strays(owner, bundle.dim, vectors=given)
    n = _on_gpu._n_rows(given)
    checked = _on_gpu.Weights(owner, weights, n, given)
    work = _on_gpu.Work(given, bundle.dim, n, None, checked)
    _add(bundle, work, given.stream, checked.tally, "bundle_rows", given.span(), None)


def _add_host_vectors(bundle: Bundle, owner: str, vectors: Any, weights: Any) -> None:
    rows: NDArray[Any] = np.atleast_2d(bundle.space._checked("bundle().add_vectors", "vectors", vectors))
    if _device.is_on_gpu(weights):
        _validation.refuse(owner, "weights", "in host memory, where the vectors are", "an array on a GPU")
    checked = _validation.weights(owner, weights, len(rows))
    if rows.dtype == np.int32:
        bundle._add_sums(rows, checked)
        return
    stream, total = _device.chosen_stream(), tally_of(len(rows), checked)
    with bundle._lock:
        bundle._require_writable()
        bundle._require_room(total.bound)
        for part in chunks(len(rows), most=max(255, _PIECE_VECTORS // max(1, 8 * rows.shape[1]))):
            made = DeviceArray.of(rows[part], bundle._device_index or 0)
            there = made.view()._replace(stream=stream)
            mine = _on_gpu.Weights(owner, None if checked is None else checked[part], len(rows[part]), there)
            work = _on_gpu.Work(there, bundle.dim, len(rows[part]), None, mine)
            _add(bundle, work, stream, mine.tally, "bundle_rows", there.span(), None)
            made.mark(stream)
