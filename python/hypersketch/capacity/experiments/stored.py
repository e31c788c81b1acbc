# SPDX-License-Identifier: Apache-2.0
"""What the experiments share that ask "is it stored?": their error rates, default sizes and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure, smallest

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Picture
    from hypersketch.capacity.results import Results

__all__ = ["StoredOrNot"]

_TARGET_ERRORS = (0.2, 0.05, 0.01, 0.001)


class StoredOrNot(Experiment):
    """An experiment whose answers are yes or no."""

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "false positives": Quantity("rate", "share of absent items that are reported as stored"),
        "false negatives": Quantity("rate", "share of stored items that are reported as absent"),
    }
    default_trials: ClassVar[int] = 1000

    def units(self, entry: Structure, n: int) -> list[int]:
        """Sizes whose larger error rate is predicted to be 20 %, 5 %, 1 % and 0.1 %."""

        def reached(error: float, units: int) -> bool:
            return max(entry.error_rates(entry.size(units, n), n)) <= error

        found = {smallest(partial(reached, error), entry.least) for error in _TARGET_ERRORS}
        return sorted(units for units in found if units is not None)

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots_cost

        return [plots_cost.cost_picture(results), *super().pictures(results)]

    def predict(self, cell: Cell) -> dict[str, float]:
        rates = structure(cell.structure).error_rates(cell.size, cell.n)
        return dict(zip(self.quantities, rates, strict=True))

    def wrong_answers(self, cell: Cell, scores: list[npt.NDArray[np.float64]]) -> Outcomes:
        """Wrong answers of each trial, from blocks of scores (t, n + q): n stored items, then q others."""
        threshold = structure(cell.structure).threshold(cell.size, cell.n)
        stored = np.concatenate(scores) >= threshold
        return {
            "false positives": stored[:, cell.n :].sum(axis=1).tolist(),
            "false negatives": (~stored[:, : cell.n]).sum(axis=1).tolist(),
        }
