# SPDX-License-Identifier: Apache-2.0
"""Operations on packed vectors that all binary spaces stand on: one bit a dimension, 64 to a word.

Every function takes the name of its caller, which the sentences of errors name, and checks its arguments.
Bits are bits here: which of them stands for -1 is the space's affair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch._structure import chunks

Words = NDArray[np.uint64]
MAX_GRAM = 255


def bind(owner: str, a: object, b: object, dim: int, out: object = None, threads: int | None = None) -> Words:
    """Return the XOR of packed vectors; one vector meets each row of the other argument.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
        Packed vectors.
    dim : int
        Their dimension.
    out : ndarray of uint64, optional
        Where to write; it may be ``a`` or ``b``. Apart from them it may have been written to when vectors
        with bits beyond the dimension are refused.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray of uint64
        Of the shape that ``a`` and ``b`` broadcast to.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the dimension, or unequal numbers of rows.

    Examples
    --------
    >>> import numpy as np
    >>> bind("example", np.array([5], np.uint64), np.array([[1], [7]], np.uint64), 3)
    array([[4],
           [2]], dtype=uint64)
    """
    if _device.is_on_gpu(a) or _device.is_on_gpu(b):
        on_gpu: Words = _gpu().bind(owner, a, b, dim, out)
        return on_gpu
    left = _validation.packed_words(owner, "a", a, dim)
    right = _validation.packed_words(owner, "b", b, dim)
    if left.ndim == right.ndim == 2 and left.shape[0] != right.shape[0] and 1 not in (len(left), len(right)):
        raise ValueError(f"a has {left.shape[0]} rows but b has {right.shape[0]}.")
    shape = left.shape if left.shape == right.shape else np.broadcast_shapes(left.shape, right.shape)
    result = (
        np.empty(shape, np.uint64) if out is None else _validation.output_array(owner, out, shape, np.uint64)
    )
    overlaps = out is not None and (np.may_share_memory(result, left) or np.may_share_memory(result, right))
    if overlaps:  # nothing of it may be overwritten before all of it is known to be good
        _refuse_strays(owner, dim, a=left, b=right)
        np.bitwise_xor(left, right, out=result)
    elif not _core.bind_rows(
        _matrix(left), _matrix(right), dim, _matrix(result), _threads.resolve(owner, threads)
    ):
        _refuse_strays(owner, dim, a=left, b=right)
    return result


def rotate(
    owner: str, rows: object, dim: int, shift: object, out: object = None, threads: int | None = None
) -> Words:
    """Shift packed vectors cyclically: bit d moves to (d + shift) mod dim.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    rows : ndarray of uint64, shape (n_words,) or (n, n_words)
        Packed vectors.
    dim : int
        Their dimension.
    shift : int
        By how much; negative shifts undo positive ones.
    out : ndarray of uint64, optional
        Where to write, of the shape of ``rows`` and apart from them.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray of uint64
        Packed vectors of the same shape.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the dimension, a shift that is not an integer, or an output
        that shares memory with the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> rotate("example", np.array([0b100], np.uint64), 3, 1)
    array([1], dtype=uint64)
    """
    if _device.is_on_gpu(rows):
        on_gpu: Words = _gpu().rotate(owner, rows, dim, shift, out)
        return on_gpu
    given = _validation.packed(owner, "vectors", rows, dim)
    steps = _validation.integer(owner, "shift", shift, -(2**63), 2**63 - 1) % dim
    result = _result(owner, out, given.shape, np.uint64, given)
    n_words = _validation.words_for(dim)
    _core.rotate_rows(
        given.reshape(-1, n_words), dim, steps, result.reshape(-1, n_words), _threads.resolve(owner, threads)
    )
    return result


def majority(
    owner: str,
    rows: object,
    dim: int,
    ties: Words,
    weights: object = None,
    starts: object = None,
    *,
    bound_to: object = None,
    at_least: int | None = None,
    out: object = None,
    threads: int | None = None,
) -> Words:
    """Return the bits that packed vectors have in their majority, without counting into integers.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    rows : ndarray of uint64, shape (n, n_words)
        Packed vectors.
    dim : int
        Their dimension.
    ties : ndarray of uint64, shape (n_words,)
        Which bits are set where exactly half of the votes are for a set bit.
    weights : array of int, shape (n,), optional
        One weight a row, below 2**31 in magnitude; default 1. A negative weight is a vote of that magnitude
        for the row's complement.
    starts : array of int, shape (n_bundles + 1,), optional
        Bundle b is the rows ``starts[b]`` to ``starts[b + 1] - 1``; default one bundle of all rows.
    bound_to : ndarray of uint64, shape (n, n_words), optional
        Row i votes as its XOR with row i of these, which is never stored: the encoding of records.
    at_least : int, optional
        Set the bits for which so many votes are, instead of more than half of them.
    out : ndarray of uint64, optional
        Where to write.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray of uint64
        Of shape (n_bundles, n_words), or (n_words,) without ``starts``.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the dimension, unequal numbers of rows, an empty bundle, or
        starts that fall or lie outside.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0b110], [0b100], [0b011]], np.uint64)
    >>> majority("example", rows, 3, np.zeros(1, np.uint64))
    array([6], dtype=uint64)
    >>> majority("example", rows, 3, np.zeros(1, np.uint64), at_least=1)
    array([7], dtype=uint64)
    """
    if _device.is_on_gpu(rows) or _device.is_on_gpu(bound_to):
        how: dict[str, Any] = {"bound_to": bound_to, "at_least": at_least, "out": out}
        on_gpu: Words = _gpu().majority(owner, rows, dim, ties, weights, starts, **how)
        return on_gpu
    given = _words(owner, "vectors", rows, dim)
    others = None if bound_to is None else _words(owner, "bound_to", bound_to, dim)
    if others is not None and len(others) != len(given):
        raise ValueError(f"vectors has {len(given)} rows but bound_to has {len(others)}.")
    values = _validation.weights(owner, weights, len(given))
    edges = _validation.starts(owner, starts, len(given))
    if not (len(given) if starts is None else (edges[1:] > edges[:-1]).all()):
        raise ValueError(f"{owner} needs at least one vector in every bundle.")
    threshold = 0 if at_least is None else _validation.integer(owner, "at_least", at_least, 1, 2**63 - 1)
    found = np.empty((edges.size - 1, given.shape[1]), np.uint64)
    asked = _threads.resolve(owner, threads)
    result = None
    if out is not None:
        result = _validation.output_array(owner, out, _shape(starts, edges, given.shape[1]), np.uint64)
    if not _core.majorities(given, others, dim, edges, values, ties, threshold, found, asked):
        _refuse_strays(owner, dim, vectors=given, bound_to=others)
    found = found[0] if starts is None else found
    if result is None:
        return found
    result[...] = found
    return result


def bound_majority(
    owner: str,
    a: object,
    b: object,
    dim: int,
    ties: Words,
    weights: object = None,
    starts: object = None,
    **how: Any,
) -> Words:
    """Return the majority of the rows of ``a``, each XORed with its row of ``b``; see `majority`.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.array([[6], [4], [3]], np.uint64), np.array([[1], [0], [0]], np.uint64)
    >>> bound_majority("example", a, b, 3, np.zeros(1, np.uint64))
    array([7], dtype=uint64)
    """
    return majority(owner, a, dim, ties, weights, starts, bound_to=b, **how)


def ngram_bundle(
    owner: str,
    tokens: object,
    dim: int,
    n: object,
    *,
    codebook: object = None,
    seed: int = 0,
    ties: Words | None = None,
    starts: object = None,
    out: object = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """Return the bundle of the n-grams of documents: their majority, or their sum when there are no ties.

    The gram at position t is the XOR over f < n of the atom of token t + f, shifted cyclically by n - 1 - f.
    No gram is ever stored.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    tokens : array of int
        Rows of the code book, or without one hashes (uint64) whose atoms are computed.
    dim : int
        Dimension.
    n : int in [1, 255]
        Tokens a gram.
    codebook : ndarray of uint64, shape (n_atoms, n_words), optional
        Packed atoms of the tokens.
    seed : int, default 0
        Seed of the atoms that are computed.
    ties : ndarray of uint64, shape (n_words,), optional
        As for `majority`; None asks for sums of -1 for set and +1 for clear bits.
    starts : array of int, shape (n_documents + 1,), optional
        Document d is the tokens ``starts[d]`` to ``starts[d + 1] - 1``; default one document.
    out : ndarray, optional
        Where to write majorities; counters to add sums to.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`. They share documents; those of a single
        document share columns where its atoms are few.

    Returns
    -------
    ndarray of uint64, shape (n_documents, n_words), or of int32, shape (n_documents, dim)
        One row less an axis without ``starts``. Sums of documents shorter than n tokens are 0.

    Raises
    ------
    TypeError, ValueError
        For tokens outside the code book, arrays that are not packed vectors of the dimension, starts that
        fall or lie outside, or a document shorter than n tokens when majorities are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> letters = np.array([[1], [2], [4]], np.uint64)
    >>> ngram_bundle("example", np.array([0, 1, 2]), 3, 2, codebook=letters)
    array([2, 2, 2], dtype=int32)
    """
    length = _validation.integer(owner, "n", n, 1, MAX_GRAM)
    atoms = None if codebook is None else _rows(owner, "codebook", codebook, dim)
    given = _validation.tokens(owner, tokens, None if atoms is None else len(atoms))
    edges = _validation.starts(owner, starts, given.size)
    asked = _threads.resolve(owner, threads)
    if ties is None:
        sums = _sums(owner, out, _shape(starts, edges, dim))
        _core.gram_counters(given, atoms, seed, dim, length, edges, sums.reshape(-1, dim), asked)
        return sums
    if (np.diff(edges) < length).any():
        raise ValueError(f"{owner} needs at least n = {length} tokens in every document.")
    n_words = _validation.words_for(dim)
    result = _result(owner, out, _shape(starts, edges, n_words), np.uint64, atoms, ties)
    _core.gram_majorities(given, atoms, seed, dim, length, edges, ties, result.reshape(-1, n_words), asked)
    return result


def pack_bits(bits: Any) -> Words:
    """Return bits, along the last axis, as words.

    Examples
    --------
    >>> import numpy as np
    >>> pack_bits(np.array([0, 1, 1], np.uint8))
    array([6], dtype=uint64)
    """
    octets = np.packbits(bits, axis=-1, bitorder="little")
    room = [(0, 0)] * (octets.ndim - 1) + [(0, -octets.shape[-1] % 8)]
    return np.ascontiguousarray(np.pad(octets, room)).view("<u8").astype(np.uint64, copy=False)


def distances(vectors: Words, rows: Words, dim: int, threads: int) -> NDArray[np.int32]:
    """Return in how many entries every checked vector differs from every row, shape (n, m).

    Examples
    --------
    >>> import numpy as np
    >>> distances(np.array([[0b110]], np.uint64), np.array([[0b011], [0b110]], np.uint64), 3, 1)
    array([[2, 0]], dtype=int32)
    """
    found = np.empty((len(vectors), len(rows)), np.int32)
    for part in chunks(len(vectors), max(1, rows.size)):
        _core.hamming_distances(vectors[part], rows, dim, found[part], threads)
    return found


def popcounts(rows: Words) -> NDArray[np.int64]:
    """Return how many bits each row sets.

    Examples
    --------
    >>> import numpy as np
    >>> popcounts(np.array([[0b110], [0]], np.uint64))
    array([2, 0])
    """
    nothing = np.zeros((1, rows.shape[1]), np.uint64)
    return np.asarray(distances(nothing, rows, 64 * rows.shape[1], 1)[0], np.int64)


def _gpu() -> Any:
    from hypersketch.vsa import _on_gpu

    return _on_gpu


def _words(owner: str, name: str, value: object, dim: int) -> Words:
    return _matrix(_validation.packed_words(owner, name, value, dim))


def _matrix(rows: Words) -> Words:
    return rows if rows.ndim == 2 else rows[np.newaxis]


def _refuse_strays(owner: str, dim: int, **vectors: Words | None) -> None:
    """Raise for the first that sets bits beyond the dimension."""
    for name, value in vectors.items():
        if value is not None:
            _validation.packed(owner, name, value, dim)


def _rows(owner: str, name: str, value: object, dim: int) -> Words:
    return _matrix(_validation.packed(owner, name, value, dim))


def _shape(starts: object, edges: NDArray[np.int64], width: int) -> tuple[int, ...]:
    return (width,) if starts is None else (edges.size - 1, width)


def _sums(owner: str, out: object, shape: tuple[int, ...]) -> NDArray[np.int32]:
    if out is None:
        return np.zeros(shape, np.int32)
    return _validation.output_array(owner, out, shape, np.int32)


def _result(
    owner: str, out: object, shape: tuple[int, ...], dtype: type[np.generic], *apart: NDArray[Any] | None
) -> NDArray[Any]:
    """Return where to write: `out` when it is given, which must not be part of what is read."""
    if out is None:
        return np.empty(shape, dtype)
    result = _validation.output_array(owner, out, shape, dtype)
    if any(one is not None and np.may_share_memory(result, one) for one in apart):
        _validation.refuse(owner, "out", "an array that shares no memory with what is read", result)
    return result
