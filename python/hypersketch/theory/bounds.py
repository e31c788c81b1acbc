# SPDX-License-Identifier: Apache-2.0
"""Provable bounds: the ones that the paper states, as far as their statements were seen.

The paper is K. L. Clarkson, S. Ubaru, E. Yang, "Capacity Analysis of Vector Symbolic Architectures",
arXiv 2301.10352, with its m = dimension and d = universe. Its abstract and the start of its introduction
were read; the theorems below were seen in public notes that quote them (paper, second hand). Where only
an order O(...) is known, the function takes the constant, 1 by default: a shape to compare slopes with,
not a guarantee.

Thresholds are on the scale of this library's scores <x, s> / D; the paper's are D times as large.
"""

from __future__ import annotations

import numpy as np

from ._checks import Floats, answer, counts, probabilities, reals, subset_counts


def map_b_dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the paper's dimension for MAP-B membership: m = 56 n ln(2d / delta).

    Parameters
    ----------
    n, universe : int or array
        Members n and universe d. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        Dimension, not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 16 with the constant of its proof; paper, second hand. 5.7 to 6.3 times the
    measured minimum (second hand).

    Examples
    --------
    >>> [round(map_b_dimension(n, 500, 0.1)) for n in (10, 25, 50)]
    [5158, 12894, 25789]
    """
    owner = "bounds.map_b_dimension"
    items, total = subset_counts(owner, n, universe)
    return answer(56.0 * items * np.log(2.0 * total / probabilities(owner, "delta", delta)))


def map_b_threshold(dim: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the paper's decision threshold for MAP-B membership, on the scale <x, s> / D.

    Parameters
    ----------
    dim, universe : int or array
        Dimension m and universe d. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        sqrt(2 ln(2d / delta) / m): member iff the score reaches it.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 16: x.S_j >= sqrt(2 m ln(2d / delta)); paper, second hand.

    Examples
    --------
    >>> round(map_b_threshold(5158, 500, 0.1) * 5158)
    308
    """
    owner = "bounds.map_b_threshold"
    dims, total = counts(owner, "dim", dim), counts(owner, "universe", universe)
    return answer(np.sqrt(2.0 * np.log(2.0 * total / probabilities(owner, "delta", delta)) / dims))


def map_b_bias(n: Floats) -> Floats:
    """Return the lower bound on a member's correlation that the proof uses: 1 / sqrt(7 n).

    Parameters
    ----------
    n : int or array
        Members. Elementwise.

    Returns
    -------
    float or ndarray
        Bound on c(n), which is about sqrt(2 / (pi n)): `map_b.correlation`.

    Raises
    ------
    ValueError
        ``n`` is not an integer of its range.

    Notes
    -----
    Proof of Theorem 16; paper, second hand.

    Examples
    --------
    >>> round(map_b_bias(7), 4)
    0.1429
    """
    return answer(1.0 / np.sqrt(7.0 * counts("bounds.map_b_bias", "n", n)))


def nested_reliability(depth: Floats) -> Floats:
    """Return the decay of reliability of bundles of bundles, 1 / 2^depth.

    Parameters
    ----------
    depth : int or array
        Levels of nesting. Elementwise.

    Returns
    -------
    float or ndarray
        2^-depth; for pairs it is `map_b.nested_correlation` exactly.

    Raises
    ------
    ValueError
        ``depth`` is not an integer of its range.

    Notes
    -----
    Lemma 17; paper, second hand.

    Examples
    --------
    >>> nested_reliability(3)
    0.125
    """
    return answer(0.5 ** counts("bounds.nested_reliability", "depth", depth, 0))


def pair_threshold(dim: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return the paper's decision threshold for bundles of bound pairs in MAP-B, on the scale <x, s> / D.

    Parameters
    ----------
    dim, universe : int or array
        Dimension m and universe d of the factors. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        2 sqrt(ln(d / delta) / m): a pair is in the bundle iff its score reaches it.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 20: x = sign(S^(o2) v), member iff score >= 2 sqrt(m log(d / delta)); paper,
    second hand, the logarithm taken as natural.

    Examples
    --------
    >>> round(pair_threshold(10_000, 500, 0.1), 4)
    0.0584
    """
    owner = "bounds.pair_threshold"
    dims, total = counts(owner, "dim", dim), counts(owner, "universe", universe)
    return answer(2.0 * np.sqrt(np.log(total / probabilities(owner, "delta", delta)) / dims))


def pair_dimension_order(n: Floats, universe: Floats, delta: Floats, constant: Floats = 1.0) -> Floats:
    """Return the order of the dimension for n bound pairs in MAP-B: constant n ln(d / delta).

    Parameters
    ----------
    n, universe : int or array
        Pairs and universe d of the factors. Elementwise.
    delta : float or array
        Allowed total failure probability, strictly between 0 and 1.
    constant : float or array, default 1
        The constant that the O() hides, above 0.

    Returns
    -------
    float or ndarray
        Dimension up to the constant.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 20, m = O(n log(d / delta)); paper, second hand.

    Examples
    --------
    >>> round(pair_dimension_order(25, 500, 0.1))
    213
    """
    owner = "bounds.pair_dimension_order"
    items, total = counts(owner, "n", n), counts(owner, "universe", universe)
    factor = reals(owner, "constant", constant, 0.0, ends="(]")
    return answer(factor * items * np.log(total / probabilities(owner, "delta", delta)))


def rotation_dimension_order(
    multiplicity: Floats, eps: Floats, delta: Floats, constant: Floats = 1.0
) -> Floats:
    """Return the order of the dimension that preserves the norm of a sequence bundled by rotations.

    Parameters
    ----------
    multiplicity : int or array
        Largest number K of positions at which one symbol stands. Elementwise.
    eps : float or array
        Relative error of the norm, above 0 and at most 1.
    delta : float or array
        Allowed failure probability, strictly between 0 and 1.
    constant : float or array, default 1
        The constant that the O() hides, above 0.

    Returns
    -------
    float or ndarray
        constant K^2 eps^-2 ln(K / (eps delta)).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 10; paper, second hand. The variance of one symbol at L shifts grows with L only as (4/3) L / D
    (`map_i.shifted_norm_variance`): the bound is quadratic where the case is linear.

    Examples
    --------
    >>> round(rotation_dimension_order(2, 0.5, 0.1))
    59
    """
    owner = "bounds.rotation_dimension_order"
    k, error = counts(owner, "multiplicity", multiplicity), reals(owner, "eps", eps, 0.0, 1.0, "(]")
    factor = reals(owner, "constant", constant, 0.0, ends="(]")
    return answer(factor * k**2 / error**2 * np.log(k / (error * probabilities(owner, "delta", delta))))


def binding_dimension_order(weights_l1: Floats, eps: Floats, delta: Floats, constant: Floats = 1.0) -> Floats:
    """Return the order of the dimension that preserves the norm of a bundle of pairwise bindings in MAP-I.

    Parameters
    ----------
    weights_l1 : float or array
        Sum |v|_1 of the absolute weights, at least 1. Elementwise.
    eps : float or array
        Relative error of the norm, above 0 and at most 1.
    delta : float or array
        Allowed failure probability, strictly between 0 and 1.
    constant : float or array, default 1
        The constant that the O() hides, above 0.

    Returns
    -------
    float or ndarray
        constant eps^-2 ln^3(|v|_1 / (eps delta)).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Theorem 12; paper, second hand (Corollary 13 has k-fold bindings with log^k-type factors,
    statement not seen).

    Examples
    --------
    >>> round(binding_dimension_order(25, 0.5, 0.1))
    960
    """
    owner = "bounds.binding_dimension_order"
    total, error = reals(owner, "weights_l1", weights_l1, 1.0), reals(owner, "eps", eps, 0.0, 1.0, "(]")
    factor = reals(owner, "constant", constant, 0.0, ends="(]")
    return answer(factor / error**2 * np.log(total / (error * probabilities(owner, "delta", delta))) ** 3)


def binding_norm_variance(factors: Floats, dim: Floats) -> Floats:
    """Return the worst-case relative variance of |x|^2 for k-fold bindings, 9^k / D.

    Parameters
    ----------
    factors, dim : int or array
        Factors k of each product and dimension D. Elementwise.

    Returns
    -------
    float or ndarray
        Bound on Var(|x|^2 / D) / |v|^4; full grids have `map_i.grid_norm_variance`.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Hypercontractivity; recalled, formula 1b.

    Examples
    --------
    >>> binding_norm_variance(2, 81)
    1.0
    """
    owner = "bounds.binding_norm_variance"
    return answer(9.0 ** counts(owner, "factors", factors) / counts(owner, "dim", dim))


def incoherence_dimension(incoherence: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return a dimension at which all pairs of N atoms are nearly orthogonal: (2 / mu^2) ln(N / delta).

    Parameters
    ----------
    incoherence : float or array
        Largest allowed |<s, s'>| / D of two atoms, in (0, 1]. Elementwise.
    universe : int or array
        Number N of atoms.
    delta : float or array
        Allowed failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        Dimension, not rounded.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    mu = O(sqrt(ln N / D)) of Thomas, Dasgupta & Rosing (2021) in the one-line form others
    use; paper, second hand. Formula 3.5. The line is loose about the number of pairs, N^2 / 2.

    Examples
    --------
    >>> round(incoherence_dimension(0.1, 500, 0.1))
    1703
    """
    owner = "bounds.incoherence_dimension"
    mu, total = reals(owner, "incoherence", incoherence, 0.0, 1.0, "(]"), counts(owner, "universe", universe)
    return answer(2.0 / mu**2 * np.log(total / probabilities(owner, "delta", delta)))


def uniform_dimension(n: Floats, universe: Floats, delta: Floats) -> Floats:
    """Return a dimension at which *every* set of n items is recovered by thresholding: 8 n^2 ln(N / delta).

    Parameters
    ----------
    n, universe : int or array
        Items in a set and number N of atoms. Elementwise.
    delta : float or array
        Allowed failure probability, strictly between 0 and 1.

    Returns
    -------
    float or ndarray
        Dimension, not rounded: `incoherence_dimension` at mu = 1 / (2n).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Thomas, Dasgupta & Rosing (2021); paper, second hand. Formula 3.5: n^2 for all sets at
    once against n for one fixed set (`map_i.provable_dimension`) is uniform against single, no
    contradiction.

    Examples
    --------
    >>> round(uniform_dimension(25, 500, 0.1) / 25)
    1703
    """
    items = counts("bounds.uniform_dimension", "n", n)
    return incoherence_dimension(0.5 / items, universe, delta)
