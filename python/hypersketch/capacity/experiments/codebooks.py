# SPDX-License-Identifier: Apache-2.0
"""What the experiments share that compare bundles with a whole codebook: draws, grids, tests."""

from __future__ import annotations

from typing import ClassVar, cast

from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.experiments.base import Experiment
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Int64Array, Structure, UInt64Array
from hypersketch.capacity.structures.bundles import SpaceBundle

__all__ = ["CodebookExperiment"]


class CodebookExperiment(Experiment):
    """Bundles of a codebook's items, and questions to the whole codebook.

    The trials of a cell are bundles. Spaces whose atoms are costly share a codebook among up to
    `bundles_per_codebook` of them; these count as one draw in every interval.
    """

    default_trials: ClassVar[int] = 2000
    default_universe: ClassVar[int] = 1000
    fixed_universe: ClassVar[bool] = True
    #: Keys of the codebook that a bundle takes for each stored item.
    drawn_per_item: ClassVar[int] = 1

    def units(self, entry: Structure, n: int) -> list[int]:
        """Squares, which all spaces can have."""
        near = cast(SpaceBundle, entry).units_near
        return list(dict.fromkeys(near(side * side) for side in range(8, 35, 4)))

    def check(self, cell: Cell) -> None:
        if cell.n * self.drawn_per_item > cell.universe:
            raise ValueError(
                f"A codebook of {cell.universe} items does not hold {cell.n * self.drawn_per_item} "
                "different ones."
            )

    def shared(self, cell: Cell) -> int:
        """Bundles of each codebook."""
        return min(cell.trials, self.entry(cell).bundles_per_codebook)

    def entry(self, cell: Cell) -> SpaceBundle:
        """The structure of a cell."""
        return cast(SpaceBundle, structure(cell.structure, cell.device))

    def draws(self, cell: Cell, hashes: UInt64Array) -> tuple[UInt64Array, Int64Array]:
        """Seeds of the codebooks, and the indices of the items of their bundles (codebook, bundle, item)."""
        shared, seeds = self.shared(cell), kernels.trial_seeds(cell.seed, cell.trials)
        n = cell.n * self.drawn_per_item
        chosen = kernels.sample_indices(cell.seed, cell.trials, n, hashes.size)
        books = -(-cell.trials // shared)
        # The last codebook takes as many bundles as the others: some more trials than were asked for.
        if books * shared > cell.trials:
            chosen = kernels.sample_indices(cell.seed, books * shared, n, hashes.size)
        return seeds[:books], chosen.reshape(books, shared, n)
