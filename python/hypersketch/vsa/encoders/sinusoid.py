# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers by waves in random directions: similarity falls with the distance, not with the angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa.encoders._base import Vectors
from hypersketch.vsa.encoders._projecting import SIGNS, RowEncoder, empty_rows, placed, row_pairs, scaled

_ODD = np.arange(1, 64, 2)
"""Waves that square and triangular waves are summed up of."""


@dataclass(frozen=True)
class Waves(RowEncoder):
    """What both encoders share: a bandwidth, and how entries are made."""

    bandwidth: float = 1.0
    """Distance over which waves change."""
    seed: int = 0
    """Seed of the directions and angles, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init_rows()
        self._set("bandwidth", _validation.positive(owner, "bandwidth", self.bandwidth))

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
        >>> from hypersketch.vsa.encoders import FourierEncoder
        >>> FourierEncoder(BSC(128), features=2).encode([[1, 2], [3, 4], [5, 6]]).shape
        (3, 2)
        """
        owner = self._owner("encode")
        rows = scaled(owner, self._rows("encode", values), 1 / self.bandwidth)
        made = empty_rows(self.space, len(rows))
        for part, products in self._products(rows):
            placed(self.space, self._waves(products), made[part])
        return made

    def _waves(self, products: NDArray[np.float32]) -> NDArray[np.float32]:
        raise NotImplementedError

    def _distances(self, a: Any, b: Any) -> tuple[NDArray[np.float64], ...]:
        """Return |x|^2, |y|^2 and x.y over the squared bandwidth."""
        xx, yy, xy = row_pairs(self._owner("kernel"), a, b, self.features)
        square = self.bandwidth**2
        return xx / square, yy / square, xy / square


@dataclass(frozen=True)
class FourierEncoder(Waves):
    """Rows of numbers by random Fourier features: a Gaussian kernel of the distance.

    Parameters
    ----------
    space : MapI, MapB, BSC, MapT, MapC, HRR, VTB, TVTB or MBAT
        The space of the vectors. (For phasors see `FractionalPowerEncoder`.)
    features : int in [1, 2**24]
        Numbers a row.
    bandwidth : float > 0, default 1
        Distance s at which the kernel has fallen to exp(-1/2).
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have directions that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and other spaces.

    Notes
    -----
    Entry d is cos(w(d).x / s + b(d)), with w(d) standard normal and b(d) uniform in [0, 2 pi), or its sign.
    With r = abs(x - y) / s the expected similarity is

    * exp(-r^2 / 2) in the real spaces, up to terms of order 1/D (Rahimi & Recht 2007),
    * (8 / pi^2) sum over odd k of exp(-k^2 r^2 / 2) / k^2 in MAP-I, MAP-B, MAP-T and BSC: a triangular wave
      of the angle between two waves, averaged (Raginsky & Lazebnik 2009); about 1 - 2 sqrt(2 / pi) r / pi for
      small r, and the variance is (1 - that^2) / D.

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import FourierEncoder
    >>> space = BSC(10_000)
    >>> here, near, far = FourierEncoder(space, features=2).encode([[5, 5], [5, 5.2], [5, 9]])
    >>> space.similarity(here, near).round(1), space.similarity(here, far).round(1) + 0.0
    (array([0.9]), array([0.]))
    """

    def _waves(self, products: NDArray[np.float32]) -> NDArray[np.float32]:
        products += self._angles
        return np.cos(products, out=products)

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of rows, as the class says.

        >>> from hypersketch.vsa import HRR
        >>> from hypersketch.vsa.encoders import FourierEncoder
        >>> FourierEncoder(HRR(64), features=2, bandwidth=2).kernel([0, 0], [[0, 0], [2, 0], [9, 9]]).round(2)
        array([1.  , 0.61, 0.  ])
        """
        xx, yy, xy = self._distances(a, b)
        square = np.maximum(xx + yy - 2 * xy, 0)
        if isinstance(self.space, SIGNS):
            return triangular(square)
        return np.asarray(np.exp(-square / 2))


@dataclass(frozen=True)
class SinusoidEncoder(Waves):
    """Rows of numbers by products of two waves: the nonlinear encoding of HDC classifiers.

    Parameters
    ----------
    space : MapI, MapB, BSC, MapT, MapC, HRR, VTB, TVTB or MBAT
        The space of the vectors.
    features : int in [1, 2**24]
        Numbers a row.
    bandwidth : float > 0, default 1
        What rows are divided by.
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have directions that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and other spaces.

    Notes
    -----
    Entry d is cos(p + b(d)) sin(p), p = w(d).x / s, with w(d) standard normal and b(d) uniform in [0, 2 pi),
    or its sign (Hernandez-Cano et al. 2021, OnlineHD). It equals (sin(2 p + b) - sin(b)) / 2, so with
    g(v) = exp(-2 abs(v)^2 / s^2) the expected similarity in the real spaces is

        (1 + g(x - y) - g(x) - g(y)) / (2 sqrt((1 - g(x)) (1 - g(y)))),

    up to terms of order 1/D: a Gaussian kernel of half the bandwidth over 1/2, which all rows far from 0 have
    in common. In MAP-I, MAP-B, MAP-T and BSC it is E[T(p - q) sgn(sin p) sgn(sin q)], q = w.y / s, T(v) = 1 -
    2 abs(v) / pi the triangular wave, a threefold Fourier series that `kernel` sums by a lattice rule, within
    1e-3; far from 0 and from each other it is 1/3. The variance is (1 - that^2) / D. Rows of zeros have
    no direction in the real spaces.

    torchhd's Sinusoid has directions of length 1: for it take a bandwidth of sqrt(features).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import SinusoidEncoder
    >>> space = BSC(10_000)
    >>> here, near, far = SinusoidEncoder(space, features=2).encode([[5, 5], [5, 5.2], [5, 9]])
    >>> space.similarity(here, near).round(1), space.similarity(here, far).round(1)
    (array([0.8]), array([0.4]))
    """

    def _waves(self, products: NDArray[np.float32]) -> NDArray[np.float32]:
        sines = np.sin(products)
        products += self._angles
        np.cos(products, out=products)
        products *= sines
        return products

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of rows, as the class says.

        >>> from hypersketch.vsa import BSC, HRR
        >>> from hypersketch.vsa.encoders import SinusoidEncoder
        >>> for space in (BSC(64), HRR(64)):
        ...     print(SinusoidEncoder(space, features=2).kernel([5, 5], [[5, 5.2], [9, 5]]).round(2))
        [0.81 0.33]
        [0.96 0.5 ]
        """
        xx, yy, xy = self._distances(a, b)
        if isinstance(self.space, SIGNS):
            return _sign_products(xx, yy, xy)
        gx, gy = np.exp(-2 * xx), np.exp(-2 * yy)
        gd = np.exp(-2 * np.maximum(xx + yy - 2 * xy, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((1 + gd - gx - gy) / (2 * np.sqrt((1 - gx) * (1 - gy))))


def triangular(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return E[T(v)] for v normal with the given variances, T the triangular wave from 1 over 0 to -1."""
    series = 8 / math.pi**2 * (np.exp(-0.5 * np.multiply.outer(variances, _ODD**2)) / _ODD**2).sum(axis=-1)
    straight = 1 - math.sqrt(8 / math.pi**3) * np.sqrt(variances)  # abs(v) < pi but once in 10^9 times
    return np.asarray(np.where(variances < 0.25, straight, series))


@lru_cache(maxsize=1)
def _normal_pairs() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pairs of normal numbers, spread evenly: a Fibonacci lattice, transformed by Box and Muller."""
    n, step = 317_811, 196_418
    u, v = (np.arange(n) + 0.5) / n, np.arange(n) * step % n / n
    lengths = np.sqrt(-2 * np.log(u))
    return lengths * np.cos(math.tau * v), lengths * np.sin(math.tau * v)


def _sign_products(
    xx: NDArray[np.float64], yy: NDArray[np.float64], xy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return E[T(p - q) sgn(sin p) sgn(sin q)] for normal p, q of these variances and covariance."""
    first, second = _normal_pairs()
    found = np.empty(np.broadcast_shapes(xx.shape, yy.shape, xy.shape))
    for i, (a, b, c) in enumerate(np.broadcast(xx, yy, xy)):
        slope = c / a if a > 0 else 0.0
        p = math.sqrt(a) * first
        q = slope * p + math.sqrt(max(b - slope * c, 0.0)) * second
        apart = np.abs(np.mod(p - q + math.pi, math.tau) - math.pi)
        signs = np.where((np.sin(p) < 0) == (np.sin(q) < 0), 1.0, -1.0)
        found[i] = (signs * (1 - 2 / math.pi * apart)).mean()
    return found
