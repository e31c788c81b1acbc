# SPDX-License-Identifier: Apache-2.0
"""What the scores of one bundle share: the spread of the bundle's norm and the correlation of its members.

All N scores of a trial are read from one bundle x, so they are not independent:

* given x, the non-members are independent of one another and of the members;
* given a MAP-I bundle of squared norm S, a non-member is S^(1/2) times a coordinate of a random
direction, and a
  member has mean S/n exactly (the members' scores add up to S), so members are correlated by -1/(n-1);
* a MAP-B bundle has a fixed norm, and its members are correlated by -c^2/(1-c^2) (formula 2.8).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module


def norm_nodes(dim: int, n: int, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return quadrature nodes and weights of S = |x|^2 of a MAP-I bundle, to its third cumulant.

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


def member_tail_below(dim: int, n: int, norms: Any, scores: Any) -> NDArray[np.float64]:
    """Return P(a member's inner product <= scores) given the squared norm, for n >= 3.

    In each dimension x_d s_a(d) is |x_d| with probability (1 + |x_d|/n) / 2 and -|x_d| otherwise. Summed:
    mean S/n, variance S - sum x^4 / n^2, third cumulant -(2/n)(sum x^4 - sum x^6 / n^2), excess kurtosis
    about -6/D, put together by the inverse Cornish-Fisher expansion. The skewness matters: over bundles
    it is cancelled by the common variation of mean and variance with S, given S it is not.

    Examples
    --------
    >>> round(float(member_tail_below(1000, 25, 25000.0, 1000.0)), 3)
    0.498
    """
    norms = np.asarray(norms, dtype=np.float64)
    relative = norms / (dim * n)
    fourth = dim * (3.0 * n - 2.0) * n * relative**2 / (1.0 + 2.0 * (n - 1.0) / (dim * n))
    sixth = dim * (15.0 * n**3 - 30.0 * n**2 + 16.0 * n) * relative**3
    spread = np.sqrt(np.maximum(norms - fourth / n**2, 1e-9) + smearing(n))
    skew = -(2.0 / n) * (fourth - sixth / n**2) / spread**3
    z = np.clip((np.asarray(scores) - norms / n) / spread, -12.0, 12.0)
    bent = z - skew / 6.0 * (z**2 - 1.0) + skew**2 / 36.0 * (4.0 * z**3 - 7.0 * z)
    return np.asarray(scipy_module("special").ndtr(bent + 0.25 / dim * (z**3 - 3.0 * z)))


def smearing(n: int) -> float:
    """Return the variance that a random order of equal scores adds; given x they lie 2 (odd n) or 4 apart."""
    return (2.0 if n % 2 else 4.0) ** 2 / 12.0


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


def shifts_of(correlation: float) -> list[tuple[float, float, float]]:
    """Return (weight, shift, scale) of the rule for normal scores z with correlation ``-correlation``.

    The expectation of a function is the weighted sum of its expectations for independent scores ``z``
    replaced by ``(z + shift) / scale``. Equal correlation r > 0 is a common shift of variance r; r < 0 is one
    of *negative* variance, and the two-point rule that averages over shifts +-sqrt(r) then becomes
    2 f(0) - (f(+) + f(-)) / 2.

    Examples
    --------
    >>> shifts_of(0.0)
    [(1.0, 0.0, 1.0)]
    """
    if correlation <= 0.0:
        return [(1.0, 0.0, 1.0)]
    scale, shift = math.sqrt(1.0 + correlation), math.sqrt(correlation)
    return [(2.0, 0.0, scale), (-0.5, shift, scale), (-0.5, -shift, scale)]


def between_independent_and_disjoint(chance: Any, single: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Keep P(at least one of n events) between what independent and what disjoint events would have.

    Negatively associated events lie there, and far out in the tail, where a rule of second order goes astray,
    both ends are n times the chance of one.
    """
    independent = -np.expm1(n * np.log1p(-np.minimum(single, 1.0 - 1e-16)))
    return np.asarray(np.clip(chance, independent, np.minimum(1.0, n * single)))


def any_member_fails(miss: Any, n: int, correlation: float) -> NDArray[np.float64]:
    """Return P(at least one of n members fails) failing with ``miss``, their scores being correlated.

    Examples
    --------
    >>> round(float(any_member_fails(0.01, 3, 0.0)), 12) == round(1 - 0.99**3, 12)
    True
    """
    rates: NDArray[np.float64] = np.asarray(miss, dtype=np.float64)
    # Both members of a MAP-I pair score S/2 exactly, so they fail together.
    if n == 1 or (n == 2 and correlation >= 1.0):
        return rates
    special = scipy_module("special")
    z = -special.ndtri(np.clip(rates, 1e-300, 1.0 - 1e-16))

    value = sum(
        weight * -np.expm1(n * special.log_ndtr((z + shift) / scale))
        for weight, shift, scale in shifts_of(correlation)
    )
    return between_independent_and_disjoint(value, rates, n)
