# SPDX-License-Identifier: Apache-2.0
"""Experiments on continuous memories: small runs, and the laws that they rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypersketch import capacity
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.experiments.base import Request
from hypersketch.capacity.experiments.continuous_beta import unit_patterns
from hypersketch.capacity.experiments.entmax_exact import _gaps
from hypersketch.capacity.structures.continuous import Continuous
from hypersketch.theory import continuous

SMALL: dict[str, dict[str, Any]] = {
    "continuous-beta": {"n": [50], "dims": [8, 40], "trials": 20},
    "entmax-exact": {"n": [60], "dims": [20], "trials": 12},
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
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v * 0.8 for k, v in honest(cell).items()})
    assert not capacity.run(name, seed=11, **SMALL[name]).all_inside


@pytest.mark.parametrize("name", SMALL)
def test_pages_are_made(name: str, tmp_path: Path) -> None:
    capacity.run(name, seed=11, out=tmp_path / "out", **{**SMALL[name], "trials": 3})
    assert experiment(name).title in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    own = {"continuous-beta": "leakage-curve", "entmax-exact": "exactness"}[name]
    assert (tmp_path / "out" / "figures" / f"{own}.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_margin_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = experiment("entmax-exact")
    request = Request(structures=["entmax"], **SMALL["entmax-exact"])
    [cell] = [cell for cell in chosen.cells(request) if cell.setting["beta"] == 3.2]
    assert sum(chosen.measure(cell, np.empty(0, np.uint64))["wrong side"]) == 0
    monkeypatch.setattr(Continuous, "margin", property(lambda entry: 1.9))
    assert sum(chosen.measure(cell, np.empty(0, np.uint64))["wrong side"]) > 0


def test_cells_that_nobody_could_measure_are_left_out_or_refused() -> None:
    chosen = experiment("continuous-beta")
    full = {cell.setting["beta"] for cell in chosen.cells(Request(n=[64], dims=[128]))}
    few = {cell.setting["beta"] for cell in chosen.cells(Request(n=[64], dims=[16], trials=3))}
    assert max(few) < max(full)
    with pytest.raises(ValueError, match=r"There must be 2 patterns of 2 dimensions at least. Got 1 of 8."):
        capacity.run("continuous-beta", n=1, dims=8)
    with pytest.raises(ValueError, match=r"There must be 2 patterns of 2 dimensions at least. Got 5 of 1."):
        capacity.run("entmax-exact", n=5, dims=1)


@pytest.mark.parametrize(("n", "dim", "beta"), [(2, 2, 0.5), (5, 3, 4.0), (50, 16, 9.0), (400, 64, 12.0)])
def test_moments_of_the_leak_by_sampling(n: int, dim: int, beta: float) -> None:
    half, trials = (dim - 1) / 2.0, 4000
    cosines = 2.0 * np.random.default_rng(3).beta(half, half, size=(trials, n - 1)) - 1.0
    sums = np.exp(beta * (cosines - 1.0)).sum(axis=1)
    for order in (1, 2, 3):
        sample = (sums / (1.0 + sums)) ** order
        error = 5.0 * sample.std() / trials**0.5  # of 12 numbers: one is outside with a chance of 7e-6
        assert abs(continuous.leakage_moment(n, dim, beta, order) - sample.mean()) < error


def test_moments_of_the_leak_at_their_ends() -> None:
    assert continuous.leakage_moment(1, 8, 2.0) == 0.0
    # The mean of the fraction is below the fraction of the means (Jensen), and they meet where little varies.
    for n, dim, beta in [(5000, 64, 10.0), (5000, 8, 20.0), (2, 2, 3.0), (10, 1000, 5.0)]:
        assert continuous.leakage_moment(n, dim, beta) <= continuous.leakage(n, dim, beta) * (1 + 1e-12)
    assert continuous.leakage_moment(64, 4096, 2.0) == pytest.approx(continuous.leakage(64, 4096, 2.0), 1e-4)
    with pytest.raises(
        ValueError, match=r"The 'order' parameter of continuous.leakage_moment must be 1, 2 or"
    ):
        continuous.leakage_moment(5, 5, 1.0, 4)


def test_gaps_by_sorting() -> None:
    patterns = unit_patterns(5, 30, 7)
    np.testing.assert_allclose((patterns.astype(float) ** 2).sum(axis=1), 1.0, rtol=1e-6)
    products = patterns.astype(float) @ patterns.T.astype(float)
    wanted = [np.diff(np.sort(row)[-2:])[0] for row in products[:9]]
    np.testing.assert_allclose(_gaps(patterns, 9), wanted)
