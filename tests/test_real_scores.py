# SPDX-License-Identifier: Apache-2.0
"""Sums of atoms of keys and cosines with them, when no atom is stored."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import reference
import reference_keyed
from hypersketch import _core
from hypersketch.vsa import FHRR, HRR, MBAT, VTB, MapC

SEEDS = np.zeros(1, np.uint64)

SPACES: list[Any] = [
    HRR(65, 3),
    HRR(64, 3, spectral=True),
    FHRR(33, 3),
    FHRR(32, 3, phase_only=False),
    VTB(64, 3),
    MBAT(1, 3),
    MapC(127, 3),
]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_bundles_of_keys_are_bundles_of_their_atoms(space: Any, threads: int) -> None:
    hashes, edges = reference.hash_keys(list(range(40))), np.array([0, 1, 5, 40])
    atoms = space._atoms_of(hashes, 1)
    assert np.array_equal(space._bundles_of(hashes, edges, threads), space._superpose(atoms, None, edges))


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_similarities_with_keys_are_cosines(space: Any, level: str, threads: int) -> None:
    for n in (0, 1, 31, 33, 70):
        hashes = reference.hash_keys(list(range(n)))
        vectors = space._bundles_of(reference.hash_keys(list(range(9))), np.array([0, 1, 4, 9]), 1)
        vectors[1] = 0
        found = space._key_similarities(vectors, hashes, threads)
        plain = space.from_spectral if getattr(space, "spectral", False) else np.asarray
        expected = reference_keyed.cosines(plain(vectors), plain(space._atoms_of(hashes, 1)))
        # A sum of m products is off by (m + 1) 2^-24 of the lengths at most, and so is a squared length.
        assert np.abs(found - expected).max(initial=0.0) <= (4 * space.dim + 32) * 2.0**-24


@pytest.mark.parametrize("space", [SPACES[0], SPACES[2], SPACES[6]], ids=repr)
def test_all_levels_and_threads_give_the_same_bits(space: Any) -> None:
    hashes, best = reference.hash_keys(list(range(2000))), _core.simd_level()
    vectors = space._bundles_of(hashes, np.array([0, 5, 50, 2000]), 1)
    tables = []
    try:
        for level in _core.available_levels():
            _core.set_simd_level(level)
            tables += [space._key_similarities(vectors, hashes, threads) for threads in (1, 3)]
    finally:
        _core.set_simd_level(best)
    assert all(np.array_equal(table, tables[0]) for table in tables)


def test_batches_do_not_change_a_score() -> None:
    space, hashes = HRR(100), reference.hash_keys(list(range(90)))
    vectors = space.atoms(range(70))
    whole = space._key_similarities(vectors, hashes, 1)
    for v, i in ((0, 0), (7, 89), (8, 64), (63, 16), (64, 15), (69, 80)):
        assert space._key_similarities(vectors[v : v + 1], hashes[i : i + 1], 1)[0, 0] == whole[v, i]


def test_weighted_sums() -> None:
    hashes, edges = reference.hash_keys(list(range(6))), [0, 2, 2, 6]
    weights = np.array([1.0, -0.5, 3.0, 0.0, 2.0, 1e10])
    out = np.empty((3, 50))
    _core.sum_atoms(50, np.array([7], np.uint64), hashes, 1, 50**-0.5, weights, np.array(edges), out, 1)
    expected = reference_keyed.sums(HRR(50, 7).atoms(range(6)), weights, edges)
    assert np.array_equal(out, expected.real)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_bundles_answer_by_keys_as_by_atoms(space: Any) -> None:
    bag = space.bundle(range(5))
    expected = space.similarity(bag.vector, space.atoms(range(20)))
    assert np.abs(bag.similarity(range(20)) - expected).max() <= (4 * space.dim + 32) * 2.0**-24
    assert bag.similarity([]).shape == (0,)
    assert (space.bundle().similarity(range(3)) == 0).all()


def test_the_core_refuses_what_does_not_fit() -> None:
    hashes, rows = reference.hash_keys([7, 8]), np.zeros((3, 8), np.float32)
    for dim, kind, out in ((8, 3, (3, 2)), (0, 0, (3, 2)), (9, 0, (3, 2)), (8, 2, (3, 2)), (8, 1, (2, 2))):
        with pytest.raises(ValueError, match=r"kind|dim|vectors|out"):
            _core.score_atoms(dim, SEEDS, hashes, kind, 1.0, rows, np.empty(out), 1)
    for edges in ([], [-1, 2], [0, 3], [0, 2, 1]):
        with pytest.raises(ValueError, match="edges"):
            _core.sum_atoms(8, SEEDS, hashes, 0, 1.0, None, np.array(edges, np.int64), np.empty((1, 8)), 1)
    with pytest.raises(ValueError, match="out"):
        _core.sum_atoms(8, SEEDS, hashes, 0, 1.0, None, np.array([0, 2]), np.empty((2, 8)), 1)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_several_seeds_at_once(space: Any) -> None:
    if not space._STORES_NO_ATOMS:
        pytest.skip("takes no seeds")
    hashes, edges = reference.hash_keys(list(range(12))), np.array([0, 1, 4, 9, 12])
    seeds = np.array([5, 2**64 - 1], np.uint64)
    bundles = space._bundles_of(hashes, edges, 1, seeds)
    scores = space._key_similarities(bundles, hashes[:7], 1, seeds)
    for row, seed in enumerate(seeds.tolist()):
        other = dataclasses.replace(space, seed=seed)
        mine = slice(2 * row, 2 * row + 2)
        assert np.array_equal(bundles[mine], other._bundles_of(hashes, edges[2 * row : 2 * row + 3], 1))
        assert np.array_equal(scores[mine], other._key_similarities(bundles[mine], hashes[:7], 1))
