# SPDX-License-Identifier: Apache-2.0
"""What all spaces have in common, whatever their vectors are."""

from __future__ import annotations

import dataclasses
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import vsa
from hypersketch.vsa import Hypervectors
from hypersketch.vsa.by_name import NAMES

names = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(params=NAMES)
def one(request: pytest.FixtureRequest) -> Any:
    options = {"modulus": 8} if request.param == "b-sbc" else {}  # 128 blocks
    return vsa.space(request.param, 1024, seed=7, **options)


@names
def test_a_name_stands_for_a_space(name: str) -> None:
    made = vsa.space(name, 256, seed=3)
    assert (made.dim, made.seed) == (256, 3)
    assert made == NAMES[name](256, 3)
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, NAMES[name](256, 3), NAMES[name](256, 4)}) == 2


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'name' parameter of space must be one of 'map-i'"):
        vsa.space("map", 100)
    for name, options in (("map-i", {"modulus": 3}), ("bsdc-s", {"variant": "seg"})):
        with pytest.raises(TypeError):
            vsa.space(name, 100, **options)


def test_atoms_depend_on_key_and_seed_alone(one: Any) -> None:
    rows = one.atoms(["a", "b", "c"])
    assert np.array_equal(rows, one.atoms(["a", "b", "c"], threads=3))
    assert np.array_equal(rows[1:2], one.atoms("b"))
    other = dataclasses.replace(one, seed=8)
    assert not np.array_equal(rows, other.atoms(["a", "b", "c"]))
    hashed = one.bundle()
    hashed.add_hashes(hypersketch.hash_keys(["a", "b", "c"]))
    assert hashed == one.bundle(["a", "b", "c"])


def test_a_bundle_is_closest_to_its_members(one: Any) -> None:
    scores = one.bundle(range(7)).similarity(range(100))
    assert set(np.argsort(-scores)[:7].tolist()) == set(range(7))


def test_a_record_gives_its_values_back(one: Any) -> None:
    record = one.bundle()
    record.add_pairs(["name", "capital", "currency"], ["France", "Paris", "euro"])
    if getattr(one, "variant", None) == "cdt":
        products = one.bind(one.atoms(["Paris", "France", "euro"]), one.atoms("capital"))
        scores = one.similarity(record.vector, products)
    elif hasattr(record, "pair_similarity"):
        scores = record.pair_similarity(["capital"] * 3, ["Paris", "France", "euro"])
    else:
        found = one.unbind(record.vector, one.atoms("capital"))
        scores = one.similarity(found, one.atoms(["Paris", "France", "euro"]))
    assert scores.argmax() == 0


def test_binding_hides_both(one: Any) -> None:
    if getattr(one, "variant", None) == "cdt":
        pytest.skip("thinning keeps ones of both")
    a, b = one.atoms(["a", "b"])
    bound = one.bind(a, b)
    # A block code is alike in 1 of 8 blocks by chance, a sparse one in 1 of its 32 ones, both with a standard
    # deviation of about 0.03.
    chance = {vsa.SparseBlockCodes: 1 / 8, vsa.BSDC: 1 / 32}.get(type(one), 0.0)
    most = chance + 6 / np.sqrt(1024)
    for atom in (a, b):
        assert one.similarity(bound, atom)[0] < most


def test_states_open_again(one: Any) -> None:
    bag = one.bundle(range(20))
    assert hypersketch.from_bytes(bag.to_bytes()) == bag
    assert pickle.loads(pickle.dumps(bag)) == bag
    assert bag.space == one


# ---- operators


def test_operators_are_the_verbs_of_the_space(one: Any) -> None:
    a, b = Hypervectors.of(one, ["a", "b"])
    x, y = one.atoms(["a", "b"])
    assert np.array_equal(np.asarray(a), x)
    assert np.array_equal(np.asarray(a * b), one.bind(x, y))
    assert np.array_equal(np.asarray(a << 3), one.permute(x, 3))
    assert (a << 3) >> 3 == a
    assert (a @ b) == one.similarity(x, y)[0]
    both = Hypervectors.of(one, ["a", "b"])
    assert np.allclose(both @ both, [one.similarity(row, one.atoms(["a", "b"])) for row in (x, y)])
    assert (both @ a).shape == (2,)
    assert len(both * a) == 2
    assert [vector == other for vector, other in zip(both, (a, b), strict=True)] == [True, True]
    assert both[1] == b
    if type(one).__name__ != "MBAT" and getattr(one, "variant", "seg") == "seg":
        assert ~a == Hypervectors(one, one.inverse(x))
        assert np.allclose(np.asarray(a * b * ~b), np.asarray(a * b / b), atol=1e-3)
    if getattr(one, "variant", None) != "cdt":
        assert np.array_equal(np.asarray((a * b) / b), one.unbind(one.bind(x, y), y))


def test_a_sum_is_a_bundle_of_two(one: Any) -> None:
    a, b = Hypervectors.of(one, ["a", "b"])
    if isinstance(one, hypersketch.MapI):
        with pytest.raises(TypeError, match="cannot be packed"):
            a + b
        return
    total = a + b
    assert total @ a > 0.3
    assert total @ b > 0.3
    rows = Hypervectors.of(one, ["a", "c"]) + b
    assert rows[0] == total
    assert len(rows) == 2


def test_vectors_of_different_spaces_do_not_mix() -> None:
    a = Hypervectors.of(vsa.HRR(64), "a")[0]
    for other in (Hypervectors.of(vsa.HRR(64, 1), "a")[0], Hypervectors.of(vsa.MapC(64), "a")[0]):
        for operate in (operator.mul, operator.add, operator.matmul, operator.truediv):
            with pytest.raises(TypeError, match="do not mix"):
                operate(a, other)
    for wrong in (np.zeros(64, np.float32), 2):
        with pytest.raises(TypeError, match="only go with"):
            a * wrong
    with pytest.raises(ValueError, match="shape"):
        Hypervectors(vsa.HRR(64), np.zeros(65, np.float32))
    with pytest.raises(TypeError, match="space"):
        Hypervectors("HRR", np.zeros(65, np.float32))  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        a[0]
    with pytest.raises(ValueError, match="3 vectors"):
        Hypervectors.of(vsa.HRR(64), [1, 2]) + Hypervectors.of(vsa.HRR(64), [1, 2, 3])
