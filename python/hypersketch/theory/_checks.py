# SPDX-License-Identifier: Apache-2.0
"""Argument checks of the theory room: one message form, scalars and arrays alike.

Every check takes the name of the function, the name of the parameter and the value, and returns the value
as a float64 array (or as a Python number, for functions that take scalars only).
"""

from __future__ import annotations

import math
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = Any
"""A float where every argument is a scalar, else a float64 array of the broadcast shape."""

_LARGEST_COUNT = 2.0**53


def refuse(owner: str, name: str, must: str, value: object) -> NoReturn:
    """Raise the ValueError whose sentence names the parameter, what it must be and what came."""
    raise ValueError(f"The {name!r} parameter of {owner} must be {must}. Got {value!r} instead.")


def _array(owner: str, name: str, must: str, value: object) -> NDArray[np.float64]:
    """Return the value as float64, refusing anything that is not made of real numbers."""
    try:
        given = np.asarray(value)
    except ValueError:
        refuse(owner, name, must, value)
    if given.dtype.kind not in "iuf" or isinstance(value, bool):
        refuse(owner, name, must, value)
    return given.astype(np.float64)


def _first(array: NDArray[np.float64], good: NDArray[np.bool_] | np.bool_) -> float | int:
    """Return the first value that is not good, as the plain number that a message prints."""
    bad = float(array[~np.asarray(good)].flat[0]) if array.ndim else float(array)
    return int(bad) if math.isfinite(bad) and bad == int(bad) else bad


def counts(owner: str, name: str, value: object, least: int = 1) -> NDArray[np.float64]:
    """Return integers of at least ``least`` (1e6 counts as an integer) as float64, exact up to 2**53."""
    must = f"an integer >= {least}"
    array = _array(owner, name, must, value)
    good = np.isfinite(array) & (array >= least) & (np.floor(array) == array) & (array <= _LARGEST_COUNT)
    if not np.all(good):
        refuse(owner, name, must, _first(array, good))
    return array


def count(owner: str, name: str, value: object, least: int = 1) -> int:
    """Return one integer of at least ``least``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    array = counts(owner, name, value, least)
    if array.ndim:
        refuse(owner, name, f"one integer >= {least}", value)
    return int(array)


def reals(
    owner: str, name: str, value: object, low: float = -math.inf, high: float = math.inf, ends: str = "[]"
) -> NDArray[np.float64]:
    """Return finite numbers between ``low`` and ``high``; ``ends`` says which ends belong to the range."""
    must = "a finite float"
    if math.isfinite(low) or math.isfinite(high):
        left = ends[0] if math.isfinite(low) else "("
        right = ends[1] if math.isfinite(high) else ")"
        must = f"a float in {left}{low:g}, {high:g}{right}"
    array = _array(owner, name, must, value)
    above = array >= low if ends[0] == "[" else array > low
    below = array <= high if ends[1] == "]" else array < high
    good = np.isfinite(array) & above & below
    if not np.all(good):
        refuse(owner, name, must, _first(array, good))
    return array


def real(
    owner: str, name: str, value: object, low: float = -math.inf, high: float = math.inf, ends: str = "[]"
) -> float:
    """Return one finite number between ``low`` and ``high``."""
    array = reals(owner, name, value, low, high, ends)
    if array.ndim:
        refuse(owner, name, "one number", value)
    return float(array)


def probabilities(owner: str, name: str, value: object) -> NDArray[np.float64]:
    """Return probabilities strictly between 0 and 1."""
    return reals(owner, name, value, 0.0, 1.0, "()")


def at_most(owner: str, name: str, value: NDArray[np.float64], limit: NDArray[np.float64], what: str) -> None:
    """Refuse a value above the parameter that bounds it."""
    values, limits = np.broadcast_arrays(value, limit)
    bad = values > limits
    if np.any(bad):
        most = int(limits[bad].flat[0]) if limits.ndim else int(limits)
        refuse(owner, name, f"at most {what} = {most}", _first(values, ~bad))


def subset_counts(owner: str, n: object, universe: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``n`` and ``universe`` as `counts`, refusing an ``n`` above its ``universe``."""
    some, all_of_them = counts(owner, "n", n), counts(owner, "universe", universe)
    at_most(owner, "n", some, all_of_them, "universe")
    return some, all_of_them


def subset_count(owner: str, n: object, universe: object) -> tuple[int, int]:
    """Return ``n`` and ``universe`` as `count`, refusing an ``n`` above its ``universe``."""
    some, all_of_them = count(owner, "n", n), count(owner, "universe", universe)
    at_most(owner, "n", np.float64(some), np.float64(all_of_them), "universe")
    return some, all_of_them


def overlap_counts(
    owner: str, n_x: object, n_y: object, shared: object
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes of two sets and of their overlap, refusing an overlap above the smaller set."""
    first, second, both = (
        counts(owner, name, value, 0) for name, value in (("n_x", n_x), ("n_y", n_y), ("shared", shared))
    )
    at_most(owner, "shared", both, np.minimum(first, second), "the smaller size")
    return first, second, both


def answer(value: Any) -> Floats:
    """Return a float for a zero-dimensional result and the float64 array for any other."""
    array = np.asarray(value, dtype=np.float64)
    return array if array.ndim else float(array)
