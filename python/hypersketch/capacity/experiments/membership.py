# SPDX-License-Identifier: Apache-2.0
"""Is a key in the set? False positives and false negatives of every structure that holds a set."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import UInt64Array
from hypersketch.capacity.experiments.stored import StoredOrNot
from hypersketch.capacity.structures import structure

__all__ = ["Membership"]


class Membership(StoredOrNot):
    """Stores n keys and asks for them and for others."""

    name: ClassVar[str] = "membership"
    title: ClassVar[str] = "Is a key in the set?"
    summary: ClassVar[str] = (
        "Is a key in the set? False positives and negatives against memory, for all that hold sets."
    )
    question: ClassVar[str] = (
        "A fixed-size memory holds a set of n keys. How often is it wrong when asked whether a key is in "
        "the set, and how much memory does a wanted error cost?"
    )
    method: ClassVar[str] = (
        "In each trial the structure gets a fresh seed and n keys; then all n keys are asked for, and so "
        "are 1,000 keys that were not stored. A stored key that is denied is a false negative, any other "
        "key that is reported is a false positive. The sizes are those at which the theory predicts an "
        "error of 20 %, 5 %, 1 % and 0.1 %."
    )
    prediction: ClassVar[str] = (
        "Every prediction is exact, not a fit: the occupancy formula for Bloom filters, binomial sums for "
        "MAP-I and MAP-B, a numerically convolved distribution for Hopfield±."
    )
    default_n: ClassVar[tuple[int, ...]] = (50, 200)
    probes: ClassVar[int] = 1000

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"false positives": cell.probes, "false negatives": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = structure(cell.structure, cell.device)
        blocks = [
            entry.score_trials(cell.size, seeds, keys[np.newaxis, :, : cell.n], keys[np.newaxis])
            for seeds, keys in Draw(cell, hashes, cell.n + cell.probes)
        ]
        return self.wrong_answers(cell, blocks)
