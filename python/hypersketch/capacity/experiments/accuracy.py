# SPDX-License-Identifier: Apache-2.0
"""How sure is one item of a bundle, and do the curves of all spaces coincide? Accuracy against D / n."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Quantity, UInt64Array
from hypersketch.capacity.experiments.codebooks import CodebookExperiment
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.bundles import QUERIES, SpaceBundle

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Row

__all__ = ["Accuracy"]

#: Values of s D / n, the squared distance of right and wrong scores in standard deviations.
_RATIOS = (4, 8, 12, 16, 24)


class Accuracy(CodebookExperiment):
    """Asks whether single members beat everything else of the codebook."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "How sure is one item of a bundle?"
    summary: ClassVar[str] = (
        "How sure is one item of a bundle? Accuracy against D / n, and the collapse of all spaces' curves."
    )
    question: ClassVar[str] = (
        "A bundle holds n items. How often does one of them score above everything in the codebook that the "
        "bundle does not hold? If a space needs s times fewer dimensions than MAP-I for the same distance "
        "between right and wrong scores, accuracy against s D / n should be one curve for all spaces."
    )
    method: ClassVar[str] = (
        "In each trial n different items of the codebook are bundled, and up to five of them are compared "
        "with all items that are not in the bundle (the lower index wins a tie). Dimensions are chosen so "
        "that s D / n is 4, 8, 12, 16 and 24, where s is the squared distance of right and wrong scores, in "
        "standard deviations of the wrong ones, times n / D, for many items: 1 for MAP-I, 2/π for MAP-B and "
        "BSC, π/2 for FHRR, 2 for sums of phasors. 50 bundles share a codebook and count as one draw."
    )
    prediction: ClassVar[str] = (
        "The average over the right score of the chance that a wrong one is lower, to the power of their "
        "number (Frady, Kleyko and Sommer 2018), with the score distributions of hypersketch.theory.spaces."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "accuracy": Quantity("rate", "share of stored items that beat all that is not stored", log=False)
    }
    default_n: ClassVar[tuple[int, ...]] = (10, 30, 100)
    default_trials: ClassVar[int] = 1000
    default_universe: ClassVar[int] = 1024

    def units(self, entry: Structure, n: int) -> list[int]:
        space = cast(SpaceBundle, entry)
        return list(
            dict.fromkeys(space.units_near(math.ceil(ratio * n / space.distance)) for ratio in _RATIOS)
        )

    def shared(self, cell: Cell) -> int:
        return min(cell.trials, 50)

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"accuracy": min(cell.n, QUERIES) * self.shared(cell)}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        seeds, members = self.draws(cell, hashes)
        return {"accuracy": self.entry(cell).single_trials(cell.size, seeds, hashes, members).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        rivals = cell.universe - cell.n + 1
        return {"accuracy": self.entry(cell).item_accuracy(cell.size, cell.n, rivals, pairs=False)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        def place(row: Row) -> float:
            return cast(SpaceBundle, structure(row.structure)).distance * row.size["dim"] / row.n

        return Panels(
            "s D / n", place, lambda row: structure(row.structure).title, lambda row: f"{row.n} items", False
        )
