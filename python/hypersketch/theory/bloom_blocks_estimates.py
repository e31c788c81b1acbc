# SPDX-License-Identifier: Apache-2.0
"""Bloom filters of blocks: what the set bits say about cardinality and intersection. All is in `bloom` too.

q is the chance that a key sets a given bit, L = ln(1 - q), m all bits of the filter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._blocks import LANES, Throws, throws_of
from ._checks import Floats, answer, at_most, count, counts, overlap_counts


def _chance(throws: Throws, n_blocks: int) -> float:
    """Return q, the chance that a key sets a given bit."""
    return sum(throws.hit(window[0]) for window in throws.windows) / len(throws.windows) / n_blocks


def blocked_fill(layout: str, n_blocks: int, n_hashes: int, n: Floats) -> Floats:
    """Return the expected share of set bits of a filter of blocks, 1 - (1 - q)^n.

    Parameters
    ----------
    layout : {"split-block", "cache-line"}
        Blocks of 8 lanes of 32 or of 64 bits.
    n_blocks : int
        Number b of blocks.
    n_hashes : int
        Number k of hashes; 8 for split-block, 1 to 16 for cache-line.
    n : int or array
        Number of distinct keys. Elementwise.

    Returns
    -------
    float or ndarray
        E[X] / m, exact; q = 1/(32 b) for split-block, k/(512 b) for cache-line up to k = 8.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived, simulated. Above k = 8 two throws of a key into one lane may coincide.

    Examples
    --------
    >>> round(blocked_fill("split-block", 100, 8, 3200), 4)
    0.6322
    """
    owner = "bloom.blocked_fill"
    throws, blocks = throws_of(owner, layout, n_hashes), count(owner, "n_blocks", n_blocks)
    return answer(-np.expm1(counts(owner, "n", n, 0) * math.log1p(-_chance(throws, blocks))))


def blocked_cardinality(layout: str, n_blocks: int, n_hashes: int, set_bits: Floats) -> Floats:
    """Return the estimated number of distinct keys from the set bits of a filter of blocks.

    Parameters
    ----------
    layout : {"split-block", "cache-line"}
        Blocks of 8 lanes of 32 or of 64 bits.
    n_blocks : int
        Number b of blocks.
    n_hashes : int
        Number k of hashes; 8 for split-block, 1 to 16 for cache-line.
    set_bits : int or array
        Number X of set bits, at most m. Elementwise.

    Returns
    -------
    float or ndarray
        ln(1 - X/m) / ln(1 - q), the inverse of `blocked_fill`; infinite for a full filter.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 4.6 with the q of the layout; derived, simulated. Of the OR of two filters it estimates the union.

    Examples
    --------
    >>> round(blocked_cardinality("split-block", 100, 8, 16_184), 1)
    3200.1
    """
    owner = "bloom.blocked_cardinality"
    throws, blocks = throws_of(owner, layout, n_hashes), count(owner, "n_blocks", n_blocks)
    bits = float(blocks * throws.block_bits)
    x = counts(owner, "set_bits", set_bits, 0)
    at_most(owner, "set_bits", x, np.float64(bits), "the bits of the filter")
    with np.errstate(divide="ignore"):  # a full filter says infinity, and means it
        return answer(np.log1p(-x / bits) / math.log1p(-_chance(throws, blocks)) + 0.0)


def blocked_cardinality_sd(layout: str, n_blocks: int, n_hashes: int, n: Floats) -> Floats:
    """Return the standard deviation of the number of keys estimated from the set bits of a filter of blocks.

    Parameters
    ----------
    layout : {"split-block", "cache-line"}
        Blocks of 8 lanes of 32 or of 64 bits.
    n_blocks : int
        Number b of blocks.
    n_hashes : int
        Number k of hashes; 8 for split-block, 1 to 16 for cache-line.
    n : int or array
        Number of distinct keys; of a union, the keys of both. Elementwise.

    Returns
    -------
    float or ndarray
        sqrt(f(n)), f(s) = sum_j [(u_j / (1 - q)^2)^s - 1] / (m L^2).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    u_j is the chance that a key sets neither a fixed bit nor bit j, over all bits j of the filter: the bit
    itself, those of its lane, of the other lanes of its block, of other blocks. The covariances of the bits
    are exact, the logarithm is linearized (delta method). Derived, simulated.

    Examples
    --------
    >>> round(blocked_cardinality_sd("split-block", 100, 8, 3200), 1)
    18.2
    """
    owner = "bloom.blocked_cardinality_sd"
    throws, blocks = throws_of(owner, layout, n_hashes), count(owner, "n_blocks", n_blocks)
    return answer(np.sqrt(_spread(throws, blocks, counts(owner, "n", n, 0))))


def blocked_intersection_sd(
    layout: str, n_blocks: int, n_hashes: int, n_x: Floats, n_y: Floats, shared: Floats
) -> Floats:
    """Return the standard deviation of the intersection estimated from two filters of blocks.

    Parameters
    ----------
    layout : {"split-block", "cache-line"}
        Blocks of 8 lanes of 32 or of 64 bits.
    n_blocks : int
        Number b of blocks.
    n_hashes : int
        Number k of hashes; 8 for split-block, 1 to 16 for cache-line.
    n_x, n_y, shared : int or array
        Sizes |A|, |B| and I = |A n B|. Elementwise.

    Returns
    -------
    float or ndarray
        sqrt(f(|A u B|) + 2 f(I) - f(|A|) - f(|B|)), f as in `blocked_cardinality_sd`.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.

    Notes
    -----
    For n^(A) + n^(B) - n^(A or B). Formula 4.7 holds for every layout with the f of the layout: a key of
    one filter alone leaves bits of the other untouched, so Cov(n^A, n^B) = f(|A n B|). Derived, simulated.

    Examples
    --------
    >>> round(blocked_intersection_sd("split-block", 16, 8, 400, 500, 150), 2)
    7.82
    """
    owner = "bloom.blocked_intersection_sd"
    throws, blocks = throws_of(owner, layout, n_hashes), count(owner, "n_blocks", n_blocks)
    first, second, both = overlap_counts(owner, n_x, n_y, shared)
    variance = _spread(throws, blocks, first + second - both) + 2.0 * _spread(throws, blocks, both)
    variance = variance - _spread(throws, blocks, first) - _spread(throws, blocks, second)
    return answer(np.sqrt(np.maximum(variance, 0.0)))


def _pairs(throws: Throws, n_blocks: int) -> tuple[list[float], list[float]]:
    """Return how many bits stand in each relation to a fixed bit, and the chances that a key sets both."""
    windows, size = throws.windows, throws.lane_bits
    share = 1.0 / (len(windows) * n_blocks)
    number = [1.0, size - 1.0]
    both = [_chance(throws, n_blocks), share * sum(throws.hit_both(window[0]) for window in windows)]
    for lane in range(1, LANES):
        number.append(float(size))
        both.append(share * sum(throws.hit(window[0]) * throws.hit(window[lane]) for window in windows))
    return [*number, (n_blocks - 1.0) * throws.block_bits], [*both, 0.0]


def _spread(throws: Throws, n_blocks: int, shared: Any) -> Any:
    """Return f(s), the covariance of two estimates with s keys in common.

    With (u_j / (1-q)^2) = 1 + d_j, the terms of first order in d_j add up to the variance of the number of
    bits a key sets, which is 0 when throws cannot coincide: only the rest is computed from differences.
    """
    q, bits = _chance(throws, n_blocks), float(n_blocks * throws.block_bits)
    number, both = _pairs(throws, n_blocks)
    total = shared * throws.distinct_variance() / (bits * (1.0 - q) ** 2)
    for many, together in zip(number, both, strict=True):
        excess = (together - q * q) / (1.0 - q) ** 2
        exponent = math.log1p(excess)
        total = total + many * (_beyond_linear(shared * exponent) + shared * (exponent - excess))
    return np.maximum(total, 0.0) / (bits * math.log1p(-q) ** 2)


def _beyond_linear(y: Any) -> Any:
    """Return e^y - 1 - y, by its series where the subtraction would leave no digits."""
    series = y * y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0))
    with np.errstate(over="ignore"):  # a hopelessly full filter: the error is infinite
        return np.where(np.abs(y) < 1e-3, series, np.expm1(y) - y)
