# SPDX-License-Identifier: Apache-2.0
"""MAP-C: real vectors in [-1, 1], bound entry by entry, with bundles that are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypersketch.vsa._real import Numbers, RealSpace, Vectors


@dataclass(frozen=True)
class MapC(RealSpace):
    """MAP-C: atoms uniform in [-1, 1], bundles that are sums cut off at -1 and 1.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Multiply, add, permute with continuous entries (Gayler 1998). Unbinding multiplies again, which brings a
    value back with noise: the similarity of ``a * (a * b)`` with b is sqrt(5) / 3, about 0.745.

    Examples
    --------
    >>> from hypersketch.vsa import MapC
    >>> space = MapC(10_000)
    >>> a, b = space.atoms(["a", "b"])
    >>> space.similarity(space.unbind(space.bind(a, b), a), b).round(1)
    array([0.7])
    """

    _NUMBERS = Numbers.UNIFORM
    _scale = 1.0

    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        made: Vectors = _spectral_on_gpu.multiplied(self._owner(method), self, a, b)
        return made

    def identity(self) -> Vectors:
        """Return the vector with which binding changes nothing: ones.

        >>> from hypersketch.vsa import MapC
        >>> MapC(2).identity()
        array([1., 1.], dtype=float32)
        """
        return np.ones(self.dim, np.float32)

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        return a * b

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        return bound * known

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        return np.asarray(rows ** abs(exponent), self.dtype)

    def _inverse(self, vectors: Vectors) -> Vectors:
        """Return the vectors themselves, which undo themselves with noise."""
        return vectors

    def _normalize(self, rows: Vectors) -> Vectors:
        """Return what lies beyond -1 and 1 cut off."""
        return np.clip(rows, -1.0, 1.0)
