# SPDX-License-Identifier: Apache-2.0
"""What experiments with random patterns share: cells by the number of units and of patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from hypersketch.capacity.cells import Cell
from hypersketch.capacity.experiments.base import Experiment, Request
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels

__all__ = ["PatternExperiment"]


class PatternExperiment(Experiment):
    """Stores n random patterns in a memory of so many units."""

    default_dims: ClassVar[tuple[int, ...]]
    probes: ClassVar[int] = 100

    def units(self, entry: Structure, n: int) -> list[int]:
        return list(self.default_dims)

    def n_bytes(self, cell: Cell) -> int:
        """Bytes of the patterns, packed."""
        return int(cell.n) * super().n_bytes(cell)

    def cell(self, request: Request, units: int, n: int, setting: Mapping[str, Any]) -> Cell:
        """One cell of the only structure that takes part."""
        (entry,) = known_structures(self.name, request.structures)
        return Cell(
            self.name,
            entry.name,
            n,
            {"units": units},
            request.trials or self.default_trials,
            min(n, self.probes),
            request.universe or self.default_universe,
            request.seed,
            setting,
            request.device,
        )

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "patterns a unit",
            lambda row: row.n / row.size["units"],
            lambda row: f"{row.size['units']:,} units",
            lambda _: self.title,
            log=False,
        )
