# SPDX-License-Identifier: Apache-2.0
"""Item memories of ternary vectors on a GPU, a real or an emulated one, against the CPU's: exactly."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same
from hypersketch import ItemMemory, cuda
from hypersketch.vsa import MapB, MapT

pytestmark = needs_gpu

DIMS = [1, 63, 64, 65, 200, 2049]


def ternary(space: MapT, n: int, seed: int = 0) -> Any:
    """Vectors with zeros, one of zeros alone, and some that are there several times."""
    entries = np.random.default_rng(seed).integers(-1, 2, (n, space.dim))
    entries[3::11] = 0
    entries[5::7] = entries[:1]
    return space.pack(entries)


def both(dim: int, codebook: Any, n: int = 60) -> tuple[ItemMemory, ItemMemory]:
    host = ItemMemory(MapT(dim, seed=3), codebook=codebook)
    if codebook == "stored":
        host.add(range(n), ternary(host.space, n))
    else:
        host.add(range(n))
    return host, host.to("cuda")


def found_alike(found: Any, expected: Any) -> bool:
    return all(same(getattr(found, name), getattr(expected, name)) for name in expected._fields)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("codebook", ["stored", "procedural"])
def test_searches(dim: int, codebook: str) -> None:
    host, there = both(dim, codebook)
    assert there.device == "cuda:0"
    probes = np.concatenate([ternary(host.space, 30, 1), host.vectors[:8]])
    for some in (probes, probes[:1], probes[4], probes[:0], probes[:9]):
        for k in (1, 2, 7, 59, 60):
            expected = host.search(some, k)
            assert found_alike(there.search(some, k), expected)
            found = there.search(on_gpu(some), k)
            assert isinstance(found.similarities, cuda.DeviceArray)
            assert found_alike(found, expected)


def test_cosines_are_the_definition() -> None:
    host, there = both(70, "stored")
    probes = ternary(host.space, 20, 1)
    a, b = (host.space.unpack(rows).astype(np.int64) for rows in (probes, host.vectors))
    sizes = np.sqrt(np.multiply.outer((a != 0).sum(axis=1), (b != 0).sum(axis=1)).astype(np.float64))
    cosines = np.divide(a @ b.T, sizes, out=np.zeros(sizes.shape), where=sizes > 0)
    order = np.argsort(-cosines, axis=1, kind="stable")
    found = there.search(probes, len(host))
    assert np.array_equal(found.indices, order)
    assert np.array_equal(found.similarities, np.take_along_axis(cosines, order, axis=1))


@pytest.mark.parametrize("codebook", ["stored", "procedural"])
@pytest.mark.parametrize("dim", [1, 65, 200])
def test_ranges_cleanups_and_thresholds(dim: int, codebook: str) -> None:
    host, there = both(dim, codebook)
    probes = np.concatenate([ternary(host.space, 15, 1), host.vectors[:8]])
    each = np.linspace(-1.0, 1.1, len(probes))
    for limit in (-1.0, 0.0, 0.1, 0.5, 1.0, 1.5, each):
        expected = host.range_search(probes, limit)
        assert found_alike(there.range_search(probes, limit), expected)
        found = there.range_search(on_gpu(probes), limit)
        assert isinstance(found.indices, cuda.DeviceArray)
        assert found_alike(found, expected)
        assert same(there.cleanup(on_gpu(probes), limit), host.cleanup(probes, limit))
        assert same(there.cleanup(probes, limit), host.cleanup(probes, limit))
    assert same(there.cleanup(on_gpu(probes[2])), host.cleanup(probes[2]))
    assert there.threshold(0.01) == host.threshold(0.01)
    assert same(there.threshold(0.01, on_gpu(probes)), host.threshold(0.01, probes))
    none = host.range_search(probes[:0], 0.5)
    assert found_alike(there.range_search(on_gpu(probes[:0]), 0.5), none)


def test_more_items_than_keys_at_once() -> None:
    """In tests 1,024 keys at once: many items take one probe after the other."""
    host, there = both(65, "stored", 1500)
    probes = host.vectors[:20]
    assert found_alike(there.search(on_gpu(probes), 300), host.search(probes, 300))
    assert found_alike(there.range_search(probes, 0.2), host.range_search(probes, 0.2))


def test_atoms_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypersketch.memories import _gpu_atoms

    host, there = both(65, "procedural", 100)
    monkeypatch.setattr(_gpu_atoms, "_ATOM_WORDS", 4 * 33)
    probes = host.vectors[:9]
    for some in (probes, on_gpu(probes)):
        assert found_alike(there.search(some, 40), host.search(probes, 40))
        assert found_alike(there.range_search(some, 0.1), host.range_search(probes, 0.1))


@pytest.mark.parametrize("codebook", ["stored", "procedural"])
def test_changes(codebook: str) -> None:
    host, there = both(65, codebook)
    before = there.copy()
    more = ItemMemory(host.space, codebook=codebook)  # type: ignore[arg-type]
    more.add([77, 88])
    for memory in (host, there):
        memory.remove([3, 17])
        memory.add(["x", "y"])
        if codebook == "stored":
            memory.add([5, 99], host.space.atoms(["x", "y"]))
        memory.merge(more)
    assert there == host
    assert before != host
    probes = host.vectors[::5]
    assert found_alike(there.search(on_gpu(probes), 9), host.search(probes, 9))
    assert np.array_equal(there.vectors, host.vectors)
    with pytest.raises(KeyError):
        there.remove(["nobody"])
    assert there == host
    there.clear()
    assert len(there) == 0


@pytest.mark.parametrize("codebook", ["stored", "procedural"])
def test_there_and_back(codebook: str, tmp_path: Path) -> None:
    host, there = both(65, codebook)
    assert there.to("cpu") == host == there.copy()
    assert there.to("cuda:1").device == "cuda:1"
    again = pickle.loads(pickle.dumps(there))
    assert again == there
    assert again.device == "cuda:0"
    assert there.to_bytes() == host.to_bytes()
    there.save(tmp_path / "items.safetensors")
    assert hypersketch.load(tmp_path / "items.safetensors") == host
    made = ItemMemory(MapT(65, seed=3), codebook=codebook, device="cuda")  # type: ignore[arg-type]
    made.add([1, 2])
    assert made.device == "cuda:0"
    probe = host.space.atoms([2])
    assert same(made.search(on_gpu(probe)).keys, np.array([[2]]))


@pytest.mark.parametrize("space", [MapT(65, seed=3), MapB(65, seed=3)])
def test_vectors_of_a_gpu_are_added(space: Any) -> None:
    rows = space.atoms(["x", "y", "z"])
    host, there = ItemMemory(space), ItemMemory(space, device="cuda")
    host.add(range(3), rows)
    there.add(range(2), on_gpu(rows[:2]))
    there.add([2], on_gpu(rows[2].view(np.int64), 1))  # words of a library without uint64, on another GPU
    assert there == host
    with pytest.raises(ValueError, match="one vector a key"):
        there.add([7, 8], on_gpu(rows))
    assert there == host
    bag = space.bundle(["x"])
    assert same(there.search(bag).keys, [[0]])


def test_on_streams_of_their_own() -> None:
    host, there = both(200, "stored")
    probes = host.vectors[:9]
    with cuda.stream(1):
        found = there.search(on_gpu(probes), 5)
    with cuda.stream(2):
        near = there.range_search(on_gpu(probes), 0.3)
    assert found_alike(found, host.search(probes, 5))
    assert found_alike(near, host.range_search(probes, 0.3))


def stray(space: MapT, plane: int) -> NDArray[np.uint64]:
    """A vector with a bit that should not be set: beyond the dimension, or in both planes."""
    row: NDArray[np.uint64] = space.atoms([1])
    if plane == 2:
        row[0, 0] |= np.uint64(1)
        row[0, 2] |= np.uint64(1)
    else:
        row[0, 2 * plane + 1] |= np.uint64(1) << np.uint64(20)
    return row


def test_refusals() -> None:
    host, there = both(70, "stored")
    for plane in (0, 1, 2):
        for call in (there.search, there.cleanup, lambda probes: there.range_search(probes, 0.5)):
            with pytest.raises(ValueError, match="no bit beyond them and no entry both"):
                call(on_gpu(stray(host.space, plane)))
    probes = host.vectors[:2]
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "is on cuda:0, but the structure is on cpu", lambda: host.search(on_gpu(probes))),
        (ValueError, "is on cuda:1, but the structure", lambda: there.search(on_gpu(probes, 1))),
        (ValueError, r"in \[1, 60\]", lambda: there.search(on_gpu(probes), 61)),
        (ValueError, "has the shape", lambda: there.search(on_gpu(probes[:, :3]))),
        (TypeError, "packed vectors of uint64", lambda: there.search(on_gpu(probes.astype(np.float32)))),
        (ValueError, "is empty", lambda: ItemMemory(MapT(70), device="cuda").search(on_gpu(probes))),
    ]
    for error, words, refused in cases:
        with pytest.raises(error, match=words):
            refused()
    assert there == host
