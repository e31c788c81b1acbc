# SPDX-License-Identifier: Apache-2.0
"""Experiments on memories of binary patterns: small runs."""

from __future__ import annotations

from typing import Any

import pytest

from hypersketch import capacity
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.experiments.sparse_distributed import least_activation

SMALL: dict[str, dict[str, Any]] = {
    "sdm": {"n": [60], "dims": [300], "trials": 8},
    "willshaw": {"dims": [64], "trials": 10},
    "sparsey": {"n": [20], "dims": [5], "trials": 8},
}


@pytest.mark.parametrize("name", SMALL)
def test_all_verdicts_are_inside(name: str) -> None:
    results = capacity.run(name, seed=11, **SMALL[name])
    for row in results:
        assert row.verdict or row.setting.get("choice") == "by-familiarity"
    assert results.outside == []


@pytest.mark.parametrize("name", SMALL)
def test_a_wrong_prediction_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = experiment(name)
    honest = chosen.predict
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v * 0.5 for k, v in honest(cell).items()})
    assert not capacity.run(name, seed=11, **SMALL[name]).all_inside


@pytest.mark.parametrize("name", SMALL)
def test_pages_are_made(name: str, tmp_path: Any) -> None:
    capacity.run(name, seed=11, out=tmp_path / "out", **{**SMALL[name], "trials": 3})
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert experiment(name).title.replace("'", "&#x27;") in page


def test_choices_by_familiarity_use_fewer_weights() -> None:
    results = capacity.run("sparsey", n=[40], dims=[8], trials=3)
    density = {row.setting["choice"]: row.measured for row in results if row.quantity == "density"}
    assert density["by-familiarity"] < density["random"]


def test_the_minimum_needs_neighbours() -> None:
    assert least_activation([(0.1, 0.2), (0.2, 0.3), (0.4, 0.4)]) is None
    assert least_activation([]) is None
    assert least_activation([(0.4, 0.3), (0.1, 0.3), (0.2, 0.1)]) == pytest.approx(0.2)
