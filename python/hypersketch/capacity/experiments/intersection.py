# SPDX-License-Identifier: Apache-2.0
"""How many keys do two sets share? The error of the estimate from the memories alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure

__all__ = ["Intersection"]

# Bits of a filter (or cells, or dimensions) for each stored key, and for Hopfield± dimensions for each root
# of n.
_LINEAR = (4, 16)
_QUADRATIC = (3, 6)


class Intersection(Experiment):
    """Stores two sets in two structures of one seed and compares the structures."""

    name: ClassVar[str] = "intersection"
    title: ClassVar[str] = "How many keys do two sets share?"
    summary: ClassVar[str] = (
        "How many keys do two sets share? Bias and error of the estimate from two memories."
    )
    question: ClassVar[str] = (
        "Two memories hold two sets of n keys each, and the keys themselves are gone. How many keys do the "
        "sets share, and how far off is the answer?"
    )
    method: ClassVar[str] = (
        "In each trial two sets with a known overlap (none, a quarter, a half, three quarters) are stored "
        "in two structures with the same fresh seed. The memories alone give an estimate of the overlap; "
        "its mean and its root mean square error over all trials are compared with the theory."
    )
    prediction: ClassVar[str] = (
        "Mean and standard deviation of each estimator in closed form: inner products for MAP-I, counting "
        "Bloom filters and Hopfield±, the arcsine law for MAP-B, inclusion and exclusion of the set bits "
        "for Bloom filters."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "mean estimate": Quantity("mean", "mean of the estimated number of shared keys", log=False),
        "rmse": Quantity("rms", "root mean square error of the estimated number of shared keys"),
    }
    default_n: ClassVar[tuple[int, ...]] = (201,)
    default_trials: ClassVar[int] = 2000

    def units(self, entry: Structure, n: int) -> list[int]:
        if entry.name == "hopfield":
            return [math.ceil(factor * math.sqrt(n)) for factor in _QUADRATIC]
        return [factor * n for factor in _LINEAR]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"shared": shared} for shared in sorted({0, n // 4, n // 2, 3 * n // 4})]

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = structure(cell.structure, cell.device)
        shared = cell.setting["shared"]
        estimates = np.concatenate(
            [
                entry.intersection_trials(cell.size, seeds, keys[:, : cell.n], keys[:, cell.n - shared :])
                for seeds, keys in Draw(cell, hashes, 2 * cell.n - shared)
            ]
        )
        return {"mean estimate": estimates.tolist(), "rmse": ((estimates - shared) ** 2).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        shared = cell.setting["shared"]
        moments = structure(cell.structure).intersection_moments(cell.size, cell.n, cell.n, shared)
        return {"mean estimate": moments.mean, "rmse": math.hypot(moments.sd, moments.mean - shared)}
