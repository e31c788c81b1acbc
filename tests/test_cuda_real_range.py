# SPDX-License-Identifier: Apache-2.0
"""Range searches among real vectors on a GPU: the CPU's items, and similarities within the error of a sum."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import ItemMemory
from hypersketch._device_reals import RoundedRows
from hypersketch.vsa import FHRR, HRR, MBAT, TVTB, VTB, MapC

pytestmark = needs_gpu

UNIT = 2.0**-53


def rounding(space: Any) -> float:
    """By how much cosines of m numbers differ: sums of m terms, of product and squares, here and there."""
    return float((4 * (space.nbytes // 4) + 16) * UNIT)


def between(similarities: Any, *ranks: int) -> list[float]:
    """Thresholds halfway between similarities that differ by much more than rounding."""
    distinct = np.unique(similarities)
    gaps = [i for i in range(1, distinct.size) if distinct[i] - distinct[i - 1] > 1e-9]
    return [float(distinct[i - 1] + distinct[i]) / 2 for i in (gaps[rank % len(gaps)] for rank in ranks)]


@pytest.mark.parametrize(
    "space",
    [HRR(65), HRR(64, spectral=True), FHRR(33), FHRR(300), MapC(100), VTB(64), MBAT(36), HRR(1), HRR(7)],
    ids=str,
)
def test_memories_answer_as_on_the_cpu(space: Any) -> None:
    host = ItemMemory(space)
    host.add(range(150))
    host.add([f"again {i}" for i in range(50)], host.vectors[:50])  # ties, which stand in their order
    host.add(["nothing"], 0 * host.vectors[:1])
    made = host.to("cuda")
    probes = (host.vectors[:20] + host.vectors[100:120]).astype(space.dtype)
    probes[7] = 0
    everything = host.range_search(probes, -1.0).similarities
    for threshold in (
        *between(everything, 0, 5, -1, everything.size // 3),
        1.5,
        -1.0,
        np.linspace(-1, 1.5, 20),
    ):
        for some, limit in ((probes, threshold), (probes[3], np.max(threshold)), (probes[:0], 0.5)):
            expected = host.range_search(some, limit)
            for asked in (some, on_gpu(some)):
                found = made.range_search(asked, limit)
                assert isinstance(found.similarities, type(asked))
                assert np.array_equal(np.asarray(found.starts), expected.starts)
                ours, theirs = by_item(found), by_item(expected)
                assert np.array_equal(ours[0], theirs[0])
                assert np.abs(ours[1] - theirs[1]).max(initial=0) <= rounding(space)
                ranked(found)


@pytest.mark.parametrize(
    "space",
    [HRR(33), FHRR(33), FHRR(30, 2, phase_only=False), MapC(64), VTB(64), TVTB(25), MBAT(36)],
    ids=str,
)
def test_memories_without_vectors_answer_as_on_the_cpu(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hypersketch.memories._gpu_atoms._ATOM_WORDS", 5 * space.nbytes)  # 40 atoms
    host, made = (ItemMemory(space, codebook="procedural", device=d) for d in ("cpu", "cuda"))
    for memory in (host, made):
        memory.add(range(120))
        memory.add(["a", "b"])
        memory.remove([17])
        memory.remove(["a"])
        memory.add(["c"])
    assert made.device == "cuda:0"
    assert made.nbytes == host.nbytes  # of keys alone
    probes = (space.atoms(range(5)) + space.atoms(range(119, 124))).astype(space.dtype)
    probes[2] = 0
    for k in (1, 60, 121):  # of more atoms than are there at once, and of all of them
        expected = host.search(probes[[0, 1, 3, 4]], k)
        for asked in (probes[[0, 1, 3, 4]], on_gpu(probes[[0, 1, 3, 4]])):
            found = made.search(asked, k)
            assert isinstance(found.similarities, type(asked))
            assert np.array_equal(np.asarray(found.indices), expected.indices)
            assert np.array_equal(found.keys, expected.keys)
            error = np.abs(np.asarray(found.similarities) - expected.similarities)
            assert error.max() <= rounding(space)
    assert np.array_equal(made.search(probes[2], 50).indices, [range(50)])  # 0 for all: ties
    everything = host.range_search(probes, -1.0).similarities
    for threshold in (*between(everything, 0, -1, everything.size // 2), 1.5, np.linspace(-1, 1.5, 5)):
        expected_range = host.range_search(probes, threshold)
        for asked in (probes, on_gpu(probes)):
            within = made.range_search(asked, threshold)
            assert np.array_equal(np.asarray(within.starts), expected_range.starts)
            ours, theirs = by_item(within), by_item(expected_range)
            assert np.array_equal(ours[0], theirs[0])
            assert np.abs(ours[1] - theirs[1]).max(initial=0) <= rounding(space)
            ranked(within)
    for limit in (None, 0.6):
        for some in (probes, probes[3]):
            expected_rows = host.cleanup(some, limit)
            assert np.asarray(made.cleanup(some, limit)).tobytes() == expected_rows.tobytes()
            assert np.asarray(made.cleanup(on_gpu(some), limit)).tobytes() == expected_rows.tobytes()
    assert made.vectors.tobytes() == host.vectors.tobytes()
    assert made.vector(["c"]).tobytes() == host.vector(["c"]).tobytes()


def test_memories_without_vectors_move_and_leave(tmp_path: Any) -> None:
    space = FHRR(40, 3)
    host, made = (ItemMemory(space, codebook="procedural", device=d) for d in ("cpu", "cuda"))
    with pytest.raises(ValueError, match="this ItemMemory is empty"):
        made.search(on_gpu(space.atoms([1])))
    for memory in (host, made):
        memory.add(range(50))
    made.save(tmp_path / "items.safetensors")
    assert hypersketch.load(tmp_path / "items.safetensors") == host
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.to("cpu") == host
    assert made.to("cuda:1").device == "cuda:1"
    again, other = host.to("cuda"), ItemMemory(space, codebook="procedural")
    other.add(range(40, 300))
    for memory in (host, again):
        memory.merge(other)
    assert len(again) == 300
    assert len(made) == 50
    probes = space.atoms([299, 3])
    assert np.array_equal(again.search(probes, 2).indices, host.search(probes, 2).indices)
    assert np.array_equal(
        np.asarray(again.search(on_gpu(probes), 290).indices), host.search(probes, 290).indices
    )
    probes[1, 7] = np.nan
    for asked in (probes, on_gpu(probes)):
        with pytest.raises(ValueError, match="finite numbers of complex64"):
            again.search(asked)
        with pytest.raises(ValueError, match="finite numbers of complex64"):
            again.range_search(asked, 0.5)
    again.clear()
    assert len(again) == 0


def by_item(found: Any) -> tuple[Any, Any]:
    """Items and similarities of each probe, by items: similarities off by rounding may order otherwise."""
    starts, items, alike = (np.asarray(one) for one in (found.starts, found.indices, found.similarities))
    probes = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    order = np.lexsort((items, probes))
    return items[order], alike[order]


def ranked(found: Any) -> None:
    starts, items, alike = (np.asarray(one) for one in (found.starts, found.indices, found.similarities))
    for first, last in itertools.pairwise(starts):
        order = np.lexsort((items[first:last], -alike[first:last]))
        assert np.array_equal(order, np.arange(last - first))


def test_rows_that_rounding_makes_equal() -> None:
    space = HRR(8)
    rows = np.ones((600, 8), np.float32)
    rows[:, 0] += np.float32(1e-5) * np.arange(
        600, dtype=np.float32
    )  # bfloat16 numbers cannot tell them apart
    rows = rows[np.random.default_rng(2).permutation(600)]
    host = ItemMemory(space)
    host.add(range(600), rows)
    made, probe = host.to("cuda"), np.eye(1, 8, dtype=np.float32)
    everything = host.range_search(probe, -1.0).similarities
    for threshold in between(everything, 3, 100, 299, 500):
        expected = host.range_search(probe, threshold)
        assert 0 < expected.indices.size < 600
        assert np.array_equal(made.range_search(probe, threshold).indices, expected.indices)


def test_numbers_of_all_sizes_and_changes() -> None:
    host, made = ItemMemory(HRR(8)), ItemMemory(HRR(8), device="cuda")
    rows = np.random.default_rng(4).standard_normal((60, 8)).astype(np.float32)
    rows[::7] = 0
    rows[1::9] *= np.float32(1e30)
    rows[2::9] *= np.float32(1e-30)
    for memory in (host, made):
        memory.add(range(60), rows)
        memory.remove([3, 30])
        memory.add([5], rows[50:51])
    probes = np.concatenate([rows[:9], -rows[20:24]])
    everything = host.range_search(probes, -1.0).similarities
    for threshold in between(everything, 1, 7, 200):
        expected, found = host.range_search(probes, threshold), made.range_search(probes, threshold)
        assert np.array_equal(found.starts, expected.starts)
        assert np.array_equal(by_item(found)[0], by_item(expected)[0])


def test_inner_products() -> None:
    rng = np.random.default_rng(8)
    rows, queries = (rng.standard_normal((n, 50)).astype(np.float32) for n in (200, 20))
    stored, asked = on_gpu(rows).view(), on_gpu(queries).view()
    inner = queries.astype(np.float64) @ rows.T.astype(np.float64)
    lengths = np.sqrt(np.square(queries.astype(np.float64)).sum(1)).max() * np.sqrt(
        np.square(rows.astype(np.float64)).sum(1).max()
    )
    limits = np.array(between(inner, *range(0, 4000, 200)))
    found = RoundedRows(stored, None, False).within("test", asked, stored, limits)
    expected = np.nonzero(inner >= limits[:, np.newaxis])
    order = np.lexsort((found[1], found[0]))
    assert np.array_equal(found[0][order], expected[0])
    assert np.array_equal(found[1][order], expected[1])
    assert np.abs(found[2][order] - inner[expected]).max() <= 2 * 50 * UNIT * lengths


def test_what_is_refused() -> None:
    made = ItemMemory(HRR(16), device="cuda")
    made.add(range(30))
    probes = made.vectors[:4].copy()
    probes[2, 3] = np.nan
    for some in (probes, on_gpu(probes)):
        with pytest.raises(ValueError, match="finite numbers of float32"):
            made.range_search(some, 0.5)
    with pytest.raises(ValueError, match="finite numbers of float32"):
        RoundedRows(on_gpu(probes[:1]).view(), None, True).within(
            "test", on_gpu(probes).view(), on_gpu(probes[:1]).view(), np.zeros(4)
        )
