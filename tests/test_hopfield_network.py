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
from hypersketch import DenseMemory, HopfieldNetwork, theory
from hypersketch.memories import _float_rules, _recall_tables

RULES = ("hebb", "storkey", "pseudo-inverse")
UPDATES = ("sync", "async")


def signs(n: int, n_units: int, seed: int = 0) -> Any:
    return np.random.default_rng([n, n_units, seed]).choice(np.array([-1, 1]), (n, n_units))


def made(n_units: int, patterns: Any, rule: Any = "hebb") -> HopfieldNetwork:
    network = HopfieldNetwork(n_units, rule)
    network.store(patterns)
    return network


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


# ---- capacity


def test_first_update_errs_as_often_as_theory_says() -> None:
    """The mean over patterns is inside five standard deviations, computed over independent networks."""
    for n_units, n, rule in ((200, 40, "hebb"), (400, 200, "storkey")):
        rates = []
        for seed in range(12):
            patterns = signs(n, n_units, seed)
            found = made(n_units, patterns, rule).retrieve(patterns, max_sweeps=1)
            rates.append((found.states != patterns).mean())
        expected = made(n_units, patterns, rule).expected_error()
        assert abs(np.mean(rates) - expected) < 5 * np.std(rates, ddof=1) / math.sqrt(len(rates))


def test_pseudo_inverse_keeps_every_pattern() -> None:
    for n in (1, 50, 99):
        patterns = signs(n, 100)
        network = made(100, patterns, "pseudo-inverse")
        assert network.retrieve(patterns).converged.all()
        assert network.expected_error() == 0.0
        assert (network.retrieve(patterns).states == patterns).all()
    assert network.capacity() == 100


def test_capacity_is_where_the_error_is_reached() -> None:
    network = HopfieldNetwork(500)
    n = int(network.capacity(0.01))
    assert theory.hopfield_network.bit_error(500, n) <= 0.01 < theory.hopfield_network.bit_error(500, n + 1)
    memory = DenseMemory(50, 3)
    n = int(memory.capacity(0.01))
    assert theory.dense.bit_error(50, n) <= 0.01 < theory.dense.bit_error(50, n + 1)
    assert DenseMemory(40, "exp").capacity(1e-6) > 2**18
    assert network.expected_error() == DenseMemory(9).expected_error() == 0.0


def test_basins_shrink_with_distance() -> None:
    patterns = signs(5, 200)
    distances, recovered = made(200, patterns).basin(patterns[2], n_trials=20)
    assert distances[0] == 0
    assert distances[-1] == 100
    assert recovered[0] == 1.0
    assert recovered[5] > 0.9
    assert recovered[-1] < 0.5


# ---- forms, files, merging


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64, np.bool_])
def test_states_come_back_in_their_form(dtype: Any) -> None:
    patterns = signs(3, 70)
    given = patterns > 0 if dtype is np.bool_ else patterns.astype(dtype)
    network = made(70, given)
    assert (network.patterns == patterns).all()
    found = network.retrieve(given).states
    assert found.dtype == dtype
    assert (found == given).all()
    assert network.retrieve(given[0]).states.shape == (70,)


def test_packed_vectors_of_a_space_are_patterns() -> None:
    space = hypersketch.MapB(100)
    atoms = space.atoms(range(4))
    network = made(100, atoms)
    assert (network.patterns == space.unpack(atoms)).all()
    before = atoms.copy()
    assert (network.retrieve(atoms).states == atoms).all()
    assert (atoms == before).all()


@pytest.mark.parametrize("make", [lambda: HopfieldNetwork(70, "storkey", seed=5), lambda: DenseMemory(70, 4)])
def test_files_copies_and_maps(make: Any, tmp_path: Any) -> None:
    memory, starts = make(), signs(5, 70, 1)
    for n in (0, 3):
        memory.store(signs(n, 70))
        memory.save(tmp_path / "memory.safetensors")
        mapped = hypersketch.load(tmp_path / "memory.safetensors", mmap=True)
        for other in (hypersketch.load(tmp_path / "memory.safetensors"), memory.copy(), mapped):
            assert other == memory
            assert repr(other) == repr(memory)
            assert len(other) == n
            if n:
                assert (other.retrieve(starts).states == memory.retrieve(starts).states).all()
        with pytest.raises(ValueError, match="read-only"):
            (mapped if n else hypersketch.load(tmp_path / "memory.safetensors", mmap=True)).store(
                signs(1, 70)
            )
        mapped.copy().store(signs(1, 70))


def test_merging_adds_patterns() -> None:
    patterns = signs(9, 30)
    one, other = made(30, patterns[:4]), made(30, patterns[4:])
    assert one + other == made(30, patterns)
    assert one.n_patterns == 4
    one += other
    assert one == made(30, patterns)
    one.clear()
    assert one == HopfieldNetwork(30)
    assert len(one) == 0
    with pytest.raises(ValueError, match="'rule' parameter of both HopfieldNetwork objects must be equal"):
        one.merge(HopfieldNetwork(30, "storkey"))
    with pytest.raises(TypeError, match="can only merge with another HopfieldNetwork"):
        one.merge(DenseMemory(30))  # type: ignore[type-var]


# ---- what is refused


@pytest.mark.parametrize(
    ("patterns", "error", "sentence"),
    [
        ([[1, -1, 1], [1, 0, 1]], ValueError, r"must hold only -1 and \+1\. Got 0 in row 1 at unit 1"),
        ([1.0, np.nan, 1.0], ValueError, "Got nan in row 0 at unit 1"),
        ([1, 1], ValueError, r"patterns has the shape \(2,\) but HopfieldNetwork.store needs \(3,\)"),
        (np.ones((1, 1, 3)), ValueError, "patterns has the shape"),
        (["a", "b", "c"], TypeError, "must be an array of -1 and"),
        ([[1, 1, 1], [1]], TypeError, "rows of equal length|shape|array of -1"),
        (np.array([8], np.uint64), ValueError, "sets bits beyond dimension 3"),
        (np.array([1, 1], np.uint64), ValueError, "patterns has the shape"),
    ],
)
def test_what_is_no_pattern_is_refused(patterns: Any, error: Any, sentence: str) -> None:
    network = made(3, [1, 1, -1])
    with pytest.raises((error, ValueError), match=sentence):
        network.store(patterns)
    assert network == made(3, [1, 1, -1])


def test_pseudo_inverse_refuses_what_it_cannot_fix() -> None:
    network = made(6, signs(3, 6, 2), "pseudo-inverse")
    before = network.copy()
    with pytest.raises(ValueError, match=r"takes at most 6\. Got 7"):
        network.store(signs(4, 6))
    with pytest.raises(ValueError, match=r"Pattern 3 of all \(row 0 of these\) depends"):
        network.store(-network.patterns[1])
    assert network == before


def test_calls_that_make_no_sense_are_refused() -> None:
    network = HopfieldNetwork(3)
    with pytest.raises(ValueError, match=r"HopfieldNetwork.retrieve needs a stored pattern"):
        network.retrieve([1, 1, 1])
    with pytest.raises(ValueError, match=r"DenseMemory.energy needs a stored pattern"):
        DenseMemory(3).energy([1, 1, 1])
    network.store([1, 1, 1])
    for options, sentence in (
        ({"update": "both"}, "'update' parameter of HopfieldNetwork.retrieve must be one of"),
        ({"max_sweeps": -1}, "'max_sweeps' parameter"),
        ({"order": [0, 1, 1]}, "'order' parameter of HopfieldNetwork.retrieve must be a permutation"),
        ({"seed": -1}, "'seed' parameter"),
        ({"threads": 0}, "'threads' parameter"),
    ):
        with pytest.raises(ValueError, match=sentence):
            network.retrieve([1, 1, 1], **options)
    for bad in (0.0, 0.5, 1):
        with pytest.raises(
            ValueError, match=r"'error' parameter of HopfieldNetwork.capacity must be a float"
        ):
            network.capacity(bad)
    with pytest.raises(ValueError, match=r"'pattern' parameter of HopfieldNetwork.basin must be a single"):
        network.basin([[1, 1, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match=r"'distances' parameter .* integers in \[0, 3\]"):
        network.basin([1, 1, 1], [4])


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: HopfieldNetwork(0), ValueError, "'n_units' parameter of HopfieldNetwork"),
        (lambda: HopfieldNetwork(3, "oja"), ValueError, "'rule' parameter .* one of 'hebb', 'storkey'"),
        (lambda: DenseMemory(3, 1), ValueError, r"'degree' parameter of DenseMemory"),
        (lambda: DenseMemory(3, 2.5), TypeError, "'degree' parameter"),
        (lambda: DenseMemory(3, "tanh"), ValueError, "'degree' parameter .* 'exp' or an integer"),
        (lambda: DenseMemory(3, "exp", rectified=True), ValueError, "'rectified' parameter"),
    ],
)
def test_constructors_refuse(make: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_no_states_are_no_answers() -> None:
    network = made(3, [1, 1, 1])
    found = network.retrieve(np.zeros((0, 3), np.int8))
    assert len(found) == 0
    assert found.states.shape == (0, 3)
    assert found.energies.shape == (0,)
