# SPDX-License-Identifier: Apache-2.0
"""Exact search on a GPU among rows that count: ternary vectors, sparse codes, and integers below a modulus.

Similarities are those of the CPU, of equal ones the first row comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _device_search
from hypersketch._device_array import Passing
from hypersketch._device_search import RowsView, used
from hypersketch.vsa import _modular_on_gpu, _sparse_on_gpu, _ternary_on_gpu
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.ternary import MapT


def _kernel(space: Any, verb: str) -> tuple[Callable[..., None], tuple[Any, ...]]:
    """Return the function that searches in a space, and what it needs to know of the space."""
    module = _device.module()
    if isinstance(space, MapT):
        return getattr(module, f"ternary_{verb}"), (space.dim,)
    if isinstance(space, BSDC):
        return getattr(module, f"sparse_{verb}"), (space.dim,)
    return getattr(module, f"digit_{verb}"), (space.width, space.modulus, bool(space._CIRCLE))


def checked(owner: str, name: str, array: Any, space: Any) -> _device.View:
    """Return the view of sound vectors of a space on a GPU."""
    if isinstance(space, MapT):
        return _ternary_on_gpu.checked_rows(owner, array, space, name)
    if isinstance(space, BSDC):
        return _sparse_on_gpu.checked_rows(owner, array, space, name)
    return _modular_on_gpu.checked_rows(owner, array, space, name)


def make_atoms(space: Any, hashes: _device.View, out: _device.View) -> None:
    """Write the atoms of hashes, one a row."""
    module = _device.module()
    if isinstance(space, MapT):
        module.ternary_atoms(hashes.span(), space.dim, space.seed, out.span())
    elif isinstance(space, BSDC):
        module.sparse_atoms(hashes.span(), *_sparse_on_gpu.drawn(space), out.span())
    else:
        module.digit_atoms(hashes.span(), *_modular_on_gpu.drawn(space), out.span())


def search(
    owner: str, space: Any, queries: RowsView, rows: RowsView, k: int
) -> tuple[_device.Target, _device.Target]:
    """Return places of the k rows most alike to each query, and how alike, as the queries come."""
    asked, stored = queries.seen, rows.seen
    _device.behind(asked, stored)
    indices = _device.target(owner, None, (queries.n, k), np.int64, asked)
    alike = _device.target(owner, None, (queries.n, k), np.float64, asked)
    top_k, known = _kernel(space, "top_k")
    given = asked.span(), queries.n, queries.stride, stored.span(), rows.n, rows.stride
    top_k(*given, *known, k, indices.whole(), alike.whole())
    used(asked, stored._replace(stream=asked.stream))
    return indices, alike


def within(
    space: Any, queries: RowsView, rows: RowsView, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return query, place and similarity of all rows that reach thresholds, in host memory, unordered."""
    asked, stored = queries.seen, rows.seen
    _device.behind(asked, stored)
    passing = Passing(asked.device, asked.stream)
    reaching, known = _kernel(space, "range")
    given = asked.span(), queries.stride, stored.span(), rows.n, rows.stride, *known
    limits = passing.span(np.ascontiguousarray(thresholds, np.float64))
    found = _device_search.matches(asked, queries.n, partial(reaching, *given, limits))
    used(asked, stored._replace(stream=asked.stream))
    return found
