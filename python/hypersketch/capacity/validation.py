# SPDX-License-Identifier: Apache-2.0
"""Checks of what callers of this layer pass, in the house's one form of sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypersketch import _validation
from hypersketch.capacity.experiments import Request

__all__ = ["check_request", "positive"]

_MOST = 2**63 - 1


def positive(owner: str, name: str, value: Any, least: int = 1) -> int:
    """An integer of at least `least`; a whole float such as 1e6 is one too.

    Parameters
    ----------
    owner, name : str
        What the message calls the function and its parameter.
    value : object
        What came.
    least : int, default 1
        Smallest value allowed.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is too small.

    Examples
    --------
    >>> positive("run", "trials", 1e3)
    1000
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _validation.integer(owner, name, value, least, _MOST)


def _positives(name: str, values: Any) -> tuple[int, ...] | None:
    if values is None:
        return None
    several = not isinstance(values, str) and (isinstance(values, Sequence) or hasattr(values, "tolist"))
    listed = list(values) if several else [values]
    if not listed:
        _validation.refuse("run", name, "an integer >= 1 or several", values)
    return tuple(positive("run", name, value) for value in listed)


def check_request(structures: Any, n: Any, dims: Any, trials: Any, universe: Any, seed: Any) -> Request:
    """What the caller of a run asked for, checked.

    Parameters
    ----------
    structures, n, dims, trials, universe, seed
        Arguments of :func:`hypersketch.capacity.run`.

    Raises
    ------
    TypeError, ValueError
        If a number is not a positive integer, or the seed not in [0, 2**64).

    Examples
    --------
    >>> check_request(None, 5, [64, 128], None, 1e3, 1).n
    (5,)
    """
    if isinstance(structures, str):
        structures = [structures]
    return Request(
        structures=None if structures is None else tuple(structures),
        n=_positives("n", n),
        dims=_positives("dims", dims),
        trials=None if trials is None else positive("run", "trials", trials),
        universe=None if universe is None else positive("run", "universe", universe),
        seed=_validation.integer("run", "seed", seed, 0, _validation.MAX_SEED),
    )
