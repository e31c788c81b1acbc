# SPDX-License-Identifier: Apache-2.0
"""Cleanup: published closed forms of the dimension. All of it is in `cleanup` too."""

from __future__ import annotations

import math

import numpy as np

from . import map_b
from ._checks import Floats, answer, counts, probabilities, reals
from .normal import tail, tail_inverse

_HIGH_FIDELITY = 1.08  # b of Frady, Kleyko & Sommer (2018)


def high_fidelity_dimension(n: Floats, universe: Floats, error: Floats) -> Floats:
    """Return the closed-form BSC dimension for a small cleanup error.

    Parameters
    ----------
    n, universe : int or array
        Number of items in the bundle and number N of codewords, at least 2. Elementwise.
    error : float or array
        Allowed error, strictly between 0 and 1/2.

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
    [ln(N-1) - ln(2 eps) + ln(sqrt(2e/pi) sqrt(b-1)/b)] / (b (1/2 - Delta)^2), b = 1.08.
    Formula 3.3; paper (Frady, Kleyko & Sommer 2018, as coded in hdfsa). Against the exact form 2 % high
    at .001 and 25 % high at .1 (n = 1000, N = 100): use only at high fidelity.

    Examples
    --------
    >>> [round(high_fidelity_dimension(1000, 100, eps), -2) for eps in (0.001, 0.1)]
    [56700.0, 29900.0]
    """
    owner = "cleanup.high_fidelity_dimension"
    items, total = counts(owner, "n", n), counts(owner, "universe", universe, 2)
    wrong = reals(owner, "error", error, 0.0, 0.5, "()")
    b = _HIGH_FIDELITY
    constant = math.log(math.sqrt(2.0 * math.e / math.pi) * math.sqrt(b - 1.0) / b)
    bias = 0.5 - np.asarray(map_b.hamming(items))
    return answer((np.log(total - 1.0) - np.log(2.0 * wrong) + constant) / (b * bias**2))


def gallant_okaywe_accuracy(dim: Floats, n: Floats, universe: Floats) -> Floats:
    """Return a lower bound on P(all N distractors are beaten): 1 - N Q(sqrt(D / (2n - 1))).

    Parameters
    ----------
    dim, n, universe : int or array
        Dimension D, items in the bundle n, distractors N. Elementwise.

    Returns
    -------
    float or ndarray
        Bound; below 0 where it says nothing.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 3.4; paper, second hand (Gallant & Okaywe 2013; hdfsa). A union bound over
    competitors as if independent of the target's noise: conservative.

    Examples
    --------
    >>> round(1 - (1 - gallant_okaywe_accuracy(6927, 100, 100_000)) * 100, 3)
    0.982
    """
    owner = "cleanup.gallant_okaywe_accuracy"
    ratio = counts(owner, "dim", dim) / (2.0 * counts(owner, "n", n) - 1.0)
    return answer(1.0 - counts(owner, "universe", universe) * np.asarray(tail(np.sqrt(ratio))))


def gallant_okaywe_dimension(n: Floats, universe: Floats, error: Floats) -> Floats:
    """Return the dimension at which all n items beat N distractors: (2n - 1) z^2, z = Q^-1(error / (n N)).

    Parameters
    ----------
    n, universe : int or array
        Items in the bundle and distractors. Elementwise.
    error : float or array
        Allowed probability of any error, strictly between 0 and 1.

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
    Formula 3.4; paper, second hand (Gallant & Okaywe 2013; hdfsa).

    Examples
    --------
    >>> round(gallant_okaywe_dimension(100, 100_000, 0.018))
    6931
    """
    owner = "cleanup.gallant_okaywe_dimension"
    items, total = counts(owner, "n", n), counts(owner, "universe", universe)
    z = tail_inverse(probabilities(owner, "error", error) / (items * total))
    return answer((2.0 * items - 1.0) * z**2)
