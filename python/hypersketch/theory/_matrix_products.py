# SPDX-License-Identifier: Apache-2.0
"""VTB and TVTB: what is left of a vector after it was multiplied by random matrices and their transposes.

With vectors as d x d matrices X, k bindings and unbindings give X M^T M, M a product of k normal matrices
(whose law is that of their transposes too), and A, B, C = |X M^T|^2, |X|^2, |X M^T M|^2 the cosine
A / sqrt(B C). Only the singular values of M matter, but these repel each other: no sum over independent
components has the law, and a few matrices deep it is far from that of large d. So its moments are taken
numerically, from a fixed sample of X and M. Derived; standard error of a mean 9e-4 at most.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]

_ENTRIES = 2_000_000  # of all matrices of a sample together: their cosines spread like 1 / d
_MOST, _LEAST = 65_536, 16
_STEPS = 8  # products between two scalings


@lru_cache(maxsize=256)
def cosine_moments(side: int, depth: int) -> tuple[float, float]:
    """Return mean and standard deviation of the similarity that is kept.

    Examples
    --------
    >>> cosine_moments(1, 3), cosine_moments(5, 0)
    ((1.0, 0.0), (1.0, 0.0))
    >>> round(cosine_moments(32, 1)[0], 2)
    0.7
    """
    if side == 1 or depth == 0:
        return 1.0, 0.0
    found = _sample(side, depth)
    return float(found.mean()), float(found.std())


def _sample(side: int, depth: int) -> NDArray[np.float64]:
    """Return cosines of as many draws of X and M as the sample has."""
    rng = np.random.Generator(np.random.PCG64(side))
    many = max(_LEAST, min(_MOST, _ENTRIES // side**2))

    def drawn() -> Floats32:
        made = rng.standard_normal((many, side, side), dtype=np.float32)
        made *= np.float32(1.0 / math.sqrt(side))
        return made

    vector, product = drawn(), drawn()
    for step in range(1, depth):
        product = drawn() @ product
        if step % _STEPS == 0:  # sizes do not matter, but must stay finite
            product /= np.sqrt(_squares(product) / side)[:, None, None].astype(np.float32)
    bound = vector @ product.swapaxes(1, 2)
    left = bound @ product
    return np.asarray(_squares(bound) / np.sqrt(_squares(vector) * _squares(left)))


def _squares(matrices: Floats32) -> NDArray[np.float64]:
    return np.asarray(np.einsum("nij,nij->n", matrices, matrices, dtype=np.float64))
