# SPDX-License-Identifier: Apache-2.0
"""Bloom filter: m bits, k independent positions a key (repetition possible), no false negatives.

The structures of the package use these functions, so nothing here needs SciPy. The exact false-positive
rate is an alternating sum whose terms cancel almost completely; the standard library's ``decimal``
carries as many digits as that costs. Throughout, X is the number of set bits and L = k n / m the load.
"""

from __future__ import annotations

import decimal
import functools
import math
from decimal import Decimal

import numpy as np

from ._checks import Floats, answer, count, counts, probabilities, real
from .bloom_blocks import (
    blocked_false_positive_rate,
    cache_line_fpr,
    cache_line_hashes,
    cache_line_size,
    parquet_bits_per_key,
    split_block_false_positive_rate,
    split_block_fpr,
    split_block_size,
)
from .bloom_blocks_estimates import (
    blocked_cardinality,
    blocked_cardinality_sd,
    blocked_fill,
    blocked_intersection_sd,
)
from .bloom_estimates import (
    and_density,
    cardinality,
    cardinality_sd,
    fill,
    intersection_from_and,
    intersection_sd,
)

__all__ = [
    "and_density",
    "bits_per_key",
    "blocked_cardinality",
    "blocked_cardinality_sd",
    "blocked_false_positive_rate",
    "blocked_fill",
    "blocked_intersection_sd",
    "cache_line_fpr",
    "cache_line_hashes",
    "cache_line_size",
    "capacity",
    "cardinality",
    "cardinality_sd",
    "classic_false_positive_rate",
    "false_positive_rate",
    "false_positive_rate_sd",
    "fill",
    "intersection_from_and",
    "intersection_sd",
    "occupancy_moment",
    "optimum",
    "parquet_bits_per_key",
    "split_block_false_positive_rate",
    "split_block_fpr",
    "split_block_size",
]


_LN2 = math.log(2.0)
_GUARD_DIGITS = 30
_NEIGHBOURS = 3  # numbers of hashes tried on each side of log2(1/fpr)


@functools.lru_cache(maxsize=256)
def _partitions(k: int) -> tuple[int, ...]:
    """Return S2(k, r) for r = 0..k, Stirling numbers of the second kind."""
    row = [1] + [0] * k
    for _ in range(k):
        row = [0] + [row[r - 1] + r * row[r] for r in range(1, k + 1)]
    return tuple(row)


def occupancy_moment(n_bits: int, power: int, balls: int) -> Decimal:
    """Return E[(X/m)^power] of the occupied share of m bits after some balls, to at least 25 digits.

    Parameters
    ----------
    n_bits : int
        Number of bits m.
    power : int
        Which moment, at least 0.
    balls : int
        Number of independent uniform positions set, k n for a Bloom filter of n keys.

    Returns
    -------
    decimal.Decimal
        The moment; power k is the false-positive rate of k hashes.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    sum_r S2(k, r) m^(falling r) / m^k sum_i (-1)^i C(r, i) (1 - i/m)^balls, since E[X (X-1)
    ... (X-r+1)] is m^(falling r) times the chance that r given bits are all occupied. Formula 4.1;
    derived, the same number as the occupancy recursion.

    Examples
    --------
    >>> float(occupancy_moment(2, 1, 2))
    0.75
    """
    owner = "bloom.occupancy_moment"
    m, k, thrown = (
        count(owner, "n_bits", n_bits),
        count(owner, "power", power, 0),
        count(owner, "balls", balls, 0),
    )
    if thrown == 0 or k == 0:
        return Decimal(int(k == 0))
    # The answer is at least (1 - e^-L)^k and the terms add up to at most 2^k in absolute value.
    lost = k * (math.log10(2.0) - math.log10(-math.expm1(-thrown / m)))
    with decimal.localcontext() as context:
        context.prec = _GUARD_DIGITS + math.ceil(lost) + len(str(thrown))
        context.Emin, context.Emax = decimal.MIN_EMIN, decimal.MAX_EMAX
        ranks = min(k, m)
        free = [(Decimal(m - i) / m) ** thrown for i in range(ranks + 1)]  # i given bits are all free
        total, placed = Decimal(0), Decimal(1)
        for r, ways in enumerate(_partitions(k)[: ranks + 1]):
            if ways:
                occupied = sum(((-1) ** i * math.comb(r, i) * free[i] for i in range(r + 1)), Decimal(0))
                total += ways * placed * occupied * Decimal(m) ** (r - k)
            placed *= Decimal(m - r) / m
    return total


def false_positive_rate(n_bits: int, n_hashes: int, n: int) -> float:
    """Return the exact probability that a key that was not added is answered with yes.

    Parameters
    ----------
    n_bits, n_hashes : int
        Number of bits m and of hashes k.
    n : int
        Number of distinct keys in the filter, at least 0.

    Returns
    -------
    float
        E[(X/m)^k], correct to the last digit of a float, over filters and queries. One filter has its own
        X: see `false_positive_rate_sd`.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    m^-(k(n+1)) sum_i i^k i! C(m,i) S2(kn,i) = E[(X/m)^k] (`occupancy_moment`). Formula 4.1;
    recalled (Bose et al. 2008; Christensen et al. 2010), derived recursion, simulated: m=32 n=4 k=3
    .03287, m=1024 n=128 k=6 .02168. Needs no SciPy.

    Examples
    --------
    >>> round(false_positive_rate(32, 3, 4), 5), round(false_positive_rate(1024, 6, 128), 5)
    (0.03288, 0.02171)
    """
    owner = "bloom.false_positive_rate"
    k = count(owner, "n_hashes", n_hashes)
    return float(occupancy_moment(count(owner, "n_bits", n_bits), k, k * count(owner, "n", n, 0)))


def false_positive_rate_sd(n_bits: int, n_hashes: int, n: int) -> float:
    """Return the standard deviation, over filters, of a filter's own false-positive rate (X/m)^k.

    Parameters
    ----------
    n_bits, n_hashes : int
        Number of bits m and of hashes k.
    n : int
        Number of distinct keys in the filter, at least 0.

    Returns
    -------
    float
        sqrt(E[(X/m)^2k] - E[(X/m)^k]^2), exact: what many queries of one filter do not average away.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Derived from `occupancy_moment`.

    Examples
    --------
    >>> round(false_positive_rate_sd(1024, 6, 128) / false_positive_rate(1024, 6, 128), 3)
    0.102
    """
    owner = "bloom.false_positive_rate_sd"
    m, k = count(owner, "n_bits", n_bits), count(owner, "n_hashes", n_hashes)
    balls = k * count(owner, "n", n, 0)
    with decimal.localcontext() as context:
        context.prec = 60
        first, second = occupancy_moment(m, k, balls), occupancy_moment(m, 2 * k, balls)
        return math.sqrt(max(0.0, float(second - first * first)))


def classic_false_positive_rate(n_bits: Floats, n_hashes: Floats, n: Floats) -> Floats:
    """Return the textbook false-positive rate (1 - (1 - 1/m)^(kn))^k, which is low.

    Parameters
    ----------
    n_bits, n_hashes, n : int or array
        Number of bits m, of hashes k and of keys n. Elementwise.

    Returns
    -------
    float or ndarray
        Rate: the mean share of set bits to the power k, where the exact rate is the mean of the power.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 4.1; recalled; .0318 where the exact rate is .03288 (m=32, n=4, k=3), .02162 against .02171.

    Examples
    --------
    >>> round(classic_false_positive_rate(32, 3, 4), 4), round(classic_false_positive_rate(1024, 6, 128), 5)
    (0.0318, 0.02162)
    """
    owner = "bloom.classic_false_positive_rate"
    return answer(np.asarray(fill(n_bits, n_hashes, n)) ** counts(owner, "n_hashes", n_hashes))


def bits_per_key(fpr: Floats) -> Floats:
    """Return the bits a key needs at the textbook optimum: -ln fpr / (ln 2)^2.

    Parameters
    ----------
    fpr : float or array
        False-positive rate, strictly between 0 and 1. Elementwise.

    Returns
    -------
    float or ndarray
        m / n, reached with k = (m/n) ln 2 and half of the bits set.

    Raises
    ------
    ValueError
        ``fpr`` is not strictly between 0 and 1.

    Notes
    -----
    Formula 4.2; recalled: FPR = .6185^(m/n), 9.585 bits a key at 1 %.

    Examples
    --------
    >>> round(bits_per_key(0.01), 3)
    9.585
    """
    return answer(-np.log(probabilities("bloom.bits_per_key", "fpr", fpr)) / _LN2**2)


def capacity(n_bits: Floats, fpr: Floats) -> Floats:
    """Return the number of keys that m bits hold at a false-positive rate, at the textbook optimum.

    Parameters
    ----------
    n_bits : int or array
        Number of bits m. Elementwise.
    fpr : float or array
        False-positive rate, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        n = m (ln 2)^2 / ln(1/fpr), not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 8; recalled (4.2).

    Examples
    --------
    >>> round(capacity(9585, 0.01))
    1000
    """
    return answer(counts("bloom.capacity", "n_bits", n_bits) / np.asarray(bits_per_key(fpr)))


def optimum(capacity: int, fpr: float) -> tuple[int, int]:
    """Return the smallest filter whose exact false-positive rate at ``capacity`` keys is at most ``fpr``.

    Parameters
    ----------
    capacity : int
        Number of distinct keys n, at least 1.
    fpr : float
        False-positive rate, strictly between 0 and 1.

    Returns
    -------
    tuple of int
        (n_bits, n_hashes): the least m that any number of hashes allows, and the fewest hashes that allow it.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The textbook k = (m/n) ln 2, m = -n ln fpr / (ln 2)^2 (formula 4.2; recalled) rounded to
    integers by the exact rate 4.1 (derived): Newton's method on ln FPR from the textbook m, then single
    steps. Needs no SciPy.

    Examples
    --------
    >>> optimum(1000, 0.01)
    (9595, 7)
    >>> optimum(10**9, 1e-6)[1]
    20
    """
    owner = "bloom.optimum"
    return _optimum(count(owner, "capacity", capacity), real(owner, "fpr", fpr, 0.0, 1.0, "()"))


@functools.lru_cache(maxsize=1024)  # filters of one kind, and layers of a scalable one, ask again
def _optimum(items: int, allowed: float) -> tuple[int, int]:
    middle = max(1, round(-math.log2(allowed)))
    hashes = range(max(1, middle - _NEIGHBOURS), middle + _NEIGHBOURS + 1)
    textbook = {k: _textbook_bits(items, k, allowed) for k in hashes}
    # The exact m lies O(k) above the textbook m: only numbers of hashes that close can be the best.
    near = [k for k in hashes if textbook[k] <= min(textbook.values()) + k + 8.0]
    return min((_least_bits(items, k, allowed, textbook[k]), k) for k in near)


def _textbook_bits(n: int, n_hashes: int, fpr: float) -> float:
    """Return the real m with (1 - (1 - 1/m)^(kn))^k = fpr."""
    share = math.exp(math.log(fpr) / n_hashes)
    return -1.0 / math.expm1(math.log1p(-share) / (n_hashes * n))


def _least_bits(n: int, n_hashes: int, fpr: float, start: float) -> int:
    """Return the least m whose exact rate with these hashes is at most fpr."""
    allowed, balls = Decimal(fpr), n_hashes * n
    m = max(1, math.ceil(start))
    for _ in range(20):
        # Relative excess of the rate, taken in decimals: near the answer a float would see only rounding.
        excess = math.log1p(float(occupancy_moment(m, n_hashes, balls) / allowed - 1))
        load = balls / m
        step = math.ceil(excess * m / (n_hashes * load / math.expm1(load)))
        if abs(step) <= 1 or m + step < 1:
            break
        m += step
    while occupancy_moment(m, n_hashes, balls) > allowed:
        m += 1
    while m > 1 and occupancy_moment(m - 1, n_hashes, balls) <= allowed:
        m -= 1
    return m
