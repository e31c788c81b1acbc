# SPDX-License-Identifier: Apache-2.0
"""What memories of nearest neighbours answer, and by which weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch.memories._associative import Retrieval

if TYPE_CHECKING:
    from hypersketch._device_array import DeviceArray
    from hypersketch.memories._gpu_rows import GpuForm

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Neighbours(Retrieval):
    """What nearest neighbours answer: one row a query. All arrays are on a GPU where the queries are.

    Attributes
    ----------
    states : ndarray, shape (n, value_dim) or (n, vocabulary)
        The weighted mean of the neighbours' values, or the distribution over the tokens.
    energies : None
    steps, converged : ndarray, shape (n,)
        1, and True.
    indices : ndarray of int64, shape (n, k)
        Numbers of the neighbours, counted from 0 as they were stored; the most alike first.
    similarities : ndarray of float64, shape (n, k)
        To the query.
    weights : ndarray of float64, shape (n, k)
        Softmax of the similarities over the temperature.
    """

    indices: NDArray[np.int64]
    similarities: Floats
    weights: Floats


def softmax(similarities: Floats, temperature: float) -> Floats:
    """Return weights that sum to 1; the first similarity of a row is its largest."""
    with np.errstate(over="ignore", under="ignore"):
        powers = np.exp((similarities - similarities[:, :1]) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def formed(form: GpuForm | None, array: DeviceArray) -> Any:
    """Return an array of ours as one of the queries' kind; without a form they are in host memory."""
    return np.asarray(array) if form is None else form.alike(array)


def neighbours_of(form: GpuForm | None, *arrays: DeviceArray) -> Neighbours:
    """Return states, indices, similarities and weights from a GPU in arrays of the queries' kind."""
    states, *others = (formed(form, one) for one in arrays)
    steps, converged = np.ones(len(arrays[0]), np.int64), np.ones(len(arrays[0]), bool)
    if form is not None:
        steps, converged = form.of_host(steps), form.of_host(converged)
    return Neighbours(states, None, steps, converged, *others)
