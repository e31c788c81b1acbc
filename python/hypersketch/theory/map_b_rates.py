# SPDX-License-Identifier: Apache-2.0
"""MAP-B: the error rates of one membership test, exact. All of it is in `map_b` too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, counts, reals
from ._lattice import binomial_tail, least_score
from .map_b_correlation import correlation, hamming


def score_variance(dim: Floats, n: Floats, member: bool = False) -> Floats:
    """Return the variance of the score <x, s> / D.

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of members. Elementwise.
    member : bool, default False
        Whether the item is in the bundle.

    Returns
    -------
    float or ndarray
        1/D for a non-member (mean 0), (1 - c^2)/D for a member (mean c).

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 2.3; derived, exact.

    Examples
    --------
    >>> score_variance(100, 3), score_variance(100, 3, member=True)
    (0.01, 0.0075)
    """
    owner = "map_b.score_variance"
    dims, c = counts(owner, "dim", dim), np.asarray(correlation(counts(owner, "n", n)))
    return answer((1.0 - c**2 * float(member)) / dims)


def _threshold(owner: str, n: NDArray[np.float64], threshold: Floats | None) -> NDArray[np.float64]:
    """Return the decision threshold: c(n)/2 unless one is given."""
    if threshold is None:
        return np.asarray(correlation(n)) / 2.0
    return reals(owner, "threshold", threshold)


def false_positive_rate(dim: Floats, n: Floats, threshold: Floats | None = None) -> Floats:
    """Return the exact probability that a non-member scores at least the threshold.

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of members; ``n`` only sets the default threshold. Elementwise.
    threshold : float or array, optional
        Decision threshold of the score, c(n)/2 by default.

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
    P(2 A - D >= t D), A ~ Bin(D, 1/2), on the lattice. Exact form of formula 2.3; derived.

    Examples
    --------
    >>> false_positive_rate(4, 1)
    0.3125
    """
    owner = "map_b.false_positive_rate"
    dims, items = counts(owner, "dim", dim), counts(owner, "n", n)
    least = least_score(dims, _threshold(owner, items, threshold))
    return answer(binomial_tail(dims, np.ceil((least + dims) / 2.0), 0.5))


def false_negative_rate(dim: Floats, n: Floats, threshold: Floats | None = None) -> Floats:
    """Return the exact probability that a member scores below the threshold.

    Parameters
    ----------
    dim, n : int or array
        Dimension D and number of members. Elementwise.
    threshold : float or array, optional
        Decision threshold of the score, c(n)/2 by default.

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
    P(2 A - D < t D), A ~ Bin(D, (1 + c)/2), on the lattice. Exact form of formula 2.3; derived.

    Examples
    --------
    >>> false_negative_rate(4, 1), false_negative_rate(2, 3)
    (0.0, 0.4375)
    """
    owner = "map_b.false_negative_rate"
    dims, items = counts(owner, "dim", dim), counts(owner, "n", n)
    least = np.ceil((least_score(dims, _threshold(owner, items, threshold)) + dims) / 2.0)
    # Fewer than ``least`` agreements are more than D - least disagreements: the small side is the one summed.
    return answer(binomial_tail(dims, dims - least + 1.0, hamming(items)))
