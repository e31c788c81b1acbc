# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers by the signs, or lengths, of their random projections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.encoders._base import Vectors
from hypersketch.vsa.encoders._projecting import SIGNS, RowEncoder, empty_rows, placed, row_pairs


@dataclass(frozen=True)
class ProjectionEncoder(RowEncoder):
    """Rows of numbers by random projection: similarity is a function of the angle between rows.

    Parameters
    ----------
    space : MapI, MapB, BSC, MapT, MapC, HRR, VTB, TVTB or MBAT
        The space of the vectors. (For phasors see `FractionalPowerEncoder`.)
    features : int in [1, 2**24]
        Numbers a row.
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have directions that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and other spaces.

    Notes
    -----
    Dimension d has a direction w(d) of independent standard normal numbers. With the angle t between rows x
    and y the expected similarity is

    * 1 - 2 t / pi in MAP-I, MAP-B, MAP-T and BSC, whose entry is the sign of w(d).x (Goemans & Williamson
      1995; Charikar 2002); the variance is (1 - that^2) / D,
    * cos t in HRR, VTB and MBAT, whose vectors are w(d).x brought to length 1, up to terms of order 1/D,
    * (6 / pi) arcsin(cos(t) / 2) in MapC, whose entry is 2 Phi(w(d).x / abs(x)) - 1, so uniform as those of
      its atoms (Pearson 1907).

    Only the direction of a row counts. A row of zeros has the entries of +0. Products are taken in float32:
    where w(d).x is 0 up to rounding, another machine may find the other sign.

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import ProjectionEncoder
    >>> space = BSC(10_000)
    >>> encoder = ProjectionEncoder(space, features=3)
    >>> x, close, right, opposite = encoder.encode([[1, 0, 0], [1, 0.1, 0], [0, 5, 0], [-2, 0, 0]])
    >>> [float(space.similarity(x, one)[0].round(1)) + 0.0 for one in (close, right, opposite)]
    [0.9, 0.0, -1.0]
    """

    seed: int = 0
    """Seed of the directions, besides that of the space."""

    def __post_init__(self) -> None:
        self._init_rows()

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a row.

        Parameters
        ----------
        values : array of shape (n, features), or one row
            Finite numbers.
        threads : int, optional
            Accepted for the sake of other encoders: NumPy's matrix product has its own.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space; packed ones of MAP-I.

        Raises
        ------
        TypeError, ValueError
            For what is not rows of so many real numbers, NaN and infinity.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import ProjectionEncoder
        >>> ProjectionEncoder(BSC(128), features=2).encode([[1, 2], [3, 4], [5, 6]]).shape
        (3, 2)
        """
        rows = _unit_scale(self._rows("encode", values))
        made = empty_rows(self.space, len(rows))
        for part, products in self._products(rows):
            if isinstance(self.space, MapC):
                lengths = np.linalg.norm(rows[part], axis=1, keepdims=True)
                products /= np.where(lengths > 0, lengths, 1)
                products = uniform_of_normal(products)
            placed(self.space, products, made[part])
        return made

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of rows, as the class says.

        Parameters
        ----------
        a, b : array of shape (n, features), or one row
            Rows that go together, or one that goes with all of the other.

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN for rows of zeros, which have no direction.

        Raises
        ------
        TypeError, ValueError
            As `encode`.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, HRR
        >>> from hypersketch.vsa.encoders import ProjectionEncoder
        >>> for space in (BSC(64), HRR(64)):
        ...     print(ProjectionEncoder(space, features=2).kernel([1, 0], [[1, 0], [1, 1], [0, 1]]).round(2))
        [1.  0.5 0. ]
        [1.   0.71 0.  ]
        """
        xx, yy, xy = row_pairs(self._owner("kernel"), a, b, self.features)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = np.clip(xy / np.sqrt(xx * yy), -1, 1)
        if isinstance(self.space, SIGNS):
            return np.asarray(1 - 2 * np.arccos(cosines) / math.pi)
        if isinstance(self.space, MapC):
            return np.asarray(6 / math.pi * np.arcsin(cosines / 2))
        return cosines


def _unit_scale(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows whose largest number is 1, which changes no direction and suits float32."""
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    return np.ascontiguousarray(rows / np.where(largest > 0, largest, 1), dtype=np.float32)


def uniform_of_normal(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 2 Phi(z) - 1 = erf(z / sqrt(2)), within 2e-7 (Abramowitz & Stegun 7.1.26, and rounding)."""
    z = np.abs(values) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = np.float32(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(coefficient)
    return np.asarray(np.copysign(1 - series * t * np.exp(-z * z), values))
