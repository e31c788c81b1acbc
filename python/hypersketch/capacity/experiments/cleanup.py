# SPDX-License-Identifier: Apache-2.0
"""Are the n best of N items the n that were stored? The protocol of Schlegel, Neubert and Protzel (2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.bundles import MapBundle

__all__ = ["Cleanup"]


class Cleanup(Experiment):
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
        "In each trial n different items of the codebook are bundled under a fresh seed, all N items are "
        "scored, and the n highest scores are taken (the first index wins a tie). Accuracy is the share of "
        "stored items among them. This is the protocol of Schlegel, Neubert and Protzel (2022)."
    )
    prediction: ClassVar[str] = (
        "A stored item is found when fewer than n of the other items score higher; the numbers of such "
        "items follow from the score distributions of stored and other items."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "accuracy": Quantity("rate", "share of stored items among the n best of the codebook", log=False)
    }
    default_n: ClassVar[tuple[int, ...]] = (5, 15, 30)
    default_trials: ClassVar[int] = 2000
    default_universe: ClassVar[int] = 1000
    fixed_universe: ClassVar[bool] = True

    def units(self, entry: Structure, n: int) -> list[int]:
        return [side * side for side in range(8, 35, 4)]

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"accuracy": cell.n}

    def check(self, cell: Cell) -> None:
        if cell.n > cell.universe:
            raise ValueError(f"A codebook of {cell.universe} items does not hold {cell.n} different ones.")

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(MapBundle, structure(cell.structure))
        seed = cell.seed
        seeds = kernels.trial_seeds(seed, cell.trials)
        members = kernels.sample_indices(seed, cell.trials, cell.n, hashes.size)
        return {"accuracy": entry.cleanup_trials(cell.size, seeds, hashes, members).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = cast(MapBundle, structure(cell.structure))
        return {"accuracy": entry.cleanup_accuracy(cell.size, cell.n, cell.universe)}
