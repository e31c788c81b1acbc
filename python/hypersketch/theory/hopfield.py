# SPDX-License-Identifier: Apache-2.0
"""Hopfield+- membership: how often the form of a signed outer-product memory errs.

The memory is W = sum_i e_i s_i s_i^T with random signs e_i; the score of an item is e_j s_j^T W s_j /
D^2. Each other stored item adds e Y^2 / D^2, Y a sum of D signs, and these terms are independent: the
rates are tails of an n-fold convolution and can be computed as exactly as the arithmetic allows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._checks import Floats, answer, count, counts, real, reals
from ._lattice import least_score, symmetric_sum_tail
from ._scipy import scipy_module
from ._symmetric import Terms, symmetric_tail
from .normal import tail, tail_inverse


def noise_variance(dim: Floats, n: Floats, diagonal: bool = True, degree: int = 2) -> Floats:
    """Return the variance of the score of a non-member (a member has n - 1 in place of n).

    Parameters
    ----------
    dim : int or array
        Dimension D of the atoms. Elementwise with ``n``.
    n : int or array
        Number of stored items, at least 0.
    diagonal : bool, default True
        Whether the diagonal of W takes part in the score.
    degree : int, default 2
        Axes k of the tensor; from 3 on there is no diagonal, whatever ``diagonal`` says.

    Returns
    -------
    float or ndarray
        Variance of e_j s_j^T W s_j / D^2; the mean is 0.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    n (3 - 2/D) / D^2, and n (2 - 2/D) / D^2 without the diagonal. Formula 6.11; derived,
    simulated at D = 64, n = 300 (3.01 against 2.97 and 1.965 against 1.969, in units of n / D^2). The
    definition of the memory is inferred: the paper's own definition and bound were not seen. For degree k a
    score is e times the mean over the C(D, k) cells of T s ... s. Products of the entries of two different
    sets of dimensions are uncorrelated, so every other item adds 1 / C(D, k); derived.

    Examples
    --------
    >>> noise_variance(64, 300) * 64**2 / 300
    2.96875
    >>> noise_variance(64, 300, diagonal=False) * 64**2 / 300
    1.96875
    >>> round(1 / noise_variance(64, 1, degree=3))
    41664
    """
    owner = "hopfield.noise_variance"
    axes = count(owner, "degree", degree, 2)
    dims, items = counts(owner, "dim", dim, axes if axes > 2 else 1), counts(owner, "n", n, 0)
    if axes > 2:
        cells = np.prod([(dims - i) / (i + 1.0) for i in range(axes)], axis=0)
        return answer(items / cells)
    return answer(items * ((3.0 if diagonal else 2.0) - 2.0 / dims) / dims**2)


def _term(dim: int, diagonal: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the values of Y^2 (less D without the diagonal) and their probabilities, Y a sum of D signs."""
    # 20 standard deviations of Y hold everything: Q(20) = 3e-89.
    reach = min(dim, math.ceil(20.0 * math.sqrt(dim)))
    y = np.arange(dim % 2, reach + 1, 2, dtype=np.int64)
    plus = (dim + y) / 2.0
    gammaln = scipy_module("special").gammaln
    log = gammaln(dim + 1.0) - gammaln(plus + 1.0) - gammaln(dim - plus + 1.0) - dim * math.log(2.0)
    weights = np.exp(log) * np.where(y == 0, 1.0, 2.0)
    return y * y - (0 if diagonal else dim), weights / weights.sum()


def false_positive_rate(
    dim: int, n: int, threshold: float = 0.5, diagonal: bool = True, degree: int = 2
) -> float:
    """Return the probability that a non-member scores at least the threshold, exact up to rounding.

    Parameters
    ----------
    dim : int
        Dimension D of the atoms.
    n : int
        Number of stored items, at least 0.
    threshold : float, default 0.5
        Decision threshold of the score; the rule is ``score >= threshold``.
    diagonal : bool, default True
        Whether the diagonal of W takes part in the score.
    degree : int, default 2
        Axes k of the tensor; from 3 on there is no diagonal, whatever ``diagonal`` says.

    Returns
    -------
    float
        Rate, with an absolute error of about 1e-13 from the rounding of the transform.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    P(sum of n iid e Y^2 >= threshold D^2), or of e (Y^2 - D) without the diagonal, by the
    n-th power of the characteristic function on the lattice of the sum (Y^2 = 1 mod 8 for odd D, 0 mod 4
    for even D). Formula 6.11; derived, checked against enumeration and simulated.

    Examples
    --------
    >>> round(false_positive_rate(64, 300), 4), round(gaussian_false_positive_rate(64, 300), 4)
    (0.1415, 0.1418)
    """
    owner = "hopfield.false_positive_rate"
    d, items = count(owner, "dim", dim), count(owner, "n", n, 0)
    axes = count(owner, "degree", degree, 2)
    if axes > 2:
        cells = math.comb(count(owner, "dim", dim, axes), axes)
        limit = int(least_score(cells, real(owner, "threshold", threshold)))
        return _tensor_tail(d, axes, items, limit)
    least = int(least_score(d * d, real(owner, "threshold", threshold)))
    return symmetric_sum_tail(*_term(d, diagonal), items, least)


def _tensor_tail(dim: int, degree: int, n: int, least: int) -> float:
    """Return P(sum of n iid e K >= least), K the sum over C(D, k) sets of products of k of D signs."""
    if least <= 0:
        return 1.0 - _tensor_tail(dim, degree, n, 1 - least)
    heads = range(dim + 1)
    values = [
        sum((-1) ** i * math.comb(j, i) * math.comb(dim - j, degree - i) for i in range(degree + 1))
        for j in heads
    ]
    gammaln, j = scipy_module("special").gammaln, np.arange(dim + 1.0)
    log = gammaln(dim + 1.0) - gammaln(j + 1.0) - gammaln(dim - j + 1.0) - dim * math.log(2.0)
    return symmetric_tail(Terms.of(values, np.exp(log), math.comb(dim, degree)), n, least)


def false_negative_rate(
    dim: int, n: int, threshold: float = 0.5, diagonal: bool = True, degree: int = 2
) -> float:
    """Return the probability that a member scores below the threshold, exact up to rounding.

    Parameters
    ----------
    dim : int
        Dimension D of the atoms.
    n : int
        Number of stored items, the member included.
    threshold : float, default 0.5
        Decision threshold of the score; the rule is ``score >= threshold``.
    diagonal : bool, default True
        Whether the diagonal of W takes part in the score. Without it a member scores 1 - 1/D, not 1,
        before noise.
    degree : int, default 2
        Axes k of the tensor; from 3 on there is no diagonal, whatever ``diagonal`` says.

    Returns
    -------
    float
        Rate, with an absolute error of about 1e-13 from the rounding of the transform.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    P(D^2 + sum of n - 1 iid e Y^2 < threshold D^2); without the diagonal P(D^2 - D + sum of e
    (Y^2 - D) < ...). Formula 6.11; derived, checked against enumeration.

    Examples
    --------
    >>> false_negative_rate(64, 1)
    0.0
    >>> round(false_negative_rate(64, 300), 4)
    0.1407
    """
    owner = "hopfield.false_negative_rate"
    d, items = count(owner, "dim", dim), count(owner, "n", n)
    axes = count(owner, "degree", degree, 2)
    if axes > 2:
        cells = math.comb(count(owner, "dim", dim, axes), axes)
        limit = int(least_score(cells, real(owner, "threshold", threshold)))
        return _tensor_tail(d, axes, items - 1, cells - limit + 1)
    least = int(least_score(d * d, real(owner, "threshold", threshold)))
    own = d * d if diagonal else d * d - d
    # noise < least - own, and the noise is symmetric: noise >= own - least + 1.
    return symmetric_sum_tail(*_term(d, diagonal), items - 1, own - least + 1)


def gaussian_false_positive_rate(
    dim: Floats, n: Floats, threshold: Floats = 0.5, diagonal: bool = True, degree: int = 2
) -> Floats:
    """Return the Gaussian false-positive rate of the score.

    Parameters
    ----------
    dim, n : int or array
        Dimension and number of stored items. Elementwise.
    threshold : float or array, default 0.5
        Decision threshold of the score.
    diagonal : bool, default True
        Whether the diagonal of W takes part in the score.
    degree : int, default 2
        Axes k of the tensor; from 3 on there is no diagonal, whatever ``diagonal`` says.

    Returns
    -------
    float or ndarray
        Q(threshold / sqrt(noise variance)).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    At threshold 1/2 about Q(D / (2 sqrt(3n))). Formula 6.11; derived, simulated (.150
    against .142 and, without the diagonal, .096 against .094): the terms e Y^2 have heavy tails, so it is
    too low at small rates.

    Examples
    --------
    >>> round(gaussian_false_positive_rate(64, 300, diagonal=False), 4)
    0.094
    """
    owner = "hopfield.gaussian_false_positive_rate"
    limit = reals(owner, "threshold", threshold)
    variance = noise_variance(counts(owner, "dim", dim), counts(owner, "n", n), diagonal, degree)
    return answer(tail(limit / np.sqrt(variance)))


def capacity(
    dim: Floats, fpr: Floats, threshold: Floats = 0.5, diagonal: bool = True, degree: int = 2
) -> Floats:
    """Return the number of items that a memory of dimension D holds at a false-positive rate.

    Parameters
    ----------
    dim : int or array
        Dimension D of the atoms; the matrix has D^2 cells. Elementwise.
    fpr : float or array
        False-positive rate of one test, strictly between 0 and 1/2.
    threshold : float or array, default 0.5
        Decision threshold of the score, above 0.
    diagonal : bool, default True
        Whether the diagonal of W takes part in the score.
    degree : int, default 2
        Axes k of the tensor; from 3 on there is no diagonal, whatever ``diagonal`` says.

    Returns
    -------
    float or ndarray
        Number of items n (not rounded).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    n = t^2 D^2 / ((3 - 2/D) z^2), z = Q^-1(fpr): n ~ D^2 / (12 z^2) at threshold 1/2, a third
    of what MAP-I holds per cell. Formula 6.11 and 8; derived from the Gaussian rate.

    Examples
    --------
    >>> round(capacity(1024, 0.01)), round(1024**2 / (12 * 2.3263**2))
    (16157, 16147)
    """
    owner = "hopfield.capacity"
    dims, limit = counts(owner, "dim", dim), reals(owner, "threshold", threshold, 0.0, ends="(]")
    z = tail_inverse(reals(owner, "fpr", fpr, 0.0, 0.5, "()"))
    return answer((limit / z) ** 2 / noise_variance(dims, 1, diagonal, degree))
