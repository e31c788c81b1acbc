# SPDX-License-Identifier: Apache-2.0
"""The laws of algebra that each space has, one table of them for all: what is not in it must not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersketch import vsa
from hypersketch.vsa.by_name import NAMES

SIGNS = {"map-i", "map-b", "map-t", "bsc"}
SHIFTS = {"bsdc-s", "bsdc-seg", "b-sbc", "mcr", "cgr"}
LAWS = {
    "commutes": set(NAMES) - {"vtb", "tvtb", "mbat", "bsdc-s"},
    "associates": set(NAMES) - {"vtb", "mbat", "bsdc-s", "bsdc-cdt"},
    "unbinds exactly": SIGNS | SHIFTS | {"fhrr", "mbat"},
    "keeps similarities": SIGNS | SHIFTS | {"fhrr", "mbat"},
    "is its own inverse": SIGNS,
    "goes into bundles": SIGNS | {"hrr", "fhrr", "vtb", "tvtb", "mbat", "bsdc-s", "bsdc-seg"},
}
"""What binding does, and in which spaces. Majorities of block codes have ties, which no law carries over."""

sides, seeds = st.sampled_from([4, 8, 12, 16]), st.integers(0, 2**64 - 1)
few = settings(max_examples=12)  # of each of 17 spaces
names = pytest.mark.parametrize("name", NAMES)


def made(name: str, side: int, seed: int) -> Any:
    return vsa.space(name, side * side, seed=seed, **({"modulus": 16} if name in ("b-sbc", "cgr") else {}))


def same(one: Any, other: Any) -> bool:
    """Whether vectors are equal, but for the rounding of a few hundred float32 operations."""
    if np.asarray(one).dtype.kind in "iu":
        return np.array_equal(one, other)
    size = max(1e-30, float(np.abs(other).max()))
    return np.allclose(one, other, rtol=0.0, atol=400 * np.finfo(np.float32).eps * size)


def alike(space: Any, one: Any, other: Any) -> float:
    return float(space.similarity(one, other)[0])


@names
@few
@given(side=sides, seed=seeds)
def test_binding(name: str, side: int, seed: int) -> None:
    space = made(name, side, seed)
    a, b, c = space.atoms(["a", "b", "c"])
    assert same(space.bind(a, space.identity()), a)
    if name in LAWS["commutes"]:
        assert same(space.bind(a, b), space.bind(b, a))
    if name in LAWS["associates"]:
        assert same(space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c)))
    if name in LAWS["is its own inverse"]:
        assert same(space.bind(a, a), space.identity())
    if name in LAWS["keeps similarities"]:
        bound = alike(space, space.bind(a, c), space.bind(b, c))
        assert bound == pytest.approx(alike(space, a, b), abs=1e-5)


@names
@pytest.mark.parametrize("law", ["commutes", "associates", "is its own inverse", "keeps similarities"])
def test_laws_that_a_space_has_not_fail(name: str, law: str) -> None:
    """A table that said less than the truth would hide what has changed."""
    if name in LAWS[law]:
        return
    space = made(name, 16, 5)
    a, b, c = space.atoms(["a", "b", "c"])
    if law == "commutes":
        assert not same(space.bind(a, b), space.bind(b, a))
    elif law == "associates":
        assert not same(space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c)))
    elif law == "is its own inverse":
        assert not same(space.bind(a, a), space.identity())
    else:
        bound = alike(space, space.bind(a, c), space.bind(b, c))
        assert bound != pytest.approx(alike(space, a, b), abs=1e-3)


@names
@few
@given(side=sides, seed=seeds)
def test_unbinding(name: str, side: int, seed: int) -> None:
    space = made(name, side, seed)
    a, b = space.atoms(["a", "b"])
    if name == "bsdc-cdt":
        with pytest.raises(ValueError, match="cannot be undone"):
            space.unbind(space.bind(a, b), b)
        return
    back = space.unbind(space.bind(a, b), b)
    if name in LAWS["unbinds exactly"]:
        assert same(back, a)
        assert alike(space, back, a) == pytest.approx(1.0, abs=1e-6)
    else:  # every component is multiplied by something that is not negative
        assert 0.0 < alike(space, back, a) <= 1.0 + 1e-6


@names
@few
@given(side=sides, seed=seeds, order=st.permutations(range(7)))
def test_bundling(name: str, side: int, seed: int, order: list[int]) -> None:
    space = made(name, side, seed)
    keys = np.arange(7)
    bag = space.bundle(keys)
    assert same(space.bundle(keys[order]).vector, bag.vector)
    halves = space.bundle(keys[:3])
    halves.merge(space.bundle(keys[3:]))
    assert same(halves.vector, bag.vector)
    if name not in ("map-b", "bsc"):  # which answer by signs: what keys can be removed from is MAP-I's
        halves.add(["more"])
        halves.remove(["more"])
        assert same(halves.vector, bag.vector)
    if name in LAWS["goes into bundles"]:
        rows, (key,) = space.atoms(keys), space.atoms(["key"])
        one, other = space.bind(space.superpose(rows), key), space.superpose(space.bind(rows, key))
        # Sums of real vectors are made as long as one vector, and binding changes lengths.
        assert same(space.normalize(one), space.normalize(other))


@names
@few
@given(side=sides, seed=seeds, i=st.integers(-(2**40), 2**40), j=st.integers(-(2**40), 2**40))
def test_permuting(name: str, side: int, seed: int, i: int, j: int) -> None:
    space = made(name, side, seed)
    a, b = space.atoms(["a", "b"])
    assert same(space.permute(space.permute(a, i), -i), a)
    assert same(space.permute(space.permute(a, i), j), space.permute(a, i + j))
    assert same(space.permute(a, 0), a)
    assert alike(space, space.permute(a, i), space.permute(b, i)) == pytest.approx(
        alike(space, a, b), abs=1e-6
    )
    assert same(space.permute(np.stack([a, b]), i)[1], space.permute(b, i))


@names
@few
@given(side=sides, seed=seeds)
def test_similarities(name: str, side: int, seed: int) -> None:
    space = made(name, side, seed)
    rows = space.atoms(range(4))
    bag = space.superpose(rows[:3])
    table = space.similarities(rows, rows)
    assert np.allclose(table, table.T, atol=1e-6)
    assert np.allclose(np.diag(table), 1.0, atol=1e-6)
    positive = name.startswith("bsdc") or name in ("b-sbc", "cgr")
    assert (table >= (0.0 if positive else -1.0) - 1e-6).all()
    assert (table <= 1.0 + 1e-6).all()
    # Sums of MAP-I are not cosines: a member of three scores 1 and what it shares with the others.
    most = 3.0 if name == "map-i" else 1.0
    assert (np.abs(space.similarities(bag, rows)) <= most + 1e-6).all()
    assert space.similarity(rows[0], bag) == pytest.approx(space.similarity(bag, rows[0]), abs=1e-6)
