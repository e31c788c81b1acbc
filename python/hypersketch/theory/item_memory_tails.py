# SPDX-License-Identifier: Apache-2.0
"""Item memories: laws of a stranger's similarity to one item. All of it is in `item_memory` too."""

from __future__ import annotations

import numpy as np

from ._checks import Floats, answer, count, counts, reals
from ._scipy import scipy_module

_EPSILON = 1e-9
"""Of a whole number: thresholds are quotients, and come back as such a number up to rounding."""


def hamming_tail(dim: int, threshold: Floats) -> Floats:
    """Return the probability that a random vector of signs is so alike to a given one.

    Parameters
    ----------
    dim : int
        Dimension D.
    threshold : float or array
        Similarity 1 - 2 h / D for h differing entries. Elementwise.

    Returns
    -------
    float or ndarray
        P(similarity >= threshold), exact up to rounding.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    D - h is binomial with D draws of 1/2 (MAP-I, MAP-B, BSC). Definition.

    Examples
    --------
    >>> hamming_tail(4, [1.0, 0.5, 0.4]).tolist()
    [0.0625, 0.3125, 0.3125]
    """
    d = count("item_memory.hamming_tail", "dim", dim)
    given = reals("item_memory.hamming_tail", "threshold", threshold)
    least = np.ceil(d * (1.0 + given) / 2.0 - _EPSILON)
    return answer(scipy_module("stats").binom.sf(least - 1, d, 0.5))


def agreement_tail(width: int, order: int, threshold: Floats) -> Floats:
    """Return the probability that random vectors of integers modulo r agree in such a share of their entries.

    Parameters
    ----------
    width : int
        Number w of entries (CGR) or blocks (sparse block codes).
    order : int
        Number r of values of an entry.
    threshold : float or array
        Share of equal entries. Elementwise.

    Returns
    -------
    float or ndarray
        P(similarity >= threshold), exact up to rounding.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    The number of equal entries is binomial with w draws of 1/r. Definition.

    Examples
    --------
    >>> agreement_tail(2, 10, [1.0, 0.5]).round(6).tolist()
    [0.01, 0.19]
    """
    owner = "item_memory.agreement_tail"
    w, r = count(owner, "width", width), count(owner, "order", order, 2)
    least = np.ceil(w * reals(owner, "threshold", threshold) - _EPSILON)
    return answer(scipy_module("stats").binom.sf(least - 1, w, 1.0 / r))


def overlap_tail(dim: int, ones: Floats, others: Floats, threshold: Floats) -> Floats:
    """Return the probability that random sparse vectors overlap so much.

    Parameters
    ----------
    dim : int
        Dimension D.
    ones, others : int or array
        Numbers a and b of ones of the two vectors. Elementwise.
    threshold : float or array
        Overlap over sqrt(a b). Elementwise.

    Returns
    -------
    float or ndarray
        P(similarity >= threshold), exact up to rounding.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    The overlap is hypergeometric: b of D places are drawn, of which a count (BSDC). Definition.

    Examples
    --------
    >>> overlap_tail(4, 2, 2, [1.0, 0.5]).round(6).tolist()
    [0.166667, 0.833333]
    """
    owner = "item_memory.overlap_tail"
    d, a, b = count(owner, "dim", dim), counts(owner, "ones", ones, 0), counts(owner, "others", others, 0)
    least = np.ceil(reals(owner, "threshold", threshold) * np.sqrt(a * b) - _EPSILON)
    chance = scipy_module("stats").hypergeom.sf(least - 1, d, a, b)
    # Vectors without ones have the similarity 0.
    return answer(np.where(a * b > 0, chance, np.asarray(threshold) <= 0.0))


def segment_tail(segments: int, length: int, ones: Floats, threshold: Floats) -> Floats:
    """Return a bound of the probability that a vector of one 1 a segment overlaps so much with a given one.

    Parameters
    ----------
    segments : int
        Number k of segments, and of ones of the random vector.
    length : int
        Length of the shortest segment.
    ones : int or array
        Number a of ones of the given vector. Elementwise.
    threshold : float or array
        Overlap over sqrt(a k). Elementwise.

    Returns
    -------
    float or ndarray
        At least P(similarity >= threshold), as soon as the threshold is one 1 above the mean; exact for atoms
        and segments of one length.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    Ones of different segments meet independently, with probabilities whose mean is at most a / (k length).
    The tail of such a sum is largest when all are equal (Hoeffding 1956; recalled): binomial.

    Examples
    --------
    >>> segment_tail(2, 10, 2, [1.0, 0.5]).round(6).tolist()
    [0.01, 0.19]
    """
    owner = "item_memory.segment_tail"
    k, size = count(owner, "segments", segments), count(owner, "length", length)
    a = counts(owner, "ones", ones, 0)
    least = np.ceil(reals(owner, "threshold", threshold) * np.sqrt(a * k) - _EPSILON)
    return answer(scipy_module("stats").binom.sf(least - 1, k, np.minimum(1.0, a / (k * size))))


def ternary_tail(ones: Floats, others: Floats, threshold: Floats) -> Floats:
    """Return a bound of the probability that vectors of -1, 0 and +1 with random signs are so alike.

    Parameters
    ----------
    ones, others : int or array
        Numbers a and b of entries of the two vectors that are not 0. Elementwise.
    threshold : float or array
        Inner product over sqrt(a b). Elementwise.

    Returns
    -------
    float or ndarray
        P(similarity >= threshold) when the smaller support lies in the other one, as it does in an atom's,
        which is exact; for other vectors no less than it, for thresholds above 0.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    The inner product is the sum of min(a, b) random signs, or of fewer (MAP-T). Definition.

    Examples
    --------
    >>> ternary_tail(4, 4, [1.0, 0.5]).tolist()
    [0.0625, 0.3125]
    """
    owner = "item_memory.ternary_tail"
    a, b = counts(owner, "ones", ones, 0), counts(owner, "others", others, 0)
    signs, t = np.minimum(a, b), reals(owner, "threshold", threshold)
    least = np.ceil((signs + t * np.sqrt(a * b)) / 2.0 - _EPSILON)
    chance = scipy_module("stats").binom.sf(least - 1, signs, 0.5)
    return answer(np.where(signs > 0, chance, t <= 0.0))


def cosine_tail(dim: int, threshold: Floats) -> Floats:
    """Return the probability that the cosine of a random direction with a given one is so large.

    Parameters
    ----------
    dim : int
        Dimension D of the real vectors, at least 2.
    threshold : float or array
        Cosine. Elementwise.

    Returns
    -------
    float or ndarray
        P(cosine >= threshold), exact up to rounding.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    Half of I_{1 - t^2}((D - 1) / 2, 1 / 2), the share of a cap of the sphere: normal atoms have uniform
    directions (HRR, VTB, MBAT). Known; recalled.

    Examples
    --------
    >>> cosine_tail(3, [0.0, 0.5]).round(6).tolist()
    [0.5, 0.25]
    """
    owner = "item_memory.cosine_tail"
    d, t = count(owner, "dim", dim, 2), reals(owner, "threshold", threshold)
    cap = 0.5 * scipy_module("special").betainc((d - 1) / 2.0, 0.5, np.clip(1.0 - t * t, 0.0, 1.0))
    return answer(np.where(t >= 0.0, cap, 1.0 - cap))


def phasor_sd(dim: int) -> float:
    """Return the standard deviation of the cosine of random phasors: sqrt(1 / (2 D)).

    Notes
    -----
    The mean over D entries of cos(angle), whose variance is 1/2; for any given second vector. Derived.

    Examples
    --------
    >>> phasor_sd(5000)
    0.01
    """
    return float((2.0 * count("item_memory.phasor_sd", "dim", dim)) ** -0.5)


def circle_moments(width: int, order: int) -> tuple[float, float]:
    """Return mean and standard deviation of the similarity of random integers modulo r on a circle (MCR).

    Parameters
    ----------
    width : int
        Number w of entries.
    order : int
        Number r of values of an entry.

    Returns
    -------
    mean, sd : float
        Of 1 - 4 d / r for the mean distance d of w entries around the circle.

    Raises
    ------
    ValueError
        An argument is out of range.

    Notes
    -----
    The distance of an entry is one of min(i, r - i), i = 0 ... r - 1, all as likely. Definition.

    Examples
    --------
    >>> circle_moments(1, 2)
    (0.0, 1.0)
    """
    owner = "item_memory.circle_moments"
    w, r = count(owner, "width", width), count(owner, "order", order, 2)
    steps = np.arange(r)
    alike = 1.0 - 4.0 * np.minimum(steps, r - steps) / r
    return float(alike.mean()), float(alike.std() / np.sqrt(w))
