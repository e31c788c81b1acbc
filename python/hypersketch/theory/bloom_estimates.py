# SPDX-License-Identifier: Apache-2.0
"""Bloom filter: what the set bits say about cardinality and intersection. All of it is in `bloom` too."""

from __future__ import annotations

import numpy as np

from ._checks import Floats, answer, at_most, counts, overlap_counts


def fill(n_bits: Floats, n_hashes: Floats, n: Floats) -> Floats:
    """Return the expected share of set bits, 1 - (1 - 1/m)^(kn).

    Parameters
    ----------
    n_bits, n_hashes, n : int or array
        Number of bits m, of hashes k and of keys n. Elementwise.

    Returns
    -------
    float or ndarray
        E[X] / m, exact.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 4.1; derived.

    Examples
    --------
    >>> fill(2, 1, 2)
    0.75
    """
    owner = "bloom.fill"
    m, k, items = (
        counts(owner, "n_bits", n_bits),
        counts(owner, "n_hashes", n_hashes),
        counts(owner, "n", n, 0),
    )
    return answer(1.0 - _stays_free(m, k * items))


def _stays_free(m: Floats, balls: Floats) -> Floats:
    """Return (1 - 1/m)^balls, also for the one bit of m = 1 and for huge m."""
    many = np.maximum(m, 2.0)
    return np.where(
        np.asarray(m) > 1.0, np.exp(balls * np.log1p(-1.0 / many)), np.where(balls > 0.0, 0.0, 1.0)
    )


def cardinality(n_bits: Floats, n_hashes: Floats, set_bits: Floats) -> Floats:
    """Return the estimated number of distinct keys from the number of set bits.

    Parameters
    ----------
    n_bits, n_hashes : int or array
        Number of bits m and of hashes k. Elementwise.
    set_bits : int or array
        Number X of set bits, at most m.

    Returns
    -------
    float or ndarray
        -(m/k) ln(1 - X/m); infinite for a full filter.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 4.6; recalled (Swamidass & Baldi 2007). Needs no SciPy.

    Examples
    --------
    >>> round(cardinality(1024, 4, 512), 1)
    177.4
    >>> cardinality(8, 1, 8)
    inf
    """
    owner = "bloom.cardinality"
    m, k, x = (
        counts(owner, "n_bits", n_bits),
        counts(owner, "n_hashes", n_hashes),
        counts(owner, "set_bits", set_bits, 0),
    )
    at_most(owner, "set_bits", x, m, "n_bits")
    with np.errstate(divide="ignore"):  # a full filter says infinity, and means it
        return answer(-m / k * np.log1p(-x / m) + 0.0)


def cardinality_sd(n_bits: Floats, n_hashes: Floats, n: Floats) -> Floats:
    """Return the standard deviation of the estimated number of keys.

    Parameters
    ----------
    n_bits, n_hashes, n : int or array
        Number of bits m, of hashes k and of keys n. Elementwise.

    Returns
    -------
    float or ndarray
        sqrt(m (e^L - L - 1)) / k, L = kn/m.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 4.6; derived (delta method), simulated at m=4096, k=4, n=400 (4.720 against 4.727).

    Examples
    --------
    >>> round(cardinality_sd(4096, 4, 400), 3)
    4.727
    """
    owner = "bloom.cardinality_sd"
    m, k, items = (
        counts(owner, "n_bits", n_bits),
        counts(owner, "n_hashes", n_hashes),
        counts(owner, "n", n, 0),
    )
    return answer(np.sqrt(_spread(m, k, items)))


def _spread(m: Floats, k: Floats, n: Floats) -> Floats:
    """Return f(L) = (m/k^2)(e^L - 1 - L), the covariance of two estimates with n keys in common."""
    load = k * n / m
    # The first terms of the series where the subtraction would leave no digits.
    series = load**2 / 2.0 * (1.0 + load / 3.0 * (1.0 + load / 4.0))
    return m / k**2 * np.where(load < 1e-3, series, np.expm1(load) - load)


def intersection_sd(n_bits: Floats, n_hashes: Floats, n_x: Floats, n_y: Floats, shared: Floats) -> Floats:
    """Return the standard deviation of the intersection estimated by inclusion and exclusion.

    Parameters
    ----------
    n_bits, n_hashes : int or array
        Number of bits m and of hashes k. Elementwise.
    n_x, n_y, shared : int or array
        Sizes |A|, |B| and I = |A n B|.

    Returns
    -------
    float or ndarray
        sqrt(f(L_AuB) + 2 f(L_AnB) - f(L_A) - f(L_B)), f(L) = (m/k^2)(e^L - 1 - L).

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.

    Notes
    -----
    For n^(A) + n^(B) - n^(A or B), with Cov(n^A, n^B) = f(L_AnB). Formula 4.7; derived,
    simulated (6.067 against 6.023 at m=4096, k=4, 400, 500, 150 shared). Leading order (|A||B| -
    I(|A|+|B|) + 1.5 I^2)/m, whatever k is.

    Examples
    --------
    >>> round(intersection_sd(4096, 4, 400, 500, 150), 3)
    6.023
    """
    owner = "bloom.intersection_sd"
    m, k = counts(owner, "n_bits", n_bits), counts(owner, "n_hashes", n_hashes)
    first, second, both = overlap_counts(owner, n_x, n_y, shared)
    variance = _spread(m, k, first + second - both) + 2.0 * np.asarray(_spread(m, k, both))
    variance = variance - _spread(m, k, first) - _spread(m, k, second)
    return answer(np.sqrt(np.maximum(variance, 0.0)))


def intersection_from_and(
    n_bits: Floats, n_hashes: Floats, set_x: Floats, set_y: Floats, set_and: Floats
) -> Floats:
    """Return the estimated intersection from the set bits of two filters and of their bitwise AND.

    Parameters
    ----------
    n_bits, n_hashes : int or array
        Number of bits m, at least 2, and of hashes k. Elementwise.
    set_x, set_y, set_and : int or array
        Set bits t1, t2 and t_and.

    Returns
    -------
    float or ndarray
        [ln(m - (t_and m - t1 t2)/(m - t1 - t2 + t_and)) - ln m] / (k ln(1 - 1/m)); infinite when the
        union is full.

    Raises
    ------
    ValueError
        An argument is out of its range, ``set_and`` is above a filter's set bits, or the union exceeds m.

    Notes
    -----
    Formula 4.8; recalled (Papapetrou et al. 2010), simulated (mean 149.85, sd 6.066 for 150
    shared: as 4.7).

    Examples
    --------
    >>> round(intersection_from_and(4096, 4, 1324, 1582, 780), 1)
    150.1
    """
    owner = "bloom.intersection_from_and"
    m, k = counts(owner, "n_bits", n_bits, 2), counts(owner, "n_hashes", n_hashes)
    t1, t2, both = (
        counts(owner, name, value, 0)
        for name, value in (("set_x", set_x), ("set_y", set_y), ("set_and", set_and))
    )
    at_most(owner, "set_and", both, np.minimum(t1, t2), "the smaller number of set bits")
    at_most(owner, "set_x", t1 + t2 - both, m, "n_bits once the union is formed")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (both - t1 * t2 / m) / (m - t1 - t2 + both)
        value = np.log1p(-share) / (k * np.log1p(-1.0 / m)) + 0.0
    return answer(np.where(t1 + t2 - both >= m, np.inf, value))


def and_density(n_bits: Floats, n_hashes: Floats, n_x: Floats, n_y: Floats, shared: Floats) -> Floats:
    """Return the expected share of set bits in the bitwise AND of two filters.

    Parameters
    ----------
    n_bits, n_hashes : int or array
        Number of bits m and of hashes k. Elementwise.
    n_x, n_y, shared : int or array
        Sizes |A|, |B| and |A n B|.

    Returns
    -------
    float or ndarray
        1 - q^|A| - q^|B| + q^|A u B|, q = (1 - 1/m)^k, exact; q ~ e^(-k/m). More than the filter of the
        intersection, 1 - q^|A n B|, has.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.

    Notes
    -----
    Formula 4.9; derived, simulated (.1902 against .1904 at m=4096, k=4, 400, 500, 150 shared).

    Examples
    --------
    >>> round(and_density(4096, 4, 400, 500, 150), 4), round(fill(4096, 4, 150), 3)
    (0.1905, 0.136)
    """
    owner = "bloom.and_density"
    m, k = counts(owner, "n_bits", n_bits), counts(owner, "n_hashes", n_hashes)
    first, second, both = overlap_counts(owner, n_x, n_y, shared)
    free_x, free_y = np.asarray(_stays_free(m, k * first)), np.asarray(_stays_free(m, k * second))
    return answer(1.0 - free_x - free_y + _stays_free(m, k * (first + second - both)))
