# SPDX-License-Identifier: Apache-2.0
"""Encoders from their definitions, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def entries(space: Any, vector: NDArray[Any]) -> list[Any]:
    """The entries of a vector as the space's algebra sees them."""
    return space.unpack(vector).tolist() if hasattr(space, "n_words") else vector.tolist()


def interpolated(anchors: list[list[Any]], turns: Sequence[float], position: float, wraps: bool) -> list[Any]:
    """Entry d of the vector at a position: that of the anchor floor(position + turns[d])."""
    made = []
    for d, turn in enumerate(turns):
        which = math.floor(position + turn)
        made.append(anchors[which % len(anchors) if wraps else which][d])
    return made


def sign_record(fillers: list[list[int]], roles: list[list[int]]) -> list[int]:
    """The sum of products of vectors of -1 and +1."""
    return [sum(fillers[f][d] * roles[f][d] for f in range(len(roles))) for d in range(len(roles[0]))]


def grams(space: Any, atoms: NDArray[Any], n: int) -> list[NDArray[Any]]:
    """The n-grams of a sequence of vectors: bind(... bind(rho^(n-1) a, rho^(n-2) b) ..., z)."""
    made = []
    for t in range(len(atoms) - n + 1):
        gram = space.permute(atoms[t], n - 1)
        for f in range(1, n):
            gram = space.bind(gram, space.permute(atoms[t + f], n - 1 - f))
        made.append(gram)
    return made
