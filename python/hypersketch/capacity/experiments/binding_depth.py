# SPDX-License-Identifier: Apache-2.0
"""What is left of a vector after it was bound with others and unbound again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.bundles import SpaceBundle
from hypersketch.cuda import DeviceArray

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results, Row

__all__ = ["BindingDepth"]


class BindingDepth(Experiment):
    """Binds a vector with n others, unbinds it from all of them, and compares it with itself."""

    name: ClassVar[str] = "binding-depth"
    title: ClassVar[str] = "What is left of a vector after many bindings?"
    summary: ClassVar[str] = (
        "What is left of a vector after many bindings? Similarity after n bindings and unbindings."
    )
    question: ClassVar[str] = (
        "A vector is bound with n random vectors, one after the other, and then unbound from them in "
        "reverse. In some spaces that brings it back, in others unbinding adds noise. How much is left?"
    )
    method: ClassVar[str] = (
        "In each trial a random vector is bound with n others and unbound from the last one first; the "
        "similarity of the result with the vector itself is measured. This is the protocol of Schlegel, "
        "Neubert and Protzel (2022), after Gosmann and Eliasmith (2019); their figure shows D = 1,024. "
        "BSDC-CDT is missing: thinning cannot be undone."
    )
    prediction: ClassVar[str] = (
        "1 where unbinding is exact. In MAP-C and HRR every component (or frequency) is multiplied by a "
        "random gain at each binding; the expected cosine is an exact double integral. For few bindings it "
        "falls by √(5/9) with each in MAP-C and by √(1/2) in HRR; later only the few components with the "
        "largest gains are left, which keeps more, the smaller D is. VTB and TVTB multiply by a product "
        "of random matrices and its transpose, which keeps 1/√(n + 1) while n is far below √D and about "
        "D^(−1/4) in the end; between them the mean is taken numerically from that law, to 0.001."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "similarity": Quantity("mean", "similarity with the vector itself", log=False)
    }
    default_n: ClassVar[tuple[int, ...]] = (1, 2, 3, 5, 10, 20, 40)
    default_trials: ClassVar[int] = 200

    def units(self, entry: Structure, n: int) -> list[int]:
        return [256, 1024]  # squares, for VTB

    def check(self, cell: Cell) -> None:
        _entry(cell).space(cell.size, cell.seed)  # refuses dimensions that are none of the space

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        space = _entry(cell).algebra(cell.size, cell.seed)
        similarities: list[float] = []
        for _, drawn in Draw(cell, hashes, cell.n + 1):
            vector, *others = (space.atoms(_placed(cell, keys), threads=1) for keys in drawn.T)
            bound = vector
            for other in others:
                bound = space.bind(bound, other)
            for other in reversed(others):
                bound = space.unbind(bound, other)
            similarities += np.asarray(space.similarity(bound, vector)).tolist()
        return {"similarity": similarities}

    def predict(self, cell: Cell) -> dict[str, float]:
        model = cell.structure.removesuffix("-sum")  # binding does not see what bundles keep
        return {"similarity": theory.binding.kept_similarity(model, cell.size["dim"], cell.n)}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "bindings n",
            lambda row: float(row.n),
            _kind,
            lambda row: f"D = {row.size['dim']:,}",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _deepest(results.rows)])


def _placed(cell: Cell, keys: UInt64Array) -> Any:
    """Return keys where the cell measures."""
    keys = np.ascontiguousarray(keys)
    if cell.device == "cpu":
        return keys
    from hypersketch.capacity.kernels_on_gpu import index_of

    return DeviceArray.of(keys, index_of(cell.device))


def _entry(cell: Cell) -> SpaceBundle:
    return cast(SpaceBundle, structure(cell.structure, cell.device))


def _kind(row: Row) -> str:
    """Name of the curve that a row is on."""
    if row.predicted == 1.0:
        return "exact unbinding"
    return "VTB, TVTB" if row.structure in ("vtb", "tvtb") else structure(row.structure).title


def _deepest(rows: Sequence[Row]) -> str:
    """What is left after most bindings, noisy spaces only."""
    from hypersketch.capacity import report, tables

    most = max(row.n for row in rows)
    limits = {
        "tvtb": theory.binding.vtb_limit(most),
        "vtb": theory.binding.vtb_limit(most),
        "map-c": (5 / 9) ** (most / 2),
        "hrr": 0.5 ** (most / 2),
    }
    lines = [
        (
            structure(row.structure).title,
            f"{row.size['dim']:,}",
            tables.number(row.predicted),
            tables.number(limits[row.structure]),
            tables.number(row.measured),
            tables.interval_text(row),
        )
        for row in rows
        if row.n == most and row.structure in limits
    ]
    head = ("structure", "D", "predicted", "limit for large D", "measured", "interval")
    return f"<h3>After {most} bindings</h3>" + report.html_table(head, lines)
