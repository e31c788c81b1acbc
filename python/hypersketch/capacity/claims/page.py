# SPDX-License-Identifier: Apache-2.0
"""The page of the paper's claims: claim, formula, source, predicted, measured, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from hypersketch.capacity import report, tables
from hypersketch.capacity.cells import Cell
from hypersketch.capacity.claims import SECTIONS, Claim, all_claims
from hypersketch.capacity.results import Results, Row
from hypersketch.capacity.structures import structure

if TYPE_CHECKING:
    from hypersketch.capacity.claims.experiment import Paper

__all__ = ["HEAD", "lines", "page"]

#: Columns of the terminal's table.
HEAD = ("claim", "stored", "size", "predicted", "measured", "interval", "off by", "verdict")

_CASE_HEAD = ("case", "predicted", "measured", "interval", "off by", "verdict")
_GLANCE_HEAD = ("claim", "what it says", "formula", "inside", "off by")


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Rows as text, in the columns of :data:`HEAD`."""
    return [
        (
            row.quantity,
            f"{row.n:,}",
            _size(row),
            tables.number(row.predicted),
            tables.number(row.measured),
            tables.interval_text(row),
            _off(row),
            row.verdict,
        )
        for row in rows
    ]


def page(experiment: Paper, results: Results, config: Mapping[str, Any], figures: Sequence[str]) -> str:
    """Body of the report page."""
    names = dict.fromkeys(row.structure for row in results)
    sections = [
        report.heading(experiment, results),
        "<h2>What this page is</h2>" + report.paragraphs(experiment.question, experiment.method),
        report.paragraphs(experiment.prediction),
        report.glossary([structure(name) for name in names]),
        _symbols(),
        "<h2>The claims at a glance</h2>"
        + report.paragraphs(
            "Inside: how many predictions lie inside the interval of their measurement. Off by: how far "
            "measurements typically lie from predictions (the median)."
        )
        + report.html_table(_GLANCE_HEAD, _glance(results), wide=(1, 2)),
        "<h2>The claims in pictures</h2>" + "".join(figures),
        *(_section(key, title, results) for key, title in SECTIONS.items()),
        report.verdict_reading(results),
        report.reproduction(config),
    ]
    return "\n".join(sections)


def _symbols() -> str:
    meanings = (
        ("n", "stored keys, pairs or vectors"),
        ("D", "dimensions of a vector"),
        ("N", "keys that are asked for, the stored ones included"),
        ("m, k", "bits (or counters) of a filter, and how many of them a key sets"),
        (
            "s, x, ⟨x, s⟩",
            "the random vector of a key, the memory, and their inner product; ⟨x, s⟩/D is the score",
        ),
        ("Q, z", "the tail of the normal distribution, and a point of it: Q(z) is an error rate"),
        ("I", "keys that two sets share"),
    )
    items = "".join(f"<dt>{escape(symbol)}</dt><dd>{escape(text)}</dd>" for symbol, text in meanings)
    return f"<h3>Symbols</h3><dl>{items}</dl>"


def _section(key: str, title: str, results: Results) -> str:
    claims = [claim for claim in all_claims().values() if claim.key.startswith(key)]
    return f"<h2>{escape(title)}</h2>" + "".join(_claim(claim, results) for claim in claims)


def _glance(results: Results) -> list[tuple[str, ...]]:
    """One line a claim."""
    return [
        (key, claim.says, claim.formula, *tables.agreement([row for row in results if row.quantity == key]))
        for key, claim in all_claims().items()
    ]


def _claim(claim: Claim, results: Results) -> str:
    rows = [row for row in results if row.quantity == claim.key]
    beside = [claim.beside(_cell(row)) for row in rows]
    others = list(dict.fromkeys(name for values in beside for name in values))
    lines = [
        (*_case(row), *(tables.number(values.get(name)) for name in others))
        for row, values in zip(rows, beside, strict=True)
    ]
    return (
        f"<h3>{escape(claim.key)}</h3>{report.paragraphs(claim.says)}"
        f"<p><code>{escape(claim.formula)}</code></p><p class='source'>Source: {escape(claim.source)}.</p>"
        + report.html_table((*_CASE_HEAD, *others), lines)
    )


def _case(row: Row) -> tuple[str, ...]:
    return (
        _words(row),
        tables.number(row.predicted),
        tables.number(row.measured),
        tables.interval_text(row),
        _off(row),
        row.verdict,
    )


def _cell(row: Row) -> Cell:
    """The cell of a row, as far as the numbers beside it need it."""
    probes = row.tests if row.tests > 1 else 475
    return Cell("paper", row.structure, row.n, row.size, row.trials, probes, row.universe, 0, row.setting)


def _words(row: Row) -> str:
    extra = [
        f"{name.replace('_', ' ')} = {value}"
        for name, value in row.setting.items()
        if name not in ("claim", "dims")
    ]
    return ", ".join([f"n = {row.n:,}", _size(row), *extra])


def _size(row: Row) -> str:
    names = {"dim": "D", "n_bits": "m", "n_cells": "m", "n_hashes": "k"}
    return ", ".join(f"{names[name]} = {value:,}" for name, value in row.size.items() if name in names)


def _off(row: Row) -> str:
    return f"{row.ratio - 1:+.2%}" if row.predicted else "–"
