# SPDX-License-Identifier: Apache-2.0
"""Plans of recall: bit errors as they are simulated, and the cheapest memory that reaches one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import plan
from hypersketch.capacity import plan_recall
from hypersketch.capacity.recall import MEMORIES
from hypersketch.capacity.statistics import rate_interval
from hypersketch.theory import continuous, dense, hopfield_network, recall


def trial(seed: int, dim: int, n: int, flips: float) -> tuple[np.ndarray, np.ndarray]:
    """Patterns and cues of them."""
    rng = np.random.default_rng(seed)
    patterns = rng.choice([-1.0, 1.0], (n, dim))
    order = rng.random((n, dim)).argsort(axis=1)
    return patterns, np.where(order < round(flips * dim), -patterns, patterns)


def hebb(patterns: np.ndarray, cues: np.ndarray) -> np.ndarray:
    return cues @ (patterns.T @ patterns) - len(patterns) * cues


def with_diagonal(patterns: np.ndarray, cues: np.ndarray) -> np.ndarray:
    memory = hypersketch.OuterProductMemory(patterns.shape[1])
    memory.store(patterns, patterns)
    return memory.retrieve(cues).states


def projection(patterns: np.ndarray, cues: np.ndarray) -> np.ndarray:
    return cues @ np.linalg.pinv(patterns) @ patterns


def cubic(patterns: np.ndarray, cues: np.ndarray) -> np.ndarray:
    memory = hypersketch.DenseMemory(patterns.shape[1], 3)
    memory.store(patterns)
    return memory.retrieve(cues, max_sweeps=1).states


def nearest(patterns: np.ndarray, cues: np.ndarray) -> np.ndarray:
    return patterns[(cues @ patterns.T).argmax(axis=1)]


@pytest.mark.parametrize(
    ("update", "predicted", "dim", "n", "flips", "slack"),
    [
        (hebb, lambda d, n, q: hopfield_network.bit_error(d, n, round(q * d)), 200, 40, 0.1, 0.0),
        (hebb, lambda d, n, q: hopfield_network.bit_error(d, n, round(q * d)), 200, 60, 0.2, 0.0),
        (
            with_diagonal,
            lambda d, n, q: hopfield_network.bit_error(d, n, round(q * d), diagonal=True),
            200,
            60,
            0.2,
            0.0,
        ),
        # Projected noise of a bit goes with the bit itself: second order in n / d.
        (projection, lambda *a: recall.pseudo_inverse(*a), 200, 60, 0.2, 0.15),
        (cubic, lambda d, n, q: dense.bit_error(d, n, 3, n_flipped=round(q * d)), 30, 150, 0.1, 0.0),
        (nearest, lambda *a: recall.nearest(*a), 40, 150, 0.25, 0.1),
    ],
)
def test_bit_errors_are_those_of_simulation(
    update: Any, predicted: Any, dim: int, n: int, flips: float, slack: float
) -> None:
    wrong = []
    for seed in range(40):
        patterns, cues = trial(seed, dim, n, flips)
        fields = update(patterns, cues)  # a bit whose field is zero stays
        wrong.append(int((np.where(fields == 0, cues, fields) * patterns < 0).sum()))
    low, high = rate_interval(wrong, n * dim, 1e-4)
    assert low * (1 - slack) <= predicted(dim, n, flips) <= high * (1 + slack)


def test_a_planned_sparse_distributed_memory_expects_the_same_error() -> None:
    (row,) = plan_recall(60, 200, error=0.02, noise=0.1, memories=["sparse-distributed"])
    memory = eval(row.expression, vars(hypersketch))
    wrong = []
    for seed in range(12):
        patterns, cues = trial(seed, 200, 60, 0.1)
        memory.clear()
        memory.store(patterns)
        wrong.append(int((memory.retrieve(cues).states != patterns).sum()))
    assert memory.expected_error(distance=20) == row.error <= 0.02
    low, high = rate_interval(wrong, 60 * 200, 1e-4)
    # Locations near both of two addresses are not chosen independently, as theory has them.
    assert low * 0.85 <= row.error <= high * 1.15


def test_the_softmax_is_as_steep_as_it_must_be() -> None:
    d, n, m = 256, 10_000, 0.8
    beta = continuous.beta_for(n, d, 0.01, m)
    assert continuous.leakage(n, d, beta, m) == pytest.approx(0.01)
    assert beta == pytest.approx(d * (m - math.sqrt(m * m - 2 * math.log(99 * n) / d)), rel=0.05)
    assert continuous.beta_for(n, 16, 0.01, m) == math.inf


def test_a_plan_names_the_cheapest_that_reaches_the_error() -> None:
    rows = plan_recall(100, 1000, error=0.01, noise=0.1)
    assert [row.bytes for row in rows] == sorted(row.bytes for row in rows)
    assert all(row.error <= 0.01 for row in rows)
    found = {row.structure: row for row in rows}
    assert found["hopfield"].size["rule"] == "hebb"
    assert found["hopfield"].error == hopfield_network.bit_error(1000, 100, 100)
    assert found["dense"].size["degree"] == 2 or found["dense"].bytes == found["nearest"].bytes - 800
    sparse = found["sparse-distributed"]
    assert sparse.error <= 0.01
    assert sparse.error > 0.0099
    strict = {row.structure: row for row in plan_recall(100, 1000, error=1e-4, noise=0.1)}
    assert strict["hopfield"].size["rule"] == "pseudo-inverse"
    assert strict["outer-product"].size["rule"] == "ridge"


@pytest.mark.parametrize("name", sorted(MEMORIES))
def test_bytes_are_those_of_the_objects(name: str) -> None:
    patterns, _ = trial(0, 100, 50, 0.0)
    active = 7 if name == "willshaw" else None
    for row in plan_recall(50, 100, error=0.2, active=active, memories=[name]):
        made = eval(row.expression, vars(hypersketch))
        if name == "nearest":
            made.add(range(50))
        elif name == "outer-product":
            made.store(patterns, patterns)
        elif name not in ("willshaw", "sparse-distributed"):  # which are as large when they are empty
            made.store(patterns.astype(np.float32 if name == "continuous" else np.int8))
        assert made.nbytes == row.bytes


def test_budgets_and_sparse_patterns() -> None:
    made = plan_recall(1000, 512, budget_bytes=100_000)
    assert {row.structure for row in made} == {"dense", "nearest", "hopfield"}
    assert [row.error for row in made] == sorted(row.error for row in made)
    sparse = plan_recall(2000, 1024, error=1e-3, active=10, noise=0.2)
    assert [row.structure for row in sparse] == ["willshaw", "nearest"]
    assert set(sparse.impossible) == set(MEMORIES) - {"willshaw", "nearest"}
    assert plan("recall", 1000, dim=512, noise=0.1, structures=["dense"])[0].structure == "dense"


def test_the_command_prints_the_plan() -> None:
    pytest.importorskip("typer")
    from cli_tools import call

    result = call("plan", "recall", "--n", "1e4", "--dim", "256", "--noise", "0.1", "--error", "1e-3")
    assert result.exit_code == 0, result.output
    for part in ("10,000 patterns of 256 bits", "dense", "continuous", "out of reach: hopfield"):
        assert part in result.output
    assert "'dim' parameter of plan must be given" in call("plan", "recall", "--n", "10").stderr


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: plan("recall", 100), "'dim' parameter of plan must be given for the task 'recall'"),
        (
            lambda: plan("membership", 100, dim=5),
            "'dim' parameter of plan must be given for the task 'recall' alone",
        ),
        (lambda: plan("membership", 100, noise=0.1), "'noise' parameter of plan must be given for the task"),
        (
            lambda: plan("recall", 9, universe=9, dim=5),
            "'universe' parameter of plan must be None for the task",
        ),
        (lambda: plan_recall(0, 10), "'n' parameter of plan_recall must be an integer"),
        (lambda: plan_recall(10, 10, noise=0.5), r"'noise' .* a float in \[0, 0.5\). Got 0.5"),
        (lambda: plan_recall(10, 10, error=1.0), r"'error' .* a float in \(0, 1\)"),
        (lambda: plan_recall(10, 10, active=11), r"'active' .* an integer in \[1, 10\]"),
        (
            lambda: plan_recall(10, 10, memories=["lstm"]),
            "Unknown memory 'lstm'. The known ones are: nearest",
        ),
        (
            lambda: recall.nearest(10, 10, 0.5),
            r"'flips' parameter of recall.nearest must be a float in \[0, 0.5\)",
        ),
        (
            lambda: dense.bit_error(10, 10, n_flipped=11),
            "'n_flipped' parameter of dense.bit_error must be at most n_units",
        ),
    ],
)
def test_bad_arguments_are_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
