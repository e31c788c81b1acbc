# SPDX-License-Identifier: Apache-2.0
"""How wide must the sum of embeddings be, so that the set can be read off it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Draw, Outcomes
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request, UInt64Array
from hypersketch.capacity.structures import known_structures
from hypersketch.capacity.structures.base import Structure
from hypersketch.vsa import MapI

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results

__all__ = ["SetWidth"]

_ELEMENTS = (100, 1_000, 10_000)
_FAILURES = (0.5, 0.2, 0.1, 0.05)
_TARGET = 0.1


class SetWidth(Experiment):
    """Sums the embeddings of the elements of sets and reads the sets off the sums."""

    name: ClassVar[str] = "set-width"
    title: ClassVar[str] = "How wide must a sum of embeddings be to tell the set?"
    summary: ClassVar[str] = (
        "How wide must a sum of embeddings be to tell the set? Width against set size and universe."
    )
    question: ClassVar[str] = (
        "A network that pools sets sums the embeddings of their elements. How many dimensions must they "
        "have, so that a set of n of N elements can be read off the sum, element by element, with no mistake?"
    )
    method: ClassVar[str] = (
        "In each trial the elements get random embeddings of signs, those of n random elements are summed "
        "up, and every one of the N elements is read by its inner product with the sum: it counts as in the "
        "set from half the length of an embedding on. A set is read right if all N answers are right. The "
        "widths are those where theory expects 50, 20, 10 and 5 % of the sets to be read wrong."
    )
    prediction: ClassVar[str] = (
        "The chance that all tests of one bundle are right, integrated over the bundle's length (MAP-I). "
        "The width grows as n ln N: 4 n z² with z the normal quantile of the failures allowed per element, "
        "and 8 n ln(N/δ) by the bound that needs no approximation (as for the bundles of Clarkson, Ubaru and "
        "Yang, arXiv 2301.10352). Wagstaff et al. (2019) show that N dimensions may be needed where every "
        "continuous function of a set of reals must be computed exactly (Deep Sets, Zaheer et al. 2017); "
        "reading a finite set takes far fewer. This sets the two beside each other; it repeats no number "
        "of theirs."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "misread": Quantity("rate", "share of sets that are not read off exactly"),
    }
    along: ClassVar[str | None] = "elements"
    default_n: ClassVar[tuple[int, ...]] = (5, 20, 50)
    default_trials: ClassVar[int] = 300

    def units(self, entry: Structure, n: int) -> list[int]:
        return self._widths(n, _ELEMENTS[0])

    def _widths(self, n: int, elements: int) -> list[int]:
        return sorted({theory.map_i.crossing_dimension(n, elements, failure) for failure in _FAILURES})

    def cells(self, request: Request) -> list[Cell]:
        (entry,) = known_structures(self.name, request.structures)
        return [
            self._cell(entry, n, elements, width, request)
            for n in request.n or self.default_n
            for elements in _universes(request)
            if elements >= n
            for width in request.dims or self._widths(n, elements)
        ]

    def _cell(self, entry: Structure, n: int, elements: int, width: int, request: Request) -> Cell:
        return Cell(
            self.name,
            entry.name,
            n,
            {"dim": width},
            request.trials or self.default_trials,
            0,
            request.universe or self.default_universe,
            request.seed,
            {"elements": elements},
            request.device,
        )

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        wrong: list[float] = []
        for seeds, drawn in Draw(cell, hashes, cell.setting["elements"]):
            for seed, keys in zip(seeds.tolist(), drawn, strict=True):
                space = MapI(cell.size["dim"], seed=seed)
                pooled = space.bundle(keys[: cell.n], threads=1, device=cell.device)
                answers = pooled.similarity(keys, threads=1) >= 0.5
                right = answers[: cell.n].all() and not answers[cell.n :].any()
                wrong.append(float(not right))
        return {"misread": wrong}

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"misread": 1}

    def predict(self, cell: Cell) -> dict[str, float]:
        failure = theory.map_i.failure_probability(cell.size["dim"], cell.n, cell.setting["elements"])
        return {"misread": failure}

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "width D",
            lambda row: float(row.size["dim"]),
            lambda row: f"N = {row.setting['elements']:,}",
            lambda row: f"n = {row.n:,}",
            log=False,
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _widths_table(results)])


def _universes(request: Request) -> tuple[int, ...]:
    """The universe that the caller named, or all; the runner always fills it in."""
    asked = request.universe
    return _ELEMENTS if asked is None or asked >= SetWidth.default_universe else (asked,)


def _widths_table(results: Results) -> str:
    """The widths at which one set of ten is misread, as theory has them, and other numbers beside them."""
    from hypersketch.capacity import report

    lines = []
    for n, elements in dict.fromkeys((row.n, row.setting["elements"]) for row in results):
        measured = least_width(
            [
                (row.size["dim"], row.measured)
                for row in results
                if (row.n, row.setting["elements"]) == (n, elements)
            ]
        )
        lines.append(
            (
                f"{n:,}",
                f"{elements:,}",
                f"{theory.map_i.crossing_dimension(n, elements, _TARGET):,}",
                "–" if measured is None else f"{measured:,.0f}",
                f"{float(theory.map_i.dimension(n, elements, _TARGET)):,.0f}",
                f"{float(theory.map_i.provable_dimension(n, elements, _TARGET)):,.0f}",
                f"{elements:,}",
            )
        )
    head = ("n", "N", "predicted", "measured", "4 n z²", "8 n ln(N/δ)", "one-hot")
    return (
        "<h3>The width that reads nine sets of ten</h3>"
        + report.paragraphs(
            "Predicted, and measured: the width at which the line through the measured shares, on the scale "
            "of normal quantiles, passes 10 %. Beside it the normal formula, the provable one, and the width "
            "that tells every set with certainty, N."
        )
        + report.html_table(head, lines)
    )


def least_width(points: Sequence[tuple[int, float]]) -> float | None:
    """The width at which a straight line through normal quantiles of shares passes one tenth.

    Parameters
    ----------
    points : sequence of (width, share)
        Measured shares of misread sets.

    Returns
    -------
    float or None
        None with fewer than two shares between 0 and 1, or if they do not fall.

    Examples
    --------
    >>> round(least_width([(100, 0.5), (200, 0.0228)]))
    164
    """
    import numpy as np

    usable = [(width, share) for width, share in points if 0.0 < share < 1.0]
    if len({width for width, _ in usable}) < 2:
        return None
    widths = np.array([width for width, _ in usable], float)
    quantiles = np.array([-float(theory.normal.tail_inverse(share)) for _, share in usable])
    slope, start = np.polyfit(widths, quantiles, 1)
    if slope >= 0:
        return None
    return float((-float(theory.normal.tail_inverse(_TARGET)) - start) / slope)
