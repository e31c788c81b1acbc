# SPDX-License-Identifier: Apache-2.0
"""Candidates for the heaviest keys: getting keys back from a batch by their places, and keys in files."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _batches, _core, _validation
from hypersketch.keys import hash_keys, hash_list, integer_bits, is_single, listed, places_kept

PLACES_PER_KEY = 4
"""Candidates for every key that is asked for: at least half of them stay when the others leave."""


def _no_key(index: int) -> Any:
    raise LookupError("the keys of this batch were not kept")


class Batch(NamedTuple):
    """A batch of keys: 64-bit words, and how to get single keys back."""

    words: Any
    """An array of uint64, or `_device_keys.Words`: hashes, or bits of integers that are hashed on the way."""
    hashed: bool
    key_at: Callable[[int], Any] = _no_key
    n_given: int | None = None
    """Number of keys with those that were left out as nulls; None where none could be."""
    places: Callable[[], NDArray[np.integer[Any]]] | None = None
    """Tells which of them are kept."""

    def weights(self, owner: str, given: Any) -> Any:
        """Return the weights of the keys that are kept."""
        if given is None or self.n_given is None or self.places is None:
            return given
        return _validation.of_kept(owner, given, self.n_given, self.places())


def batch_of(keys: Any, threads: int | None, keep: bool, skip_nulls: bool = False) -> Batch:
    """Return a batch of keys; with ``keep`` its keys can be got back."""
    nulls: Literal["skip", "error"] = "skip" if skip_nulls else "error"
    if not keep:
        bits = integer_bits(keys)
        return Batch(hash_keys(keys, nulls=nulls, threads=threads) if bits is None else bits, bits is None)
    if hasattr(keys, "__arrow_c_array__") or hasattr(keys, "__arrow_c_stream__"):
        try:
            return _arrow_batch(_batches.chunks(keys), threads, nulls)
        except ImportError:  # pandas offers the door but needs pyarrow to open it
            keys = np.asarray(keys)
    keys = _indexable(keys)
    bits = integer_bits(keys)
    if skip_nulls and bits is None and isinstance(keys, list | np.ndarray):
        return _batch_without_nulls(keys, threads)
    words = hash_keys(keys, threads=threads) if bits is None else bits
    return Batch(words, bits is None, lambda place: plain(keys if is_single(keys) else keys[place]))


def _indexable(keys: Any) -> Any:
    """Return keys that are got by their places."""
    if is_single(keys) or isinstance(keys, range):
        return keys
    if hasattr(keys, "__array__"):
        keys = np.ma.asanyarray(keys) if isinstance(keys, np.ma.MaskedArray) else np.asarray(keys)
        return keys.reshape(1) if keys.ndim == 0 else keys
    if not isinstance(keys, Iterable) or isinstance(keys, bytearray | memoryview):
        return keys  # which hash_keys refuses
    return listed(keys, False)


def _batch_without_nulls(keys: list[Any] | NDArray[Any], threads: int | None) -> Batch:
    """Return the batch of the keys that are neither masked nor None."""
    places = functools.cache(lambda: places_kept(keys))
    words = hash_keys(keys, nulls="skip", threads=threads)
    return Batch(words, True, lambda place: plain(keys[int(places()[place])]), len(keys), places)


def _arrow_batch(
    chunks: list[_core.ArrowColumn], threads: int | None, nulls: Literal["skip", "error"]
) -> Batch:
    """Return the batch of a column that came in chunks."""
    words = [hash_keys(chunk, nulls=nulls, threads=threads) for chunk in chunks]
    ends = np.cumsum([chunk.size for chunk in words])

    def key_at(place: int) -> Any:
        number = int(np.searchsorted(ends, place, side="right"))
        chunk, first = chunks[number], int(ends[number]) - words[number].size
        return chunk.item(
            place - first if len(chunk) == words[number].size else int(places(number)[place - first])
        )

    @functools.cache
    def places(number: int) -> NDArray[np.uint64]:
        return chunks[number].places()

    def all_places() -> NDArray[np.uint64]:
        first = np.cumsum([0, *(len(chunk) for chunk in chunks)]).astype(np.uint64)
        return np.concatenate([np.empty(0, np.uint64), *(places(i) + first[i] for i in range(len(chunks)))])

    whole = words[0] if len(words) == 1 else np.concatenate([np.empty(0, np.uint64), *words])
    return Batch(whole, True, key_at, sum(map(len, chunks)), all_places)


def plain(key: Any) -> int | str | bytes:
    """Return a key as an int, str or bytes of Python, whatever scalar type a column made of it."""
    if isinstance(key, str):
        return str(key)
    return bytes(key) if isinstance(key, bytes) else operator.index(key)


def hash_one(key: int | str | bytes) -> int:
    """Return the hash of a plain key."""
    return int(hash_list([key], 0)[0])


def encoded(keys: Iterable[int | str | bytes]) -> list[Any]:
    """Return keys as JSON can hold them: bytes become an object with their hexadecimal digits."""
    return [{"bytes": key.hex()} if isinstance(key, bytes) else key for key in keys]


def decoded(owner: str, items: object, most: int) -> dict[int, int | str | bytes]:
    """Return hash and key of each encoded key, refusing anything else and more than ``most``."""
    if not isinstance(items, list) or len(items) > most:
        raise ValueError(f"its candidates are not a list of at most {most} keys.")
    keys = [_decoded_key(owner, item) for item in items]
    return {hash_one(key): key for key in keys}


def _decoded_key(owner: str, item: object) -> int | str | bytes:
    if isinstance(item, dict) and item.keys() == {"bytes"} and isinstance(item["bytes"], str):
        return bytes.fromhex(item["bytes"])
    if isinstance(item, str):
        return item
    return _validation.integer(owner, "candidates", item, -(2**63), 2**64 - 1)
