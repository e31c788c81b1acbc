# SPDX-License-Identifier: Apache-2.0
"""How wrong are the counts of sketches, from barely to strongly skewed streams?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from hypersketch import theory
from hypersketch.capacity import kernels
from hypersketch.capacity.cells import Cell, Draw, Outcomes, Size
from hypersketch.capacity.experiments.base import Experiment, Quantity, UInt64Array
from hypersketch.capacity.streams import Counts, skewed_counts
from hypersketch.capacity.structures import structure
from hypersketch.capacity.structures.base import Int64Array, Structure
from hypersketch.capacity.structures.count_sketch import CountMin, RowSketch

if TYPE_CHECKING:
    from hypersketch.capacity.plots import Panels
    from hypersketch.capacity.results import Results, Row

__all__ = ["CountError"]

_SKEWS = (0.8, 1.1, 1.5)
_WIDTHS = (24, 48, 96, 192)
# Of the most frequent key. Far larger ones would meet a key in most rows too rarely for any run to see, and
# yet rule its mean squared error.
_MOST = 100
_DEPTHS = {"count-sketch": (1, 3, 5, 7), "count-min": (1, 4), "count-min-conservative": (4,)}


class CountError(Experiment):
    """Counts skewed streams and asks for the counts of all keys."""

    name: ClassVar[str] = "count-error"
    title: ClassVar[str] = "How wrong are the counts of sketches?"
    summary: ClassVar[str] = (
        "How wrong are the counts of sketches? Count sketch and Count-Min against width, rows and skew."
    )
    question: ClassVar[str] = (
        "A count sketch reads a key's count off as the median of a few rows, a Count-Min sketch as their "
        "minimum. How does the error fall with the width of the rows and with their number, and what does "
        "it gain when few keys make up most of the stream?"
    )
    method: ClassVar[str] = (
        "In each trial a stream of n different keys is counted, the r-th of which occurs 100/r^α times "
        "(rounded, at least once), and every key's count is asked for. For the conservative update the "
        "keys arrive one at a time, in random order; a plain Count-Min sketch of the same seed counts the "
        "same stream."
    )
    prediction: ClassVar[str] = (
        "One row: root of (F2 − f²)/w for a count sketch, (F1 − f)/w on average for Count-Min. So the error "
        "of the one falls with the root of the width, of the other with the width. Several rows: the "
        "error of a row is a sum over the other keys, each of which shares the counter with chance 1/w; "
        "its law follows exactly from all counts, and with it that of the median or minimum of independent "
        "rows. The conservative update has no closed form, but it is never above the plain one."
    )
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "rmse": Quantity("rms", "root mean square error of the counts"),
        "mean excess": Quantity("mean", "mean of what is added to the counts"),
        "conservative over plain": Quantity(
            "mean", "mean excess with conservative update, divided by that without", log=False
        ),
        "counts too small": Quantity("rate", "share of counts below the true ones"),
        "counts above plain": Quantity("rate", "share of counts above those of the plain update"),
    }
    default_n: ClassVar[tuple[int, ...]] = (1000,)
    default_trials: ClassVar[int] = 300

    def units(self, entry: Structure, n: int) -> list[int]:
        return list(_WIDTHS)

    def sizes(self, entry: Structure, units: int, n: int) -> Iterable[Size]:
        return [{"width": units, "depth": depth} for depth in _DEPTHS[entry.name]]

    def settings(self, n: int) -> list[dict[str, Any]]:
        return [{"skew": skew} for skew in _SKEWS]

    def check(self, cell: Cell) -> None:
        if cell.size["width"] < 3:
            raise ValueError(f"Rows of this experiment need 3 cells. Got {cell.size['width']} instead.")

    def tests(self, cell: Cell) -> dict[str, int]:
        return {"counts too small": cell.n, "counts above plain": cell.n}

    def measure(self, cell: Cell, hashes: UInt64Array) -> Outcomes:
        entry = cast(RowSketch, structure(cell.structure, cell.device))
        counts = _counts(cell)
        if entry.name == "count-min-conservative":
            return _conservative(entry, cell, hashes, counts)
        blocks = [
            entry.score_trials(cell.size, seeds, keys[np.newaxis], keys[np.newaxis], counts)
            for seeds, keys in Draw(cell, hashes, cell.n)
        ]
        errors = np.concatenate(blocks) - counts
        squares = {"rmse": (errors**2).mean(axis=1).tolist()}
        if entry.name == "count-sketch":
            return squares
        return squares | {
            "mean excess": errors.mean(axis=1).tolist(),
            "counts too small": (errors < 0).sum(axis=1).tolist(),
        }

    def predict(self, cell: Cell) -> dict[str, float]:
        entry = structure(cell.structure)
        never = {"counts too small": 0.0, "counts above plain": 0.0}
        if entry.name == "count-min-conservative":
            return never
        stream = Counts.of(_counts(cell))
        found = {"rmse": entry.count_rmse(cell.size, stream)}
        if isinstance(entry, CountMin):
            found |= never | {"mean excess": entry.mean_excess(cell.size, stream)}
        return found

    def panels(self) -> Panels:
        from hypersketch.capacity.plots import Panels

        return Panels(
            "width",
            lambda row: float(row.size["width"]),
            lambda row: f"{structure(row.structure).title}, {_rows(row.size['depth'])}",
            lambda row: f"α = {row.setting['skew']}",
        )

    def page(self, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
        from hypersketch.capacity import report

        lines = _factors(list(results))
        if not lines:
            return report.standard_page(self, results, config, figures)
        table = (
            "<h3>What the median gains</h3>"
            + report.paragraphs(
                "Error of the median of several rows, divided by that of one row: measured, and exact in "
                "brackets. For Gaussian rows it would be the last line, whatever the stream is. Skewed "
                "streams gain far more: most rows meet none of the few frequent keys."
            )
            + report.html_table(("stream", "3 rows", "5 rows", "7 rows"), lines)
        )
        return report.standard_page(self, results, config, [*figures, table])


def _rows(depth: int) -> str:
    return "1 row" if depth == 1 else f"{depth} rows"


def _counts(cell: Cell) -> Int64Array:
    return skewed_counts(cell.n, cell.setting["skew"], _MOST)


def _conservative(entry: RowSketch, cell: Cell, hashes: UInt64Array, counts: Int64Array) -> Outcomes:
    """Outcomes of the conservative update, beside a plain sketch of the same stream."""
    plain = cast(RowSketch, structure("count-min"))
    stream = np.repeat(np.arange(cell.n), counts)
    stream = stream[np.argsort(kernels.trial_seeds(cell.seed, stream.size))]
    excess, share, small, above = [], [], [], []
    for seeds, keys in Draw(cell, hashes, cell.n):
        for seed, row in zip(seeds.tolist(), keys, strict=True):
            careful = entry.build(cell.size, seed, row[stream]).estimate_hashes(row, threads=1)
            usual = plain.build(cell.size, seed, row, counts).estimate_hashes(row, threads=1)
            excess.append(float((careful - counts).mean()))
            share.append(float((careful - counts).sum() / max(1, (usual - counts).sum())))
            small.append(int((careful < counts).sum()))
            above.append(int((careful > usual).sum()))
    return {
        "mean excess": excess,
        "conservative over plain": share,
        "counts too small": list(map(float, small)),
        "counts above plain": list(map(float, above)),
    }


def _factors(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Lines of the table of median factors."""
    chosen = {
        (row.setting["skew"], row.size["width"], row.size["depth"]): row
        for row in rows
        if row.structure == "count-sketch" and row.quantity == "rmse"
    }
    lines = []
    for skew, width in dict.fromkeys((skew, width) for skew, width, _ in chosen):
        one = chosen.get((skew, width, 1))
        several = [chosen.get((skew, width, depth)) for depth in (3, 5, 7)]
        if one is not None and None not in several:
            texts = [
                f"{row.measured / one.measured:.3f} ({(row.predicted or 0) / (one.predicted or 1):.3f})"
                for row in several
                if row is not None
            ]
            lines.append((f"α = {skew}, w = {width}", *texts))
    if lines:
        factors = (theory.count_sketch.median_factor(depth) for depth in (3, 5, 7))
        lines.append(("Gaussian rows", *(f"{factor:.3f}" for factor in factors)))
    return lines
