# SPDX-License-Identifier: Apache-2.0
"""Real and complex spaces from keys alone: atoms are made a piece at a time, where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core
from hypersketch._structure import chunks

if TYPE_CHECKING:
    from hypersketch.vsa._real import RealSpace

Hashes = NDArray[np.uint64]


def bundles(
    space: RealSpace, hashes: Hashes, edges: NDArray[np.int64], threads: int, seeds: Hashes
) -> NDArray[Any]:
    """Return bundles of runs of hashed keys, as many of each seed."""
    sums = np.empty((edges.size - 1, space.width), space._wide)
    given = (space.dim, seeds, hashes, int(space._NUMBERS), space._scale, None, edges)
    _core.sum_atoms(*given, sums.view(np.float64), threads)
    return space._normalize(sums).astype(space.dtype)


def similarities(
    space: RealSpace, vectors: NDArray[Any], hashes: Hashes, threads: int, seeds: Hashes
) -> NDArray[np.float64]:
    """Return cosines of vectors, as many of each seed, with the atoms of hashed keys.

    Sums are in single precision, over pieces of the dimension and then over these, on all processors alike.
    """
    rows, parts = np.ascontiguousarray(vectors).view(np.float32), []
    for part in chunks(hashes.size, (1 + len(rows)) * space.dim // 8):
        cosines = np.empty((len(rows), part.stop - part.start))
        given = (space.dim, seeds, hashes[part], int(space._NUMBERS), space._scale)
        _core.score_atoms(*given, rows, cosines, threads)
        parts.append(cosines)
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty((len(rows), 0)), *parts], axis=1)
