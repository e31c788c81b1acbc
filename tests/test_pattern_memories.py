# SPDX-License-Identifier: Apache-2.0
"""Memories of patterns: capacities, forms of states, files, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import DenseMemory, HopfieldNetwork, theory
from pattern_makers import made, signs

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
    with pytest.raises(ValueError, match="Pattern 3 of all depends"):
        network.store(-network.patterns[1])
    assert network == before


def test_files_of_impossible_patterns_are_refused(tmp_path: Any) -> None:
    network = HopfieldNetwork(6, "pseudo-inverse")
    network._set(np.array([[5], [5]], np.uint64))
    network.save(tmp_path / "twice.safetensors")
    with pytest.raises(ValueError, match="Pattern 1 of all depends"):
        hypersketch.load(tmp_path / "twice.safetensors")
    mapped = hypersketch.load(tmp_path / "twice.safetensors", mmap=True)
    with pytest.raises(ValueError, match="Pattern 1 of all depends"):
        mapped.retrieve(np.ones(6))
    network = HopfieldNetwork(6)
    network._set(np.array([[64]], np.uint64))
    with pytest.raises(ValueError, match="its patterns set bits beyond n_units"):
        hypersketch.from_bytes(network.to_bytes())


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
        (
            {"update": "async", "order": [0, 1, 1]},
            "'order' parameter of HopfieldNetwork.retrieve must be a permutation",
        ),
        (
            {"order": [0, 1, 2]},
            "'order' parameter of HopfieldNetwork.retrieve must be None with update='sync'",
        ),
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
