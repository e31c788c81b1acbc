# SPDX-License-Identifier: Apache-2.0
"""The figure that sets bundles of different bits beside each other at equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hypersketch import theory
from hypersketch.capacity.plots import COLOURS, Picture, draw_interval, plain_decades
from hypersketch.capacity.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bytes_picture"]

_SHOWN = (1, 2, 3, 4, 8)
_LEAST_ERROR = 1e-4


def bytes_picture(rows: Sequence[Row], universe: int) -> Picture:
    """What bytes buy when they are spent on 1, 2, 3, 4 or 8 bits a dimension."""
    wrong = [row for row in rows if row.quantity == "wrong codeword" and row.size["bits"] in _SHOWN]
    return Picture(
        "bytes",
        "Dimensions or bits?",
        f"Share of members that some of {universe - 1} strangers outdoes, against the bytes of the bundle. "
        "Further left and lower is better: at equal bytes, one bit in each of many dimensions beats many "
        "bits in few. Points: measured, with their intervals. Lines: predicted.",
        partial(_bytes_figure, wrong, universe),
    )


def _bytes_figure(rows: Sequence[Row], universe: int) -> Figure:
    from matplotlib.figure import Figure

    sizes = list(dict.fromkeys(row.n for row in rows))
    figure = Figure(figsize=(1.2 + 3.8 * len(sizes), 3.6), layout="constrained")
    panels = list(figure.subplots(1, len(sizes), squeeze=False).flat)
    for panel, n in zip(panels, sizes, strict=True):
        for colour, bits in zip(COLOURS, _SHOWN, strict=False):
            chosen = [row for row in rows if row.n == n and row.size["bits"] == bits]
            _draw(panel, chosen, n, bits, universe, colour)
        panel.set_title(f"n = {n:,}", fontsize=10.5, fontweight="bold", loc="left")
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_decades(panel.xaxis)
        plain_decades(panel.yaxis)
        panel.set_xlabel("bytes of the bundle")
    panels[0].set_ylabel("share of wrong codewords")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=5, fontsize=9)
    return figure


def _draw(panel: Axes, rows: Sequence[Row], n: int, bits: int, universe: int, colour: str) -> None:
    if not rows:
        return
    least, most = min(row.size["dim"] for row in rows), max(row.size["dim"] for row in rows)
    dims = np.unique(np.geomspace(max(16, least // 2), 2 * most, 24).astype(int))
    errors = [1.0 - theory.quantized.accuracy(int(dim), n, universe, bits) for dim in dims]
    shown = [error >= _LEAST_ERROR for error in errors]
    label = "1 bit" if bits == 1 else f"{bits} bits"
    panel.plot(dims[shown] * bits / 8, np.array(errors)[shown], color=colour, lw=1.3, label=label)
    for row in rows:
        draw_interval(panel, row.size["dim"] * bits / 8, row, colour)
