# SPDX-License-Identifier: Apache-2.0
"""Walsh-Hadamard transforms on a GPU, and orthogonal codebooks there: the CPU's bits and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same_bits
from hypersketch import ItemMemory, MapB, cuda
from hypersketch.vsa import BSC, MapI, walsh_hadamard

pytestmark = needs_gpu


def all_same(ours: Any, theirs: Any) -> bool:
    return all(np.array_equal(np.asarray(a), b) for a, b in zip(ours, theirs, strict=True))


# ---- transforms


@pytest.mark.parametrize("bits", range(19))  # beyond 13 in tiles, with 1 to 5 stages between them
def test_transforms(bits: int) -> None:
    rng, n = np.random.default_rng(bits), 1 << bits
    for n_rows in (1, 3) if bits > 9 else (1, 3, 2000 >> bits, (20_000 >> bits) + 1):
        floats = (rng.standard_normal((n_rows, n)) * 10.0 ** rng.integers(-3, 4, (n_rows, n))).astype(
            np.float32
        )
        integers = rng.integers(-1000, 1001, (n_rows, n)).astype(np.int32)
        for rows in (floats, integers, floats[0], integers[:0]):
            given = on_gpu(rows)
            assert same_bits(walsh_hadamard(given), walsh_hadamard(rows))
            assert same_bits(given, rows)  # it stays


def test_a_transform_is_the_product_with_the_matrix() -> None:
    n = 64
    matrix = np.array([[(-1) ** (i & j).bit_count() for j in range(n)] for i in range(n)])
    rows = np.random.default_rng(0).integers(-50, 50, (7, n)).astype(np.int32)
    assert np.array_equal(np.asarray(walsh_hadamard(on_gpu(rows))), rows @ matrix)


def test_what_transforms_refuse() -> None:
    strange = np.ones(64, np.float32)
    strange[5] = np.inf
    large = np.zeros(64, np.int32)
    large[3] = 2**31 // 64
    least = np.full(1, -(2**31), np.int32)
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "int32 or float32", np.ones(8)),
        (ValueError, "power of two", np.ones(12, np.float32)),
        (ValueError, "power of two", np.ones((2, 2, 2), np.float32)),
        (ValueError, "finite", strange),
        (OverflowError, "int32", large),
        (OverflowError, "int32", least),
    ]
    for error, words, rows in cases:
        with pytest.raises(error, match=words):
            walsh_hadamard(on_gpu(rows))
    large[3] -= 1
    assert same_bits(walsh_hadamard(on_gpu(large)), walsh_hadamard(large))


# ---- memories


def memories(space: Any, n: int) -> tuple[ItemMemory, ItemMemory]:
    here, made = (ItemMemory(space, codebook="hadamard", device=d) for d in ("cpu", "cuda"))
    for memory in (here, made):
        memory.add(range(n))
        if n > 8:
            memory.remove([0, 5, n - 1])  # rows are no longer in the order of items
            memory.add(["a"])
    assert made.device == "cuda:0"
    return here, made


@pytest.mark.parametrize(
    ("space", "n"),
    [(MapB(1), 1), (BSC(2, 7), 2), (MapI(8), 7), (MapB(64, 3), 50), (BSC(128), 128), (MapI(256), 200)],
    ids=str,
)
def test_memories_answer_as_on_the_cpu(space: Any, n: int) -> None:
    here, made = memories(space, n)
    rows = [here.vectors[: min(4, n)], space.atoms([3, 77])]  # all others of an item are equally far from it
    if not isinstance(space, MapI):  # whose bundles are no packed vectors
        rows.append(space.superpose(here.vectors[:3])[np.newaxis])
    probes = np.concatenate(rows)
    for some in (probes, probes[1], probes[:0]):
        for k in sorted({1, min(3, len(here)), len(here)}):
            expected = here.search(some, k)
            assert all_same(made.search(some, k), expected)
            found = made.search(on_gpu(some), k)
            assert isinstance(found.indices, cuda.DeviceArray)
            assert isinstance(found.similarities, cuda.DeviceArray)
            assert all_same(found, expected)
    for threshold in (0.9, 0.0, -1.0, np.linspace(-1, 1.5, len(probes))):
        expected = here.range_search(probes, threshold)
        assert all_same(made.range_search(probes, threshold), expected)
        assert all_same(made.range_search(on_gpu(probes), threshold), expected)
    for limit in (None, 0.5):
        expected = here.cleanup(probes, limit)
        assert same_bits(made.cleanup(probes, limit), expected)
        assert same_bits(made.cleanup(on_gpu(probes), limit), expected)
    assert same_bits(made.cleanup(on_gpu(probes[0])), here.cleanup(probes[0]))
    assert same_bits(made.vectors, here.vectors)


@pytest.mark.parametrize("dim", [8192, 16384, 1 << 17])
def test_large_dimensions(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here, made = memories(MapB(dim, 1), 600)
    probes = np.concatenate([here.space.atoms(range(2)), here.vectors[5:8]])
    monkeypatch.setattr("hypersketch.memories._gpu_hadamard._ANSWERS_AT_ONCE", 400)
    for k in (1, 300):
        expected = here.search(probes, k)
        assert all_same(made.search(probes, k), expected)
        assert all_same(made.search(on_gpu(probes), k), expected)
    threshold = 2 / np.sqrt(dim)
    assert all_same(made.range_search(probes, threshold), here.range_search(probes, threshold))
    assert same_bits(made.cleanup(on_gpu(probes)), here.cleanup(probes))


@pytest.mark.parametrize("k", [4096, 4097, 5000])  # beyond 4,096 a block does not sort them
def test_many_neighbours(k: int) -> None:
    here, made = (ItemMemory(MapB(8192, 2), codebook="hadamard", device=d) for d in ("cpu", "cuda"))
    for memory in (here, made):
        memory.add(range(5000))
    probes = np.concatenate([here.space.atoms(range(2)), here.vectors[4998:]])
    expected = here.search(probes, k)
    assert all_same(made.search(probes, k), expected)
    assert all_same(made.search(on_gpu(probes), k), expected)


def test_sums_are_compared_by_the_cpu() -> None:
    here, made = memories(MapI(256), 30)
    bag = here.space.bundle([3, 3, 7])
    assert all_same(made.search(bag, 4), here.search(bag, 4))
    assert all_same(made.range_search(bag, 0.5), here.range_search(bag, 0.5))


def test_memories_are_kept_and_merged(tmp_path: Any) -> None:
    here, made = memories(MapB(256), 50)
    made.save(tmp_path / "items.safetensors")
    assert hypersketch.load(tmp_path / "items.safetensors") == here
    assert made.to("cpu") == here
    assert made.to("cuda:1").device == "cuda:1"
    assert made.copy().device == "cuda:0"
    again = here.to("cuda")
    probes = here.space.atoms(range(3))
    assert all_same(again.search(probes, 9), here.search(probes, 9))
    more = here.copy()
    more.add(range(100, 120))
    for memory in (here, made):
        memory.merge(more)
    assert len(made) == len(more)
    assert all_same(made.search(probes, 60), here.search(probes, 60))
    with pytest.raises(ValueError, match="has room for 256 items"):
        made.add(range(1000, 1256))
    with pytest.raises(ValueError, match="Move one of them"):
        made.search(on_gpu(probes, 1))
    assert len(made) == len(here)
