# SPDX-License-Identifier: Apache-2.0
"""Range searches of packed vectors on a GPU, and memories that make their vectors: the CPU's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import ItemMemory, MapB, cuda
from hypersketch.vsa import BSC, HRR, MapI, within

pytestmark = needs_gpu


def equal(ours: Any, theirs: Any) -> bool:
    pairs = zip(ours, theirs, strict=True)
    return all(np.array_equal(np.asarray(a), b) and np.asarray(a).dtype == b.dtype for a, b in pairs)


def some(n: int, dim: int, seed: int = 0) -> Any:
    return MapB(dim, seed=seed).atoms(np.arange(n))


@pytest.mark.parametrize("n_queries", [0, 1, 7, 8, 9, 17])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (33, 64), (40, 65), (5, 2100)])
def test_rows_within(n_queries: int, n: int, dim: int) -> None:
    rows, queries = some(n, dim), some(n_queries, dim, 1)
    queries[::2] = rows[np.arange(len(queries[::2])) % n]
    for radius in (0, dim // 2, dim):
        expected = within(queries, rows, dim, radius)
        assert equal(within(queries, on_gpu(rows), dim, radius), expected)
        found = within(on_gpu(queries), on_gpu(rows), dim, radius)
        assert all(isinstance(one, cuda.DeviceArray) for one in found)
        assert equal(found, expected)


def test_bits_beyond_the_dimension_do_not_count_there() -> None:
    rows = some(20, 70)
    stray = rows | np.uint64(1) << np.uint64(63)
    stray[:, 0] = rows[:, 0]
    assert equal(within(rows[:3], on_gpu(stray), 70, 30), within(rows[:3], rows, 70, 30))


def test_what_within_refuses() -> None:
    rows = some(5, 64)
    with pytest.raises(ValueError, match="'rows' parameter of within must be on the GPU"):
        within(on_gpu(rows), rows, 64, 3)
    with pytest.raises(TypeError, match="packed vectors of 64-bit words"):
        within(rows, on_gpu(rows.astype(np.float64)), 64, 3)
    with pytest.raises(ValueError, match="'radius' parameter of within"):
        within(rows, on_gpu(rows), 64, 65)
    with pytest.raises(ValueError, match="must be on one GPU"):
        within(cuda.DeviceArray.of(rows, 1), on_gpu(rows), 64, 3)


@pytest.mark.parametrize("codebook", ["stored", "procedural"])
@pytest.mark.parametrize("space", [MapB(130, seed=3), BSC(64), MapI(100)], ids=str)
def test_memories_answer_as_on_the_cpu(space: Any, codebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hypersketch.memories._gpu_atoms._ATOM_WORDS", 40)
    here, made = (ItemMemory(space, codebook=codebook, device=d) for d in ("cpu", "cuda"))
    for memory in (here, made):
        memory.add(range(30))
        memory.add(["a", "b"])
    assert made.device == "cuda:0"
    probes = np.concatenate([space.atoms([3, 77]), space.atoms(["b"])])
    for threshold in (0.9, 0.1, np.array([1.5, -1.0, 0.1])):
        expected = here.range_search(probes, threshold)
        assert equal(made.range_search(probes, threshold), expected)
        found = made.range_search(on_gpu(probes), threshold)
        assert isinstance(found.similarities, cuda.DeviceArray)
        assert equal(found, expected)
    for k in (1, 5, 32):
        assert equal(made.search(probes, k), here.search(probes, k))
        assert equal(made.search(on_gpu(probes), k), here.search(probes, k))
    for limit in (None, 0.5):
        assert np.array_equal(np.asarray(made.cleanup(on_gpu(probes), limit)), here.cleanup(probes, limit))
        assert np.array_equal(made.cleanup(probes, limit), here.cleanup(probes, limit))
    for memory in (here, made):
        memory.remove([4])
        memory.remove(["a"])
    assert equal(made.search(probes, 30), here.search(probes, 30))
    assert made.to("cpu") == here
    assert equal(here.to("cuda").range_search(probes, 0.1), here.range_search(probes, 0.1))


def test_memories_without_vectors_are_kept(tmp_path: Any) -> None:
    memory = ItemMemory(MapB(200), codebook="procedural", device="cuda")
    memory.add(range(50))
    memory.save(tmp_path / "items.safetensors")
    again = hypersketch.load(tmp_path / "items.safetensors")
    assert again == memory.to("cpu")
    other = ItemMemory(MapB(200), codebook="procedural")
    other.add(range(40, 60))
    memory.merge(other.to("cuda"))
    assert len(memory) == 60
    assert memory.search(memory.space.atoms(59)).keys.tolist() == [[59]]


def test_what_has_no_kernels_says_so() -> None:
    with pytest.raises(ValueError, match="HRR with spectral=True and codebook='procedural' has no"):
        ItemMemory(HRR(64, spectral=True), codebook="procedural", device="cuda")
    memory = ItemMemory(HRR(64, spectral=True), codebook="procedural")
    memory.add(range(3))
    with pytest.raises(ValueError, match="as its atoms are Fourier transforms of numbers that are drawn"):
        memory.to("cuda")
