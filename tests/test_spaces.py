# SPDX-License-Identifier: Apache-2.0
"""What all spaces have in common, whatever their vectors are."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import vsa
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
    with pytest.raises(TypeError):
        vsa.space("map-i", 100, modulus=3)


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
