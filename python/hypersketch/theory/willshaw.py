# SPDX-License-Identifier: Apache-2.0
"""Binary matrices of pairs of sparse patterns (Willshaw, Palm): density, false ones, bits a synapse."""

from __future__ import annotations

import math
from typing import Any

from ._checks import count, real
from ._coverage import full_cover
from ._search import least_passing

_MOST = 1 << 50


def density(
    n_in: int,
    active_in: int,
    n_pairs: int,
    n_out: int | None = None,
    active_out: int | None = None,
    *,
    auto: bool = False,
) -> float:
    """Return the expected share of set synapses p1 = 1 - (1 - f g)^M, exactly.

    Parameters
    ----------
    n_in, active_in : int
        Units of the inputs, and how many of them are active in a pattern.
    n_pairs : int
        M random pairs, at least 0.
    n_out, active_out : int, optional
        Those of the outputs; default those of the inputs.
    auto : bool, default False
        Whether outputs are the inputs themselves: units are then connected with themselves sooner.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Willshaw, Buneman & Longuet-Higgins (1969); f and g are the shares of active units.

    Examples
    --------
    >>> round(density(256, 8, 709), 4)
    0.4998
    """
    n, k, m, given = _sizes("willshaw.density", n_in, active_in, n_out, active_out)
    pairs = count("willshaw.density", "n_pairs", n_pairs, 0)
    if not auto:
        return _reached(k * given / (n * m), pairs)
    own, others = _reached(k / n, pairs), _reached(k * (k - 1) / (n * max(1, n - 1)), pairs)
    return (own + (n - 1) * others) / n


def half_load(n_in: int, active_in: int, n_out: int | None = None, active_out: int | None = None) -> float:
    """Return the number of pairs at which half of the synapses are set, ln 2 / (f g) for sparse patterns.

    Parameters
    ----------
    n_in, active_in, n_out, active_out
        As for `density`.

    Returns
    -------
    float
        ln(1/2) / ln(1 - f g).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(half_load(256, 8), 1)
    709.4
    """
    n, k, m, given = _sizes("willshaw.half_load", n_in, active_in, n_out, active_out)
    share = k * given / (n * m)
    return 1.0 if share >= 0.5 else math.log(0.5) / math.log1p(-share)


def false_ones(
    n_in: int,
    active_in: int,
    n_pairs: int,
    n_out: int | None = None,
    active_out: int | None = None,
    *,
    cue: int | None = None,
    auto: bool = False,
) -> float:
    """Return the chance that a unit which is not in the answer reaches the threshold of all active units.

    Parameters
    ----------
    n_in, active_in, n_pairs, n_out, active_out
        As for `density`; at least 1 pair, one of them asked for.
    cue : int, optional
        Active units of the query, all of them of the stored input; default all it has.
    auto : bool, default False
        Whether outputs are the inputs themselves.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    A unit in r of the other pairs' outputs, r binomial, is connected to the union of their r inputs, in
    which the whole cue must be: not the independent synapses of p1^k, which gives too few. Exact by
    inclusion and exclusion (as Knoblauch 2008), derived; for inputs of the pairs that are independent of
    the outputs, or the same.

    Examples
    --------
    >>> round(248 * false_ones(256, 8, 709), 2), round(248 * density(256, 8, 709) ** 8, 2)
    (1.49, 0.97)
    """
    owner = "willshaw.false_ones"
    n, k, m, given = _sizes(owner, n_in, active_in, n_out, active_out)
    pairs = count(owner, "n_pairs", n_pairs)
    asked = k if cue is None else int(real(owner, "cue", cue, 0, k))
    if auto:  # a pattern with this unit has the others among the other units
        return full_cover(n - 1, k - 1, asked, k / n, pairs - 1)
    return full_cover(n, k, asked, given / m, pairs - 1)


def capacity(
    n_in: int,
    active_in: int,
    error_rate: float,
    n_out: int | None = None,
    active_out: int | None = None,
    *,
    auto: bool = False,
) -> int:
    """Return the most pairs of which `false_ones` stays at or below a rate.

    Parameters
    ----------
    n_in, active_in, n_out, active_out, auto
        As for `false_ones`.
    error_rate : float
        In (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> capacity(1024, 10, 1e-3)
    7018
    """
    limit = real("willshaw.capacity", "error_rate", error_rate, 0.0, 1.0, "()")

    def fails(pairs: int) -> bool:
        return false_ones(n_in, active_in, pairs, n_out, active_out, auto=auto) > limit

    found = least_passing(fails, 1, 0, _MOST)
    return _MOST if found is None else found - 1


def bits_per_synapse(
    n_in: int,
    n_pairs: int,
    error_rate: float,
    n_out: int,
    active_out: int,
) -> float:
    """Return the information that the answers of a matrix give, for each of its synapses.

    Parameters
    ----------
    n_in, n_pairs, n_out, active_out
        As for `density`.
    error_rate : float
        Share of false ones, in [0, 1].

    Returns
    -------
    float
        M n_out I / (n_in n_out), with I the mutual information of a unit in the output and in the answer.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Answers have all ones of the output and some false ones. As n grows with k = log2 n it goes to ln 2 for
    p1 = 1/2 (Willshaw et al. 1969; Palm 1980), slowly; a symmetric matrix has half as many synapses of its
    own, and Palm counts ln 2 / 2 for auto-association.

    Examples
    --------
    >>> [round(bits_per_synapse(n, round(half_load(n, k)), false_ones(n, k, round(half_load(n, k))), n, k), 3)
    ...  for n, k in ((256, 8), (1024, 10), (4096, 12))]
    [0.491, 0.523, 0.543]
    """
    owner = "willshaw.bits_per_synapse"
    n, m, pairs = (
        count(owner, "n_in", n_in),
        count(owner, "n_out", n_out),
        count(owner, "n_pairs", n_pairs, 0),
    )
    ones = count(owner, "active_out", active_out) / m
    wrong = real(owner, "error_rate", error_rate, 0.0, 1.0)
    answered = ones + (1.0 - ones) * wrong
    left = answered * _entropy(ones / answered) if answered else 0.0
    return pairs * (_entropy(ones) - left) / n


def _reached(share: float, pairs: int) -> float:
    """Chance that something happens in one of so many pairs."""
    return float(pairs > 0) if share >= 1.0 else -math.expm1(pairs * math.log1p(-share))


def _entropy(p: float) -> float:
    return 0.0 if p <= 0.0 or p >= 1.0 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def _sizes(owner: str, n_in: Any, active_in: Any, n_out: Any, active_out: Any) -> tuple[int, int, int, int]:
    n, k = count(owner, "n_in", n_in), count(owner, "active_in", active_in)
    m = n if n_out is None else count(owner, "n_out", n_out)
    given = k if active_out is None else count(owner, "active_out", active_out)
    real(owner, "active_in", k, 1, n)
    real(owner, "active_out", given, 1, m)
    return n, k, m, given
