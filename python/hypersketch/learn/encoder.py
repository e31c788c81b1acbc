# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers to hypervectors, as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch._device_array import DeviceArray
from hypersketch.learn._bits import Floats
from hypersketch.learn._encoders import DensityRecord, Fourier, LevelRecord, Projection, RowEncoder, Sinusoid
from hypersketch.learn._estimator import (
    KINDS,
    all_or_nothing,
    as_rows,
    generator,
    in_host,
    read_rows,
    read_weights,
)
from hypersketch.learn._sklearn import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    check_is_fitted,
    validate_data,
)
from hypersketch.vsa import MapB, MapI
from hypersketch.vsa.spaces import DIM

_OUTPUTS = ("float", "sign", "packed")


class HDEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Rows of numbers as hypervectors.

    Parameters
    ----------
    dim : int, default 10_000
        Dimension D of the hypervectors.
    kind : "fourier", "sinusoid", "projection", "level" or "density", default "fourier"
        "fourier": sin(2 p + b) of random projections p and random phases b, a nonlinear map.
        "sinusoid": 2 cos(p + b) sin(p), which is the same less the vector of the origin.
        "projection": inner products with random unit vectors, a linear map.
        "level": records. Every feature has a random vector and every of ``n_levels`` values has one, whose
        likeness falls in a line from 1 to -1 over the range; a row is the majority of the features' vectors
        bound with their values', all of it in bits.
        "density": the same with thermometer vectors and sums, clipped to ``clip``.
    output : "float", "sign" or "packed", default "float"
        What rows of the answer are: D entries of float32, their D signs (int8), or the signs as
        ceil(D / 64) words of uint64, a set bit for -1.
    gamma : "scale", "auto" or float > 0, default "scale"
        Of "fourier" and "sinusoid": how fast likeness falls with distance. "scale" is
        1 / (n_features * X.var()), "auto" 1 / n_features, as of scikit-learn's ``SVC``.
    n_levels : int >= 2, default 100
        Of "level" and "density": into how many values a feature's range is cut.
    low, high : float, array of shape (n_features,) or None, default None
        Of "level" and "density": the range of the values, beyond which they are cut off; None is the range in
        what `fit` gets.
    clip : int >= 1 or None, default 3
        Of "density": the largest entry; None clips none.
    random_state : int, RandomState or None, default None
        Where random numbers come from.
    device : str, default "cpu"
        Where rows are encoded: "cpu", "cuda" or "cuda:1". Rows that lie on a GPU are encoded there, and the
        answer is of their kind.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.

    Notes
    -----
    With k(z) = exp(-gamma |z|^2), the inner product of the "fourier" vectors of x and y over D / 2 is on
    average k(x - y): random Fourier features (Rahimi and Recht, NIPS 2007). That of "sinusoid" vectors, the
    encoder of NeuralHD (Zou et al., SC 2021), is k(x - y) - k(x) - k(y) + 1: rows near the origin have short
    vectors, whose directions say little. Density encoding: Kleyko et al., TNNLS 32 (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch.learn import HDEncoder
    >>> X = np.random.default_rng(0).standard_normal((5, 20))
    >>> HDEncoder(1000, random_state=0).fit_transform(X).shape
    (5, 1000)
    >>> HDEncoder(1000, kind="level", output="packed", random_state=0).fit_transform(X).shape
    (5, 16)
    """

    encoder_: RowEncoder

    def __init__(
        self,
        dim: int = 10_000,
        *,
        kind: str = "fourier",
        output: str = "float",
        gamma: Any = "scale",
        n_levels: int = 100,
        low: Any = None,
        high: Any = None,
        clip: int | None = 3,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.dim = dim
        self.kind = kind
        self.output = output
        self.gamma = gamma
        self.n_levels = n_levels
        self.low = low
        self.high = high
        self.clip = clip
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> HDEncoder:
        """Draw the random numbers and learn the features' ranges and spread.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.
        y : ignored
        sample_weight : array, shape (n_samples,), optional
            Weights for the spread that "scale" measures; rows without weight are not looked at.

        Returns
        -------
        HDEncoder
            The encoder itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities.

        Examples
        --------
        >>> import numpy as np
        >>> HDEncoder(100, kind="projection").fit(np.eye(3)).n_features_in_
        3
        """
        with all_or_nothing(self):
            self._check()
            X, sample_weight = in_host(X=X, sample_weight=sample_weight)
            given = validate_data(self, X, dtype=[np.float32, np.float64], order="C")
            weights = read_weights(sample_weight, given)
            self.encoder_ = self._make(as_rows(type(self).__name__, given), weights)
        return self

    def _check(self) -> None:
        owner = type(self).__name__
        DIM(owner, "dim", self.dim)
        _validation.one_of(*KINDS)(owner, "kind", self.kind)
        _validation.one_of(*_OUTPUTS)(owner, "output", self.output)
        _validation.within(2, 2**16)(owner, "n_levels", self.n_levels)
        _device.resolve(owner, self.device)
        _validation.optional(_validation.within(1, 2**31 - 1))(owner, "clip", self.clip)
        if isinstance(self.gamma, str):
            _validation.one_of("scale", "auto")(owner, "gamma", self.gamma)
        else:
            _validation.positive(owner, "gamma", self.gamma)

    def _make(self, X: Floats, weights: NDArray[Any] | None) -> RowEncoder:
        rng = generator(self.random_state)
        n_features = X.shape[1]
        if self.kind == "projection":
            return Projection(n_features, self.dim, rng)
        if self.kind in ("sinusoid", "fourier"):
            kind = Sinusoid if self.kind == "sinusoid" else Fourier
            return kind(n_features, self.dim, rng, self._width(X, weights))
        seed = int(rng.integers(2**63))
        low, high = self._range(X if weights is None else X[weights > 0])
        if self.kind == "level":
            return LevelRecord(MapB(self.dim, seed), low, high, self.n_levels)
        return DensityRecord(MapI(self.dim, seed), low, high, self.n_levels, self.clip)

    def _width(self, X: Floats, weights: NDArray[Any] | None) -> float:
        """Return gamma as a number."""
        if not isinstance(self.gamma, str):
            return float(self.gamma)
        spread = 1.0
        if self.gamma == "scale":
            mean = np.average(X, axis=0, weights=weights, keepdims=False).mean(dtype=np.float64)
            squares = np.square(X - mean, dtype=np.float64)
            spread = float(np.average(squares, axis=0, weights=weights).mean()) or 1.0
        return float(1.0 / (X.shape[1] * spread))

    def _range(self, X: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the least and the largest value of every feature."""
        ends = []
        for name, given, seen in (("low", self.low, X.min), ("high", self.high, X.max)):
            value = np.asarray(seen(axis=0) if given is None else given)
            fits = value.dtype.kind in "iuf" and value.shape in ((), (X.shape[1],))
            if not fits or not np.isfinite(value).all():
                must = f"a finite number, {X.shape[1]} of them (one a feature) or None"
                _validation.refuse(type(self).__name__, name, must, given)
            ends.append(np.broadcast_to(value.astype(np.float64), (X.shape[1],)))
        if (ends[0] > ends[1]).any():
            place = int(np.argmax(ends[0] > ends[1]))
            raise ValueError(
                f"low must not exceed high. Got {ends[0][place]:g} > {ends[1][place]:g} for feature {place}."
            )
        return ends[0], ends[1]

    def transform(self, X: Any) -> Any:
        """Return the hypervectors of rows.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows; on a GPU of real numbers, which become float32 there, and the answer is of their kind.

        Returns
        -------
        ndarray, shape (n_samples, dim) of float32 or int8, or (n_samples, ceil(dim / 64)) of uint64
            As ``output`` says.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> encoder = HDEncoder(100, output="sign", random_state=0)
        >>> sorted(set(encoder.fit_transform(np.eye(3)).ravel().tolist()))
        [-1, 1]
        """
        index = _device.resolve(type(self).__name__, self.device)
        if _device.is_on_gpu(X):
            return self._there(X).finished()
        rows = read_rows(self, X)
        if index is not None:
            return self._there(DeviceArray.of(rows, index)).seen.to_host()
        if self.output == "packed":
            return self.encoder_.packed(rows)
        if self.output == "sign":
            return self.encoder_.signs(rows).astype(np.int8)
        return self.encoder_.floats(rows)

    def _there(self, X: Any) -> _device.Target:
        """Return the hypervectors of rows on a GPU, in their kind."""
        from hypersketch.learn import _on_gpu

        check_is_fitted(self)
        rows = _on_gpu.rows_of(type(self).__name__, X, self.n_features_in_)
        make = {"packed": _on_gpu.packed, "sign": _on_gpu.signs, "float": _on_gpu.floats}[self.output]
        return make(self.encoder_, rows)

    @property
    def _n_features_out(self) -> int:
        return _validation.words_for(self.dim) if self.output == "packed" else self.dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"] if self.output == "float" else []
        return tags
