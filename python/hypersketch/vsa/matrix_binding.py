# SPDX-License-Identifier: Apache-2.0
"""VTB: vectors bound by matrices that are made of their own entries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._real import RealSpace, Vectors, gaussian


@dataclass(frozen=True)
class VTB(RealSpace):
    """VTB: normal vectors, bound by a block matrix made of the other vector.

    Parameters
    ----------
    dim : int in [1, 2**26], a square
        Dimension D = d * d.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and a dimension that is not a square.

    Notes
    -----
    Vector-derived transformation binding (Gosmann & Eliasmith 2019). With x and y as d x d matrices X and Y,
    row after row, ``bind(x, y)`` is sqrt(d) X Y^T: every row of X goes through the same matrix. It is neither
    commutative nor associative; ``unbind(bind(x, y), y)`` brings x back with noise, by Y instead of Y^T.
    The known factor is the second one.

    Examples
    --------
    >>> from hypersketch.vsa import VTB
    >>> space = VTB(4096)
    >>> value, role = space.atoms(["value", "role"])
    >>> space.similarity(space.unbind(space.bind(value, role), role), value).round(1)
    array([0.7])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if math.isqrt(self.dim) ** 2 != self.dim:
            _validation.refuse("VTB", "dim", "a square", self.dim)

    @property
    def _side(self) -> int:
        return math.isqrt(self.dim)

    def _from_uniform(self, halves: NDArray[np.uint32]) -> Vectors:
        return (gaussian(halves)[..., : self.dim] / math.sqrt(self.dim)).astype(np.float32)

    def identity(self) -> Vectors:
        """Return the second factor with which binding changes nothing.

        >>> from hypersketch.vsa import VTB
        >>> VTB(4).identity().round(3)
        array([0.707, 0.   , 0.   , 0.707], dtype=float32)
        """
        made: Vectors = np.eye(self._side, dtype=np.float32).reshape(-1) / np.float32(math.sqrt(self._side))
        return made

    def _matrices(self, vectors: Vectors) -> Vectors:
        return vectors.reshape(*vectors.shape[:-1], self._side, self._side)

    def _times(self, a: Vectors, matrices: Vectors) -> Vectors:
        product = math.sqrt(self._side) * (self._matrices(a) @ matrices)
        return product.reshape(*product.shape[:-2], self.dim)

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        return self._times(a, self._matrices(b).swapaxes(-1, -2))

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        return self._times(bound, self._matrices(known))

    def _inverse(self, vectors: Vectors) -> Vectors:
        """Return the vectors whose matrices are transposed."""
        turned = self._matrices(vectors).swapaxes(-1, -2)
        return np.ascontiguousarray(turned).reshape(vectors.shape)
