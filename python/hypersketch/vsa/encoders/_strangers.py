# SPDX-License-Identifier: Apache-2.0
"""How alike random vectors of a space are on average."""

from __future__ import annotations

import numpy as np

from hypersketch.vsa._space import Space
from hypersketch.vsa.modular import CGR, MCR
from hypersketch.vsa.sparse import BSDC


def stranger_similarity(space: Space) -> float:
    """Return the expected similarity of two atoms.

    >>> from hypersketch.vsa import BSC, CGR
    >>> stranger_similarity(BSC(64)), stranger_similarity(CGR(64, modulus=4))
    (0.0, 0.25)
    """
    if isinstance(space, CGR):
        return 1.0 / space.modulus
    if isinstance(space, MCR):  # 1 - 4 E[distance] / r, where the mean distance of an odd r is below r / 4
        return 1.0 / space.modulus**2 if space.modulus % 2 else 0.0
    if isinstance(space, BSDC):
        if space.variant == "seg":
            return float(np.mean(1.0 / np.diff(space._edges)))
        return space.n_ones / space.dim
    return 0.0
