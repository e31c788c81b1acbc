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

import numpy as np

from ._checks import count, real
from ._levels import MOST_BITS, STEPS, Array, Levels, best_step, bits_of, law_of
from ._scipy import scipy_module
from .quantized_retrieval import accuracy, capacity, dimension

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
    return law_of("quantized.gain", bits, n, step)[0].mean(1)


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
    law, _, items = law_of("quantized.efficiency", bits, n, step)
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
    b = bits_of(owner, bits)
    chosen = (STEPS[b - 1] or 1.0) if step is None else real(owner, "step", step, 0.0, ends="(]")
    edges = chosen * np.arange(2 ** (b - 1), dtype=np.float64)
    # v grows by 2 at each edge but by 1, from -1 to 1 and seen from one side, at 0.
    rises = np.where(edges > 0.0, 2.0, 1.0)
    special = scipy_module("special")
    first = 2.0 * float(rises @ np.exp(-(edges**2) / 2.0)) / math.sqrt(2.0 * math.pi)
    values = 2.0 * np.arange(len(edges)) + 1.0
    above = special.ndtr(-edges)
    second = 2.0 * float(above @ (values**2 - np.where(edges > 0.0, values - 2.0, 0.0) ** 2))
    return first**2 / second


def score_moments(
    dim: int, n: int, bits: int, step: int | None = None, flips: float = 0.0
) -> tuple[float, float, float]:
    """Return mean and variances of the similarities of a quantized bundle.

    Parameters
    ----------
    dim : int
        Dimension D.
    n, bits, step
        As for `gain`.
    flips : float, default 0
        Probability that a stored bit is flipped, in [0, 1].

    Returns
    -------
    tuple of float
        Mean of a member's similarity (1 without flips), its variance, and the variance of a stranger's, whose
        mean is 0.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Similarities are <v, s> / (D gain). Stranger: E v^2 / (D gain^2) = n / (D efficiency); member: less the
    squared mean over D. v is a sum of signs times 2^j, and a flip, with chance p, turns one of them: v
    shrinks by q = 1 - 2p on average, and E v^2 becomes q^2 E v^2 + (1 - q^2) (4^b - 1) / 3. Derived, exact.

    Examples
    --------
    >>> score_moments(100, 3, 1)
    (1.0, 0.03, 0.04)
    >>> [round(score_moments(1000, 101, bits, flips=0.1)[2], 3) for bits in (1, 2, 4)]
    [0.158, 0.131, 0.188]
    """
    owner = "quantized.score_moments"
    d = count(owner, "dim", dim)
    law, b, _ = law_of(owner, bits, n, step)
    kept = 1.0 - 2.0 * real(owner, "flips", flips, 0.0, 1.0)
    power = kept**2 * law.mean(2) + (1.0 - kept**2) * (4.0**b - 1.0) / 3.0
    stranger = power / law.mean(1) ** 2 / d
    return kept, stranger - kept**2 / d, stranger


def _score_law(dim: int, levels: Levels, *, member: bool) -> tuple[Array, float]:
    """Return the chances of the scores -m D, -m D + 2, ..., m D, and m, the largest value of v."""
    plus = (levels.chances + levels.signals * member) / 2.0
    minus = (levels.chances - levels.signals * member) / 2.0
    single = np.concatenate([minus[::-1], plus])
    fft = scipy_module("fft")
    length = int(fft.next_fast_len(dim * (len(single) - 1) + 1, real=True))
    law = fft.irfft(fft.rfft(single, length) ** dim, length)[: dim * (len(single) - 1) + 1]
    return np.maximum(law, 0.0), float(levels.values[-1])


def _chance_below(dim: int, levels: Levels, threshold: float, *, member: bool) -> float:
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
    return max(0.0, 1.0 - _chance_below(d, law_of(owner, bits, n, step)[0], limit, member=False))


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
    return _chance_below(d, law_of(owner, bits, n, step)[0], limit, member=True)
