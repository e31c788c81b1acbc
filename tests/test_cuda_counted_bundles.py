# SPDX-License-Identifier: Apache-2.0
"""Bundles of int32 counters on a GPU: the CPU's counters, vectors and similarities, bit for bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same_bits
from hypersketch import cuda
from hypersketch.vsa import (
    BSDC,
    CGR,
    MCR,
    MapT,
    ModularBundle,
    SparseBlockCodes,
    SparseBundle,
    TernaryBundle,
)

pytestmark = needs_gpu

SPACES = [
    *(MapT(dim, 4) for dim in (1, 63, 64, 65, 1000)),
    *(BSDC(dim, 4, variant) for dim in (16, 64, 65, 1000) for variant in ("cdt", "s", "seg")),
    BSDC(70_000, 4, "s"),  # of a table of 340 places, and many collisions
    *(kind(dim, 4, modulus) for kind in (CGR, MCR) for dim, modulus in ((1, 2), (7, 6), (64, 64), (129, 10))),
    CGR(65, 4, 9),
    *(SparseBlockCodes(blocks * 16, 4, 16) for blocks in (1, 33)),
    MCR(3, 4, 5000),  # more values than a block counts for itself
    CGR(2, 4, 2**16),
]


def bundle(space: Any, device: str = "cpu") -> Any:
    made = type(space.bundle())(space, device=device)
    assert made.device == device
    return made


def agree(ours: Any, theirs: Any) -> bool:
    counts = ours.n_added == theirs.n_added and ours.total_weight == theirs.total_weight
    return bool(counts and ours == theirs and same_bits(ours.state, theirs.state))


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_what_is_added_is_counted_as_on_the_cpu(space: Any) -> None:
    keys = np.arange(40)
    weights = np.random.default_rng(1).integers(-9, 9, 40)
    ours, theirs = bundle(space, "cuda:0"), bundle(space)
    for one, form in ((ours, on_gpu), (theirs, np.asarray)):
        one.add(form(keys))
        one.add(form(keys), form(weights))
        one.add(form(keys), weights)
        one.add(keys, form(weights))
        one.add(keys[:0])
        one.add(form(keys[:0]), form(weights[:0]))
        one.add_hashes(form(hypersketch.hash_keys(keys)), weights)
        one.add_hashes(hypersketch.hash_keys(keys))
        one.add(["apple", "pear"], [2, -3])
        one.remove(form(keys[:7]), weights[:7])
        one.remove(form(keys[:7]), form(weights[:7]))
        one.remove("apple")
        rows = space.atoms(keys)
        one.add_vectors(form(rows), form(weights))
        one.add_vectors(form(rows[3]))
        one.add_vectors(form(rows), weights)
        one.add_vectors(rows, form(weights))
        one.add_vectors(rows)
        one.add_vectors(form(rows[:0]))
        one.merge(space.bundle(keys))
        if not isinstance(space, BSDC) or space.dim <= 1000:
            one.add_pairs(form(keys), form(keys + 1), form(weights))
            one.add_pairs(["a", "b"], ["c", "d"])
            one.add_pairs(form(keys), keys + 1)
            one.add_pairs(keys[:0], keys[:0])
    assert agree(ours, theirs)
    assert same_bits(ours.counters, theirs.counters)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_answers(space: Any) -> None:
    keys = np.arange(50)
    for weights in (None, np.arange(50) % 7 - 2):
        theirs = space.bundle(keys, weights)
        ours = theirs.to("cuda")
        assert isinstance(ours.vector, cuda.DeviceArray)
        assert same_bits(ours.vector, theirs.vector)
        for some in (keys, keys[:1], keys[:0], "apple", ["apple", "pear"]):
            found = ours.similarity(some)
            assert isinstance(found, np.ndarray)
            assert same_bits(found, theirs.similarity(some))
        found = ours.similarity(on_gpu(keys))
        assert isinstance(found, cuda.DeviceArray)
        assert same_bits(found, theirs.similarity(keys))
    empty = bundle(space, "cuda:0")
    assert same_bits(empty.vector, space.bundle().vector)
    assert same_bits(empty.similarity(keys), space.bundle().similarity(keys))


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("n", [0, 1, 33, 700])
def test_atoms(space: Any, n: int) -> None:
    keys = np.arange(n)
    made = space.atoms(on_gpu(keys))
    assert isinstance(made, cuda.DeviceArray)
    assert same_bits(made, space.atoms(keys))
    assert same_bits(space.atoms_of_hashes(on_gpu(hypersketch.hash_keys(keys))), space.atoms(keys))


@pytest.mark.parametrize("n", [255, 256, 1000, 3000])
def test_large_batches(n: int) -> None:
    keys = np.arange(n)
    weights = np.random.default_rng(n).integers(-(2**18), 2**18, n)
    for space in (MapT(100), BSDC(100), BSDC(100, 0, "seg"), CGR(40), MCR(41, 0, 300)):
        rows, ours, theirs = space.atoms(keys), bundle(space, "cuda:0"), bundle(space)
        for one, form in ((ours, on_gpu), (theirs, np.asarray)):
            one.add(form(keys), form(weights))
            one.remove(form(keys))
            one.add_vectors(form(rows), form(weights))
            one.add_vectors(form(rows))
        assert agree(ours, theirs)
        assert same_bits(ours.vector, theirs.vector)
        assert same_bits(ours.similarity(keys), theirs.similarity(keys))


def test_vectors_are_nested_and_products_are_added() -> None:
    for space in (MapT(70), BSDC(70, 0, "s"), CGR(33)):
        unions = np.stack([space.bundle(range(i, i + 3)).vector for i in range(5)])
        ours, theirs = bundle(space, "cuda:0"), bundle(space)
        ours.add_vectors(on_gpu(unions), [1, -1, 2, 3, 4])
        ours.add_vectors(space.bundle("x", device="cuda").vector)
        theirs.add_vectors(unions, [1, -1, 2, 3, 4])
        theirs.add_vectors(space.bundle("x").vector)
        assert agree(ours, theirs)
        signed = on_gpu(unions.view(unions.dtype.str.replace("u", "i")))  # the same bits
        ours.add_vectors(signed)
        theirs.add_vectors(unions)
        assert agree(ours, theirs)


@pytest.mark.parametrize("space", SPACES[3::4], ids=repr)
def test_bundles_move_and_leave_as_others_do(space: Any) -> None:
    bag = space.bundle(range(30)).to("cuda")
    assert bag.to("cuda:1").device == "cuda:1"
    assert bag.to("cpu") == bag == bag.copy() == pickle.loads(pickle.dumps(bag))
    assert pickle.loads(pickle.dumps(bag)).device == "cuda:0"
    assert hypersketch.from_bytes(bag.to_bytes()) == bag
    assert "device='cuda:0'" in repr(bag)
    assert space.bundle(range(30), device="cuda") == bag
    assert space.bundle(on_gpu(np.arange(30), 1)).device == "cuda:1"
    assert bundle(space, "cuda:1") == space.bundle()
    both = bag + bag
    assert both.device == "cuda:0"
    assert (np.asarray(both.state) == 2 * np.asarray(bag.state)).all()
    on_host = bag.to("cpu")
    on_host.merge(bag)
    assert on_host == both
    both.remove(range(30))
    assert both == bag
    bag.clear()
    assert not np.asarray(bag.state).any()
    assert bag.n_added == 0


def test_work_waits_for_the_stream_of_its_arrays() -> None:
    keys = np.arange(600)
    for space in (MapT(100), BSDC(100), MCR(50)):
        theirs = space.bundle(keys, np.arange(600))
        with cuda.stream(2):
            ours = space.bundle(on_gpu(keys), on_gpu(np.arange(600)))
        with cuda.stream(1):
            vector, scores = ours.vector, ours.similarity(on_gpu(keys))
        assert same_bits(vector, theirs.vector)
        assert same_bits(scores, theirs.similarity(keys))
        ours.add_vectors(vector)
        theirs.add_vectors(theirs.vector)
        assert agree(ours, theirs)


LARGEST = 2**31 - 1


@pytest.mark.parametrize("space", [MapT(65), BSDC(65), BSDC(65, 0, "seg"), CGR(33, 0, 9), MCR(8)], ids=repr)
def test_counters_stay_in_their_range(space: Any) -> None:
    ours, theirs = bundle(space, "cuda:0"), bundle(space)
    rows = space.atoms(range(3))
    for one, form in ((ours, on_gpu), (theirs, np.asarray)):
        one.add(form(np.arange(1)), [LARGEST])  # the largest there may be
        for call in (
            lambda one=one, form=form: one.add(form(np.arange(1))),
            lambda one=one, form=form: one.add(form(np.arange(3)), form(np.array([0, LARGEST, 1]))),
            lambda one=one: one.add(0),
            lambda one=one, form=form: one.remove(form(np.arange(1)), [-1]),
            lambda one=one, form=form: one.add_pairs(form(np.arange(2)), form(np.arange(2)), [LARGEST, 1]),
            lambda one=one, form=form: one.add_vectors(form(rows)),
            lambda one=one, form=form: one.merge(one),
        ):
            with pytest.raises(OverflowError, match="could leave the range of int32"):
                call()
        one.remove(form(np.arange(1)), [0])
    assert agree(ours, theirs)
    for one, form in ((ours, on_gpu), (theirs, np.asarray)):
        one.clear()
        one.remove(form(np.arange(1)), form(np.array([LARGEST])))
    assert agree(ours, theirs)
    for one, form in ((ours, on_gpu), (theirs, np.asarray)):
        one.clear()
        one.add_vectors(form(rows[:1]), form(np.array([-LARGEST])))
    assert agree(ours, theirs)


def wrong_vectors(space: Any) -> list[tuple[type[Exception], str, Any]]:
    rows = space.atoms(range(3))
    stray = rows.copy()
    if isinstance(space, CGR):
        stray[1, -1] = space.modulus
    else:
        stray[1, -1] |= np.uint64(1) << np.uint64(63)
    why = {MapT: "no bit beyond them and", BSDC: "sets bits beyond dimension 65", CGR: "Got 'larger ones'"}
    return [
        (ValueError, why[type(space)], on_gpu(stray)),
        (TypeError, "vectors of", on_gpu(rows.astype(np.float64))),
        (ValueError, "has the shape", on_gpu(rows[:, :-1])),
        (ValueError, "one after the other", Strided(on_gpu(np.repeat(rows, 2, axis=1)), rows.shape)),
        (ValueError, "Move one", on_gpu(rows, 1)),
    ]


class Strided:
    """Every second element of the rows of an array."""

    def __init__(self, array: cuda.DeviceArray, shape: tuple[int, ...]) -> None:
        step = array.dtype.itemsize
        given = dict(array.__cuda_array_interface__)
        strides = (2 * shape[1] * step, 2 * step)
        self.__cuda_array_interface__ = {**given, "shape": shape, "strides": strides}
        self._kept = array


@pytest.mark.parametrize("space", [MapT(65), BSDC(65), CGR(33, 0, 9)], ids=repr)
def test_what_does_not_fit_is_refused(space: Any) -> None:
    bag, plain = bundle(space, "cuda:0"), bundle(space)
    bag.add("a")
    before, keys = np.asarray(bag.state), np.arange(3)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "Move one", lambda: bag.add(on_gpu(keys, 1))),
        (ValueError, "Move one", lambda: bag.similarity(on_gpu(keys, 1))),
        (ValueError, "on the CPU", lambda: plain.add(on_gpu(keys))),
        (TypeError, "vectors", lambda: plain.add_vectors(on_gpu(space.atoms(keys)))),
        (ValueError, "one value a key", lambda: bag.add_pairs(on_gpu(keys), keys[:2])),
        (ValueError, "weights", lambda: bag.add(on_gpu(keys), on_gpu(np.arange(2)))),
        (ValueError, "weights", lambda: bag.add(on_gpu(keys), [1, 2])),
        (ValueError, "weights", lambda: bag.add(on_gpu(keys), on_gpu(np.arange(3), 1))),
        (ValueError, "weights", lambda: bag.add(on_gpu(keys), on_gpu(np.ones(3)))),
        (TypeError, "weights", lambda: bag.add(keys, np.ones(3))),
        (ValueError, "at most", lambda: bag.add(on_gpu(keys), on_gpu(np.array([2**31, 0, 0])))),
        (TypeError, "keys", lambda: bag.add(on_gpu(np.ones(3)))),
        (TypeError, "hashes", lambda: bag.add_hashes(on_gpu(keys))),
        (TypeError, "device", lambda: type(bag)(space, device=0)),
        (ValueError, "device", lambda: type(bag)(space, device="cuda:99")),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    for error, words, rows in wrong_vectors(space):
        with pytest.raises(error, match=words):
            bag.add_vectors(rows)
    assert same_bits(bag.state, before)
    assert bag.n_added == 1


def test_a_key_interrupted_between_pieces_is_counted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypersketch.vsa import _counted_on_gpu

    monkeypatch.setattr(_counted_on_gpu, "_ENTRIES_AT_ONCE", 1)  # pieces of 255 keys
    monkeypatch.setattr(_counted_on_gpu, "_ATOM_BYTES", 1)
    keys, weights = np.arange(700), np.arange(700) - 90
    for space in (MapT(65), BSDC(65), CGR(33, 0, 9)):
        ours, theirs = bundle(space, "cuda:0"), bundle(space)
        for one, form in ((ours, on_gpu), (theirs, np.asarray)):
            one.add(form(keys), weights)
            one.remove(keys[:300])
            one.add_vectors(form(space.atoms(keys)), weights)
        assert agree(ours, theirs)
        assert same_bits(ours.similarity(keys), theirs.similarity(keys))
        commit, calls = type(ours)._commit, []

        def stop(self: Any, *arguments: Any, commit: Any = commit, calls: Any = calls) -> None:
            commit(self, *arguments)
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt

        cut = bundle(space, "cuda:0")
        with monkeypatch.context() as patch:
            patch.setattr(type(ours), "_commit", stop)
            with pytest.raises(KeyboardInterrupt):
                cut.add(on_gpu(keys), weights)
        assert agree(cut, space.bundle(keys[:510], weights[:510]))


def test_classes_are_those_of_the_spaces() -> None:
    assert type(MapT(8).bundle(device="cuda")) is TernaryBundle
    assert type(BSDC(16).bundle(device="cuda")) is SparseBundle
    assert type(CGR(8).bundle(device="cuda")) is ModularBundle
