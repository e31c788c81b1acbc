# SPDX-License-Identifier: Apache-2.0
"""Figures of the resonator experiment: curves, capacities against the dimension, and how trials ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hypersketch.capacity.experiments.resonator import BUDGET, RATE, WITHIN, Series, reference, series_of
from hypersketch.capacity.operational import capacity_of
from hypersketch.capacity.plots import COLOURS, Picture, draw_interval, plain_decades
from hypersketch.capacity.results import Results, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pictures"]

_GREY = "#666666"
_OUTCOMES = {"solved": "#009E73", "wrong": "#D55E00", "cycle": "#CC79A7", "unconverged": "#BBBBBB"}


def pictures(results: Results) -> list[Picture]:
    """Figures of the report."""
    rows = list(results)
    return [
        Picture(
            "solved",
            "How often the right factors are found",
            f"Share of trials solved within {BUDGET:,} sweeps against the number of products M, in units of "
            "D². Points: measured, with intervals; colours: dimensions. Dotted: 99 %. Where curves of all "
            "dimensions coincide, the capacity grows like D².",
            lambda: _curves_figure([row for row in rows if row.quantity == "solved"]),
        ),
        Picture(
            "capacity",
            "Operational capacity against the dimension",
            f"Largest M solved in {RATE:.0%} of trials, with 95 % intervals, for two budgets of sweeps. "
            "Arrowheads up: the capacity lies beyond the sizes tried; where a point is missing, no size was "
            "solved so often. Dashed: the fit of Kent et al. (2020) for "
            "the plain network within M/1,000 sweeps, a reference only.",
            lambda: _capacity_figure(series_of(results)),
        ),
        Picture(
            "outcomes",
            "How trials end",
            f"Shares of all outcomes within {BUDGET:,} sweeps at the largest dimension, against M in units "
            "of D². Wrong: the state stands still at a product that is not the vector.",
            lambda: _outcomes_figure(rows),
        ),
    ]


def _grid(rows: Sequence[Row]) -> tuple[list[str], list[int]]:
    return list(dict.fromkeys(row.setting["network"] for row in rows)), sorted({row.n for row in rows})


def _panels(networks: Sequence[str], factors: Sequence[int]) -> tuple[Figure, dict[tuple[str, int], Axes]]:
    """A panel for each network (rows) and number of factors (columns)."""
    from matplotlib.figure import Figure

    size = (1.2 + 3.0 * len(factors), 0.9 + 2.5 * len(networks))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(networks), len(factors), squeeze=False, sharey=True)
    panels = {(network, n): axes[i][j] for i, network in enumerate(networks) for j, n in enumerate(factors)}
    for (network, n), panel in panels.items():
        panel.set_title(f"F = {n}, {network}", fontsize=10, fontweight="bold", loc="left")
        panel.set_xscale("log")
    return figure, panels


def _load(row: Row) -> float:
    """Products in units of D ** 2."""
    return float(row.setting["codebook"] ** row.n / row.size["dim"] ** 2)


def _label_ends(panels: dict[tuple[str, int], Axes], below: str, beside: str) -> None:
    networks = list(dict.fromkeys(network for network, _ in panels))
    first = min(n for _, n in panels)
    for (network, n), panel in panels.items():
        plain_decades(panel.xaxis)
        if network == networks[-1]:
            panel.set_xlabel(below)
        if n == first:
            panel.set_ylabel(beside)


def _curves_figure(rows: Sequence[Row]) -> Figure:
    figure, panels = _panels(*_grid(rows))
    dims = sorted({row.size["dim"] for row in rows})
    for (network, n), panel in panels.items():
        panel.axhline(RATE, color=_GREY, lw=0.9, ls=":")
        for index, dim in enumerate(dims):
            colour = COLOURS[index % len(COLOURS)]
            chosen = [r for r in rows if (r.setting["network"], r.n, r.size["dim"]) == (network, n, dim)]
            chosen.sort(key=_load)
            panel.plot([_load(r) for r in chosen], [r.measured for r in chosen], color=colour, lw=1.1)
            for row in chosen:
                draw_interval(panel, _load(row), row, colour)
        panel.set_ylim(-0.03, 1.04)
    for index, dim in enumerate(dims):
        label = f"D = {dim:,}"
        next(iter(panels.values())).plot([], [], "o-", color=COLOURS[index % len(COLOURS)], ms=4, label=label)
    _label_ends(panels, "products M / D²", "share solved")
    figure.legend(loc="outside lower center", ncol=min(5, len(dims)), fontsize=9)
    return figure


def _capacity_figure(series: Sequence[Series]) -> Figure:
    networks = list(dict.fromkeys(one.network for one in series))
    factors = sorted({one.factors for one in series})
    figure, panels = _panels(networks, factors)
    for colour, (quantity, budget) in zip(COLOURS, WITHIN.items(), strict=False):
        for (network, n), panel in panels.items():
            line = [
                one for one in series if (one.network, one.factors, one.quantity) == (network, n, quantity)
            ]
            _draw_capacities(panel, sorted(line, key=lambda one: one.dim), colour)
        label = f"measured, {budget}"
        next(iter(panels.values())).plot([], [], "o-", color=colour, ms=4, label=label)
    dims = np.array(sorted({one.dim for one in series}), float)
    for (_, n), panel in panels.items():
        panel.plot(dims, [reference(dim, n) for dim in dims], "--", color=_GREY, lw=1.1)
        panel.set_yscale("log")
        plain_decades(panel.yaxis)
    next(iter(panels.values())).plot([], [], "--", color=_GREY, lw=1.1, label="Kent et al.'s fit (reference)")
    _label_ends(panels, "dimension D", f"M at {RATE:.0%}")
    for panel in panels.values():
        panel.set_xlim(dims[0] / 1.15, dims[-1] * 1.15)
        panel.set_xticks(dims, [f"{dim:,.0f}" for dim in dims])
        panel.set_xticks([], minor=True)
    figure.legend(loc="outside lower center", ncol=2, fontsize=9)
    return figure


def _draw_capacities(panel: Axes, line: Sequence[Series], colour: str) -> None:
    known = [(one.dim, capacity_of(one.curve, RATE)) for one in line]
    inside = [(dim, found) for dim, found in known if math.isfinite(found.value)]
    panel.plot([dim for dim, _ in inside], [found.value for _, found in inside], color=colour, lw=1.1)
    for dim, found in inside:
        if math.isfinite(found.low):
            panel.plot([dim, dim], [found.low, found.high], color=colour, lw=1.2, alpha=0.8)
        panel.plot([dim], [found.value], "o", color=colour, ms=4, mec="white", mew=0.5)
    for one in line:
        if one.curve.rates[-1] >= RATE:
            panel.plot([one.dim], [one.curve.sizes[-1]], "^", color=colour, ms=5, mfc="white")


def _outcomes_figure(rows: Sequence[Row]) -> Figure:
    dim = max(row.size["dim"] for row in rows)
    chosen = [row for row in rows if row.size["dim"] == dim and row.quantity in _OUTCOMES]
    figure, panels = _panels(*_grid(chosen))
    for (network, n), panel in panels.items():
        here = [row for row in chosen if (row.setting["network"], row.n) == (network, n)]
        loads = sorted({_load(row) for row in here})
        shares = {(row.quantity, _load(row)): row.measured for row in here}
        layers = [[shares[name, load] for load in loads] for name in _OUTCOMES]
        panel.stackplot(loads, layers, colors=list(_OUTCOMES.values()), labels=list(_OUTCOMES), lw=0)
        panel.set_xlim(loads[0], loads[-1])
        panel.set_ylim(0, 1)
        panel.grid(False)
    _label_ends(panels, "products M / D²", f"share of trials, D = {dim:,}")
    handles, labels = next(iter(panels.values())).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=4, fontsize=9)
    return figure
