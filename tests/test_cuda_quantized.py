# SPDX-License-Identifier: Apache-2.0
"""Quantized and packed bundles on a GPU, a real or an emulated one, against the CPU's, bit for bit."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import keys_of, needs_gpu, on_gpu, same
from hypersketch import MapB, MapI, PackedBundle, QuantizedBundle, cuda
from hypersketch.vsa import BSC

pytestmark = needs_gpu

DIMS = [1, 63, 64, 65, 200, 2049]


def pair(dim: int, bits: int, step: int | None, n: int = 40, heavy: int = 1) -> tuple[Any, Any]:
    """A quantized bundle of the CPU, and the one that a GPU makes of the same counters."""
    bag = MapI(dim, seed=5).bundle(range(n), weights=[heavy * (i % 7 - 2) for i in range(n)])
    return bag.quantize(bits, step), bag.to("cuda").quantize(bits, step)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("bits", range(1, 9))
def test_counters_are_cut_alike(dim: int, bits: int) -> None:
    for step, n in ((None, 40), (2, 3), (10, 40), (2**31, 9), (None, 0)):
        theirs, ours = pair(dim, bits, step, n)
        assert ours.device == "cuda:0"
        assert theirs.device == "cpu"
        assert ours == theirs
        assert (ours.step, ours.scale, ours.n_added) == (theirs.step, theirs.scale, theirs.n_added)
        assert same(ours.planes, theirs.planes)
        assert ours.planes.shape == theirs.planes.shape
        assert same(ours.vector, theirs.vector)
        assert isinstance(ours.vector, cuda.DeviceArray)


@pytest.mark.parametrize("heavy", [2**14, 2**24])
def test_large_counters_are_cut_alike(heavy: int) -> None:
    theirs, ours = pair(1000, 4, None, 40, heavy)  # whose squares add up to less than 2^53, and to more
    assert ours == theirs
    assert ours.device == "cuda:0"


@pytest.mark.parametrize("bits", [1, 3, 8])
@pytest.mark.parametrize("n", [0, 1, 4, 5, 300])
def test_quantized_answers(bits: int, n: int) -> None:
    for dim in DIMS:
        theirs, ours = pair(dim, bits, None)
        answers(ours, theirs, keys_of(n, most=60))


@pytest.mark.parametrize("kind", [MapB, BSC])
def test_packed_answers(kind: Any) -> None:
    for dim in DIMS:
        for members in (0, 9):
            bag = kind(dim, seed=5).bundle(range(members))
            theirs, ours = bag.pack(), bag.to("cuda").pack()
            assert ours.device == "cuda:0"
            assert ours == theirs
            answers(ours, theirs, np.arange(20))
            assert ours.intersection_cardinality(ours) == theirs.intersection_cardinality(theirs)


def answers(ours: Any, theirs: Any, keys: Any) -> None:
    """Keys of the host are answered in host memory, those of the GPU there."""
    others, rows = keys + 1, theirs.space.atoms(keys)
    for method in ("similarity", "estimate", "contains"):
        here = getattr(theirs, method)(keys)
        assert same(getattr(ours, method)(keys), here)
        assert isinstance(getattr(ours, method)(keys), np.ndarray)
        there = getattr(ours, method)(on_gpu(keys))
        assert isinstance(there, cuda.DeviceArray)
        assert there.dtype == here.dtype
        assert same(there, here)
    assert same(ours.contains(on_gpu(keys), 0.1), theirs.contains(keys, 0.1))
    expected = theirs.pair_similarity(keys, others)
    assert same(ours.pair_similarity(keys, others), expected)
    assert same(ours.pair_similarity(on_gpu(keys), on_gpu(others)), expected)
    assert same(ours.pair_similarity(on_gpu(keys), others), expected)
    expected = theirs.vector_similarity(rows)
    assert same(ours.vector_similarity(rows), expected)
    found = ours.vector_similarity(on_gpu(rows))
    assert isinstance(found, cuda.DeviceArray)
    assert same(found, expected)
    if len(rows):
        assert same(ours.vector_similarity(on_gpu(rows[0])), expected[:1])
    assert ours.inner(theirs) == ours.inner(ours) == theirs.inner(ours) == theirs.inner(theirs)


def test_bundles_that_are_sums_answer_by_thresholds_there() -> None:
    keys = np.arange(40)
    for space in (MapI(500), BSC(500)):
        theirs = space.bundle(range(20))
        ours = theirs.to("cuda")
        answers(ours, theirs, keys)
        assert ours.inner(space.bundle(range(9))) == theirs.inner(space.bundle(range(9)))
        assert ours.norm() == theirs.norm()


def test_norms_and_inner_products() -> None:
    a, there = pair(2049, 4, None)
    b = MapI(2049, seed=5).bundle(range(20, 60)).quantize(7)
    assert there.norm() == a.norm()
    assert there.inner(b) == a.inner(b)
    assert b.inner(there) == b.inner(a)
    assert there.inner(b.to("cuda:1")) == a.inner(b)
    assert there.intersection_cardinality(b) == a.intersection_cardinality(b)
    heavy = MapI(100).bundle([1, 2], [2**30, 2**29])
    assert heavy.to("cuda").norm() == heavy.norm()
    assert heavy.to("cuda").inner(heavy) == heavy.inner(heavy)
    assert MapI(1).bundle().to("cuda").norm() == 0


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_made_of_values(bits: int) -> None:
    kept, _ = pair(65, bits, None)
    given = kept.space, kept.vector, bits, kept.step, kept.scale, kept.n_added
    for values in (on_gpu(kept.vector, 1), on_gpu(kept.vector.astype(np.int64), 1)):
        assert QuantizedBundle(given[0], values, *given[2:]).device == "cuda:1"
        assert QuantizedBundle(given[0], values, *given[2:]) == kept
    assert QuantizedBundle(*given, device="cuda") == kept
    assert QuantizedBundle(*given, device="cuda").device == "cuda:0"
    assert QuantizedBundle(given[0], on_gpu(kept.vector), *given[2:], device="cpu").device == "cpu"
    assert QuantizedBundle(*given).device == "cpu"


def test_made_of_a_packed_vector() -> None:
    bag = MapB(70).bundle(range(9)).pack()
    vector = bag.vector
    for words in (on_gpu(vector, 1), on_gpu(vector.view(np.int64), 1)):
        made = PackedBundle(MapB(70), words, 9)
        assert made.device == "cuda:1"
        assert made == bag
    assert PackedBundle(MapB(70), vector, 9, device="cuda").device == "cuda:0"
    assert PackedBundle(MapB(70), on_gpu(vector), 9, device="cpu").device == "cpu"
    mine = on_gpu(vector)
    made = PackedBundle(MapB(70), mine, 9)
    mine.memory.clear(0)
    assert made == bag


def test_copies_files_and_pickles(tmp_path: Path) -> None:
    for ours in (pair(200, 3, None)[1], MapB(200).bundle(range(31)).pack().to("cuda")):
        theirs = ours.to("cpu")
        assert theirs.device == "cpu"
        assert theirs.to("cuda:1").device == "cuda:1"
        assert theirs.to("cuda:1") == ours == ours.copy() == copy.deepcopy(ours)
        assert ours.copy().device == "cuda:0"
        assert pickle.loads(pickle.dumps(ours)) == ours
        assert pickle.loads(pickle.dumps(ours)).device == "cuda:0"
        assert ours.to_bytes() == theirs.to_bytes()
        assert hypersketch.from_bytes(ours.to_bytes()) == ours
        ours.save(tmp_path / "ours.safetensors")
        assert hypersketch.load(tmp_path / "ours.safetensors") == ours
        assert repr(ours) == repr(theirs)[:-1] + ", device='cuda:0')"
        assert ours.nbytes == theirs.nbytes
        assert same(ours.state, theirs.state)
        with ours.share() as shared:
            assert hypersketch.attach(shared.name) == ours


def test_calls_on_a_stream_of_their_own() -> None:
    theirs, _ = pair(2049, 3, None)
    bag = MapI(2049, seed=5).bundle(range(40), weights=[i % 7 - 2 for i in range(40)], device="cuda")
    keys = on_gpu(np.arange(60))
    with cuda.stream(1):
        ours = bag.quantize(3)
        assert ours == theirs
        members, scores = ours.contains(keys), ours.similarity(keys)
    with cuda.stream(2):
        assert same(ours.vector, theirs.vector)
    assert same(members, theirs.contains(np.arange(60)))
    assert same(scores, theirs.similarity(np.arange(60)))


def test_refusals() -> None:
    theirs, ours = pair(70, 3, None)
    bad = theirs.space.atoms(range(3))
    bad[1, 1] |= np.uint64(1) << np.uint64(6)
    odd = on_gpu(np.full(70, 2))
    space = MapI(70)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "beyond dimension 70", lambda: ours.vector_similarity(on_gpu(bad))),
        (ValueError, "beyond dimension 70", lambda: ours.vector_similarity(bad)),
        (ValueError, "is on cuda:1", lambda: ours.similarity(on_gpu(np.arange(3), 1))),
        (ValueError, "2 elements but values has 1", lambda: ours.pair_similarity([1, 2], [3])),
        (ValueError, "'threshold'", lambda: ours.contains(on_gpu(np.arange(3)), float("nan"))),
        (TypeError, "compared with another QuantizedBundle", lambda: ours.inner(space.bundle())),
        (ValueError, "odd numbers", lambda: QuantizedBundle(space, odd, 3, 2, 1.0, 1)),  # type: ignore[arg-type]
        (ValueError, "'device'", lambda: QuantizedBundle(space, theirs.vector, 3, 2, 1.0, 1, device="gpu")),
        (ValueError, "beyond", lambda: PackedBundle(MapB(70), on_gpu(bad[1]), 1)),  # type: ignore[arg-type]
        (ValueError, "one vector", lambda: PackedBundle(MapB(70), on_gpu(bad[:1]), 1)),  # type: ignore[arg-type]
        (ValueError, "'bits'", lambda: space.bundle(device="cuda").quantize(9)),
        (ValueError, "'step'", lambda: space.bundle(device="cuda").quantize(2, 3)),
        (TypeError, "cannot be quantized", lambda: MapB(70).bundle(device="cuda").quantize(2)),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    assert ours == theirs
