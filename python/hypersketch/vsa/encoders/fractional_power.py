# SPDX-License-Identifier: Apache-2.0
"""Numbers as fractional powers of random vectors: kernels of choice, and adding by binding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa.encoders._base import (
    Encoder,
    Vectors,
    derived,
    nearest_rows,
    pieces,
    require_kinds,
    uniforms,
)
from hypersketch.vsa.encoders._projecting import FEATURES, rows_of
from hypersketch.vsa.holographic import FHRR, HRR

Kernel = Literal["sinc", "gaussian", "laplacian", "cauchy"]
Quantiles = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _normal(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one normal number for every two of u, by the transform of Box and Muller."""
    return np.asarray(np.sqrt(-2 * np.log(u[..., 0::2])) * np.cos(math.tau * u[..., 1::2]))


_QUANTILES: dict[str, Quantiles] = {
    "sinc": lambda u: math.tau * (u - 0.5),
    "laplacian": lambda u: np.tan(math.pi * (u - 0.5)),
    "cauchy": lambda u: np.copysign(np.log1p(-2 * np.abs(u - 0.5)), 0.5 - u),
}
_KERNELS: dict[str, Quantiles] = {
    "sinc": np.sinc,
    "gaussian": lambda t: np.exp(-t * t / 2),
    "laplacian": lambda t: np.exp(-np.abs(t)),
    "cauchy": lambda t: 1 / (1 + t * t),
}


@dataclass(frozen=True)
class FractionalPowerEncoder(Encoder):
    """Numbers, or rows of them, as powers of random phasors: the kernel is what the angles are drawn for.

    Parameters
    ----------
    space : FHRR or HRR
        The space of the vectors.
    features : int in [1, 2**24], default 1
        Numbers a value.
    kernel_shape : {'sinc', 'gaussian', 'laplacian', 'cauchy'} or callable, default 'sinc'
        The kernel K, or the quantile function of angles drawn independently: it takes an array of numbers in
        (0, 1) and returns as many real ones (``scipy.stats.norm(scale=2).ppf``).
    bandwidth : float > 0, default 1
        Width s of the kernel. (torchhd's ``bandwidth`` is 1 / s.)
    seed : int in [0, 2**64), default 0
        Encoders of different seeds have angles that have nothing to do with each other.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and other spaces.

    Notes
    -----
    Entry d of the vector z(x) in FHRR is exp(i a(d).x / s), and in HRR such are the frequencies but those
    that must be real, which are 1. So ``bind(z(x), z(y)) == z(x + y)``, and a bundle is a function of x
    (Plate 1995; Frady, Kleyko, Kymn, Olshausen & Sommer 2021). The expected similarity is the characteristic
    function of the angles (Bochner), the product over features f of K((x_f - y_f) / s):

    * 'sinc', angles uniform in (-pi, pi): sin(pi t) / (pi t), 0 at all whole t,
    * 'gaussian', standard normal: exp(-t^2 / 2),
    * 'laplacian', Cauchy: exp(-abs(t)),
    * 'cauchy', Laplace: 1 / (1 + t^2).

    In HRR it is (c + (D - c) K) / D, c = 1 for odd and 2 for even D, with angles for (D - c) / 2 frequencies.
    The variance is ((1 + K(2 t)) / 2 - K(t)^2) / D, in HRR twice that.

    Examples
    --------
    >>> from hypersketch.vsa import FHRR
    >>> from hypersketch.vsa.encoders import FractionalPowerEncoder
    >>> space = FHRR(4096)
    >>> encoder = FractionalPowerEncoder(space, kernel_shape="gaussian", bandwidth=2)
    >>> five, six = encoder.encode([5, 6])
    >>> space.similarity(five, six).round(1), encoder.kernel(5, 6).round(1)
    (array([0.9]), array([0.9]))
    >>> encoder.decode(space.bind(five, six), candidates=range(20))
    array([11])
    """

    features: int = 1
    """Numbers a value."""
    kernel_shape: Kernel | Quantiles = "sinc"
    """The kernel, or the quantile function of the angles."""
    bandwidth: float = 1.0
    """Width of the kernel."""
    seed: int = 0
    """Seed of the angles, besides that of the space."""

    def __post_init__(self) -> None:
        owner = self._init()
        require_kinds(owner, self.space, (FHRR, HRR), "powers need phasors")
        self._set("features", FEATURES(owner, "features", self.features))
        if not callable(self.kernel_shape):
            _validation.one_of(*_KERNELS)(owner, "kernel_shape", self.kernel_shape)
        self._set("bandwidth", _validation.positive(owner, "bandwidth", self.bandwidth))

    @property
    def _n_real(self) -> int:
        """Frequencies of HRR that must be real."""
        return 0 if isinstance(self.space, FHRR) else 2 - self.space.dim % 2

    @cached_property
    def angles(self) -> NDArray[np.float64]:
        """The random angles, shape (features, number of free phasors); read-only.

        >>> from hypersketch.vsa import FHRR, HRR
        >>> from hypersketch.vsa.encoders import FractionalPowerEncoder
        >>> [FractionalPowerEncoder(space).angles.shape for space in (FHRR(100), HRR(100))]
        [(1, 100), (1, 49)]
        """
        n = self.space.dim if isinstance(self.space, FHRR) else (self.space.dim - self._n_real) // 2
        own = derived(self.space, "FractionalPowerEncoder", self.seed)
        keys = np.arange(self.features)
        if self.kernel_shape == "gaussian":
            made = _normal(uniforms(own, keys, 2 * n or 2))
        else:
            made = self._drawn(uniforms(own, keys, n or 1))
        made = np.ascontiguousarray(made[:, :n])  # of none in HRR of one or two dimensions
        made.flags.writeable = False
        return made

    def _drawn(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return angles of numbers uniform in (0, 1)."""
        if not callable(self.kernel_shape):
            return _QUANTILES[self.kernel_shape](u)
        must = "a kernel, or a function from numbers in (0, 1) to as many finite ones"
        made = np.asarray(self.kernel_shape(u))
        if made.shape != u.shape or made.dtype.kind not in "iuf" or not np.isfinite(made).all():
            _validation.refuse(type(self).__name__, "kernel_shape", must, self.kernel_shape)
        return made.astype(np.float64)

    def encode(self, values: Any, *, threads: int | None = None) -> Vectors:
        """Return one vector a value.

        Parameters
        ----------
        values : array of shape (n, features), one row, or with one feature n numbers
            Finite numbers.
        threads : int, optional
            Accepted for the sake of other encoders.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space.

        Raises
        ------
        TypeError, ValueError
            For what is not so many real numbers, NaN and infinity, and values so large over the bandwidth
            that their angles have no digit left.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> from hypersketch.vsa.encoders import FractionalPowerEncoder
        >>> FractionalPowerEncoder(HRR(128), features=2).encode([[0.5, 1.5]]).shape
        (1, 128)
        """
        owner = self._owner("encode")
        rows = rows_of(owner, values, self.features).astype(np.float64) / self.bandwidth
        made = np.empty((len(rows), self.space.width), self.space.dtype)
        for part in pieces(len(rows), self.space.dim):
            with np.errstate(invalid="ignore", over="ignore"):
                turns = rows[part] @ self.angles
            if turns.size and not np.abs(turns).max() < 2**40:  # of 53 bits of a double
                must = "small enough over the bandwidth for angles below 2**40"
                _validation.refuse(owner, "values", must, "larger ones")
            made[part] = self._vectors(np.remainder(turns, math.tau).astype(np.float32))
        return made

    def _vectors(self, turns: NDArray[np.float32]) -> Vectors:
        """Return vectors of angles, those of the free phasors."""
        first = 0 if isinstance(self.space, FHRR) else 1
        phasors = np.ones((len(turns), turns.shape[1] + self._n_real), np.complex64)
        free = phasors[:, first : first + turns.shape[1]]
        free.real, free.imag = np.cos(turns), np.sin(turns)
        if isinstance(self.space, FHRR) or self.space.spectral:
            return phasors
        return np.asarray(self.space._plain(phasors))

    def decode(self, vectors: Vectors, candidates: Any) -> NDArray[Any]:
        """Return the candidate whose vector each vector is most similar to.

        Parameters
        ----------
        vectors : ndarray, shape (width,) or (n, width)
            Vectors of the space, with noise or without.
        candidates : array of shape (m, features), or with one feature m numbers
            Values to choose from.

        Returns
        -------
        ndarray, shape (n,) or (n, features)
            Candidates; the first of equally similar ones.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space, and candidates that are no values or none at all.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> from hypersketch.vsa.encoders import FractionalPowerEncoder
        >>> import numpy
        >>> encoder = FractionalPowerEncoder(HRR(2048))
        >>> encoder.decode(encoder.encode([0.3, 2.2]), candidates=numpy.linspace(0, 4, 41)).round(6)
        array([0.3, 2.2])
        """
        table = self.encode(candidates)
        if not len(table):
            _validation.refuse(self._owner("decode"), "candidates", "one value or more", candidates)
        given = np.asarray(candidates)
        values = given.reshape(-1) if self.features == 1 else given.reshape(-1, self.features)
        return np.asarray(values[nearest_rows(self.space, vectors, table)])

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected similarity of the vectors of values, as the class says.

        Parameters
        ----------
        a, b : values
            As for `encode`; values that go together, or one that goes with all of the other.

        Returns
        -------
        ndarray of float64, shape (n,)
            For a quantile function the mean over 2**14 of its values.

        Raises
        ------
        TypeError, ValueError
            As `encode`.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> from hypersketch.vsa.encoders import FractionalPowerEncoder
        >>> FractionalPowerEncoder(FHRR(64)).kernel(0, [0, 0.5, 1]).round(2) + 0.0
        array([1.  , 0.64, 0.  ])
        """
        owner = self._owner("kernel")
        x, y = (rows_of(owner, one, self.features).astype(np.float64) for one in (a, b))
        if len(x) != len(y) and 1 not in (len(x), len(y)):
            raise ValueError(f"a has {len(x)} values but b has {len(y)}.")
        product = self._characteristic((x - y) / self.bandwidth).prod(axis=1)
        return np.asarray((self._n_real + (self.space.dim - self._n_real) * product) / self.space.dim)

    def _characteristic(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        if not callable(self.kernel_shape):
            return _KERNELS[self.kernel_shape](t)
        angles = self._drawn((np.arange(2**14)[np.newaxis] + 0.5) / 2**14)[0]
        return np.array([np.cos(angles * one).mean() for one in t.flat]).reshape(t.shape)
