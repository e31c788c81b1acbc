# SPDX-License-Identifier: Apache-2.0
"""What theory expects of the bundles of a space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypersketch import _validation
from hypersketch.theory import spaces
from hypersketch.vsa.holographic import FHRR
from hypersketch.vsa.modular import ModularSpace
from hypersketch.vsa.sparse import BSDC

if TYPE_CHECKING:
    from hypersketch.vsa._space import Space

_MODELS = {
    "MapI": "map-i",
    "MapB": "map-b",
    "MapC": "map-c",
    "MapT": "map-t",
    "BSC": "bsc",
    "HRR": "hrr",
    "VTB": "vtb",
    "TVTB": "tvtb",
    "MBAT": "mbat",
    "SparseBlockCodes": "b-sbc",
    "MCR": "mcr",
    "CGR": "cgr",
}


def model_of(space: Space) -> str:
    """Return the name of a space's model in `hypersketch.theory.spaces`.

    Examples
    --------
    >>> from hypersketch.vsa import BSDC, FHRR
    >>> model_of(BSDC(100, variant="seg")), model_of(FHRR(100, phase_only=False))
    ('bsdc-seg', 'fhrr-sum')
    """
    if isinstance(space, BSDC):
        return f"bsdc-{space.variant}"
    if isinstance(space, FHRR):
        return "fhrr" if space.phase_only else "fhrr-sum"
    return _MODELS[type(space).__name__]


def expected_accuracy(space: Space, n_items: object, n_candidates: object, k: object, pairs: object) -> float:
    """Return what `Space.expected_accuracy` promises.

    Examples
    --------
    >>> from hypersketch.vsa import MapB
    >>> round(expected_accuracy(MapB(500), 15, 1000, "members", False), 3)
    0.946
    """
    owner = f"{type(space).__name__}.expected_accuracy"
    most = 2**40
    candidates = _validation.integer(owner, "n_candidates", n_candidates, 1, most)
    wanted = _validation.one_of("members", 1)(owner, "k", k)
    unbound = _validation.flag(owner, "pairs", pairs)
    items = _validation.integer(owner, "n_items", n_items, 1, most)
    if wanted == "members" and not unbound and items > candidates:
        _validation.refuse(owner, "n_items", f"at most n_candidates = {candidates}", items)
    modulus = space.modulus if isinstance(space, ModularSpace) else 64
    model = model_of(space)
    if unbound and model == "bsdc-cdt":
        raise ValueError(
            "Binding by thinning (variant='cdt') cannot be undone: it has no accuracy for pairs."
        )
    if wanted == "members" and not unbound:
        return spaces.top_k(model, space.dim, items, candidates, modulus=modulus)
    return spaces.accuracy(model, space.dim, items, candidates, pairs=unbound, modulus=modulus)
