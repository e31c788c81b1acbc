# SPDX-License-Identifier: Apache-2.0
"""Operational capacities: where falling curves pass a rate, how they grow, and who measures them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hypersketch import capacity
from hypersketch.capacity import resonator_page
from hypersketch.capacity.experiments import Request, experiment
from hypersketch.capacity.experiments.resonator import reference, series_of
from hypersketch.capacity.operational import Curve, _falling, capacity_of, growth


def test_rates_that_rise_are_pooled() -> None:
    given = np.array([[0.9, 1.0, 0.5, 0.6], [1.0, 0.9, 0.9, 0.2], [0.6, 0.2, 0.3, 0.4], [0.4, 0.6, 0.2, 0.3]])
    pooled = [[1.0, 1.0, 0.55, 0.55], [1.0, 0.9, 0.9, 0.2], [0.6, 0.3, 0.3, 0.3], [0.6, 0.6, 0.25, 0.25]]
    assert np.allclose(_falling(given), pooled)


def test_the_crossing_lies_between_its_points() -> None:
    curve = Curve((100.0, 1000.0, 10_000.0), (500, 498, 450), 500)  # rates 1, .996, .9
    found = capacity_of(curve, 0.99)
    assert found.value == pytest.approx(1000 * 10 ** (0.006 / 0.096))
    assert found.low < found.value < found.high
    assert capacity_of(curve, 0.99) == found


def test_a_curve_that_rises_first_is_read_where_it_falls() -> None:
    curve = Curve((10.0, 100.0, 1000.0, 10_000.0), (300, 500, 500, 400), 500)
    found = capacity_of(curve, 0.99)
    assert found.value == pytest.approx(1000 * 10**0.05)
    assert 800 < found.low < found.value < found.high < 2000


@pytest.mark.parametrize("solved", [(400, 400, 399), (100, 90, 10)])
def test_what_lies_outside_the_sizes_has_no_value(solved: tuple[int, ...]) -> None:
    found = capacity_of(Curve((10.0, 20.0, 40.0), solved, 400), 0.99)
    assert all(math.isnan(one) for one in found)


def test_intervals_cover_the_truth() -> None:
    """A curve whose crossing is known, measured 200 times: the interval holds it nearly always."""
    rng, sizes = np.random.default_rng(1), np.exp(np.arange(8) * 0.35)
    rates = 1 - 0.5 / (1 + np.exp(4 * (1.8 - np.log(sizes))))
    truth = np.interp(0.01, 1 - rates, np.log(sizes))
    inside = 0
    for seed in range(200):  # the bootstrap has 1,000 replicates each
        counts = tuple(rng.binomial(400, rates).tolist())
        found = capacity_of(Curve(tuple(sizes.tolist()), counts, 400), 0.99, seed)
        inside += math.isnan(found.low) or found.low <= math.exp(truth) <= found.high
    assert inside >= 170


def test_growth_needs_three_capacities() -> None:
    def curve(dim: int) -> Curve:
        return Curve((dim**2 / 4, dim**2 * 1.0, dim**2 * 4.0), (1000, 997, 700), 1000)

    dims = [100, 200, 400, 800]
    slope = growth(dims, [curve(dim) for dim in dims], 0.99)
    assert slope is not None
    assert slope.value == pytest.approx(2.0)
    assert slope.low < 2.0 < slope.high
    assert slope.n == 4
    outside = Curve((1.0, 2.0), (1000, 1000), 1000)
    assert growth(dims, [curve(100), curve(200), outside, outside], 0.99) is None


def test_the_experiment_from_end_to_end(tmp_path: Path) -> None:
    small = {"n": [3], "dims": [64, 96, 128], "trials": 12, "seed": 3}
    results = capacity.run("resonator", out=tmp_path / "report", **small)
    assert results.all_inside
    assert capacity.run("resonator", jobs=2, **small).to_jsonl() == results.to_jsonl()
    rows = {(r.setting["network"], r.n, r.size["dim"], r.setting["codebook"], r.quantity): r for r in results}
    for (network, n, dim, m, quantity), row in rows.items():
        if quantity == "solved":
            others = [rows[network, n, dim, m, name].measured for name in ("wrong", "cycle", "unconverged")]
            assert row.measured + sum(others) == pytest.approx(1.0)
            assert rows[network, n, dim, m, "solved early"].measured <= row.measured
    assert len(series_of(results)) == 2 * 3 * 2
    lines = resonator_page.capacity_lines(results)
    assert all(len(line) == len(resonator_page.HEAD) for line in lines)
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "1,000 sweeps" in page
    assert "Kent" in page
    assert sorted(path.name for path in (tmp_path / "report" / "figures").iterdir()) == [
        f"{name}.{ending}" for name in ("capacity", "outcomes", "solved") for ending in ("png", "svg")
    ]
    again = capacity.run("resonator", out=tmp_path / "report", resume=True, **small)
    assert again.to_jsonl() == results.to_jsonl()


def test_noise_and_threshold_raise_the_capacity() -> None:
    results = capacity.run("resonator", n=[3], dims=[128], trials=60)
    found = {
        one.network: capacity_of(one.curve, 0.9).value
        for one in series_of(results)
        if one.quantity == "solved"
    }
    assert found["noise + threshold"] > 2 * found["plain"]


def test_the_default_grid_and_refused_factors() -> None:
    cells = experiment("resonator").cells(Request())
    assert {cell.n for cell in cells} == {2, 3, 4}
    assert all(cell.setting["budget"] == 1000 for cell in cells)
    with pytest.raises(ValueError, match="number of factors"):
        experiment("resonator").cells(Request(n=[1]))
    with pytest.raises(ValueError, match="'bloom' has no resonator"):
        experiment("resonator").cells(Request(structures=["bloom"]))


def test_the_reference_is_the_published_fit() -> None:
    assert reference(1, 3) == pytest.approx(2.006, abs=1e-3)
    assert reference(1, 4) == pytest.approx(1.393, abs=1e-3)
    assert reference(10, 2) == pytest.approx(29.3)
