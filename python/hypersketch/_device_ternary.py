# SPDX-License-Identifier: Apache-2.0
"""Exact search among ternary rows on a GPU: the CPU's cosines, of equal ones the first row."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search
from hypersketch._device_array import Passing
from hypersketch._device_search import RowsView, used


def checked(owner: str, name: str, array: Any, space: Any) -> _device.View:
    """Return the view of ternary vectors of a space on a GPU."""
    from hypersketch.vsa import _ternary_on_gpu

    seen = _ternary_on_gpu.rows_of(owner, name, array, space)
    if not _device.module().are_ternary(seen.span(), space.dim):
        _ternary_on_gpu._refuse_strays(owner, name, space)
    return seen


def search(
    owner: str, queries: RowsView, rows: RowsView, dim: int, k: int
) -> tuple[_device.Target, _device.Target]:
    """Return places of the k rows most alike to each query, and their cosines, as the queries come."""
    asked, stored = queries.seen, rows.seen
    _device.behind(asked, stored)
    indices = _device.target(owner, None, (queries.n, k), np.int64, asked)
    cosines = _device.target(owner, None, (queries.n, k), np.float64, asked)
    given = asked.span(), queries.n, queries.stride, stored.span(), rows.n, rows.stride
    _device.module().ternary_top_k(*given, dim, k, indices.whole(), cosines.whole())
    used(asked, stored._replace(stream=asked.stream))
    return indices, cosines


def within(
    queries: RowsView, rows: RowsView, dim: int, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return query, place and cosine of all rows that reach thresholds, in host memory, unordered."""
    asked, stored = queries.seen, rows.seen
    _device.behind(asked, stored)
    passing = Passing(asked.device, asked.stream)
    given = asked.span(), queries.stride, stored.span(), rows.n, rows.stride, dim
    limits = passing.span(np.ascontiguousarray(thresholds, np.float64))
    collect = partial(_device.module().ternary_range, *given, limits)
    found = _device_search.matches(asked, queries.n, collect)
    used(asked, stored._replace(stream=asked.stream))
    return found
