# SPDX-License-Identifier: Apache-2.0
"""Rows of real and complex numbers by kernels, which read them once and find NaN and infinity on the way.

Complex numbers are pairs of real ones here: a row of D of them is one of 2 D floats.
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads

Vectors = NDArray[Any]
_WORTH_THREADS = 1 << 17
"""Numbers below which threads are not even counted, which takes longer than they do."""


class Rule(enum.IntEnum):
    """How complex numbers are combined."""

    PRODUCT = 0
    CONJUGATE = 1
    """A product with the second one's conjugate."""
    QUOTIENT = 2
    """0 where it is divided by 0."""


def reals(rows: Vectors) -> NDArray[np.float32]:
    """Return float32 or complex64 rows as an array of shape (n, number of floats).

    >>> reals(np.array([1 + 2j], np.complex64))
    array([[1., 2.]], dtype=float32)
    """
    plain = np.ascontiguousarray(rows)
    if plain.dtype == np.complex64:
        plain = plain.view(np.float32)
    return plain if plain.ndim == 2 else plain[np.newaxis]


def _threads_for(size: int) -> int:
    return 1 if size < _WORTH_THREADS else _threads.get_num_threads()


def finite(rows: Vectors) -> bool:
    """Tell whether all float32 or complex64 numbers are finite."""
    return _core.all_finite(reals(rows))


def combined(a: Vectors, b: Vectors, rule: Rule) -> tuple[Vectors, bool]:
    """Return complex64 rows combined with rows, one with each of the other, and whether all of it is finite.

    >>> combined(np.array([1j], np.complex64), np.array([2j], np.complex64), Rule.QUOTIENT)
    (array([0.5+0.j], dtype=complex64), True)
    """
    shape = a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape)
    made = np.empty(shape, np.complex64)
    if not made.size:
        return made, True
    threads = _threads_for(made.size)
    return made, _core.combine_phasors(reals(a), reals(b), int(rule), reals(made), threads)


def products(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    """Return the real inner products aa, bb and ab of rows in double precision, one line a pair of rows.

    >>> products(np.array([1, 2], np.float32), np.array([[3, 4], [0, 1]], np.float32))
    array([[ 5., 25., 11.],
           [ 5.,  1.,  2.]])
    """
    left, right = reals(a), reals(b)
    made = np.empty((len(left) if len(right) == 1 else len(right), 3))
    _core.row_products(left, right, made, _threads_for(left.size + right.size))
    return made


def add_rows(sums: NDArray[np.float64], rows: Vectors, weights: NDArray[np.float64] | None) -> None:
    """Add rows, times their weights, to one sum.

    >>> sums = np.zeros(2)
    >>> add_rows(sums, np.array([[1, 2], [3, 4]], np.float32), np.array([1.0, 0.5]))
    >>> sums
    array([2.5, 4. ])
    """
    plain = reals(rows)
    starts = np.array([0, len(plain)])
    _core.sum_rows(plain, starts, weights, sums[np.newaxis], _threads_for(plain.size))


def add_combined(
    sums: NDArray[np.float64], a: Vectors, b: Vectors, rule: Rule, weights: NDArray[np.float64] | None
) -> bool:
    """Add combined complex64 rows, times their weights, to one sum, and return whether all are finite.

    >>> sums, row = np.zeros(2), np.array([[1j]], np.complex64)
    >>> add_combined(sums, row, row, Rule.PRODUCT, None), sums
    (True, array([-1.,  0.]))
    """
    left, right = reals(a), reals(b)
    return _core.sum_combined(left, right, int(rule), weights, sums, _threads_for(left.size))


def sums_of_runs(rows: Vectors, starts: NDArray[np.int64], weights: NDArray[np.float64] | None) -> Vectors:
    """Return sums of the rows from each start to the next, in float64 or complex128.

    >>> sums_of_runs(np.array([[1, 2], [3, 4]], np.float32), np.array([0, 2]), None)
    array([[4., 6.]])
    """
    plain = reals(rows)
    sums = np.zeros((starts.size - 1, plain.shape[1]))
    _core.sum_rows(plain, np.ascontiguousarray(starts), weights, sums, _threads_for(plain.size))
    return sums.view(np.complex128) if rows.dtype.kind == "c" else sums


def unit_phasors(numbers: Vectors) -> Vectors:
    """Return complex numbers over their magnitudes, 0 where they are 0.

    >>> unit_phasors(np.array([2j, 0, 3]))
    array([0.+1.j, 0.+0.j, 1.+0.j], dtype=complex64)
    """
    made = np.empty(numbers.shape, np.complex64)
    wide = np.ascontiguousarray(numbers, np.complex128)
    _core.unit_phasors(wide.reshape(-1).view(np.float64), made.reshape(-1).view(np.float32))
    return made


def rolled(rows: Vectors, steps: int) -> Vectors:
    """Return rows shifted cyclically by 0 to D - 1 entries.

    >>> rolled(np.array([1, 2, 3]), 1)
    array([3, 1, 2])
    """
    made = np.empty_like(rows)
    cut = rows.shape[-1] - steps
    made[..., steps:] = rows[..., :cut]
    made[..., :steps] = rows[..., cut:]
    return made


def turned(sums: NDArray[np.int32], words: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return int32 sums times the signs -1 of set and 1 of other bits; one row meets each of the others.

    >>> turned(np.array([5, 6, 7], np.int32), np.array([0b101], np.uint64))
    array([-5,  6, -7], dtype=int32)
    """
    given, signs = np.atleast_2d(sums), np.atleast_2d(words)
    n = len(given) if len(signs) == 1 else len(signs)
    made = np.empty((n, given.shape[1]), np.int32)
    plain = np.ascontiguousarray(given)
    _core.turn_rows(plain, np.ascontiguousarray(signs), made, _threads_for(made.size))
    return made if 2 in (sums.ndim, words.ndim) else made[0]
