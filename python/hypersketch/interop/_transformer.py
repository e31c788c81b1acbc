# SPDX-License-Identifier: Apache-2.0
"""What the scikit-learn transformers share: a projection made when the number of features is known."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.sketches._projection import Projection

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "hypersketch.interop.sklearn needs scikit-learn 1.6 or newer. Install the extra that brings it: "
        "pip install 'hypersketch[sklearn]'."
    ) from error


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """A projection that is made when the number of features is known."""

    @abstractmethod
    def _make(self, n_samples: int, n_features: int) -> Projection:
        """Return the map for rows of so many features."""

    def _rows(self, X: Any, *, reset: bool = False) -> Any:
        """Return rows after scikit-learn's checks."""
        if not reset:
            check_is_fitted(self)
        return validate_data(
            self, X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32], order="C", reset=reset
        )

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn the number of features.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Rows; only their shape is used.
        y : ignored

        Returns
        -------
        object
            The transformer itself; its ``projection_`` is the map, one of `hypersketch.sketches.projection`.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range, NaN and infinities.

        Examples
        --------
        >>> import numpy as np
        >>> from hypersketch.interop.sklearn import SparseJL
        >>> SparseJL(n_components=16).fit(np.eye(5)).projection_
        SparseProjection(n_features=5, n_components=16, seed=0, n_nonzeros=8)
        """
        self.projection_ = self._make(*self._rows(X, reset=True).shape)
        return self

    @property
    def _n_features_out(self) -> int:
        return self.projection_.n_components

    def transform(self, X: Any) -> Any:
        """Map rows.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Rows; sparse ones cost time by their nonzeros.

        Returns
        -------
        ndarray, shape (n_samples, n_components)
            The mapped rows, in the precision of X.

        Raises
        ------
        ValueError
            For rows of another length, NaN and infinities.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from hypersketch.interop.sklearn import SparseJL
        >>> SparseJL(n_components=16).fit_transform(np.eye(5, dtype=np.float32)).dtype
        dtype('float32')
        """
        rows = self._rows(X)
        return self.projection_.project(rows)

    def standard_error(self, X: Any, Y: Any = None) -> NDArray[np.float64]:
        """Return by how much inner products of transformed rows are expected to err.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_samples, n_features)
            Rows, not transformed.
        Y : the same, optional
            The rows they are multiplied with, one by one; default X itself: the error of squared norms.

        Returns
        -------
        ndarray of float64, shape (n_samples,)
            Standard deviations, over seeds, of the inner products of transformed rows.

        Raises
        ------
        ValueError
            For rows of another length or number, NaN and infinities.

        Notes
        -----
        Exact closed forms, from `hypersketch.theory.projection`.

        Examples
        --------
        >>> import numpy as np
        >>> from hypersketch.interop.sklearn import SparseJL
        >>> SparseJL(n_components=400).fit(np.eye(5)).standard_error(np.ones((1, 5))).round(3)
        array([0.316])
        """
        rows, others = self._rows(X), None if Y is None else self._rows(Y)
        return self.projection_.standard_error(rows, others)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags
