# SPDX-License-Identifier: Apache-2.0
"""Keys on a GPU: integers and strings come in as 64-bit words, hashed there where they are not hashes yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation

if TYPE_CHECKING:
    from hypersketch import _cuda

_KEYS = "integers, or strings as hypersketch.cuda.Strings"

_PIECE_KEYS = 1 << 26
"""Keys of host memory between two looks for Ctrl-C: a tenth of a second on the bus."""


class Words:
    """A batch of keys on a GPU: 64-bit words one after the other. Parts of it are spans."""

    def __init__(self, seen: _device.View) -> None:
        self.seen = seen

    @property
    def size(self) -> int:
        return self.seen.size

    def __getitem__(self, part: Any) -> _cuda.Span:
        piece = part[-1] if isinstance(part, tuple) else part
        return _device.Target(None, self.seen)[piece]

    def to_host(self) -> NDArray[np.uint64]:
        return self.seen.to_host().view(np.uint64)


def as_hashes(words: Words, hashed: bool) -> Words:
    """Return the hashes of words, or the words where these are hashes."""
    return words if hashed else Words(hashed_integers(words.seen, 0, None).seen)


def words_of(owner: str, keys: Any) -> tuple[Words, bool]:
    """Return keys on a GPU as words, and whether these are hashes or integers still to be hashed."""
    from hypersketch._device_array import Strings

    if isinstance(keys, Strings):
        return Words(_hashed_strings(keys, 0, None).seen), True
    seen = _checked_keys(owner, keys)
    if seen.dtype.itemsize == 8 and seen.is_contiguous:
        return Words(seen), False
    return Words(hashed_integers(seen, 0, None).seen), True


def hashed_words(owner: str, keys: Any) -> Words:
    """Return the hashes of keys on a GPU."""
    return as_hashes(*words_of(owner, keys))


def hashes_of(owner: str, hashes: Any) -> Words:
    """Return what is hashes already."""
    seen = _device.view(owner, "hashes", hashes)
    if seen.dtype != np.uint64 or len(seen.shape) != 1 or not seen.is_contiguous:
        must = "a contiguous one-dimensional array of uint64"
        _validation.refuse(owner, "hashes", must, f"{seen.dtype} of shape {seen.shape}", TypeError)
    return Words(seen)


def hashed(keys: Any, seed: int, out: Any) -> Any:
    """Return the hashes of keys on a GPU, in their kind."""
    from hypersketch._device_array import Strings

    if isinstance(keys, Strings):
        return _hashed_strings(keys, seed, out).finished()
    return hashed_integers(_checked_keys("hash_keys", keys), seed, out).finished()


def _checked_keys(owner: str, keys: Any) -> _device.View:
    seen = _device.view(owner, "keys", keys)
    if seen.dtype.kind not in "iu" or not seen.dtype.isnative:
        raise TypeError(f"The 'keys' parameter must be {_KEYS}. Got an array of {seen.dtype} instead.")
    if len(seen.shape) == 0:
        seen = seen._replace(shape=(1,), strides=(seen.dtype.itemsize,))
    if len(seen.shape) != 1:
        raise ValueError(
            f"The 'keys' parameter must be one-dimensional. Got an array of shape {seen.shape} instead."
        )
    return seen


def hashed_integers(seen: _device.View, seed: int, out: Any) -> _device.Target:
    """Return the hashes of integers on a GPU."""
    n, size = seen.size, seen.dtype.itemsize
    made = _device.target("hash_keys", out, (n,), np.uint64, seen)
    signed, step = seen.dtype.kind == "i", seen.strides[0]
    _device.module().hash_integers(seen.span(), step, size, signed, seed, made[0:n])
    return made


def _hashed_strings(keys: Any, seed: int, out: Any) -> _device.Target:
    offsets, data = keys.views()
    _device.behind(offsets, data)
    n = offsets.size - 1
    made = _device.target("hash_keys", out, (n,), np.uint64, offsets)
    module, short = _device.module(), offsets.dtype.itemsize == 4
    function = module.hash_strings_i32 if short else module.hash_strings_i64
    function(offsets.span(), data.span(), seed, made[0:n])
    return made


def host(words: Any) -> NDArray[Any]:
    """Return words in host memory: these, or a copy of those on a GPU."""
    return words if isinstance(words, np.ndarray) else words.to_host()


def pieces(words: Any) -> Iterator[slice]:
    """Cut a batch for a structure on a GPU: keys that are there not at all, others for looks for Ctrl-C."""
    step = _PIECE_KEYS if isinstance(words, np.ndarray) else max(1, words.size)
    for first in range(0, words.size, step):
        yield slice(first, min(words.size, first + step))
