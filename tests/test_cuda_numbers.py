# SPDX-License-Identifier: Apache-2.0
"""Real numbers of every type on a GPU: halves and doubles are answered as the float32 that they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpu_tools import needs_gpu, on_gpu
from hypersketch import (
    BloomFilter,
    ContinuousMemory,
    HopfieldNetwork,
    ItemMemory,
    MapB,
    OuterProductMemory,
    SparseDistributedMemory,
    _device,
    cuda,
    hash_keys,
)
from hypersketch.sketches.projection import SparseProjection
from hypersketch.vsa import HRR

pytestmark = needs_gpu

Floats = NDArray[np.float32]


def widened(bits: NDArray[np.uint16]) -> Floats:
    """Return bfloat16 as float32, of which it is the upper half."""
    numbers: Floats = (bits.astype(np.uint32) << 16).view(np.float32)
    return numbers


class Bfloats:
    """Upper halves of floats behind the CUDA array interface, as PyTorch offers them."""

    dtype = "torch.bfloat16"

    def __init__(self, array: Any, device: int = 0) -> None:
        self.bits = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)
        self.memory = on_gpu(self.bits, device)

    @property
    def floats(self) -> Floats:
        return widened(self.bits)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.memory.__cuda_array_interface__ | {"typestr": "<V2"}


class BfloatTensor:
    """The same behind DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.inner = Bfloats(array)
        self.floats = self.inner.floats

    def __dlpack__(self, stream: int | None = None) -> object:
        memory, shape = self.inner.memory, self.inner.bits.shape
        span = memory.memory.span(memory.size, 0)
        return _device.module().to_dlpack(span, shape, 4, 16, memory)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.inner.memory.__dlpack_device__()


class Cast:
    """Numbers of a type that NumPy has."""

    def __init__(self, array: Any, dtype: Any) -> None:
        host = np.asarray(array).astype(dtype)
        self.array, self.floats = on_gpu(host), host.astype(np.float32)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.array.__cuda_array_interface__


KINDS: dict[str, Callable[[Any], Any]] = {
    "bfloat16": Bfloats,
    "bfloat16 by DLPack": BfloatTensor,
    "float16": lambda array: Cast(array, np.float16),
    "float64": lambda array: Cast(array, np.float64),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return KINDS[request.param]


def normal(*shape: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape) / np.sqrt(shape[-1])


def same(found: Any, expected: Any) -> None:
    ours, theirs = np.asarray(found), np.asarray(expected)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


# ---- the numbers themselves


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("to", ["float32", "float64"])
def test_every_number_of_sixteen_bits_widens_exactly(name: str, to: str) -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    numbers = bits.view(np.float16) if name == "float16" else widened(bits)
    bits, expected = bits[np.isfinite(numbers)], numbers[np.isfinite(numbers)].astype(to)
    given, out = on_gpu(bits), cuda.DeviceArray.empty(bits.shape, to, 0)
    convert = getattr(_device.module(), f"convert_{to}")
    assert convert(given.view().span(), name, 1, bits.size, bits.size, out.view().span()) == -1
    assert np.asarray(out).tobytes() == expected.tobytes()  # of zeros the sign, too


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint32", "int8"])
def test_other_numbers_round_to_nearest(dtype: str) -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(size=2**10) if dtype == "float64" else rng.integers(0, 2**7, 2**10)
    if dtype == "int64":
        given = rng.integers(-(2**62), 2**62, 2**10)
    given = given.astype(dtype)
    moved, out = on_gpu(given), cuda.DeviceArray.empty(given.shape, np.float32, 0)
    _device.module().convert_float32(moved.view().span(), dtype, 2, 512, 512, out.view().span())
    same(out, given.astype(np.float32))


def test_copies_in_host_memory() -> None:
    given = Bfloats(normal(3, 4))
    same(_device.on_host("test", "x", given), given.floats)
    same(_device.on_host("test", "x", on_gpu([1, 2])), np.array([1, 2]))
    plain = np.ones(2)
    assert _device.on_host("test", "x", plain) is plain
    assert _device.of(given) == "cuda:0"


# ---- what takes them


@pytest.mark.parametrize("stored", ["float32", "bfloat16", "int8", "float8"])
@pytest.mark.parametrize("separation", ["softmax", "entmax"])
def test_continuous_memories(kind: Callable[[Any], Any], stored: Any, separation: Any) -> None:
    patterns, values, queries = (kind(normal(n, 20, seed=n)) for n in (30, 31, 5))
    options = {"separation": separation, "dtype": stored, "value_dim": 20, "beta": 4.0, "device": "cuda"}
    ours, theirs = ContinuousMemory(20, **options), ContinuousMemory(20, **options)
    values = kind(normal(30, 20, seed=9))
    ours.store(patterns, values)
    theirs.store(on_gpu(patterns.floats), on_gpu(values.floats))
    changed = kind(normal(2, 20, seed=8))
    ours.update([3, 1], changed, changed)
    theirs.update([3, 1], on_gpu(changed.floats), on_gpu(changed.floats))
    assert ours == theirs
    found, expected = ours.retrieve(queries, 2), theirs.retrieve(on_gpu(queries.floats), 2)
    assert isinstance(found.states, cuda.DeviceArray)
    same(found.states, expected.states)
    warmer = ours.retrieve(queries, betas=Bfloats(np.full(5, 2.0)))
    same(warmer.states, ours.retrieve(queries, betas=np.full(5, 2.0)).states)
    best, wanted = ours.search(queries, 3), theirs.search(on_gpu(queries.floats), 3)
    same(best.indices, wanted.indices)
    same(best.similarities, wanted.similarities)
    same(ours.energy(queries), theirs.energy(on_gpu(queries.floats)))


def test_item_memories(kind: Callable[[Any], Any]) -> None:
    memory = ItemMemory(HRR(24), device="cuda")
    memory.add(range(40))
    probes = kind(normal(3, 24))
    for k in (2, 40):
        found, expected = memory.search(probes, k), memory.search(on_gpu(probes.floats), k)
        assert np.array_equal(found.keys, expected.keys)
        same(found.similarities, expected.similarities)
    same(memory.cleanup(probes), memory.cleanup(on_gpu(probes.floats)))
    same(memory.range_search(probes, 0.2).indices, memory.range_search(on_gpu(probes.floats), 0.2).indices)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", ["hebb", "delta"])
def test_outer_products(kind: Callable[[Any], Any], dtype: Any, rule: Any) -> None:
    if kind is KINDS["float64"] and dtype == "float64":
        pytest.skip("doubles stay doubles")
    keys, values, asked = kind(normal(9, 16)), kind(normal(9, 7, seed=1)), kind(normal(2, 16, seed=2))
    ours, theirs = (OuterProductMemory(16, 7, dtype=dtype, rule=rule, device="cuda") for _ in "ab")
    weights = Bfloats(np.linspace(0.5, 1.5, 9))
    ours.store(keys, values, weights)
    theirs.store(on_gpu(keys.floats), on_gpu(values.floats), weights.floats)
    assert ours == theirs
    same(ours.retrieve(asked).states, theirs.retrieve(on_gpu(asked.floats)).states)
    same(ours.recall(asked, values).indices, theirs.recall(asked.floats, values.floats).indices)


@pytest.mark.parametrize("method", ["centroid", "sparse"])
def test_classifiers(kind: Callable[[Any], Any], method: str) -> None:
    pytest.importorskip("sklearn")
    from hypersketch.learn import HDClassifier

    y = np.arange(60) % 3
    X = kind(np.random.default_rng(0).normal(size=(60, 5)) + 2 * y[:, np.newaxis])
    options = {"dim": 130, "method": method, "random_state": 0, "device": "cuda"}
    ours, theirs = HDClassifier(**options).fit(X, y), HDClassifier(**options).fit(X.floats, y)
    same(ours.class_vectors_, theirs.class_vectors_)
    same(ours.predict(X), theirs.predict(X.floats))
    same(ours.decision_function(X), theirs.decision_function(on_gpu(X.floats)))


# ---- what does not


def test_what_is_not_finite_is_named() -> None:
    memory = ContinuousMemory(4, device="cuda")
    memory.store(np.eye(4))
    for strange, came in ((np.inf, "inf"), (np.nan, "nan")):
        rows = np.ones((3, 4))
        rows[1, 2] = strange
        for given in (Bfloats(rows), on_gpu(rows.astype(np.float16)), on_gpu(rows)):
            with pytest.raises(ValueError, match=rf"finite in float32\. Got {came} in row 1"):
                memory.retrieve(given)
            with pytest.raises(ValueError, match=rf"'patterns' .* finite in float32\. Got {came} in row 1"):
                memory.store(given)
    with pytest.raises(ValueError, match=r"finite in float32\. Got inf in row 0"):
        memory.search(on_gpu(np.full((1, 4), 1e39)))
    assert len(memory) == 4
    with pytest.raises(TypeError, match=r"vectors of float32 with 4 numbers.*complex64"):
        memory.search(on_gpu(np.ones((1, 4), np.complex64)))


@pytest.mark.parametrize(
    "call",
    [
        hash_keys,
        lambda given: BloomFilter(n_bits=256, device="cuda").add(given),
        lambda given: MapB(64).bind(given, given),
        lambda given: ItemMemory(MapB(64), device="cuda").search(given),
        lambda given: HopfieldNetwork(64, device="cuda").store(given),
        lambda given: SparseDistributedMemory(64, n_locations=3, k=1, device="cuda").store(given),
        lambda given: SparseProjection(64, 8).project(given),
    ],
)
def test_others_say_which_type_they_got(call: Callable[[Any], Any]) -> None:
    for given in (Bfloats(np.ones((2, 64))), BfloatTensor(np.ones((2, 64)))):
        with pytest.raises(TypeError, match=r"The '\w+' parameter.* Got 'bfloat16' instead\."):
            call(given)


def test_two_bytes_of_something_else() -> None:
    given = Bfloats(np.ones(4))
    given.dtype = "|V2"
    with pytest.raises(TypeError, match=r"\|V2"):
        hash_keys(given)
