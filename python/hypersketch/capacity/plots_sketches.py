# SPDX-License-Identifier: Apache-2.0
"""Figures of the experiments with sketches that set several structures into one panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hypersketch.capacity.plots import COLOURS, Picture, draw_interval, plain_decades
from hypersketch.capacity.results import Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["layouts_picture", "patterns_picture"]

_GREY = "#666666"


def layouts_picture(rows: Sequence[Row]) -> Picture:
    """Rate of false positives of every layout against bits per key."""
    return Picture(
        "layouts",
        "What a layout costs",
        "False positives against memory. Points: measured, with the intervals that the verdicts use; where "
        "none was seen, only the upper end of the interval is drawn. Lines: exact theory. Dashed: what "
        "Parquet's sizing formula promises of split blocks. Blocks of a cache line stay close to the filter "
        "without blocks down to about one in a thousand.",
        lambda: _layouts_figure(rows),
    )


def _layouts_figure(rows: Sequence[Row]) -> Figure:
    figure, panel = _single_panel(8, 4.6)
    names = list(dict.fromkeys(row.structure for row in rows))
    for colour, name in zip(COLOURS, names, strict=False):
        chosen = sorted((row for row in rows if row.structure == name), key=lambda row: row.bits_per_item)
        panel.plot(
            [row.bits_per_item for row in chosen],
            [row.predicted or 0.0 for row in chosen],
            color=colour,
            lw=1.3,
        )
        for row in chosen:
            if row.measured > 0:
                draw_interval(panel, row.bits_per_item, row, colour)
            else:
                panel.plot([row.bits_per_item], [row.high], "v", color=colour, ms=5, mfc="white")
        panel.plot([], [], "o-", color=colour, ms=4, label=structure(name).title)
    bits = np.linspace(6, max(row.bits_per_item for row in rows), 60)
    promised = -np.expm1(-8.0 / bits)
    panel.plot(bits, promised**8, "--", color=_GREY, lw=1, label="Parquet's formula")
    panel.set_yscale("log")
    panel.set_ylim(bottom=min(row.high for row in rows) / 3)
    plain_decades(panel.yaxis)
    panel.set_xlabel("bits per key")
    panel.set_ylabel("share of strangers reported as stored")
    figure.legend(loc="outside lower center", ncol=4, fontsize=9)
    return figure


def patterns_picture(rows: Sequence[Row]) -> Picture:
    """Measured over predicted rate for every pattern of keys."""
    return Picture(
        "patterns",
        "Keys that are not random",
        "Measured rate divided by the exact rate, for keys that follow a pattern. If the hash makes them as "
        "good as random ones, the intervals contain 1.",
        lambda: _patterns_figure(rows),
    )


def _patterns_figure(rows: Sequence[Row]) -> Figure:
    figure, panel = _single_panel(8, 3.4)
    names = list(dict.fromkeys(row.structure for row in rows))
    patterns = list(dict.fromkeys(str(row.setting["keys"]) for row in rows))
    panel.axhline(1, color=_GREY, lw=1)
    for shift, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        for row in (row for row in rows if row.structure == name):
            x = patterns.index(str(row.setting["keys"])) + 0.15 * (shift - (len(names) - 1) / 2)
            draw_interval(panel, x, row, colour, scale=row.predicted or 1.0)
        panel.plot([], [], "o", color=colour, ms=4, label=structure(name).title)
    panel.set_xticks(range(len(patterns)), patterns)
    panel.set_xlim(-0.5, len(patterns) - 0.5)
    panel.grid(False, axis="x")
    panel.set_ylabel("measured / predicted")
    figure.legend(loc="outside lower center", ncol=len(names), fontsize=9)
    return figure


def _single_panel(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
