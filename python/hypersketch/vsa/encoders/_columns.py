# SPDX-License-Identifier: Apache-2.0
"""Batches of records, however they come: rows of numbers, columns by name, tables, lists of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

Columns = NDArray[Any] | list[NDArray[Any]]
"""A matrix with one row a record, or one column a field."""

_MUST = "rows of {n} values, columns by name, a table, or a list of dictionaries"


def columns_of(owner: str, values: Any, names: Sequence[Any]) -> Columns:
    """Return records with as many fields as there are names, in their order."""
    if isinstance(values, Mapping) or hasattr(values, "columns") or hasattr(values, "column_names"):
        return _named(owner, values, names)
    if isinstance(values, list | tuple) and values and all(isinstance(one, Mapping) for one in values):
        return [_column(owner, name, [_value(owner, one, name) for one in values]) for name in names]
    return _matrix(owner, values, len(names))


def n_records(columns: Columns) -> int:
    """Return how many records there are."""
    return len(columns) if isinstance(columns, np.ndarray) else len(columns[0])


def column(columns: Columns, field: int, part: slice) -> NDArray[Any]:
    """Return the values of one field of some records."""
    return columns[part, field] if isinstance(columns, np.ndarray) else columns[field][part]


def _named(owner: str, values: Any, names: Sequence[Any]) -> Columns:
    if not isinstance(values, Mapping) and list(names) == list(range(len(names))):
        return _matrix(owner, np.asarray(values), len(names))  # a table whose columns nobody named
    made = [_column(owner, name, _value(owner, values, name)) for name in names]
    sizes = {len(one) for one in made}
    if len(sizes) > 1:
        lengths = ", ".join(f"{name!r} {len(one)}" for name, one in zip(names, made, strict=True))
        raise ValueError(f"Columns of {owner} must be of one length. Got {lengths[:200]}.")
    return made


def _value(owner: str, values: Any, name: Any) -> Any:
    try:
        return values[name]
    except (KeyError, IndexError):
        raise ValueError(f"The field {name!r} of {owner} is missing from the values.") from None


def _column(owner: str, name: Any, value: Any) -> NDArray[Any]:
    if np.ma.is_masked(value):
        raise ValueError(f"The field {name!r} of {owner} must have no nulls.")
    made = np.asarray(value)
    if made.ndim == 0:
        made = made.reshape(1)
    if made.ndim != 1:
        raise ValueError(f"The field {name!r} of {owner} must be one column. Got shape {made.shape} instead.")
    return made


def _matrix(owner: str, values: Any, n_fields: int) -> NDArray[Any]:
    must = _MUST.format(n=n_fields)
    if np.ma.is_masked(values):
        _validation.refuse(owner, "values", "values without nulls", "a masked array")
    try:
        given = np.asarray(values)
    except ValueError:  # rows of different lengths
        _validation.refuse(owner, "values", must, values, TypeError)
    if given.dtype.kind not in "iufUSTO" and given.size:
        _validation.refuse(owner, "values", must, given.dtype, TypeError)
    if given.ndim == 1 and n_fields == 1:
        given = given[:, np.newaxis]
    elif given.ndim == 1 and given.size == n_fields:
        given = given[np.newaxis]
    if given.ndim != 2 or given.shape[1] != n_fields:
        raise ValueError(f"values has the shape {given.shape} but {owner} needs (n, {n_fields}).")
    return given
