# SPDX-License-Identifier: Apache-2.0
"""Search on a GPU, a real or an emulated one, against the CPU's: bit for bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
from gpu_tools import needs_gpu, on_gpu
from hypersketch import ItemMemory, MapB, MapI, _device, cuda
from hypersketch._device_reals import RoundedRows
from hypersketch.vsa import BSC, FHRR, HRR, MBAT, VTB, MapC, nearest

pytestmark = needs_gpu

PATHS = ("best", "popcount", "few", "many")


class Interface:
    """Some rows of an array, offered by the CUDA array interface alone."""

    def __init__(self, whole: NDArray[Any], step: int = 1, dtype: Any = None) -> None:
        self.memory = on_gpu(whole)
        given = dict(self.memory.__cuda_array_interface__)
        n, width = whole.shape
        strides = (step * whole.strides[0], whole.strides[1])
        self.given = given | {"shape": (-(-n // step), width), "strides": strides}
        if dtype is not None:
            self.given["typestr"] = np.dtype(dtype).str

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.given


class Tensor:
    """An array that offers DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.array = on_gpu(array)

    def __dlpack__(self, stream: int | None = None) -> object:
        return self.array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


def test_queries_that_no_buffer_holds_are_refused() -> None:
    most = _device.module().most_staged_bytes()
    n = most // 8 + 1
    rows = on_gpu(np.zeros((n, 1), np.uint64)).view()
    queries, keys = np.zeros((1, 1), np.uint64), np.zeros((1, n), np.uint64)
    with pytest.raises(ValueError, match=f"must fit into a buffer of {most} bytes"):
        _device.module().hamming_top_k_of_host(queries, rows.span(), n, 1, 64, n, keys, 1)


def noisy(rows: NDArray[np.uint64], dim: int, seed: int) -> NDArray[np.uint64]:
    """Flip a third of the bits."""
    words = np.random.default_rng(seed).integers(0, 2**64, (3, *rows.shape), dtype=np.uint64)
    flips = (words[0] & words[1]) | (words[0] & words[2] & ~words[1] & (words[1] >> np.uint64(1)))
    if dim % 64:
        flips[:, -1] &= np.uint64((1 << dim % 64) - 1)
    return rows ^ flips


def same(found: Any, expected: Any) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert np.asarray(ours).dtype == theirs.dtype
        assert np.array_equal(np.asarray(ours), theirs)


# ---- nearest


@pytest.mark.parametrize(
    ("n_queries", "n", "dim", "k"),
    [
        (1, 1, 1, 1),
        (1, 300, 64, 300),
        (3, 15, 65, 4),
        (4, 257, 1000, 10),
        (16, 100, 127, 7),
        (17, 129, 192, 3),
        (70, 130, 320, 2),
        (0, 9, 100, 3),
    ],
)
def test_every_size(n_queries: int, n: int, dim: int, k: int) -> None:
    space = MapB(dim, seed=3)
    rows = space.atoms(np.arange(n) // 2)  # every one twice: ties by index
    queries = noisy(space.atoms(np.arange(n_queries)), dim, 1)
    expected = nearest(queries, rows, dim, k)
    there = on_gpu(rows)
    same(nearest(queries, there, dim, k), expected)
    answer = nearest(on_gpu(queries), there, dim, k)
    assert isinstance(answer[0], cuda.DeviceArray)
    same(answer, expected)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dim", [100, 1024])
def test_every_kernel(path: str, dim: int) -> None:
    space = MapB(dim)
    rows = on_gpu(space.atoms(range(290))).view()
    queries = noisy(space.atoms(range(19)), dim, 2)
    from hypersketch import _device_search as search

    seen = search.rows_of("test", "rows", rows)
    asked = search.rows_of("test", "queries", on_gpu(queries).view())
    found = search.hamming("test", asked, seen, dim, 12, alike=False, path=path)
    same([one.finished() for one in found], nearest(queries, np.asarray(rows.owner), dim, 12))


def test_arrays_of_others() -> None:
    rows, queries = MapB(200).atoms(range(90)), MapB(200).atoms(range(5, 12))
    expected = nearest(queries, rows, 200, 3)
    same(nearest(Tensor(queries), Interface(rows), 200, 3), expected)
    same(nearest(Interface(queries, dtype=np.int64), Tensor(rows.view(np.int64)), 200, 3), expected)
    same(nearest(queries, Interface(np.repeat(rows, 2, axis=0), step=2), 200, 3), expected)
    same(nearest(on_gpu(queries[0]), on_gpu(rows), 200, 3), nearest(queries[0], rows, 200, 3))


def test_streams() -> None:
    rows, queries = MapB(200).atoms(range(90)), MapB(200).atoms(range(5))
    there = on_gpu(rows)
    with cuda.stream(2):  # that of the thread
        answer = nearest(on_gpu(queries), there, 200, 2)
    same(answer, nearest(queries, rows, 200, 2))


def test_bits_beyond_the_dimension_do_not_count_there() -> None:
    rows = MapB(70).atoms(range(50))
    dirty = rows.copy()
    dirty[:, -1] |= np.uint64(2**63)
    same(nearest(on_gpu(dirty[:4]), on_gpu(rows), 70, 5), nearest(rows[:4], rows, 70, 5))
    same(nearest(on_gpu(rows[:9]), on_gpu(dirty), 70, 5), nearest(rows[:9], rows, 70, 5))


def test_what_nearest_refuses() -> None:
    rows = MapB(100).atoms(range(9))
    there = on_gpu(rows)
    with pytest.raises(ValueError, match="'rows' parameter of nearest must be on the GPU"):
        nearest(there, rows, 100, 1)
    with pytest.raises(ValueError, match=r"must be on one GPU\. Got cuda:1 and cuda:0"):
        nearest(on_gpu(rows, 1), there, 100, 1)
    with pytest.raises(ValueError, match=r"in \[1, 9\].*Got 10"):
        nearest(rows, there, 100, 10)
    with pytest.raises(ValueError, match="for 9 queries and 0 rows"):
        nearest(rows, on_gpu(rows[:0]), 100, 1)
    with pytest.raises(TypeError, match="packed vectors of 64-bit words"):
        nearest(on_gpu(rows.view(np.float64)), there, 100, 1)
    with pytest.raises(ValueError, match="has the shape"):
        nearest(rows, on_gpu(rows[:, :1]), 100, 1)
    turned = Interface(rows)
    turned.given["strides"] = (8, 72)
    with pytest.raises(ValueError, match="side by side"):
        nearest(rows, turned, 100, 1)


# ---- item memories


@pytest.fixture
def both() -> tuple[ItemMemory, ItemMemory]:
    space = MapB(500)
    host, there = ItemMemory(space), ItemMemory(space, device="cuda")
    for memory in (host, there):
        memory.add(range(40))
        memory.add([f"word {i}" for i in range(300)])  # which need more room
    return host, there


def test_searches(both: tuple[ItemMemory, ItemMemory]) -> None:
    host, there = both
    probes = noisy(host.vectors[::30], 500, 5)
    for some in (probes, probes[0], probes[:0]):
        same(there.search(some, 3), host.search(some, 3))
        found = there.search(on_gpu(some), 3)
        assert isinstance(found.indices, cuda.DeviceArray)
        same(found, host.search(some, 3))
    same(there.range_search(probes, 0.2), host.range_search(probes, 0.2))
    same(there.range_search(Tensor(probes), 0.2), host.range_search(probes, 0.2))
    assert there.threshold(0.01) == host.threshold(0.01)
    assert np.array_equal(np.asarray(there.threshold(0.01, on_gpu(probes))), host.threshold(0.01, probes))


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_cleanup(both: tuple[ItemMemory, ItemMemory], threshold: float | None) -> None:
    host, there = both
    probes = noisy(host.vectors[::30], 500, 6)
    for some in (probes, probes[3]):
        expected = host.cleanup(some, threshold)
        assert np.array_equal(there.cleanup(some, threshold), expected)
        cleaned = there.cleanup(on_gpu(some), threshold)
        assert isinstance(cleaned, cuda.DeviceArray)
        assert np.array_equal(np.asarray(cleaned), expected)


def test_sums_are_compared_by_the_cpu() -> None:
    host = ItemMemory(MapI(300))
    host.add(range(30))
    bag = host.space.bundle([3, 3, 7])
    same(host.to("cuda").search(bag, 2), host.search(bag, 2))


# ---- real spaces


@pytest.mark.parametrize(
    "space",
    [HRR(65), HRR(64, spectral=True), FHRR(33), MapC(100), VTB(64), MBAT(36)],
    ids=lambda space: type(space).__name__,
)
def test_real_spaces(space: Any) -> None:
    host = ItemMemory(space)
    host.add(range(150))
    host.add([f"again {i}" for i in range(50)], host.vectors[:50])  # ties, which stand in their order
    there = host.to("cuda")
    probes = (host.vectors[:40] + host.vectors[100:140]).astype(space.dtype)
    for some in (probes, probes[7], probes[:0]):
        for asked in (some, on_gpu(some)):
            expected, found = host.search(some, 4), there.search(asked, 4)
            assert isinstance(found.similarities, type(asked))
            assert np.array_equal(np.asarray(found.indices), expected.indices)
            assert np.array_equal(found.keys, expected.keys)
            assert np.abs(np.asarray(found.similarities) - expected.similarities).max(initial=0) < 1e-14
    for some in (probes, on_gpu(probes)):
        assert np.array_equal(np.asarray(there.cleanup(some, 0.4)), host.cleanup(probes, 0.4))
    assert there.to("cpu") == host


def test_real_spaces_after_changes() -> None:
    host, there = ItemMemory(HRR(32)), ItemMemory(HRR(32), device="cuda")
    rng = np.random.default_rng(3)
    probes = rng.standard_normal((3, 32)).astype(np.float32)
    for step in range(3):
        for memory in (host, there):
            memory.add(range(40 * step, 40 * step + 60))
            memory.remove([10 * step + 1])
            memory.add([7], probes[step])
        assert np.array_equal(there.search(probes, 5).indices, host.search(probes, 5).indices)


def test_more_neighbours_than_the_kernels_find() -> None:
    host = ItemMemory(HRR(16))
    host.add(range(300))
    same(host.to("cuda").search(on_gpu(host.vectors[:3]), 290), host.search(host.vectors[:3], 290))
    same(host.to("cuda").search(host.vectors[:3], 290), host.search(host.vectors[:3], 290))


def test_zeros_and_numbers_of_all_sizes() -> None:
    host = ItemMemory(HRR(8))
    rows = np.random.default_rng(4).standard_normal((60, 8)).astype(np.float32)
    rows[::7] = 0
    rows[1::9] *= np.float32(1e30)
    rows[2::9] *= np.float32(1e-30)
    host.add(range(60), rows)
    probes = np.concatenate([rows[:9], -rows[20:24]])
    for some in (probes, on_gpu(probes)):
        assert np.array_equal(
            np.asarray(host.to("cuda").search(some, 9).indices), host.search(probes, 9).indices
        )


@pytest.mark.parametrize("path", ["few", "many"])
def test_inner_products(path: str) -> None:
    rng = np.random.default_rng(8)
    rows, queries = (rng.standard_normal((n, 50)).astype(np.float32) for n in (200, 20))
    there, asked = on_gpu(rows).view(), on_gpu(queries).view()
    found = RoundedRows(there, None, False).search("test", asked, there, 7, path)
    inner = queries.astype(np.float64) @ rows.T.astype(np.float64)
    best = np.argsort(-inner, kind="stable")[:, :7]
    indices, similarities = (np.asarray(one.finished()) for one in found)
    assert np.array_equal(indices, best)
    assert np.abs(similarities - np.take_along_axis(inner, best, axis=1)).max() < 1e-12


def test_what_real_spaces_refuse() -> None:
    there = ItemMemory(HRR(16), device="cuda")
    there.add(range(30))
    probes = there.vectors[:4].copy()
    probes[2, 3] = np.nan
    for some in (probes, on_gpu(probes)):
        with pytest.raises(ValueError, match="finite numbers of float32"):
            there.search(some)
    with pytest.raises(ValueError, match=r"finite in float32\. Got nan in row 2"):
        there.search(on_gpu(probes.astype(np.float64)))
    with pytest.raises(ValueError, match="has the shape"):
        there.search(on_gpu(probes[:, :5]))
    with pytest.raises(TypeError, match="vectors of float32 with 16 numbers"):
        there.search(on_gpu(probes.astype(np.complex64)))
    with pytest.raises(ValueError, match="contiguous"):
        there.search(Interface(np.repeat(probes[:2], 2, axis=0), step=2))


def test_changes(both: tuple[ItemMemory, ItemMemory]) -> None:
    host, there = both
    before = there.copy()
    for memory in both:
        memory.remove([3, 17])
        memory.add([5, 99], host.space.atoms(["x", "y"]))
    assert there == host
    assert before != host
    assert there.nbytes == host.nbytes
    assert np.array_equal(there.vectors, host.vectors)
    assert np.array_equal(there.vector([99, 5]), host.vector([99, 5]))
    more = ItemMemory(host.space)
    more.add([77, 5], host.space.atoms(["z", "x"]))
    for memory in both:
        memory.merge(more)
    assert there == host
    there.clear()
    assert len(there) == 0
    assert len(before) == 340


def test_there_and_back(both: tuple[ItemMemory, ItemMemory], tmp_path: Any) -> None:
    host, there = both
    assert there.device == "cuda:0"
    assert "device='cuda:0'" in repr(there)
    assert there.to("cpu") == host
    assert there.to("cuda:1").to("cuda").device == "cuda:0"
    again = pickle.loads(pickle.dumps(there))
    assert again == there
    assert again.device == "cuda:0"
    there.save(tmp_path / "items.safetensors")
    assert hypersketch.load(tmp_path / "items.safetensors") == host
    assert ItemMemory(BSC(64), device="cuda").to("cpu") == ItemMemory(BSC(64))


def test_what_memories_refuse(both: tuple[ItemMemory, ItemMemory]) -> None:
    host, there = both
    probes = host.vectors[:2]
    with pytest.raises(ValueError, match="is on cuda:0, but the structure is on cpu"):
        host.search(on_gpu(probes))
    with pytest.raises(ValueError, match="is on cuda:1, but the structure is on cuda:0"):
        there.cleanup(on_gpu(probes, 1))
    with pytest.raises(ValueError, match=r"in \[1, 340\]"):
        there.search(on_gpu(probes), 341)
    with pytest.raises(ValueError, match="this ItemMemory is empty"):
        ItemMemory(host.space, device="cuda").search(on_gpu(probes))
    with pytest.raises(TypeError, match="packed vectors of 64-bit words"):
        there.search(on_gpu(np.zeros((2, 8), np.float32)))
    with pytest.raises(ValueError, match="of HRR with spectral=True and codebook='procedural' has no GPU"):
        ItemMemory(hypersketch.vsa.HRR(64, spectral=True), codebook="procedural").to("cuda")


def test_a_gpu_without_memory(monkeypatch: pytest.MonkeyPatch, both: tuple[ItemMemory, ItemMemory]) -> None:
    if cuda.devices()[0].name != "emulated":
        pytest.skip("only an emulated GPU can be told to be full")
    host, there = both
    probes = host.vectors[:20]
    monkeypatch.setenv("CUDA_ON_CPU_MEMORY", "1")
    with pytest.raises(MemoryError, match="GPU memory"):
        there.search(probes)
    with pytest.raises(MemoryError, match="GPU memory"):
        there.add("another")
    monkeypatch.delenv("CUDA_ON_CPU_MEMORY")
    same(there.search(probes), host.search(probes))
    assert there == host


def test_devices_are_named() -> None:
    assert _device.name_of(ItemMemory(MapB(64), device="cuda:1")._device_index) == "cuda:1"
    with pytest.raises(ValueError, match="'device' parameter of ItemMemory"):
        ItemMemory(MapB(64), device="gpu")


@pytest.mark.parametrize("n", [0, 1, 511, 1100])
def test_probes_of_the_host_stream_there(n: int) -> None:
    """Of 64 KiB at a time in tests: 512 probes of 16 words."""
    space = hypersketch.MapB(1000)
    rows, probes = space.atoms(range(7)), space.atoms(range(n))
    expected = nearest(probes, rows, 1000, 2)
    found = nearest(probes, on_gpu(rows), 1000, 2)
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(found, expected, strict=True))
    if n not in (1, 511):
        return
    real = hypersketch.vsa.FHRR(32)
    memory, there = (ItemMemory(real, device=device) for device in ("cpu", "cuda"))
    for one in (memory, there):
        one.add(range(9))
    asked = real.atoms(range(n))
    assert np.array_equal(there.search(asked, 3).keys, memory.search(asked, 3).keys)
    assert np.allclose(there.search(asked, 3).similarities, memory.search(asked, 3).similarities, atol=1e-12)
