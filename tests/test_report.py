# SPDX-License-Identifier: Apache-2.0
"""The report page stands alone, explains itself, and shows what is outside; its figures are files as well."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hypersketch import capacity
from hypersketch.capacity import tables
from hypersketch.capacity.experiments import EXPERIMENTS, experiment
from hypersketch.capacity.plots import pictures
from hypersketch.capacity.report import command_line
from hypersketch.capacity.results import Results, Row

SMALL = {
    "membership": {"n": [10], "trials": 20},
    "intersection": {"n": [11], "trials": 30},
    "frequency": {"n": [10], "trials": 30},
    "pairs": {"n": [10], "trials": 20},
    "sequence": {"n": [6], "trials": 20},
    "nested": {"n": [3], "dims": [64, 128], "trials": 10},
    "cleanup": {"n": [5], "dims": [64, 144], "trials": 30, "structures": ["map-i", "map-b", "hrr", "b-sbc"]},
    "cleanup-pairs": {"n": [5], "dims": [144], "trials": 30, "structures": ["map-i", "hrr"]},
    "schlegel": {"trials": 3, "structures": ["map-i", "bsdc-seg"]},
    "accuracy": {"n": [10], "trials": 20, "structures": ["map-i", "fhrr"]},
    "log-N": {"n": [5], "trials": 40, "structures": ["map-b"], "universe": 256},
}


class Balance(HTMLParser):
    """Checks that tags are closed in order and collects what the page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", SMALL)
def test_page_of_every_experiment(tmp_path: Path, name: str) -> None:
    results = capacity.run(name, out=tmp_path, **SMALL[name])  # type: ignore[arg-type]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert parser.loaded
    assert all(source.startswith("data:image/svg+xml;base64,") for source in parser.loaded)
    text = html.unescape(re.sub("<[^>]+>", " ", page))
    chosen = experiment(name)
    for part in (chosen.title, chosen.question, chosen.method, chosen.prediction, tables.headline(results)):
        assert part in text
    assert "How to read the verdicts" in text
    assert f"hypersketch capacity {name}" in text
    assert page.count("<figure>") == len(list((tmp_path / "figures").glob("*.png")))
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == {
        path.stem for path in (tmp_path / "figures").glob("*.svg")
    }


def test_pages_are_the_same_for_the_same_run(tmp_path: Path) -> None:
    for name in ("first", "second"):
        capacity.run("cleanup", out=tmp_path / name, **SMALL["cleanup"])  # type: ignore[arg-type]
    assert (tmp_path / "first" / "index.html").read_bytes() == (
        tmp_path / "second" / "index.html"
    ).read_bytes()


def test_what_is_outside_is_shown_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = EXPERIMENTS["cleanup"]
    honest = chosen.predict
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v / 2 for k, v in honest(cell).items()})
    results = capacity.run("cleanup", out=tmp_path, structures=["map-i"], n=5, dims=[256], trials=50)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "1 of 1 predictions lie outside the interval of their measurement." in page
    assert '<td class="above">above</td>' in page
    assert repr(results) == "Results(cleanup: 1 rows, 1 outside)"


def test_reproduction_command_has_what_was_asked(tmp_path: Path) -> None:
    capacity.run(
        "cleanup", out=tmp_path, n=5, dims=[64, 144], structures=["map-b"], trials=10, universe=50, seed=9
    )
    options = "--structures map-b --n 5 --dims 64,144 --trials 10 --universe 50 --seed 9"
    assert f"hypersketch capacity cleanup {options}" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert command_line({"experiment": "membership", "seed": 1}).endswith("membership --seed 1 --out report")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1234.4, "1,234"), (3e-7, "3.0e-07"), (0, "0"), (float("inf"), "∞"), (None, "–")],
)
def test_numbers_as_text(value: float | None, text: str) -> None:
    assert tables.number(value) == text


def test_results_without_rows() -> None:
    empty = Results([])
    assert repr(empty) == "Results(no rows)"
    assert empty.all_inside
    assert tables.headline(empty).startswith("Nothing was predicted")


def row_of(n: int, measured: float, predicted: float | None, high: float) -> Row:
    return Row(
        "storage-rules", "hopfield-network", "wrong units", n, 1, {"units": 1000}, {"rule": "storkey"},
        1, 1.0, 6, 1000, measured, 0.0, high, 0.0, high, predicted, "inside" if predicted is not None else "",
    )  # fmt: skip


def axes_of(rows: list[Row]) -> Any:
    rule = experiment("storage-rules")
    figure = pictures(rule, Results(rows))[0].draw()
    figure.canvas.draw()
    return figure, figure.axes[0]


def test_axes_are_not_stretched_by_tiny_predictions() -> None:
    rows = [row_of(50, 0.0, 4e-169, 5e-4), row_of(300, 9e-6, 7e-6, 1e-4), row_of(900, 0.11, 0.11, 0.12)]
    _, panel = axes_of(rows)
    low, high = panel.get_ylim()
    assert 1e-9 < low < 1e-5
    assert 0.12 < high < 1.0
    shown = [label.get_text() for label in panel.get_yticklabels()]
    assert "0.01" in shown
    assert "0.02" not in shown  # over many decades 2 and 5 have no label


def test_points_without_predictions_are_joined_and_the_legend_says_so() -> None:
    rows = [row_of(100, 0.01, None, 0.02), row_of(300, 0.05, None, 0.06)]
    figure, panel = axes_of(rows)
    assert any(line.get_linestyle() == ":" and len(line.get_xdata()) == 2 for line in panel.lines)
    (legend,) = figure.legends
    assert "predicted" not in [text.get_text() for text in legend.get_texts()]
    assert "no prediction" in pictures(experiment("storage-rules"), Results(rows))[0].caption
