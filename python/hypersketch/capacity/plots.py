# SPDX-License-Identifier: Apache-2.0
"""Figures of a run, as matplotlib figures with a caption each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hypersketch.capacity.experiments import Experiment
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "Panels",
    "Picture",
    "cycle",
    "draw_interval",
    "new_figure",
    "pictures",
    "plain_decades",
    "ratio_figure",
    "standard_panels",
    "style",
]

# Okabe and Ito's colours: told apart by readers with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_GREY = "#666666"
_FAR_BELOW = 1000.0


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes
    ----------
    name : str
        File name without its ending.
    title, caption : str
        What a reader is told above and below it.
    draw : callable
        Makes the figure.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Panels:
    """How measured points are laid out: panels, series within a panel, places along the horizontal axis.

    Attributes
    ----------
    title : str
        Label of the horizontal axis.
    place : callable
        Place of a row on it.
    series : callable
        Name of the series of a row: one colour each.
    panel : callable
        Title of the panel of a row.
    log : bool
        Whether the horizontal axis is logarithmic.
    """

    title: str
    place: Callable[[Row], float]
    series: Callable[[Row], str]
    panel: Callable[[Row], str]
    log: bool = True


def standard_panels(along: str | None) -> Panels:
    """One panel a structure; along a setting, or along the bytes of the structure.

    Examples
    --------
    >>> standard_panels("depth").title, standard_panels(None).log
    ('depth', True)
    """
    return Panels(
        "bytes" if along is None else along.replace("_", " "),
        lambda row: float(row.bytes if along is None else row.setting[along]),
        partial(_label, along=along),
        lambda row: structure(row.structure).title,
        log=along is None,
    )


@contextmanager
def style() -> Iterator[None]:
    """Looks of all figures, the same on every machine: no timestamps, no random ids."""
    import matplotlib as mpl

    looks: dict[Any, Any] = {
        "figure.dpi": 100,
        "savefig.dpi": 150,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E4E4E4",
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "svg.hashsalt": "hypersketch",
        "svg.fonttype": "path",
    }
    with mpl.rc_context(looks):
        yield


def pictures(experiment: Experiment, results: Results) -> list[Picture]:
    """The figures of a run: one for each measured quantity, and one that sets all measurements beside theory.

    Parameters
    ----------
    experiment : Experiment
        What was run.
    results : Results
        Its rows.

    Returns
    -------
    list of Picture
    """
    found = []
    axis = experiment.panels()
    against = "the memory of the structure" if axis.title == "bytes" else axis.title
    for name, quantity in experiment.quantities.items():
        rows = [row for row in results if row.quantity == name and not (quantity.log and _is_zero(row))]
        if rows:
            found.append(
                Picture(
                    name.replace(" ", "-"),
                    name.capitalize(),
                    f"{_sentence(quantity.title)} against {against}. Points: measured, the bars are the "
                    f"intervals that the verdicts use. Lines: {_lines(rows)}.",
                    partial(_quantity_figure, rows, quantity.title, quantity.log, axis),
                )
            )
    found.append(
        Picture(
            "measured-over-predicted",
            "Every measurement, divided by its prediction",
            "Each bar is the interval of one measurement, divided by what theory predicts for it: at 1 both "
            "agree. Bars that miss the line at 1 would be drawn in red. Numbers whose prediction is about 0 "
            "are not shown.",
            lambda: ratio_figure(list(results)),
        )
    )
    return found


def _lines(rows: Sequence[Row]) -> str:
    """What the lines of a figure are."""
    if all(row.predicted is None for row in rows):
        return "through the points, for there is no prediction"
    if any(row.predicted is None for row in rows):
        return "predicted; dotted: through points without a prediction"
    return "predicted"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _is_zero(row: Row) -> bool:
    """Whether a logarithmic axis has no place for the row."""
    return row.measured <= 0 and (row.predicted or 0.0) <= 0


def new_figure(panels: int, height: float = 3.1) -> tuple[Figure, list[Axes]]:
    """A figure with that many panels, three in a row."""
    from matplotlib.figure import Figure

    columns = min(3, panels)
    lines = -(-panels // columns)
    figure = Figure(figsize=(1.2 + 3.2 * columns, 0.4 + height * lines), layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for spare in axes[panels:]:
        spare.set_visible(False)
    return figure, axes[:panels]


def _quantity_figure(rows: Sequence[Row], title: str, log: bool, axis: Panels) -> Figure:
    """The quantity along the axis, one colour for each series of each panel."""
    names = list(dict.fromkeys(axis.panel(row) for row in rows))
    labels = list(dict.fromkeys(axis.series(row) for row in rows))
    figure, axes = new_figure(len(names))
    for panel, name in zip(axes, names, strict=True):
        for colour, label in zip(cycle(len(labels)), labels, strict=True):
            chosen = [row for row in rows if axis.panel(row) == name and axis.series(row) == label]
            _draw_series(panel, chosen, axis.place, colour)
        panel.set_title(name, fontsize=10.5, fontweight="bold", loc="left")
        _finish_panel(panel, log, axis, [row for row in rows if axis.panel(row) == name])
    for panel in axes[:: min(3, len(axes))]:
        panel.set_ylabel(_wrapped(title))
    _legend(figure, labels, rows)
    return figure


def _finish_panel(panel: Axes, log: bool, axis: Panels, rows: Sequence[Row]) -> None:
    places = sorted({axis.place(row) for row in rows})
    if axis.log:
        panel.set_xscale("log")
        plain_decades(panel.xaxis)
    elif len(places) <= 8:  # more labels would run into each other
        panel.set_xticks(places)
    if log:
        panel.set_yscale("log")
        _limit_below(panel, rows)
        plain_decades(panel.yaxis)
    panel.set_xlabel(axis.title)


def _limit_below(panel: Axes, rows: Sequence[Row]) -> None:
    """Leave out what lies far below all that was measured: predictions such as 1e-169."""
    least = [row.measured or row.high for row in rows if row.high > 0.0]
    shown = [row.predicted for row in rows if row.predicted]
    if least and shown and min(shown) < min(least) / _FAR_BELOW:
        panel.set_ylim(min(least) / _FAR_BELOW, 2.0 * max(*shown, *(row.high for row in rows)))


def plain_decades(axis: Axis) -> None:
    """Labels such as 0.01 and 10,000 on a logarithmic axis, also at 2 and 5 if there are few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_data_interval()
    low = max(low if low > 0.0 else axis.get_minpos(), min(axis.get_view_interval()))
    decades = math.log10(high / low) if 0 < low < high else 0.0
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if decades < 1.6 else (1,), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def cycle(count: int) -> list[str]:
    """That many different colours."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["turbo"](index / (count - 1))) for index in range(count)]


def _label(row: Row, along: str | None) -> str:
    parts = [f"{name.replace('_', ' ')} {value}" for name, value in row.setting.items() if name != along]
    if along is not None:  # then the size is not on the axis
        parts += [f"{name} {value:,}" for name, value in row.size.items()]
    return ", ".join(parts) if parts else f"n = {row.n}"


def _wrapped(text: str, width: int = 34) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _draw_series(panel: Axes, rows: Sequence[Row], place: Callable[[Row], float], colour: str) -> None:
    known = sorted((row for row in rows if row.predicted is not None), key=place)
    panel.plot(
        [place(row) for row in known], [row.predicted or 0.0 for row in known], color=colour, lw=1.3, zorder=2
    )
    others = sorted((row for row in rows if row.predicted is None), key=place)
    panel.plot(
        [place(row) for row in others], [row.measured for row in others], ":", color=colour, lw=1.0, zorder=2
    )
    for row in rows:
        draw_interval(panel, place(row), row, colour)


def draw_interval(panel: Axes, x: float, row: Row, colour: str, scale: float = 1.0) -> None:
    """A measured point with its interval; red where it misses the prediction.

    Parameters
    ----------
    panel : Axes
        Where to draw.
    x : float
        Place on the horizontal axis.
    row : Row
        The measurement.
    colour : str
        Colour of a measurement that agrees.
    scale : float, default 1
        What the numbers are divided by.
    """
    shown = colour if row.verdict in ("inside", "") else "#C00000"
    low, high = (row.low, row.high) if math.isfinite(row.low + row.high) else (row.measured, row.measured)
    if 0.0 <= low < row.measured / 1000:
        low = row.measured / 10  # the end of the bar lies below any logarithmic axis, or makes all else small
    panel.plot([x, x], [low / scale, high / scale], color=shown, lw=1.1, alpha=0.8, zorder=3)
    panel.plot([x], [row.measured / scale], "o", color=shown, ms=4, mec="white", mew=0.5, zorder=4)


def _legend(figure: Figure, labels: Sequence[str], rows: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=colour, lw=1.3, label=label)
        for colour, label in zip(cycle(len(labels)), labels, strict=True)
    ]
    handles.append(Line2D([], [], color=_GREY, marker="o", ls="none", ms=4, label="measured"))
    if any(row.predicted is not None for row in rows):
        handles.append(Line2D([], [], color=_GREY, lw=1.3, label="predicted"))
    room = int(figure.get_figwidth() / 1.9)
    figure.legend(handles=handles, loc="outside lower center", ncol=min(4, room, len(handles)), fontsize=9)


def ratio_figure(rows: Sequence[Row]) -> Figure:
    """All measurements divided by their predictions, one after another.

    Parameters
    ----------
    rows : sequence of Row
        Rows of a run; those without a prediction, or with one of about 0, are left out.
    """
    # Where the prediction is 0, or nothing beside the interval, there is nothing to divide by.
    shown = [row for row in rows if row.predicted and abs(row.predicted) * 20 > row.high - row.low]
    figure, (panel,) = new_figure(1)
    figure.set_size_inches(10, 3.4)
    names = list(dict.fromkeys(row.structure for row in shown))
    panel.axhline(1, color=_GREY, lw=1)
    start = 0
    for colour, name in zip(cycle(len(names)), names, strict=True):
        group = [row for row in shown if row.structure == name]
        for x, row in enumerate(group, start):
            draw_interval(panel, x, row, colour, scale=row.predicted or 1.0)
        panel.plot([], [], "o", color=colour, ms=4, label=structure(name).title)
        start += len(group) + 2
    panel.set_yscale("log")
    _ratio_limits(panel, shown)
    panel.set_xticks([])
    panel.set_ylabel("measured / predicted")
    figure.legend(loc="outside lower center", ncol=min(4, len(names)), fontsize=9)
    return figure


def _ratio_limits(panel: Axes, rows: Sequence[Row]) -> None:
    """Room for all points and for their bars up to a factor of three."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ends = [end / row.predicted for row in rows if row.predicted for end in (row.low, row.high)]
    points = [abs(math.log(row.ratio)) * 1.3 for row in rows if row.ratio > 0]
    bars = [min(abs(math.log(end)), math.log(3)) * 1.1 for end in ends if 0 < end < math.inf]
    reach = max([0.005, *points, *bars])
    panel.set_ylim(math.exp(-reach), math.exp(reach))
    panel.set_yticks([tick for tick in _ratio_ticks(reach) if abs(math.log(tick)) <= reach])
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def _ratio_ticks(reach: float) -> list[float]:
    """Round ratios around 1, at most four on each side, for an axis from e**-reach to e**reach."""
    if reach > 0.5:
        return [0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10, 20]
    step = next(step for step in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if 4 * step >= reach)
    return [1 + k * step for k in range(-4, 5)]
