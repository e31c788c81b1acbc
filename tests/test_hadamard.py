# SPDX-License-Identifier: Apache-2.0
"""Hadamard matrices: transforms against Sylvester's definition, and codebooks of orthogonal items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import hypersketch
from hypersketch import ItemMemory, vsa
from hypersketch.vsa import hadamard, walsh_hadamard
from reference_items import ItemReference

SPACES = {"MapI": vsa.MapI, "MapB": vsa.MapB, "BSC": vsa.BSC}


def matrix(n: int) -> NDArray[np.int64]:
    """Sylvester's matrix: H, H above H, -H."""
    h = np.ones((1, 1), np.int64)
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h


# ---- transforms


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16, 32, 64, 128, 1024])
def test_transforms_are_products_with_the_matrix(n: int, level: str, threads: int) -> None:
    rng = np.random.default_rng(n)
    for rows in (0, 1, 3, 130):
        whole = rng.integers(-1000, 1001, (rows, n), np.int32)
        expected = whole @ matrix(n)
        assert np.array_equal(walsh_hadamard(whole, threads=threads), expected)
        floats = walsh_hadamard(whole.astype(np.float32), threads=threads)
        assert floats.dtype == np.float32
        assert np.array_equal(floats, expected)  # whole numbers below 2**24
    assert np.array_equal(walsh_hadamard(whole[0]), expected[0])


def test_floats_are_rounded_alike_at_every_level() -> None:
    from hypersketch import _core

    before = _core.simd_level()
    rows = np.random.default_rng(1).normal(size=(3, 2**14)).astype(np.float32)
    results = []
    for name in _core.available_levels():
        _core.set_simd_level(name)
        results.append(walsh_hadamard(rows).tobytes())
    _core.set_simd_level(before)
    assert len(set(results)) == 1
    # Half a unit in the last place of the largest sum on the way, in each of 14 stages.
    again = walsh_hadamard(walsh_hadamard(rows)) / 2**14
    assert np.abs(again - rows).max() <= 2 * 14 * 2.0**-24 * np.abs(rows).sum(axis=1).max()


@given(st.integers(0, 9), st.data())
def test_a_transform_undoes_itself(exponent: int, data: st.DataObject) -> None:
    n = 2**exponent
    row = np.array(data.draw(st.lists(st.integers(-2000, 2000), min_size=n, max_size=n)), np.int32)
    assert np.array_equal(walsh_hadamard(walsh_hadamard(row)), n * row)


def test_packed_rows_are_those_of_the_matrix() -> None:
    for dim in (1, 2, 8, 32, 64, 128, 512):
        rows = vsa.MapI(dim).unpack(hadamard.packed_rows(np.arange(dim), dim))
        assert np.array_equal(rows, matrix(dim))


@pytest.mark.parametrize("dim", [1, 2, 32, 64, 256])
def test_scores_of_packed_vectors_and_sums(dim: int, level: str, threads: int) -> None:
    space, rng = vsa.MapI(dim), np.random.default_rng(dim)
    signs = space.atoms("signs")[0]
    for rows in (0, 1, 5):
        packed = space.atoms(range(rows))
        expected = (space.unpack(packed).astype(np.int64) * space.unpack(signs)) @ matrix(dim)
        assert np.array_equal(hadamard.scores(packed, signs, dim, threads), expected)
        for most in (100, 2**31 - 1):  # whose sums leave int32
            sums = rng.integers(-most, most + 1, (rows, dim), np.int64).astype(np.int32)
            expected = (sums.astype(np.int64) * space.unpack(signs)) @ matrix(dim)
            assert np.array_equal(hadamard.scores(sums, signs, dim, threads), expected)


def test_transforms_refuse() -> None:
    for wrong in ([1, 2], "ab", np.zeros(4), np.zeros(4, np.int64), np.zeros(4, complex)):
        with pytest.raises(TypeError, match=r"vectors of int32 or float32 whose dimension is a power of two"):
            walsh_hadamard(wrong)  # type: ignore[arg-type]
    for shape in ((3,), (0,), (2, 6), (2, 2, 2), ()):
        with pytest.raises(
            ValueError, match=r"vectors of int32 or float32 whose dimension is a power of two"
        ):
            walsh_hadamard(np.zeros(shape, np.int32))
    with pytest.raises(ValueError, match=r"finite numbers"):
        walsh_hadamard(np.array([1.0, np.nan], np.float32))
    with pytest.raises(OverflowError, match=r"A sum of 2 such integers could leave the range of int32"):
        walsh_hadamard(np.array([2**30, 0], np.int32))
    assert walsh_hadamard(np.array([2**30 - 1, 0], np.int32))[0] == 2**30 - 1


# ---- codebooks


@pytest.mark.parametrize("dim", [1, 2, 64, 128])
@pytest.mark.parametrize("name", SPACES)
def test_all_items_are_orthogonal_and_cleaned_up(name: str, dim: int, level: str) -> None:
    space = SPACES[name](dim, 3)
    memory = ItemMemory(space, codebook="hadamard")
    memory.add(range(dim))
    assert np.array_equal(space.similarities(memory.vectors, memory.vectors), np.eye(dim))
    found = memory.search(memory.vectors, k=min(2, dim))
    assert np.array_equal(found.indices[:, 0], np.arange(dim))
    assert (found.similarities[:, 1:] == 0).all()
    assert np.array_equal(memory.cleanup(memory.vectors), memory.vectors)
    assert memory.nbytes == 12 * dim
    with pytest.raises(ValueError, match=rf"has room for {dim} items. Got {dim + 1} instead"):
        memory.add("one more")
    assert len(memory) == dim


@pytest.mark.parametrize("name", SPACES)
def test_a_search_is_that_of_the_same_vectors_stored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import hypersketch.memories._ranking as ranking

    space = SPACES[name](128, 3)
    memory, expected = ItemMemory(space, codebook="hadamard"), ItemReference(space)
    memory.add(range(100))
    memory.remove(range(10, 30))
    memory.add([f"new {i}" for i in range(35)])  # whose rows were others'
    stored = ItemMemory(space)
    stored.add(range(100))
    stored.remove(range(10, 30))
    stored.add([f"new {i}" for i in range(35)])
    stored.add(memory.keys[:80].astype(np.int64), memory.vectors[:80])
    stored.add(memory.keys[80:], memory.vectors[80:])
    expected.add(memory.keys.tolist(), memory.vectors)
    assert np.array_equal(space.similarities(memory.vectors, memory.vectors), np.eye(115))
    probes = space.superpose(memory.vectors[:60], starts=np.arange(0, 61, 3))
    for block in (1 << 20, 300):
        monkeypatch.setattr(ranking, "_BLOCK_SCORES", block)
        for k in (1, 3, 115):
            for mine, theirs in zip(memory.search(probes, k), stored.search(probes, k), strict=True):
                assert np.array_equal(mine, theirs)
        for limit in (-1.0, 0.25, 0.5, 1.5):
            near, other = (one.range_search(probes, limit) for one in (memory, stored))
            for mine, theirs in zip(near, other, strict=True):
                assert np.array_equal(mine, theirs)
    assert memory.search(probes[:1], 5).keys[0].tolist() == [
        key for _, _, key in expected.ranked(probes[0])[:5]
    ]
    assert memory.threshold(0.01) == stored.threshold(0.01)


def test_sums_too_large_for_int32() -> None:
    space = vsa.MapI(1024, 3)
    memory = ItemMemory(space, codebook="hadamard")
    memory.add(range(1000))
    total = space.superpose(memory.vector([5, 77]), weights=[2**30, 2**29])
    found = memory.search(total, 3)
    assert found.keys.tolist() == [[5, 77, 0]]
    assert found.similarities.tolist() == [[2.0**30, 2.0**29, 0.0]]


def test_vectors_depend_on_the_seed() -> None:
    rows = []
    for seed in (0, 1):
        memory = ItemMemory(vsa.MapB(1024, seed), codebook="hadamard")
        memory.add(range(20))
        rows.append(memory.vectors)
    # Each is a sum of 1,024 independent signs over 1,024: five standard deviations, for 400 pairs.
    assert np.abs(vsa.MapB(1024).similarities(*rows)).max() < 5 / 32


def test_files_and_merging(tmp_path: Any) -> None:
    space = vsa.MapB(64)
    made = ItemMemory(space, codebook="hadamard")
    made.add(["a", "b", "c"])
    made.remove("a")
    made.add(["d", "e"])
    made.save(tmp_path / "items.safetensors")
    for again in (
        hypersketch.load(tmp_path / "items.safetensors"),
        hypersketch.load(tmp_path / "items.safetensors", mmap=True).copy(),
    ):
        assert again == made
        again.add("f")
        assert np.array_equal(again.vectors[:4], made.vectors)
        assert (space.similarities(again.vector("f"), made.vectors) == 0).all()
        made_then = made.copy()
        made_then.merge(again)
        assert made_then == again
    other = ItemMemory(space, codebook="hadamard")
    other.add("z")
    before = made.copy()
    with pytest.raises(ValueError, match=r"Different keys of the two memories have the same row"):
        made.merge(other)
    other.clear()
    other.add(["x", "b"])
    other.remove("x")
    made.merge(other)  # b has the same row in both
    assert made == before


def test_codebooks_refuse() -> None:
    for space in (vsa.HRR(64), vsa.CGR(64), vsa.BSDC(64)):
        with pytest.raises(TypeError, match=r"MapI, MapB or BSC of a dimension that is a power of two"):
            ItemMemory(space, codebook="hadamard")
    for dim in (3, 100, 2**27):
        with pytest.raises(ValueError, match=r"MapI, MapB or BSC of a dimension that is a power of two"):
            ItemMemory(vsa.MapB(dim), codebook="hadamard")
    memory = ItemMemory(vsa.MapB(4), codebook="hadamard")
    with pytest.raises(TypeError, match=r"'hypervectors' parameter of ItemMemory.add must be None with"):
        memory.add("a", vsa.MapB(4).atoms("a"))
    memory.add(range(3))
    with pytest.raises(ValueError, match=r"has room for 4 items. Got 5 instead"):
        memory.add(["a", "b"])
    assert memory.keys.tolist() == [0, 1, 2]
