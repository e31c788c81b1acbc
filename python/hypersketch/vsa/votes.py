# SPDX-License-Identifier: Apache-2.0
"""Packed vectors by what many vote for: counts of set bits, thresholds, windows and agreement."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._packed import pack_bits
from hypersketch.vsa.spaces import DIM, MapI

Words = NDArray[np.uint64]

_MUST_BE_A_SHARE = "a float in [0.5, 1]"


def counts(vectors: Any, dim: int, weights: Any = None) -> NDArray[np.int64]:
    """Count in how many vectors each bit is set.

    Parameters
    ----------
    vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
        n >= 1 packed vectors, as of `BSC`, `MapB` and `BSDC`.
    dim : int
        Their dimension D.
    weights : array of int, shape (n,), optional
        How much each vector counts; default 1.

    Returns
    -------
    ndarray of int64, shape (dim,)
        For every bit the sum of the weights of the vectors that have it.

    Raises
    ------
    TypeError, ValueError, OverflowError
        For arrays that are not packed vectors of the dimension, none of them, or other weights.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import votes
    >>> votes.counts(np.array([[0b011], [0b001], [0b101]], np.uint64), 3).tolist()
    [3, 1, 1]
    """
    return _counts("counts", vectors, dim, weights)[0]


def _counts(owner: str, vectors: Any, dim: int, weights: Any) -> tuple[NDArray[np.int64], int]:
    """Return counts and the sum of the weights."""
    size = DIM(owner, "dim", dim)
    rows = np.atleast_2d(_validation.packed(owner, "vectors", vectors, size))
    if not len(rows):
        raise ValueError(f"{owner} needs at least one vector.")
    given = _validation.weights(owner, weights, len(rows))
    total = len(rows) if given is None else int(given.sum())
    sums = MapI(size).superpose(rows, given).astype(np.int64)  # a set bit is -1 there
    return (total - sums) // 2, total


def threshold(vectors: Any, dim: int, least: int, weights: Any = None) -> Words:
    """Set the bits that at least so many vectors have: 1 is OR, n is AND, n // 2 + 1 the majority.

    Parameters
    ----------
    vectors, dim, weights
        As for `counts`.
    least : int
        The least count.

    Returns
    -------
    ndarray of uint64, shape (n_words,)
        A packed vector.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As `counts`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import votes
    >>> rows = np.array([[0b011], [0b001], [0b101]], np.uint64)
    >>> [f"{int(votes.threshold(rows, 3, least)[0]):03b}" for least in (1, 2, 3)]
    ['111', '001', '001']
    """
    bound = _bound("threshold", "least", least)
    return pack_bits(_counts("threshold", vectors, dim, weights)[0] >= bound)


def window(vectors: Any, dim: int, least: int, most: int, weights: Any = None) -> Words:
    """Set the bits that at least and at most so many vectors have.

    Parameters
    ----------
    vectors, dim, weights
        As for `counts`.
    least, most : int
        The bounds, both included.

    Returns
    -------
    ndarray of uint64, shape (n_words,)
        A packed vector.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As `counts`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import votes
    >>> rows = np.array([[0b011], [0b001], [0b101]], np.uint64)
    >>> f"{int(votes.window(rows, 3, 1, 2)[0]):03b}"
    '110'
    """
    low, high = _bound("window", "least", least), _bound("window", "most", most)
    found, _ = _counts("window", vectors, dim, weights)
    return pack_bits((low <= found) & (found <= high))


def consensus(vectors: Any, dim: int, share: float, weights: Any = None) -> Words:
    """Set the bits about which at least this share of the vectors agree, whichever way.

    Parameters
    ----------
    vectors, dim, weights
        As for `counts`; weights are not negative here.
    share : float in [0.5, 1]
        The share; 1 asks for all.

    Returns
    -------
    ndarray of uint64, shape (n_words,)
        A packed vector.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As `counts`, and for another share.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import votes
    >>> rows = np.array([[0b011], [0b001], [0b101]], np.uint64)
    >>> f"{int(votes.consensus(rows, 4, 1.0)[0]):04b}"
    '1001'
    """
    part = _validation.real("consensus", "share", share, _MUST_BE_A_SHARE)
    if not 0.5 <= part <= 1:
        _validation.refuse("consensus", "share", _MUST_BE_A_SHARE, part)
    if weights is not None and np.size(weights) and np.min(weights) < 0:
        _validation.refuse("consensus", "weights", "not negative", int(np.min(weights)))
    found, total = _counts("consensus", vectors, dim, weights)
    needed = math.ceil(round(part * total, 6))  # 0.55 of 20 is 11, whatever the product rounds to
    return pack_bits(np.maximum(found, total - found) >= needed)


def _bound(owner: str, name: str, value: object) -> int:
    return _validation.integer(owner, name, value, -(2**63), 2**63 - 1)
