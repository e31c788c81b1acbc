# SPDX-License-Identifier: Apache-2.0
"""Bundles shifted as wholes: every vector in them moves by as many places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hypersketch._stored import Tally
from hypersketch.vsa._real import RealSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.modular import ModularSpace


def period(space: Space) -> int:
    """Return after how many shifts vectors are as they were."""
    return space.width if isinstance(space, ModularSpace) else space.dim


def roll(space: Space, bundle: Any, steps: int) -> None:
    """Shift a bundle; negative numbers undo positive ones, up to rounding of spectra.

    Examples
    --------
    >>> from hypersketch.vsa import MapI
    >>> space = MapI(100)
    >>> bag = space.bundle(["a", "b"])
    >>> roll(space, bag, 3)
    >>> bool((bag.vector == space.permute(space.bundle(["a", "b"]).vector, 3)).all())
    True
    """
    with bundle._lock:
        bundle._require_writable()
        if isinstance(space, HRR) and space.spectral:
            turns = np.arange(space.width) * (steps % space.dim) % space.dim / space.dim
            made: Any = (bundle._sum * np.exp(-1j * math.tau * turns)).view(np.float64)
        elif isinstance(space, RealSpace):
            made = np.roll(bundle._sum, steps % space.dim).view(np.float64)
        elif isinstance(space, ModularSpace):
            made = np.roll(bundle.counters, steps % space.width, axis=0).reshape(-1)
        else:
            made = np.roll(bundle._state, steps % space.dim)
        bundle._commit(np.copyto, (bundle._state, made), Tally())
