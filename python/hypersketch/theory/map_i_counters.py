# SPDX-License-Identifier: Apache-2.0
"""MAP-I: the entropy of one counter of a bundle, and how it overflows. All of it is in `map_i` too."""

from __future__ import annotations

import math

import numpy as np

from ._checks import Floats, answer, count, counts
from ._lattice import sign_sum_tail
from ._scipy import scipy_module
from .normal import tail


def entropy_bits(n: int) -> float:
    """Return the entropy of one counter of a set bundle, in bits: what a perfect code would spend on it.

    Parameters
    ----------
    n : int
        Number of items in the bundle, at least 0.

    Returns
    -------
    float
        Entropy of Bin(n, 1/2), exact.

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    About .5 log2(pi e n / 2). Formula 1.9; derived, simulated at n = 100 (4.370 against 4.369).

    Examples
    --------
    >>> round(entropy_bits(100), 3), round(gaussian_entropy_bits(100), 3)
    (4.369, 4.369)
    """
    items = count("map_i.entropy_bits", "n", n, 0)
    reach = math.ceil(20.0 * math.sqrt(items)) + 1  # Q(40) is nothing
    plus = np.arange(max(0, items // 2 - reach), min(items, items // 2 + reach) + 1, dtype=np.float64)
    gammaln = scipy_module("special").gammaln
    log = gammaln(items + 1.0) - gammaln(plus + 1.0) - gammaln(items - plus + 1.0) - items * math.log(2.0)
    return max(0.0, float(-np.sum(np.exp(log) * log)) / math.log(2.0))


def gaussian_entropy_bits(n: Floats) -> Floats:
    """Return the Gaussian entropy of one counter, .5 log2(pi e n / 2) bits.

    Parameters
    ----------
    n : int or array
        Number of items in the bundle. Elementwise.

    Returns
    -------
    float or ndarray
        Bits a dimension.

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.

    Notes
    -----
    Formula 1.9; derived.

    Examples
    --------
    >>> round(gaussian_entropy_bits(1000), 2)
    6.03
    """
    return answer(0.5 * np.log2(math.pi * math.e / 2.0 * counts("map_i.gaussian_entropy_bits", "n", n)))


def overflow_probability(n: Floats, limit: Floats) -> Floats:
    """Return the probability that one counter of a set bundle ends beyond +-limit.

    Parameters
    ----------
    n : int or array
        Number of items in the bundle. Elementwise.
    limit : int or array
        Largest absolute value that the counter holds, such as 127.

    Returns
    -------
    float or ndarray
        P(|sum of n signs| > limit), exact; 0 while n <= limit.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    About 2 Q(limit / sqrt n). Formula 1.9; derived, the exact form here.

    Examples
    --------
    >>> overflow_probability(127, 127)
    0.0
    >>> round(overflow_probability(10_000, 127), 3), round(gaussian_overflow_probability(10_000, 127), 3)
    (0.204, 0.204)
    """
    owner = "map_i.overflow_probability"
    items, most = counts(owner, "n", n, 0), counts(owner, "limit", limit, 0)
    return answer(2.0 * sign_sum_tail(items, most + 1.0))


def gaussian_overflow_probability(n: Floats, limit: Floats) -> Floats:
    """Return the Gaussian overflow probability of one counter, 2 Q(limit / sqrt n).

    Parameters
    ----------
    n : int or array
        Number of items in the bundle. Elementwise.
    limit : int or array
        Largest absolute value that the counter holds.

    Returns
    -------
    float or ndarray
        Probability.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1.9; derived.

    Examples
    --------
    >>> round(gaussian_overflow_probability(10_000, 127), 3)
    0.204
    """
    owner = "map_i.gaussian_overflow_probability"
    items, most = counts(owner, "n", n), counts(owner, "limit", limit, 0)
    return answer(2.0 * np.asarray(tail(most / np.sqrt(items))))
