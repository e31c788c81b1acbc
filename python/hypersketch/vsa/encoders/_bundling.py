# SPDX-License-Identifier: Apache-2.0
"""Bundles of many records at once: chosen rows of a code book, each bound to the role of its field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa._gathered import gathered
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.encoders._base import Vectors, pieces
from hypersketch.vsa.holographic import HRR

_TEMPORARY = 2**23
"""Bytes of vectors that are made before they are bundled, where no kernel spares them."""


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
    for part in pieces(len(chosen), work.nbytes, _TEMPORARY):
        mine = chosen[part]
        sums = np.zeros((len(mine), work.width), work._wide)
        for f, role in enumerate(roles):
            if len(book) <= len(mine):
                sums += work._bind(book, role)[mine[:, f]]
            else:
                sums += work._bind(book[mine[:, f]], role)
        if plain is not None:
            sums = plain._plain(sums)
        out[part] = space._normalize(sums)


def _superpose(space: Space, book: Vectors, chosen: NDArray[np.uint32], roles: Vectors, out: Vectors) -> None:
    n_fields = chosen.shape[1]
    for part in pieces(len(chosen), space.nbytes * n_fields, _TEMPORARY):
        mine = chosen[part]
        bound = space.bind(book[mine.reshape(-1)], np.tile(roles, (len(mine), 1)))
        out[part] = space.superpose(bound, starts=np.arange(len(mine) + 1) * n_fields)
