# SPDX-License-Identifier: Apache-2.0
"""Linear maps by random signs, of rows of numbers: dense signs, sparse signs and TensorSketch.

A feature is its index, hashed like any key, so a map is a function of its sizes and its seed and of nothing
else, on every machine. `hypersketch.interop.sklearn` wraps these as transformers; SciPy is needed for sparse
rows and for `TensorProjection`.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _validation
from hypersketch.keys import hash_keys
from hypersketch.sketches._projection import (
    MAX_COMPONENTS,
    SIGN,
    Projection,
    checked_rows,
    compressed,
    float_type,
    is_sparse,
    project_rows,
    scipy_module,
    sign_codes,
)
from hypersketch.sketches.tensor_sketch import TensorProjection
from hypersketch.theory import projection as theory

__all__ = ["DenseProjection", "SparseProjection", "TensorProjection", "hashed_rows"]

_MATRIX_BYTES = 1 << 26
"""Dense signs are made and multiplied by so many bytes at a time; matrices up to this size are kept."""


def hashed_rows(
    hashes: NDArray[np.uint64],
    values: NDArray[Any],
    starts: NDArray[np.int64],
    n_components: int,
    *,
    seed: int = 0,
) -> Any:
    """Count-sketch rows of any keys: the hashing trick, over all rows at once.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n_entries,)
        Hashes of the keys of all rows, one row after the other, from `hypersketch.hash_keys`.
    values : ndarray of float32 or float64, shape (n_entries,)
        Their values.
    starts : ndarray of int64, shape (n + 1,)
        Where every row starts, and the end of the last.
    n_components : int in [1, 2**31)
        Number of outputs.
    seed : int in [0, 2**64), default 0
        Seed of outputs and signs.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (n, n_components)
        The sums, sorted by column.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.
    ImportError
        When SciPy is not installed.

    Notes
    -----
    A key goes to the column and takes the sign that it has in row 0 of a count sketch of that width and seed.

    Examples
    --------
    >>> import numpy as np
    >>> from hypersketch import hash_keys
    >>> hashes = hash_keys(["a", "b", "a"])
    >>> made = hashed_rows(hashes, np.ones(3), np.array([0, 2, 3]), 1000)
    >>> made.shape, made.nnz, np.abs(made.toarray()).sum(axis=1)
    ((2, 1000), 3, array([2., 1.]))
    """
    owner = "hashed_rows"
    width = _validation.integer(owner, "n_components", n_components, 1, MAX_COMPONENTS)
    keys = _validation.hashes(owner, hashes)
    codes = sign_codes(keys, width, 1, _validation.seed(owner, "seed", seed)).ravel()
    narrow = starts.astype(np.int32) if starts[-1] < 2**31 else starts
    return compressed(scipy_module("sparse").csr_matrix, codes, values, narrow, width)


class DenseProjection(Projection):
    """Rows times a matrix of random signs over sqrt(m): Johnson-Lindenstrauss, AMS.

    Parameters
    ----------
    n_features : int
        Number d of columns of the rows.
    n_components : int in [1, 2**31)
        Number m of outputs.
    seed : int in [0, 2**64), default 0
        Seed of the signs.
    owner : str, optional
        The name that error sentences give.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    Notes
    -----
    The signs of a feature are the atom of its index, bit c for output c. They are written out as numbers for
    the matrix product of NumPy (SciPy for sparse rows): kept while they take up to 64 MiB, else made anew,
    64 MiB at a time. ``threads`` makes signs; the product takes the threads of NumPy's BLAS, and its last
    digits may depend on them.

    Examples
    --------
    >>> import numpy as np
    >>> jl = DenseProjection(1000, 4096)
    >>> x = np.ones((1, 1000), np.float32)
    >>> y = jl.project(x)
    >>> y.dtype, bool(abs((y**2).sum() - 1000) < 4 * jl.standard_error(x)[0])
    (dtype('float32'), True)
    """

    def __init__(
        self, n_features: int, n_components: int, *, seed: int = 0, owner: str = "DenseProjection"
    ) -> None:
        super().__init__(n_features, n_components, seed, owner)
        self._kept: dict[Any, NDArray[Any]] = {}

    def signs(self, first: int, last: int, dtype: Any = np.float64, *, threads: int = 1) -> NDArray[Any]:
        """Return the signs of the features [first, last), one row each, as float32 or float64.

        >>> DenseProjection(5, 4).signs(0, 2).shape
        (2, 4)
        """
        signs = np.empty((last - first, self.n_components), float_type(np.dtype(dtype)))
        _core.dense_signs(hash_keys(range(first, last), threads=threads), self.seed, signs, threads)
        return signs

    def _project(self, X: Any, threads: int) -> NDArray[Any]:
        step = max(1, _MATRIX_BYTES // (self.n_components * X.dtype.itemsize))
        if self.n_features <= step:
            if X.dtype not in self._kept:
                self._kept[X.dtype] = self.signs(0, self.n_features, X.dtype, threads=threads)
            total = X @ self._kept[X.dtype]
        else:
            total = np.zeros((X.shape[0], self.n_components), X.dtype)
            columns = X.tocsc() if is_sparse(X) else X
            for first in range(0, self.n_features, step):
                last = min(self.n_features, first + step)
                total += columns[:, first:last] @ self.signs(first, last, X.dtype, threads=threads)
        total *= X.dtype.type(1 / math.sqrt(self.n_components))
        return np.asarray(total)


class SparseProjection(Projection):
    """Rows times a sparse matrix of signs, s a feature, over sqrt(s): count sketch, Kane-Nelson blocks.

    Parameters
    ----------
    n_features : int
        Number d of columns of the rows.
    n_components : int in [1, 2**31)
        Number m of outputs.
    n_nonzeros : int in [1, n_components], default 1
        Entries s a feature, one in each of s blocks of outputs. Block r is the outputs from floor(r m / s) to
        floor((r + 1) m / s); blocks are equal when s divides m.
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
    Equal blocks are the rows of a `CountSketch` of width m / s, depth s and the same seed, whose keys are the
    indices of the features. Terms are added in the order of the features, at every instruction-set level,
    for dense rows and for sorted sparse ones: all give the same bits, which err from the exact sum by at most
    (t + 2) u sum |x_i| over an output's t terms (u = 2^-24 or 2^-53).

    Examples
    --------
    >>> import numpy as np
    >>> sparse = SparseProjection(1000, 1024, n_nonzeros=4)
    >>> x = np.ones((1, 1000), np.float32)
    >>> y = sparse.project(x)
    >>> y.dtype, bool(abs((y**2).sum() - 1000) < 4 * sparse.standard_error(x)[0])
    (dtype('float32'), True)
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        n_nonzeros: int = 1,
        *,
        seed: int = 0,
        owner: str = "SparseProjection",
    ) -> None:
        super().__init__(n_features, n_components, seed, owner)
        self._values["n_nonzeros"] = _validation.integer(
            owner, "n_nonzeros", n_nonzeros, 1, self.n_components
        )

    @property
    def n_nonzeros(self) -> int:
        """Entries a feature.

        >>> SparseProjection(5, 16, 4).n_nonzeros
        4
        """
        return int(self._values["n_nonzeros"])

    @cached_property
    def _codes(self) -> NDArray[np.uint32]:
        hashes = hash_keys(range(self.n_features))
        return sign_codes(hashes, self.n_components, self.n_nonzeros, self.seed)

    def matrix(self) -> NDArray[np.int8]:
        """Return the signs as a whole matrix, not scaled, shape (n_features, n_components): to look at.

        >>> abs(SparseProjection(5, 16, 4).matrix()).sum(axis=1)
        array([4, 4, 4, 4, 4])
        """
        whole = np.zeros((self.n_features, self.n_components), np.int8)
        signs = np.where(self._codes & SIGN, -1, 1)
        np.put_along_axis(whole, (self._codes & ~SIGN).astype(np.int64), signs, axis=1)
        return whole

    @cached_property
    def _table_on_gpu(self) -> Any:
        from hypersketch.sketches._projection_on_gpu import Table

        return Table(self._codes, self.n_components)

    def project(self, X: Any, *, threads: int | None = None) -> Any:
        """Map rows, in host memory or on a GPU.

        Parameters
        ----------
        X : array or sparse matrix, shape (n, n_features)
            Rows of real numbers: NumPy's or SciPy's; or, of float32 or float64 on a GPU, arrays of PyTorch,
            CuPy and whoever offers ``__cuda_array_interface__`` or DLPack, or compressed rows (``csr``) of
            PyTorch or CuPy. Sparse rows cost time by their nonzeros.
        threads : int, optional
            Threads for rows in host memory; default `hypersketch.get_num_threads`. They do not change the
            result.

        Returns
        -------
        array, shape (n, n_components)
            The mapped rows, of the kind of X: float32 where X is float32, else float64. On a GPU terms are
            added in no order, so last digits vary from call to call.

        Raises
        ------
        TypeError, ValueError
            For rows of another length or of anything but real numbers, and for compressed rows whose indices
            lie beyond their arrays.

        Examples
        --------
        >>> import numpy as np
        >>> SparseProjection(400, 4096).project(np.ones((1, 400))).shape
        (1, 4096)
        """
        from hypersketch.sketches import _projection_on_gpu as on_gpu

        owner, scale = f"{type(self).__name__}.project", 1 / math.sqrt(self.n_nonzeros)
        rows = on_gpu.compressed(X)
        if rows is not None:
            return self._table_on_gpu.compressed(owner, rows, scale)
        if _device.is_on_gpu(X):
            return self._table_on_gpu.dense(owner, X, scale)
        return super().project(X, threads=threads)

    def _project(self, X: Any, threads: int) -> NDArray[Any]:
        out = np.empty((X.shape[0], self.n_components), X.dtype)
        project_rows(X, self._codes, 1 / math.sqrt(self.n_nonzeros), out, threads)
        return out

    def project_sparse(self, X: Any) -> Any:
        """Map sparse rows to sparse rows.

        Parameters
        ----------
        X : SciPy sparse matrix or array, shape (n, n_features)
            Rows of real numbers.

        Returns
        -------
        scipy.sparse.csr_matrix or csr_array, shape (n, n_components)
            The mapped rows, sorted by column; a matrix for a matrix and an array for an array. Sums that
            cancel stay as stored zeros.

        Raises
        ------
        TypeError, ValueError
            For rows of another length or of anything but real numbers.

        Examples
        --------
        >>> import numpy as np, scipy.sparse
        >>> made = SparseProjection(5, 16).project_sparse(scipy.sparse.csr_matrix(np.eye(5)))
        >>> made.shape, made.nnz
        ((5, 16), 5)
        """
        rows = checked_rows(f"{type(self).__name__}.project_sparse", X, self.n_features)
        s = self.n_nonzeros
        values = np.repeat(rows.data * rows.dtype.type(1 / math.sqrt(s)), s)
        return compressed(
            type(rows), self._codes[rows.indices].ravel(), values, rows.indptr * s, self.n_components
        )

    def _deviation(self, xx: Any, yy: Any, xy: Any, overlap: Any) -> NDArray[np.float64]:
        return np.asarray(theory.inner_product_sd(self.n_components, xx, yy, xy, overlap, self.n_nonzeros))
