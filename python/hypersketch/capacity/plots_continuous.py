# SPDX-License-Identifier: Apache-2.0
"""Figures of continuous memories: what leaks, and where sparse separations become exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity.plots import COLOURS, Picture, draw_interval
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.continuous import Continuous

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["exactness_picture", "leakage_picture"]


def leakage_picture(results: Results) -> Picture:
    """The measured leak on the curve r/(1 + r).

    Parameters
    ----------
    results : Results
        Rows of the experiment ``continuous-beta``.
    """
    return Picture(
        "leakage-curve",
        "What leaks, against β",
        "Part of the weight on other patterns than the one asked for. Points: measured. Dashed: r/(1 + r). "
        "Lines: the exact mean, which falls below it where rare neighbours decide.",
        lambda: _leakage_figure([row for row in results if row.quantity == "leakage"]),
    )


def exactness_picture(results: Results) -> Picture:
    """Shares of inexact queries against β over the margin.

    Parameters
    ----------
    results : Results
        Rows of the experiment ``entmax-exact``.
    """
    return Picture(
        "exactness",
        "Where one step becomes exact",
        "Share of queries that several patterns have weight for. Points: measured. Lines: predicted. Below "
        "β = m/2, dotted, no gap is wide enough, for no cosine is below −1.",
        lambda: _exactness_figure([row for row in results if row.quantity == "inexact"]),
    )


def _axes(panels: Sequence[Any]) -> tuple[Figure, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.2 + 3.6 * len(panels), 3.9), layout="constrained")
    return figure, list(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0])


def _colours(rows: Sequence[Row], key: Any) -> dict[Any, str]:
    names = sorted({key(row) for row in rows})
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}


def _leakage_figure(rows: Sequence[Row]) -> Figure:
    numbers, colours = sorted({row.n for row in rows}), _colours(rows, lambda row: row.size["dim"])
    figure, axes = _axes(numbers)
    for panel, n in zip(axes, numbers, strict=True):
        for dim, colour in colours.items():
            mine = [row for row in rows if row.n == n and row.size["dim"] == dim]
            if not mine:
                continue
            betas = np.linspace(0.25, 1.05 * max(row.setting["beta"] for row in mine), 60).tolist()
            exact = [theory.continuous.leakage_moment(n, dim, beta) for beta in betas]
            panel.plot(betas, exact, color=colour, lw=1.2)
            law = [theory.continuous.leakage(n, dim, beta) for beta in betas]
            panel.plot(betas, law, "--", color="black", lw=0.9)
            for row in mine:
                draw_interval(panel, row.setting["beta"], row, colour)
        panel.set_yscale("log")
        panel.set_title(f"{n:,} patterns", fontsize=10.5, fontweight="bold", loc="left")
        panel.set_xlabel("inverse temperature β")
    axes[0].set_ylabel("part of the weight on other patterns")
    _legend(figure, [(f"d = {dim:,}", colour, "-") for dim, colour in colours.items()] + _CURVES)
    return figure


_CURVES = [("r/(1 + r)", "black", "--"), ("exact mean", "#666666", "-")]


def _exactness_figure(rows: Sequence[Row]) -> Figure:
    names = list(dict.fromkeys(row.structure for row in rows))
    colours = _colours(rows, lambda row: (row.n, row.size["dim"]))
    figure, axes = _axes(names)
    for panel, name in zip(axes, names, strict=True):
        entry = cast(Continuous, structure(name))
        for (n, dim), colour in colours.items():
            mine = [row for row in rows if (row.structure, row.n, row.size["dim"]) == (name, n, dim)]
            if mine:
                betas = np.linspace(0.5, max(row.setting["beta"] for row in mine), 200).tolist()
                predicted = [entry.inexactness(n, dim, beta) for beta in betas]
                panel.plot(betas, predicted, color=colour, lw=1.2)
            for row in mine:
                draw_interval(panel, row.setting["beta"], row, colour)
        if np.isfinite(entry.margin):
            panel.axvline(entry.margin / 2.0, color="#666666", lw=1.0, ls=":")
        title = f"{entry.title}, m = {entry.margin:g}".replace("inf", "∞")
        panel.set_title(title, fontsize=10.5, fontweight="bold", loc="left")
        panel.set_xlabel("inverse temperature β")
    axes[0].set_ylabel("share of inexact queries")
    _legend(figure, [(f"{n:,} patterns, d = {dim}", colour, "-") for (n, dim), colour in colours.items()])
    return figure


def _legend(figure: Figure, entries: Sequence[tuple[str, str, str]]) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=colour, ls=style, lw=1.3, label=label) for label, colour, style in entries
    ]
    figure.legend(handles=handles, loc="outside lower center", ncol=min(5, len(handles)), fontsize=9)
