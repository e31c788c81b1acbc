# SPDX-License-Identifier: Apache-2.0
"""Plans name the smallest size that reaches an error, and the sizes are those of the public objects."""

from __future__ import annotations

import numpy as np
import pytest

import hypersketch
from hypersketch import theory
from hypersketch.capacity import plan
from hypersketch.capacity.streams import Counts, zipf_counts
from hypersketch.capacity.structures import STRUCTURES, known_structures

TASKS = [
    "membership",
    "intersection",
    "frequency",
    "heavy-hitters",
    "inner-product",
    "pairs",
    "sequence",
    "cleanup",
]


def worst_error(structure: str, size: dict[str, int], n: int) -> float:
    """The larger error rate, straight from the theory."""
    if structure == "bloom":
        return theory.bloom.false_positive_rate(size["n_bits"], size["n_hashes"], n)
    if structure == "bloom-split-block":
        return theory.bloom.split_block_fpr(size["n_bits"] // 256, n)
    if structure == "bloom-cache-line":
        return theory.bloom.cache_line_fpr(size["n_bits"] // 512, size["n_hashes"], n)
    if structure == "counting-bloom":
        return theory.counting_bloom.false_positive_rate(size["n_cells"], size["n_hashes"], n)
    module = {"map-i": theory.map_i, "map-b": theory.map_b, "hopfield": theory.hopfield}[structure]
    dim = size["dim"]
    return max(float(module.false_positive_rate(dim, n)), float(module.false_negative_rate(dim, n)))


@pytest.mark.parametrize("error", [0.1, 1e-2, 1e-3])
def test_membership_sizes_are_the_smallest(error: float) -> None:
    n = 60
    rows = plan("membership", n, error=error)
    assert {row.structure for row in rows} == {entry.name for entry in known_structures("membership")}
    for row in rows:
        entry = STRUCTURES[row.structure]
        assert worst_error(row.structure, dict(row.size), n) == pytest.approx(row.error)
        assert row.error <= error
        smaller = entry.size(row.size[entry.unit] - 1, n)
        if smaller == row.size:  # one block, the least there is
            continue
        assert worst_error(row.structure, dict(smaller), n) > error


def test_bloom_plan_agrees_with_the_optimum() -> None:
    rows = {row.structure: row.size for row in plan("membership", 1000, error=0.01)}
    assert tuple(rows["bloom"].values()) == theory.bloom.optimum(1000, 0.01)
    assert rows["bloom-split-block"]["n_bits"] == 256 * theory.bloom.split_block_size(1000, 0.01)
    assert rows["bloom-cache-line"]["n_bits"] == 512 * theory.bloom.cache_line_size(1000, 0.01)[0]


@pytest.mark.parametrize("task", TASKS)
def test_budget_is_the_reverse_of_error(task: str) -> None:
    for row in plan(task, 21, error=0.05):
        bought = plan(task, 21, budget_bytes=row.bytes, structures=[row.structure])[0]
        assert bought.bytes <= row.bytes
        unit = STRUCTURES[row.structure].unit
        assert bought.size[unit] >= row.size[unit]  # the rest of the last word may be used as well
        assert bought.error <= 0.06


@pytest.mark.parametrize("task", ["membership", "frequency", "heavy-hitters", "inner-product"])
def test_bytes_are_those_of_the_objects(task: str) -> None:
    for row in plan(task, 50, error=0.05):
        assert eval(row.expression, vars(hypersketch)).nbytes == row.bytes


def test_counts_are_planned_by_their_error() -> None:
    rows = {row.structure: row for row in plan("frequency", 300, error=0.02)}
    assert set(rows) == {"count-sketch", "count-min", "counting-bloom", "map-i", "hopfield"}
    counts = Counts.of(zipf_counts(300))
    sizes = {name: row.size for name, row in rows.items()}
    sketch, least = sizes["count-sketch"], sizes["count-min"]
    found = [
        theory.frequency.count_sketch_rmse(sketch["width"], sketch["depth"], *counts),
        theory.frequency.count_min_moments(least["width"], least["depth"], *counts)[1],
    ]
    assert [rows["count-sketch"].error, rows["count-min"].error] == pytest.approx(
        [value / counts.l2 for value in found], rel=0.01
    )
    assert rows["count-sketch"].bytes < rows["map-i"].bytes / 3


def test_heavy_hitters_stand_out_as_planned() -> None:
    n, share = 5000, 0.01
    keys, counts = np.arange(n), zipf_counts(n)
    for row in plan("heavy-hitters", n, error=share):
        sketch = eval(row.expression, vars(hypersketch))
        sketch.add(keys, counts)
        strangers = sketch.estimate(np.arange(n, 2 * n))
        assert (strangers >= share * counts.sum() / 2).sum() <= 5
        found = sketch.estimate(keys) >= 0.75 * share * counts.sum()
        heavy = counts >= 1.25 * share * counts.sum()
        assert np.all(found[heavy])


def test_universe_gives_expected_wrong_answers() -> None:
    row = plan("membership", 1000, universe=10**6, error=1e-3, structures=["bloom"])[0]
    assert row.wrong_answers == pytest.approx(row.error * (10**6 - 1000))
    assert plan("membership", 1000, structures=["bloom"])[0].wrong_answers is None


def test_error_and_budget_together_leave_out_what_is_too_large() -> None:
    made = plan("membership", 1000, error=1e-3, budget_bytes=4096)
    assert [row.structure for row in made] == ["bloom", "bloom-cache-line", "bloom-split-block"]
    assert made.impossible == ["counting-bloom", "map-i", "map-b", "hopfield"]
    assert "out of reach: counting-bloom" in repr(made)


def test_rows_come_best_first() -> None:
    by_bytes = plan("membership", 100, error=0.01)
    by_error = plan("membership", 100, budget_bytes=2000)
    assert [row.bytes for row in by_bytes] == sorted(row.bytes for row in by_bytes)
    assert [row.error for row in by_error] == sorted(row.error for row in by_error)


def test_plan_as_text_and_as_frame() -> None:
    made = plan("cleanup", 15, universe=1000, error=0.01)
    assert "map-b" in repr(made)
    assert "share of stored items that are missed" in repr(made)
    assert made.to_polars()["dim"].to_list() == [row.size["dim"] for row in made]
    assert made[:1] == [made[0]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nonsense", 10), r"Unknown task 'nonsense'. A plan can be made for: membership, intersection"),
        (("membership", 0), r"The 'n' parameter of plan must be an integer in \[1, .*\]. Got 0 instead."),
        (
            ("membership", 10, 5),
            r"The 'universe' parameter of plan must be an integer in \[10, .*Got 5 instead.",
        ),
        (
            ("membership", 10, None, 1.5),
            r"The 'error' parameter of plan must be a float in \(0, 1\). Got 1.5",
        ),
        (
            ("membership", 10, None, None, 0),
            r"The 'budget_bytes' parameter of plan must be an integer in \[1,",
        ),
    ],
)
def test_bad_input(arguments: tuple[object, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        plan(*arguments)  # type: ignore[arg-type]


def test_a_structure_that_cannot_do_the_task() -> None:
    with pytest.raises(
        ValueError, match=r"The structure 'bloom' has no cleanup. Those that have: map-i, map-b, bsc,"
    ):
        plan("cleanup", 10, structures=["bloom"])
    with pytest.raises(
        ValueError, match=r"Unknown structure 'blom'. The known ones are: bloom, bloom-split-block"
    ):
        plan("membership", 10, structures=["blom"])
