# SPDX-License-Identifier: Apache-2.0
"""Circular convolution of rows: by kernels where the length has small factors, by NumPy otherwise."""

from __future__ import annotations

import functools
import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads

Reals = NDArray[np.float32]
Factors = NDArray[np.uint32]
Tables: TypeAlias = tuple[Factors, Reals, Factors, Reals, Reals, Reals]
"""Factors and twiddles of columns and of rows, then the cosines and sines between them."""
_LEAST_SIDE = 16
"""Sides of the matrix as which a vector is transformed: below this lanes would be idle at some level."""
_MOST = 2**20
"""Length whose tables take 8 MiB; they are kept."""


def convolve(
    a: Reals, b: Reals, *, correlate: bool = False, threads: int | None = None
) -> NDArray[Any] | None:
    """Return circular convolutions of rows.

    Parameters
    ----------
    a, b : ndarray of float32, shape (dim,) or (n, dim)
        Rows. One row meets each of the other argument.
    correlate : bool, default False
        Meet the rows of b backwards, from entry 0 on.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray, shape that ``a`` and ``b`` broadcast to, or None when there is NaN or infinity in them
        sum over j of a[j] b[d - j], or b[j - d] when correlating, indices modulo dim. Two rows share a
        transform: the last digits of one may depend on the other.

    Examples
    --------
    >>> convolve(np.array([0, 1, 0], np.float32), np.array([1, 2, 3], np.float32)).round()
    array([3., 1., 2.], dtype=float32)
    """
    tables = plan(a.shape[-1])
    shape = np.broadcast_shapes(a.shape, b.shape)
    if tables is None or 0 in shape:
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return None
        right = spectra(b)
        return signals(spectra(a) * (np.conj(right) if correlate else right), a.shape[-1])
    out = np.empty(shape, np.float32)
    left, right, result = (np.ascontiguousarray(np.atleast_2d(rows)) for rows in (a, b, out))
    n_threads = _threads.resolve("convolve", threads)
    _core.convolve_rows(left, right, *tables, correlate, result, n_threads)
    if np.isfinite(result[:, 0]).all() or all(np.isfinite(rows).all() for rows in (a, b)):
        return out  # the kernel marks what is not finite there
    return None


def spectra(rows: NDArray[Any]) -> NDArray[Any]:
    """Return Fourier transforms of real rows in the rows' precision, which NumPy 1 does not keep.

    >>> spectra(np.ones(4, np.float32)).dtype, spectra(np.ones(4)).dtype
    (dtype('complex64'), dtype('complex128'))
    """
    kind = np.complex64 if rows.dtype == np.float32 else np.complex128
    return np.fft.rfft(rows, axis=-1).astype(kind, copy=False)


def signals(transformed: NDArray[Any], dim: int) -> NDArray[Any]:
    """Return the rows of so many real numbers that have these transforms, in their precision.

    >>> signals(spectra(np.array([1, 2, 3], np.float32)), 3)
    array([1., 2., 3.], dtype=float32)
    """
    kind = np.float32 if transformed.dtype == np.complex64 else np.float64
    return np.fft.irfft(transformed, n=dim, axis=-1).astype(kind, copy=False)


@functools.lru_cache(maxsize=16)
def plan(dim: int) -> Tables | None:
    """Return the tables with which a kernel transforms vectors of a length; None where it does not.

    >>> [side.tolist() for side in plan(1000)[0:4:2]], plan(1009)
    ([[5, 5], [5, 4, 2]], None)
    """
    sides = [n for n in range(_LEAST_SIDE, math.isqrt(dim) + 1) if dim % n == 0 and dim <= _MOST]
    pairs = [(n, dim // n) for n in sides if _factors(n) and _factors(dim // n)]
    if not pairs:
        return None
    columns, rows = min(pairs, key=_cost)
    turns = np.outer(np.arange(columns), np.arange(rows)) / dim
    cosines, sines = (part(math.tau * turns).astype(np.float32) for part in (np.cos, np.sin))
    return (*_short(columns), *_short(rows), cosines, -sines)


def _short(length: int) -> tuple[Factors, Reals]:
    return np.array(_factors(length), np.uint32), _twiddles(length)


def _cost(sides: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the matrix with its sides filled up to whole vectors, then the longer side."""
    whole = [-(-n // _LEAST_SIDE) * _LEAST_SIDE for n in sides]
    return math.prod(whole), max(sides)


def _factors(n: int) -> list[int]:
    """Return factors of 2 to 5, the empty list where there are others."""
    found = []
    for factor in (5, 4, 3, 2):
        while n % factor == 0:
            found.append(factor)
            n //= factor
    return found if n == 1 else []


def _twiddles(length: int) -> Reals:
    """Return what a transform multiplies by between its steps; see ShortPlan in views.hpp."""
    rest, tables = length, []
    for factor in _factors(length):
        before, rest = rest, rest // factor
        turns = np.outer(np.arange(rest), np.arange(1, factor)) / before
        tables.append(np.exp(-1j * math.tau * turns).astype(np.complex64).ravel())
    return np.concatenate(tables).view(np.float32)
