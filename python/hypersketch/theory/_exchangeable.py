# SPDX-License-Identifier: Apache-2.0
"""What the scores of one bundle share: the spread of the bundle's norm and the correlation of its members.

All N scores of a trial are read from one bundle x, so they are not independent:

* given x, the non-members are independent of one another and of the members;
* given a MAP-I bundle of squared norm S, a non-member is S^(1/2) times a coordinate of a random direction, and a
  member has mean S/n exactly (the members' scores add up to S), so members are correlated by -1/(n-1);
* a MAP-B bundle has a fixed norm, and its members are correlated by -c^2/(1-c^2) (theory.md 2.8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module


def norm_nodes(dim: int, n: int, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return quadrature nodes and weights of S = |x|^2 of a MAP-I bundle of n sets (mean, variance, skewness).

    Examples
    --------
    >>> nodes, weights = norm_nodes(1000, 25, 9)
    >>> round(float(weights @ nodes)), round(float(weights @ (nodes - 25000) ** 2) / 1.2e6, 2)
    (25000, 1.0)
    """
    z, weights = np.polynomial.hermite_e.hermegauss(points)
    weights = weights / weights.sum()
    variance = 2.0 * dim * n * (n - 1.0)
    if n == 1:
        return np.full(points, float(dim)), weights
    skewness = 8.0 * n * (n - 1.0) * (n - 2.0) * dim / variance**1.5
    # Cornish-Fisher to the third cumulant: E x^2 = n, kappa_3(x^2) = 8 n (n-1) (n-2) a coordinate.
    nodes = dim * n + math.sqrt(variance) * (z + skewness / 6.0 * (z * z - 1.0))
    return np.maximum(nodes, dim * (n % 2) + 1e-9), weights


def member_spread(dim: int, n: int, norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of a member's inner product given S: S - sum x_d^4 / n^2, under the root."""
    fourth = (3.0 * n - 2.0) * norms**2 / (dim * n + 2.0 * (n - 1.0))  # E[sum x_d^4 | S], exact on average
    return np.sqrt(np.maximum(norms - fourth / n**2, 0.0))


def direction_tail(dim: int, cosine: Any) -> NDArray[np.float64]:
    """Return P(the cosine of a random direction with a fixed one >= cosine), in ``dim`` dimensions.

    Given its norm, a MAP-I bundle is nearly a random direction, and this tail has the right kurtosis -6/D.

    Examples
    --------
    >>> direction_tail(3, [0.0, 0.5, -0.5, 1.0]).tolist()
    [0.5, 0.25, 0.75, 0.0]
    """
    cosine = np.clip(np.asarray(cosine, dtype=np.float64), -1.0, 1.0)
    side = 0.5 * scipy_module("special").betainc((dim - 1) / 2.0, 0.5, 1.0 - cosine**2) if dim > 1 else 0.5
    return np.where(cosine > 0.0, side, 1.0 - side)


def with_negative_correlation(correlation: float, value: Callable[[float, float], Any]) -> Any:
    """Return the expectation of a function of equicorrelated normal scores with correlation ``-correlation``.

    ``value(shift, scale)`` is the expectation for independent scores ``z`` replaced by ``(z + shift) / scale``.
    Equal correlation r > 0 is a common shift of variance r; r < 0 is one of *negative* variance, and the two-point
    rule that averages over shifts +-sqrt(r) then becomes 2 f(0) - (f(+) + f(-)) / 2.
    """
    if correlation <= 0.0:
        return value(0.0, 1.0)
    scale, shift = math.sqrt(1.0 + correlation), math.sqrt(correlation)
    return 2.0 * value(0.0, scale) - 0.5 * (value(shift, scale) + value(-shift, scale))


def any_member_fails(miss: Any, n: int, correlation: float) -> NDArray[np.float64]:
    """Return P(at least one of n members fails) when each fails with ``miss`` and their scores are correlated.

    Examples
    --------
    >>> float(any_member_fails(0.01, 2, 0.0)) == 1 - 0.99**2
    True
    """
    miss = np.asarray(miss, dtype=np.float64)
    if n == 1:
        return miss
    if n == 2 and correlation >= 1.0:  # both members of a MAP-I pair score S/2 exactly, so they fail together
        return miss
    special = scipy_module("special")
    z = -special.ndtri(np.clip(miss, 1e-300, 1.0 - 1e-16))

    def fails(shift: float, scale: float) -> Any:
        return -np.expm1(n * special.log_ndtr((z + shift) / scale))

    value = with_negative_correlation(correlation, fails) if correlation > 0.0 else fails(0.0, 1.0)
    return np.clip(value, 0.0, 1.0)
