# SPDX-License-Identifier: Apache-2.0
"""Bundles of rows of code books that indices choose, or of XORs of rows of two, which are never stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _threads, _validation
from hypersketch.vsa import _packed
from hypersketch.vsa._map import MapSpace

Words = NDArray[np.uint64]


def gathered(
    owner: str,
    space: MapSpace,
    book: Words,
    chosen: Any,
    starts: Any = None,
    *,
    bound_to: tuple[Words, Any] | None = None,
    weights: Any = None,
    out: Any = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """Return bundles of chosen rows of a code book.

    Parameters
    ----------
    owner : str
        Who asks, for the sentences of errors.
    space : MapI, MapB or BSC
        Whose bundles: sums of MapI, majorities of the others.
    book : ndarray of uint64, shape (n_rows, n_words)
        Packed vectors.
    chosen : array of int, shape (n,)
        Rows of the book, some of them as often as wanted.
    starts : array of int, shape (n_bundles + 1,), optional
        Bundle b is of the choices ``starts[b]`` to ``starts[b + 1] - 1``; default one bundle of all.
    bound_to : tuple of another book and n choices of its rows, optional
        With what each chosen row is bound.
    weights : array of int, shape (n,), optional
        One weight a choice, below 2**31 in magnitude; default 1.
    out : ndarray, optional
        Where to write majorities; counters to add sums to.
    threads : int, optional
        Threads for this call; default `hypersketch.get_num_threads`.

    Returns
    -------
    ndarray
        Packed vectors of shape (n_bundles, n_words), or int32 sums of shape (n_bundles, dim); one row less an
        axis without ``starts``.

    Raises
    ------
    TypeError, ValueError
        For arrays that are not packed vectors of the space, choices of rows that are not there, an empty
        bundle, or starts that fall or lie outside.

    Examples
    --------
    >>> from hypersketch.vsa import MapI
    >>> import numpy
    >>> book = numpy.array([[0b01], [0b10]], numpy.uint64)
    >>> gathered("example", MapI(2), book, [0, 1, 1, 0], [0, 3, 4])
    array([[ 1, -1],
           [-1,  1]], dtype=int32)
    """
    rows = _packed._rows(owner, "book", book, space.dim)
    which = _choices(owner, "chosen", chosen, len(rows))
    other, others = None, None
    if bound_to is not None:
        other = _packed._rows(owner, "bound_to", bound_to[0], space.dim)
        others = _choices(owner, "bound_to", bound_to[1], len(other))
        if others.size != which.size:
            raise ValueError(f"chosen has {which.size} choices but bound_to has {others.size}.")
    values = _validation.weights(owner, weights, which.size)
    edges = _validation.starts(owner, starts, which.size)
    if not (edges[1:] > edges[:-1]).all():
        raise ValueError(f"{owner} needs at least one vector in every bundle.")
    asked, given = _threads.resolve(owner, threads), (rows, which, other, others, space.dim, edges, values)
    if space.binary:
        shape = _packed._shape(starts, edges, space.width)
        result = _packed._result(owner, out, shape, np.uint64, rows, other)
        _core.gathered_majorities(*given, space._ties(), result.reshape(-1, space.width), asked)
    else:
        result = _packed._sums(owner, out, _packed._shape(starts, edges, space.dim))
        _core.gathered_counters(*given, result.reshape(-1, space.dim), asked)
    return result


def _choices(owner: str, name: str, value: Any, n_rows: int) -> NDArray[np.uint32]:
    """Return choices of rows as the kernels take them."""
    must = f"one-dimensional integers in [0, {n_rows}), rows of its book"
    given = np.asarray(value)
    if given.dtype.kind not in "iu" and given.size:
        _validation.refuse(owner, name, must, value, TypeError)
    if given.ndim != 1 or (given.size and not 0 <= int(given.min()) <= int(given.max()) < n_rows):
        _validation.refuse(owner, name, must, value)
    return np.ascontiguousarray(given, dtype=np.uint32)
