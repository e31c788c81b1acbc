# SPDX-License-Identifier: Apache-2.0
"""MAP-I: moments of norms and inner products. All of it is in `map_i` too."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._checks import Floats, answer, at_most, count, counts, overlap_counts, probabilities, reals
from .normal import tail_inverse


def frequency_rmse(weights_l2: Floats, weight: Floats, dim: Floats) -> Floats:
    """Return the root mean square error of the estimated weight of an item.

    Parameters
    ----------
    weights_l2 : float or array
        Euclidean norm |v|_2 of all weights in the bundle (not its square). Elementwise.
    weight : float or array
        Weight v_j of the item asked for, 0 for an item that was not added.
    dim : int or array
        Dimension D.

    Returns
    -------
    float or ndarray
        sqrt((|v|_2^2 - v_j^2) / D).

    Raises
    ------
    ValueError
        An argument is out of its range, or the weight is larger than the norm.

    Notes
    -----
    Formula 1.1; derived, exact: the same as a one-row count sketch with D buckets.

    Examples
    --------
    >>> frequency_rmse(5.0, 3.0, 64)
    0.5
    """
    owner = "map_i.frequency_rmse"
    norm, own = reals(owner, "weights_l2", weights_l2, 0.0), reals(owner, "weight", weight)
    # Rounding of a norm must not turn the only item's error into the root of a negative number.
    at_most(owner, "weight", np.abs(own), norm * (1.0 + 1e-12), "|weights_l2|")
    return answer(np.sqrt(np.maximum(norm**2 - own**2, 0.0) / counts(owner, "dim", dim)))


def weight_norms(weights: ArrayLike) -> tuple[float, float]:
    """Return |v|_2 and |v|_4 of a vector of weights, as the moments below take them.

    Parameters
    ----------
    weights : array of shape (n,)
        Weights of the distinct items.

    Returns
    -------
    tuple of float
        (|v|_2, |v|_4).

    Raises
    ------
    ValueError
        A weight is not a finite number.

    Notes
    -----
    |v|_p = (sum |v_a|^p)^(1/p). Definition.

    Examples
    --------
    >>> weight_norms([3, 4])[0]
    5.0
    """
    v = np.abs(reals("map_i.weight_norms", "weights", weights))
    return float(np.sum(v**2)) ** 0.5, float(np.sum(v**4)) ** 0.25


def norm_moments(weights_l2: Floats, weights_l4: Floats, dim: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of the squared norm |x|^2 / D of a bundle.

    Parameters
    ----------
    weights_l2, weights_l4 : float or array
        |v|_2 and |v|_4 of the weights (norms, not powers; see `weight_norms`). Elementwise.
    dim : int or array
        Dimension D.

    Returns
    -------
    tuple of float or ndarray
        (|v|_2^2, (2/D)(|v|_2^4 - |v|_4^4)).

    Raises
    ------
    ValueError
        An argument is out of its range, or |v|_4 is above |v|_2.

    Notes
    -----
    Formula 1.6; derived, exact, simulated (876 against 885). A set of n: 2n(n-1)/D,
    relative sd about sqrt(2/D).

    Examples
    --------
    >>> mean, variance = norm_moments(32**0.5, 32**0.25, 512)
    >>> round(mean, 9), round(variance, 9), 2 * 32 * 31 / 512
    (32.0, 3.875, 3.875)
    """
    owner = "map_i.norm_moments"
    second, fourth = reals(owner, "weights_l2", weights_l2, 0.0), reals(owner, "weights_l4", weights_l4, 0.0)
    at_most(owner, "weights_l4", fourth, second * (1.0 + 1e-12), "weights_l2")
    spread = np.maximum(second**4 - fourth**4, 0.0)
    return answer(second**2), answer(2.0 * spread / counts(owner, "dim", dim))


def inner_moments(n_x: Floats, n_y: Floats, shared: Floats, dim: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of the inner product <x, y> / D of two set bundles.

    Parameters
    ----------
    n_x, n_y, shared : int or array
        Sizes |X|, |Y| and I = |X n Y|. Elementwise.
    dim : int or array
        Dimension D.

    Returns
    -------
    tuple of float or ndarray
        (I, (|X||Y| + I^2 - 2I) / D).

    Raises
    ------
    ValueError
        An argument is out of its range, or ``shared`` is above a size.

    Notes
    -----
    Formula 1.7; derived, exact, simulated (602 against 614).

    Examples
    --------
    >>> inner_moments(400, 500, 150, 1024)
    (150.0, 216.9921875)
    """
    owner = "map_i.inner_moments"
    first, second, both = overlap_counts(owner, n_x, n_y, shared)
    spread = (first * second + both**2 - 2.0 * both) / counts(owner, "dim", dim)
    return answer(both + 0.0 * spread), answer(spread)


def weighted_inner_moments(v: ArrayLike, w: ArrayLike, dim: int) -> tuple[float, float]:
    """Return mean and variance of <x, y> / D for weighted bundles over the same list of items.

    Parameters
    ----------
    v, w : array of shape (items,)
        Weights of every item in the one and in the other bundle, 0 where it is absent.
    dim : int
        Dimension D.

    Returns
    -------
    tuple of float
        (v.w, (|v|^2 |w|^2 + (v.w)^2 - 2 sum v_a^2 w_a^2) / D).

    Raises
    ------
    ValueError
        The weights have different shapes or are not finite.

    Notes
    -----
    Formula 1.7; derived, exact.

    Examples
    --------
    >>> weighted_inner_moments([1, 1, 0], [0, 1, 1], 4)
    (1.0, 0.75)
    """
    owner = "map_i.weighted_inner_moments"
    a, b = reals(owner, "v", v), reals(owner, "w", w)
    if a.shape != b.shape:
        raise ValueError(f"The weights of {owner} must have one shape: v has {a.shape} and w has {b.shape}.")
    dot, own = float(np.sum(a * b)), float(np.sum(a**2 * b**2))
    spread = float(np.sum(a**2)) * float(np.sum(b**2)) + dot**2 - 2.0 * own
    return dot, spread / count(owner, "dim", dim)


def intersection_dimension(eps: Floats, delta: Floats) -> Floats:
    """Return the dimension that estimates |X n Y| to within eps sqrt(|X||Y|).

    Parameters
    ----------
    eps : float or array
        Allowed error in units of sqrt(|X||Y|), above 0. Elementwise.
    delta : float or array
        Probability of a larger error, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        D = 2 z^2 / eps^2, z = Q^-1(delta/2); not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1.8; derived (worst case I = |X| = |Y|, Gaussian). The form O(eps^-2 log
    1/delta) is the paper's route.

    Examples
    --------
    >>> round(intersection_dimension(0.1, 0.05))
    768
    """
    owner = "map_i.intersection_dimension"
    allowed = reals(owner, "eps", eps, 0.0, ends="(]")
    return answer(2.0 * (tail_inverse(probabilities(owner, "delta", delta) / 2.0) / allowed) ** 2)


def grid_norm_variance(side: Floats, factors: Floats, dim: Floats) -> Floats:
    """Return the relative variance of |x|^2 for a full grid of bound products.

    Parameters
    ----------
    side : int or array
        Number K of atoms on each side of the grid. Elementwise.
    factors : int or array
        Number k of factors in each product; the bundle holds all K^k products.
    dim : int or array
        Dimension D.

    Returns
    -------
    float or ndarray
        Var(|x|^2 / D) / |v|^4 = ((3 - 2/K)^k - 1) / D.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 1b; derived, exact, simulated at K = 8: k = 2 6.66 against 6.56, k = 3 19.5
    against 19.8. Atoms alone have 2/D: binding costs nothing in membership, but it does in norms.

    Examples
    --------
    >>> [round(grid_norm_variance(8, k, 1), 2) for k in (1, 2, 3)]
    [1.75, 6.56, 19.8]
    """
    owner = "map_i.grid_norm_variance"
    sides, k = counts(owner, "side", side), counts(owner, "factors", factors)
    return answer(((3.0 - 2.0 / sides) ** k - 1.0) / counts(owner, "dim", dim))


def shifted_norm_variance(length: Floats, dim: Floats) -> Floats:
    """Return Var(|x|^2 / D) of one symbol bundled at L consecutive cyclic shifts.

    Parameters
    ----------
    length : int or array
        Number L of positions, below D/2. Elementwise.
    dim : int or array
        Dimension D.

    Returns
    -------
    float or ndarray
        (4/D) sum_{0<t<L} (L - t)^2, about (4/3) L^3 / D.

    Raises
    ------
    ValueError
        An argument is out of its range, or ``length`` is above D/2.

    Notes
    -----
    Formula 1b; derived, simulated at L = 32, D = 512 (79.5 against 81.4). Exact while no
    two shifts meet again around the circle.

    Examples
    --------
    >>> shifted_norm_variance(32, 512)
    81.375
    """
    owner = "map_i.shifted_norm_variance"
    positions, dims = counts(owner, "length", length), counts(owner, "dim", dim, 2)
    at_most(owner, "length", positions, np.floor(dims / 2.0), "dim / 2")
    return answer(4.0 / dims * (positions - 1.0) * positions * (2.0 * positions - 1.0) / 6.0)
