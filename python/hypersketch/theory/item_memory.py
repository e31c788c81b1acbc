# SPDX-License-Identifier: Apache-2.0
"""Item memories: how alike a stranger is to the most alike of n items, and what keeps strangers out.

A stranger is a random vector of the space, drawn without regard to the items. The probability that its
similarity to one item reaches t is a tail of a known law in every space; that it reaches t for any of n items
is at most n times that (union bound), and 1 - (1 - p)^n where the items are independent, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks import Floats, answer, count, counts, probabilities, real, reals
from ._scipy import scipy_module
from .item_memory_tails import (
    agreement_tail,
    circle_moments,
    cosine_tail,
    hamming_tail,
    overlap_tail,
    phasor_sd,
    segment_tail,
    ternary_tail,
)
from .normal import tail_inverse

__all__ = [
    "agreement_tail",
    "agreement_threshold",
    "circle_moments",
    "cosine_tail",
    "cosine_threshold",
    "false_accept",
    "hamming_tail",
    "hamming_threshold",
    "normal_threshold",
    "overlap_tail",
    "phasor_sd",
    "segment_tail",
    "ternary_tail",
]


def false_accept(tail: Floats, n: Floats) -> Floats:
    """Return the probability that a stranger is accepted by any of n independent items.

    Parameters
    ----------
    tail : float or array
        Probability p that one item accepts it, in [0, 1]. Elementwise with ``n``.
    n : int or array
        Number of items.

    Returns
    -------
    float or ndarray
        1 - (1 - p)^n, without cancellation.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    The largest of n independent similarities; exact. Definition.

    Examples
    --------
    >>> round(false_accept(1e-6, 1000), 6)
    0.001
    """
    p = reals("item_memory.false_accept", "tail", tail, 0.0, 1.0)
    items = counts("item_memory.false_accept", "n", n)
    with np.errstate(divide="ignore"):
        return answer(-np.expm1(items * np.log1p(-p)))


def _one_item(owner: str, n: object, rate: Any) -> float:
    """Return the probability that each of n items may accept a stranger with: the union bound."""
    return float(probabilities(owner, "false_accept", rate)) / count(owner, "n", n)


def hamming_threshold(dim: int, n: int, false_accept: float) -> float:
    """Return the least similarity of packed vectors that keeps strangers out.

    Parameters
    ----------
    dim : int
        Dimension D.
    n : int
        Number of items.
    false_accept : float
        Probability with which a stranger may be accepted, in (0, 1).

    Returns
    -------
    float
        The smallest (D - 2 h) / D whose `hamming_tail` times n is no more than the rate. Above 1 where even
        equal vectors are too likely.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    Exact binomial quantile with the union bound; derived.

    Examples
    --------
    >>> hamming_threshold(10_000, 1000, 0.001)
    0.0478
    """
    owner = "item_memory.hamming_threshold"
    d = count(owner, "dim", dim)
    agreeing = 1 + float(scipy_module("stats").binom.isf(_one_item(owner, n, false_accept), d, 0.5))
    return (2.0 * agreeing - d) / d


def agreement_threshold(width: int, order: int, n: int, false_accept: float) -> float:
    """Return the least share of equal entries that keeps strangers out; otherwise as `hamming_threshold`.

    Notes
    -----
    Exact binomial quantile with the union bound; derived.

    Examples
    --------
    >>> agreement_threshold(500, 64, 1000, 0.001)
    0.05
    """
    owner = "item_memory.agreement_threshold"
    w, r = count(owner, "width", width), count(owner, "order", order, 2)
    return (1.0 + float(scipy_module("stats").binom.isf(_one_item(owner, n, false_accept), w, 1.0 / r))) / w


def cosine_threshold(dim: int, n: int, false_accept: float) -> float:
    """Return the cosine that keeps strangers out; otherwise as `hamming_threshold`.

    Notes
    -----
    The inverse of `cosine_tail` with the union bound; derived.

    Examples
    --------
    >>> round(cosine_threshold(10_000, 1000, 0.001), 4)
    0.0475
    """
    owner = "item_memory.cosine_threshold"
    d, p = count(owner, "dim", dim, 2), _one_item(owner, n, false_accept)
    cap = float(scipy_module("special").betaincinv((d - 1) / 2.0, 0.5, 2.0 * min(p, 1.0 - p)))
    return float(np.sqrt(1.0 - cap) * (1.0 if p <= 0.5 else -1.0))


def normal_threshold(sd: Floats, n: int, false_accept: float, mean: float = 0.0) -> Floats:
    """Return the similarity that keeps strangers out whose similarities are about normal.

    Parameters
    ----------
    sd : float or array
        Standard deviation of a stranger's similarity to one item. Elementwise.
    n : int
        Number of items.
    false_accept : float
        Probability with which a stranger may be accepted, in (0, 1).
    mean : float, default 0
        Mean of that similarity.

    Returns
    -------
    float or ndarray
        mean + sd Q^-1(rate / n).

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    Gaussian, with the union bound. Sums of bounded terms that are flatter than the normal law, as phasors'
    cosines (FHRR), products of uniform numbers (MAP-C) and distances around a circle (MCR) are, have thinner
    tails beyond 2.3 standard deviations (their excess kurtosis is negative), so that the rate stays below.

    Examples
    --------
    >>> round(normal_threshold(0.01, 1000, 0.001), 4)
    0.0475
    """
    owner = "item_memory.normal_threshold"
    sds = reals(owner, "sd", sd, 0.0)
    p = _one_item(owner, n, false_accept)
    return answer(real(owner, "mean", mean) + sds * tail_inverse(p))
