# SPDX-License-Identifier: Apache-2.0
"""Moments of what a softmax leaks, by quadrature of a Laplace transform."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_ANGLES = 512
_FAR = 40.0  # standard deviations of a cosine, beyond which there is no probability
_STEP = 1.0 / 32.0  # of ln s; the trapezoidal rule errs by about exp(-pi^2 / step)


@lru_cache(maxsize=8)
def _cosines(dim: int) -> tuple[Doubles, Doubles]:
    """Return cosines of two random directions and their probabilities."""
    nodes, weights = np.polynomial.legendre.leggauss(_ANGLES)
    angles = nodes * min(math.pi / 2.0, _FAR / math.sqrt(dim))  # from the right angle
    density = weights * np.cos(angles) ** (dim - 2)
    return np.sin(angles), density / density.sum()


@lru_cache(maxsize=1024)
def leaked_power(n_patterns: int, dim: int, beta: float, order: int) -> float:
    """Return E L^order for order 1, 2 or 3."""
    cosines, chances = _cosines(dim)
    logs = np.arange(-45.0, 4.5, _STEP)  # e^u exp(-e^u) is below 1e-19 outside
    s = np.exp(logs)
    with np.errstate(under="ignore"):
        absent = -np.expm1(-s[:, None] * np.exp(beta * (cosines - 1.0))) @ chances  # 1 - E exp(-s e^..)
        some = -np.expm1((n_patterns - 1) * np.log1p(-np.minimum(absent, 1.0 - 1e-16)))
        polynomial = (np.ones_like(s), 2.0 - s, 3.0 - 3.0 * s + s * s / 2.0)[order - 1]
        return float((s * np.exp(-s) * polynomial * some).sum() * _STEP)
