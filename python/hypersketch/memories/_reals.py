# SPDX-License-Identifier: Apache-2.0
"""Checks of what comes into memories of real vectors: rows of finite numbers, and a number for each."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

DIM = _validation.within(1, 2**24)
DTYPE = _validation.one_of("float32", "float64")


def _array(owner: str, name: str, value: object, must: str) -> NDArray[Any]:
    _validation.not_masked(owner, name, value, must)
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, name, must, value)
    if given.dtype.kind not in "iuf":
        _validation.refuse(owner, name, must, _came(value, given), TypeError)
    return given


def _came(value: object, given: NDArray[Any]) -> Any:
    return given.dtype if isinstance(value, np.ndarray) else value


def rows(owner: str, name: str, value: object, dim: int, dtype: Any) -> NDArray[Any]:
    """Return finite vectors of a dimension, one a row, contiguous and of the dtype; one vector is one row."""
    must = f"real vectors of {dim} dimensions, shape ({dim},) or (n, {dim})"
    given = _array(owner, name, value, must)
    if given.ndim not in (1, 2) or given.shape[-1] != dim:
        _validation.refuse(owner, name, must, f"shape {given.shape}")
    with np.errstate(over="ignore"):
        made = np.ascontiguousarray(np.atleast_2d(given), dtype=dtype)
    finite = np.isfinite(made).all(axis=1)
    if not finite.all():
        _not_finite(owner, name, made, int(np.flatnonzero(~finite)[0]), np.dtype(dtype))
    return made


def values(owner: str, keys: object, given: object, key_dim: int, value_dim: int, dtype: Any) -> NDArray[Any]:
    """Return checked values, which are the keys where none are given."""
    if given is None and key_dim != value_dim:
        _validation.refuse(owner, "values", "given, as value_dim is not key_dim", None)
    return rows(owner, "values", keys if given is None else given, value_dim, dtype)


def _not_finite(owner: str, name: str, made: NDArray[Any], row: int, dtype: np.dtype[Any]) -> NoReturn:
    bad = float(made[row][~np.isfinite(made[row])][0])
    raise ValueError(f"The {name!r} parameter of {owner} must be finite in {dtype}. Got {bad} in row {row}.")


def numbers(
    owner: str,
    name: str,
    value: object,
    n: int,
    low: float = -np.inf,
    high: float = np.inf,
) -> NDArray[np.float64]:
    """Return n finite numbers of [low, high]; one number stands for n equal ones."""
    number = "a finite number"
    if np.isfinite(low):
        number = (
            f"a finite number of at least {low:g}" if np.isinf(high) else f"a number in [{low:g}, {high:g}]"
        )
    must = f"{number}, or one for each of {n} rows"
    given = _array(owner, name, value, must).astype(np.float64)
    if given.shape not in ((), (n,)):
        _validation.refuse(owner, name, must, f"shape {given.shape}")
    good = np.isfinite(given) & (given >= low) & (given <= high)
    if not good.all():
        row = f" in row {int(np.flatnonzero(~good)[0])}" if given.ndim else ""
        raise ValueError(
            f"The {name!r} parameter of {owner} must be {must}. Got {float(given[~good].flat[0])}{row}."
        )
    return np.ascontiguousarray(np.broadcast_to(given, (n,)))


def as_many(owner: str, **given: NDArray[Any]) -> int:
    """Return how many rows all have."""
    (first, one), *others = given.items()
    for name, other in others:
        if len(other) != len(one):
            raise ValueError(f"{owner} needs as many {name} as {first}. Got {len(other)} and {len(one)}.")
    return len(one)


def not_zero(owner: str, name: str, vectors: NDArray[Any]) -> NDArray[Any]:
    """Refuse vectors of zeros, which have no direction."""
    refuse_zeros(owner, name, np.asarray(~vectors.any(axis=1)))
    return vectors


def refuse_zeros(owner: str, name: str, zero: NDArray[np.bool_]) -> None:
    """Refuse vectors of which some are zero."""
    if zero.any():
        raise ValueError(
            f"The {name!r} parameter of {owner} must have no zero vector, which has no cosine with any. "
            f"Got one in row {int(np.flatnonzero(zero)[0])}."
        )
