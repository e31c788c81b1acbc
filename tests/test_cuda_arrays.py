# SPDX-License-Identifier: Apache-2.0
"""Arrays of other libraries on a GPU: how they come in, on which stream, and what is refused."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import types
import weakref
from typing import Any

import numpy as np
import pytest

from gpu_tools import REASON, needs_gpu, on_gpu
from hypersketch import (
    BloomFilter,
    CountingBloomFilter,
    CountSketch,
    HopfieldMembership,
    MapI,
    _device,
    cuda,
    hash_keys,
)
from hypersketch.sketches.projection import DenseProjection, SparseProjection, TensorProjection

pytestmark = needs_gpu


class Interface:
    """An array that offers the CUDA array interface alone, of a part of one of ours."""

    def __init__(self, whole: Any, part: slice | None = None, **changed: Any) -> None:
        self.memory = on_gpu(whole)
        view = np.asarray(whole)[part] if part is not None else np.asarray(whole)
        start = (part.start or 0) if part is not None else 0
        self.given = self.memory.__cuda_array_interface__ | {
            "shape": view.shape,
            "strides": view.strides,
            "data": (self.memory.memory.pointer + start * view.dtype.itemsize, False),
            **changed,
        }

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.given


class Tensor:
    """An array that offers DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.array = on_gpu(array)

    def __dlpack__(self, stream: int | None = None) -> object:
        assert stream == 1  # the default stream, as DLPack writes it
        return self.array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


@pytest.fixture
def seen() -> BloomFilter:
    made = BloomFilter(n_bits=2**16, device="cuda")
    made.add(range(1000))
    return made


# ---- in


@pytest.mark.parametrize("stream", [None, 1, 2])
def test_the_array_interface(seen: BloomFilter, stream: int | None) -> None:
    answer = seen.contains(Interface(np.arange(990, 1010), stream=stream))
    assert isinstance(answer, cuda.DeviceArray)
    assert np.asarray(answer)[:10].all()
    assert not np.asarray(answer)[10:].all()


@pytest.mark.parametrize("part", [slice(0, None, 2), slice(1, None, 3), slice(99, None, -1), slice(5, 5)])
def test_elements_that_do_not_stand_side_by_side(seen: BloomFilter, part: slice) -> None:
    keys = np.arange(950, 1050)
    expected = seen.contains(keys[part])
    assert np.array_equal(np.asarray(seen.contains(Interface(keys, part))), expected)
    assert np.array_equal(np.asarray(hash_keys(Interface(keys, part))), hash_keys(keys[part]))


def test_dlpack_in_and_out(seen: BloomFilter) -> None:
    keys = Tensor(np.arange(990, 1010))
    answer = seen.contains(keys)
    assert np.array_equal(np.asarray(answer), seen.contains(np.arange(990, 1010)))
    view = _device.view("test", "x", Tensor(np.arange(6.0).reshape(2, 3)))
    assert (view.shape, view.strides, view.dtype) == ((2, 3), (24, 8), np.float64)
    assert _device.view("test", "x", Tensor(np.array([True]))).dtype == np.bool_


def test_a_capsule_is_used_once_and_frees_what_it_held() -> None:
    array = on_gpu(np.arange(5))
    gone = weakref.ref(array)
    capsule = array.__dlpack__()
    tensor = _device.module().Imported(capsule)
    with pytest.raises(ValueError, match="used before"):
        _device.module().Imported(capsule)
    del array, capsule
    gc.collect()
    assert gone() is not None
    del tensor
    gc.collect()
    assert gone() is None
    array = on_gpu(np.arange(5))
    gone = weakref.ref(array)
    array.__dlpack__()  # which nobody takes
    del array
    gc.collect()
    assert gone() is None


def test_a_state_is_seen_by_others_without_a_copy(seen: BloomFilter) -> None:
    words = np.asarray(seen.state)
    view = _device.view("test", "x", seen.state)
    assert view.pointer == seen.state.__cuda_array_interface__["data"][0]
    assert np.array_equal(words, seen.to("cpu").state)


# ---- out


def test_answers_go_where_they_are_wanted(seen: BloomFilter) -> None:
    keys, out = on_gpu(np.arange(990, 1010)), on_gpu(np.zeros(20, bool))
    assert seen.contains(keys, out=out) is out
    assert np.array_equal(np.asarray(out), seen.contains(np.arange(990, 1010)))
    hashes = on_gpu(np.zeros(20, np.uint64))
    assert hash_keys(keys, out=hashes) is hashes
    for wrong, error in (
        (np.zeros(20, bool), TypeError),
        (on_gpu(np.zeros(19, bool)), ValueError),
        (on_gpu(np.zeros(20, np.uint8)), ValueError),
        (Interface(np.zeros(40, bool), slice(0, None, 2)), ValueError),
    ):
        with pytest.raises(error, match="'out' parameter"):
            seen.contains(keys, out=wrong)


class Library(types.ModuleType):
    """Stands for PyTorch or CuPy, as far as they are asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.Array = type("Array", (cuda.DeviceArray,), {"__module__": name})
        self.asked: list[str] = []
        self.bool, self.int64, self.uint64, self.uint8 = "bool", "int64", "uint64", "uint8"
        self.cuda = self
        self.cuda_stream = self.ptr = 2

    def of(self, array: Any) -> Any:
        made = on_gpu(array)
        return self.Array(made.memory, made.shape, made.dtype)

    def empty(self, shape: tuple[int, ...], dtype: str, device: str = "cuda:0") -> Any:
        self.asked.append(dtype)
        made = cuda.DeviceArray.zeros(int(np.prod(shape)), dtype, _device.resolve("test", device) or 0)
        return self.Array(made.memory, shape, dtype)

    def current_stream(self, device: int) -> Library:
        return self

    def get_current_stream(self) -> Library:
        return self

    def Device(self, device: int) -> Library:
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(params=["torch", "cupy"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library(request.param)
    monkeypatch.setitem(sys.modules, request.param, made)
    # Its arrays are seen through the interface, not as ours.
    seen_as = _device.view
    interface = _device._of_interface

    def view(owner: str, name: str, array: Any) -> Any:
        if isinstance(array, made.Array):
            return interface(owner, name, array, request.param)
        return seen_as(owner, name, array)

    monkeypatch.setattr(_device, "view", view)
    return made


def test_answers_are_of_the_kind_of_the_keys(seen: BloomFilter, library: Library) -> None:
    keys = library.of(np.arange(990, 1010))
    view = _device.view("test", "keys", keys)
    assert (view.library, view.stream) == (library.__name__, 2)
    expected = seen.contains(np.arange(990, 1010))
    for packed in (False, True):
        answer = seen.contains(keys, packed=packed)
        assert type(answer) is library.Array
        assert np.array_equal(
            np.asarray(answer), np.packbits(expected, bitorder="little") if packed else expected
        )
    assert type(hash_keys(keys)) is library.Array
    assert np.asarray(seen.test_and_add(keys))[:10].all()
    sketch = CountSketch(100, device="cuda")
    sketch.add(keys)
    assert type(sketch.estimate(keys)) is library.Array
    assert library.asked == ["bool", "uint8", "uint64", "bool", "int64"]
    counted = CountingBloomFilter(100, 0.1, device="cuda")
    answers = (counted.test_and_add(keys), counted.count(keys), counted.contains(keys, packed=True))
    assert {type(answer) for answer in answers} == {library.Array}
    assert [np.asarray(answer).dtype.name for answer in answers] == ["bool", "int64", "uint8"]


# ---- streams


def test_calls_on_several_streams_follow_each_other() -> None:
    ours, theirs = BloomFilter(n_bits=2**18, device="cuda"), BloomFilter(n_bits=2**18)
    for round_ in range(30):
        keys = np.arange(1000 * round_, 1000 * (round_ + 1))
        theirs.add(keys)
        with cuda.stream(round_ % 3):
            ours.add(on_gpu(keys))
        with cuda.stream((round_ + 1) % 3):
            assert np.asarray(ours.contains(on_gpu(keys))).all()
    assert ours == theirs


def test_arrays_of_one_call_may_be_ready_on_different_streams() -> None:
    ours, theirs = CountSketch(50, device="cuda"), CountSketch(50)
    for round_ in range(10):
        keys, weights = np.arange(500) % 7, np.arange(500) + round_
        ours.add(Interface(keys, stream=1), Interface(weights, stream=2))
        theirs.add(keys, weights)
    assert ours == theirs
    letters = np.frombuffer(b"applepear", np.uint8)
    strings = cuda.Strings(Interface(np.array([0, 5, 9]), stream=2), Interface(letters, stream=1))
    assert np.array_equal(np.asarray(hash_keys(strings)), hash_keys(["apple", "pear"]))


def test_a_chosen_stream_ends_with_its_block() -> None:
    assert _device.chosen_stream() == 0
    with cuda.stream(2):
        with cuda.stream(1):
            assert _device.chosen_stream() == 1
        assert _device.chosen_stream() == 2
    assert _device.chosen_stream() == 0
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="handle"), cuda.stream(wrong):
            pass


def test_batches_that_stream_in(seen: BloomFilter) -> None:
    theirs = seen.to("cpu")
    theirs.update([np.arange(2000, 2500), np.arange(2500, 3000)])
    seen.update(on_gpu(keys) for keys in (np.arange(2000, 2500), np.arange(2500, 3000)))
    assert seen == theirs
    seen.update(on_gpu(np.arange(3000, 3500)), nulls="skip")
    theirs.add(range(3000, 3500))
    assert seen == theirs


# ---- refusals


@pytest.mark.parametrize(
    ("keys", "error", "words"),
    [
        (np.arange(3.0), TypeError, "float64"),
        (np.array([True]), TypeError, "bool"),
        (np.zeros((2, 2), np.int64), ValueError, "one-dimensional"),
    ],
)
def test_what_is_no_key_is_refused(seen: BloomFilter, keys: Any, error: type[Exception], words: str) -> None:
    sketches = CountSketch(8, device="cuda"), CountingBloomFilter(8, 0.1, device="cuda")
    for call in (seen.add, seen.contains, hash_keys, *(sketch.add for sketch in sketches)):
        with pytest.raises(error, match=words):
            call(on_gpu(keys))
    assert seen.n_added == 1000


def test_hashes_are_words_of_64_bits(seen: BloomFilter) -> None:
    for wrong in (np.arange(3), np.arange(4, dtype=np.uint32)):
        with pytest.raises(TypeError, match="uint64"):
            seen.add_hashes(on_gpu(wrong))


def test_keys_elsewhere_are_refused(seen: BloomFilter) -> None:
    keys = on_gpu(np.arange(3))
    for structure in (BloomFilter(n_bits=256), CountSketch(8), CountingBloomFilter(100, 0.01)):
        with pytest.raises(ValueError, match=r"is on cuda:0, but the structure is on cpu"):
            structure.add(keys)
        assert structure.n_added == 0
    for add in (MapI(64).bundle().add, HopfieldMembership(70).add, HopfieldMembership(70).score):
        with pytest.raises(ValueError, match="on a GPU"):
            add(keys)
    with pytest.raises(ValueError, match="where the keys are"):
        CountSketch(8, device="cuda").add([1, 2], on_gpu(np.array([1, 2])))
    with pytest.raises(TypeError, match="on cuda:0"):
        CountSketch(8, device="cuda").add(on_gpu(np.array([1, 2])), [1, 2])


@pytest.mark.skipif(REASON is None and len(cuda.devices()) < 2, reason="this machine has one GPU")
def test_keys_on_another_gpu_are_refused(seen: BloomFilter) -> None:
    keys = on_gpu(np.arange(3), 1)
    with pytest.raises(ValueError, match=r"is on cuda:1, but the structure is on cuda:0"):
        seen.add(keys)
    there = seen.to("cuda:1")
    there.add(keys)
    assert there.device == "cuda:1"
    seen.merge(there)
    assert seen.n_added == 2003


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:99", "CUDA", 0, None])
def test_a_device_that_is_none_is_refused(device: Any) -> None:
    error = ValueError if isinstance(device, str) else TypeError
    for make in (lambda: BloomFilter(n_bits=256, device=device), lambda: CountSketch(8).to(device)):
        with pytest.raises(error, match="'device' parameter"):
            make()


def test_projections_without_kernels_say_so() -> None:
    for projection in (DenseProjection(4, 4), TensorProjection(4, 4)):
        with pytest.raises(TypeError, match="in host memory"):
            projection.project(on_gpu(np.ones((2, 4))))


@pytest.mark.parametrize("rows", [np.ones((2, 4), np.int64), np.ones((2, 5)), np.ones(4)])
def test_rows_that_do_not_fit_are_refused(rows: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="X"):
        SparseProjection(4, 8).project(on_gpu(rows))


def test_strings_want_offsets_and_bytes() -> None:
    starts, letters = np.array([0, 1]), np.zeros(1, np.uint8)
    for offsets, data in (
        (starts, on_gpu(letters)),
        (on_gpu(starts), letters),
        (on_gpu(starts.astype("f8")), on_gpu(letters)),
        (on_gpu(starts[:0]), on_gpu(letters)),
        (on_gpu(starts), on_gpu(starts)),
    ):
        with pytest.raises(TypeError, match=r"'(offsets|data)' parameter of Strings"):
            cuda.Strings(offsets, data)


def test_memory_that_is_not_there_is_refused_and_loses_nothing(seen: BloomFilter) -> None:
    before = seen.copy()
    with pytest.raises(MemoryError, match="bytes of GPU memory"):
        BloomFilter(n_bits=2**46, n_hashes=3, layout="classic", device="cuda")
    seen.add(range(5))
    before.add(range(5))
    assert seen == before


def test_pages_of_a_graphics_card_are_not_host_memory() -> None:
    with pytest.raises(ValueError, match="without a copy"):
        on_gpu(np.arange(3)).__array__(copy=False)


def test_a_machine_whose_driver_sees_no_gpu_says_so() -> None:
    if cuda.devices()[0].name != "emulated":
        pytest.skip("a real GPU cannot be taken away")
    code = """
from hypersketch import BloomFilter, cuda
print(cuda.why_not())
try:
    BloomFilter(n_bits=256, device="cuda")
except RuntimeError as error:
    print(error)
"""
    environment = {**os.environ, "CUDA_ON_CPU_DEVICES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    first, second = done.stdout.splitlines()
    assert first == second
    assert "sees no GPU" in first


def test_a_batch_that_finds_no_memory_loses_nothing() -> None:
    """In a process of its own, whose emulated GPU is small."""
    if cuda.devices()[0].name != "emulated":
        pytest.skip("a real GPU's memory cannot be made small")
    code = """
import numpy as np, os
from hypersketch import BloomFilter, cuda
seen = BloomFilter(n_bits=512 * 100, device="cuda")
keys = cuda.DeviceArray.of(np.arange(50_000), 0)
os.environ["CUDA_ON_CPU_MEMORY"] = str(600_000)
try:
    seen.test_and_add(keys)
except MemoryError as error:
    print("refused:", error)
print(seen.fill, seen.n_added)
del os.environ["CUDA_ON_CPU_MEMORY"]
seen.add(keys)
print(seen.n_added)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refused: ")
    assert lines[-2:] == ["0.0 0", "50000"]


@pytest.mark.parametrize("keep", [slice(None, None, 2), slice(None, None, -1), slice(5, 1, -2)])
@pytest.mark.parametrize("shape", [(7,), (6, 5)])
def test_strided_arrays_come_to_the_host_as_they_are(keep: slice, shape: tuple[int, ...]) -> None:
    whole = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    seen, part = _device.view("test", "array", on_gpu(whole)), whole[keep]
    offset = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    strided = seen._replace(pointer=seen.pointer + offset, shape=part.shape, strides=part.strides)
    np.testing.assert_array_equal(strided.to_host(), part)
    turned = strided._replace(shape=part.shape[::-1], strides=part.strides[::-1])
    np.testing.assert_array_equal(turned.to_host(), part.T)
