# SPDX-License-Identifier: Apache-2.0
"""Figures of the paper's claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hypersketch import theory
from hypersketch.capacity import plots
from hypersketch.capacity.claims.cleanup import PUBLISHED_DIMENSION
from hypersketch.capacity.plots import COLOURS, Picture, draw_interval
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pictures"]

_BLUE, _RED, _GREEN = COLOURS[:3]
_GREY = "#777777"

#: Title and caption of every figure.
_CAPTIONS = {
    "collapse": (
        "One curve for all sizes (MAP-I)",
        "Share of wrong answers against √(D/n), for bundles of 8 to 512 keys and 64 to 16,384 "
        "dimensions: all sizes fall on the tail of the normal distribution, Q(½ √(D/n)). Small bundles "
        "lie a little off it, exactly where the binomial formula puts them.",
    ),
    "staircase": (
        "How similar a majority is to its members (MAP-B)",
        "A bundle of 2m members is exactly as similar to each of them as one of 2m + 1: the extra "
        "member costs nothing, since it only breaks ties.",
    ),
    "crossing": (
        "Dimensions for 500 right answers in nine bundles of ten",
        "Measured dimensions (points) beside formulas. The exact failure probability gives the measured "
        "numbers; the Gaussian formula is close; bounds that can be proved are safe, but ask for more "
        "memory than needed, the paper's own constant for MAP-B about six times more.",
    ),
    "cleanup": (
        "Finding 15 stored items among 1,000",
        "Share of the 15 stored items among the 15 best scores. Lines: theory. Dotted: the dimensions "
        "that Schlegel, Neubert and Protzel (2022) publish for 99 %.",
    ),
    "bloom": (
        "False positives of Bloom filters, divided by the formula",
        "Ten million queries each. The exact formula stands at 1; the textbook formula is too low for "
        "small filters.",
    ),
    "hopfield": (
        "Keys that a Hopfield± matrix holds at 5 % errors",
        "The number of keys grows as the square of the dimension. Points: measured error rates near 5 "
        "%, turned into the number of keys at exactly 5 %.",
    ),
    "all-claims": (
        "Every measurement, divided by its prediction",
        "Each bar is the interval of one measurement on this page, divided by its prediction: at 1 both "
        "agree. A bar that misses 1 would be red.",
    ),
}


def pictures(results: Results) -> list[Picture]:
    """The figures of the page.

    Parameters
    ----------
    results : Results
        Rows of a paper run.

    Returns
    -------
    list of Picture
    """
    rows: dict[str, list[Row]] = {}
    for row in results:
        rows.setdefault(row.quantity, []).append(row)
    drawn: dict[str, Callable[[], Figure]] = {
        "collapse": lambda: _collapse(rows["1.2 false positives"], rows["1.2 false negatives"]),
        "staircase": lambda: _staircase(rows["2.1 correlation"]),
        "crossing": lambda: _crossings(rows["1.4 crossing"], rows["2.4 crossing"]),
        "cleanup": lambda: _cleanup([rows["3.6 accuracy MAP-I"], rows["3.6 accuracy MAP-B"]]),
        "bloom": lambda: _bloom(rows["4.1 false positives"]),
        "hopfield": lambda: _hopfield(rows["6.11 false positives"]),
        "all-claims": lambda: plots.ratio_figure(list(results)),
    }
    return [Picture(name, *_CAPTIONS[name], draw) for name, draw in drawn.items()]


def _panel(width: float = 7.0, height: float = 3.8) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _collapse(positives: Sequence[Row], negatives: Sequence[Row]) -> Figure:
    figure, panel = _panel()
    grid = np.linspace(1, 6.6, 200)
    panel.plot(grid, theory.normal.tail(grid / 2), color=_GREY, lw=1.4, label="Q(½ √(D/n))")
    sizes = sorted({row.n for row in positives})
    for colour, n in zip(COLOURS, sizes, strict=False):
        for rows, marker, other in ((positives, "o", n), (negatives, "s", n - 1)):
            shown = [row for row in rows if row.n == n and row.measured > 0]
            x = [math.sqrt(row.size["dim"] / other) for row in shown]
            label = f"n = {n}" if marker == "o" else None
            panel.plot(
                x, [row.measured for row in shown], marker, color=colour, ms=5, label=label, mec="white"
            )
    panel.plot([], [], "o", color=_GREY, label="false positives, √(D/n)")
    panel.plot([], [], "s", color=_GREY, label="false negatives, √(D/(n − 1))")
    panel.set_yscale("log")
    panel.set_xlabel("√(dimensions / keys)")
    panel.set_ylabel("share of wrong answers")
    panel.legend(fontsize=9)
    return figure


def _staircase(rows: Sequence[Row]) -> Figure:
    figure, panel = _panel()
    n = np.arange(1, 33)
    exact = [float(theory.map_b.correlation(int(value))) for value in n]
    panel.step(n, exact, where="mid", color=_BLUE, lw=1.3, label="exact")
    panel.plot(n, np.sqrt(2 / (np.pi * n)), "--", color=_GREY, lw=1.2, label="√(2/(π n))")
    for row in rows:
        draw_interval(panel, row.n, row, _RED)
    panel.plot([], [], "o", color=_RED, ms=4, label="measured")
    panel.set_xscale("log")
    panel.set_yscale("log")
    _plain_ticks(panel.xaxis, (1, 2, 3, 5, 10, 20, 30))
    _plain_ticks(panel.yaxis, (0.15, 0.2, 0.3, 0.5, 1))
    panel.set_xlabel("members of the bundle")
    panel.set_ylabel("similarity with a member")
    panel.legend(fontsize=9)
    return figure


def _plain_ticks(axis: Any, ticks: Sequence[float]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    axis.set_ticks(ticks, [f"{tick:,g}" for tick in ticks])
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def _crossings(first: Sequence[Row], second: Sequence[Row]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    bounds: dict[str, dict[str, Any]] = {
        "map-i": {"provable, 8 n ln(N/δ)": theory.map_i.provable_dimension},
        "map-b": {
            "provable, 4 π n ln(N/δ)": theory.map_b.provable_dimension,
            "paper, 56 n ln(2N/δ)": theory.bounds.map_b_dimension,
        },
    }
    for panel, rows, module in ((panels[0], first, theory.map_i), (panels[1], second, theory.map_b)):
        n = [row.n for row in rows]
        panel.plot(n, [row.predicted or 0.0 for row in rows], color=_BLUE, label="exact")
        panel.plot(n, [module.dimension(one, 500, 0.1) for one in n], "--", color=_GREEN, label="Gaussian")
        for colour, (label, bound) in zip(COLOURS[3:], bounds[rows[0].structure].items(), strict=False):
            panel.plot(n, [bound(one, 500, 0.1) for one in n], "-.", color=colour, label=label)
        for row in rows:
            draw_interval(panel, row.n, row, _RED)
        panel.plot([], [], "o", color=_RED, ms=4, label="measured")
        panel.set_title(structure(rows[0].structure).title, loc="left", fontsize=10.5, fontweight="bold")
        panel.set_xscale("log")
        panel.set_yscale("log")
        _plain_ticks(panel.xaxis, (10, 25, 50))
        _plain_ticks(panel.yaxis, (500, 1000, 2000, 5000, 10_000, 20_000))
        panel.set_xlabel("keys in the bundle")
        panel.legend(fontsize=8.5)
    panels[0].set_ylabel("dimensions")
    return figure


def _cleanup(families: Sequence[Sequence[Row]]) -> Figure:
    figure, panel = _panel()
    for colour, rows in zip(COLOURS, families, strict=False):
        title = structure(rows[0].structure).title
        panel.plot(
            [row.size["dim"] for row in rows],
            [row.predicted or 0.0 for row in rows],
            color=colour,
            label=title,
        )
        for row in rows:
            draw_interval(panel, row.size["dim"], row, colour)
        published = PUBLISHED_DIMENSION[rows[0].structure]
        panel.axvline(published, color=colour, ls=":", lw=1.3)
        panel.text(published + 5, 0.56, f"published\n{published}", color=colour, fontsize=9)
    panel.axhline(0.99, color=_GREY, lw=0.8)
    panel.text(105, 0.975, "99 %", color=_GREY, fontsize=9, va="top")
    panel.set_xlabel("dimensions")
    panel.set_ylabel("share of stored items found")
    panel.legend(fontsize=9, loc="center right")
    return figure


def _bloom(rows: Sequence[Row]) -> Figure:
    figure, panel = _panel()
    panel.axhline(1, color=_GREY, lw=1)
    labels = []
    for x, row in enumerate(rows):
        draw_interval(panel, x, row, _BLUE, scale=row.predicted or 1.0)
        bits, hashes = row.size["n_bits"], row.size["n_hashes"]
        textbook = float(theory.bloom.classic_false_positive_rate(bits, hashes, row.n))
        panel.plot([x], [textbook / (row.predicted or 1.0)], "D", color=_RED, ms=6)
        labels.append(f"m = {bits:,}\nk = {hashes}, n = {row.n:,}")
    panel.plot([], [], "o", color=_BLUE, label="measured / exact")
    panel.plot([], [], "D", color=_RED, label="textbook / exact")
    panel.set_xticks(range(len(rows)), labels)
    panel.set_xlim(-0.5, len(rows) - 0.5)
    panel.set_ylabel("false-positive rate / exact formula")
    panel.legend(fontsize=9, loc="lower right")
    return figure


def _hopfield(rows: Sequence[Row]) -> Figure:
    from hypersketch.capacity.claims.hopfield import TARGET, capacity_at

    figure, panel = _panel()
    dims = [row.size["dim"] for row in rows]
    expected = [float(theory.hopfield.capacity(dim, TARGET)) for dim in dims]
    panel.plot(dims, expected, color=_BLUE, lw=1.3, label="theory, slope 2")
    for row in rows:
        n, x = row.n, row.size["dim"]
        ends = [capacity_at(n, rate) for rate in (row.high, row.low)]
        panel.plot([x, x], ends, color=_RED, lw=1.2)
        panel.plot([x], [capacity_at(n, row.measured)], "o", color=_RED, ms=5, mec="white")
    panel.plot([], [], "o", color=_RED, label="measured")
    panel.set_xscale("log")
    panel.set_yscale("log")
    _plain_ticks(panel.xaxis, dims)
    _plain_ticks(panel.yaxis, (30, 100, 300, 1000, 2000))
    panel.set_xlabel("dimensions of the matrix")
    panel.set_ylabel("keys at 5 % errors")
    panel.legend(fontsize=9)
    return figure
