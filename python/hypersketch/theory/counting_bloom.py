# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filter: the Bloom filter's positions, counters in place of bits.

A key's count is the minimum over its distinct cells of floor(cell / multiplicity), the multiplicity being
how many of its k positions fall there. Counts err upwards only; inner products of the counters estimate
intersections.
"""

from __future__ import annotations

import math

import numpy as np

from . import bloom
from ._checks import Floats, answer, at_most, count, counts, overlap_counts
from ._lattice import binomial_tail


def _multiplicity_factor(m: int, k: int, balls: int) -> float:
    """Return P(every cell holds its multiplicity or more) / P(every cell is occupied), for k positions.

    With Poisson cells both are k!/m^k [t^k] g(t)^m, g = sum_j a_j t^j / j!, where a_j = P(cell >= j) or
    P(cell >= 1). A fixed number N of balls in place of a Poisson one takes N/2 times the relative second
    derivative off the logarithm.
    """
    if k == 1 or balls == 0:
        return 1.0
    step = 0.01 * balls
    low, middle, high = (np.array(_poisson_rates(m, k, balls, shift)) for shift in (-step, 0.0, step))
    curvature = ((high - middle) - (middle - low)) / middle / step**2
    return float(middle[0] / middle[1] * math.exp(-0.5 * balls * (curvature[0] - curvature[1])))


def _poisson_rates(m: int, k: int, balls: int, shift: float) -> tuple[float, float]:
    """Return the two rates for Poisson cells of balls + shift balls, in units that depend on balls alone."""
    load = (balls + shift) / m
    pmf, enough = math.exp(-load), [1.0, -math.expm1(-load)]
    for j in range(1, k):
        pmf *= load / j
        # Small loads: the tail is its first term, not what a subtraction leaves.
        enough.append(max(enough[-1] - pmf, pmf * load / (j + 1)))
    unit = (enough[1] / -math.expm1(-balls / m)) ** k
    return _power_coefficient(m, enough) * unit, _power_coefficient(m, [1.0] + [enough[1]] * k) * unit


def _power_coefficient(m: int, a: list[float]) -> float:
    """Return [t^k] (sum_j a_j t^j / j!)^m in units of (m a_1)^k / k!, with a_0 = 1 and k = len(a) - 1."""
    unit, scaled = a[1] * m, [1.0]
    b = [a_j / (math.factorial(j) * unit**j) for j, a_j in enumerate(a)]
    for i in range(1, len(a)):
        scaled.append(sum((j * (m + 1.0) - i) * b[j] * scaled[i - j] for j in range(1, i + 1)) / i)
    return scaled[-1] * math.factorial(len(a) - 1)


def false_positive_rate(n_cells: int, n_hashes: int, n: int) -> float:
    """Return the probability that a key that was not added has a count above 0.

    Parameters
    ----------
    n_cells, n_hashes : int
        Number of cells m and of hashes k.
    n : int
        Number of keys in the filter, each added once, at least 0.

    Returns
    -------
    float
        The exact `bloom.false_positive_rate` times the chance that no cell is too small for coinciding
        positions.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    A key with two positions in one cell needs a 2 there, so the rate lies below the Bloom
    filter's (4.1; recalled and derived) by about C(k,2)/m P(cell = 1)/P(cell > 0)^2 of it. The factor is
    derived; simulated: m=64 k=4 n=12 .07214 against .07206 (Bloom .08132), m=256 k=6 n=32 .02049 against
    .02052 (.02212), m=20 k=3 n=4 .0786 against .0791. Meant for k < m / 4 and k < N. Needs no SciPy.

    Examples
    --------
    >>> round(false_positive_rate(1024, 6, 128), 5), round(bloom.false_positive_rate(1024, 6, 128), 5)
    (0.02131, 0.02171)
    """
    owner = "counting_bloom.false_positive_rate"
    m, k = count(owner, "n_cells", n_cells), count(owner, "n_hashes", n_hashes)
    items = count(owner, "n", n, 0)
    return bloom.false_positive_rate(m, k, items) * _multiplicity_factor(m, k, k * items)


def wrong_count_rate(n_cells: int, n_hashes: int, n: int) -> float:
    """Return the probability that the count of a key added once is above 1.

    Parameters
    ----------
    n_cells, n_hashes : int
        Number of cells m and of hashes k.
    n : int
        Number of keys in the filter, each added once, this one included.

    Returns
    -------
    float
        `false_positive_rate` of the other n - 1 keys: they must fill every cell of the key once more.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Derived: floor((multiplicity + others) / multiplicity) >= 2 iff others >= multiplicity, in every cell.

    Examples
    --------
    >>> wrong_count_rate(1024, 6, 129) == false_positive_rate(1024, 6, 128)
    True
    """
    owner = "counting_bloom.wrong_count_rate"
    return false_positive_rate(
        count(owner, "n_cells", n_cells), count(owner, "n_hashes", n_hashes), count(owner, "n", n) - 1
    )


def intersection_moments(
    n_cells: Floats, n_hashes: Floats, n_x: Floats, n_y: Floats, shared: Floats
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the intersection estimated from the counters' inner product.

    Parameters
    ----------
    n_cells, n_hashes : int or array
        Number of cells m, at least 2, and of hashes k. Elementwise.
    n_x, n_y, shared : int or array
        Sizes |X|, |Y| and I = |X n Y|, each key added once.

    Returns
    -------
    tuple of float or ndarray
        (I, sqrt((|X||Y| + I^2 - 2I/k) / (m - 1))).

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.

    Notes
    -----
    Of I^ = (<c_X, c_Y> - k^2 |X||Y| / m) / (k (1 - 1/m)). Formula 4.10; derived, simulated
    (mean 149.8, sd 7.28 against 7.37 at m=4096, sizes 400, 500, 150 shared). Exact here: the positions of
    the keys are pairwise independent, and pairs of positions that are both shared count twice.
    Independent of k but for the last term; MAP-I with D = m.

    Examples
    --------
    >>> mean, sd = intersection_moments(4096, 4, 400, 500, 150)
    >>> mean, round(sd, 2)
    (150.0, 7.37)
    """
    owner = "counting_bloom.intersection_moments"
    m, k = counts(owner, "n_cells", n_cells, 2), counts(owner, "n_hashes", n_hashes)
    first, second, both = overlap_counts(owner, n_x, n_y, shared)
    variance = (first * second + both**2 - 2.0 * both / k) / (m - 1.0)
    return answer(both + 0.0 * variance), answer(np.sqrt(np.maximum(variance, 0.0)))


def overflow_probability(n_cells: Floats, n_hashes: Floats, n: Floats, counter_bits: Floats) -> Floats:
    """Return the probability that any cell would have to hold 2^counter_bits or more.

    Parameters
    ----------
    n_cells, n_hashes, n : int or array
        Number of cells m, of hashes k and of keys n, each added once. Elementwise.
    counter_bits : int or array
        Width of a cell in bits.

    Returns
    -------
    float or ndarray
        1 - (1 - p)^m, p = P(Bin(kn, 1/m) >= 2^counter_bits).

    Raises
    ------
    ValueError
        An argument is not an integer of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    p is exact; cells are taken as independent (they are negatively associated, which matters
    only when overflow is likely anyway). Derived; the bound of formula 4.11 is `overflow_bound`.

    Examples
    --------
    >>> overflow_probability(1000, 7, 100, 4) < overflow_bound(1000, 7, 100, 4)
    True
    """
    owner = "counting_bloom.overflow_probability"
    m, k, items = (
        counts(owner, "n_cells", n_cells),
        counts(owner, "n_hashes", n_hashes),
        counts(owner, "n", n, 0),
    )
    least = 2.0 ** counts(owner, "counter_bits", counter_bits)
    one = np.minimum(binomial_tail(k * items, least, 1.0 / m), 1.0 - 1e-16)
    return answer(-np.expm1(m * np.log1p(-one)))


def overflow_bound(n_cells: Floats, n_hashes: Floats, n: Floats, counter_bits: Floats = 4) -> Floats:
    """Return the union bound on overflow, m (e k n / (2^b m))^(2^b).

    Parameters
    ----------
    n_cells, n_hashes, n : int or array
        Number of cells m, of hashes k and of keys n. Elementwise.
    counter_bits : int or array, default 4
        Width b of a cell in bits, at most 32.

    Returns
    -------
    float or ndarray
        Bound, at most 1.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 4.11; recalled (Fan et al.): 1.4e-15 m for 4 bits at k = (m/n) ln 2.

    Examples
    --------
    >>> round(overflow_bound(1000, 1, 693, 4) / 1000 * 1e15, 1)
    1.4
    """
    owner = "counting_bloom.overflow_bound"
    m, k, items = (
        counts(owner, "n_cells", n_cells),
        counts(owner, "n_hashes", n_hashes),
        counts(owner, "n", n),
    )
    bits = counts(owner, "counter_bits", counter_bits)
    at_most(owner, "counter_bits", bits, np.float64(32.0), "the widest cell,")
    least = 2.0**bits
    log = np.log(m) + least * (1.0 + np.log(k * items / (least * m)))
    return answer(np.exp(np.minimum(log, 0.0)))
