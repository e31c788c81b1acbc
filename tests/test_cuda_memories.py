# SPDX-License-Identifier: Apache-2.0
"""Associative memories on a GPU, a real or an emulated one, against the CPU's: integers and bits exactly."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu, require_same_fields
from hypersketch import DenseMemory, HopfieldNetwork, cuda

pytestmark = needs_gpu

DENSE = [(2, False), (3, False), (4, True), (9, False), ("exp", False)]


def signs(shape: tuple[int, ...], seed: int = 0, dtype: Any = np.int8) -> NDArray[Any]:
    drawn: NDArray[Any] = np.random.default_rng(seed).choice([-1, 1], shape).astype(dtype)
    return drawn


def memories(n_units: int) -> list[tuple[Any, Any]]:
    made: list[tuple[Any, Any]] = [(HopfieldNetwork(n_units), HopfieldNetwork(n_units, device="cuda"))]
    for degree, rectified in DENSE:
        pair = (DenseMemory(n_units, degree, rectified=rectified, device=on) for on in ("cpu", "cuda"))  # type: ignore[arg-type]
        made.append(tuple(pair))  # type: ignore[arg-type]
    return made


# ---- networks and dense memories


@pytest.mark.parametrize(("n_units", "n", "asked"), [(1, 1, 1), (63, 5, 3), (65, 33, 17), (130, 70, 9)])
def test_states_fall_as_on_the_cpu(n_units: int, n: int, asked: int) -> None:
    patterns, starts = signs((n, n_units), 1), signs((asked, n_units), 2, np.float32)
    for here, there in memories(n_units):
        here.store(patterns)
        there.store(on_gpu(patterns))
        assert there.device == "cuda:0"
        assert here == there
        expected = here.retrieve(starts, max_sweeps=7)
        require_same_fields(there.retrieve(starts, max_sweeps=7), expected)
        require_same_fields(there.retrieve(on_gpu(starts), max_sweeps=7), expected)
        assert np.array_equal(there.energy(starts), here.energy(starts))


def test_units_fall_one_after_the_other() -> None:
    patterns, starts = signs((9, 20), 1), signs((2, 20), 2)
    for here, there in memories(20):
        here.store(patterns)
        there.store(patterns)
        for how in ({}, {"order": np.arange(20)[::-1]}, {"seed": 5, "max_sweeps": 1}):
            expected = here.retrieve(starts, update="async", **how)
            require_same_fields(there.retrieve(on_gpu(starts), update="async", **how), expected)


def test_circles_of_two_are_told() -> None:
    here, there = (HopfieldNetwork(2, device=on) for on in ("cpu", "cuda"))
    for memory in (here, there):
        memory.store([1, 1])
    require_same_fields(
        there.retrieve(on_gpu(signs((1, 2))), max_sweeps=50), here.retrieve(signs((1, 2)), max_sweeps=50)
    )
    circling = np.array([[1, -1]], np.int8)
    require_same_fields(there.retrieve(on_gpu(circling)), here.retrieve(circling))
    assert bool(np.asarray(there.retrieve(circling).cycles)[0])


@pytest.mark.parametrize(
    "dtype", ["int8", "int32", "int64", "uint8", "bool", "float16", "float32", "float64"]
)
def test_entries_of_every_type(dtype: str) -> None:
    rows = signs((3, 70), 3)
    given = rows > 0 if dtype == "bool" else np.abs(rows) if dtype == "uint8" else rows
    given = given.astype(dtype)
    here, there = HopfieldNetwork(70), HopfieldNetwork(70, device="cuda")
    here.store(given)
    there.store(on_gpu(given))
    assert np.array_equal(here.patterns, there.patterns)
    found = there.retrieve(on_gpu(given[1]))
    assert isinstance(found.states, cuda.DeviceArray)
    assert isinstance(found.steps, cuda.DeviceArray)
    require_same_fields(found, here.retrieve(given[1]))


def test_packed_words_come_and_go() -> None:
    words = hypersketch.MapB(100, seed=1).atoms(range(5))
    here, there = HopfieldNetwork(100), HopfieldNetwork(100, device="cuda")
    here.store(words)
    there.store(on_gpu(words))
    assert here == there
    require_same_fields(there.retrieve(on_gpu(words)), here.retrieve(words))
    as_integers = there.retrieve(on_gpu(words.view(np.int64)))
    assert np.array_equal(np.asarray(as_integers.states).view(np.uint64), here.retrieve(words).states)
    assert np.array_equal(np.asarray(there.retrieve(on_gpu(words)).states), words)  # asked, not changed


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    there = HopfieldNetwork(70, device="cuda")
    there.store(signs((2, 70)))
    before = there.copy()
    bad = signs((4, 70), dtype=np.float32)
    bad[2, 65] = 0.5
    with pytest.raises(ValueError, match=r"Got 0.5 in row 2 at unit 65 instead"):
        there.store(on_gpu(bad))
    with pytest.raises(ValueError, match="one column a unit"):
        there.store(on_gpu(signs((2, 69))))
    with pytest.raises(TypeError, match="-1 and \\+1"):
        there.store(on_gpu(np.zeros((2, 70), np.complex64)))
    with pytest.raises(ValueError, match="beyond dimension 70"):
        there.store(on_gpu(np.full((1, 2), 2**63, np.uint64)))
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.store(on_gpu(signs((2, 70)), 1))
    with pytest.raises(ValueError, match="is on cuda:0, but the structure is on cpu"):
        HopfieldNetwork(70).store(on_gpu(signs((2, 70))))
    assert there == before
    with pytest.raises(ValueError, match="needs a stored pattern"):
        DenseMemory(70, device="cuda").retrieve(on_gpu(signs((1, 70))))


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = DenseMemory(65, 3), DenseMemory(65, 3, device="cuda")
    for memory in (here, there):
        memory.store(signs((3, 65), 4))
    assert repr(there).endswith("device='cuda:0')")
    assert there.copy().device == "cuda:0"
    assert there.to("cpu").device == "cpu"
    assert there.to("cpu") == here
    assert here.to("cuda:1").device == "cuda:1"
    revived = pickle.loads(pickle.dumps(there))
    assert revived.device == "cuda:0"
    assert revived == there
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    for other in (here, there, here.to("cuda:1")):
        both, expected = there.copy(), here.copy()
        both.merge(other)
        expected.merge(here)
        assert both == expected
        assert both.n_patterns == 6
    there.clear()
    assert there.n_patterns == 0
    assert there == DenseMemory(65, 3)


@pytest.mark.parametrize("rule", ["storkey", "pseudo-inverse"])
@pytest.mark.parametrize("update", ["sync", "async"])
def test_rules_with_floats(rule: Any, update: Any) -> None:
    patterns, starts = signs((7, 40), 1), signs((5, 40), 2)
    here, there = (HopfieldNetwork(40, rule, device=on) for on in ("cpu", "cuda"))
    for memory in (here, there):
        memory.store(patterns)
    expected = here.retrieve(starts, update=update)
    for found in (there.retrieve(starts, update=update), there.retrieve(on_gpu(starts), update=update)):
        for name in ("states", "steps", "converged", "cycles"):
            assert np.array_equal(np.asarray(getattr(found, name)), getattr(expected, name))
        assert np.allclose(np.asarray(found.energies), expected.energies, rtol=1e-12)
    with pytest.raises(ValueError, match="independent"):
        HopfieldNetwork(40, "pseudo-inverse", device="cuda").store(on_gpu(np.tile(patterns[:1], (2, 1))))


def test_basins_are_the_same() -> None:
    patterns = signs((3, 50), 6)
    here, there = (HopfieldNetwork(50, device=on) for on in ("cpu", "cuda"))
    for memory in (here, there):
        memory.store(patterns)
    expected = here.basin(patterns[0], [0, 5], n_trials=4)
    assert np.array_equal(there.basin(on_gpu(patterns[0]), [0, 5], n_trials=4).recovered, expected.recovered)
