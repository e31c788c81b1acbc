# SPDX-License-Identifier: Apache-2.0
"""Documents, however they come, as runs of tokens: characters, bytes, words or keys."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.keys import host_hashes

UNITS = ("characters", "bytes", "words", "keys")


@dataclass(frozen=True)
class Runs:
    """Tokens of documents, one after the other."""

    tokens: NDArray[Any]
    """Small integers (code points, bytes), or hashes (uint64) of keys."""
    starts: NDArray[np.int64]
    """Document d is the tokens starts[d] to starts[d + 1] - 1."""

    @property
    def are_hashes(self) -> bool:
        """Whether tokens are hashes."""
        return self.tokens.dtype == np.uint64

    def padded(self, n: int, token: Any) -> Runs:
        """Return the documents with n more tokens before and behind each."""
        n_documents = self.starts.size - 1
        first, last = self.starts[0], self.starts[-1]
        made = np.full(last - first + 2 * n * n_documents, token, self.tokens.dtype)
        of_document = np.repeat(np.arange(n_documents), np.diff(self.starts))
        made[np.arange(last - first) + n * (2 * of_document + 1)] = self.tokens[first:last]
        return Runs(made, self.starts - first + 2 * n * np.arange(n_documents + 1))


def runs_of(owner: str, documents: Any, starts: Any, unit: str, threads: int | None) -> Runs:
    """Return documents as runs of tokens of a unit."""
    if unit in ("characters", "bytes"):
        return _of_text(owner, documents, starts, unit)
    if starts is not None:  # tokens of all documents in one batch
        hashes = host_hashes(documents, threads)
        return Runs(hashes, _validation.starts(owner, starts, hashes.size))
    listed = [documents] if isinstance(documents, str) else _listed(owner, documents, unit)
    if unit == "words":
        _require_type(owner, listed, str, "strings of words")
        listed = [one.split() for one in listed]
    else:
        _require_sequences(owner, listed)
    return _flat(listed, threads)


def _flat(documents: list[Any], threads: int | None) -> Runs:
    sizes = np.fromiter(map(len, documents), np.int64, len(documents))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    if documents and all(isinstance(one, np.ndarray) for one in documents):
        return Runs(host_hashes(np.concatenate(documents), threads), starts)
    return Runs(host_hashes(list(itertools.chain.from_iterable(documents)), threads), starts)


def _of_text(owner: str, documents: Any, starts: Any, unit: str) -> Runs:
    if starts is not None:
        return _of_buffer(owner, documents, starts, unit)
    kind: Any = bytes if unit == "bytes" else str
    listed: list[Any] = [documents] if isinstance(documents, str | bytes) else _listed(owner, documents, unit)
    if unit == "bytes":
        listed = [one.encode() if isinstance(one, str) else one for one in listed]
    _require_type(owner, listed, kind, "strings" if kind is str else "strings or bytes")
    sizes = np.fromiter(map(len, listed), np.int64, len(listed))
    edges = np.concatenate([[0], np.cumsum(sizes)])
    if unit == "bytes":
        return Runs(np.frombuffer(b"".join(listed), np.uint8), edges)
    # Surrogates are let pass here and refused where they are hashed, by a sentence of their own.
    points = "".join(listed).encode("utf-32-le", "surrogatepass")
    return Runs(np.frombuffer(points, "<u4"), edges)


def _of_buffer(owner: str, data: Any, starts: Any, unit: str) -> Runs:
    """Return documents of one block of UTF-8 whose first bytes are given, as a column of Arrow has them."""
    must = "bytes, or an array of uint8, when there are starts"
    if isinstance(data, np.ndarray):
        if data.dtype != np.uint8 or data.ndim != 1:
            _validation.refuse(owner, "documents", must, data.dtype, TypeError)
        octets = data
    elif isinstance(data, bytes | bytearray | memoryview):
        octets = np.frombuffer(data, np.uint8)
    else:
        _validation.refuse(owner, "documents", must, data, TypeError)
    edges = _validation.starts(owner, starts, octets.size)
    if unit == "bytes":
        return Runs(octets, edges)
    begins = (octets & 0xC0) != 0x80  # of characters; other bytes go on with one
    inner = edges[edges < octets.size]
    try:
        points = np.frombuffer(octets.tobytes().decode("utf-8").encode("utf-32-le"), "<u4")
    except UnicodeDecodeError as error:
        _validation.refuse(owner, "documents", "UTF-8", error.object[error.start : error.start + 8])
    if not begins[inner].all():
        _validation.refuse(owner, "starts", "places where characters begin", "one within a character")
    before = np.concatenate([[0], np.cumsum(begins)])
    return Runs(points, before[edges])


def _listed(owner: str, documents: Any, unit: str) -> list[Any]:
    """Return a batch of documents as a list."""
    must = f"documents of {unit}: one or a batch of them"
    for door in ("to_pylist", "to_list", "tolist"):  # pyarrow, polars and pandas, NumPy
        if hasattr(documents, door):
            if isinstance(documents, np.ndarray) and unit == "keys" and documents.ndim == 2:
                return list(documents)
            return list(getattr(documents, door)())
    try:
        return list(documents)
    except TypeError:
        _validation.refuse(owner, "documents", must, documents, TypeError)


def _require_type(owner: str, documents: list[Any], kind: type, must: str) -> None:
    for one in documents:
        if not isinstance(one, kind):
            _validation.refuse(owner, "documents", must, one, TypeError)


def _require_sequences(owner: str, documents: list[Any]) -> None:
    for one in documents:
        if isinstance(one, str | bytes) or not hasattr(one, "__len__"):
            must = "a batch of sequences of keys, or keys with starts"
            _validation.refuse(owner, "documents", must, one, TypeError)


def ranked(tokens: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct ones of small tokens, and which of them each token is; without sorting the text."""
    if tokens.size == 0:
        return tokens, np.zeros(0, np.int64)
    there = np.zeros(int(tokens.max()) + 1, np.bool_)
    there[tokens] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[tokens]
