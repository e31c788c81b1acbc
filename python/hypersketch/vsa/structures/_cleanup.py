# SPDX-License-Identifier: Apache-2.0
"""How often the right key scores highest, from a structure's vector as it is now."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.theory import _unions
from hypersketch.theory._lattice_retrieval import full_score_top, lattice_single
from hypersketch.theory._space_scores import agreements
from hypersketch.vsa._space import Space
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.matrix_binding import VTB
from hypersketch.vsa.modular import MCR, ModularSpace
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.structures._readout import Law


def accuracy(space: Space, bundle: Any, vector: NDArray[Any], law: Law, steps: int, universe: int) -> float:
    """Return the probability that a member of weight 1 scores above ``universe - 1`` strangers.

    Unions and block codes have few scores, so that ties decide; those of other spaces are normal. ``steps``
    factors are unbound before strangers are compared with what is left.

    Examples
    --------
    >>> from hypersketch.vsa import BSDC, Multiset
    >>> bag = Multiset(BSDC(400), range(40))
    >>> round(accuracy(bag.space, bag._bundle, bag.vector, bag._law(), 0, 100), 1)
    0.1
    """
    if not math.isfinite(float(law.member)):
        return 1.0
    if isinstance(space, BSDC):
        # Keys that shift alike bring back each other's values: one of D shifts each.
        others = max(0, min(int(bundle.total_weight), universe) - 1)
        twins = (others, 1.0 / space.dim) if steps and space.variant == "s" else (0, 0.0)
        return full_score_top((_log_ties(space, vector), 0.0), 1, universe - 1, twins)
    if isinstance(space, ModularSpace) and not isinstance(space, MCR):
        scores = agreements(space.width, min(1.0, float(law.member)), float(law.mean))
        return lattice_single(scores, universe - 1)
    return (law.unbound(steps) if isinstance(space, HRR | VTB) else law).accuracy(universe)


def _log_ties(space: BSDC, vector: NDArray[Any]) -> float:
    """Return ln P(an atom that is not a member has all its ones in a union)."""
    bits = space.unpack(vector)
    if space.variant != "seg":
        ones = int(bits.sum())
        return _unions.log_inside(space.dim, ones) if ones >= space.n_ones else -math.inf
    edges = space._edges
    filled = np.add.reduceat(bits.astype(np.int64), edges[:-1])
    return float(np.log(filled / np.diff(edges)).sum()) if filled.all() else -math.inf
