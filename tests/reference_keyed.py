# SPDX-License-Identifier: Apache-2.0
"""How alike vectors are to atoms of keys, from the definition: every atom made, sums in double precision."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cosines(vectors: NDArray[Any], atoms: NDArray[Any]) -> NDArray[np.float64]:
    """Cosine of every vector with every atom, real parts of complex ones; 0 where one is zero."""
    found = np.zeros((len(vectors), len(atoms)))
    for i, x in enumerate(vectors.astype(np.complex128)):
        for j, y in enumerate(atoms.astype(np.complex128)):
            sizes = np.sqrt(np.sum(np.abs(x) ** 2) * np.sum(np.abs(y) ** 2))
            found[i, j] = np.sum(x * y.conj()).real / sizes if sizes > 0 else 0.0
    return found


def sums(atoms: NDArray[Any], weights: NDArray[np.float64], edges: list[int]) -> NDArray[np.complex128]:
    """Weighted sums of runs of atoms, in their order."""
    made = np.zeros((len(edges) - 1, atoms.shape[1]), np.complex128)
    for row, (start, end) in enumerate(itertools.pairwise(edges)):
        for i in range(start, end):
            made[row] += weights[i] * atoms[i].astype(np.complex128)
    return made
