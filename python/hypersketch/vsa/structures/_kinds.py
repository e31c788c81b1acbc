# SPDX-License-Identifier: Apache-2.0
"""Which bundle sums the vectors of which space, and spaces as files describe them."""

from __future__ import annotations

from typing import Any

from hypersketch.vsa import _described, real_bundle
from hypersketch.vsa._answers import space_parameters
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.bundle import Bundle
from hypersketch.vsa.modular import ModularSpace
from hypersketch.vsa.modular_bundle import ModularBundle
from hypersketch.vsa.real_bundle import RealBundle
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.sparse_bundle import SparseBundle
from hypersketch.vsa.ternary import MapT
from hypersketch.vsa.ternary_bundle import TernaryBundle


def space_of(owner: str, name: str, value: object) -> Space:
    """Return a space: itself, or what a file describes."""
    if isinstance(value, dict):
        return _described.restored(_described.checked(owner, name, value))
    _described.described(owner, value)  # which refuses what is no space
    assert isinstance(value, Space)
    return value


def described(space: Space) -> dict[str, Any]:
    """Return a space as JSON can hold it."""
    return _described.described("", space)


def bundle_of(space: Space) -> tuple[Any, dict[str, Any]]:
    """Return the class of a space's bundles, and the parameters of one."""
    if isinstance(space, MapSpace):
        return Bundle, space_parameters("Bundle", space)
    both = {"dim": space.dim, "seed": space.seed}
    if isinstance(space, RealSpace):
        return RealBundle, {"space": real_bundle._name(space), **both}
    if isinstance(space, ModularSpace):
        return ModularBundle, {"space": type(space).__name__, "modulus": space.modulus, **both}
    if isinstance(space, MapT):
        return TernaryBundle, both
    assert isinstance(space, BSDC)
    return SparseBundle, {"variant": space.variant, **both}
