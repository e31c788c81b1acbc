# SPDX-License-Identifier: Apache-2.0
"""The figure of what an error costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypersketch.capacity.plots import Picture, cycle, draw_interval, new_figure, plain_decades
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cost_picture"]


def cost_picture(results: Results) -> Picture:
    """What an error costs: the larger error rate of every structure against its bits for each stored item."""
    most = max(row.n for row in results)
    return Picture(
        "cost",
        "What an error costs",
        f"Memory for each of {most:,} stored items against the share of wrong answers (the worse of false "
        "positives and false negatives). Further left and lower is better: for plain sets Bloom filters "
        "win; the others also count, compare, bind or delete. Points: measured, with their intervals. "
        "Lines: predicted.",
        lambda: _cost_figure([row for row in results if row.n == most]),
    )


def _cost_figure(rows: Sequence[Row]) -> Figure:
    figure, (panel,) = new_figure(1)
    figure.set_size_inches(8, 4)
    names = list(dict.fromkeys(row.structure for row in rows))
    for colour, name in zip(cycle(len(names)), names, strict=True):
        worst: dict[float, Row] = {}
        for row in (row for row in rows if row.structure == name):
            known = worst.get(row.bits_per_item)
            if known is None or (row.predicted or 0) > (known.predicted or 0):
                worst[row.bits_per_item] = row
        bits = sorted(worst)
        panel.plot(bits, [worst[x].predicted or math.nan for x in bits], color=colour, lw=1.3)
        for x in bits:
            draw_interval(panel, x, worst[x], colour)
        panel.plot([], [], "o-", color=colour, ms=4, label=structure(name).title)
    panel.set_xscale("log")
    panel.set_yscale("log")
    plain_decades(panel.xaxis)
    plain_decades(panel.yaxis)
    panel.set_xlabel("bits of memory for each stored item")
    panel.set_ylabel("share of wrong answers")
    figure.legend(loc="outside lower center", ncol=min(4, len(names)), fontsize=9)
    return figure
