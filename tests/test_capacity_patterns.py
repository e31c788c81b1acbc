# SPDX-License-Identifier: Apache-2.0
"""Experiments with memories of patterns, small: every verdict is inside and every page is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypersketch import capacity
from hypersketch.capacity.experiments import experiment
from hypersketch.capacity.patterns import random_patterns, turned, wrong_units
from hypersketch.capacity.structures import known_structures

SMALL: dict[str, Any] = {
    "hopfield-error": {"dims": [100, 200], "trials": 20},
    "hopfield-cliff": {"dims": [300, 600], "trials": 6},
    "storage-rules": {"dims": [300], "n": [30, 150], "trials": 5},
    "dense-degree": {"dims": [40], "trials": 20},
    "hopfield-pm": {"dims": [16, 32], "trials": 20},
}


@pytest.mark.parametrize("name", SMALL)
def test_all_verdicts_are_inside(name: str, tmp_path: Path) -> None:
    results = capacity.run(name, seed=11, out=tmp_path, **SMALL[name])
    assert {row.structure for row in results} == {entry.name for entry in known_structures(name)}
    assert any(row.verdict for row in results)
    assert results.outside == []
    assert experiment(name).title in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_networks_are_steeper_the_larger_they_are() -> None:
    """Twice as many units recall no less below the critical load, and less above it."""
    results = capacity.run("hopfield-cliff", dims=[500, 2000], trials=4, seed=2)
    recalled = {
        (row.size["units"], row.setting["load"]): row for row in results if row.quantity == "recalled"
    }
    assert recalled[500, 0.18].low_95 > recalled[2000, 0.18].high_95
    assert recalled[2000, 0.12].high_95 >= recalled[500, 0.12].low_95


def test_random_patterns_have_the_units_asked_for() -> None:
    rng = np.random.default_rng(0)
    for n_units in (1, 63, 64, 65, 128):
        patterns = random_patterns(rng, 50, n_units)
        assert patterns.shape == (50, -(-n_units // 64))
        assert (wrong_units(patterns ^ patterns, patterns * np.uint64(0), n_units) == 0).all()
        other = turned(rng, patterns, n_units, n_units // 2)
        assert (wrong_units(other, patterns, n_units) == n_units // 2).all()
