# SPDX-License-Identifier: Apache-2.0
"""Bundles of many records at once: chosen rows of a code book, each bound to the role of its field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa._gathered import gathered
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.encoders._base import Vectors, pieces
from hypersketch.vsa.holographic import FHRR, HRR

_TEMPORARY = 2**23
"""Bytes of vectors that are made before they are bundled, where no kernel spares them."""

_IN_CACHE = 2**20
"""The same where products of numbers are all there is to do."""
_SINGLE = 32
"""Products that are summed in single precision."""


def result_rows(space: Space, n: int) -> Vectors:
    """Return an array for n bundles of a space."""
    if isinstance(space, MapSpace) and not space.binary:
        return np.zeros((n, space.dim), np.int32)
    return np.empty((n, space.width), space.dtype)


def bundled_records(
    owner: str,
    space: Space,
    book: Vectors,
    chosen: NDArray[np.uint32],
    roles: Vectors,
    out: Vectors,
    threads: int | None,
) -> None:
    """Write to row i of ``out`` the bundle over f of row chosen[i, f] of the book bound to role f."""
    n, n_fields = chosen.shape
    if isinstance(space, MapSpace):
        if book.dtype != np.uint64:
            raise TypeError(f"{owner} binds packed vectors of {space}. A field's encoder makes sums.")
        starts = np.arange(n + 1) * n_fields
        of_fields = (roles, np.tile(np.arange(n_fields, dtype=np.uint32), n))
        gathered(owner, space, book, chosen.reshape(-1), starts, bound_to=of_fields, out=out, threads=threads)
    elif isinstance(space, RealSpace):
        _sum_real(space, book, chosen, roles, out)
    else:
        _superpose(space, book, chosen, roles, out)


def _sum_real(
    space: RealSpace, book: Vectors, chosen: NDArray[np.uint32], roles: Vectors, out: Vectors
) -> None:
    """Bundle field by field: a role binds with the values of many records, and sums are all that is kept."""
    plain = space if isinstance(space, HRR) and not space.spectral else None
    work = space if plain is None else HRR(space.dim, space.seed, spectral=True)
    if plain is not None:  # products of spectra take no transform each
        book, roles = plain.to_spectral(book), plain.to_spectral(roles)
    is_elementwise = isinstance(work, MapC | FHRR | HRR)
    for part in pieces(len(chosen), work.nbytes, _IN_CACHE if is_elementwise else _TEMPORARY):
        mine = chosen[part]
        sums = np.zeros((len(mine), work.width), work._wide)
        if is_elementwise:
            _add_products(book, mine, roles, sums)
        else:
            _add_bound(work, book, mine, roles, sums)
        if plain is not None:
            sums = plain._plain(sums)
        out[part] = space._normalize(sums)


def _add_products(book: Vectors, chosen: NDArray[np.uint32], roles: Vectors, sums: Vectors) -> None:
    """Add products entry by entry, few in single precision before they go to the sums: half the time."""
    products, some = np.empty(sums.shape, book.dtype), np.zeros(sums.shape, book.dtype)
    for f, role in enumerate(roles):
        np.take(book, chosen[:, f], axis=0, out=products, mode="clip")  # "raise" would make a copy
        products *= role
        some += products
        if f % _SINGLE == _SINGLE - 1 or f == len(roles) - 1:
            sums += some
            some[:] = 0


def _add_bound(
    space: RealSpace, book: Vectors, chosen: NDArray[np.uint32], roles: Vectors, sums: Vectors
) -> None:
    """Add bound vectors; where there are fewer values than records, every value is bound once."""
    for f, role in enumerate(roles):
        if len(book) <= len(chosen):
            sums += space._bind(book, role)[chosen[:, f]]
        else:
            sums += space._bind(book[chosen[:, f]], role)


def _superpose(space: Space, book: Vectors, chosen: NDArray[np.uint32], roles: Vectors, out: Vectors) -> None:
    n_fields = chosen.shape[1]
    for part in pieces(len(chosen), space.nbytes * n_fields, _TEMPORARY):
        mine = chosen[part]
        bound = space.bind(book[mine.reshape(-1)], np.tile(roles, (len(mine), 1)))
        out[part] = space.superpose(bound, starts=np.arange(len(mine) + 1) * n_fields)
