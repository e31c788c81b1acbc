# SPDX-License-Identifier: Apache-2.0
"""How do the dimensions that 99 % accuracy needs grow with the codebook? With its logarithm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments.base import Quantity, Request, UInt64Array
from hypersketch.capacity.experiments.codebooks import CodebookExperiment
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure, smallest
from hypersketch.capacity.structures.bundles import QUERIES, SpaceBundle

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["LogN"]

_ACCURACY = 0.99
_CODEBOOKS = (64, 256, 1024, 4096, 16384)


class LogN(CodebookExperiment):
    """Measures at how many dimensions one of N codewords is found 99 times of 100, for growing N."""

    name: ClassVar[str] = "log-N"
    title: ClassVar[str] = "How many dimensions does a larger codebook need?"
    summary: ClassVar[str] = (
        "How many dimensions does a larger codebook need? 99 % accuracy against the logarithm of N."
    )
    question: ClassVar[str] = (
        "A bundle holds n items of a codebook of N. At how many dimensions does a stored item beat all "
        "that is not stored in 99 of 100 cases, and how does that number grow with N?"
    )
    method: ClassVar[str] = (
        "Theory says at which dimension the accuracy is 0.99. There n items are bundled in each trial, and "
        "up to five of them are compared with all of the codebook that the bundle does not hold. The figure "
        "turns measured accuracies into dimensions by the slope of the predicted one. 20 bundles share a "
        "codebook and count as one draw."
    )
    prediction: ClassVar[str] = (
        "The integral of Frady, Kleyko and Sommer (2018) solved for D. As the largest of N normal scores "
        "lies near √(2 ln N), D grows nearly linearly in ln N."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "accuracy": Quantity("rate", "accuracy at the dimension that theory asks for", log=False)
    }
    along: ClassVar[str | None] = "codebook"
    default_n: ClassVar[tuple[int, ...]] = (15,)
    default_trials: ClassVar[int] = 400
    default_universe: ClassVar[int] = _CODEBOOKS[-1]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"codebook": size} for size in _CODEBOOKS if size > 2 * n]

    def shared(self, cell: Cell) -> int:
        return min(cell.trials, 20)

    def check(self, cell: Cell) -> None:
        if cell.setting["codebook"] > cell.universe:
            raise ValueError(
                f"A codebook of {cell.setting['codebook']} items needs so many keys, "
                f"but there are only {cell.universe}."
            )

    def _column(
        self, entry: Structure, n: int, setting: Mapping[str, Any], request: Request
    ) -> Iterable[Cell]:
        if request.universe is not None and setting["codebook"] > request.universe:
            return []
        dims = request.dims or [_least_units(cast(SpaceBundle, entry), n, setting["codebook"])]
        return super()._column(entry, n, setting, replace(request, dims=dims))

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"accuracy": min(cell.n, QUERIES) * self.shared(cell)}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        book = hashes[: cell.setting["codebook"]]
        seeds, members = self.draws(cell, book)
        return {"accuracy": self.entry(cell).single_trials(cell.size, seeds, book, members).tolist()}

    def predict(self, cell: Cell) -> dict[str, float]:
        rivals = cell.setting["codebook"] - cell.n + 1
        return {"accuracy": self.entry(cell).item_accuracy(cell.size, cell.n, rivals, pairs=False)}

    def pictures(self, results: Results) -> list[Picture]:
        from hypersketch.capacity import plots_spaces

        return [plots_spaces.log_n_picture(results), *super().pictures(results)]

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "items of the codebook (N)",
            lambda row: float(row.setting["codebook"]),
            lambda row: f"{row.n} items",
            lambda row: structure(row.structure).title,
        )


def _least_units(entry: SpaceBundle, n: int, codebook: int) -> int:
    """Least dimension with the wanted accuracy."""

    def reached(units: int) -> bool:
        size = entry.size(units, n)
        return entry.item_accuracy(size, n, codebook - n + 1, pairs=False) >= _ACCURACY

    return smallest(reached, entry.least, 1 << 24) or entry.least
