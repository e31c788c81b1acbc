# SPDX-License-Identifier: Apache-2.0
"""Bloom filters whose keys keep to one block of bits. All of it is in `bloom` too.

The `..._fpr` and `..._size` functions are exact for a number of blocks and keys; the rates by bits a key are
the limit of many blocks. What the set bits tell of the keys is in `bloom_blocks_estimates`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._blocks import LANES, MOST_HASHES, block_fpr, least_blocks, loads, throws_of
from ._checks import Floats, answer, count, probabilities, real
from .bloom_estimates import fill

_LEAST_FPR = 1e-100  # beyond it, numbers of blocks overflow a float
_MARGIN = 1.05  # the textbook rate inside a block is low, but not provably


def _poisson(mean: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return counts and Poisson probabilities around a mean, to 1e-17 of the mass."""
    reach = 10.0 * math.sqrt(mean) + 40.0
    i = np.arange(max(0, math.floor(mean - reach)), math.ceil(mean + reach) + 1)
    log = np.array([j * math.log(mean) - mean - math.lgamma(j + 1.0) for j in i])
    return i.astype(np.float64), np.exp(log)


def blocked_false_positive_rate(block_bits: int, n_hashes: int, bits_per_key: float) -> float:
    """Return the false-positive rate of a blocked Bloom filter, in which a key's bits share one block.

    Parameters
    ----------
    block_bits : int
        Bits B of a block, such as 512.
    n_hashes : int
        Number of hashes k.
    bits_per_key : float
        Bits c a key over the whole filter, above 0.

    Returns
    -------
    float
        sum_i Poisson(i; B/c) (1 - (1 - 1/B)^(ki))^k.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 4.3; recalled (Putze, Sanders & Singler 2007).

    Examples
    --------
    >>> round(blocked_false_positive_rate(512, 5, 8), 5)
    0.02312
    """
    owner = "bloom.blocked_false_positive_rate"
    block, k = count(owner, "block_bits", block_bits), count(owner, "n_hashes", n_hashes)
    i, chance = _poisson(block / real(owner, "bits_per_key", bits_per_key, 0.0, ends="(]"))
    return float(chance @ np.asarray(fill(block, k, i)) ** k)


def split_block_false_positive_rate(bits_per_key: float) -> float:
    """Return the false-positive rate of a split-block filter (8 lanes of 32 bits, as in Parquet).

    Parameters
    ----------
    bits_per_key : float
        Bits c a key, above 0.

    Returns
    -------
    float
        sum_i Poisson(i; 256/c) (1 - (31/32)^i)^8.

    Raises
    ------
    ValueError
        ``bits_per_key`` is not above 0.

    Notes
    -----
    Formula 4.4; derived, simulated at c = 8 (.03383 against .03321).

    Examples
    --------
    >>> round(split_block_false_positive_rate(8), 5)
    0.03321
    """
    owner = "bloom.split_block_false_positive_rate"
    i, chance = _poisson(256.0 / real(owner, "bits_per_key", bits_per_key, 0.0, ends="(]"))
    return float(chance @ (1.0 - (31.0 / 32.0) ** i) ** 8)


def parquet_bits_per_key(fpr: Floats) -> Floats:
    """Return the bits a key that Parquet's specification asks for: -8 / ln(1 - fpr^(1/8)).

    Parameters
    ----------
    fpr : float or array
        False-positive rate, strictly between 0 and 1. Elementwise.

    Returns
    -------
    float or ndarray
        Bits a key; too few, since it ignores that blocks are loaded unevenly.

    Raises
    ------
    ValueError
        ``fpr`` is not strictly between 0 and 1.

    Notes
    -----
    Formula 4.5; paper (apache/parquet-format BloomFilter.md).

    Examples
    --------
    >>> bits = parquet_bits_per_key(0.01)
    >>> round(bits, 2), round(split_block_false_positive_rate(bits), 4)
    (9.68, 0.0146)
    """
    return answer(-8.0 / np.log1p(-(probabilities("bloom.parquet_bits_per_key", "fpr", fpr) ** 0.125)))


def split_block_fpr(n_blocks: int, n: int) -> float:
    """Return the exact false-positive rate of a split-block filter (8 lanes of 32 bits, as in Parquet).

    Parameters
    ----------
    n_blocks : int
        Number b of blocks of 256 bits.
    n : int
        Number of distinct keys in the filter, at least 0.

    Returns
    -------
    float
        sum_i P(Bin(n, 1/b) = i) (1 - (31/32)^i)^8, over random hashes; one filter has its own block loads.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Formula 4.4 with binomial loads in place of its Poisson limit (`split_block_false_positive_rate`);
    derived, simulated (b=4, n=80: .003548 against .003547). Needs no SciPy.

    Examples
    --------
    >>> round(split_block_fpr(10, 320), 5), round(split_block_fpr(10**6, 32 * 10**6), 5)
    (0.03265, 0.03321)
    """
    owner = "bloom.split_block_fpr"
    throws = throws_of(owner, "split-block", LANES)
    return block_fpr(throws, count(owner, "n_blocks", n_blocks), count(owner, "n", n, 0))


def split_block_size(capacity: int, fpr: float) -> int:
    """Return the smallest number of 256-bit blocks whose exact rate at ``capacity`` keys is at most ``fpr``.

    Parameters
    ----------
    capacity : int
        Number of distinct keys n, at least 1.
    fpr : float
        False-positive rate, in [1e-100, 1).

    Returns
    -------
    int
        Number of blocks.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Bisection of `split_block_fpr`. Parquet's own formula (`parquet_bits_per_key`, 4.5) gives 9.68 bits a
    key at 1 % and really 1.46 %, since blocks are loaded unevenly.

    Examples
    --------
    >>> blocks = split_block_size(10**6, 0.01)
    >>> blocks, round(blocks * 256 / 10**6, 2), split_block_fpr(blocks, 10**6) <= 0.01
    (41130, 10.53, True)
    """
    owner = "bloom.split_block_size"
    items, allowed = count(owner, "capacity", capacity), real(owner, "fpr", fpr, _LEAST_FPR, 1.0, "[)")
    start = math.ceil(1.25 * items * -math.log(allowed) / math.log(2.0) ** 2 / 256)
    return least_blocks(throws_of(owner, "split-block", LANES), items, allowed, start)


def cache_line_fpr(n_blocks: int, n_hashes: int, n: int) -> float:
    """Return the exact false-positive rate of a cache-line filter (blocks of 512 bits, 8 lanes of 64).

    Parameters
    ----------
    n_blocks : int
        Number b of blocks of 512 bits.
    n_hashes : int
        Number k of hashes, 1 to 16: bit i of a key lies in lane (r + i) mod 8 of its block, r its own.
    n : int
        Number of distinct keys in the filter, at least 0.

    Returns
    -------
    float
        sum_i P(Bin(n, 1/b) = i) g_k(i), over random hashes.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    g_k(i) is the chance that i keys of the block have set all bits of another, by inclusion and exclusion
    over the lanes: for k <= 8, sum over subsets S of the window W of (-1)^|S| (mean_r (63/64)^|S n W_r|)^i;
    a lane with two bits of the key (k > 8) has (1 - a1^N)/64 + 63/64 (1 - 2 a1^N + a2^N) in place of
    1 - a1^N, a1 = 63/64, a2 = 62/64. Derived, simulated (b=4, n=200: .00940 against .00942 for k=5, .03038
    against .03035 for k=16). Formula 4.3 (`blocked_false_positive_rate` of 512 bits) takes the textbook rate
    inside a block, which is low: by 1.3 % at 8 bits a key and k = 5, by 9 % at 20 and k = 16. Needs no SciPy.

    Examples
    --------
    >>> round(cache_line_fpr(1000, 5, 64_000), 5), round(blocked_false_positive_rate(512, 5, 8), 5)
    (0.02343, 0.02312)
    """
    owner = "bloom.cache_line_fpr"
    throws = throws_of(owner, "cache-line", n_hashes)
    return block_fpr(throws, count(owner, "n_blocks", n_blocks), count(owner, "n", n, 0))


def cache_line_hashes(n_blocks: int, n: int) -> int:
    """Return the number of hashes that makes the false-positive rate of a cache-line filter smallest.

    Parameters
    ----------
    n_blocks : int
        Number b of blocks of 512 bits.
    n : int
        Number of distinct keys in the filter, at least 0.

    Returns
    -------
    int
        The k in 1..16 of the least `cache_line_fpr`; the fewest where several tie.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Fewer than the (m/n) ln 2 of a filter without blocks: full blocks ask for less.

    Examples
    --------
    >>> [cache_line_hashes(10_000, round(512e4 / bits)) for bits in (4, 8, 16, 32)]
    [3, 5, 9, 15]
    """
    owner = "bloom.cache_line_hashes"
    blocks, items = count(owner, "n_blocks", n_blocks), count(owner, "n", n, 0)
    near = {k: _textbook(blocks, k, items) for k in range(1, MOST_HASHES + 1)}
    allowed = _MARGIN**2 * min(near.values())
    exact = {
        k: block_fpr(throws_of(owner, "cache-line", k), blocks, items)
        for k, rate in near.items()
        if rate <= allowed
    }
    return min(exact, key=lambda k: (exact[k], k))


def cache_line_size(capacity: int, fpr: float) -> tuple[int, int]:
    """Return the smallest cache-line filter whose exact rate at ``capacity`` keys is at most ``fpr``.

    Parameters
    ----------
    capacity : int
        Number of distinct keys n, at least 1.
    fpr : float
        False-positive rate, in [1e-100, 1).

    Returns
    -------
    tuple of int
        (n_blocks, n_hashes): the fewest blocks of 512 bits that any number of hashes in 1..16 allows, and the
        fewest hashes that allow them.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Bisection of `cache_line_fpr` for every number of hashes that formula 4.3 does not exclude.

    Examples
    --------
    >>> cache_line_size(10**6, 0.01)
    (19402, 6)
    """
    owner = "bloom.cache_line_size"
    items, allowed = count(owner, "capacity", capacity), real(owner, "fpr", fpr, _LEAST_FPR, 1.0, "[)")
    likely = min(max(1, round(-0.8 * math.log2(allowed))), MOST_HASHES)
    start = math.ceil(1.25 * items * -math.log(allowed) / math.log(2.0) ** 2 / 512)
    best = (least_blocks(throws_of(owner, "cache-line", likely), items, allowed, start), likely)
    for hashes in range(1, MOST_HASHES + 1):
        # Inside a block the textbook rate is low: what it already excludes needs no exact rate.
        if hashes != likely and _textbook(best[0], hashes, items) <= _MARGIN * allowed:
            throws = throws_of(owner, "cache-line", hashes)
            if block_fpr(throws, best[0], items) <= allowed:
                best = min(best, (least_blocks(throws, items, allowed, best[0]), hashes))
    return best


def _textbook(n_blocks: int, n_hashes: int, n: int) -> float:
    """Return formula 4.3 with binomial loads."""
    held, chance = loads(n, n_blocks)
    return float(chance @ np.asarray(fill(512, n_hashes, held)) ** n_hashes)
