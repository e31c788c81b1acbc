# SPDX-License-Identifier: Apache-2.0
"""Bundles: what they answer, that counters stay in their range, and what is refused."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

import reference
from hypersketch import Bundle, MapB, MapI, PackedBundle, _structure, theory
from makers import hashes_of, keys_of, weights_of

SPACES = [MapI, MapB]


# ---- answers


def test_contains_and_estimate_of_map_i() -> None:
    bag = MapI(1000).bundle(range(10))
    scores = bag.similarity(range(100))
    assert np.array_equal(bag.contains(range(100)), scores >= 0.5)
    assert np.array_equal(bag.contains(range(100), 0.1), scores >= 0.1)
    assert np.array_equal(bag.estimate(range(100)), scores)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 101])
def test_contains_and_estimate_of_map_b(n: int) -> None:
    bag = MapB(3000).bundle(range(n))
    c = theory.map_b.correlation(n)
    for answering in (bag, bag.pack()):
        scores = answering.similarity(range(200))
        assert np.array_equal(answering.contains(range(200)), scores >= c / 2)
        assert np.array_equal(answering.estimate(range(200)), scores / c)
        assert abs(answering.estimate(range(n)).mean() - 1) < 5 * math.sqrt(1 / 3000) / c


@pytest.mark.parametrize("kind", SPACES)
def test_empty_bundles(kind: Any) -> None:
    bag = kind(100).bundle()
    bag.add([])
    assert bag.n_added == 0
    assert not bag.contains(range(50)).any()
    assert np.array_equal(bag.estimate(range(5)), np.zeros(5))
    assert bag.similarity([]).shape == (0,)
    assert bag.intersection_cardinality(kind(100).bundle(range(5))) == 0.0


def test_inner_and_norm_of_map_i() -> None:
    space = MapI(500, 2)
    x, y = space.bundle(keys_of(50), weights_of(50)), space.bundle(keys_of(80, 20))
    cx = reference.bundle(reference.atoms(500, 2, hashes_of(50)), weights_of(50))
    cy = reference.bundle(reference.atoms(500, 2, hashes_of(80, 20)))
    assert x.inner(y) == y.inner(x) == x.intersection_cardinality(y) == int(cx @ cy) / 500
    assert x.norm() == math.sqrt(int(cx @ cx) / 500)
    mean, variance = theory.map_i.norm_moments(
        math.sqrt((weights_of(50) ** 2).sum()), (weights_of(50) ** 4).sum() ** 0.25, 500
    )
    assert abs(x.norm() ** 2 - mean) < 5 * math.sqrt(variance)


def test_inner_of_map_b() -> None:
    space = MapB(1000, 2)
    x, y = space.bundle(keys_of(51)), space.bundle(keys_of(71, 30))
    correlation = x.inner(y)
    assert correlation == x.pack().inner(y.pack()) == space.similarity(x.pack().vector, y.pack().vector)[0]
    expected = math.sqrt(51 * 71) * math.sin(math.pi * correlation / 2)
    assert x.intersection_cardinality(y) == pytest.approx(expected)
    assert x.pack().intersection_cardinality(y.pack()) == pytest.approx(expected)
    assert (x.norm(), x.inner(x)) == (1.0, 1.0)


@pytest.mark.parametrize(("kind", "n_y"), [(MapI, 41), (MapB, 41), (MapB, 81)])
def test_intersections_are_near_the_truth(kind: Any, n_y: int) -> None:
    found = []
    for seed in range(40):
        x, y = kind(4000, seed).bundle(keys_of(41)), kind(4000, seed).bundle(keys_of(n_y, 21))
        found.append(x.intersection_cardinality(y))
    error = np.std(found) / math.sqrt(len(found))
    # MAP-B's estimate rests on the central limit theorem: a bias of 0.3 is seen at these sizes (theory 2.6).
    assert abs(np.mean(found) - 20) < 5 * error + (0.5 if kind is MapB else 0)


def test_sequences_and_nesting() -> None:
    space = MapB(10_000)
    sequence = space.bundle()
    for position, letter in enumerate("abcde"):
        sequence.add_vectors(space.permute(space.atoms(letter), position))
    third = space.permute(space.atoms(list("abcde")), 2)
    assert int(np.argmax(sequence.vector_similarity(third))) == 2
    nested = space.bundle()
    for first in range(3):
        nested.add_vectors(space.bundle(range(3 * first, 3 * first + 3)).pack().vector)
    c = theory.map_b.nested_correlation(3, 2)
    assert abs(nested.similarity(range(9)).mean() - c) < 5 / math.sqrt(10_000)
    assert nested.n_added == 3


def test_ties_are_broken_alike_everywhere() -> None:
    space = MapB(1000, 4)
    empty = space.bundle().pack()
    tie = reference.pack(reference.atoms(1000, 4, np.zeros(1, np.uint64), reference.TIE))[0]
    assert np.array_equal(empty.vector, tie)
    both = space.bundle(["a", "b"])
    assert np.array_equal(both.pack().vector, space.bundle(["b", "a"]).pack().vector)
    assert not np.array_equal(MapB(1000, 5).bundle().pack().vector, tie)


# ---- counters


def test_counters_never_leave_int32() -> None:
    bag = MapI(100).bundle("a", [2**31 - 1])
    assert set(np.abs(bag.counters).tolist()) == {2**31 - 1}
    before = bag.copy()
    for change in (lambda: bag.add("b"), lambda: bag.merge(MapI(100).bundle("b")), lambda: bag.add("a", [1])):
        with pytest.raises(OverflowError, match=r"could leave the range of int32: the largest is 2147483647"):
            change()
        assert bag == before
        assert bag.n_added == 1
    with pytest.raises(OverflowError):
        bag.add_vectors(MapI(100).atoms("b"))
    with pytest.raises(OverflowError):
        bag.add_pairs("b", "c")
    assert bag == before
    bag = MapI(100).bundle("a", [2**30 - 1])
    bag.remove("a", [2**30 - 1])
    bag.add("b", [2**30 - 1])  # the bound is taken anew from the counters, not summed up for ever
    assert bag == MapI(100).bundle("b", [2**30 - 1])


def test_the_sum_of_weights_is_only_a_first_bound() -> None:
    bag = MapI(100).bundle()
    for _ in range(10):
        bag.add(["a", "a"], [2**29, -(2**29)])
    assert bag == MapI(100).bundle()
    with pytest.raises(OverflowError):
        bag.add(["a", "a"], [2**31 - 1, 1])


@pytest.mark.parametrize("weight", [2**31, -(2**31), 2**63 - 1, -(2**63)])
def test_weights_beyond_a_counter(weight: int) -> None:
    bag = MapI(100).bundle()
    with pytest.raises(
        ValueError, match=rf"must be integers in \[-\(2\*\*31 - 1\), 2\*\*31 - 1\]\. Got {weight}"
    ):
        bag.add("a", [weight])


def test_batches_of_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MapI(100).bundle(range(2000), weights_of(2000))
    pairs = MapI(100).bundle()
    pairs.add_pairs(range(2000), range(5000, 7000), weights_of(2000))
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255)
    pieces = MapI(100).bundle(range(2000), weights_of(2000))
    assert pieces == whole
    assert (pieces.n_added, pieces.total_weight) == (2000, weights_of(2000).sum())
    assert np.array_equal(pieces.similarity(range(3000)), whole.similarity(range(3000)))
    rows = MapI(100).bundle()
    rows.add_vectors(MapI(100).atoms(range(2000)), weights_of(2000))
    assert rows == whole
    other = MapI(100).bundle()
    other.add_pairs(range(2000), range(5000, 7000), weights_of(2000))
    assert other == pairs
    pieces.remove(range(2000), weights_of(2000))
    assert not pieces.counters.any()
    pieces.add(range(1000))
    pieces.remove(range(1000))
    assert not pieces.counters.any()


# ---- spaces and refusals


def test_spaces() -> None:
    space = MapI(100, 7)
    assert (space.dim, space.seed, space.n_words, space.nbytes) == (100, 7, 2, 16)
    assert space == MapI(100, seed=7) != MapB(100, 7)
    assert MapI(100) != MapI(101)
    assert hash(space) == hash(MapI(100, 7))
    assert repr(space) == "MapI(dim=100, seed=7)"
    assert repr(MapB(np.int64(3))) == "MapB(dim=3, seed=0)"
    assert pickle.loads(pickle.dumps(space)) == space
    assert space.bundle().space == space
    with pytest.raises(AttributeError):
        space.dim = 5  # type: ignore[misc]


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize(
    ("dim", "error"),
    [
        (0, ValueError),
        (-3, ValueError),
        (2**31, ValueError),
        (1.5, TypeError),
        ("8", TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_refused_dimensions(kind: Any, dim: Any, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=rf"The 'dim' parameter of {kind.__name__} must be an integer in \[1, 2\*\*31 - 1\]"
    ):
        kind(dim)


def test_what_only_one_space_can_do() -> None:
    with pytest.raises(TypeError, match="cannot be removed from it"):
        MapB(64).bundle("a").remove("a")
    with pytest.raises(TypeError, match="cannot be packed"):
        MapI(64).bundle("a").pack()
    with pytest.raises(
        ValueError, match=r"'space' parameter of PackedBundle must be one of 'MapB', 'BSC'\. Got 'MapI'"
    ):
        PackedBundle(MapI(64), np.zeros(1, np.uint64), 1)
    with pytest.raises(TypeError, match=r"'space' parameter of Bundle must be a space \(MapI, MapB, BSC\)"):
        Bundle("MapI")  # type: ignore[arg-type]


def test_refused_vectors() -> None:
    space = MapI(100)
    bag = space.bundle()
    for use in (
        bag.add_vectors,
        bag.vector_similarity,
        space.unpack,
        lambda v: space.permute(v, 1),
        lambda v: space.bind(v, space.atoms("a")),
        lambda v: space.similarity(space.atoms("a"), v),
    ):
        with pytest.raises(
            ValueError, match=r"has the shape \(3,\) but .* needs \(2,\) or \(n, 2\): 100 dimensions"
        ):
            use(np.zeros(3, np.uint64))
        with pytest.raises(ValueError, match="sets bits beyond dimension 100"):
            use(np.full((1, 2), 2**64 - 1, np.uint64))
        with pytest.raises(
            TypeError, match=r"must be packed vectors of uint64 with 2 words \(100 dimensions\)"
        ):
            use(np.zeros(2))
        with pytest.raises(TypeError, match="must be packed vectors"):
            use([0, 0])
        with pytest.raises(ValueError, match="has the shape"):
            use(np.zeros((1, 1, 2), np.uint64))
    assert bag == space.bundle()


def test_refused_weights() -> None:
    bag = MapI(64).bundle()
    for weights, error, text in (
        ([1], ValueError, "must have one element a key, 2. Got 1 instead"),
        ([[1, 2]], ValueError, "must be one-dimensional"),
        (3, ValueError, "must be one-dimensional"),
        ([1.0, 2.0], TypeError, "must be integers. Got 1.0 instead"),
        (np.ones(2), TypeError, "must be integers. Got an array of float64"),
        ([True, False], TypeError, "must be integers. Got True instead"),
        (["1", "2"], TypeError, "must be integers"),
    ):
        with pytest.raises(error, match=text):
            bag.add(["a", "b"], weights)
    with pytest.raises(ValueError, match="needs one value a key: keys has 2 elements but values has 1"):
        bag.add_pairs(["a", "b"], ["c"])
    with pytest.raises(
        TypeError, match=r"'weights' parameter of MapI\.bundle must be None when there are no"
    ):
        MapI(64).bundle(weights=[1])
    with pytest.raises(TypeError, match=r"'shift' parameter of MapI\.permute must be an integer"):
        MapI(64).permute(MapI(64).atoms("a"), 1.0)  # type: ignore[arg-type]
    for threshold in (float("nan"), "a", [0.5]):
        with pytest.raises(
            (TypeError, ValueError), match="'threshold' parameter of contains must be a finite float"
        ):
            bag.contains("a", threshold)  # type: ignore[arg-type]
    assert bag == MapI(64).bundle()


def test_views_cannot_be_written() -> None:
    bag = MapB(64).bundle("a")
    for view in (bag.counters, bag.pack().vector):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1


def test_packed_bundles_made_by_hand() -> None:
    space = MapB(100)
    made = PackedBundle(space, space.bundle(range(7)).pack().vector, 7)
    assert made == space.bundle(range(7)).pack()
    assert made.nbytes == 16
    with pytest.raises(ValueError, match="takes one vector of 2 words"):
        PackedBundle(space, np.zeros((1, 2), np.uint64), 1)
    with pytest.raises(ValueError, match="'n_added' parameter of PackedBundle must be an integer in"):
        PackedBundle(space, np.zeros(2, np.uint64), -1)
    with pytest.raises(AttributeError):
        made.add("a")  # type: ignore[attr-defined]
