# SPDX-License-Identifier: Apache-2.0
"""What a softmax leaks to random directions: its mean, and moments by quadrature of a Laplace transform."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

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


_NODES = 1024
_DROP = 50.0  # of the logarithm, beyond which an integrand is left out
_GROWTH = 1.5


def _reach(logs: Callable[[Any], Any], top: float, middle: float, sign: float) -> float:
    """Return how far from its middle an integrand with one summit counts on one side."""
    far = 1e-4
    while float(logs(middle + sign * far)) > top - _DROP:
        far *= _GROWTH
    return far


@lru_cache(maxsize=1024)
def log_integral(dim: int, beta: float) -> tuple[float, float]:
    """Return ln of the integral of exp(beta (c - 1)) over a direction's cosines c, and the mean of 1 - c.

    The mean is of c tilted by exp(beta c). With c = 1 - 2v and v = 1 / (1 + exp(-x)) the integrand is
    (v (1 - v))^h exp(-2 beta v), h = (dim - 1) / 2, on all numbers x, where the trapezoidal rule errs less
    than any power of its step.
    """
    half = (dim - 1) / 2.0

    def logs(x: Any) -> Any:
        return -half * (np.logaddexp(0.0, x) + np.logaddexp(0.0, -x)) - 2.0 * beta * np.exp(
            -np.logaddexp(0.0, -x)
        )

    summit = half / (beta + half + math.hypot(beta, half))  # of v
    middle = math.log(summit) - math.log1p(-summit)
    top = float(logs(middle))
    x = np.linspace(middle - _reach(logs, top, middle, -1.0), middle + _reach(logs, top, middle, 1.0), _NODES)
    weights = np.exp(logs(x) - top)
    total = float(weights.sum())
    missing = 2.0 * float(weights @ np.exp(-np.logaddexp(0.0, -x))) / total
    return top + math.log(total * float(x[1] - x[0])), missing
