# SPDX-License-Identifier: Apache-2.0
"""MAP-B (and BSC): the majority bundle, one bit a dimension.

x = sign(sum of n atoms), ties decided by one fixed random vector, which therefore counts as one more
member of an even bundle. A score is <x, s> / D; a non-member's is a sum of D fair signs whatever the
bundle is, and a member agrees with the bundle in each dimension with probability (1 + c(n)) / 2. BSC is
the same structure in 0/1 bits.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import (
    Floats,
    answer,
    at_most,
    count,
    counts,
    probabilities,
    real,
    reals,
    subset_count,
    subset_counts,
)
from ._exchangeable import any_member_fails
from ._lattice import first_passing_dimension
from .map_b_correlation import (
    agreement,
    correlation,
    flipped_correlation,
    hamming,
    incremental_correlation,
    nested_correlation,
)
from .map_b_intersections import (
    gaussian_intersection_correlation,
    intersection_correlation,
    intersection_estimate,
    intersection_moments,
    intersection_sd,
)
from .map_b_rates import false_negative_rate, false_positive_rate, score_variance
from .normal import tail, tail_inverse

__all__ = [
    "agreement",
    "capacity",
    "correlation",
    "crossing_dimension",
    "dimension",
    "failure_probability",
    "false_negative_rate",
    "false_positive_rate",
    "flipped_correlation",
    "gaussian_failure_probability",
    "gaussian_intersection_correlation",
    "hamming",
    "incremental_correlation",
    "independent_failure_probability",
    "intersection_correlation",
    "intersection_estimate",
    "intersection_moments",
    "intersection_sd",
    "nested_correlation",
    "provable_dimension",
    "score_variance",
]


def gaussian_failure_probability(dim: Floats, n: Floats, universe: Floats) -> Floats:
    """Return the Gaussian probability that at least one of N membership tests at threshold c/2 is wrong.

    Parameters
    ----------
    dim, n, universe : int or array
        Dimension D, members n >= 2, items tested N >= n. Elementwise.

    Returns
    -------
    float or ndarray
        1 - (1 - Q(.5 c sqrt(D/(1-c^2))))^n (1 - Q(.5 c sqrt D))^(N-n).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 2.4; derived, simulated. Ignores the lattice of the scores, which moves it by up to a fifth; use
    `failure_probability`.

    Examples
    --------
    >>> round(gaussian_failure_probability(1800, 25, 500), 3)
    0.144
    """
    owner = "map_b.gaussian_failure_probability"
    dims, items, tested = (
        counts(owner, "dim", dim),
        counts(owner, "n", n, 2),
        counts(owner, "universe", universe),
    )
    at_most(owner, "n", items, tested, "universe")
    c = np.asarray(correlation(items))
    miss = np.asarray(tail(0.5 * c * np.sqrt(dims / (1.0 - c**2))))
    positive = np.asarray(tail(0.5 * c * np.sqrt(dims)))
    return answer(-np.expm1(items * np.log1p(-miss) + (tested - items) * np.log1p(-positive)))


def independent_failure_probability(
    dim: Floats, n: Floats, universe: Floats, threshold: Floats | None = None
) -> Floats:
    """Return P(at least one of N membership tests is wrong) as if the members' tests were independent.

    Parameters
    ----------
    dim, n, universe : int or array
        Dimension D, members n, items tested N >= n. Elementwise.
    threshold : float or array, optional
        Decision threshold of the score, c(n)/2 by default.

    Returns
    -------
    float or ndarray
        1 - (1 - FNR)^n (1 - FPR)^(N - n) with the exact rates.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 2.4 with exact binomial rates; derived.

    Examples
    --------
    >>> round(independent_failure_probability(1800, 25, 500), 4)
    0.1444
    """
    owner = "map_b.independent_failure_probability"
    items, tested = subset_counts(owner, n, universe)
    negatives = items * np.log1p(-np.asarray(false_negative_rate(dim, items, threshold)))
    positives = (tested - items) * np.log1p(-np.asarray(false_positive_rate(dim, items, threshold)))
    return answer(-np.expm1(negatives + positives))


def failure_probability(dim: int, n: int, universe: int, threshold: float | None = None) -> float:
    """Return P(at least one of N membership tests of one bundle is wrong).

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of members.
    universe : int
        Number N of items tested, members included.
    threshold : float, optional
        Decision threshold of the score, c(n)/2 by default.

    Returns
    -------
    float
        Failure probability.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``n`` is above ``universe``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 2.4 with exact binomial rates; the non-members' tests are exactly independent of
    everything, and the members' scores have correlation -c^2/(1-c^2). Derived; 400,000 simulated bundles:
    n=25, N=500: D=1500 .3576 (this .3572), 1800 .1445 (.1444), 2171 .0451 (.0450); n=25, N=30, D=700
    .3999 (.3998, product .3904); within .0012 everywhere tried.

    Examples
    --------
    >>> round(failure_probability(1800, 25, 500), 3)
    0.144
    """
    owner = "map_b.failure_probability"
    d, (items, tested) = count(owner, "dim", dim), subset_count(owner, n, universe)
    limit = None if threshold is None else real(owner, "threshold", threshold)
    miss = false_negative_rate(d, items, limit)
    joint = -agreement(items) if items > 1 else 0.0
    right = 1.0 - float(any_member_fails(miss, items, joint))
    positive = float(false_positive_rate(d, items, limit))
    return 1.0 - right * (1.0 - positive) ** (tested - items)


def crossing_dimension(n: int, universe: int, delta: float) -> int:
    """Return the least dimension at which the failure probability at threshold c/2 is at most ``delta``.

    Parameters
    ----------
    n : int
        Number of members.
    universe : int
        Number N of items tested, members included.
    delta : float
        Allowed probability that any of the N tests is wrong, strictly between 0 and 1.

    Returns
    -------
    int
        Dimension D, by bisection of `failure_probability`. The curve ripples with the lattice of the
        scores, so a dimension a few below may also pass.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Where a simulated failure curve crosses delta (formula E1c, E2); derived.

    Examples
    --------
    >>> 1850 < crossing_dimension(25, 500, 0.1) < 1920
    True
    """
    allowed = real("map_b.crossing_dimension", "delta", delta, 0.0, 1.0, "()")
    return first_passing_dimension(lambda dim: failure_probability(dim, n, universe) <= allowed)


def dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the Gaussian dimension at which all N membership tests are right with probability 1 - delta.

    Parameters
    ----------
    n, universe : int or array
        Members and items tested. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        D = 2 pi n z^2, z = Q^-1(delta / N): pi/2 times MAP-I; not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 2.4; derived (large n, Gaussian, union bound).

    Examples
    --------
    >>> [round(dimension(n, 500, 0.1)) for n in (10, 25)]
    [787, 1969]
    """
    owner = "map_b.dimension"
    items, tested = subset_counts(owner, n, universe)
    return answer(2.0 * math.pi * items * tail_inverse(probabilities(owner, "delta", delta) / tested) ** 2)


def provable_dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the Hoeffding dimension D = 4 pi n ln(N / delta).

    Parameters
    ----------
    n, universe : int or array
        Members and items tested. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        Dimension, not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 2.4; derived: Hoeffding at distance c/2 needs 8 ln(N/delta) / c^2, and c^2 ~
    2/(pi n) makes it this (for even n, whose c^2 is a factor 1 - 1/(2n) lower, that much too small);
    the paper's own constant is in `bounds.map_b_dimension`.

    Examples
    --------
    >>> round(provable_dimension(25, 500, 0.1))
    2676
    """
    owner = "map_b.provable_dimension"
    items, tested = subset_counts(owner, n, universe)
    return answer(4.0 * math.pi * items * np.log(tested / probabilities(owner, "delta", delta)))


def capacity(dim: Floats, fpr: Floats) -> Floats:
    """Return the number of members that a bundle of D bits holds at an error of one test.

    Parameters
    ----------
    dim : int or array
        Dimension D, one bit each. Elementwise.
    fpr : float or array
        Error of one test at threshold c/2, strictly between 0 and 1/2.

    Returns
    -------
    float or ndarray
        n = D / (2 pi z^2), z = Q^-1(fpr); not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 8; derived: 34 bits a member at 1 %.

    Examples
    --------
    >>> round(10_000 / capacity(10_000, 0.01))
    34
    """
    owner = "map_b.capacity"
    z = tail_inverse(reals(owner, "fpr", fpr, 0.0, 0.5, "()"))
    return answer(counts(owner, "dim", dim) / (2.0 * math.pi * z**2))
