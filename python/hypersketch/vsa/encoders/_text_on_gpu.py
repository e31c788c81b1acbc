# SPDX-License-Identifier: Apache-2.0
"""Texts and sequences encoded on a GPU, from host memory or from there, as the CPU encodes them.

Bytes, characters and keys that lie on the GPU stay there. Words, and tokens with a pad, are found on the CPU.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_keys, _validation
from hypersketch._device_array import DeviceArray, Passing, Strings
from hypersketch.vsa import _on_gpu

_BYTES = 256


def encoded(encoder: Any, owner: str, values: Any, starts: Any, device: int, threads: int | None) -> Any:
    """Return one vector a document on a GPU."""
    if not _device.is_on_gpu(values):
        return _of_host(encoder, owner, encoder._runs(owner, values, starts, threads), _somewhere(device))
    seen, edges = _parts(owner, values, starts)
    if encoder.pad is not None or encoder.unit == "words":
        runs = encoder._runs(owner, *_brought(owner, encoder.unit, seen, edges), threads)
        return _of_host(encoder, owner, runs, seen)
    if encoder.unit == "keys":
        hashes = _device_keys.hashed_words(owner, values)
        edges = _validation.starts(owner, edges, hashes.size)
        return _of_hashes(encoder, owner, hashes.seen, edges, None, np.diff(edges))
    if seen.dtype not in (np.uint8, np.int8) or len(seen.shape) != 1 or not seen.is_contiguous:
        must = "strings, or with starts a contiguous array of uint8"
        _validation.refuse(owner, "values", must, f"{seen.dtype} of shape {seen.shape}", TypeError)
    edges = _validation.starts(owner, edges, seen.size)
    return (_of_bytes if encoder.unit == "bytes" else _of_characters)(encoder, owner, seen, edges)


def _somewhere(device: int) -> _device.View:
    """Return a view of nothing, for whose likes results are made."""
    return DeviceArray.empty((0,), np.uint8, device).view()


def _parts(owner: str, values: Any, starts: Any) -> tuple[_device.View, NDArray[Any]]:
    """Return the tokens, or bytes, of documents on a GPU, and where these start, in host memory."""
    if isinstance(values, Strings):
        if starts is not None:
            _validation.refuse(
                owner, "starts", "None for strings, which have their own", type(starts), TypeError
            )
        offsets, data = values.views()
        edges = offsets.to_host()
        return data._replace(stream=_followed(offsets, data)), edges
    if starts is None:
        must = "given where the tokens of documents are one array on a GPU"
        _validation.refuse(owner, "starts", must, None, TypeError)
    seen = _device.view(owner, "values", values)
    return seen, np.asarray(_device.on_host(owner, "starts", starts))


def _followed(leader: _device.View, other: _device.View) -> int:
    _device.behind(leader, other)
    return leader.stream


def _brought(owner: str, unit: str, seen: _device.View, edges: NDArray[Any]) -> tuple[Any, Any]:
    """Return documents in host memory."""
    data = seen.to_host()
    if unit == "keys":
        return data, edges
    edges = _validation.starts(owner, edges, data.size)
    if unit in ("characters", "bytes"):
        return data.view(np.uint8), edges
    block = data.tobytes()
    try:
        return [block[a:b].decode() for a, b in itertools.pairwise(edges)], None
    except UnicodeDecodeError as error:
        _validation.refuse(owner, "values", "UTF-8", error.object[error.start : error.start + 8])


def _work(
    encoder: Any, like: _device.View, edges: NDArray[np.int64], n: int, ends: Any, lengths: NDArray[np.int64]
) -> _on_gpu.Work:
    return _on_gpu.Work(like, encoder.space.dim, n, edges, None, encoder.n - 1, ends=ends, lengths=lengths)


def _made(encoder: Any, owner: str, work: _on_gpu.Work) -> Any:
    return work.target(
        owner, None, _on_gpu.ties_on(encoder.space, work._like.device) if encoder.space.binary else None
    )


def _of_hashes(
    encoder: Any, owner: str, hashes: _device.View, edges: Any, ends: Any, lengths: NDArray[np.int64]
) -> Any:
    encoder._require_long(owner, lengths)
    work = _work(encoder, hashes, edges, hashes.size, ends, lengths)
    made = _made(encoder, owner, work)
    _device.module().bundle_key_grams(work.plan, hashes.span(), encoder._own.seed, encoder.n)
    return made.finished()


def _of_characters(encoder: Any, owner: str, seen: _device.View, edges: NDArray[np.int64]) -> Any:
    """Decode UTF-8 where it lies: a character's hash stands at or before its first byte."""
    passing, n = Passing(seen.device, seen.stream), edges.size - 1
    begins, hashes, ends = (
        passing.span(edges),
        passing.empty(seen.size, np.uint64),
        passing.empty(n, np.int64),
    )
    if not _device.module().decode_characters(begins, seen.span(), hashes, ends):
        _validation.refuse(owner, "values", "UTF-8 whose documents begin with characters", "other bytes")
    last = np.empty(n, np.int64)
    ends.to_host(last.view(np.uint8))
    there = seen._replace(pointer=hashes.pointer, dtype=np.dtype(np.uint64), strides=(8,))
    return _of_hashes(encoder, owner, there, edges, ends, last - edges[:-1])


def _of_bytes(encoder: Any, owner: str, seen: _device.View, edges: NDArray[np.int64]) -> Any:
    encoder._require_long(owner, np.diff(edges))
    book = encoder._atoms(np.arange(_BYTES, dtype=np.uint8), None)
    return _of_book(encoder, owner, seen, seen.span(), 1, book, edges)


def _of_host(encoder: Any, owner: str, runs: Any, like: _device.View) -> Any:
    """Encode tokens of host memory."""
    from hypersketch.vsa.encoders._tokens import ranked

    passing = Passing(like.device, like.stream)
    if runs.are_hashes:
        span, n = passing.span(runs.tokens), runs.tokens.size
        seen = like._replace(pointer=span.pointer, shape=(n,), strides=(8,), dtype=np.dtype(np.uint64))
        return _of_hashes(encoder, owner, seen, runs.starts, None, np.diff(runs.starts))
    distinct, which = ranked(runs.tokens)
    if distinct.size == 0:
        distinct = np.zeros(1, runs.tokens.dtype)
    tokens, book = passing.span(which.astype(np.uint32)), encoder._atoms(distinct, None)
    return _of_book(encoder, owner, like._replace(shape=which.shape), tokens, 4, book, runs.starts)


def _of_book(
    encoder: Any, owner: str, like: _device.View, tokens: Any, width: int, book: Any, edges: NDArray[np.int64]
) -> Any:
    work = _work(encoder, like, edges, tokens.n, None, np.diff(edges))
    made = _made(encoder, owner, work)
    _device.module().bundle_grams(work.plan, work.span(book), tokens, width, encoder.n)
    return made.finished()
