# SPDX-License-Identifier: Apache-2.0
"""Spaces by the names that the field gives them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypersketch import _validation
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, TVTB, VTB
from hypersketch.vsa.modular import CGR, MCR, SparseBlockCodes
from hypersketch.vsa.spaces import BSC, MapB, MapI
from hypersketch.vsa.sparse import BSDC, Variant
from hypersketch.vsa.ternary import MapT


def _bsdc(variant: Variant, dim: int, seed: int = 0) -> BSDC:
    return BSDC(dim, seed, variant)


NAMES: dict[str, Callable[..., Any]] = {
    "map-i": MapI,
    "map-b": MapB,
    "map-c": MapC,
    "bsc": BSC,
    "hrr": HRR,
    "fhrr": FHRR,
    "vtb": VTB,
    "tvtb": TVTB,
    "mbat": MBAT,
    "bsdc-cdt": functools.partial(_bsdc, "cdt"),
    "bsdc-s": functools.partial(_bsdc, "s"),
    "bsdc-seg": functools.partial(_bsdc, "seg"),
    "b-sbc": SparseBlockCodes,
    "mcr": MCR,
    "cgr": CGR,
    "map-t": MapT,
}


def space(name: str, dim: int, seed: int = 0, **options: Any) -> Any:
    """Return a space by its name.

    Parameters
    ----------
    name : str
        'map-i', 'map-b', 'map-c', 'bsc', 'hrr', 'fhrr', 'vtb', 'tvtb', 'mbat', 'bsdc-cdt',
        'bsdc-s', 'bsdc-seg', 'b-sbc', 'mcr', 'cgr' or 'map-t'.
    dim : int
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.
    **options
        What the space takes besides: ``modulus``, ``spectral``, ``phase_only``.

    Returns
    -------
    MapI, MapB, MapC, MapT, BSC, HRR, FHRR, VTB, TVTB, MBAT, BSDC, SparseBlockCodes, MCR or CGR

    Raises
    ------
    TypeError, ValueError
        For a name that is none of these, and for parameters that the space refuses.

    Examples
    --------
    >>> from hypersketch import vsa
    >>> vsa.space("fhrr", 1000)
    FHRR(dim=1000, seed=0, phase_only=True)
    >>> vsa.space("mcr", 1000, modulus=16)
    MCR(dim=1000, seed=0, modulus=16)
    """
    kind = NAMES[_validation.one_of(*NAMES)("space", "name", name)]
    return kind(dim, seed, **options)
