# SPDX-License-Identifier: Apache-2.0
"""Doors of every structure: bytes, merging out of bytes, views of the state."""

from __future__ import annotations

import builtins
import io
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import BloomFilter, HopfieldMembership, from_bytes
from makers import ALL, MAKERS, answers, filled, same, state

# ---- bytes


@pytest.mark.parametrize("name", ALL)
def test_bytes_are_what_a_file_holds(name: str, path: Any) -> None:
    made = filled(name)
    made.save(path)
    assert made.to_bytes() == path.read_bytes()
    assert same(from_bytes(made.to_bytes()), made)


@pytest.mark.parametrize("name", list(MAKERS))
def test_what_came_from_bytes_is_ones_own(name: str) -> None:
    data = bytearray(filled(name).to_bytes())
    kept = bytes(data)
    again = from_bytes(data)
    data[-8:] = bytes(8)
    again.add(range(100, 140))
    assert same(again, filled(name, [*range(40), *range(100, 140)]))
    assert same(from_bytes(kept), filled(name))


def test_every_bytes_like_object() -> None:
    made = filled("BloomFilter")
    data = made.to_bytes()
    shifted = memoryview(b"x" + data)[1:]
    for given in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8), shifted):
        assert from_bytes(given) == made
        other = MAKERS["BloomFilter"]()
        other.merge_from_bytes(given)
        assert other == made
    with io.BytesIO(data) as file, file.getbuffer() as view:
        assert from_bytes(view) == made


@pytest.mark.parametrize(
    "given", [5, "text", None, [1], memoryview(bytes(64))[::2]], ids=lambda x: type(x).__name__
)
def test_what_is_not_bytes(given: Any) -> None:
    with pytest.raises(TypeError, match=r"'data' parameter of from_bytes must be bytes-like and contiguous"):
        from_bytes(given)
    with pytest.raises(TypeError, match=r"'data' parameter of BloomFilter.merge_from_bytes must be bytes"):
        filled("BloomFilter").merge_from_bytes(given)


def test_damaged_bytes() -> None:
    data = filled("Bundle of MapB").to_bytes()
    for i in range(len(data)):
        damaged = bytearray(data)
        damaged[i] ^= 1 << (i % 8)
        with pytest.raises(ValueError, match="'data' parameter of from_bytes cannot be loaded"):
            from_bytes(damaged)


def test_states_without_elements() -> None:
    memory = HopfieldMembership(1)
    memory.add("a", [5])
    assert from_bytes(memory.to_bytes()).score("a") == [5.0]


# ---- merging out of bytes


@pytest.mark.parametrize("name", list(MAKERS))
def test_merging_out_of_bytes_is_merging(name: str) -> None:
    a, b, expected = filled(name), filled(name, range(30, 90)), filled(name)
    expected.merge(b)
    a.merge_from_bytes(b.to_bytes())
    assert same(a, expected)


@pytest.mark.parametrize("name", list(MAKERS))
def test_refused_bytes_change_nothing(name: str) -> None:
    made = filled(name)
    damaged = bytearray(made.to_bytes())
    damaged[-1] ^= 1
    for data, error, text in (
        (damaged, ValueError, "merge_from_bytes cannot be loaded: its checksum does not match"),
        (
            filled(name, seed=1).to_bytes(),
            ValueError,
            "The 'seed' parameter of both .* must be equal",
        ),
        (filled("PackedBundle").to_bytes(), TypeError, "can only merge with another"),
        (b"", ValueError, "not a sound safetensors file"),
    ):
        with pytest.raises(error, match=text):
            made.merge_from_bytes(data)
        assert same(made, filled(name))
    frozen = hypersketch.load(saved(made), mmap=True)
    with pytest.raises(ValueError, match="is read-only"):
        frozen.merge_from_bytes(made.to_bytes())


def saved(made: Any) -> str:
    made.save("state.safetensors")
    return "state.safetensors"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_merging_out_of_bytes_copies_no_state() -> None:
    a = BloomFilter(n_bits=1 << 26, n_hashes=8)
    data = filled_like(a).to_bytes()
    tracemalloc.start()
    a.merge_from_bytes(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < a.nbytes // 8
    assert 5 in a


def filled_like(a: BloomFilter) -> BloomFilter:
    other = a.copy()
    other.add(5)
    return other


# ---- views of the state


@pytest.mark.parametrize("name", ALL)
def test_the_state_is_a_read_only_view(name: str) -> None:
    made = filled(name)
    view = made.state
    assert np.shares_memory(view, state(made))
    assert view.nbytes == made.nbytes == memoryview(made.state).nbytes
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    if name in MAKERS:
        before = view.copy()
        made.add(range(1000, 1040))
        assert not np.array_equal(view, before)  # it shows the state as it changes


@pytest.mark.parametrize("name", ALL)
def test_dlpack(name: str) -> None:
    made = filled(name)
    try:
        taken = np.from_dlpack(made.state)
    except BufferError:
        pytest.skip("this NumPy does not export read-only arrays")
    assert np.shares_memory(taken, state(made))
    assert not taken.flags.writeable


def test_no_heavy_import_for_these_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *arguments: Any, **others: Any) -> Any:
        assert name.partition(".")[0] not in {"pyarrow", "pandas", "rich", "multiprocessing"}
        return real(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", guarded)
    made = MAKERS["BloomFilter"]()
    made.update([range(5)])
    assert from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize("name", list(MAKERS))
def test_mappings_are_no_batches(name: str) -> None:
    made = filled(name)
    for batches, column in (({"a": [1, 2]}, None), ({"a": [1, 2]}, "a"), ([{"a": [1, 2]}], None)):
        with pytest.raises(TypeError, match=r"'batches' parameter of .*update must be .*not a mapping"):
            made.update(batches, column=column)
    assert same(made, filled(name))
    made.update([{"a": [1000, 1001]}], column="a")  # batches of several columns
    assert answers(made, [1000]).all()


@pytest.mark.parametrize("name", ALL)
def test_states_over_read_only_buffers(name: str) -> None:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(filled(name), 5, buffer_callback=buffers.append)
    made = pickle.loads(data, buffers=[bytes(buffer.raw()) for buffer in buffers])
    assert same(made, filled(name))
    if name in MAKERS:
        with pytest.raises(ValueError, match=r"is read-only \(made over a buffer that is\)\. Change"):
            made.add(1)
        made.copy().add(1)


@pytest.mark.parametrize("name", ALL)
def test_memory_that_the_system_has_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(name)

    def none(n_bytes: int) -> None:
        raise MemoryError("std::bad_alloc")

    text = rf"^The system has no memory for a state of {made.nbytes} bytes\.$"
    monkeypatch.setattr("hypersketch._core.zeros", none)
    with pytest.raises(MemoryError, match=text):
        made.copy()
    if name in MAKERS:
        with pytest.raises(MemoryError, match=text):
            MAKERS[name]()


def test_the_state_of_a_chain_of_slices_is_a_copy() -> None:
    chain = hypersketch.ScalableBloomFilter(50, 0.01)
    one = chain.state
    chain.add(range(40))
    assert np.array_equal(chain.state, one)  # a view of the only slice
    chain.add(range(200))
    several = chain.state
    assert several.size == chain.nbytes // 8 > one.size
    chain.add(range(1000))
    assert not np.array_equal(chain.state, several)
    assert "copy" in (type(chain).state.__doc__ or "")
