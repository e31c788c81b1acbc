# SPDX-License-Identifier: Apache-2.0
"""Random keys in a regularized inverse: means by the law of Marchenko and Pastur, and single keys."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module

_PARTS = 48


def resolvent(c: float, z: float) -> tuple[float, float]:
    """Return the means of 1 / (s + z) and of its square over the eigenvalues s of S = K^T K d / n.

    K is of n random directions of d dimensions, c = d / n.

    Examples
    --------
    >>> resolvent(0.5, 0.0)
    (2.0, 8.0)
    """
    b = 1.0 - c + z
    root = math.sqrt(b * b + 4.0 * c * z)
    m = 2.0 / (b + root) if b > 0 else (root - b) / (2.0 * c * z)
    return m, (c * m * m + m) / (2.0 * c * z * m + b)


def leverages(dim: int, n: int, penalty: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return h = k^T (K^T K + penalty)^-1 k of keys that stand for all, and their h less its squares.

    h = q / (1 + q) with q = k^T B^-1 k, B of the other keys. Over directions k the variance of q is that of a
    quadratic form on the sphere; h is taken to follow a beta law of the mean and variance which that gives.
    The second is the sum of the squares of what a key has in common with the others, by the same B.

    Examples
    --------
    >>> [float(x.mean().round(3)) for x in leverages(64, 128, 0.0)]
    [0.5, 0.248]
    """
    c = dim / n
    one, two = resolvent(c, penalty * c)
    q, square = c * one, c * c * two
    mean, variance = q / (1.0 + q), 2.0 / (dim + 2.0) * (square - q * q) / (1.0 + q) ** 4
    shares = np.array([mean])
    if variance > 1e-15:
        total = mean * (1.0 - mean) / variance - 1.0
        places = (np.arange(_PARTS) + 0.5) / _PARTS
        shares = scipy_module("special").betaincinv(mean * total, (1.0 - mean) * total, places)
    lost = penalty * square * (shares / q) ** 2  # k^T B^-2 k goes about as q^2
    return shares, np.maximum(0.0, shares - shares * shares - lost)
