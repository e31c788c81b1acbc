# SPDX-License-Identifier: Apache-2.0
"""The report page of the resonator experiment: capacities with their budgets, growth, outcomes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypersketch.capacity import report, tables
from hypersketch.capacity.experiments.resonator import BUDGET, RATE, WITHIN, Series, reference, series_of
from hypersketch.capacity.operational import Capacity, capacity_of, growth
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from hypersketch.capacity.experiments import Experiment
    from hypersketch.capacity.results import Results

__all__ = ["HEAD", "capacity_lines", "growth_lines", "outcome_lines", "page"]

HEAD = ("network", "factors", "D", "budget", f"M at {RATE:.0%}", "95 % interval", "M / D²", "Kent's fit / D²")
_GROWTH_HEAD = ("network", "factors", "budget", "dimensions", "slope", "95 % interval")
_OUTCOME_HEAD = (
    "network",
    "factors",
    "D",
    "m",
    "M",
    "solved",
    "95 % interval",
    "wrong",
    "cycle",
    "unconverged",
    "sweeps",
)


def capacity_lines(results: Results) -> list[tuple[str, ...]]:
    """Lines of :data:`HEAD`: one for each curve."""
    return [_capacity_line(one, capacity_of(one.curve, RATE)) for one in series_of(results)]


def _capacity_line(one: Series, found: Capacity) -> tuple[str, ...]:
    square = one.dim**2
    return (
        one.network,
        str(one.factors),
        f"{one.dim:,}",
        WITHIN[one.quantity],
        _size(one, found),
        _interval(found.low, found.high),
        "–" if math.isnan(found.value) else f"{found.value / square:.3f}",
        f"{reference(one.dim, one.factors) / square:.3f}",
    )


def _size(one: Series, found: Capacity) -> str:
    """The capacity, or on which side of the sizes tried it lies."""
    if math.isfinite(found.value):
        return f"{found.value:,.0f}"
    return f"≥ {one.curve.sizes[-1]:,.0f}" if one.curve.rates[-1] >= RATE else "none tried"


def _interval(low: float, high: float, digits: str = ",.0f") -> str:
    return "–" if math.isnan(low) else f"{low:{digits}} … {high:{digits}}"


def growth_lines(results: Results) -> list[tuple[str, ...]]:
    """One line for each network, number of factors and budget that has three capacities."""
    groups: dict[tuple[str, int, str], list[Series]] = {}
    for one in series_of(results):
        groups.setdefault((one.network, one.factors, one.quantity), []).append(one)
    lines: list[tuple[str, ...]] = []
    for (network, factors, quantity), group in groups.items():
        slope = growth([one.dim for one in group], [one.curve for one in group], RATE)
        if slope is not None:
            text = f"{slope.value:.2f}", _interval(slope.low, slope.high, ".2f")
            lines.append((network, str(factors), WITHIN[quantity], str(slope.n), *text))
    return lines


def outcome_lines(results: Results) -> list[tuple[str, ...]]:
    """One line for each cell: how its trials ended."""
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in results:
        key = (row.setting["network"], row.n, row.size["dim"], row.setting["codebook"])
        cells.setdefault(key, {})[row.quantity] = row
    lines = []
    for (network, factors, dim, m), rows in cells.items():
        solved = rows["solved"]
        shares = [f"{rows[name].measured:.3f}" for name in ("wrong", "cycle", "unconverged")]
        sweeps = tables.number(rows["sweeps"].measured, 3) if "sweeps" in rows else "–"
        lines.append(
            (
                network,
                str(factors),
                f"{dim:,}",
                str(m),
                f"{m**factors:,}",
                f"{solved.measured:.3f}",
                f"{solved.low_95:.3f} … {solved.high_95:.3f}",
                *shares,
                sweeps,
            )
        )
    return lines


def page(experiment: Experiment, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
    """Body of the page."""
    trials = max((row.trials for row in results if row.quantity == "solved"), default=0)
    sections = [
        report.heading(experiment, results),
        "<h2>What was asked</h2>" + report.paragraphs(experiment.question),
        report.glossary([structure("map-b")]),
        "<h2>How it was measured</h2>"
        + report.paragraphs(
            experiment.method,
            f"The keys are {config['keys']} ({config['universe']:,} different ones). Each point stands on "
            f"{trials:,} trials.",
        ),
        "<h2>What is known</h2>" + report.paragraphs(experiment.prediction),
        f"<h2>Operational capacity: the largest M solved in {RATE:.0%} of trials</h2>"
        + report.paragraphs(
            "Read off between two measured sizes, half a power of two apart, where the curve falls, after "
            "pooling neighbours that rise there; the interval is that of drawing all trials again "
            "(bootstrap). A number with ≥ lies beyond the sizes tried, and none tried means that no size "
            "was solved so often: with many factors and few dimensions small codebooks are hard too. "
            "The last column is the fit of the literature, for comparison only: "
            "it was made for M/1,000 sweeps."
        )
        + report.html_table(HEAD, capacity_lines(results), left=(3,)),
        "<h2>Growth with the dimension</h2>"
        + report.paragraphs(
            "Slope of log M against log D by least squares over the dimensions whose capacity is known. The "
            "interval is of sampling alone; a slope over so few dimensions is no law for others, and where "
            "trials end unconverged it is one of the budget as well."
        )
        + report.html_table(_GROWTH_HEAD, growth_lines(results), left=(2,)),
        "".join(figures),
        f"<h2>How all trials ended, within {BUDGET:,} sweeps</h2>"
        + report.html_table(_OUTCOME_HEAD, outcome_lines(results)),
        report.reproduction(config),
    ]
    return "\n".join(sections)
