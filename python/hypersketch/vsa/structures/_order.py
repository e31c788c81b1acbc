# SPDX-License-Identifier: Apache-2.0
"""The permutation by which structures tell places in a product: first from second, source from target.

Mostly it is the space's own cyclic shift. Where binding is a rotation itself (HRR convolves, BSDC rotates)
a shift of one factor is a shift of the product, so it says nothing of which factor it was. There entry d goes
to g d mod D for a fixed unit g: a permutation that convolution respects, and rotations do not.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, VTB
from hypersketch.vsa.modular import ModularSpace
from hypersketch.vsa.sparse import BSDC

_POWERS = 64
"""How often the permutation is applied before it may come close to the identity."""
_TRIED = 48


def binds_by_rotation(space: Space) -> bool:
    """Whether a cyclic shift of one factor is one of the product, but for a few entries."""
    return isinstance(space, HRR) or (isinstance(space, BSDC) and space.variant != "cdt")


def commutes(space: Space) -> bool:
    """Whether the order of two factors does not matter."""
    return not isinstance(space, VTB | MBAT) and not (isinstance(space, BSDC) and space.variant == "s")


def keeps_similarity(space: Space, *known: NDArray[Any], atoms: bool = False) -> bool:
    """Whether unbinding such vectors changes no similarity, so that what is left compares as products do."""
    if atoms:
        return isinstance(space, MapSpace | FHRR | ModularSpace | MBAT)
    if isinstance(space, MapSpace):
        return all(rows.dtype == np.uint64 for rows in known)
    if isinstance(space, FHRR):
        return all(np.allclose(np.abs(rows), 1.0, atol=1e-4) for rows in known)
    return isinstance(space, ModularSpace | MBAT)


def turns_products(space: Space) -> bool:
    """Whether factors of any place can be bound with a product and taken out of it."""
    return not isinstance(space, BSDC | VTB | MBAT)


def turn(space: Space, rows: NDArray[Any], steps: int) -> NDArray[Any]:
    """Return vectors permuted ``steps`` times; negative numbers undo positive ones.

    Examples
    --------
    >>> from hypersketch.vsa import HRR
    >>> space = HRR(100)
    >>> a, b = space.atoms(["a", "b"])
    >>> shifted = space.bind(space.permute(a, 1), b), space.bind(a, space.permute(b, 1))
    >>> turned = space.bind(turn(space, a, 1), b), space.bind(a, turn(space, b, 1))
    >>> [bool(space.similarity(*pair)[0] > 0.99) for pair in (shifted, turned)]
    [True, False]
    """
    if not binds_by_rotation(space):
        made: NDArray[Any] = space.permute(rows, steps)
        return made
    unit = multiplier(space.dim)
    if isinstance(space, HRR):
        return _turned_hrr(space, rows, pow(unit, steps, space.dim) if space.dim > 1 else 0)
    assert isinstance(space, BSDC)
    source = _sources(space.dim, pow(unit, steps, space.dim))
    return space._of_entries(space._entries(rows)[..., source])


def _sources(dim: int, unit: int) -> NDArray[np.int64]:
    """Return where the entries come from when d goes to ``unit * d mod dim``."""
    return np.asarray(np.arange(dim) * pow(unit, -1, dim) % dim, np.int64)


def _turned_hrr(space: HRR, rows: NDArray[Any], unit: int) -> NDArray[Any]:
    if space.dim == 1:
        return rows
    if not space.spectral:
        return np.ascontiguousarray(rows[..., _sources(space.dim, unit)])
    # The transform of x[d / g] at f is that of x at g f; what lies beyond the middle is a conjugate.
    frequencies = np.arange(space.width) * unit % space.dim
    mirrored = frequencies >= space.width
    found = rows[..., np.where(mirrored, space.dim - frequencies, frequencies)]
    return np.where(mirrored, found.conj(), found).astype(rows.dtype)


@functools.lru_cache(maxsize=64)
def multiplier(dim: int) -> int:
    """Return the unit modulo ``dim`` whose first powers, and their negatives, fix the fewest entries.

    Examples
    --------
    >>> multiplier(1024), multiplier(10_000)
    (3, 3)
    """
    units = [g for g in range(2, min(dim, 2 + 4 * _TRIED)) if math.gcd(g, dim) == 1][:_TRIED]
    return min(units, key=lambda unit: (_fixed(unit, dim), unit), default=1)


def _fixed(unit: int, dim: int) -> float:
    """Return how much of vectors stays, the sum over the powers."""
    powers = [pow(unit, steps, dim) for steps in range(1, _POWERS)]
    return math.fsum(math.gcd(power - 1, dim) + math.gcd(power + 1, dim) for power in powers)
