# SPDX-License-Identifier: Apache-2.0
"""Ridge regression from hypervectors, by whichever is smaller: one equation a row or one a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.learn._bits import Floats


def ridge(rows: Floats, answers: NDArray[Any], weights: NDArray[Any] | None, alpha: float) -> Floats:
    """Return the vectors W that minimize sum_i w_i |answers_i - W rows_i|^2 + alpha s |W|^2.

    Here s is the mean squared length of the rows, so that alpha means the same for all encoders.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim)
        Hypervectors.
    answers : ndarray, shape (n, m)
        What they should give.
    weights : ndarray, shape (n,), or None
        What every row weighs.
    alpha : float > 0
        Weight of the vectors' lengths.

    Returns
    -------
    ndarray of float32, shape (m, dim)
        One vector an answer.

    Examples
    --------
    >>> ridge(np.eye(2, dtype=np.float32), np.eye(2), None, 1.0)
    array([[0.5, 0. ],
           [0. , 0.5]], dtype=float32)
    """
    from scipy.linalg import solve

    given = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
    squares = np.einsum("nd,nd->n", rows, rows)
    scale = float(np.average(squares, weights=given)) or 1.0
    roots = np.sqrt(given)[:, np.newaxis]
    n, dim = rows.shape
    if n <= dim:
        gram = (rows @ rows.T).astype(np.float64) * (roots * roots.T / scale)
        gram[np.diag_indices(n)] += alpha
        dual = roots * solve(gram, roots * answers, assume_a="pos", overwrite_a=True) / scale
        return np.asarray(dual.T.astype(np.float32) @ rows)
    scaled = (rows * (roots / np.sqrt(scale))).astype(np.float32)
    gram = (scaled.T @ scaled).astype(np.float64)
    gram[np.diag_indices(dim)] += alpha
    right = scaled.T @ (roots * answers / np.sqrt(scale))
    return np.asarray(solve(gram, right, assume_a="pos", overwrite_a=True).T, np.float32)
