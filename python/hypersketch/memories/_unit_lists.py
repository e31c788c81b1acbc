# SPDX-License-Identifier: Apache-2.0
"""Sparse patterns in the forms in which they come, bool rows or lists of active units, as runs of indices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

Bools = NDArray[np.bool_]


class Units(NamedTuple):
    """Active units of patterns: those of pattern i are ``indices[starts[i] : starts[i + 1]]``, rising."""

    starts: NDArray[np.int64]
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def numbers(self) -> NDArray[np.int64]:
        """How many units each pattern has."""
        return np.diff(self.starts)

    @property
    def owners(self) -> NDArray[np.int64]:
        """Which pattern each index belongs to."""
        return np.repeat(np.arange(len(self)), self.numbers)

    def part(self, first: int, last: int) -> Units:
        """Return some of the patterns."""
        bounds = self.starts[first : last + 1]
        return Units(bounds - bounds[0], self.indices[bounds[0] : bounds[-1]])

    def packed(self, n_units: int) -> NDArray[np.uint64]:
        """Return a row of words a pattern."""
        made = np.zeros((len(self), _validation.words_for(n_units)), np.uint64)
        bits = np.uint64(1) << (self.indices % 64).astype(np.uint64)
        np.bitwise_or.at(made, (self.owners, self.indices // 64), bits)
        return made


def units(owner: str, name: str, value: object, n_units: int) -> Units:
    """Return sparse patterns after checks: bools of shape (n, n_units), or lists of different units.

    One row, or one list of integers, is one pattern.
    """
    _validation.not_masked(owner, name, value, "active units")
    if isinstance(value, np.ndarray) and value.dtype == np.bool_:
        return _of_bools(owner, name, value, n_units)
    lists = _lists(owner, name, value)
    if lists and any(one.dtype == np.bool_ for one in lists):
        if any(one.dtype != np.bool_ or one.shape != lists[0].shape for one in lists):
            must = "lists of active units, or bools with a column a unit, not both"
            _validation.refuse(owner, name, must, value, TypeError)
        return _of_bools(owner, name, np.array(lists), n_units)
    for row, one in enumerate(lists):
        check_row(owner, name, one, row, n_units)
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([one.size for one in lists], out=starts[1:])
    flat = [np.sort(one.astype(np.int64)) for one in lists]
    return Units(starts, np.concatenate([np.empty(0, np.int64), *flat]))


def _lists(owner: str, name: str, value: object) -> list[NDArray[Any]]:
    must = "lists of active units, or bools with a column a unit"
    if isinstance(value, str | bytes | dict) or not hasattr(value, "__len__"):
        _validation.refuse(owner, name, must, value, TypeError)
    rows: Any = value
    try:
        if len(rows) and np.ndim(rows[0]) == 0:
            rows = [rows]
        made = [np.asarray(row) for row in rows]
    except (ValueError, TypeError, KeyError):  # a row of different lengths, or what has no first one
        _validation.refuse(owner, name, must, value, TypeError)
    return [np.empty(0, np.int64) if one.size == 0 and one.ndim == 1 else one for one in made]


def check_row(owner: str, name: str, one: NDArray[Any], row: int, n_units: int) -> None:
    """Refuse a row that is no list of different units."""
    must = f"different integers in [0, {n_units}), active units, in each row"
    if one.dtype.kind not in "iu" or one.ndim != 1:
        came = f"{one.dtype} of shape {one.shape} in row {row}"
        _validation.refuse(owner, name, must, came, TypeError if one.dtype.kind not in "iu" else ValueError)
    if one.size and not 0 <= int(one.min()) <= int(one.max()) < n_units:
        bad = int(one.max()) if int(one.max()) >= n_units else int(one.min())
        raise ValueError(f"The {name!r} parameter of {owner} must be {must}. Got {bad} in row {row} instead.")
    if np.unique(one).size != one.size:
        raise ValueError(
            f"The {name!r} parameter of {owner} must be {must}. Got a unit twice in row {row} instead."
        )


def _of_bools(owner: str, name: str, given: Bools, n_units: int) -> Units:
    if given.ndim not in (1, 2) or given.shape[-1] != n_units:
        must = f"lists of active units, or bools of shape ({n_units},) or (n, {n_units})"
        _validation.refuse(owner, name, must, f"shape {given.shape}")
    rows = np.atleast_2d(given)
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(rows.sum(axis=1), out=starts[1:])
    return Units(starts, np.nonzero(rows)[1].astype(np.int64))


def counts(weights: NDArray[np.uint64], asked: Units, n_columns: int, threads: int) -> NDArray[np.int32]:
    """Return how many of each pattern's rows of weights have a column's bit set, shape (n, n_columns)."""
    from hypersketch import _core

    made = np.zeros((len(asked), n_columns), np.int32)
    indices = asked.indices.astype(np.uint32)
    _core.gathered_counters(weights, indices, None, None, n_columns, asked.starts, None, made, threads)
    # The kernel adds +1 for a clear bit and -1 for a set one.
    return (asked.numbers.astype(np.int32)[:, None] - made) >> 1
