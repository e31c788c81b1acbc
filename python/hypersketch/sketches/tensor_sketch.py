# SPDX-License-Identifier: Apache-2.0
"""TensorSketch: count sketches convolved, whose inner products estimate powers of inner products."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.keys import hash_keys
from hypersketch.sketches._projection import (
    MAX_COMPONENTS,
    SIGN,
    Projection,
    project_rows,
    scipy_module,
    sign_codes,
)
from hypersketch.theory import projection as theory

_TILE_BYTES = 1 << 21
"""Rows go through the transform in tiles of this size; in smaller ones threads wait for Python's own lock."""


class TensorProjection(Projection):
    """TensorSketch: rows whose inner products estimate (gamma <x, y> + coef0)^degree.

    Parameters
    ----------
    n_features : int
        Number d of columns of the rows.
    n_components : int
        Number m of outputs; n_components * degree is below 2**31. Sizes with small prime factors are fast;
        odd ones err a little less.
    degree : int in [1, 64], default 2
        Degree p of the polynomial.
    gamma : float >= 0, default 1.0
        Factor of the inner product.
    coef0 : float >= 0, default 0.0
        Constant term.
    seed : int in [0, 2**64), default 0
        Seed of outputs and signs.
    owner : str, optional
        The name that error sentences give.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    Notes
    -----
    The circular convolution of p count sketches of sqrt(gamma) x (Pham and Pagh, KDD 2013), by SciPy's real
    Fourier transform in the precision of X. They are rows 0 .. p - 1 of the row rule of `CountSketch` at
    width m. The constant is one more feature, of index d.

    Examples
    --------
    >>> import numpy as np
    >>> poly = TensorProjection(100, 4096, degree=2, coef0=1.0)
    >>> x = np.ones((1, 100)) / 10
    >>> y = poly.project(x)
    >>> bool(abs((y**2).sum() - 4) < 4 * poly.standard_error(x)[0])
    True
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        degree: int = 2,
        *,
        gamma: float = 1.0,
        coef0: float = 0.0,
        seed: int = 0,
        owner: str = "TensorProjection",
    ) -> None:
        super().__init__(n_features, n_components, seed, owner)
        self._values["degree"] = _validation.integer(owner, "degree", degree, 1, 64)
        for name, value in (("gamma", gamma), ("coef0", coef0)):
            self._values[name] = _validation.real(owner, name, value, "a finite float >= 0")
            if self._values[name] < 0:
                _validation.refuse(owner, name, "a finite float >= 0", value)
        most = MAX_COMPONENTS // self._values["degree"]
        _validation.integer(owner, "n_components", self.n_components, 1, most)

    @cached_property
    def _codes(self) -> NDArray[np.uint32]:
        """The tables of all p count sketches, one beside the other; the constant's is the last row."""
        p = self._values["degree"]
        return sign_codes(hash_keys(range(self.n_features + 1)), self.n_components * p, p, self.seed)

    def _project(self, X: Any, threads: int) -> NDArray[Any]:
        fft = scipy_module("fft")
        out = np.empty((X.shape[0], self.n_components), X.dtype)
        row_bytes = self.n_components * self._values["degree"] * X.dtype.itemsize
        step = max(1, _TILE_BYTES // row_bytes // 16) * 16  # whole tiles of the kernels

        starts = range(0, X.shape[0], step)
        workers = max(1, min(threads, len(starts)))

        def work(worker: int) -> None:
            tile = np.empty((min(step, X.shape[0]), row_bytes // X.dtype.itemsize), X.dtype)  # pages once
            for first in starts[worker::workers]:
                part = slice(first, first + step)
                self._convolve(fft, self._count_sketches(X[part], tile), out[part])

        if workers == 1:
            work(0)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, range(workers)))
        return out

    def _count_sketches(self, X: Any, tile: NDArray[Any]) -> NDArray[Any]:
        """Return the p count sketches of sqrt(gamma) x and the constant, shape (n, p, m), in the tile."""
        p, m = self._values["degree"], self.n_components
        sketches = tile[: X.shape[0]]
        project_rows(X, self._codes[:-1], math.sqrt(self._values["gamma"]), sketches, 1)
        if self._values["coef0"] > 0:
            constant = np.where(self._codes[-1] & SIGN, -1.0, 1.0) * math.sqrt(self._values["coef0"])
            sketches[:, self._codes[-1] & ~SIGN] += constant.astype(X.dtype)
        return sketches.reshape(-1, p, m)

    def _convolve(self, fft: Any, sketches: NDArray[Any], out: NDArray[Any]) -> None:
        if sketches.shape[1] == 1:
            out[:] = sketches[:, 0]
            return
        spectra = fft.rfft(sketches, axis=-1)
        product = spectra[:, 0]
        for i in range(1, sketches.shape[1]):
            product *= spectra[:, i]
        out[:] = fft.irfft(product, n=self.n_components, axis=-1)

    def _deviation(self, xx: Any, yy: Any, xy: Any, overlap: Any) -> NDArray[np.float64]:
        gamma, constant = self._values["gamma"], self._values["coef0"]
        x, y, inner = (gamma * value + constant for value in (xx, yy, xy))
        return np.asarray(
            theory.tensor_sketch_sd(
                self.n_components, self._values["degree"], x, y, inner, gamma**2 * overlap + constant**2
            )
        )
