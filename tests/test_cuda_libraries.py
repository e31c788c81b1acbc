# SPDX-License-Identifier: Apache-2.0
"""PyTorch, CuPy, Numba and JAX themselves, where they are installed beside a GPU."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from gpu_tools import needs_gpu
from hypersketch import (
    BloomFilter,
    ContinuousMemory,
    CountSketch,
    ItemMemory,
    MapB,
    ScalableBloomFilter,
    cuda,
    hash_keys,
)
from hypersketch.sketches.projection import SparseProjection
from hypersketch.vsa import HRR, nearest

pytestmark = needs_gpu


class Door:
    """What the tests ask of either library."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module: Any = importlib.import_module(name)

    def usable(self) -> bool:
        return bool(
            self.module.cuda.is_available()
            if self.name == "torch"
            else self.module.cuda.runtime.getDeviceCount()
        )

    def of(self, array: Any) -> Any:
        if self.name == "torch":
            return self.module.from_numpy(np.ascontiguousarray(array)).cuda()
        return self.module.asarray(array)

    def host(self, array: Any) -> Any:
        assert type(array).__module__.partition(".")[0] == self.name
        return array.cpu().numpy() if self.name == "torch" else array.get()

    def stream(self) -> Any:
        return self.module.cuda.Stream(**({} if self.name == "torch" else {"non_blocking": True}))

    def on(self, stream: Any) -> Any:
        return self.module.cuda.stream(stream) if self.name == "torch" else stream

    def compressed(self, csr: Any) -> Any:
        if self.name == "torch":
            parts = (self.of(part) for part in (csr.indptr, csr.indices, csr.data))
            return self.module.sparse_csr_tensor(*parts, size=csr.shape)
        return importlib.import_module("cupyx.scipy.sparse").csr_matrix(csr)


@pytest.fixture(params=["torch", "cupy"])
def door(request: pytest.FixtureRequest) -> Door:
    pytest.importorskip(request.param)
    made = Door(request.param)
    if not made.usable():
        pytest.skip(f"{request.param} sees no GPU")
    return made


def test_answers_stay_in_the_library(door: Door) -> None:
    ours, theirs = BloomFilter(10**5, 0.01, device="cuda"), BloomFilter(10**5, 0.01)
    keys, probes = np.arange(10**5), np.arange(5 * 10**4, 2 * 10**5)
    ours.add(door.of(keys))
    theirs.add(keys)
    assert ours == theirs
    assert (door.host(ours.contains(door.of(probes))) == theirs.contains(probes)).all()
    packed = ours.contains(door.of(probes), packed=True)
    assert (door.host(packed) == theirs.contains(probes, packed=True)).all()
    assert (door.host(hash_keys(door.of(probes))) == hash_keys(probes)).all()
    out = door.of(np.zeros(probes.size, bool))
    assert ours.contains(door.of(probes), out=out) is out
    assert (door.host(out) == theirs.contains(probes)).all()
    assert (door.host(ours.test_and_add(door.of(probes))) == theirs.test_and_add(probes)).all()
    assert ours == theirs


def test_searches_answer_in_the_library(door: Door) -> None:
    space = HRR(64)
    for ours, dim in ((ItemMemory(MapB(500)), 500), (ItemMemory(space), 0)):
        ours.add(range(1000))
        there, probes = ours.to("cuda"), ours.vectors[:70]
        given = door.of(probes.view(np.int64) if dim else probes)  # PyTorch knows few things of uint64
        found, expected = there.search(given, 3), ours.search(probes, 3)
        assert (door.host(found.indices) == expected.indices).all()
        assert np.abs(door.host(found.similarities) - expected.similarities).max() < 1e-14
        assert (door.host(there.cleanup(given)).view(probes.dtype) == probes).all()
        if dim:
            indices, distances = nearest(given, door.of(ours.vectors.view(np.int64)), dim, 3)
            assert (door.host(indices) == expected.indices).all()
            assert (door.host(distances) == nearest(probes, ours.vectors, dim, 3)[1]).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_real_numbers_of_every_type_are_answered_in_the_library(door: Door, dtype: str) -> None:
    if door.name != "torch" and dtype == "bfloat16":
        pytest.skip("a type of PyTorch's own")
    rows = np.random.default_rng(0).standard_normal((4, 16), np.float32)
    memory = ContinuousMemory(16, beta=4.0, device="cuda")
    memory.store(rows)
    given = door.of(rows)
    queries = given.to(getattr(door.module, dtype)) if door.name == "torch" else given.astype(dtype)
    floats = queries.float() if door.name == "torch" else queries.astype("float32")
    found, wanted = memory.retrieve(queries).states, memory.retrieve(door.host(floats)).states
    assert np.array_equal(door.host(found), wanted)
    if dtype == "bfloat16":
        with pytest.raises(TypeError, match="Got 'bfloat16' instead"):
            hash_keys(queries[0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_integers_of_every_width_and_step(door: Door, dtype: str) -> None:
    keys = np.random.default_rng(0).integers(-100, 100, 10_007).astype(dtype)
    array = door.of(keys)
    assert (door.host(hash_keys(array)) == hash_keys(keys)).all()
    assert (door.host(hash_keys(array[1::3])) == hash_keys(keys[1::3])).all()
    assert door.host(hash_keys(array[:0])).shape == (0,)


def test_calls_run_on_the_current_stream(door: Door) -> None:
    """What is added on one stream is found on another, and keys are read after the work that makes them."""
    ours = BloomFilter(10**6, 0.01, device="cuda")
    streams = [door.stream() for _ in range(3)]
    for round_ in range(12):
        with door.on(streams[round_ % 3]):
            keys = door.of(np.arange(10**5))
            for _ in range(20):
                keys = keys + 5_000  # work that the add must wait for
            ours.add(keys + round_ * 10**5)
        with door.on(streams[(round_ + 1) % 3]):
            probes = door.of(np.arange(10**5)) + (100_000 + round_ * 10**5)
            assert door.host(ours.contains(probes)).all()


def test_sketches_and_chains(door: Door) -> None:
    keys, weights = np.arange(10**4) % 77, np.arange(10**4)
    ours, theirs = CountSketch(500, 4, device="cuda"), CountSketch(500, 4)
    ours.add(door.of(keys), door.of(weights))
    theirs.add(keys, weights)
    assert ours == theirs
    assert (door.host(ours.estimate(door.of(keys))) == theirs.estimate(keys)).all()
    chain, same = ScalableBloomFilter(100, 0.01, device="cuda"), ScalableBloomFilter(100, 0.01)
    assert (door.host(chain.test_and_add(door.of(weights))) == same.test_and_add(weights)).all()
    assert (door.host(chain.contains(door.of(keys))) == same.contains(keys)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_projections_of_dense_and_compressed_rows(door: Door, dtype: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    projection = SparseProjection(300, 1000, 4)
    rows = np.random.default_rng(0).normal(size=(50, 300)).astype(dtype)
    bound = 1000 * np.finfo(dtype).eps * np.abs(rows).sum(axis=1, keepdims=True)
    wide = door.of(np.concatenate([rows, rows], axis=1))
    for array in (door.of(rows), wide[:, :300]):
        assert (np.abs(door.host(projection.project(array)) - projection.project(rows)) <= bound).all()
    csr = sparse.csr_matrix(np.where(rows > 1, rows, 0))
    made = door.host(projection.project(door.compressed(csr)))
    assert (np.abs(made - projection.project(csr)) <= bound).all()


def test_states_are_seen_without_a_copy(door: Door) -> None:
    ours = BloomFilter(n_bits=2**16, device="cuda")
    ours.add(range(100))
    seen = door.module.from_dlpack(ours.state)
    assert (door.host(seen) == np.asarray(ours.state)).all()
    address = seen.data_ptr() if door.name == "torch" else seen.data.ptr
    assert address == ours.state.__cuda_array_interface__["data"][0]


def test_arrays_of_numba() -> None:
    numba = pytest.importorskip("numba.cuda")
    if not numba.is_available():
        pytest.skip("Numba sees no GPU")
    ours = BloomFilter(10**4, 0.01, device="cuda")
    ours.add(numba.to_device(np.arange(10**4)))
    found = numba.as_cuda_array(ours.contains(numba.to_device(np.arange(2 * 10**4)))).copy_to_host()
    assert (found == ours.contains(np.arange(2 * 10**4))).all()


def test_arrays_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    jax = pytest.importorskip("jax")
    if jax.default_backend() != "gpu":
        pytest.skip("JAX sees no GPU")
    ours = BloomFilter(10**4, 0.01, device="cuda")
    ours.add(jax.numpy.arange(10**4))
    answer = ours.contains(jax.numpy.arange(2 * 10**4))
    assert isinstance(answer, cuda.DeviceArray)
    found = np.asarray(jax.dlpack.from_dlpack(answer))
    assert (found == ours.contains(np.arange(2 * 10**4))).all()
