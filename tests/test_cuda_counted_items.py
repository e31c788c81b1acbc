# SPDX-License-Identifier: Apache-2.0
"""Item memories of sparse codes and of integers on a GPU, a real or an emulated one: as the CPU's."""

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
from hypersketch.vsa import BSDC, CGR, MCR, SparseBlockCodes

pytestmark = needs_gpu

SPACES: dict[str, Any] = {
    "cdt 100": BSDC(100, 3),
    "cdt 64": BSDC(64, 3),
    "cdt 2049": BSDC(2049, 3),
    "s 65": BSDC(65, 3, "s"),
    "seg 101": BSDC(101, 3, "seg"),
    "B-SBC": SparseBlockCodes(40, 3, modulus=4),
    "CGR 1": CGR(1, 3, modulus=2),
    "CGR 33": CGR(33, 3, modulus=5),
    "CGR 64": CGR(64, 3),
    "MCR 31": MCR(31, 3, modulus=7),
    "MCR 32": MCR(32, 3, modulus=300),
    "MCR 1001": MCR(1001, 3),
}
FEW = ["cdt 100", "seg 101", "B-SBC", "CGR 33", "MCR 31"]
CODEBOOKS = ["stored", "procedural"]


def vectors(space: Any, n: int, seed: int = 0) -> Any:
    """Vectors of all sizes, one of zeros alone, and some that are there several times."""
    rng = np.random.default_rng(seed)
    if isinstance(space, BSDC):
        entries = (rng.random((n, space.dim)) < rng.random((n, 1)) / 3).astype(np.int8)
    else:
        entries = rng.integers(0, space.modulus, (n, space.width)).astype(np.uint16)
    entries[3::11] = 0
    entries[5::7] = entries[:1]
    return space.pack(entries) if isinstance(space, BSDC) else entries


def both(space: Any, codebook: Any, n: int = 60) -> tuple[ItemMemory, ItemMemory]:
    host = ItemMemory(space, codebook=codebook)
    host.add(range(n), *([vectors(space, n)] if codebook == "stored" else []))
    return host, host.to("cuda")


def found_alike(found: Any, expected: Any) -> bool:
    return all(same(getattr(found, name), getattr(expected, name)) for name in expected._fields)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("codebook", CODEBOOKS)
def test_searches(name: str, codebook: str) -> None:
    host, there = both(SPACES[name], codebook)
    assert there.device == "cuda:0"
    probes = np.concatenate([vectors(host.space, 30, 1), host.vectors[:8]])
    for some in (probes, probes[:1], probes[4], probes[:0], probes[:9]):
        for k in (1, 2, 59, 60):
            expected = host.search(some, k)
            assert found_alike(there.search(some, k), expected)
            found = there.search(on_gpu(some), k)
            assert isinstance(found.similarities, cuda.DeviceArray)
            assert found_alike(found, expected)


@pytest.mark.parametrize("name", SPACES)
def test_similarities_are_the_definition(name: str) -> None:
    host, there = both(SPACES[name], "stored")
    space, probes = host.space, vectors(host.space, 20, 1)
    if isinstance(space, BSDC):
        a, b = (space.unpack(rows).astype(np.int64) for rows in (probes, host.vectors))
        sizes = np.sqrt(np.multiply.outer(a.sum(axis=1), b.sum(axis=1)).astype(np.float64))
        alike = np.divide(a @ b.T, sizes, out=np.zeros(sizes.shape), where=sizes > 0)
    else:
        apart = np.abs(probes[:, np.newaxis].astype(np.int64) - host.vectors)
        around = np.minimum(apart, space.modulus - apart).sum(axis=2)
        equal = (apart == 0).sum(axis=2) / space.width
        alike = 1 - 4 * around / (space.modulus * space.width) if isinstance(space, MCR) else equal
    order = np.argsort(-alike, axis=1, kind="stable")
    found = there.search(probes, len(host))
    assert np.array_equal(found.indices, order)
    assert np.array_equal(found.similarities, np.take_along_axis(alike, order, axis=1))


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", FEW)
def test_ranges_cleanups_and_thresholds(name: str, codebook: str) -> None:
    host, there = both(SPACES[name], codebook)
    probes = np.concatenate([vectors(host.space, 15, 1), host.vectors[:8]])
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


@pytest.mark.parametrize("name", FEW)
def test_more_items_than_keys_at_once(name: str) -> None:
    """In tests 1,024 keys at once: many items take one probe after the other."""
    host, there = both(SPACES[name], "stored", 1500)
    probes = host.vectors[:20]
    assert found_alike(there.search(on_gpu(probes), 300), host.search(probes, 300))
    assert found_alike(there.range_search(probes, 0.2), host.range_search(probes, 0.2))


@pytest.mark.parametrize("name", FEW)
def test_atoms_in_pieces(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from hypersketch.memories import _gpu_atoms

    host, there = both(SPACES[name], "procedural", 100)
    monkeypatch.setattr(_gpu_atoms, "_ATOM_WORDS", 33 * host.space.nbytes // 8)
    probes = host.vectors[:9]
    for some in (probes, on_gpu(probes)):
        assert found_alike(there.search(some, 40), host.search(probes, 40))
        assert found_alike(there.range_search(some, 0.1), host.range_search(probes, 0.1))


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", FEW)
def test_changes(name: str, codebook: str) -> None:
    host, there = both(SPACES[name], codebook)
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


@pytest.mark.parametrize("codebook", CODEBOOKS)
@pytest.mark.parametrize("name", FEW)
def test_there_and_back(name: str, codebook: str, tmp_path: Path) -> None:
    host, there = both(SPACES[name], codebook)
    assert there.to("cpu") == host == there.copy()
    assert there.to("cuda:1").device == "cuda:1"
    again = pickle.loads(pickle.dumps(there))
    assert again == there
    assert again.device == "cuda:0"
    assert there.to_bytes() == host.to_bytes()
    there.save(tmp_path / "items.safetensors")
    assert hypersketch.load(tmp_path / "items.safetensors") == host
    made = ItemMemory(host.space, codebook=codebook, device="cuda")  # type: ignore[arg-type]
    made.add([1, 2])
    assert made.device == "cuda:0"
    probe = host.space.atoms([2])
    assert same(made.search(on_gpu(probe)).keys, np.array([[2]]))


@pytest.mark.parametrize("name", FEW)
def test_vectors_of_a_gpu_are_added(name: str) -> None:
    space = SPACES[name]
    rows: NDArray[Any] = space.atoms(["x", "y", "z"])
    signed = np.int64 if rows.dtype == np.uint64 else np.int16  # of a library without unsigned integers
    host, there = ItemMemory(space), ItemMemory(space, device="cuda")
    host.add(range(3), rows)
    there.add(range(2), on_gpu(rows[:2]))
    there.add([2], on_gpu(rows[2].view(signed), 1))
    assert there == host
    with pytest.raises(ValueError, match="one vector a key"):
        there.add([7, 8], on_gpu(rows))
    assert there == host
    assert found_alike(there.search(on_gpu(rows.view(signed)), 3), host.search(rows, 3))
    assert same(there.search(space.bundle(["x"])).keys, [[0]])


@pytest.mark.parametrize("name", FEW)
def test_on_streams_of_their_own(name: str) -> None:
    host, there = both(SPACES[name], "stored")
    probes = host.vectors[:9]
    with cuda.stream(1):
        found = there.search(on_gpu(probes), 5)
    with cuda.stream(2):
        near = there.range_search(on_gpu(probes), 0.3)
    assert found_alike(found, host.search(probes, 5))
    assert found_alike(near, host.range_search(probes, 0.3))


@pytest.mark.parametrize(
    ("name", "stray", "words"),
    [
        ("cdt 100", 1 << 63, "probes sets bits beyond dimension 100"),
        ("seg 101", 1 << 63, "probes sets bits beyond dimension 101"),
        ("B-SBC", 4, r"must be vectors of 10 integers in \[0, 4\)"),
        ("CGR 33", 5, r"must be vectors of 33 integers in \[0, 5\)"),
        ("MCR 31", 7, r"must be vectors of 31 integers in \[0, 7\)"),
    ],
)
def test_refusals(name: str, stray: int, words: str) -> None:
    host, there = both(SPACES[name], "stored")
    probes = host.vectors[:2]
    bad = probes.copy()
    bad[1, -1] = stray
    for call in (there.search, there.cleanup, lambda probes: there.range_search(probes, 0.5)):
        with pytest.raises(ValueError, match=words):
            call(on_gpu(bad))
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "is on cuda:0, but the structure is on cpu", lambda: host.search(on_gpu(probes))),
        (ValueError, "is on cuda:1, but the structure", lambda: there.search(on_gpu(probes, 1))),
        (ValueError, r"in \[1, 60\]", lambda: there.search(on_gpu(probes), 61)),
        (ValueError, "has the shape", lambda: there.search(on_gpu(probes[:, :1].copy()))),
        (TypeError, "vectors of", lambda: there.search(on_gpu(probes.astype(np.float32)))),
        (ValueError, "is empty", lambda: ItemMemory(host.space, device="cuda").search(on_gpu(probes))),
    ]
    for error, text, refused in cases:
        with pytest.raises(error, match=text):
            refused()
    assert there == host
