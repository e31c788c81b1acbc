# SPDX-License-Identifier: Apache-2.0
"""Hopfield networks and dense memories: every rule and way against its definition, and what is refused."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

import hypersketch
import reference_recall
from hypersketch import DenseMemory, HopfieldNetwork
from hypersketch.memories import _float_rules, _recall_tables
from pattern_makers import RULES, UPDATES, made, signs


def field_of(rule: str, patterns: Any) -> Any:
    return reference_recall.matrix_field(
        getattr(reference_recall, rule.replace("-", "_"))(patterns)  # hebb, storkey, pseudo_inverse
    )


def same_as_reference(memory: Any, field: Any, starts: Any, update: Any, tie: float = 0.0) -> None:
    for budget in (0, 1, 20):
        found = memory.retrieve(starts, update=update, max_sweeps=budget, seed=3)
        for i, start in enumerate(starts):
            expected = reference_recall.retrieve(field, start, update, budget, 3, tie)
            got = found.states[i], found.steps[i], found.converged[i], found.cycles[i]
            assert (got[0] == expected[0]).all()
            assert got[1:] == expected[1:]


# ---- updates


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("n_units", [1, 2, 7, 20])
def test_hebb_is_its_definition(n_units: int, update: Any) -> None:
    for n in (1, 2, 5, 30):
        patterns = signs(n, n_units)
        same_as_reference(made(n_units, patterns), field_of("hebb", patterns), signs(4, n_units, 1), update)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("rule", ["storkey", "pseudo-inverse"])
def test_float_rules_are_their_definitions(rule: str, update: Any) -> None:
    for n in (1, 3, 6):
        patterns = signs(n, 13, 5)
        same_as_reference(
            made(13, patterns, rule), field_of(rule, patterns), signs(4, 13, 1), update, _float_rules.TIE
        )


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("degree", [2, 3, 4, 7, 40])
@pytest.mark.parametrize("rectified", [False, True])
def test_dense_is_its_definition(degree: int, rectified: bool, update: Any) -> None:
    patterns = signs(6, 15)
    memory = DenseMemory(15, degree, rectified=rectified)
    memory.store(patterns)

    def energy(x: int) -> int:
        return 0 if rectified and x < 0 else x**degree

    field = reference_recall.dense_field(patterns, energy)
    same_as_reference(memory, field, signs(5, 15, 1), update)


@pytest.mark.parametrize("update", UPDATES)
def test_exponential_is_its_definition(update: Any) -> None:
    patterns = signs(40, 12)
    memory = DenseMemory(12, "exp")
    memory.store(patterns)
    same_as_reference(memory, reference_recall.dense_field(patterns, math.exp), signs(5, 12, 1), update, 1e-6)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("n_units", [1, 63, 64, 65, 130])
def test_matrix_and_patterns_agree(n_units: int, update: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in (1, 40, 300):
        patterns, starts = signs(n, n_units), signs(9, n_units, 1)
        for rule in ("hebb", "storkey") if n <= 2 * n_units else ("hebb",):
            found = []
            for formed in (False, True):
                monkeypatch.setattr(HopfieldNetwork, "_by_matrix", lambda *_, formed=formed: formed)
                found.append(made(n_units, patterns, rule).retrieve(starts, update=update, max_sweeps=30))
            thin, full = found
            assert (thin.states == full.states).all()
            assert (thin.steps == full.steps).all()
            assert (thin.converged == full.converged).all()
            assert (thin.cycles == full.cycles).all()
            assert np.allclose(thin.energies, full.energies, rtol=1e-9, atol=1e-9)


def test_w_is_formed_only_when_patterns_are_not_fewer_than_units() -> None:
    for n, update, formed in (
        (99, "async", False),
        (100, "async", True),
        (299, "sync", False),
        (300, "sync", True),
    ):
        network = made(100, signs(n, 100))
        network.retrieve(signs(2, 100, 1), update=update, max_sweeps=3)
        assert ("matrix" in network._kept[1]) == formed


def test_dense_of_degree_2_is_hopfield() -> None:
    patterns, starts = signs(40, 150), signs(20, 150, 1)
    memory = DenseMemory(150, 2)
    memory.store(patterns)
    for update in UPDATES:
        one, other = (made.retrieve(starts, update=update) for made in (memory, made(150, patterns)))
        assert (one.states == other.states).all()
        assert (one.steps == other.steps).all()


def test_weights_beyond_the_adders_are_summed_exactly() -> None:
    """A table of small weights, as integers and as floats, and one that only floats can hold."""
    patterns, starts = signs(50, 200), signs(20, 200, 1)
    for degree in (3, 4, 5):
        memory = DenseMemory(200, degree)
        memory.store(patterns)
        expected = memory.retrieve(starts).states
        memory._table = None
        real = hypersketch._core.RecallTable

        def floats_only(*given: Any, real: Any = real) -> Any:
            return real(*given[:6], None, None, given[8])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_recall_tables._core, "RecallTable", floats_only)
            memory._table = _recall_tables._of_integers(200, lambda x, degree=degree: x**degree)
        assert (memory.retrieve(starts).states == expected).all()


def test_answers_do_not_depend_on_batch_threads_or_level() -> None:
    patterns, starts = signs(30, 201), signs(17, 201, 1)
    levels = hypersketch._core.available_levels()
    now = hypersketch._core.simd_level()
    for memory in (made(201, patterns), DenseMemory(201, 4), DenseMemory(201, "exp")):
        if not memory.n_patterns:
            memory.store(patterns)
        for update in UPDATES:
            whole = memory.retrieve(starts, update=update, threads=1)
            alone = np.stack([memory.retrieve(one, update=update).states for one in starts])
            assert (alone == whole.states).all()
            for level in levels:
                hypersketch._core.set_simd_level(level)
                other = memory.retrieve(starts, update=update, threads=3)
                hypersketch._core.set_simd_level(now)
                assert (other.states == whole.states).all()
                assert (other.energies == whole.energies).all()


def test_threads_may_ask_one_memory_at_once() -> None:
    patterns, starts = signs(30, 300), signs(200, 300, 1)
    network = made(300, patterns)
    expected, found = network.retrieve(starts, update="async").states, []
    workers = [
        threading.Thread(target=lambda: found.append(network.retrieve(starts, update="async").states))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [(states == expected).all() for states in found] == [True] * 4


def test_two_cycles_are_seen() -> None:
    network = made(2, [[1, -1]])
    for threads in (1, 2):
        found = network.retrieve([[1, 1], [1, -1]], threads=threads)
        assert found.cycles.tolist() == [True, False]
        assert found.converged.tolist() == [False, True]
        assert found.steps.tolist() == [2, 1]


def test_a_given_order_is_followed() -> None:
    network = made(3, [[1, 1, 1]])
    start = np.array([1, -1, -1])
    assert network.retrieve(start, update="async", max_sweeps=1, order=[0, 1, 2]).states.tolist() == [
        -1,
        -1,
        -1,
    ]
    start = np.array([1, 1, -1])
    assert network.retrieve(start, update="async", max_sweeps=1, order=[2, 0, 1]).states.tolist() == [1, 1, 1]


# ---- energies


def test_energies_are_their_definitions() -> None:
    patterns, states = signs(7, 50), signs(6, 50, 1)
    for rule in RULES:
        network = made(50, patterns, rule)
        weights = network.weights
        assert (weights == weights.T).all()
        assert not weights.diagonal().any()
        expected = -0.5 * np.einsum("bi,ij,bj->b", states, weights, states)
        assert np.allclose(network.energy(states), expected, atol=1e-9)
    overlaps = states @ patterns.T
    for degree in (2, 3, 6, 60):
        memory = DenseMemory(50, degree)
        memory.store(patterns)
        assert np.allclose(memory.energy(states), -((overlaps / 50.0) ** degree).sum(axis=1), rtol=1e-12)
    memory = DenseMemory(50, "exp")
    memory.store(patterns)
    assert np.allclose(memory.energy(states), -np.log(np.exp(overlaps.astype(float)).sum(axis=1)))


@pytest.mark.parametrize("rule", RULES)
def test_asynchronous_updates_lower_the_energy(rule: str) -> None:
    network = made(100, signs(30, 100), rule)
    states, last = signs(20, 100, 1), np.inf
    for sweep in range(5):
        found = network.retrieve(states, update="async", max_sweeps=1, seed=sweep)
        states = found.states
        assert (found.energies <= last + 1e-9).all()
        last = found.energies


def test_weights_are_those_of_the_rules() -> None:
    patterns = signs(4, 9)
    assert np.allclose(made(9, patterns).weights * 9, reference_recall.hebb(patterns))
    storkey = np.array([[float(w) for w in row] for row in reference_recall.storkey(patterns)])
    assert np.allclose(made(9, patterns, "storkey").weights, storkey)
    assert np.allclose(made(9, patterns, "pseudo-inverse").weights, reference_recall.pseudo_inverse(patterns))


def test_large_exponentials_do_not_overflow() -> None:
    patterns = signs(20, 3000)
    memory = DenseMemory(3000, "exp")
    memory.store(patterns)
    noisy = patterns * np.where(np.arange(3000) < 900, -1, 1)
    found = memory.retrieve(noisy)
    assert (found.states == patterns).all()
    assert np.isfinite(found.energies).all()
    for degree in (30, 64):
        memory = DenseMemory(3000, degree)
        memory.store(patterns)
        found = memory.retrieve(noisy)
        assert (found.states == patterns).all()
        assert np.allclose(found.energies, -1.0)
