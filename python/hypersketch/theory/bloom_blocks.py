# SPDX-License-Identifier: Apache-2.0
"""Bloom filters whose keys keep to one block of bits. All of it is in `bloom` too."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, probabilities, real
from .bloom_estimates import fill


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
