# SPDX-License-Identifier: Apache-2.0
"""The figure of the published minimal dimensions: theory, measurement and publication side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from hypersketch.capacity.plots import COLOURS, Picture
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.bundles import SpaceBundle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["log_n_picture", "schlegel_pictures"]

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


def _draw(panel: Any, y: int, row: Row) -> None:
    colour = COLOURS[0] if row.verdict in ("inside", "") else "#C00000"
    panel.plot([max(row.low, 0.0), row.high], [y, y], color=colour, lw=1.2, zorder=2)
    panel.plot([row.measured], [y], "o", color=colour, ms=5, zorder=3)
    panel.plot([row.size["dim"]], [y], "|", color="black", ms=12, mew=1.6, zorder=4)
    if row.predicted is not None:
        panel.plot([row.predicted], [y], "D", color=COLOURS[1], ms=5, zorder=5)


def log_n_picture(results: Results) -> Picture:
    """Dimensions against the logarithm of the codebook.

    Parameters
    ----------
    results : Results
        Rows of the experiment ``log-N``.
    """
    return Picture(
        "dimensions",
        "Dimensions for 99 % accuracy",
        "Dimensions at which 99 % of stored items are found, against the size of the codebook on a "
        "logarithmic scale: straight lines. Lines: predicted. Points: the measured accuracy, as dimensions.",
        lambda: _log_n_figure(list(results)),
    )


def _log_n_figure(rows: Sequence[Row]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    panel = figure.subplots()
    most = max(row.n for row in rows)
    names = list(dict.fromkeys(row.structure for row in rows))
    for index, name in enumerate(names):
        colour, dash = COLOURS[index % len(COLOURS)], ("-", "--", ":")[index // len(COLOURS) % 3]
        chosen = [row for row in rows if row.structure == name and row.n == most]
        books = [row.setting["codebook"] for row in chosen]
        panel.plot(
            books,
            [row.size["dim"] for row in chosen],
            dash,
            color=colour,
            lw=1.2,
            label=structure(name).title,
        )
        for book, row in zip(books, chosen, strict=True):
            slope = _slope(row)
            low, middle, high = (
                row.size["dim"] - (value - (row.predicted or 0.0)) / slope
                for value in (row.high, row.measured, row.low)
            )
            shown = colour if row.verdict in ("inside", "") else "#C00000"
            panel.plot([book, book], [low, high], color=shown, lw=1, alpha=0.6)
            panel.plot([book], [middle], "o", color=shown, ms=4)
    panel.set_xscale("log")
    panel.set_xlabel(f"items of the codebook, of which {most} are stored")
    panel.set_ylabel("dimensions")
    panel.set_ylim(0, 1.25 * max(row.size["dim"] for row in rows))
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def _slope(row: Row) -> float:
    """Predicted accuracy that a dimension more is worth."""
    entry = cast(SpaceBundle, structure(row.structure))
    dim, step = row.size["dim"], row.size["dim"]
    while step == dim:
        step = entry.units_near(round(1.05 * step) + max(1, round(dim**0.5)))
    rivals = row.setting["codebook"] - row.n + 1
    here, there = (
        entry.item_accuracy({**row.size, "dim": one}, row.n, rivals, pairs=False) for one in (dim, step)
    )
    return max((there - here) / (step - dim), 1e-9)
