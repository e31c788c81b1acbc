# SPDX-License-Identifier: Apache-2.0
"""What an experiment is: a grid of cells, a way to measure one, and what the theory predicts for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from hypersketch.capacity.cells import Cell, Outcomes, Size
from hypersketch.capacity.statistics import Kind
from hypersketch.capacity.structures import known_structures, structure
from hypersketch.capacity.structures.base import Structure

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels, Picture
    from hypersketch.capacity.results import Results

__all__ = ["Experiment", "Quantity", "Request"]

UInt64Array: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Quantity:
    """A number that an experiment measures.

    Attributes
    ----------
    kind : {"rate", "mean", "rms", "variance"}
        How outcomes become an estimate and an interval.
    title : str
        What a reader is told it is.
    log : bool
        Whether figures show it on a logarithmic axis.
    """

    kind: Kind
    title: str
    log: bool = True


@dataclass(frozen=True)
class Request:
    """What the caller of a run asked for; None leaves the choice to the experiment."""

    structures: Sequence[str] | None = None
    n: Sequence[int] | None = None
    dims: Sequence[int] | None = None
    trials: int | None = None
    universe: int | None = None
    seed: int = 1
    device: str = "cpu"


class Experiment(ABC):
    """One question put to several structures."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: One line for lists.
    summary: ClassVar[str]
    #: Paragraphs of the report: what is asked, how it is measured, where the prediction comes from.
    question: ClassVar[str]
    method: ClassVar[str]
    prediction: ClassVar[str]
    quantities: ClassVar[Mapping[str, Quantity]]
    #: Setting that figures have on their horizontal axis; None for the bytes of the structure.
    along: ClassVar[str | None] = None
    #: Columns of :meth:`table` that hold text.
    text_columns: ClassVar[frozenset[str]] = frozenset({"structure", "size", "quantity"})
    default_n: ClassVar[tuple[int, ...]]
    default_trials: ClassVar[int] = 100
    default_universe: ClassVar[int] = 1_000_000
    #: Whether `default_universe` is the protocol's own (a codebook), not just plenty.
    fixed_universe: ClassVar[bool] = False
    probes: ClassVar[int] = 0

    @abstractmethod
    def units(self, entry: Structure, n: int) -> list[int]:
        """Default sizes of a structure for n items."""

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        """Parameters of the structures of that many units."""
        return [entry.size(units, n, self.name)]

    @abstractmethod
    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        """One number a trial for every quantity of the cell."""

    @abstractmethod
    def predict(self, cell: Cell) -> dict[str, float]:
        """What the theory says about the quantities of the cell."""

    def tests(self, cell: Cell) -> dict[str, int]:
        """Tests a trial behind each rate."""
        return {}

    def settings(self, n: int) -> list[dict[str, Any]]:
        """What else is varied."""
        return [{}]

    def items(self, n: int, setting: Mapping[str, Any]) -> int:
        """Items stored at the size `n` that the caller asked for."""
        return n

    def quantity(self, name: str) -> Quantity:
        """The quantity of a name."""
        return self.quantities[name]

    def n_bytes(self, cell: Cell) -> int:
        """Bytes of the structure of a cell."""
        return structure(cell.structure).n_bytes(cell.size)

    def check(self, cell: Cell) -> None:  # noqa: B027 (most experiments take every cell)
        """Refuses a cell that makes no sense, in a sentence."""

    def table(self, results: Results) -> tuple[Sequence[str], list[tuple[str, ...]]]:
        """Head and lines of the table of all numbers; the last column is the verdict."""
        from hypersketch.capacity import tables

        return tables.HEAD, tables.lines(results.rows)

    def panels(self) -> Panels:
        """How figures lay the measured points out."""
        from hypersketch.capacity import plots

        return plots.standard_panels(self.along)

    def pictures(self, results: Results) -> list[Picture]:
        """Figures of the report."""
        from hypersketch.capacity import plots

        return plots.pictures(self, results)

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        """Body of the report page."""
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, figures)

    def cells(self, request: Request) -> list[Cell]:
        """The grid: structures x n x settings x sizes."""
        chosen = known_structures(self.name, request.structures)
        sizes = request.n or self.default_n
        return [
            cell
            for entry in chosen
            for n in sizes
            for setting in self.settings(n)
            for cell in self._column(entry, self.items(n, setting), setting, request)
        ]

    def _column(
        self, entry: Structure, n: int, setting: Mapping[str, Any], request: Request
    ) -> Iterable[Cell]:
        units = request.dims or self.units(entry, n)
        for size in (size for one in units for size in self.sizes(entry, one, n)):
            cell = Cell(
                self.name,
                entry.name,
                n,
                size,
                request.trials or self.default_trials,
                self.probes,
                request.universe or self.default_universe,
                request.seed,
                setting,
                request.device,
            )
            self.check(cell)
            yield cell
