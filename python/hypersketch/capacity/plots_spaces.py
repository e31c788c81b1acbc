# SPDX-License-Identifier: Apache-2.0
"""The figure of the published minimal dimensions: theory, measurement and publication side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypersketch.capacity.plots import COLOURS, Picture
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["schlegel_pictures"]

_TASKS = {"bundle": "15 items in a bundle", "pairs": "15 key-value pairs in a bundle"}


def schlegel_pictures(results: Results) -> list[Picture]:
    """One figure of both tasks.

    Parameters
    ----------
    results : Results
        Rows of the experiment ``schlegel``.
    """
    return [
        Picture(
            "dimensions",
            "Minimal dimensions of each architecture",
            "Dimensions at which 99 % are found. Points: the mean of our runs of the published rule; bars: "
            "where single runs lie. Diamonds: published. Lines: the least dimension that theory asks for. A "
            "point is red where the published number lies outside.",
            lambda: _figure(list(results)),
        )
    ]


def _figure(rows: Sequence[Row]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    tasks = [task for task in _TASKS if any(row.setting["task"] == task for row in rows)]
    names = list(dict.fromkeys(row.structure for row in rows))
    figure = Figure(figsize=(2.2 + 4.0 * len(tasks), 1.6 + 0.36 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for panel, task in zip(axes, tasks, strict=True):
        for y, name in enumerate(names):
            for row in (row for row in rows if row.structure == name and row.setting["task"] == task):
                _draw(panel, y, row)
        panel.set_title(_TASKS[task], fontsize=10.5, fontweight="bold", loc="left")
        panel.set_xlabel("dimensions")
        panel.set_xlim(left=0)
    axes[0].set_yticks(range(len(names)), [structure(name).title for name in names])
    axes[0].invert_yaxis()
    handles = [
        Line2D([], [], color=COLOURS[0], marker="o", ms=5, lw=1.2, label="measured, single runs"),
        Line2D([], [], color=COLOURS[1], marker="D", ls="none", ms=5, label="published"),
        Line2D([], [], color="black", marker="|", ls="none", ms=12, mew=1.6, label="theory"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncol=3, fontsize=9)
    return figure


def _draw(panel, y: int, row: Row) -> None:  # type: ignore[no-untyped-def]
    colour = COLOURS[0] if row.verdict in ("inside", "") else "#C00000"
    panel.plot([max(row.low, 0.0), row.high], [y, y], color=colour, lw=1.2, zorder=2)
    panel.plot([row.measured], [y], "o", color=colour, ms=5, zorder=3)
    panel.plot([row.size["dim"]], [y], "|", color="black", ms=12, mew=1.6, zorder=4)
    if row.predicted is not None:
        panel.plot([row.predicted], [y], "D", color=COLOURS[1], ms=5, zorder=5)
