# SPDX-License-Identifier: Apache-2.0
"""Sylvester's Hadamard matrices: D orthogonal vectors of signs, and products with all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch._device_search import used

_MOST = 2**31 - 1
_MOST_ENTRIES = 2**26
"""Of a vector on a GPU."""
_WANTED = "vectors of int32 or float32 whose dimension is a power of two"


def walsh_hadamard(vectors: NDArray[Any], *, threads: int | None = None) -> NDArray[Any]:
    """Return the products of vectors with the Hadamard matrix of their size, by a fast transform.

    Parameters
    ----------
    vectors : ndarray of int32 or float32, shape (D,) or (n, D)
        D is a power of two. Or such an array on a GPU, where D is at most 2**26: the answer is one, too.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray
        Of the same type and shape: entry j is the sum of entries i, negated where i and j share an odd number
        of bits. Transformed again, D times the vectors.

    Raises
    ------
    TypeError, ValueError
        For other arrays, and numbers that are not finite.
    OverflowError
        When D times the largest integer does not fit in int32.

    Notes
    -----
    D log2 D sums instead of D^2. Floats are added in the same order on every machine.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import walsh_hadamard
    >>> walsh_hadamard(np.array([1, 2, 3, 4], np.int32))
    array([10, -2, -4,  0], dtype=int32)
    """
    if _device.is_on_gpu(vectors):
        there: NDArray[Any] = _transformed_there(vectors)
        return there
    if not isinstance(vectors, np.ndarray):
        _validation.refuse("walsh_hadamard", "vectors", _WANTED, vectors, TypeError)
    if vectors.dtype not in (np.int32, np.float32):
        _validation.refuse("walsh_hadamard", "vectors", _WANTED, vectors.dtype, TypeError)
    if vectors.ndim not in (1, 2) or not is_power_of_two(vectors.shape[-1]):
        _validation.refuse("walsh_hadamard", "vectors", _WANTED, vectors.shape)
    if vectors.dtype == np.float32 and not np.isfinite(vectors).all():
        _validation.refuse("walsh_hadamard", "vectors", "finite numbers", "NaN or infinity")
    n_threads = _threads.resolve("walsh_hadamard", threads)
    if vectors.dtype == np.int32 and largest(vectors) * vectors.shape[-1] > _MOST:
        raise OverflowError(f"A sum of {vectors.shape[-1]} such integers could leave the range of int32.")
    transformed = np.array(np.atleast_2d(vectors), order="C")
    _core.walsh_hadamard(transformed, n_threads)
    return transformed.reshape(vectors.shape)


def _transformed_there(vectors: Any) -> Any:
    """Return the transforms of vectors on a GPU."""
    owner, must = "walsh_hadamard", f"{_WANTED}, one after the other, at most 2**26 on a GPU"
    seen = _device.view(owner, "vectors", vectors)
    if seen.dtype not in (np.int32, np.float32):
        _validation.refuse(owner, "vectors", _WANTED, seen.dtype, TypeError)
    n = seen.shape[-1] if len(seen.shape) in (1, 2) else 0
    if not is_power_of_two(n) or n > _MOST_ENTRIES or not seen.is_contiguous:
        _validation.refuse(owner, "vectors", must, f"shape {seen.shape} and strides {seen.strides}")
    made, cuda = _device.target(owner, None, seen.shape, seen.dtype, seen), _device.module()
    cuda.copy_span(made.whole(), seen.span(), 4 * seen.size)
    used(seen)
    is_float = seen.dtype == np.float32
    if (cuda.walsh_hadamard_f32 if is_float else cuda.walsh_hadamard_i32)(made.whole(), n):
        return made.finished()
    if is_float:
        _validation.refuse(owner, "vectors", "finite numbers", "NaN or infinity")
    raise OverflowError(f"A sum of {n} such integers could leave the range of int32.")


def is_power_of_two(n: int) -> bool:
    """Whether there is a Hadamard matrix of Sylvester's of this size."""
    return n >= 1 and n & (n - 1) == 0


def largest(vectors: NDArray[np.int32]) -> int:
    """Return the largest magnitude of integers."""
    return max(int(vectors.max(initial=0)), -int(vectors.min(initial=0)))


def packed_rows(numbers: NDArray[Any], dim: int) -> NDArray[np.uint64]:
    """Return rows of the matrix of size ``dim`` as packed vectors: a set bit is -1."""
    places = np.arange(min(64, dim), dtype=np.uint64)
    shared = np.arange(64, dtype=np.uint64)[:, np.newaxis] & places
    words = (_parities(shared) << places).sum(axis=1, dtype=np.uint64)  # of each number below 64
    high = np.arange(_validation.words_for(dim), dtype=np.uint64)
    rows = np.asarray(numbers, np.uint64)[:, np.newaxis]
    odd = _parities((rows >> np.uint64(6)) & high)
    return np.asarray(words[rows & np.uint64(63)] ^ (np.uint64(0) - odd))


def _parities(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return whether each word has an odd number of set bits."""
    for step in (32, 16, 8, 4, 2, 1):
        words = words ^ (words >> np.uint64(step))
    return np.asarray(words & np.uint64(1))


def scores(vectors: NDArray[Any], signs: NDArray[np.uint64], dim: int, threads: int) -> NDArray[Any]:
    """Return the inner products of vectors with all rows of the matrix, each times signs; integers.

    Parameters
    ----------
    vectors : ndarray
        Packed vectors (uint64), one a row, or sums (int32).
    signs : ndarray of uint64, shape (n_words,)
        A packed vector.
    """
    if vectors.dtype == np.uint64:
        found = np.empty((len(vectors), dim), np.int32)
        _core.hadamard_scores(np.ascontiguousarray(vectors), signs, found, threads)
        return found
    octets = signs.astype("<u8", copy=False).view(np.uint8)
    turned = np.unpackbits(octets, count=dim, bitorder="little").astype(bool)
    signed = np.where(turned, -vectors, vectors)
    if largest(signed) * dim <= _MOST:
        _core.walsh_hadamard(signed, threads)
        return signed
    return _scores_of_large(signed, dim, threads)


def _scores_of_large(vectors: NDArray[np.int32], dim: int, threads: int) -> NDArray[np.int64]:
    """Transform integers by pieces of a few bits, whose sums do not leave int32: transforms are linear."""
    bits = 30 - (dim - 1).bit_length()
    total = np.zeros(vectors.shape, np.int64)
    for shift in range(0, 32, bits):
        piece = vectors >> shift
        if shift + bits < 32:
            piece = piece & ((1 << bits) - 1)
        piece = np.ascontiguousarray(piece)
        _core.walsh_hadamard(piece, threads)
        total += piece.astype(np.int64) << shift
    return total
