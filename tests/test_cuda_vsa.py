# SPDX-License-Identifier: Apache-2.0
"""Hypervectors on a GPU: every kernel against the CPU, bit for bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import MapI, cuda
from hypersketch.vsa import BSC
from hypersketch.vsa.bundle import Bundle

REASON = cuda.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

DIMS = [1, 3, 63, 64, 65, 127, 200, 2048, 2049]
SIZES = [1, 2, 7, 8, 9, 33, 100]


def there(array: Any, device: int = 0) -> cuda.DeviceArray:
    return cuda.DeviceArray.of(np.asarray(array), device)


def same(ours: Any, theirs: Any) -> bool:
    assert isinstance(ours, cuda.DeviceArray)
    host = np.asarray(ours)
    return bool(host.dtype == theirs.dtype and np.array_equal(host, theirs))


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
        ours = space.atoms(there(keys))
        assert same(ours, rows)
        assert same(space.atoms_of_hashes(hypersketch.hash_keys(there(keys))), rows)
        assert same(space.bind(ours, there(others)), space.bind(rows, others))
        one = space.atoms("role")[0]
        assert same(space.bind(there(one), ours), space.bind(one, rows))
        for shift in (0, 1, -1, 63, 64, 65, dim // 2, dim - 1, 10**12):
            assert same(space.permute(ours, shift), space.permute(rows, shift))
        if n:
            assert same(space.permute(there(one), 5), space.permute(one, 5))
            assert same(space.similarity(ours, there(others)), space.similarity(rows, others))
            assert same(space.similarity(there(one), ours), space.similarity(one, rows))


def test_words_may_be_signed_and_go_where_the_caller_says() -> None:
    space = MapI(130)
    a, b = space.atoms(range(5)), space.atoms(range(5, 10))
    ours = space.bind(there(a.view(np.int64)), there(b))
    assert same(ours, space.bind(a, b).view(np.int64))
    out = there(np.zeros_like(a))
    assert space.bind(there(a), there(b), out=out) is out
    assert same(out, space.bind(a, b))
    mine = there(a)
    assert space.bind(mine, there(b), out=mine) is mine
    assert same(mine, space.bind(a, b))
    assert space.permute(there(a), 3, out=out) is out
    assert same(out, space.permute(a, 3))


def test_strings_have_the_atoms_of_strings() -> None:
    space, texts = BSC(100), ["apple", "", "pear"]
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    strings = cuda.Strings(there(np.array([0, 5, 5, 9])), there(data))
    assert same(space.atoms(strings), space.atoms(texts))
    assert space.bundle(strings) == space.bundle(texts).to("cuda")


@pytest.mark.parametrize("dim", [1, 64, 65, 300])
def test_sums(dim: int) -> None:
    space = MapI(dim, seed=9)
    rows = space.atoms(range(7))
    total = space.superpose(rows, weights=range(7))
    ours = there(total)
    assert same(space.bind(ours, there(rows)), space.bind(total, rows))
    assert same(space.bind(there(rows[0]), ours), space.bind(rows[0], total))
    both = np.stack([total, total[::-1]])
    assert same(space.permute(there(both), -3), space.permute(both, -3))
    assert same(space.normalize(there(both)), space.normalize(both))
    assert same(space.similarity(ours, there(rows)), space.similarity(total, rows))


# ---- bundles of vectors


@pytest.mark.parametrize("dim", DIMS)
def test_bundles_of_given_vectors(dim: int) -> None:
    binary, sums = BSC(dim, seed=3), MapI(dim, seed=3)
    for n in SIZES:
        rows, weights = binary.atoms(keys_of(n)), weights_of(n)
        ours = there(rows)
        starts = np.unique(np.random.default_rng(n).integers(0, n + 1, 4))
        for space in (binary, sums):
            assert same(space.superpose(ours), space.superpose(rows))
            expected = space.superpose(rows, weights)
            assert same(space.superpose(ours, weights), expected)
            assert same(space.superpose(ours, there(weights)), expected)
            if starts.size > 1:
                expected = space.superpose(rows, weights, starts=starts)
                assert same(space.superpose(ours, weights, starts=there(starts)), expected)
                assert same(space.superpose(ours, starts=starts), space.superpose(rows, starts=starts))


@pytest.mark.parametrize(("dim", "n"), [(65, 5000), (33, 70_000), (1, 3000)])
def test_bundles_that_many_blocks_share(dim: int, n: int) -> None:
    binary, sums = BSC(dim, seed=3), MapI(dim, seed=3)
    rows = binary.atoms(range(n))
    ours = there(rows)
    large = np.random.default_rng(0).integers(1 - 2**31, 2**31, n)
    for starts in (None, np.array([0, 1, n // 2, n // 2 + 1, n]), np.arange(0, n + 1, n // 100)):
        assert same(binary.superpose(ours, starts=starts), binary.superpose(rows, starts=starts))
        assert same(sums.superpose(ours, starts=starts), sums.superpose(rows, starts=starts))
    assert same(binary.superpose(ours, large), binary.superpose(rows, large))


def test_thresholds_and_bound_rows() -> None:
    from hypersketch.vsa import _packed

    space = BSC(150)
    rows, others, ties = space.atoms(range(40)), space.atoms(range(40, 80)), space._ties()
    for least in (None, 1, 20, 40, 41, 2**40):
        for weights in (None, weights_of(40)):
            given: dict[str, Any] = {"weights": weights, "starts": [0, 3, 40], "at_least": least}
            expected = _packed.majority("x", rows, 150, ties, bound_to=others, **given)
            ours = _packed.majority("x", there(rows), 150, ties, bound_to=there(others), **given)
            assert same(ours, expected)


# ---- bundles that stay


@pytest.mark.parametrize("dim", [1, 64, 65, 2049])
@pytest.mark.parametrize("kind", [BSC, MapI])
def test_bundles_are_the_same_counters(kind: Any, dim: int) -> None:
    space = kind(dim, seed=5)
    for n in (0, 1, 9, 100):
        keys, weights = keys_of(n), weights_of(n)
        ours, theirs = Bundle(space, device="cuda"), Bundle(space)
        for one, form in ((ours, there), (theirs, np.asarray)):
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
        assert same(ours.vector, theirs.vector)
        assert same(ours.counters, theirs.counters)
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
    assert same(ours.similarity(there(keys)), theirs.similarity(keys))
    expected = theirs.pair_similarity(keys, keys + 1)
    assert (ours.pair_similarity(keys, keys + 1) == expected).all()
    assert same(ours.pair_similarity(there(keys), keys + 1), expected)
    assert same(ours.vector_similarity(there(rows)), theirs.vector_similarity(rows))
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
    assert space.bundle(there(np.arange(50), 1)).device == "cuda:1"
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
        lambda: space.bind(there(good), there(bad)),
        lambda: space.permute(there(bad), 1),
        lambda: space.superpose(there(bad)),
        lambda: space.superpose(there(bad), [1, 2, 3]),
        lambda: bag.add_vectors(there(bad)),
        lambda: bag.vector_similarity(there(bad)),
        lambda: MapI(70).bind(there(np.ones(70, np.int32)), there(bad)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="beyond dimension 70"):
            call()
    assert bag.n_added == 0
    assert not np.asarray(bag.counters).any()
    mine = there(good)
    with pytest.raises(ValueError, match="beyond"):
        space.bind(mine, there(bad), out=mine)
    assert same(mine, good)


def test_wrong_arrays_are_refused() -> None:
    space, sums = BSC(70), MapI(70)
    rows = there(space.atoms(range(3)))
    total = there(np.ones(70, np.int32))
    bag = Bundle(sums, device="cuda")
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "on a GPU", lambda: space.bind(rows, space.atoms("a"))),
        (TypeError, "uint64", lambda: space.bind(rows, there(np.zeros((3, 2), np.float32)))),
        (ValueError, "shape", lambda: space.bind(rows, there(np.zeros((3, 3), np.uint64)))),
        (ValueError, "3 rows but b has 2", lambda: space.bind(rows, there(space.atoms(range(2))))),
        (ValueError, "one GPU", lambda: space.bind(rows, there(space.atoms(range(3)), 1))),
        (ValueError, "out", lambda: space.permute(rows, 1, out=rows)),
        (TypeError, "packed", lambda: sums.bind(total, total)),
        (ValueError, "at least one vector", lambda: space.superpose(rows, starts=[0, 0, 3])),
        (ValueError, "starts", lambda: space.superpose(rows, starts=[0, 4])),
        (ValueError, "weight", lambda: space.superpose(rows, [1, 2])),
        (OverflowError, "int32", lambda: sums.superpose(rows, [2**31 - 1] * 3)),
        (ValueError, "on cuda:1", lambda: bag.add(there(np.arange(3), 1))),
        (ValueError, "in host memory", lambda: bag.add([1, 2], there(np.array([1, 2])))),
        (TypeError, "weights", lambda: bag.add(there(np.arange(2)), [1, 2])),
        (OverflowError, "int32", lambda: bag.add([1, 2], [2**31 - 1] * 2)),
        (ValueError, "2 elements but values has 1", lambda: bag.add_pairs([1, 2], [3])),
        (ValueError, "CPU", lambda: Bundle(sums).add(there(np.arange(3)))),
    ]
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
    assert bag.n_added == 0
    assert not np.asarray(bag.counters).any()
