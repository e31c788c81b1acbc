# SPDX-License-Identifier: Apache-2.0
"""Sparsey's codes of one winner a module: density of weights, familiarity, overlaps, wrong winners."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import count, real
from ._coverage import covered, full_cover
from ._search import least_passing

_MOST = 1 << 50
_EXACT = 1500  # items up to which loads of a module's units are added up exactly
_Doubles = NDArray[np.float64]

SIGMOID: Mapping[str, float] = {
    "floor": 0.2,
    "expansion": 300.0,
    "exponent": 2.0,
    "steepness": 25.0,
    "midpoint": 0.7,
}
"""Familiarity below which choices are uniform, and the sigmoid from support to relative chances."""


def relative_chances(
    support: Any, familiarity: float, n_units: int, options: Mapping[str, float] = SIGMOID
) -> _Doubles:
    """Return how likely units are to win, relative to a unit without support.

    Parameters
    ----------
    support : array of float
        V of each unit, in [0, 1].
    familiarity : float
        G, in [0, 1].
    n_units : int
        K, the units of a module.
    options : mapping, optional
        ``floor``, ``expansion``, ``exponent``, ``steepness`` and ``midpoint``.

    Returns
    -------
    ndarray of float64
        1 + e / (1 + exp(-steepness (V - midpoint))), e = expansion K ((G - floor) / (1 - floor))^exponent,
        e = 0 up to the floor.

    Notes
    -----
    The code selection algorithm of Rinkus (2010; 2014, Frontiers in Computational Neuroscience 8:160), whose
    sigmoid has two more parameters that are 1 here. The noise of the choice falls as G rises.

    Examples
    --------
    >>> relative_chances([0.0, 1.0], 1.0, 8).round(1).tolist(), relative_chances([0.0, 1.0], 0.1, 8)
    ([1.0, 2399.7], array([1., 1.]))
    """
    over = max(0.0, (familiarity - options["floor"]) / (1.0 - options["floor"]))
    height = options["expansion"] * n_units * over ** options["exponent"]
    given = np.asarray(support, np.float64)
    made: _Doubles = 1.0 + height / (1.0 + np.exp(-options["steepness"] * (given - options["midpoint"])))
    return made


def code_overlap(similarity: float, n_units: int, options: Mapping[str, float] = SIGMOID) -> float:
    """Return the expected share of a stored item's winners that an alike item gets, too.

    Parameters
    ----------
    similarity : float
        Share of the active inputs that both have, in [0, 1].
    n_units : int
        K.
    options : mapping, optional
        As for `relative_chances`.

    Returns
    -------
    float
        Exact where nothing else is stored: G = V = similarity then, and winners are drawn independently.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived from the algorithm; the number of common winners is binomial.

    Examples
    --------
    >>> [round(code_overlap(s, 8), 3) for s in (0.0, 0.5, 0.6, 0.8, 1.0)]
    [0.125, 0.318, 0.869, 0.994, 0.997]
    """
    owner = "sparsey.code_overlap"
    alike = real(owner, "similarity", similarity, 0.0, 1.0)
    units = count(owner, "n_units", n_units)
    own, other = relative_chances([alike, 0.0], alike, units, options).tolist()
    return float(own / (own + (units - 1) * other))


def density(n_inputs: int, active: int, n_units: int, n_items: int) -> float:
    """Return the expected share of set weights after random items with random codes.

    Parameters
    ----------
    n_inputs, active : int
        N inputs, of which S are active in each item.
    n_units : int
        K.
    n_items : int
        M, at least 0.

    Returns
    -------
    float
        1 - (1 - S / (N K))^M, as in Willshaw's matrix with one active output of K.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(density(100, 10, 8, 50), 3)
    0.467
    """
    n, s, k = _sizes("sparsey.density", n_inputs, active, n_units)
    items = count("sparsey.density", "n_items", n_items, 0)
    share = s / (n * k)
    return float(items > 0) if share >= 1.0 else -math.expm1(items * math.log1p(-share))


def novel_familiarity(n_inputs: int, active: int, n_units: int, n_items: int) -> float:
    """Return the expected familiarity G of a new random item; that of a stored one is 1.

    Parameters
    ----------
    n_inputs, active, n_units, n_items
        As for `density`.

    Returns
    -------
    float
        The mean of a module's largest V, for M items with random codes.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The M items fall on a module's K units; r of them cover u of the new item's S inputs, as random sets do.
    Given their numbers units are independent, and the numbers are multinomial: exact for up to 1,500 items,
    as if units were independent beyond. Codes are random while G of new items is below the floor. Derived.

    Examples
    --------
    >>> [round(novel_familiarity(100, 10, 8, m), 3) for m in (0, 1, 10, 50)]
    [0.0, 0.1, 0.345, 0.747]
    """
    n, s, k = _sizes("sparsey.novel_familiarity", n_inputs, active, n_units)
    items = count("sparsey.novel_familiarity", "n_items", n_items, 0)
    below = np.cumsum(covered(n, s, s, items), axis=1)[:, :s]
    largest = _over_modules([below] * k, items)
    return float((1.0 - largest).sum() / s)


def module_error(n_inputs: int, active: int, n_units: int, n_items: int) -> float:
    """Return the chance that a module's winner is wrong for a stored item, when the first of the best wins.

    Parameters
    ----------
    n_inputs, active, n_units, n_items
        As for `density`; at least 1 item.

    Returns
    -------
    float
        E[X / (X + 1)], X the number of the module's other units that have full support.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    The item's own unit always has. Each other one has it when the items on it cover all S inputs, as false
    ones of Willshaw's matrix. E[X / (X + 1)] is an integral over t of 1 - E[t^X], in as many nodes as make it
    exact. Derived, for random items with random codes.

    Examples
    --------
    >>> [round(module_error(100, 10, 8, m), 4) for m in (50, 100, 200)]
    [0.0091, 0.1852, 0.732]
    """
    n, s, k = _sizes("sparsey.module_error", n_inputs, active, n_units)
    others = count("sparsey.module_error", "n_items", n_items) - 1
    if k == 1 or others == 0:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss((k + 1) // 2)
    nodes, weights = (nodes + 1) / 2, weights / 2
    if others > _EXACT:
        full = full_cover(n, s, s, 1.0 / k, others)
        return float(weights @ (1.0 - (1.0 - full * (1.0 - nodes)) ** (k - 1)))
    full_by_load = covered(n, s, s, others)[:, s][:, None]
    each = 1.0 - full_by_load * (1.0 - nodes)
    generating = _over_modules([each] * (k - 1) + [np.ones_like(each)], others)
    return float(np.clip(weights @ (1.0 - generating), 0.0, 1.0))


def capacity(n_inputs: int, active: int, n_units: int, error_rate: float) -> int:
    """Return the most items of which `module_error` stays at or below a rate.

    Parameters
    ----------
    n_inputs, active, n_units
        As for `density`.
    error_rate : float
        In (0, 1).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Proportional to N K / S for a given S: the density at which errors begin is the same.

    Examples
    --------
    >>> capacity(100, 10, 8, 0.01), capacity(200, 10, 8, 0.01), capacity(100, 10, 16, 0.01)
    (50, 114, 84)
    """
    limit = real("sparsey.capacity", "error_rate", error_rate, 0.0, 1.0, "()")
    if count("sparsey.capacity", "n_units", n_units) == 1:
        return _MOST
    found = least_passing(lambda m: module_error(n_inputs, active, n_units, m) > limit, 1, 0, _MOST)
    return _MOST if found is None else found - 1


def _over_modules(each: list[_Doubles], items: int) -> _Doubles:
    """Return the expected product over a module's units of a number that each has by its load.

    Loads are multinomial with equal chances: the last unit of j takes a binomial share 1 / j.
    """
    if items > _EXACT:
        chances = _binomial(items, 1.0 / len(each))
        made: _Doubles = np.prod([chances @ one for one in each], axis=0)
        return made
    rest = each[0]
    for j, one in enumerate(each[1:], start=2):
        totals = range(items + 1) if j < len(each) else (items,)
        rows = [
            _binomial(m, 1.0 / j) @ (one[: m + 1] * rest[m::-1] if m else one[:1] * rest[:1]) for m in totals
        ]
        rest = np.array(rows)
    made = rest[-1]
    return made


def _binomial(n: int, p: float) -> _Doubles:
    if n == 0:
        return np.ones(1)
    k = np.arange(1, n + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n + 1 - k) / k * (p / (1.0 - p))))])
    weights = np.exp(logs - logs.max())
    made: _Doubles = weights / weights.sum()
    return made


def _sizes(owner: str, n_inputs: Any, active: Any, n_units: Any) -> tuple[int, int, int]:
    n, s = count(owner, "n_inputs", n_inputs), count(owner, "active", active)
    real(owner, "active", s, 1, n)
    return n, s, count(owner, "n_units", n_units)
