# SPDX-License-Identifier: Apache-2.0
"""Hypervectors on a GPU: every kernel against the CPU, bit for bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from gpu_tools import needs_gpu, on_gpu, same_there
from hypersketch import MapI, cuda
from hypersketch.vsa import BSC
from hypersketch.vsa.bundle import Bundle

pytestmark = needs_gpu

DIMS = [1, 3, 63, 64, 65, 127, 200, 2048, 2049]
SIZES = [1, 2, 7, 8, 9, 33, 100]


def keys_of(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(-(2**40), 2**40, n)


def weights_of(n: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(-5, 100, n)


# ---- algebra


@pytest.mark.parametrize("dim", DIMS)
def test_atoms_products_and_permutations(dim: int) -> None:
    space = BSC(dim, seed=3)
    for n in [0, *SIZES]:
        keys = keys_of(n)
        rows, others = space.atoms(keys), space.atoms(keys + 1)
        ours = space.atoms(on_gpu(keys))
        assert same_there(ours, rows)
        assert same_there(space.atoms_of_hashes(hypersketch.hash_keys(on_gpu(keys))), rows)
        assert same_there(space.bind(ours, on_gpu(others)), space.bind(rows, others))
        one = space.atoms("role")[0]
        assert same_there(space.bind(on_gpu(one), ours), space.bind(one, rows))
        for shift in (0, 1, -1, 63, 64, 65, dim // 2, dim - 1, 10**12):
            assert same_there(space.permute(ours, shift), space.permute(rows, shift))
        if n:
            assert same_there(space.permute(on_gpu(one), 5), space.permute(one, 5))
            assert same_there(space.similarity(ours, on_gpu(others)), space.similarity(rows, others))
            assert same_there(space.similarity(on_gpu(one), ours), space.similarity(one, rows))


def test_words_may_be_signed_and_go_where_the_caller_says() -> None:
    space = MapI(130)
    a, b = space.atoms(range(5)), space.atoms(range(5, 10))
    ours = space.bind(on_gpu(a.view(np.int64)), on_gpu(b))
    assert same_there(ours, space.bind(a, b).view(np.int64))
    out = on_gpu(np.zeros_like(a))
    assert space.bind(on_gpu(a), on_gpu(b), out=out) is out
    assert same_there(out, space.bind(a, b))
    mine = on_gpu(a)
    assert space.bind(mine, on_gpu(b), out=mine) is mine
    assert same_there(mine, space.bind(a, b))
    assert space.permute(on_gpu(a), 3, out=out) is out
    assert same_there(out, space.permute(a, 3))


def test_strings_have_the_atoms_of_strings() -> None:
    space, texts = BSC(100), ["apple", "", "pear"]
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    strings = cuda.Strings(on_gpu(np.array([0, 5, 5, 9])), on_gpu(data))
    assert same_there(space.atoms(strings), space.atoms(texts))
    assert space.bundle(strings) == space.bundle(texts).to("cuda")


@pytest.mark.parametrize("dim", [1, 64, 65, 300])
def test_sums(dim: int) -> None:
    space = MapI(dim, seed=9)
    rows = space.atoms(range(7))
    total = space.superpose(rows, weights=range(7))
    ours = on_gpu(total)
    assert same_there(space.bind(ours, on_gpu(rows)), space.bind(total, rows))
    assert same_there(space.bind(on_gpu(rows[0]), ours), space.bind(rows[0], total))
    both = np.stack([total, total[::-1]])
    assert same_there(space.permute(on_gpu(both), -3), space.permute(both, -3))
    assert same_there(space.normalize(on_gpu(both)), space.normalize(both))
    assert same_there(space.similarity(ours, on_gpu(rows)), space.similarity(total, rows))


# ---- bundles of vectors


@pytest.mark.parametrize("dim", DIMS)
def test_bundles_of_given_vectors(dim: int) -> None:
    binary, sums = BSC(dim, seed=3), MapI(dim, seed=3)
    for n in SIZES:
        rows, weights = binary.atoms(keys_of(n)), weights_of(n)
        ours = on_gpu(rows)
        starts = np.unique(np.random.default_rng(n).integers(0, n + 1, 4))
        for space in (binary, sums):
            assert same_there(space.superpose(ours), space.superpose(rows))
            expected = space.superpose(rows, weights)
            assert same_there(space.superpose(ours, weights), expected)
            assert same_there(space.superpose(ours, on_gpu(weights)), expected)
            if starts.size > 1:
                expected = space.superpose(rows, weights, starts=starts)
                assert same_there(space.superpose(ours, weights, starts=on_gpu(starts)), expected)
                assert same_there(space.superpose(ours, starts=starts), space.superpose(rows, starts=starts))


@pytest.mark.parametrize(("dim", "n"), [(65, 5000), (33, 70_000), (1, 3000)])
def test_bundles_that_many_blocks_share(dim: int, n: int) -> None:
    binary, sums = BSC(dim, seed=3), MapI(dim, seed=3)
    rows = binary.atoms(range(n))
    ours = on_gpu(rows)
    large = np.random.default_rng(0).integers(1 - 2**31, 2**31, n)
    for starts in (None, np.array([0, 1, n // 2, n // 2 + 1, n]), np.arange(0, n + 1, n // 100)):
        assert same_there(binary.superpose(ours, starts=starts), binary.superpose(rows, starts=starts))
        assert same_there(sums.superpose(ours, starts=starts), sums.superpose(rows, starts=starts))
    assert same_there(binary.superpose(ours, large), binary.superpose(rows, large))


def test_thresholds_and_bound_rows() -> None:
    from hypersketch.vsa import _packed

    space = BSC(150)
    rows, others, ties = space.atoms(range(40)), space.atoms(range(40, 80)), space._ties()
    for least in (None, 1, 20, 40, 41, 2**40):
        for weights in (None, weights_of(40)):
            given: dict[str, Any] = {"weights": weights, "starts": [0, 3, 40], "at_least": least}
            expected = _packed.majority("x", rows, 150, ties, bound_to=others, **given)
            ours = _packed.majority("x", on_gpu(rows), 150, ties, bound_to=on_gpu(others), **given)
            assert same_there(ours, expected)


# ---- bundles that stay


@pytest.mark.parametrize("dim", [1, 64, 65, 2049])
@pytest.mark.parametrize("kind", [BSC, MapI])
def test_bundles_are_the_same_counters(kind: Any, dim: int) -> None:
    space = kind(dim, seed=5)
    for n in (0, 1, 9, 100):
        keys, weights = keys_of(n), weights_of(n)
        ours, theirs = Bundle(space, device="cuda"), Bundle(space)
        for one, form in ((ours, on_gpu), (theirs, np.asarray)):
            one.add(keys)
            one.add(form(keys), form(weights))
            one.add_hashes(form(hypersketch.hash_keys(keys)))
            one.add_pairs(form(keys), form(keys + 1), form(weights))
            one.add_pairs(keys, keys + 2)
            one.add(["apple", "pear"], [2, 3])
            one.add_vectors(form(space.atoms(keys)), form(weights))
            one.add_vectors(space.atoms(keys))
            if kind is MapI:
                one.remove(form(keys), form(weights))
                one.remove("apple")
                one.add_vectors(form(space.superpose(space.atoms(["a", "b"]))))
            one.merge(space.bundle(keys))
        assert ours.device == "cuda:0"
        assert ours == theirs
        assert (ours.n_added, ours.total_weight) == (theirs.n_added, theirs.total_weight)
        assert same_there(ours.vector, theirs.vector)
        assert same_there(ours.counters, theirs.counters)
        answers(ours, theirs, keys)
        if kind is BSC:
            packed = ours.pack()
            assert packed.device == "cuda:0"
            assert packed == theirs.pack()
            answers(packed, theirs.pack(), keys)


def answers(ours: Any, theirs: Any, keys: Any) -> None:
    """Keys of the host are answered in host memory, those of the GPU there."""
    rows = theirs.space.atoms(keys)
    assert (ours.similarity(keys) == theirs.similarity(keys)).all()
    assert (ours.contains(["apple", "plum"]) == theirs.contains(["apple", "plum"])).all()
    assert same_there(ours.similarity(on_gpu(keys)), theirs.similarity(keys))
    expected = theirs.pair_similarity(keys, keys + 1)
    assert (ours.pair_similarity(keys, keys + 1) == expected).all()
    assert same_there(ours.pair_similarity(on_gpu(keys), keys + 1), expected)
    assert same_there(ours.vector_similarity(on_gpu(rows)), theirs.vector_similarity(rows))
    assert (ours.vector_similarity(rows) == theirs.vector_similarity(rows)).all()
    assert ours.inner(ours) == theirs.inner(theirs)


def test_bundles_move_and_leave_as_others_do() -> None:
    space = MapI(1000)
    bag = space.bundle(range(50)).to("cuda")
    assert bag.to("cuda:1").device == "cuda:1"
    assert bag.to("cpu") == bag == bag.copy() == pickle.loads(pickle.dumps(bag))
    assert hypersketch.from_bytes(bag.to_bytes()) == bag
    assert bag.norm() == bag.to("cpu").norm()
    assert bag.quantize(4) == bag.to("cpu").quantize(4)
    assert space.bundle(on_gpu(np.arange(50), 1)).device == "cuda:1"
    assert space.bundle(range(50), device="cuda") == bag
    both = bag + bag
    assert both.device == "cuda:0"
    assert both == space.bundle(range(50), [2] * 50)
    bag.clear()
    assert not np.asarray(bag.counters).any()


# ---- what is refused


def test_bits_beyond_the_dimension_are_refused() -> None:
    space = BSC(70)
    good = space.atoms(range(3))
    bad = good.copy()
    bad[1, 1] |= np.uint64(1) << np.uint64(6)
    bag = Bundle(space, device="cuda")
    calls = [
        lambda: space.bind(on_gpu(good), on_gpu(bad)),
        lambda: space.permute(on_gpu(bad), 1),
        lambda: space.superpose(on_gpu(bad)),
        lambda: space.superpose(on_gpu(bad), [1, 2, 3]),
        lambda: bag.add_vectors(on_gpu(bad)),
        lambda: bag.vector_similarity(on_gpu(bad)),
        lambda: MapI(70).bind(on_gpu(np.ones(70, np.int32)), on_gpu(bad)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="beyond dimension 70"):
            call()
    assert bag.n_added == 0
    assert not np.asarray(bag.counters).any()
    mine = on_gpu(good)
    with pytest.raises(ValueError, match="beyond"):
        space.bind(mine, on_gpu(bad), out=mine)
    assert same_there(mine, good)


def test_wrong_arrays_are_refused() -> None:
    space, sums = BSC(70), MapI(70)
    rows = on_gpu(space.atoms(range(3)))
    total = on_gpu(np.ones(70, np.int32))
    bag = Bundle(sums, device="cuda")
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "on a GPU", lambda: space.bind(rows, space.atoms("a"))),
        (TypeError, "uint64", lambda: space.bind(rows, on_gpu(np.zeros((3, 2), np.float32)))),
        (ValueError, "shape", lambda: space.bind(rows, on_gpu(np.zeros((3, 3), np.uint64)))),
        (ValueError, "3 rows but b has 2", lambda: space.bind(rows, on_gpu(space.atoms(range(2))))),
        (ValueError, "one GPU", lambda: space.bind(rows, on_gpu(space.atoms(range(3)), 1))),
        (ValueError, "out", lambda: space.permute(rows, 1, out=rows)),
        (TypeError, "packed", lambda: sums.bind(total, total)),
        (ValueError, "at least one vector", lambda: space.superpose(rows, starts=[0, 0, 3])),
        (ValueError, "starts", lambda: space.superpose(rows, starts=[0, 4])),
        (ValueError, "weight", lambda: space.superpose(rows, [1, 2])),
        (OverflowError, "int32", lambda: sums.superpose(rows, [2**31 - 1] * 3)),
        (ValueError, "on cuda:1", lambda: bag.add(on_gpu(np.arange(3), 1))),
        (ValueError, "in host memory", lambda: bag.add([1, 2], on_gpu(np.array([1, 2])))),
        (TypeError, "weights", lambda: bag.add(on_gpu(np.arange(2)), [1, 2])),
        (OverflowError, "int32", lambda: bag.add([1, 2], [2**31 - 1] * 2)),
        (ValueError, "2 elements but values has 1", lambda: bag.add_pairs([1, 2], [3])),
        (ValueError, "CPU", lambda: Bundle(sums).add(on_gpu(np.arange(3)))),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    assert bag.n_added == 0
    assert not np.asarray(bag.counters).any()
