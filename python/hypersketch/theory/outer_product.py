# SPDX-License-Identifier: Apache-2.0
"""Linear associative memories: what W = sum of q v u^T answers for random keys u and values v.

A key is asked for and the answer compared with N values by inner products. Keys and values are random
directions of d_k and d_v dimensions. Each rule gives the right value's share of the answer (``signal``) and
the squared length of all else in it, per squared length of a value (``noise``); both decide how often another
value is more similar.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real, refuse
from ._leverages import leverages, resolvent
from ._scipy import scipy_module
from ._search import least_passing

RULES = ("hebb", "delta", "ridge")
_MOST = 1 << 40
_NODES = np.linspace(-9.0, 9.0, 181)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


class Answer(NamedTuple):
    """What an answer consists of, for values of length 1.

    Examples
    --------
    >>> Answer(1.0, 0.25).signal
    1.0
    """

    signal: float
    """Coefficient of the right value."""
    noise: float
    """Mean squared length of everything else."""


def hebb(key_dim: int, n: int, gate: float = 1.0, age: int | None = None) -> Answer:
    """Return what the sum of n outer products answers for one of its keys.

    Parameters
    ----------
    key_dim : int
        Dimensions d_k of the keys, random directions.
    n : int
        Number of pairs, at least 1.
    gate : float, default 1.0
        By what W is multiplied before each further pair, in [0, 1].
    age : int, optional
        How many pairs came after the one that is asked for; default 0.

    Returns
    -------
    Answer

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    signal g^a; noise the sum of g^(2b) over all other ages b, over d_k. Formula 6.12, derived.

    Examples
    --------
    >>> hebb(100, 51)
    Answer(signal=1.0, noise=0.5)
    """
    owner = "outer_product.hebb"
    dim, pairs = count(owner, "key_dim", key_dim), count(owner, "n", n)
    g = real(owner, "gate", gate, 0.0, 1.0)
    own = _age(owner, age, pairs)
    total = float(pairs) if g == 1.0 else (1.0 - g ** (2 * pairs)) / (1.0 - g * g)
    return Answer(g**own, max(0.0, total - g ** (2 * own)) / dim)


def _age(owner: str, age: int | None, n: int) -> int:
    given = 0 if age is None else count(owner, "age", age, 0)
    return given if given < n else refuse(owner, "age", f"below n = {n}", given)


def ridge(key_dim: int, n: int, penalty: float = 0.0) -> Answer:
    """Return what the regularized least-squares solution answers for one of its keys.

    Parameters
    ----------
    key_dim : int
        Dimensions d_k of the keys, random directions of length 1.
    n : int
        Number of pairs, at least 1.
    penalty : float, default 0.0
        The number that is added to the diagonal of K^T K, at least 0.

    Returns
    -------
    Answer

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The answers for the stored keys are H V with H = K (K^T K + penalty)^-1 K^T. Signal is the mean diagonal
    element h of H and noise the mean of (H^2) less h^2, both from the law of Marchenko and Pastur for the
    eigenvalues of K^T K. Without a penalty h = min(1, d_k / n) and the noise is h (1 - h): up to n = d_k
    recall is exact, and beyond that the ratio of squared signal to noise is d_k / (n - d_k), where the plain
    sum has d_k / (n - 1). Derived.

    Examples
    --------
    >>> ridge(100, 80).noise
    0.0
    >>> signal, noise = ridge(100, 400)
    >>> signal, noise
    (0.25, 0.1875)
    >>> round(ridge(100, 80, 0.1).signal, 3)
    0.787
    """
    owner = "outer_product.ridge"
    dim, pairs = count(owner, "key_dim", key_dim), count(owner, "n", n)
    weight = real(owner, "penalty", penalty, 0.0, math.inf, "[)")
    share = min(1.0, dim / pairs)
    if weight == 0.0:
        return Answer(share, share * (1.0 - share))
    c, z = dim / pairs, weight * dim / pairs
    m, squares_of = resolvent(c, z)
    share = c * (1.0 - z * m)
    squares = c * (1.0 - 2.0 * z * m + z * z * squares_of)
    return Answer(share, max(0.0, squares - share * share))


def delta(
    key_dim: int, value_dim: int, n: int, strength: float = 1.0, gate: float = 1.0, age: int = 0
) -> Answer:
    """Return what the delta rule W <- g W + b (v - W k) k^T answers for a pair of some age.

    Parameters
    ----------
    key_dim, value_dim : int
        Dimensions d_k and d_v; keys are random directions of length 1.
    n : int
        Number of pairs, at least 1.
    strength : float, default 1.0
        Step b in [0, 2].
    gate : float, default 1.0
        Forgetting g in [0, 1].
    age : int, default 0
        How many pairs came after the one that is asked for.

    Returns
    -------
    Answer

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The mean of W k shrinks by g - b / d_k a pair. With M = W^T W and k uniform on the sphere, E (g - b k k^T)
    M (g - b k k^T) = (g^2 - 2 g b / d + 2 b^2 / (d (d + 2))) M + b^2 tr(M) / (d (d + 2)), so tr(M) and k^T M
    k follow linear recursions, solved by powers of their matrices. Exact in the mean; derived. The rule is
    that of Widrow and Hoff, as fast weights of Schlag, Irie & Schmidhuber (2021).

    Examples
    --------
    >>> delta(100, 100, 1000)
    Answer(signal=1.0, noise=0.0)
    >>> signal, noise = delta(100, 100, 1000, age=50)
    >>> round(signal, 2), round(noise, 2)
    (0.61, 0.63)
    """
    owner = "outer_product.delta"
    d, pairs = count(owner, "key_dim", key_dim), count(owner, "n", n)
    count(owner, "value_dim", value_dim)
    b, g = real(owner, "strength", strength, 0.0, 2.0), real(owner, "gate", gate, 0.0, 1.0)
    own = _age(owner, age, pairs)
    both, growth = d * (d + 2.0), g * g - 2.0 * g * b / d + b * b / d
    traces = np.array([[growth, b * b], [0.0, 1.0]])
    trace = float(_power(traces, pairs - 1 - own)[0, 1])
    length = (g - b) ** 2 * trace / d + b * b  # of the answer, right after the pair came
    kept = g * g - 2.0 * g * b / d + 2.0 * b * b / both
    steps = np.array([[kept, b * b / both, b * b / d], [0.0, *traces[0]], [0.0, *traces[1]]])
    length = float(_power(steps, own)[0] @ [length, growth * trace + b * b, 1.0])
    signal = b * (g - b / d) ** own
    return Answer(signal, max(0.0, length - signal * signal))


def _power(steps: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    with np.errstate(under="ignore"):
        return np.asarray(np.linalg.matrix_power(steps, n))


def error(answer: Answer, key_dim: int, value_dim: int, n: int, n_values: int | None = None) -> float:
    """Return the probability that another value is more similar to an answer than the right one.

    Parameters
    ----------
    answer : Answer
        What one rule answers for one of n pairs.
    key_dim, value_dim : int
        Dimensions d_k and d_v of keys and values, random directions.
    n : int
        Number of pairs.
    n_values : int, optional
        Number N of values that are compared; default n. With fewer than n each belongs to n / N pairs; with
        more, the others belong to none.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    The right value scores signal + h, where h has variance noise / d_v. The squared length of the answer is
    then signal^2 + 2 signal h + noise, and a stranger's score is that length times the cosine of a random
    direction in d_v dimensions. A value that is stored itself has its own coefficient on top, of variance
    (noise + 2 signal h) / min(n, N) and with the kurtosis of a cosine in d_k dimensions; the sum is taken
    as a cosine in as many dimensions as give its kurtosis. For the Hebbian sum that is about
    Q(sqrt(d_k d_v / n)) a value, so that n ~ d_k d_v / (2 ln N). Formula 6.12, derived and simulated
    (d_k = d_v = 64, n = 200: .121 against .125; 128 and 600: .056 against .052). Keys and values of other
    lengths than 1 are not covered.

    Examples
    --------
    >>> round(error(hebb(64, 200), 64, 64, 200), 3)
    0.125
    >>> error(ridge(64, 60), 64, 64, 60) < 1e-12
    True
    """
    owner = "outer_product.error"
    dim, pairs = count(owner, "value_dim", value_dim), count(owner, "n", n)
    total = pairs if n_values is None else count(owner, "n_values", n_values)
    signal, noise = float(answer[0]), float(answer[1])
    if signal <= 0.0:
        return 1.0 - 1.0 / total
    stored = min(pairs, total)
    others = noise * max(0.0, 1.0 / total - 1.0 / pairs)  # pairs of the same value
    own = math.sqrt(noise / dim + others) * _NODES
    length = np.maximum(signal * signal + 2.0 * signal * own + noise, 1e-12)
    kept = np.maximum(noise + 2.0 * signal * own, 0.0) / stored
    right = (stored - 1) * _log_below(signal + own, length / dim, dim, kept, count(owner, "key_dim", key_dim))
    right += (total - stored) * _log_below(signal + own, length / dim, dim, 0.0 * kept, dim)
    return float(min(1.0, max(0.0, -(_WEIGHTS * np.expm1(right)).sum())))


def _log_below(
    scores: NDArray[np.float64], one: NDArray[np.float64], dim: int, two: NDArray[np.float64], key_dim: int
) -> NDArray[np.float64]:
    """Return the logarithm of the chance that the sum of two scaled cosines, of known variances, is lower."""
    variance = one + two
    # A cosine in d dimensions has the excess kurtosis -6 / (d + 2).
    d = variance**2 / (one**2 / (dim + 2.0) + two**2 / (key_dim + 2.0)) - 2.0
    cosines = np.clip(scores / np.sqrt(d * variance), -1.0, 1.0)
    half = 0.5 * scipy_module("special").betainc((d - 1.0) / 2.0, 0.5, 1.0 - cosines**2)
    above = np.where(cosines >= 0.0, half, 1.0 - half)
    return np.asarray(np.log1p(-np.minimum(above, 1.0 - 1e-16)))


def mean_error(
    rule: str,
    key_dim: int,
    value_dim: int,
    n: int,
    n_values: int | None = None,
    *,
    strength: float = 1.0,
    gate: float = 1.0,
    penalty: float = 0.0,
) -> float:
    """Return the chance that one of n stored keys, chosen at random, gives another value than its own.

    Parameters
    ----------
    rule : {'hebb', 'delta', 'ridge'}
        How pairs are stored.
    key_dim, value_dim : int
        Dimensions.
    n : int
        Number of pairs, at least 0.
    n_values : int, optional
        Number of values that are compared; default n, all of the pairs.
    strength, gate, penalty : float
        As for `delta`, `hebb` and `ridge`.

    Returns
    -------
    float
        0 for no pairs.

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    For ridge the mean over keys, whose shares differ: the error of the mean share, `ridge`, is too low where
    few keys err (d_k = d_v = 64, n = 186: .0097, but .0132 over all, and .0147 +- .0013 simulated). Derived.

    Examples
    --------
    >>> [round(mean_error(rule, 64, 64, 80), 4) for rule in ("hebb", "delta", "ridge")]
    [0.0004, 0.1791, 0.0]
    >>> [round(mean_error(rule, 64, 64, 300), 2) for rule in ("hebb", "delta", "ridge")]
    [0.36, 0.78, 0.22]
    """
    owner = "outer_product.mean_error"
    if rule not in RULES:
        refuse(owner, "rule", f"one of {', '.join(map(repr, RULES))}", rule)
    pairs = count(owner, "n", n, 0)
    total = max(1, pairs) if n_values is None else count(owner, "n_values", n_values)
    if not pairs:
        return 0.0
    if rule == "ridge":
        weight = real(owner, "penalty", penalty, 0.0, math.inf, "[)")
        if weight == 0.0 and pairs <= count(owner, "key_dim", key_dim):  # all answers are exact
            return 0.0
        answers = zip(*leverages(key_dim, pairs, weight), strict=True)
        return float(np.mean([error(Answer(*one), key_dim, value_dim, pairs, total) for one in answers]))
    if rule == "hebb" and gate == 1.0:
        return error(hebb(key_dim, pairs), key_dim, value_dim, pairs, total)
    # Errors change slowly with the age: the ages of the middle of equal parts stand for all.
    parts = min(pairs, 24)
    ages = ((np.arange(parts) + 0.5) * pairs / parts).astype(int).tolist()
    found = [
        hebb(key_dim, pairs, gate, age)
        if rule == "hebb"
        else delta(key_dim, value_dim, pairs, strength, gate, age)
        for age in ages
    ]
    return float(np.mean([error(one, key_dim, value_dim, pairs, total) for one in found]))


def capacity(
    rule: str,
    key_dim: int,
    value_dim: int,
    error: float = 0.01,
    n_values: int | None = None,
    *,
    strength: float = 1.0,
    gate: float = 1.0,
    penalty: float = 0.0,
) -> int:
    """Return the most pairs at which `mean_error` stays at or below an error.

    Parameters
    ----------
    rule, key_dim, value_dim, n_values, strength, gate, penalty
        As for `mean_error`.
    error : float, default 0.01
        Probability in (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> capacity("hebb", 64, 64), capacity("ridge", 64, 64), capacity("delta", 64, 64)
    (121, 180, 49)
    """
    limit = real("outer_product.capacity", "error", error, 0.0, 1.0, "()")

    def too_many(n: int) -> bool:
        wrong = mean_error(
            rule, key_dim, value_dim, n, n_values, strength=strength, gate=gate, penalty=penalty
        )
        return wrong > limit

    found = least_passing(too_many, 1, 0, _MOST)
    return _MOST if found is None else found - 1
