# SPDX-License-Identifier: Apache-2.0
"""Candidates for the heaviest keys: getting keys back from a batch by their places, and keys in files."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _validation
from hypersketch.keys import hash_keys, integer_bits, is_single

PLACES_PER_KEY = 4
"""Candidates for every key that is asked for: at least half of them stay when the others leave."""


def _no_key(index: int) -> Any:
    raise LookupError("the keys of this batch were not kept")


class Batch(NamedTuple):
    """A batch of keys: 64-bit words, and how to get single keys back."""

    words: NDArray[np.uint64]
    """Hashes, or the bits of integers that are hashed on the way."""
    hashed: bool
    key_at: Callable[[int], Any] = _no_key


def batch_of(keys: Any, threads: int | None, keep: bool) -> Batch:
    """Return a batch of keys; with ``keep`` its keys can be got back."""
    bits = integer_bits(keys)
    if keep and not (is_single(keys) or isinstance(keys, np.ndarray | range | list | tuple)):
        keys = _indexable(keys)
    words = hash_keys(keys, threads=threads) if bits is None else bits
    return Batch(words, bits is None, _getter(keys) if keep else _no_key)


def _indexable(keys: Any) -> Any:
    """Return a column that gives its items by place, or the list of what an iterable holds."""
    if hasattr(keys, "__arrow_c_array__") or hasattr(keys, "__arrow_c_stream__"):
        if not hasattr(keys, "__getitem__"):
            raise TypeError(
                "Keys that are tracked must be a column whose items can be got by their places. Got a "
                f"{type(keys).__name__} instead."
            )
        return keys
    if isinstance(keys, Iterable) and not isinstance(keys, bytearray | memoryview | Sequence):
        return np.asarray(keys) if hasattr(keys, "__array__") else list(keys)
    return keys


def _getter(keys: Any) -> Callable[[int], Any]:
    """Return the function that gets one key as a Python object."""
    if is_single(keys):
        return lambda index: plain(keys)
    if isinstance(keys, np.ndarray) and keys.ndim == 0:
        keys = keys.reshape(1)
    items = getattr(keys, "iloc", keys)  # pandas, where [] looks for labels
    return lambda index: plain(items[index])


def plain(key: Any) -> int | str | bytes:
    """Return a key as an int, str or bytes of Python, whatever scalar type a column made of it."""
    if hasattr(key, "as_py"):  # pyarrow
        key = key.as_py()
    if isinstance(key, str):
        return str(key)
    return bytes(key) if isinstance(key, bytes) else operator.index(key)


def hash_one(key: int | str | bytes) -> int:
    """Return the hash of a plain key."""
    return int(_core.hash_list([key], 0)[0])


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
