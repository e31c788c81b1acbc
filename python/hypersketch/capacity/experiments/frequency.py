# SPDX-License-Identifier: Apache-2.0
"""How often did a key occur? Weighted counts of a skewed stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.streams import Counts, zipf_counts
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure

__all__ = ["Frequency"]


class Frequency(Experiment):
    """Stores n keys with skewed counts and asks for every count."""

    name: ClassVar[str] = "frequency"
    title: ClassVar[str] = "How often did a key occur?"
    summary: ClassVar[str] = "How often did a key occur? Errors of weighted counts of a skewed (Zipf) stream."
    question: ClassVar[str] = (
        "A stream of n different keys, few of them frequent and many rare, is counted in a fixed-size "
        "memory. How wrong are the counts?"
    )
    method: ClassVar[str] = (
        "In each trial n keys are stored with the counts n, n/2, n/3, ... (rounded, at least 1), and every "
        "key's count is asked for. MAP-I, Hopfield± and count sketches answer with noise around the true "
        "count, measured as root mean square error; counting Bloom filters and Count-Min sketches answer "
        "with the true count or a larger one, measured as the share of wrong counts."
    )
    prediction: ClassVar[str] = (
        "The noise is the sum of squares of all other counts, divided by the dimension (MAP-I) or, times 3 "
        "− 2/D, by its square (Hopfield±). The error of a count sketch is the median of its rows' errors, "
        "whose law follows from all counts. A count of a counting Bloom filter or a Count-Min sketch is "
        "wrong when other keys hit all of its cells."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "rmse": Quantity("rms", "root mean square error of the counts of the stored keys"),
        "wrong counts": Quantity("rate", "share of stored keys whose count is too large"),
    }
    default_n: ClassVar[tuple[int, ...]] = (50, 200)
    default_trials: ClassVar[int] = 2000

    def units(self, entry: Structure, n: int) -> list[int]:
        if entry.name == "hopfield":
            return [math.ceil(factor * math.sqrt(n)) for factor in (2, 4, 8)]
        return [factor * n for factor in (2, 6, 18)]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"wrong counts": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = structure(cell.structure, cell.device)
        weights = zipf_counts(cell.n)
        blocks = [
            entry.score_trials(cell.size, seeds, keys[np.newaxis], keys[np.newaxis], weights)
            for seeds, keys in Draw(cell, hashes, cell.n)
        ]
        errors = np.concatenate(blocks) - weights
        if entry.count_quantity == "rmse":
            return {"rmse": (errors**2).mean(axis=1).tolist()}
        return {"wrong counts": (errors != 0).sum(axis=1).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = structure(cell.structure)
        return {entry.count_quantity: entry.count_error(cell.size, Counts.of(zipf_counts(cell.n)))}
