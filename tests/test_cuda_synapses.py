# SPDX-License-Identifier: Apache-2.0
"""Willshaw's matrix on a GPU, a real or an emulated one, against the CPU's: bits and sums exactly."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
import reference_sparse_memories as reference
from gpu_tools import needs_gpu, on_gpu
from hypersketch import WillshawMemory, cuda
from hypersketch.memories import _gpu_synapses

pytestmark = needs_gpu

SHAPES = [(1, 1), (31, 33), (63, 64), (65, 130), (20, 7), (70, 70), (300, 1100)]


def ragged(n: int, units: int, seed: int, most: int = 6) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(units)[: rng.integers(0, min(units, most) + 1)].tolist() for _ in range(n)]


def bools(lists: list[list[int]], units: int) -> NDArray[np.bool_]:
    rows = np.zeros((len(lists), units), np.bool_)
    for row, one in zip(rows, lists, strict=True):
        row[one] = True
    return rows


def integers(n: int, units: int, k: int, seed: int, dtype: Any = np.int64) -> NDArray[Any]:
    chosen: NDArray[Any] = np.random.default_rng(seed).random((n, units)).argsort(axis=1)[:, :k].astype(dtype)
    return chosen


def both(*sizes: int) -> tuple[WillshawMemory, WillshawMemory]:
    return WillshawMemory(*sizes), WillshawMemory(*sizes, device="cuda")


def same(found: Any, expected: Any) -> None:
    for name, value in vars(expected).items():
        other = getattr(found, name)
        assert value is None or np.asarray(other).dtype == value.dtype, name
        assert value is None or np.array_equal(np.asarray(other), value), name
    assert [one.tolist() for one in found.units] == [one.tolist() for one in expected.units]


@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
def test_bits_and_answers_are_the_cpus(n_in: int, n_out: int) -> None:
    here, there = both(n_in, n_out)
    inputs, outputs = ragged(12, n_in, 1), ragged(12, n_out, 2)
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.store(inputs[:5], outputs[:5])
        memory.store(put(bools(inputs[5:9], n_in)), outputs[5:9])
        memory.store(inputs[9:], put(bools(outputs[9:], n_out)))
    assert there.matrix.tolist() == reference.willshaw_matrix(
        list(zip(inputs, outputs, strict=True)), n_in, n_out
    )
    assert (here, here.density, here.n_added) == (there, there.density, there.n_added)
    queries = [*inputs, *ragged(8, n_in, 3), list(range(n_in))]
    rows = bools(queries, n_in)
    readouts: list[dict[str, Any]] = [{}, {"threshold": 0.5}, {"threshold": 2}, {"threshold": 2**31 - 1}]
    readouts += [{"winners": k} for k in sorted({1, min(3, n_out), n_out})]
    for readout in readouts:
        for steps in (1, 5) if n_in == n_out else (1,):
            expected = here.retrieve(queries, **readout, steps=steps)
            same(there.retrieve(queries, **readout, steps=steps), expected)
            same(there.retrieve(on_gpu(rows), **readout, steps=steps), expected)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 257])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_integers_of_every_type(n: int, dtype: Any) -> None:
    here, there = both(100)
    units = integers(n, 100, 5, 4, dtype)
    here.store(units)
    there.store(on_gpu(units))
    assert here == there
    assert here.n_added == there.n_added
    if n:
        how: dict[str, Any] = {"winners": 5, "steps": 9}
        same(there.retrieve(on_gpu(units[:, :3]), **how), here.retrieve(units[:, :3], **how))
        same(there.retrieve(on_gpu(units[0])), here.retrieve(units[0]))
        assert isinstance(there.retrieve(on_gpu(units)).sums, cuda.DeviceArray)
        assert isinstance(there.retrieve(units).sums, np.ndarray)


def test_of_equal_sums_the_first_win() -> None:
    # 700 units have sums of 1, more than a block has threads, and one of 2 comes behind most of them.
    here, there = both(2, 2100)
    for memory in (here, there):
        memory.store([[0, 1], [1]], [[1500, 2000], list(range(0, 2100, 3))])
    for winners in (1, 2, 3, 86, 257, 512, 700, 702, 703, 2100):
        expected = here.retrieve([[0, 1], [0], []], winners=winners)
        same(there.retrieve([[0, 1], [0], []], winners=winners), expected)
    for row, query in zip(there.retrieve([[0, 1]], winners=300).units, [[0, 1]], strict=True):
        sums = reference.willshaw_sums(there.matrix.tolist(), query)
        assert row.tolist() == reference.winners(sums, 300)


def test_dense_patterns_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(5).random((9, 130)) < 0.5
    here, there = both(130)
    here.store(rows)
    monkeypatch.setattr(_gpu_synapses, "_SYNAPSES", 2 * 70 * 70)  # two pairs at once
    monkeypatch.setattr(_gpu_synapses, "_SUMS", 4 * 130)
    there.store(on_gpu(rows))
    assert here == there
    same(there.retrieve(on_gpu(~rows), threshold=0.9, steps=3), here.retrieve(~rows, threshold=0.9, steps=3))


class EverySecondRow:
    """Every second row of an array on a GPU, offered by the CUDA array interface, ready on a stream."""

    def __init__(self, whole: NDArray[Any], stream: int) -> None:
        self._kept = on_gpu(whole)
        shape, strides = (len(whole) // 2, whole.shape[1]), (2 * whole.strides[0], whole.strides[1])
        given = self._kept.__cuda_array_interface__
        self.__cuda_array_interface__ = given | {"shape": shape, "strides": strides, "stream": stream}


def test_rows_with_room_between_them_on_the_callers_stream() -> None:
    whole = integers(40, 70, 5, 6)
    here, there = both(70)
    here.store(whole[::2])
    there.store(EverySecondRow(whole, 1))
    rows = bools(whole.tolist(), 70)
    for stream in (1, 2):
        found = there.retrieve(EverySecondRow(rows, stream), winners=5, steps=3)
        same(found, here.retrieve(whole[::2], winners=5, steps=3))
    assert here == there


def test_streams_of_the_library_wait_for_each_other() -> None:
    units = integers(40, 70, 5, 6)
    here, there = both(70)
    here.store(units)
    given = on_gpu(units)
    with cuda.stream(1):
        there.store(given)
    found = there.retrieve(given, winners=5, steps=3)
    with cuda.stream(2):
        same(found, here.retrieve(units, winners=5, steps=3))
        assert there == here


def test_copies_files_and_merging(tmp_path: Path) -> None:
    here, there = both(70, 90)
    pairs = integers(9, 70, 4, 1), integers(9, 90, 5, 2)
    here.store(*pairs)
    there.store(*map(on_gpu, pairs))
    assert "device='cuda:0'" in repr(there)
    assert here.to("cuda:1") == there.copy() == pickle.loads(pickle.dumps(there)) == there.to("cpu") == here
    there.save(tmp_path / "memory.safetensors")
    assert hypersketch.load(tmp_path / "memory.safetensors") == here
    other = WillshawMemory(70, 90)
    other.store(integers(5, 70, 4, 3), integers(5, 90, 5, 4))
    expected = here | other
    for one in (here, there):
        for more in (other, other.to("cuda"), other.to("cuda:1")):
            joined = one | more
            assert (joined, joined.n_added, joined.device) == (expected, 14, one.device)
    there |= there
    assert (there, there.n_added) == (here, 18)
    there.clear()
    assert (there, there.n_added, there.density) == (WillshawMemory(70, 90), 0, 0.0)


@pytest.mark.parametrize(
    ("inputs", "error", "sentence"),
    [
        ([[1, 2], [3, 70]], ValueError, r"different integers in \[0, 70\).* Got 70 in row 1 instead"),
        ([[1, 2], [3, -1], [2, 2]], ValueError, "Got -1 in row 1 instead"),
        ([[1, 2], [2, 1], [5, 5]], ValueError, "Got a unit twice in row 2 instead"),
        (np.array([[1, 2**63 + 1]], np.uint64), ValueError, "Got 9223372036854775809 in row 0 instead"),
        ([[1.0, 2.0]], TypeError, "Got .*float64 of shape"),
        ([[[1]]], ValueError, r"Got .*int64 of shape \(1, 1, 1\)"),
        (np.zeros((2, 69), bool), ValueError, r"bools of shape \(70,\) or \(n, 70\). Got .*shape \(2, 69\)"),
    ],
)
def test_what_are_no_units_is_refused_and_changes_nothing(
    inputs: Any, error: type[Exception], sentence: str
) -> None:
    _, there = both(70)
    there.store(on_gpu([[1, 2]]))
    before = there.copy()
    for call in (there.store, there.retrieve, lambda given: there.store([[1]] * len(inputs), given)):
        with pytest.raises(error, match=sentence):
            call(on_gpu(inputs))
    assert (there, there.n_added) == (before, 1)


def test_what_does_not_fit_is_refused() -> None:
    here, there = both(70, 5)
    there.store(on_gpu([[1, 2]]), [[3]])
    before = there.copy()
    for call, sentence in (
        (lambda: there.store(on_gpu([[1]])), "'outputs'"),
        (lambda: there.store(on_gpu([[1], [2]]), on_gpu([[1]])), "as many outputs as inputs. Got 1 and 2"),
        (lambda: there.store(on_gpu([[1]], 1), [[1]]), "is on cuda:1, but the structure is on cuda:0"),
        (lambda: here.store(on_gpu([[1]]), [[1]]), "is on cuda:0, but the structure is on cpu"),
        (lambda: there.retrieve(on_gpu([[1]]), steps=2), "'steps'"),
        (lambda: there.retrieve(on_gpu([[1]]), winners=6), "'winners'"),
        (lambda: both(70)[1].retrieve(on_gpu([[1]])), "is empty"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
    assert (there, there.n_added) == (before, 1)


def test_nothing() -> None:
    here, there = both(10)
    for memory, put in ((here, np.asarray), (there, on_gpu)):
        memory.store(put(np.empty(0, np.int64)))
        assert memory.n_added == 0
        memory.store(put(np.empty((2, 0), np.int64)))
        memory.store([[], [1, 2]])
    assert (here, here.n_added) == (there, there.n_added)
    for nothing in (np.empty((3, 0), np.int64), np.empty((0, 4), np.int64), np.empty((0, 10), bool)):
        same(there.retrieve(on_gpu(nothing)), here.retrieve(nothing))
