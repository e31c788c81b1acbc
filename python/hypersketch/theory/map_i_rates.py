# SPDX-License-Identifier: Apache-2.0
"""Rates of single membership tests of MAP-I bundles: exact sums of signs, and their Gaussian forms."""

from __future__ import annotations

import numpy as np

from ._checks import Floats, answer, counts, reals
from ._lattice import least_score, sign_sum_tail
from .normal import tail


def score_variance(dim: Floats, n: Floats, member: bool = False) -> Floats:
    """Return the variance of a set bundle's score <x, s> / D.

    Parameters
    ----------
    dim : int or array
        Dimension D. Elementwise with ``n``.
    n : int or array
        Number of items in the bundle.
    member : bool, default False
        Whether the item is in the bundle.

    Returns
    -------
    float or ndarray
        n / D for a non-member, (n - 1) / D for a member.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 1.1; derived, exact, simulated at D = 512, n = 32. It also holds for bundles of
    bound pairs and of permuted sequences when all products are distinct (1b); a cyclic shift by exactly
    D/2 doubles it.

    Examples
    --------
    >>> score_variance(512, 32), score_variance(512, 32, member=True) * 512
    (0.0625, 31.0)
    """
    owner = "map_i.score_variance"
    items = counts(owner, "n", n, 1 if member else 0)
    return answer((items - float(member)) / counts(owner, "dim", dim))


def false_positive_rate(dim: Floats, n: Floats, threshold: Floats = 0.5) -> Floats:
    """Return the exact probability that a non-member scores at least the threshold.

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of items in the bundle. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold of the score.

    Returns
    -------
    float or ndarray
        False-positive rate of one test.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    <x, s> of a non-member is a sum of D n independent signs: P(Bin(Dn, 1/2) >= (Dn + tD) /
    2), on the lattice. Exact form of formula 1.2; derived, simulated (.02244).

    Examples
    --------
    >>> round(false_positive_rate(512, 32), 5), round(gaussian_false_positive_rate(512, 32), 5)
    (0.02317, 0.02275)
    """
    owner = "map_i.false_positive_rate"
    dims, items = counts(owner, "dim", dim), counts(owner, "n", n, 0)
    return answer(sign_sum_tail(dims * items, least_score(dims, reals(owner, "threshold", threshold))))


def false_negative_rate(dim: Floats, n: Floats, threshold: Floats = 0.5) -> Floats:
    """Return the exact probability that a member scores below the threshold.

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of items in the bundle, the member included. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold of the score.

    Returns
    -------
    float or ndarray
        False-negative rate of one test.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    <x, s> of a member is D plus a sum of D (n - 1) independent signs. Exact form of formula
    1.2; derived, simulated (.02086).

    Examples
    --------
    >>> false_negative_rate(512, 1)
    0.0
    >>> round(false_negative_rate(512, 32), 5), round(gaussian_false_negative_rate(512, 32), 5)
    (0.02068, 0.02108)
    """
    owner = "map_i.false_negative_rate"
    dims, items = counts(owner, "dim", dim), counts(owner, "n", n)
    least = least_score(dims, reals(owner, "threshold", threshold))
    # score < least, mirrored so that the small side is the one that is summed: noise >= D - least + 1.
    return answer(sign_sum_tail(dims * (items - 1.0), dims - least + 1.0))


def gaussian_false_positive_rate(dim: Floats, n: Floats, threshold: Floats = 0.5) -> Floats:
    """Return the Gaussian false-positive rate Q(t sqrt(D/n)).

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of items in the bundle. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold t of the score.

    Returns
    -------
    float or ndarray
        False-positive rate of one test.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1.2; derived, simulated at D = 512, n = 32 (.02244 against .02275).

    Examples
    --------
    >>> round(gaussian_false_positive_rate(512, 32), 5)
    0.02275
    """
    owner = "map_i.gaussian_false_positive_rate"
    ratio = counts(owner, "dim", dim) / counts(owner, "n", n)
    return answer(tail(reals(owner, "threshold", threshold) * np.sqrt(ratio)))


def gaussian_false_negative_rate(dim: Floats, n: Floats, threshold: Floats = 0.5) -> Floats:
    """Return the Gaussian false-negative rate Q((1 - t) sqrt(D/(n - 1))).

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of items in the bundle, at least 2. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold t of the score.

    Returns
    -------
    float or ndarray
        False-negative rate of one test.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1.2; derived, simulated at D = 512, n = 32 (.02086 against .02108).

    Examples
    --------
    >>> round(gaussian_false_negative_rate(512, 32), 5)
    0.02108
    """
    owner = "map_i.gaussian_false_negative_rate"
    ratio = counts(owner, "dim", dim) / (counts(owner, "n", n, 2) - 1.0)
    return answer(tail((1.0 - reals(owner, "threshold", threshold)) * np.sqrt(ratio)))
