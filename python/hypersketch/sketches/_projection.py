# SPDX-License-Identifier: Apache-2.0
"""What linear maps by random signs share: their parameters, their rows and their tables."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _threads, _validation
from hypersketch.theory import projection as theory

MAX_COMPONENTS = 2**31 - 1
SIGN = np.uint32(1 << 31)
_MOMENT_ROWS = 1024


def is_sparse(X: object) -> bool:
    """Return whether these rows are one of SciPy's sparse matrices or arrays."""
    return hasattr(X, "tocsr")


def float_type(dtype: Any) -> Any:
    """Return the type that rows of this type are mapped in: float32 stays, all else is float64."""
    return np.float32 if dtype == np.float32 else np.float64


def checked_rows(owner: str, X: Any, n_features: int) -> Any:
    """Return rows as a contiguous array, or as CSR where they are sparse, of float32 or float64."""
    if _device.is_on_gpu(X) or _device.is_on_gpu(getattr(X, "data", None)):
        _validation.refuse(owner, "X", "in host memory", "rows on a GPU", TypeError)
    given = X.tocsr() if is_sparse(X) else np.asarray(X)
    if given.dtype.kind not in "biuf":
        _validation.refuse(owner, "X", "rows of real numbers", given.dtype, TypeError)
    if given.ndim != 2 or given.shape[1] != n_features:
        raise ValueError(f"X has the shape {given.shape} but {owner} takes (n, {n_features}).")
    dtype = float_type(given.dtype)
    return given.astype(dtype, copy=False) if is_sparse(X) else np.ascontiguousarray(given, dtype)


def _moments(X: Any, Y: Any) -> Iterator[NDArray[np.float64]]:
    """Yield |x|^2, |y|^2, <x, y> and sum x^2 y^2 of every pair of rows, in float64."""
    for first in range(0, X.shape[0], _MOMENT_ROWS):
        x, y = (Z[first : first + _MOMENT_ROWS].astype(np.float64) for Z in (X, Y))
        if is_sparse(x):
            xx, yy, xy = x.multiply(x), y.multiply(y), x.multiply(y)
            sums = [np.asarray(Z.sum(axis=1)).ravel() for Z in (xx, yy, xy, xy.multiply(xy))]
        else:
            xx, yy = x * x, y * y
            sums = [xx.sum(axis=1), yy.sum(axis=1), (x * y).sum(axis=1), (xx * yy).sum(axis=1)]
        yield np.array(sums)


def sign_codes(
    hashes: NDArray[np.uint64], n_components: int, n_nonzeros: int, seed: int
) -> NDArray[np.uint32]:
    """Return the entries of every feature: lower 31 bits the output, top bit set for -1."""
    codes = np.empty((hashes.size, n_nonzeros), np.uint32)
    _core.sign_codes(hashes, seed, n_components, codes)
    return codes


def compressed(
    kind: Any, codes: NDArray[np.uint32], values: NDArray[Any], starts: NDArray[Any], width: int
) -> Any:
    """Return the sparse rows whose values, each with its entry's sign, go to its entry's output."""
    signed = np.where(codes & SIGN, -values, values)
    columns = (codes & ~SIGN).astype(starts.dtype)
    made = kind((signed, columns, starts), shape=(starts.size - 1, width))
    made.sum_duplicates()
    return made


def project_rows(X: Any, codes: NDArray[np.uint32], scale: float, out: NDArray[Any], threads: int) -> None:
    """Write scale * X * table into ``out``, for a contiguous array or CSR rows of its dtype."""
    if not is_sparse(X):
        return _core.project_dense(X, codes, scale, out, threads)
    index = np.result_type(X.indptr, X.indices)
    starts, features = (np.ascontiguousarray(part, index) for part in (X.indptr, X.indices))
    return _core.project_csr(starts, features, np.ascontiguousarray(X.data), codes, scale, out, threads)


def scipy_module(name: str) -> Any:
    """Return a SciPy submodule, or say which extra brings it."""
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError as error:
        raise ImportError(
            "This projection needs SciPy, which is not installed. Install the extra that brings it: "
            "pip install 'hypersketch[sklearn]'."
        ) from error


class Projection(ABC):
    """A linear map of rows, made from integers: pickled and compared by its parameters."""

    def __init__(self, n_features: int, n_components: int, seed: int, owner: str) -> None:
        self._values: dict[str, Any] = {
            "n_features": _validation.integer(owner, "n_features", n_features, 1, 2**63 - 1),
            "n_components": _validation.integer(owner, "n_components", n_components, 1, MAX_COMPONENTS),
            "seed": _validation.seed(owner, "seed", seed),
        }

    @property
    def n_features(self) -> int:
        """Number of columns of the rows.

        >>> from hypersketch.sketches.projection import *
        >>> DenseProjection(5, 3).n_features
        5
        """
        return int(self._values["n_features"])

    @property
    def n_components(self) -> int:
        """Number of outputs.

        >>> from hypersketch.sketches.projection import *
        >>> DenseProjection(5, 3).n_components
        3
        """
        return int(self._values["n_components"])

    @property
    def seed(self) -> int:
        """Seed of the signs.

        >>> from hypersketch.sketches.projection import *
        >>> DenseProjection(5, 3, seed=7).seed
        7
        """
        return int(self._values["seed"])

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"
        )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other)["_values"] == self._values

    def __hash__(self) -> int:
        return hash((type(self), *self._values.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self._values)  # tables are computed anew

    def project(self, X: Any, *, threads: int | None = None) -> NDArray[Any]:
        """Map rows.

        Parameters
        ----------
        X : array or SciPy sparse matrix, shape (n, n_features)
            Rows of real numbers. Sparse rows cost time by their nonzeros.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. They do not change the result.

        Returns
        -------
        ndarray, shape (n, n_components)
            The mapped rows, float32 where X is float32, else float64. NaN and infinities spread to outputs.

        Raises
        ------
        TypeError, ValueError
            For rows of another length or of anything but real numbers.
        ImportError
            When SciPy is needed and not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from hypersketch.sketches.projection import *
        >>> x = np.ones((1, 400))
        >>> [m(400, 4096).project(x).shape for m in (DenseProjection, SparseProjection, TensorProjection)]
        [(1, 4096), (1, 4096), (1, 4096)]
        """
        owner = f"{type(self).__name__}.project"
        return self._project(checked_rows(owner, X, self.n_features), _threads.resolve(owner, threads))

    @abstractmethod
    def _project(self, X: Any, threads: int) -> NDArray[Any]:
        """Map checked rows."""

    def standard_error(self, X: Any, Y: Any = None) -> NDArray[np.float64]:
        """Return by how much inner products of mapped rows are expected to err.

        Parameters
        ----------
        X : array or SciPy sparse matrix, shape (n, n_features)
            Rows before the map.
        Y : the same, optional
            The rows they are multiplied with, one by one; default X itself: the error of squared norms.

        Returns
        -------
        ndarray of float64, shape (n,)
            Standard deviations over seeds of <project(x), project(y)>, whose mean is what it estimates.

        Raises
        ------
        TypeError, ValueError
            For rows of another length or number or of anything but real numbers.

        Notes
        -----
        The closed forms of `hypersketch.theory.projection`, exact.

        Examples
        --------
        >>> import numpy as np
        >>> from hypersketch.sketches.projection import *
        >>> x = np.ones((1, 400))
        >>> [m(400, 4096).standard_error(x).round(1) for m in (DenseProjection, SparseProjection)]
        [array([8.8]), array([8.8])]
        """
        owner = f"{type(self).__name__}.standard_error"
        x = checked_rows(owner, X, self.n_features)
        y = x if Y is None else checked_rows(owner, Y, self.n_features)
        if x.shape != y.shape:
            raise ValueError(f"X has {x.shape[0]} rows but Y has {y.shape[0]}.")
        if is_sparse(x) != is_sparse(y):
            x, y = (Z.toarray() if is_sparse(Z) else Z for Z in (x, y))
        parts = [self._deviation(*moments) for moments in _moments(x, y)]
        return np.concatenate([np.empty(0), *parts])

    def _deviation(self, xx: Any, yy: Any, xy: Any, overlap: Any) -> NDArray[np.float64]:
        """Return the deviations for |x|^2, |y|^2, <x, y> and sum x^2 y^2."""
        return np.asarray(theory.inner_product_sd(self.n_components, xx, yy, xy, overlap))


def _revive(kind: type[Projection], values: dict[str, Any]) -> Projection:
    """Rebuild a pickled projection."""
    return kind(**values)
