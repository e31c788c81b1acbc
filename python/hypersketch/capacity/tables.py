# SPDX-License-Identifier: Apache-2.0
"""Rows of results as text: the one table that the terminal and the report page show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

__all__ = [
    "HEAD",
    "SUMMARY_HEAD",
    "agreement",
    "headline",
    "interval_text",
    "lines",
    "number",
    "parameters",
    "summary",
]

#: Columns of :func:`lines` and :func:`summary`.
HEAD = ("structure", "stored", "size", "bytes", "quantity", "predicted", "measured", "interval", "verdict")

SUMMARY_HEAD = ("structure", "verdicts inside", "typical deviation from theory")

_UNITS = {
    "dim": "D = {:,}",
    "n_bits": "{:,} bits",
    "n_cells": "{:,} cells",
    "n_hashes": "{} hashes",
    "counter_bits": "{} bits each",
    "width": "w = {:,}",
    "depth": "d = {}",
    "n_components": "m = {:,}",
    "n_nonzeros": "s = {}",
    "degree": "degree {}",
    "bits": "b = {}",
}


def number(value: float | None, digits: int = 4) -> str:
    """A number as a reader wants it: few digits, no exponent unless it is tiny or huge.

    Examples
    --------
    >>> number(0.012341), number(1234567), number(0.00000123), number(0), number(None)
    ('0.01234', '1.2e+06', '1.2e-06', '0', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if value == 0 or math.isinf(value):
        return "0" if value == 0 else ("∞" if value > 0 else "−∞")
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.1e}"


def interval_text(row: Row) -> str:
    """The interval that the verdict uses."""
    return f"{number(row.low, 3)} … {number(row.high, 3)}"


def parameters(row: Row) -> str:
    """The size of the structure and what else was varied."""
    parts = [_UNITS.get(name, f"{name} = {{:,}}").format(value) for name, value in row.size.items()]
    settings = (f"{name.replace('_', '-')} {value}" for name, value in row.setting.items())
    return ", ".join([*parts, *settings])


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Rows as text, in the columns of :data:`HEAD`.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    list of tuple of str
    """
    return [
        (
            structure(row.structure).title,
            f"{row.n:,}",
            parameters(row),
            f"{row.bytes:,}",
            row.quantity,
            number(row.predicted),
            number(row.measured),
            interval_text(row),
            row.verdict or "no theory",
        )
        for row in rows
    ]


def headline(results: Results) -> str:
    """The outcome of a run in one sentence.

    Parameters
    ----------
    results : Results

    Examples
    --------
    >>> headline(Results([]))
    'Nothing was predicted, so there are no verdicts.'
    """
    judged = sum(row.verdict != "" for row in results)
    outside = len(results.outside)
    if not judged:
        return "Nothing was predicted, so there are no verdicts."
    if not outside:
        return f"All {judged} predictions lie inside the intervals of the measurements."
    return f"{outside} of {judged} predictions lie outside the interval of their measurement."


def summary(results: Results) -> list[tuple[str, str, str]]:
    """Rows of :data:`SUMMARY_HEAD`, one for each structure."""
    return [
        (structure(name).title, *agreement([row for row in results if row.structure == name]))
        for name in dict.fromkeys(row.structure for row in results)
    ]


def agreement(rows: Sequence[Row]) -> tuple[str, str]:
    """How many verdicts are inside, and how far measurements typically lie from predictions (the median)."""
    judged = [row for row in rows if row.verdict]
    inside = sum(row.verdict == "inside" for row in judged)
    off = [abs(row.ratio - 1) for row in judged if row.predicted]
    return f"{inside} of {len(judged)}", f"{float(np.median(off)):.2%}" if off else "–"
