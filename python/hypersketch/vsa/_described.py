# SPDX-License-Identifier: Apache-2.0
"""Spaces as files hold them: the name of the class and the values of its fields."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypersketch import _validation
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.matrix_binding import MBAT, TVTB, VTB
from hypersketch.vsa.modular import CGR, MCR, SparseBlockCodes
from hypersketch.vsa.spaces import BSC, MapB, MapI
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.ternary import MapT

_KINDS: dict[str, type[Space]] = {
    kind.__name__: kind
    for kind in (BSC, BSDC, CGR, FHRR, HRR, MBAT, MCR, MapB, MapC, MapI, MapT, SparseBlockCodes, TVTB, VTB)
}


def described(owner: str, space: object) -> dict[str, Any]:
    """Return a space as JSON can hold it."""
    if not isinstance(space, Space) or _KINDS.get(type(space).__name__) is not type(space):
        _validation.refuse(owner, "space", "a space of hypersketch.vsa", space, TypeError)
    fields = (field.name for field in dataclasses.fields(space))
    return {"model": type(space).__name__, **{name: getattr(space, name) for name in fields}}


def restored(description: dict[str, Any]) -> Space:
    """Return the space that was described."""
    fields = dict(description)
    return _KINDS[fields.pop("model")](**fields)


def checked(owner: str, name: str, value: object) -> dict[str, Any]:
    """Return a description of a space after checks."""
    must = "the description of a space"
    if not isinstance(value, dict):
        _validation.refuse(owner, name, must, value, TypeError)
    kind = _KINDS.get(value.get("model", ""))
    if kind is None or set(value) != {"model", *(field.name for field in dataclasses.fields(kind))}:
        _validation.refuse(owner, name, must, value)
    return described(owner, restored(value))
