# SPDX-License-Identifier: Apache-2.0
"""Are the n best of N items the n that were stored? The protocol of Schlegel, Neubert and Protzel (2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Quantity, UInt64Array
from hypersketch.capacity.experiments.codebooks import CodebookExperiment
from hypersketch.capacity.structures.bundles import QUERIES

__all__ = ["Cleanup", "CleanupPairs"]


class Cleanup(CodebookExperiment):
    """Bundles n items of a codebook and takes the n best scores of the whole codebook."""

    name: ClassVar[str] = "cleanup"
    title: ClassVar[str] = "Are the n best of N items the n stored ones?"
    summary: ClassVar[str] = (
        "Are the n best of N items the n stored ones? Accuracy against dimensions (Schlegel et al.)."
    )
    question: ClassVar[str] = (
        "A bundle holds n items of a codebook of N. If the whole codebook is compared with the bundle and "
        "the n best are taken, how many of them are the stored ones?"
    )
    method: ClassVar[str] = (
        "In each trial n different items of the codebook are bundled, all N items are scored by the space's "
        "similarity, and the n highest scores are taken (the first index wins a tie). Accuracy is the share "
        "of stored items among them. This is the protocol of Schlegel, Neubert and Protzel (2022). Atoms are "
        "drawn anew for each trial of MAP-I, MAP-B and BSC, for every 50 bundles of the others; these 50 "
        "count as one draw in the intervals."
    )
    prediction: ClassVar[str] = (
        "A stored item is found when fewer than n of the other items score higher; the numbers of such "
        "items follow from the score distributions of stored and other items (hypersketch.theory.spaces): "
        "exact where scores are counts, otherwise normal with the mean, variance, correlation and kurtosis "
        "that the space's formulas give."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "accuracy": Quantity("rate", "share of stored items among the n best of the codebook", log=False)
    }
    default_n: ClassVar[tuple[int, ...]] = (5, 15, 30)

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"accuracy": cell.n * self.shared(cell)}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        seeds, members = self.draws(cell, hashes)
        hits = self.entry(cell).cleanup_trials(cell.size, seeds, hashes, members)
        return {"accuracy": hits.tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        return {"accuracy": self.entry(cell).cleanup_accuracy(cell.size, cell.n, cell.universe)}


class CleanupPairs(CodebookExperiment):
    """Bundles n bound pairs of a codebook's items, unbinds keys and looks for their values."""

    name: ClassVar[str] = "cleanup-pairs"
    title: ClassVar[str] = "Which value belongs to this key?"
    summary: ClassVar[str] = (
        "Which value belongs to this key? Bundles of pairs, the best of the codebook (Schlegel et al.)."
    )
    question: ClassVar[str] = (
        "A bundle holds n key-value pairs whose keys and values are 2 n items of a codebook of N. If it is "
        "unbound by a key and the best of the codebook is taken, how often is it that key's value?"
    )
    method: ClassVar[str] = (
        "In each trial 2 n different items of the codebook are bound in pairs and bundled; up to five of the "
        "keys are unbound, and the highest score of the whole codebook is taken (the first index wins a "
        "tie). Schlegel, Neubert and Protzel (2022) count a value as found if it comes back for any key; "
        "here it must come back for its own. Atoms are drawn anew for every 50 bundles, which count as one "
        "draw in the intervals. BSDC-CDT cannot unbind."
    )
    prediction: ClassVar[str] = (
        "The right value must beat N − 1 others: the average of the chance that one of them is lower, to the "
        "power of N − 1, over the right score (Frady, Kleyko and Sommer 2018), with the score distributions "
        "of hypersketch.theory.spaces. Where unbinding is exact they are those of plain bundles; HRR, VTB "
        "and MAP-C add noise of their own."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "accuracy": Quantity("rate", "share of keys whose value is the best of the codebook", log=False)
    }
    default_n: ClassVar[tuple[int, ...]] = (5, 15, 30)
    default_trials: ClassVar[int] = 1000
    drawn_per_item: ClassVar[int] = 2

    def shared(self, cell: Cell) -> int:
        return min(cell.trials, 50)

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"accuracy": min(cell.n, QUERIES) * self.shared(cell)}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        seeds, drawn = self.draws(cell, hashes)
        return {"accuracy": self.entry(cell).pair_trials(cell.size, seeds, hashes, drawn).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        accuracy = self.entry(cell).item_accuracy(cell.size, cell.n, cell.universe, pairs=True)
        return {"accuracy": accuracy}
