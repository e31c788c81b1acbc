# SPDX-License-Identifier: Apache-2.0
"""Sparse distributed memories on a GPU, a real or an emulated one, against the CPU's: exactly."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu, require_same_fields
from hypersketch import MapB, SparseDistributedMemory

pytestmark = needs_gpu

SHAPES: list[dict[str, Any]] = [
    {"address_dim": 1, "n_locations": 1, "radius": 1},
    {"address_dim": 64, "value_dim": 3, "n_locations": 33, "k": 5},
    {"address_dim": 65, "n_locations": 70, "radius": 31},
    {"address_dim": 100, "value_dim": 70, "n_locations": 64, "radius": 49, "limit": 2},
    {"address_dim": 70, "n_locations": 40, "k": 40, "limit": 300, "seed": 3},
    {"address_dim": 70, "n_locations": 31, "radius": 0, "limit": 2**20},
    {"address_dim": 33, "n_locations": 1500, "radius": 11},  # in the emulation not 32 addresses at once
    {"address_dim": 20, "value_dim": 9, "n_locations": 900, "k": 7, "limit": 3},
]


def signs(shape: tuple[int, ...], seed: int = 0, dtype: Any = np.int8) -> NDArray[Any]:
    drawn: NDArray[Any] = np.random.default_rng(seed).choice([-1, 1], shape).astype(dtype)
    return drawn


def both(**shape: Any) -> tuple[SparseDistributedMemory, SparseDistributedMemory]:
    return SparseDistributedMemory(**shape), SparseDistributedMemory(**shape, device="cuda")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 40])
def test_counters_and_answers_are_the_cpus(shape: dict[str, Any], n: int) -> None:
    here, there = both(**shape)
    assert np.array_equal(here.locations, there.locations)
    width = shape.get("value_dim", shape["address_dim"])
    addresses, values = signs((n, shape["address_dim"]), 1), signs((n, width), 2, np.float32)
    weights = np.random.default_rng(3).integers(-3, 5, n)
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.store(put(addresses), put(values))
        memory.store(addresses, values, put(weights))
    assert here == there
    assert here.n_added == there.n_added
    if here.n_added < 1:
        return
    for steps in (1, 7) if width == shape["address_dim"] else (1,):
        expected = here.retrieve(addresses, steps=steps)
        require_same_fields(there.retrieve(addresses, steps=steps), expected)
        require_same_fields(there.retrieve(on_gpu(addresses), steps=steps), expected)
    words = MapB(shape["address_dim"], seed=5).atoms(range(3))
    require_same_fields(there.retrieve(on_gpu(words)), here.retrieve(words))
    assert all(map(np.array_equal, there.active(on_gpu(words)), here.active(words)))


def test_stored_locations_and_removal() -> None:
    locations = MapB(80, seed=9).atoms(range(20))
    here, there = both(address_dim=80, locations=locations, k=3)
    items = MapB(80, seed=2).atoms(range(6))
    for memory in (here, there):
        memory.store(items)
        memory.remove(items[:2])
    assert here == there
    assert there.to("cpu") == here
    assert np.array_equal(there.locations, locations)
    there.clear()
    assert not there.counters.any()
    assert np.array_equal(there.locations, locations)
    other = SparseDistributedMemory(80, locations=locations[::-1], k=3, device="cuda")
    with pytest.raises(ValueError, match="same locations"):
        there.merge(other)


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = both(address_dim=70, n_locations=30, radius=33)
    items = signs((9, 70), 4)
    for memory in (here, there):
        memory.store(items)
    assert "device='cuda:0'" in repr(there)
    assert here.to("cuda:1") == there.copy() == pickle.loads(pickle.dumps(there)) == here
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    expected = here + here
    for other in (here, there, here.to("cuda:1")):
        joined = there.copy()
        joined.merge(other)
        assert joined == expected
        assert joined.n_added == 18
    joined = here.copy()
    joined.merge(there)
    assert joined == expected


def test_counters_do_not_leave_32_bits() -> None:
    here, there = both(address_dim=2, n_locations=1, radius=2)
    row, most = np.ones((1, 2), np.int8), 2**31 - 1
    for memory in (here, there):
        memory.store(row, weights=[most])
        with pytest.raises(OverflowError, match=f"up to {most}, the largest is {most}"):
            memory.store(row)
        memory.store(row, weights=[-5])  # which only a look at the sums can allow
        memory.store(row, weights=[5])
        with pytest.raises(OverflowError, match="Nothing was merged"):
            memory.merge(memory.copy())
        with pytest.raises(OverflowError, match="Nothing was stored"):
            memory.store(np.tile(row, (2, 1)), weights=[most, -most])
    assert here == there
    assert int(there.counters.max()) == most


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    _, there = both(address_dim=70, value_dim=3, n_locations=30, radius=33)
    there.store(on_gpu(signs((2, 70))), on_gpu(signs((2, 3))))
    before = there.copy()
    with pytest.raises(ValueError, match="as many values as addresses"):
        there.store(on_gpu(signs((2, 70))), on_gpu(signs((1, 3))))
    with pytest.raises(ValueError, match="Got 3 in row 0 at unit 1"):
        there.store(on_gpu(signs((1, 70))), on_gpu([[1, 3, 1]]))
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.retrieve(on_gpu(signs((1, 70)), 1))
    with pytest.raises(ValueError, match="'steps'"):
        there.retrieve(on_gpu(signs((1, 70))), steps=2)
    there.store(on_gpu(signs((0, 70))), on_gpu(signs((0, 3))))
    assert there == before
    with pytest.raises(ValueError, match="is empty"):
        SparseDistributedMemory(70, n_locations=3, k=1, device="cuda").retrieve(on_gpu(signs((1, 70))))
