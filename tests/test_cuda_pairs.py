# SPDX-License-Identifier: Apache-2.0
"""Outer-product memories on a GPU, a real or an emulated one, against the CPU's, up to rounding."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
import rounding
from gpu_tools import needs_gpu, on_gpu
from hypersketch import ItemMemory, OuterProductMemory, cuda
from hypersketch.vsa import HRR

pytestmark = needs_gpu

RULES = ("hebb", "delta", "ridge")


def normal(*shape: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape) / np.sqrt(shape[-1])


def both(*dims: int, **options: Any) -> tuple[OuterProductMemory, OuterProductMemory]:
    return OuterProductMemory(*dims, **options), OuterProductMemory(*dims, **options, device="cuda")


def apart(found: Any, expected: Any) -> NDArray[np.float64]:
    """Return by how much numbers of one dtype differ."""
    ours, theirs = np.asarray(found), np.asarray(expected)
    assert ours.dtype == theirs.dtype
    return np.abs(ours.astype(float) - theirs)


def require_near(here: OuterProductMemory, there: OuterProductMemory, calls: list[rounding.Stored]) -> float:
    """Require two memories of the same pairs to differ by rounding alone; return by how much, for answers."""
    states = apart(there.state, here.state).reshape(-1, here.key_dim)
    if here.rule == "delta":
        limit, _ = rounding.delta(calls, here.state.dtype)
        assert rounding.length(states) <= limit
        return limit
    if here.rule == "hebb":
        limits = rounding.hebbian(calls, here.state.dtype)
        assert (states <= limits).all()
        return rounding.length(limits)
    both_sides = [call._replace(values=np.hstack([call.keys, call.values])) for call in calls]
    limits = rounding.hebbian(both_sides, here.state.dtype)
    assert (states <= limits).all()
    products = np.asarray(here.state, float).reshape(-1, here.key_dim)
    inner, mixed = products[: here.key_dim], products[here.key_dim :]
    penalty = here._values["ridge"]
    return rounding.solved(inner, mixed, penalty, limits, here.matrix.dtype)[0]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("key_dim", "value_dim", "n"), [(1, 1, 1), (16, 5, 9), (70, 65, 40)])
def test_matrices_and_answers(rule: str, dtype: str, key_dim: int, value_dim: int, n: int) -> None:
    here, there = both(key_dim, value_dim, rule=rule, dtype=dtype)
    keys, values, weights = normal(n, key_dim, seed=1), normal(n, value_dim, seed=2), np.linspace(0.1, 1.5, n)
    gates = np.where(np.arange(n) % 3 == 1, 0.7, 1.0)
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.store(put(keys), put(values), put(weights))
        memory.store(keys.astype(np.float32), values, gates=put(gates), chunk=4)
    assert there.device == "cuda:0"
    assert there.n_added == here.n_added
    kind, strength = here.state.dtype, np.full(n, here._values["strength"] or 1.0)
    made, single = (part.astype(kind).astype(float) for part in (keys, keys.astype(np.float32)))
    rounded = values.astype(kind).astype(float)
    calls = [rounding.Stored(made, rounded, weights, np.ones(n), 32 if rule == "delta" else n)]
    limit = require_near(here, there, [*calls, rounding.Stored(single, rounded, strength, gates, 4)])
    asked = normal(3, key_dim, seed=3)
    expected = here.retrieve(asked)
    limits = rounding.answered(np.asarray(here.matrix, float), limit, asked, expected.states.dtype)
    for found in (there.retrieve(asked), there.retrieve(on_gpu(asked))):
        assert (np.linalg.norm(apart(found.states, expected.states), axis=1) <= limits).all()
        assert np.array_equal(np.asarray(found.steps), expected.steps)
        assert np.asarray(found.converged).all()
    assert isinstance(there.retrieve(on_gpu(asked)).states, cuda.DeviceArray)
    assert there.matrix.shape == here.matrix.shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_recalled(dtype: str) -> None:
    here, there = both(64, 32, dtype=dtype)
    keys, values = normal(10, 64, seed=1), normal(10, 32, seed=2)
    for memory in (here, there):
        memory.store(keys, values)
    kind = here.state.dtype
    call = rounding.Stored(keys.astype(kind), values.astype(kind), np.ones(10), np.ones(10), 10)
    matrix = np.asarray(here.matrix, float)
    answers = rounding.answered(matrix, require_near(here, there, [call]), call.keys, kind)
    # An inner product with a value errs by the answer's error, and by that of its own sum.
    own = 2 * 32 * rounding.unit(kind) * np.linalg.norm(call.keys @ matrix.T, axis=1)
    limits = rounding.SECOND * (answers + own)[:, np.newaxis] * np.linalg.norm(values, axis=1).max()
    for k in (1, 3):
        expected = here.recall(keys, values, k)
        for asked, book in ((keys, values), (on_gpu(keys), on_gpu(values)), (on_gpu(keys), values)):
            found = there.recall(asked, book, k)
            assert np.array_equal(np.asarray(found.indices), expected.indices)
            assert (apart(found.similarities, expected.similarities) <= limits).all()
    assert isinstance(there.recall(on_gpu(keys), values).indices, cuda.DeviceArray)
    space = HRR(32)
    names = ItemMemory(space)
    names.add(range(5))
    for book in (names, names.to("cuda")):
        for asked in (keys, on_gpu(keys)):
            assert np.array_equal(there.recall(asked, book).keys, here.recall(keys, names).keys)


def test_long_sums_are_the_same_in_every_batch() -> None:
    _, there = both(1100, 3)
    there.store(normal(4, 1100, seed=1), normal(4, 3, seed=2))
    asked = normal(150, 1100, seed=3)
    whole = there.retrieve(asked).states
    assert np.array_equal(there.retrieve(asked[7]).states[0], whole[7])


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = both(8, 3)
    there.store(normal(5, 8, seed=1), normal(5, 3, seed=2))
    here = there.to("cpu")
    assert here.copy() == there.copy() == pickle.loads(pickle.dumps(there)) == here.to("cuda:1")
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    expected = here + here
    for mine, other in ((there, here), (there, there), (here, there), (there, here.to("cuda:1"))):
        assert mine + other == expected
    there.remove(normal(5, 8, seed=1), normal(5, 3, seed=2))
    pairs = rounding.Stored(normal(5, 8, seed=1), normal(5, 3, seed=2), np.ones(5), np.ones(5), 5)
    left = np.abs(np.asarray(there.state)).reshape(3, 8)
    assert (left <= rounding.hebbian([pairs, pairs], np.float32)).all()
    there.clear()
    assert there == OuterProductMemory(8, 3)


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    here, there = both(8, 3)
    keys, values = normal(5, 8), normal(5, 3)
    there.store(keys, values)
    before = there.copy()
    bad = keys.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"finite in float32\. Got nan in row 3"):
        there.store(on_gpu(bad), values)
    bad[3, 2] = 1e300
    with pytest.raises(ValueError, match=r"finite in float32\. Got inf in row 3"):
        there.store(on_gpu(bad), values)
    with pytest.raises(ValueError, match="real vectors of 8 dimensions"):
        there.retrieve(on_gpu(values))
    with pytest.raises(ValueError, match="as many values as keys"):
        there.store(on_gpu(keys), on_gpu(values[:2]))
    with pytest.raises(OverflowError, match="nothing was stored"):
        there.store(keys * 1e30, values * 1e30)
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.store(on_gpu(keys, 1), values)
    with pytest.raises(ValueError, match="is on cuda:0, but the structure is on cpu"):
        here.store(on_gpu(keys), values)
    there.store(on_gpu(keys[:0]), on_gpu(values[:0]))
    assert there == before
    with pytest.raises(ValueError, match="is empty"):
        both(8, 3)[1].retrieve(on_gpu(keys))
