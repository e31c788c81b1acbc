# SPDX-License-Identifier: Apache-2.0
"""Exact tails of integer scores: which integer is the first that passes a threshold, and how likely it is.

Scores are integers divided by a scale, and the rule is ``score >= threshold`` in float64. Both halves of
that sentence matter: a Gaussian tail ignores the lattice, and a rate is wrong by a whole lattice point if
the first passing integer is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._scipy import scipy_module
from ._search import least_passing

_HALF_RANGE = 9.0  # standard deviations kept on each side of a sum: Q(9) = 1e-19
_EXPONENTIAL_TAIL = 90.0  # one term Y^2 has the tail exp(-y/2D): 90 D is beyond 1e-19
_BAND_TERMS, _BAND_VALUES = 256, 16  # from here on only frequencies near zero matter, see _tail_by_band


def least_score(scale: Any, threshold: Any) -> NDArray[np.float64]:
    """Return the least integer s whose float64 quotient s / scale reaches the threshold.

    Examples
    --------
    >>> float(least_score(1001, 0.5)), float(least_score(10, 0.3))
    (501.0, 3.0)
    """
    scale, threshold = np.asarray(scale, dtype=np.float64), np.asarray(threshold, dtype=np.float64)
    least = np.ceil(threshold * scale)
    least = np.where((least - 1.0) / scale >= threshold, least - 1.0, least)
    return np.asarray(np.where(least / scale < threshold, least + 1.0, least))


def binomial_tail(draws: Any, least: Any, probability: Any) -> NDArray[np.float64]:
    """Return P(B >= least) for B ~ Bin(draws, probability), exact, as a regularised incomplete beta function.

    Examples
    --------
    >>> float(binomial_tail(4, 3, 0.5)), float(binomial_tail(4, 0, 0.5)), float(binomial_tail(4, 5, 0.5))
    (0.3125, 1.0, 0.0)
    """
    draws, least, probability = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (draws, least, probability))
    )
    inside = (least >= 1.0) & (least <= draws)
    first, last = np.where(inside, least, 1.0), np.where(inside, draws - least + 1.0, 1.0)
    value = scipy_module("special").betainc(first, last, probability)
    return np.asarray(np.where(inside, value, np.where(least < 1.0, 1.0, 0.0)))


def sign_sum_tail(draws: Any, least: Any) -> NDArray[np.float64]:
    """Return P(sum of ``draws`` independent signs >= least), exact.

    Examples
    --------
    >>> float(sign_sum_tail(2, 0)), float(sign_sum_tail(2, 1))
    (0.75, 0.25)
    """
    return binomial_tail(draws, np.ceil((np.asarray(least) + draws) / 2.0), 0.5)


def symmetric_sum_tail(values: NDArray[np.int64], weights: NDArray[np.float64], n: int, least: int) -> float:
    """Return P(e_1 V_1 + ... + e_n V_n >= least): e_i random signs, V_i iid integers with the given weights.

    The n-th power of the characteristic function on the lattice of the sum, summed over the tail. The
    absolute error is rounding alone: below 1e-13 (n times 1e-17 where fewer than 16 values meet n >
    10,000).

    Examples
    --------
    >>> import numpy as np
    >>> round(symmetric_sum_tail(np.array([1]), np.array([1.0]), 4, 2), 12)
    0.3125
    """
    if n == 0:
        return float(least <= 0)
    step = math.gcd(*(int(v) for v in values - values[0]), 2 * int(values[0]))
    if step == 0:  # every term is zero
        return float(least <= 0)
    spread = math.sqrt(n * float(weights @ (values.astype(np.float64) ** 2)))
    one = math.sqrt(float(weights @ np.abs(values).astype(np.float64)))
    reach = min(_HALF_RANGE * spread + _EXPONENTIAL_TAIL * one * one, float(n) * float(np.abs(values).max()))
    start = n * int(values[0])  # the sum is start + step * integer
    first = start + step * math.ceil((least - start) / step)
    if first > reach:
        return 0.0
    if first <= 0:  # by symmetry, so that the small side is the one that is summed
        return 1.0 - symmetric_sum_tail(values, weights, n, 1 - first)
    length = _smooth_length(int(2.0 * reach / step) + 4)
    terms = int((reach - first) / step) + 1
    if n >= _BAND_TERMS and len(values) >= _BAND_VALUES:
        return _tail_by_band(values, weights, n, (first, step), terms, length)
    return _tail_by_transform(values, weights, n, (start, step, first), terms, length)


def _smooth_length(length: int) -> int:
    """Return a transform length of at least ``length`` that the FFT likes."""
    return int(scipy_module("fft").next_fast_len(length, real=True))


def _tail_by_transform(
    values: NDArray[np.int64],
    weights: NDArray[np.float64],
    n: int,
    lattice: tuple[int, int, int],
    terms: int,
    length: int,
) -> float:
    """Sum the tail of the n-fold convolution, made by a cyclic FFT long enough that the wrap is < 1e-18."""
    start, step, first = lattice
    fft = scipy_module("fft")
    single = np.zeros(length)
    for sign in (1, -1):
        np.add.at(single, ((sign * values - values[0]) // step) % length, 0.5 * weights)
    sums = fft.irfft(fft.rfft(single) ** n, n=length)
    where = ((first - start) // step + np.arange(terms)) % length
    return float(np.clip(np.sum(sums[where][::-1]), 0.0, 1.0))


def _tail_by_band(
    values: NDArray[np.int64],
    weights: NDArray[np.float64],
    n: int,
    lattice: tuple[int, int],
    terms: int,
    length: int,
) -> float:
    """Sum the tail from the few frequencies near zero: for n >= 256 no other has |phi|^n above rounding.

    Away from zero the quadratic residues of Y keep |phi| below 0.82 (Gauss sums), and 0.82^256 < 1e-22.
    """
    first, step = lattice
    spread = math.sqrt(n * float(weights @ (values.astype(np.float64) ** 2)))
    # Heavy-tailed terms make phi^n fall slower than a Gaussian does, hence twice the Gaussian band.
    band = 2 * math.ceil(_HALF_RANGE / spread * length * step / (2.0 * math.pi))
    theta = 2.0 * math.pi * np.arange(1, band + 1) / (length * step)
    # 1 - phi = 2 E sin^2 keeps its digits where phi is nearly 1, so that phi^n is right at n = 1e6 too.
    lost = 2.0 * np.sin(np.outer(theta, values / 2.0)) ** 2 @ weights
    power = np.exp(n * np.log1p(-np.minimum(lost, 0.9)))
    middle = first + step * (terms - 1) / 2.0
    kernel = np.cos(theta * middle) * np.sin(theta * step * terms / 2.0) / np.sin(theta * step / 2.0)
    return float(np.clip((terms + 2.0 * np.sum(power * kernel)) / length, 0.0, 1.0))


def first_passing_dimension(passes: Callable[[int], bool]) -> int:
    """Return the least dimension that passes a test which larger ones pass too, by doubling and bisection.

    Examples
    --------
    >>> first_passing_dimension(lambda dim: dim >= 1234)
    1234
    """
    found = least_passing(passes, start=1, below=0, limit=1 << 40)
    if found is None:
        raise ValueError("No dimension up to 2**40 reaches the allowed error.")
    return found
