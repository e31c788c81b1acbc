# SPDX-License-Identifier: Apache-2.0
"""MAP-I bundles quantized to b bits a dimension: what the bits are worth.

The sum X of n signs is odd (an even bundle takes the space's tie vector as one more member, so that n' = n or
n + 1 signs are summed). A quantizer with step h keeps v = sign(X) (2 l + 1), l = min(floor(|X| / h),
2^(b-1) - 1): the odd numbers below 2^b. One bit is the majority of MAP-B. Scores are inner products of v
with atoms:

* a stranger's terms are v times a fair sign: mean 0, variance E v^2 a dimension;
* a member's terms have the mean E[v s] = E[v X] / n', as all members are alike and their terms add up to v X,
  and the variance E v^2 - E[v s]^2.

So what counts is E[v s]^2 / E v^2, which is 1/n' times the squared correlation of v and X: quantizing costs
as much as keeping that share of the dimensions (`efficiency`). For Gaussian X it is largest where the squared
error of the uniform quantizer is least (Max 1960), and then 2/pi, .881, .963, .988, .997 for 1 to 5 bits.
Each bit more buys less, so at equal bytes one bit a dimension wins, unless dimensions cost more than the
bundle's own bits: stored codewords, which every bundle shares, or time.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real, refuse
from ._lattice import first_passing_dimension
from ._scipy import scipy_module
from ._search import least_passing
from ._strangers import chance_to_win
from .cleanup import accuracy as gaussian_integral
from .map_b import hamming

__all__ = [
    "MOST_BITS",
    "accuracy",
    "best_step",
    "capacity",
    "dimension",
    "efficiency",
    "false_negative_rate",
    "false_positive_rate",
    "gain",
    "gaussian_efficiency",
    "score_moments",
]

Array = NDArray[np.float64]

MOST_BITS = 8
"""Largest number of bits a dimension."""

# Steps, in standard deviations, that correlate best with a Gaussian; for one bit there is no step.
_STEPS = (0.0, 0.99568669, 0.58601944, 0.33520063, 0.18813879, 0.10406302, 0.05686767, 0.03076239)


class _Levels(NamedTuple):
    """Magnitudes of v, how likely they are, and E[|X|] / n' where v has that magnitude."""

    values: Array
    chances: Array
    signals: Array

    def mean(self, power: int) -> float:
        """Return E v^power for even powers, E[v^power s] of a member's sign s for odd ones."""
        weights = self.signals if power % 2 else self.chances
        return float(weights @ self.values**power)


def _bits(owner: str, bits: object) -> int:
    given = count(owner, "bits", bits)
    if given > MOST_BITS:
        refuse(owner, "bits", f"an integer in [1, {MOST_BITS}]", bits)
    return given


def _step(owner: str, bits: int, n: int, step: object) -> int:
    if step is None:
        return best_step(bits, math.sqrt(n))
    given = count(owner, "step", step, 2)
    if given % 2:
        refuse(owner, "step", "an even integer >= 2", step)
    return given


def best_step(bits: int, spread: float) -> int:
    """Return the step with which a quantized bundle keeps most.

    Parameters
    ----------
    bits : int in [1, 8]
        Bits a dimension.
    spread : float
        Root mean square of the bundle's counters: sqrt(n) for n keys.

    Returns
    -------
    int
        The even number nearest to the best step for a Gaussian. Sums are odd, so even steps part them
        cleanly; among them it is the best one for the binomial sums too, in all cases tried (n = 3 ... 1000).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> [best_step(bits, 10.0) for bits in (1, 2, 3, 4, 8)]
    [2, 10, 6, 4, 2]
    """
    owner = "quantized.best_step"
    best = _STEPS[_bits(owner, bits) - 1] * real(owner, "spread", spread, 0.0)
    return 2 * max(1, math.floor(best / 2.0 + 0.5))


@lru_cache(maxsize=64)
def _levels(bits: int, n: int, step: int) -> _Levels:
    """Return the law of v: binomial sums, cut into levels."""
    signs = n + 1 - n % 2
    largest = min(signs, 2 * math.ceil(20.0 * math.sqrt(signs)) + 1)
    sums = np.arange(1.0, largest + 1.0, 2.0)
    gammaln = scipy_module("special").gammaln
    plus = (signs + sums) / 2.0
    log = gammaln(signs + 1.0) - gammaln(plus + 1.0) - gammaln(signs - plus + 1.0)
    chances = 2.0 * np.exp(log - signs * math.log(2.0))
    chances /= chances.sum()
    top = 2 ** (bits - 1)
    level = np.minimum(sums // step, top - 1).astype(np.int64)
    return _Levels(
        2.0 * np.arange(top) + 1.0,
        np.bincount(level, chances, top).astype(np.float64),
        np.bincount(level, chances * sums / signs, top).astype(np.float64),
    )


def _law(owner: str, bits: object, n: object, step: object) -> tuple[_Levels, int, int]:
    """Return the checked law of v, the bits and the number of keys."""
    b, items = _bits(owner, bits), count(owner, "n", n)
    return _levels(b, items, _step(owner, b, items, step)), b, items


def gain(bits: int, n: int, step: int | None = None) -> float:
    """Return E[v s], what a member adds to a score in each dimension.

    Parameters
    ----------
    bits : int in [1, 8]
        Bits a dimension.
    n : int
        Number of keys in the bundle.
    step : int, optional
        Even step of the quantizer; `best_step` by default.

    Returns
    -------
    float
        Expected <v, s> / D of a member: c(n) for one bit.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    E[v X] / n', n' the odd one of n and n + 1. Derived, exact.

    Examples
    --------
    >>> round(gain(1, 3), 12), round(gain(2, 3), 12)
    (0.5, 1.0)
    """
    return _law("quantized.gain", bits, n, step)[0].mean(1)


def efficiency(bits: int, n: int, step: int | None = None) -> float:
    """Return the share of its dimensions that a bundle is as good as after quantization.

    Parameters
    ----------
    bits, n, step
        As for `gain`.

    Returns
    -------
    float
        n E[v s]^2 / E v^2: the signal-to-noise ratio of a member's score over that of the sum itself. 1 where
        nothing is lost, as for odd n < 2^bits.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Derived, exact; `gaussian_efficiency` for large n.

    Examples
    --------
    >>> [round(efficiency(bits, 101), 3) for bits in (1, 2, 4, 8)]
    [0.64, 0.885, 0.99, 1.0]
    """
    law, _, items = _law("quantized.efficiency", bits, n, step)
    return items * law.mean(1) ** 2 / law.mean(2)


def gaussian_efficiency(bits: int, step: float | None = None) -> float:
    """Return `efficiency` for large n.

    Parameters
    ----------
    bits : int in [1, 8]
        Bits a dimension.
    step : float, optional
        Step in standard deviations of the sums; the best one by default.

    Returns
    -------
    float
        Squared correlation of a Gaussian with its quantized value.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    E[v X] and E v^2 are sums of normal densities and tails over the edges of the levels. Derived; 1 less the
    least mean squared error of a uniform quantizer (Max 1960: .3634, .1188, .03744, .01154 for 1 to 4 bits).

    Examples
    --------
    >>> [round(1 - gaussian_efficiency(bits), 4) for bits in (1, 2, 3, 4)]
    [0.3634, 0.1188, 0.0374, 0.0115]
    """
    owner = "quantized.gaussian_efficiency"
    b = _bits(owner, bits)
    chosen = (_STEPS[b - 1] or 1.0) if step is None else real(owner, "step", step, 0.0, ends="(]")
    edges = chosen * np.arange(2 ** (b - 1), dtype=np.float64)
    # v grows by 2 at each edge but by 1, from -1 to 1 and seen from one side, at 0.
    rises = np.where(edges > 0.0, 2.0, 1.0)
    special = scipy_module("special")
    first = 2.0 * float(rises @ np.exp(-(edges**2) / 2.0)) / math.sqrt(2.0 * math.pi)
    values = 2.0 * np.arange(len(edges)) + 1.0
    above = special.ndtr(-edges)
    second = 2.0 * float(above @ (values**2 - np.where(edges > 0.0, values - 2.0, 0.0) ** 2))
    return first**2 / second


def score_moments(dim: int, n: int, bits: int, step: int | None = None) -> tuple[float, float, float]:
    """Return mean and variances of the similarities of a quantized bundle.

    Parameters
    ----------
    dim : int
        Dimension D.
    n, bits, step
        As for `gain`.

    Returns
    -------
    tuple of float
        Mean of a member's similarity (1), its variance, and the variance of a stranger's, whose mean is 0.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Similarities are <v, s> / (D gain). Stranger: E v^2 / (D gain^2) = n / (D efficiency); member: less 1/D.
    Derived, exact.

    Examples
    --------
    >>> score_moments(100, 3, 1)
    (1.0, 0.03, 0.04)
    """
    d = count("quantized.score_moments", "dim", dim)
    law, _, _ = _law("quantized.score_moments", bits, n, step)
    stranger = law.mean(2) / law.mean(1) ** 2 / d
    return 1.0, stranger - 1.0 / d, stranger


def _score_law(dim: int, levels: _Levels, *, member: bool) -> tuple[Array, float]:
    """Return the chances of the scores -m D, -m D + 2, ..., m D, and m, the largest value of v."""
    plus = (levels.chances + levels.signals * member) / 2.0
    minus = (levels.chances - levels.signals * member) / 2.0
    single = np.concatenate([minus[::-1], plus])
    fft = scipy_module("fft")
    length = int(fft.next_fast_len(dim * (len(single) - 1) + 1, real=True))
    law = fft.irfft(fft.rfft(single, length) ** dim, length)[: dim * (len(single) - 1) + 1]
    return np.maximum(law, 0.0), float(levels.values[-1])


def _chance_below(dim: int, levels: _Levels, threshold: float, *, member: bool) -> float:
    """Return P(<v, s> < threshold * gain * D)."""
    law, largest = _score_law(dim, levels, member=member)
    first = math.ceil((threshold * levels.mean(1) * dim + largest * dim) / 2.0 - 1e-9)
    below, above = law[: max(0, first)], law[max(0, first) :]
    return float(below.sum() if member else 1.0 - above[::-1].sum())


def false_positive_rate(
    dim: int, n: int, bits: int, threshold: float = 0.5, step: int | None = None
) -> float:
    """Return the exact probability that a stranger's similarity reaches the threshold.

    Parameters
    ----------
    dim : int
        Dimension D.
    n, bits, step
        As for `gain`.
    threshold : float, default 0.5
        Decision threshold of the similarity, of which a member has 1 on average.

    Returns
    -------
    float
        False-positive rate of one test; below about 1e-14 it is rounding.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    The D-fold convolution of v times a fair sign, by FFT. Derived, exact for scores divided by `gain`.

    Examples
    --------
    >>> from hypersketch.theory import map_b
    >>> round(false_positive_rate(500, 11, 1) / map_b.false_positive_rate(500, 11), 9)
    1.0
    """
    owner = "quantized.false_positive_rate"
    d, limit = count(owner, "dim", dim), real(owner, "threshold", threshold)
    return max(0.0, 1.0 - _chance_below(d, _law(owner, bits, n, step)[0], limit, member=False))


def false_negative_rate(
    dim: int, n: int, bits: int, threshold: float = 0.5, step: int | None = None
) -> float:
    """Return the exact probability that a member's similarity is below the threshold.

    Parameters
    ----------
    dim, n, bits, threshold, step
        As for `false_positive_rate`.

    Returns
    -------
    float
        False-negative rate of one test.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    The D-fold convolution of v s, whose sign leans to + by E[|X|] / n' in each level. Derived, exact.

    Examples
    --------
    >>> from hypersketch.theory import map_b
    >>> round(false_negative_rate(500, 11, 1) / map_b.false_negative_rate(500, 11), 9)
    1.0
    """
    owner = "quantized.false_negative_rate"
    d, limit = count(owner, "dim", dim), real(owner, "threshold", threshold)
    return _chance_below(d, _law(owner, bits, n, step)[0], limit, member=True)


def accuracy(dim: int, n: int, universe: int, bits: int, step: int | None = None) -> float:
    """Return the probability that a member is the best of N codewords, the others being strangers.

    Parameters
    ----------
    dim : int
        Dimension D.
    n, bits, step
        As for `gain`.
    universe : int
        Number N of codewords, the member included.

    Returns
    -------
    float
        Accuracy, ties broken at random.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    One bit: the binomial sum of `bsc.accuracy`, exact. More: given v, strangers are independent with the
    variance |v|^2; the integral of formula 3.1 is averaged over |v|^2, with which the member's score is
    correlated, both normal. Derived; 4,000 simulated bundles, n = 51, N = 100, D = 600: 2 bits .749 (this
    .751), 3 bits .792 (.794); n = 20, D = 256: 2 bits .788 (.777), 5 bits .834 (.830), within 2 standard
    errors.

    Examples
    --------
    >>> [round(accuracy(600, 51, 100, bits), 3) for bits in (1, 2, 3, 8)]
    [0.593, 0.751, 0.794, 0.808]
    """
    owner = "quantized.accuracy"
    d, total = count(owner, "dim", dim), count(owner, "universe", universe)
    law, b, items = _law(owner, bits, n, step)
    if b == 1:
        return chance_to_win(d, float(hamming(items)), total, random_ties=True)
    mean, power = law.mean(1), law.mean(2)
    spread = math.sqrt(max(1e-30, d * (law.mean(4) - power**2)))
    slope = d * (law.mean(3) - mean * power) / spread
    rest = math.sqrt(max(1e-30, d * (power - mean**2) - slope**2) + _SMEARED)
    z, weights = np.polynomial.hermite_e.hermegauss(9)
    return float(
        sum(
            weight
            * gaussian_integral(
                d * mean + slope * node,
                rest,
                0.0,
                math.sqrt(max(1.0, d * power + spread * node) + _SMEARED),
                total,
            )
            for node, weight in zip(z, weights / weights.sum(), strict=True)
        )
    )


# Variance that a random order of equal scores adds: given v they lie 2 apart.
_SMEARED = 1.0 / 3.0


def dimension(n: int, universe: int, bits: int, error: float) -> int:
    """Return the least dimension at which a member is not the best of N with at most that probability.

    Parameters
    ----------
    n, universe, bits
        As for `accuracy`.
    error : float
        Allowed error, strictly between 0 and 1.

    Returns
    -------
    int
        Dimension D, by bisection of `accuracy`.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [dimension(51, 100, bits, 0.01) for bits in (1, 2, 8)]
    [2033, 1466, 1292]
    """
    owner = "quantized.dimension"
    allowed = real(owner, "error", error, 0.0, 1.0, "()")
    return first_passing_dimension(lambda dim: 1.0 - accuracy(dim, n, universe, bits) <= allowed)


def capacity(dim: int, universe: int, bits: int, error: float) -> int:
    """Return the number of keys that a bundle of D dimensions of b bits holds.

    Parameters
    ----------
    dim, universe, bits
        As for `accuracy`.
    error : float
        Allowed chance that a key is not the best of N, strictly between 0 and 1.

    Returns
    -------
    int
        The largest odd n whose error is allowed (an even bundle counts one key more), by bisection of
        `accuracy`; 0 if there is none.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [capacity(2048, 100, bits, 0.01) for bits in (1, 2, 3, 8)]
    [51, 71, 77, 79]
    """
    owner = "quantized.capacity"
    allowed = real(owner, "error", error, 0.0, 1.0, "()")
    half = least_passing(lambda k: 1.0 - accuracy(dim, 2 * k + 1, universe, bits) > allowed, 1, -1)
    return max(0, 2 * half - 1)
