# SPDX-License-Identifier: Apache-2.0
"""How many units does one update of a Hopfield network get wrong?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hypersketch import theory
from hypersketch.capacity.cells import Cell, Outcomes
from hypersketch.capacity.experiments._patterns import PatternExperiment
from hypersketch.capacity.experiments.base import Quantity, Request, UInt64Array
from hypersketch.capacity.patterns import per_trial, random_patterns, turned, wrong_units
from hypersketch.memories import HopfieldNetwork

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results

__all__ = ["HopfieldError"]

# Loads and bit errors of the table of Hertz, Krogh and Palmer.
_PUBLISHED = {0.105: 0.001, 0.138: 0.0036, 0.185: 0.01, 0.37: 0.05, 0.61: 0.1}
_NOISE = 0.1


class HopfieldError(PatternExperiment):
    """Stores random patterns by Hebb's rule and updates each of them once."""

    name: ClassVar[str] = "hopfield-error"
    title: ClassVar[str] = "How many units does one update of a Hopfield network get wrong?"
    summary: ClassVar[str] = (
        "How many units does one update of a Hopfield network get wrong? Against the load."
    )
    question: ClassVar[str] = (
        "A Hopfield network of N units stores M random patterns by Hebb's rule. All units are updated "
        "once, from a stored pattern, or from one with a tenth of its units turned. How many of them are "
        "wrong then?"
    )
    method: ClassVar[str] = (
        "In each trial a network stores fresh random patterns, and up to 100 of them are updated. The "
        "loads M/N are those of the table in Hertz, Krogh and Palmer's book (1991)."
    )
    prediction: ClassVar[str] = (
        "A unit's field is its own share, N - 1 (less what is turned), plus a sum of (M - 1)(N - 1) "
        "independent random signs: the rate is a binomial tail, exact for every N and M. For many units it "
        "becomes Q(√(N/M)), the five points of the published table."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "wrong units": Quantity("rate", "share of wrong units after one update of a stored pattern"),
        "wrong units from noise": Quantity(
            "rate", "share of wrong units after one update of a pattern with a tenth turned"
        ),
    }
    default_n: ClassVar[tuple[int, ...]] = ()
    default_dims: ClassVar[tuple[int, ...]] = (100, 300, 1000)
    default_trials: ClassVar[int] = 60

    def cells(self, request: Request) -> list[Cell]:
        return [
            self.cell(request, units, n, {})
            for units in request.dims or self.default_dims
            for n in request.n or [round(load * units) for load in _PUBLISHED]
        ]

    def tests(self, cell: Cell) -> dict[str, int]:
        return dict.fromkeys(self.quantities, cell.probes * cell.size["units"])

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        units, found = cell.size["units"], {name: list[float]() for name in self.quantities}
        for rng in per_trial(cell):
            patterns = random_patterns(rng, cell.n, units)
            network = HopfieldNetwork(units, device=cell.device)
            network.store(patterns)
            asked = patterns[: cell.probes]
            noisy = turned(rng, asked, units, round(_NOISE * units))
            for name, starts in zip(self.quantities, (asked, noisy), strict=True):
                states = network.retrieve(starts, max_sweeps=1, threads=1).states
                found[name].append(float(wrong_units(states, asked, units).sum()))
        return found

    def predict(self, cell: Cell) -> dict[str, float]:
        units = cell.size["units"]
        flipped = (0, round(_NOISE * units))
        return {
            name: float(theory.hopfield_network.bit_error(units, cell.n, k))
            for name, k in zip(self.quantities, flipped, strict=True)
        }

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "patterns a unit",
            lambda row: row.n / row.size["units"],
            lambda row: f"{row.size['units']:,} units",
            lambda row: "Hebb's rule",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        return report.standard_page(self, results, config, [*figures, _published(results)])


def _published(results: Results) -> str:
    """The table of the book beside what was measured with the most units."""
    from hypersketch.capacity import report, tables

    rows = [row for row in results if row.quantity == "wrong units"]
    most = max(row.size["units"] for row in rows)
    lines = [
        (f"{load:g}", f"{error:g}", tables.number(row.predicted), tables.number(row.measured))
        for load, error in _PUBLISHED.items()
        for row in rows
        if row.size["units"] == most and row.n == round(load * most)
    ]
    head = ("M/N", "published", f"predicted, N = {most:,}", "measured")
    said = "Hertz, Krogh and Palmer, Introduction to the Theory of Neural Computation (1991), for many units."
    return f"<h3>The published table</h3>{report.paragraphs(said)}{report.html_table(head, lines)}"
