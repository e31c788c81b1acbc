# SPDX-License-Identifier: Apache-2.0
"""Random projections as scikit-learn transformers (``pip install 'hypersketch[sklearn]'``).

`JohnsonLindenstrauss` (dense signs), `SparseJL` (s signs a feature), `CountSketchTransformer` (one sign a
feature or token: feature hashing) and `TensorSketch` (polynomial kernels). They learn nothing but the number
of features: the same seed gives the same map on every machine. float32 stays float32, float64 stays float64,
all else becomes float64. `hypersketch.sketches.projection` has the maps without scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.interop._tokens import KeyedRows, keyed_rows
from hypersketch.interop._transformer import Transformer
from hypersketch.sketches._projection import MAX_COMPONENTS, is_sparse, scipy_module
from hypersketch.sketches.projection import DenseProjection, SparseProjection, TensorProjection, hashed_rows
from hypersketch.theory.projection import jl_components

__all__ = ["CountSketchTransformer", "JohnsonLindenstrauss", "SparseJL", "TensorSketch"]

_INPUT_TYPES = ("array", "string", "pair", "dict")


class JohnsonLindenstrauss(Transformer):
    """Rows times a matrix of random signs, over sqrt(n_components).

    Parameters
    ----------
    n_components : int or "auto", default 256
        Number of outputs. "auto" takes the bound that keeps all squared distances of the rows given to `fit`
        within a factor 1 +- eps, `hypersketch.theory.projection.jl_components`.
    eps : float in (0, 1), default 0.1
        For "auto" only: largest relative error.
    delta : float in (0, 1), default 0.05
        For "auto" only: probability that any distance errs more.
    seed : int in [0, 2**64), default 0
        Seed of the signs.

    Notes
    -----
    A matrix product of NumPy's BLAS, whose threads and last digits it has. Where the data are not against it
    (`standard_error` is the same), `SparseJL` is many times faster.

    Examples
    --------
    >>> import numpy as np
    >>> jl = JohnsonLindenstrauss(n_components=1024)
    >>> X = np.random.default_rng(0).standard_normal((10, 3000))
    >>> Y = jl.fit_transform(X)
    >>> bool(np.all(abs((Y**2).sum(axis=1) - (X**2).sum(axis=1)) < 4 * jl.standard_error(X)))
    True
    """

    def __init__(
        self, n_components: int | str = 256, *, eps: float = 0.1, delta: float = 0.05, seed: int = 0
    ) -> None:
        self.n_components = n_components
        self.eps = eps
        self.delta = delta
        self.seed = seed

    def _make(self, n_samples: int, n_features: int) -> DenseProjection:
        size: Any = self.n_components
        if isinstance(size, str) and size == "auto":
            size = int(jl_components(max(2, n_samples), self.eps, self.delta))
            if size > n_features:
                raise ValueError(
                    f"eps={self.eps} and delta={self.delta} ask for {size} components for {n_samples} rows, "
                    f"more than the {n_features} features there are. Raise eps or set n_components."
                )
        return DenseProjection(n_features, size, seed=self.seed, owner=type(self).__name__)


class SparseJL(Transformer):
    """Rows times a sparse matrix of random signs, a few a feature: the sparse Johnson-Lindenstrauss map.

    Parameters
    ----------
    n_components : int, default 256
        Number m of outputs.
    n_nonzeros : int >= 1, default 8
        Signs s a feature, at most m, one in each of s blocks of outputs (of m / s outputs; of one more or
        less where s does not divide m). More thin the tails and cost time; the variance is that of dense
        signs for all s that divide m.
    seed : int in [0, 2**64), default 0
        Seed of outputs and signs.

    Notes
    -----
    Kane and Nelson (J. ACM 61, 2014), block construction: m = O(log(1/delta) / eps^2) outputs and
    s = O(log(1/delta) / eps) signs keep a squared norm within a factor 1 +- eps with probability 1 - delta.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((10, 3000))
    >>> sparse = SparseJL(n_components=1024)
    >>> Y = sparse.fit_transform(X)
    >>> bool(np.all(abs((Y**2).sum(axis=1) - (X**2).sum(axis=1)) < 4 * sparse.standard_error(X)))
    True
    """

    def __init__(self, n_components: int = 256, *, n_nonzeros: int = 8, seed: int = 0) -> None:
        self.n_components = n_components
        self.n_nonzeros = n_nonzeros
        self.seed = seed

    def _make(self, n_samples: int, n_features: int) -> SparseProjection:
        owner = type(self).__name__
        size = _validation.integer(owner, "n_components", self.n_components, 1, MAX_COMPONENTS)
        nonzeros = _validation.integer(owner, "n_nonzeros", self.n_nonzeros, 1, MAX_COMPONENTS)
        return SparseProjection(n_features, size, min(nonzeros, size), seed=self.seed, owner=owner)


class CountSketchTransformer(Transformer):
    """Features or tokens, each added with a random sign to one output: the count sketch, feature hashing.

    Parameters
    ----------
    n_components : int, default 1024
        Number of outputs.
    input_type : "array", "string", "pair" or "dict", default "array"
        What rows are. "array": numbers, dense or sparse. The others are scikit-learn's ``FeatureHasher``'s:
        "string" iterables of keys, each of value 1 (or an Arrow, polars or pandas column of lists, read
        without a Python object a token where pyarrow is installed); "pair" iterables of (key, value); "dict"
        mappings of keys to values. Keys are str, bytes or int, of one type in a batch; a value that is a str
        makes the key ``"key=value"`` of value 1.
    dtype : float64 or float32, default float64
        Type of the outputs of tokens; arrays keep their own.
    seed : int in [0, 2**64), default 0
        Seed of outputs and signs.

    Notes
    -----
    Dense rows give dense rows; sparse rows and tokens give a CSR matrix sorted by column, so ``set_output``
    to dataframes works for dense rows only. A feature of an array is its index as a key. Keys are hashed by
    XXH64, so an int and a str of the same digits are two keys; nothing but ``n_features_in_`` is learned, and
    rows of keys need no `fit`.

    Examples
    --------
    >>> hasher = CountSketchTransformer(n_components=1 << 20, input_type="string")
    >>> rows = hasher.transform([["the", "cat", "the"], ["a", "dog"]])
    >>> rows.shape, rows.nnz, float(abs(rows[0]).max())
    ((2, 1048576), 4, 2.0)
    """

    projection_: SparseProjection

    def __init__(
        self, n_components: int = 1024, *, input_type: str = "array", dtype: Any = np.float64, seed: int = 0
    ) -> None:
        self.n_components = n_components
        self.input_type = input_type
        self.dtype = dtype
        self.seed = seed

    def _make(self, n_samples: int, n_features: int) -> SparseProjection:
        return SparseProjection(n_features, self.n_components, seed=self.seed, owner=type(self).__name__)

    @property
    def _takes_arrays(self) -> bool:
        owner = type(self).__name__
        _validation.one_of(*_INPUT_TYPES)(owner, "input_type", self.input_type)
        try:
            known = np.dtype(self.dtype) in (np.float64, np.float32)
        except TypeError:
            known = False
        if not known:
            _validation.refuse(owner, "dtype", "float64 or float32", self.dtype)
        return self.input_type == "array"

    @property
    def _n_features_out(self) -> int:
        return self.projection_.n_components if self._takes_arrays else self.n_components

    def fit(self, X: Any = None, y: Any = None) -> Any:
        """Learn the number of features of arrays; for rows of keys, check the parameters.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features), or rows of keys
            Rows; of keys, not used.
        y : ignored

        Returns
        -------
        CountSketchTransformer
            The transformer itself.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities.

        Examples
        --------
        >>> import numpy as np
        >>> CountSketchTransformer(16).fit(np.eye(5)).projection_.n_nonzeros
        1
        """
        if self._takes_arrays:
            return super().fit(X, y)
        self._make(1, 1)
        return self

    def transform(self, X: Any) -> Any:
        """Map rows.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features), or rows of keys
            As ``input_type`` says.

        Returns
        -------
        ndarray or scipy.sparse CSR matrix, shape (n_samples, n_components)
            Dense for dense rows, else sparse.

        Raises
        ------
        TypeError, ValueError
            For rows of another kind or length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`, for arrays.

        Examples
        --------
        >>> CountSketchTransformer(16, input_type="dict").transform([{"a": 2, "b": 1}, {"a": 1}]).nnz
        3
        """
        if not self._takes_arrays:
            rows = self._keyed(X)
            values = rows.values.astype(self.dtype)
            return hashed_rows(rows.hashes, values, rows.starts, self.n_components, seed=self.seed)
        given = self._rows(X)
        return self.projection_.project_sparse(given) if is_sparse(given) else self.projection_.project(given)

    def _keyed(self, X: Any) -> KeyedRows:
        return keyed_rows(type(self).__name__, X, self.input_type)

    def standard_error(self, X: Any, Y: Any = None) -> NDArray[np.float64]:
        """Return by how much inner products of transformed rows are expected to err.

        As for the other transformers; rows are arrays or keys, as ``input_type`` says.

        >>> CountSketchTransformer(400, input_type="string").standard_error([["a", "b"], ["a", "a"]])
        array([0.1, 0. ])
        """
        if self._takes_arrays:
            return super().standard_error(X, Y)
        parts = [self._keyed(part) for part in ((X,) if Y is None else (X, Y))]
        distinct, places = np.unique(np.concatenate([part.hashes for part in parts]), return_inverse=True)
        shape = [(part.starts.size - 1, max(1, distinct.size)) for part in parts]
        columns = np.split(places, [parts[0].hashes.size])
        csr = scipy_module("sparse").csr_matrix
        whole = [
            csr((part.values, column, part.starts), shape=size)
            for part, column, size in zip(parts, columns, shape, strict=False)
        ]
        for matrix in whole:
            matrix.sum_duplicates()
        return self._make(1, shape[0][1]).standard_error(*whole)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.sparse = tags.requires_fit = self.input_type == "array"
        tags.input_tags.string = self.input_type == "string"
        tags.input_tags.dict = self.input_type == "dict"
        return tags


class TensorSketch(Transformer):
    """Rows whose inner products estimate the polynomial kernel (gamma <x, y> + coef0)^degree.

    Parameters
    ----------
    n_components : int, default 256
        Number of outputs. Products of small primes are fast; odd numbers err a little less.
    degree : int in [1, 64], default 2
        Degree of the polynomial.
    gamma : float >= 0, default 1.0
        Factor of the inner product.
    coef0 : float >= 0, default 0.0
        Constant term.
    seed : int in [0, 2**64), default 0
        Seed of outputs and signs.

    Notes
    -----
    Pham and Pagh (KDD 2013), as scikit-learn's ``PolynomialCountSketch``: ``degree`` count sketches convolved
    by SciPy's real Fourier transform, in the precision of X.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((10, 300)) / 20
    >>> poly = TensorSketch(n_components=1024, degree=3, coef0=1.0)
    >>> Y = poly.fit_transform(X)
    >>> kernel = ((X**2).sum(axis=1) + 1) ** 3
    >>> bool(np.all(abs((Y**2).sum(axis=1) - kernel) < 4 * poly.standard_error(X)))
    True
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
        degree: int = 2,
        gamma: float = 1.0,
        coef0: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.n_components = n_components
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.seed = seed

    def _make(self, n_samples: int, n_features: int) -> TensorProjection:
        return TensorProjection(
            n_features,
            self.n_components,
            self.degree,
            gamma=self.gamma,
            coef0=self.coef0,
            seed=self.seed,
            owner=type(self).__name__,
        )
