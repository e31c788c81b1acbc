# SPDX-License-Identifier: Apache-2.0
"""How alike packed binary vectors are, by the measures of the field: all come of four counts of entries."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation
from hypersketch.vsa._packed import distances, popcounts
from hypersketch.vsa.spaces import DIM

Scores = NDArray[np.float64]


class Agreement(NamedTuple):
    """In how many entries two vectors have each pair of bits, arrays of shape (n, m)."""

    both: NDArray[np.int64]
    first: NDArray[np.int64]
    """Set in the first alone."""
    second: NDArray[np.int64]
    """Set in the second alone."""
    neither: NDArray[np.int64]


def agreement(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Agreement:
    """Count how every vector of one batch agrees with every one of another.

    Parameters
    ----------
    a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
        Packed vectors, as of `BSC` and `BSDC`.
    dim : int
        Their dimension D.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    Agreement
        Four arrays of shape (n, m), which sum to D.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> counts = measures.agreement(np.array([0b0011], np.uint64), np.array([0b0101], np.uint64), 4)
    >>> [int(count[0, 0]) for count in counts]
    [1, 1, 1, 1]
    """
    size = DIM("agreement", "dim", dim)
    left, right = (
        np.atleast_2d(_validation.packed("agreement", name, value, size))
        for name, value in (("a", a), ("b", b))
    )
    n_threads = _threads.resolve("agreement", threads)
    unequal = distances(left, right, size, n_threads)
    mine, theirs = popcounts(left)[:, np.newaxis], popcounts(right)
    both = (mine + theirs - unequal) // 2
    return Agreement(both, mine - both, theirs - both, size - mine - theirs + both)


def _ratio(part: NDArray[Any], whole: NDArray[Any], empty: float) -> Scores:
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, empty), where=whole > 0))


def hamming(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return the share of entries that differ; arguments as for `agreement`, shape (n, m).

    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.hamming(np.array([0b0011], np.uint64), np.array([0b0101], np.uint64), 4)
    array([[0.5]])
    """
    counts = agreement(a, b, dim, threads=threads)
    return np.asarray((counts.first + counts.second) / dim)


def overlap(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return shared ones over the smaller number of ones (Szymkiewicz-Simpson); 0 where one has none.

    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.overlap(np.array([0b0111], np.uint64), np.array([0b0101], np.uint64), 4)
    array([[1.]])
    """
    counts = agreement(a, b, dim, threads=threads)
    return _ratio(counts.both, counts.both + np.minimum(counts.first, counts.second), 0.0)


def cosine(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return shared ones over the geometric mean of the numbers of ones; 0 where one has none.

    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.cosine(np.array([0b0011], np.uint64), np.array([0b0101], np.uint64), 4)
    array([[0.5]])
    """
    counts = agreement(a, b, dim, threads=threads)
    sizes = np.sqrt((counts.both + counts.first) * 1.0 * (counts.both + counts.second))
    return _ratio(counts.both, sizes, 0.0)


def tversky(
    a: Any, b: Any, dim: int, alpha: float = 1.0, beta: float = 1.0, *, threads: int | None = None
) -> Scores:
    """Return Tversky's index: shared ones over themselves + alpha (a's own) + beta (b's own).

    Parameters
    ----------
    a, b : ndarray of uint64, shape (n_words,) or (n, n_words)
        Packed vectors.
    dim : int
        Their dimension D.
    alpha, beta : float >= 0, default 1
        What ones of the first, or of the second, count that the other has not. Both 1: `jaccard`; both 1/2:
        the coefficient of Dice.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray of float64, shape (n, m)
        In [0, 1]; 1 where both have no ones.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the dimension, or negative numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.tversky(np.array([0b0111], np.uint64), np.array([0b0001], np.uint64), 4, 0.5, 0.5)
    array([[0.5]])
    """
    mine, theirs = (
        _validation.real("tversky", name, value) for name, value in (("alpha", alpha), ("beta", beta))
    )
    for name, value in (("alpha", mine), ("beta", theirs)):
        if value < 0:
            _validation.refuse("tversky", name, "at least 0", value)
    counts = agreement(a, b, dim, threads=threads)
    return _ratio(counts.both, counts.both + mine * counts.first + theirs * counts.second, 1.0)


def jaccard(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return shared ones over all ones of either; 1 where both have none.

    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.jaccard(np.array([0b0011], np.uint64), np.array([0b0101], np.uint64), 4).round(2)
    array([[0.33]])
    """
    return tversky(a, b, dim, threads=threads)


def deviations(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return how many standard deviations nearer vectors are than random ones: (D/2 - h) / (sqrt(D)/2).

    >>> import numpy as np
    >>> from hypersketch.vsa import BSC, measures
    >>> row = BSC(10_000).atoms("a")
    >>> measures.deviations(row, row, 10_000)
    array([[100.]])
    """
    distances = hamming(a, b, dim, threads=threads)
    return np.asarray((1.0 - 2.0 * distances) * math.sqrt(dim))


def mutual_information(a: Any, b: Any, dim: int, *, threads: int | None = None) -> Scores:
    """Return the mutual information of two vectors' bits, in bits an entry.

    Notes
    -----
    Sum over the four pairs of bits of p(x, y) log2 (p(x, y) / (p(x) p(y))), with shares of entries for
    probabilities: 0 for independent vectors, 1 for equal or opposite ones half of whose bits are set.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.vsa import measures
    >>> measures.mutual_information(np.array([0b0011], np.uint64), np.array([0b1100], np.uint64), 4)
    array([[1.]])
    """
    both, first, second, neither = (count / dim for count in agreement(a, b, dim, threads=threads))
    mine, theirs = both + first, both + second
    total = np.zeros(both.shape)
    parts = ((both, mine, theirs), (first, mine, 1 - theirs), (second, 1 - mine, theirs))
    for joint, x, y in (*parts, (neither, 1 - mine, 1 - theirs)):
        ratio = np.divide(joint, x * y, out=np.ones_like(joint), where=joint > 0)
        total += joint * np.log2(ratio)
    return np.maximum(total, 0.0)
