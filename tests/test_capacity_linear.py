# SPDX-License-Identifier: Apache-2.0
"""Experiments on memories of real vectors, superposition and sets: small runs, and what they rest on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hypersketch import capacity, theory
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.experiments.scaling_laws import slopes_of
from hypersketch.capacity.experiments.set_width import least_width
from hypersketch.capacity.experiments.superposition import _interference, _tight_frame

SMALL: dict[str, dict[str, Any]] = {
    "scaling-laws": {"n": [500], "dims": [16, 64], "trials": 20},
    "superposition": {"n": [3], "dims": [10, 32], "trials": 10},
    "set-width": {"n": [5], "trials": 60, "universe": 200},
    "dense-curse": {"n": [60, 500], "dims": [16, 40], "trials": 12},
}


@pytest.mark.parametrize("name", SMALL)
def test_all_verdicts_are_inside(name: str) -> None:
    results = capacity.run(name, seed=11, **SMALL[name])
    assert all(row.verdict for row in results)
    assert results.outside == []


@pytest.mark.parametrize("name", SMALL)
def test_a_wrong_prediction_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = experiment(name)
    honest = chosen.predict
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v * 0.2 for k, v in honest(cell).items()})
    assert not capacity.run(name, seed=11, **SMALL[name]).all_inside


@pytest.mark.parametrize("name", SMALL)
def test_pages_are_made(name: str, tmp_path: Any) -> None:
    capacity.run(name, seed=11, out=tmp_path / "out", **{**SMALL[name], "trials": 3})
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert experiment(name).title in page


def test_interference_by_definition() -> None:
    rows = np.random.default_rng(0).standard_normal((30, 7))
    gram = rows @ rows.T
    np.fill_diagonal(gram, 0.0)
    assert _interference(rows) == pytest.approx((gram**2).sum() / 30)
    frame = _tight_frame(30, 8)
    assert np.allclose((frame**2).sum(axis=1), 1.0)
    assert np.allclose(frame.T @ frame, np.eye(8) * 30 / 8)
    assert theory.superposition.least_interference(8, 30) == pytest.approx(30 / 8 - 1)


def test_cells_that_make_no_sense_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"fewer active features and dimensions than features, 128\. Got 4 and 128"
    ):
        capacity.run("superposition", dims=[128])
    with pytest.raises(ValueError, match="at least 2 dimensions and 2 documents"):
        capacity.run("dense-curse", n=[1])


def test_slopes_come_near_the_published_ones() -> None:
    results = capacity.run("scaling-laws", n=[4000], dims=[64, 256], trials=8, seed=3)
    for (a, scheme), (_, exact, limit) in slopes_of(results).items():
        assert limit == theory.scaling.published_exponent(a, scheme)
        assert abs(exact - limit) < (0.15 if scheme == "uniform" else 0.05)


@pytest.mark.parametrize("a", [1.5, 2.0])
def test_exact_errors_take_the_published_slopes(a: float) -> None:
    for scheme in ("proportional", "thresholded"):
        errors = [theory.scaling.error(d, 200_000, 8, a, scheme, d // 4) for d in (256, 1024)]
        slope = math.log(errors[1] / errors[0]) / math.log(4)
        assert slope == pytest.approx(theory.scaling.published_exponent(a, scheme), rel=0.08)


def test_rare_tokens_stand_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (32, 3000, 5, 1.5, "proportional")
    some = theory.scaling.error(*asked)
    monkeypatch.setattr(theory.scaling, "_EACH", 3000)
    assert some == pytest.approx(theory.scaling.error(*asked), rel=1e-3)


def test_the_least_width_is_where_a_tenth_fails() -> None:
    points = [(d, theory.map_i.failure_probability(d, 10, 500)) for d in (350, 450, 550)]
    assert least_width(points) == pytest.approx(theory.map_i.crossing_dimension(10, 500, 0.1), rel=0.02)
    assert least_width([(100, 0.0), (200, 1.0)]) is None
    assert least_width([(100, 0.1), (200, 0.3)]) is None
