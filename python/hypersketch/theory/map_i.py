# SPDX-License-Identifier: Apache-2.0
"""MAP-I: the sum of random sign vectors, an AMS / Johnson-Lindenstrauss sketch.

Atoms are uniform in {-1, 1}^D; a bundle of weights v is x = sum_a v_a s_a, and the score of an item is
<x, s> / D, whose mean is the item's weight. Counters stay integers, so every rate has an exact lattice
form; the rule of every test is ``score >= threshold``. Formula numbers are those that
`hypersketch capacity paper` prints beside its claims.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, counts, probabilities, real, reals, subset_count, subset_counts
from ._exchangeable import any_member_fails, direction_tail, member_tail_below, norm_nodes
from ._lattice import first_passing_dimension, least_score
from .map_i_counters import (
    entropy_bits,
    gaussian_entropy_bits,
    gaussian_overflow_probability,
    overflow_probability,
)
from .map_i_moments import (
    frequency_rmse,
    grid_norm_variance,
    inner_moments,
    intersection_dimension,
    norm_moments,
    shifted_norm_variance,
    weight_norms,
    weighted_inner_moments,
)
from .map_i_rates import (
    false_negative_rate,
    false_positive_rate,
    gaussian_false_negative_rate,
    gaussian_false_positive_rate,
    score_variance,
)
from .normal import tail_inverse

__all__ = [
    "capacity",
    "crossing_dimension",
    "dimension",
    "entropy_bits",
    "failure_probability",
    "false_negative_rate",
    "false_positive_rate",
    "frequency_rmse",
    "gaussian_entropy_bits",
    "gaussian_false_negative_rate",
    "gaussian_false_positive_rate",
    "gaussian_overflow_probability",
    "grid_norm_variance",
    "independent_failure_probability",
    "inner_moments",
    "intersection_dimension",
    "norm_moments",
    "overflow_probability",
    "provable_dimension",
    "score_variance",
    "shifted_norm_variance",
    "weight_norms",
    "weighted_inner_moments",
]


_NODES = 31  # of the quadrature over |x|^2: the answer no longer moves in the tenth digit


def independent_failure_probability(
    dim: Floats, n: Floats, universe: Floats, threshold: Floats = 0.5
) -> Floats:
    """Return P(at least one of N membership tests is wrong) as if the tests were independent.

    Parameters
    ----------
    dim, n, universe : int or array
        Dimension D, items in the bundle n, items tested N >= n. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold of the score.

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
    Formula 1.3; derived, simulated. The tests share one bundle, so the product is up to
    .008 high where the failure is near 1/3; `failure_probability` is closer.

    Examples
    --------
    >>> round(independent_failure_probability(1000, 25, 500), 3)
    0.326
    """
    owner = "map_i.independent_failure_probability"
    items, tested = subset_counts(owner, n, universe)
    negatives = items * np.log1p(-np.asarray(false_negative_rate(dim, items, threshold)))
    positives = (tested - items) * np.log1p(-np.asarray(false_positive_rate(dim, items, threshold)))
    return answer(-np.expm1(negatives + positives))


def failure_probability(dim: int, n: int, universe: int, threshold: float = 0.5) -> float:
    """Return P(at least one of N membership tests of one bundle is wrong).

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of items in the bundle, at least 1.
    universe : int
        Number N of items tested, members included.
    threshold : float, default 0.5
        Decision threshold of the score, strictly between 0 and 1.

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
    Formula 1.3 averaged over the squared norm S = |x|^2, which all tests share: given S the
    N - n non-members are independent with variance S, members have mean S/n and correlation -1/(n-1).
    Rates per test are calibrated to the exact ones. Derived; 1,000,000 simulated bundles: n=25, N=500:
    D=1000 .3245 (this .3244, product .3265), 1207 .1172 (.1174, .1178), 1384 .0486 (.0488, .0488); n=10,
    N=500, D=400 .3286 (.3285, .3352); within .001 everywhere tried, n = 2 included.

    Examples
    --------
    >>> round(failure_probability(1000, 25, 500), 4)
    0.3244
    """
    owner = "map_i.failure_probability"
    d, (items, tested) = count(owner, "dim", dim), subset_count(owner, n, universe)
    limit = real(owner, "threshold", threshold, 0.0, 1.0, "()")
    norms, weights = norm_nodes(d, items, _NODES)
    positive, miss = _rates_given_norm(d, items, limit, norms)
    positive = _calibrated(positive, weights, false_positive_rate(d, items, limit))
    miss = _calibrated(miss, weights, false_negative_rate(d, items, limit))
    correlation = 1.0 / (items - 1.0) if items > 1 else 0.0
    right = 1.0 - any_member_fails(miss, items, correlation)
    right = right * np.exp((tested - items) * np.log1p(-positive))
    return min(1.0, max(0.0, 1.0 - float((right @ weights).mean())))


def _rates_given_norm(
    dim: int, n: int, threshold: float, norms: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false-positive and false-negative rates given |x|^2, a row for each lattice of the scores."""
    least = float(least_score(dim, threshold))
    least += (least - dim * n) % 2  # scores have the parity of D n
    # Between lattice points. Counters of an even n are even: given x the scores keep one residue modulo 4,
    # and over bundles both residues are equally likely.
    edges = np.array([[least - 1.0]]) if n % 2 else np.array([[least - 2.0], [least]])
    positive = direction_tail(dim, edges / np.sqrt(norms * dim))
    if n == 2:  # both members score S/2 exactly
        return positive, (norms / 2.0 < least) + 0.0 * edges
    return positive, member_tail_below(dim, n, norms, edges)


def _calibrated(
    rates: NDArray[np.float64], weights: NDArray[np.float64], exact: float
) -> NDArray[np.float64]:
    """Scale conditional rates so that their average over bundles is the exact rate."""
    average = float((rates @ weights).mean())
    return (
        np.clip(rates * (exact / average), 0.0, 1.0 - 1e-16) if average > 0.0 else np.full_like(rates, exact)
    )


def crossing_dimension(n: int, universe: int, delta: float, threshold: float = 0.5) -> int:
    """Return the least dimension at which the failure probability is at most ``delta``.

    Parameters
    ----------
    n : int
        Number of items in the bundle.
    universe : int
        Number N of items tested, members included.
    delta : float
        Allowed probability that any of the N tests is wrong, strictly between 0 and 1.
    threshold : float, default 0.5
        Decision threshold of the score, strictly between 0 and 1.

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
    Where a simulated failure curve crosses delta; formula 1.4 has 1260 for n = 25, N = 500,
    delta = .1 (simulated).

    Examples
    --------
    >>> 1230 < crossing_dimension(25, 500, 0.1) < 1260
    True
    """
    owner = "map_i.crossing_dimension"
    allowed = real(owner, "delta", delta, 0.0, 1.0, "()")
    return first_passing_dimension(lambda dim: failure_probability(dim, n, universe, threshold) <= allowed)


def dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the Gaussian dimension at which all N membership tests are right with probability 1 - delta.

    Parameters
    ----------
    n, universe : int or array
        Items in the bundle and items tested. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        D = 4 n z^2, z = Q^-1(delta / N); not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1.4; derived (n = 25, N = 500, delta = .1: 1253; simulation crosses .1 near
    1260). A union bound over the N tests inside the Gaussian model.

    Examples
    --------
    >>> round(dimension(25, 500, 0.1))
    1253
    """
    owner = "map_i.dimension"
    items, tested = subset_counts(owner, n, universe)
    return answer(4.0 * items * tail_inverse(probabilities(owner, "delta", delta) / tested) ** 2)


def provable_dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return a dimension that provably suffices: D = 8 n ln(N / delta).

    Parameters
    ----------
    n, universe : int or array
        Items in the bundle and items tested. Elementwise.
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
    Formula 1.5; derived (Hoeffding and a union bound; the signs of a score are independent,
    which for bound pairs needs pairs that share no factor).

    Examples
    --------
    >>> round(provable_dimension(25, 500, 0.1))
    1703
    """
    owner = "map_i.provable_dimension"
    items, tested = subset_counts(owner, n, universe)
    return answer(8.0 * items * np.log(tested / probabilities(owner, "delta", delta)))


def capacity(dim: Floats, fpr: Floats) -> Floats:
    """Return the number of items that a bundle of dimension D holds at an error of one test.

    Parameters
    ----------
    dim : int or array
        Dimension D. Elementwise.
    fpr : float or array
        Error of one test at threshold 1/2, strictly between 0 and 1/2.

    Returns
    -------
    float or ndarray
        n = D / (4 z^2), z = Q^-1(fpr); not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 8; derived from 1.2.

    Examples
    --------
    >>> round(capacity(10_000, 0.01))
    462
    """
    owner = "map_i.capacity"
    z = tail_inverse(reals(owner, "fpr", fpr, 0.0, 0.5, "()"))
    return answer(counts(owner, "dim", dim) / (4.0 * z**2))
