# SPDX-License-Identifier: Apache-2.0
"""Bundles of digits of keys and comparisons with them, when no atom is stored."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import reference
from hypersketch import _core
from hypersketch.vsa import CGR, MCR, SparseBlockCodes

SEEDS = np.zeros(1, np.uint64)

SPACES: list[Any] = [
    CGR(65, 3, 2),
    CGR(9, 3, 128),
    CGR(40, 3, 100),
    CGR(5, 3, 256),
    SparseBlockCodes(16 * 513, 3, 16),
    MCR(65, 3),
    MCR(8, 3, 2),
    MCR(513, 3, 128),
    MCR(30, 3, 60),
    MCR(7, 3, 2**16),
]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_bundles_of_keys_are_bundles_of_their_atoms(space: Any, level: str, threads: int) -> None:
    hashes, edges = reference.hash_keys(list(range(60))), np.array([0, 1, 3, 7, 60])
    made = space._bundles_of(hashes, edges, threads)
    assert made.dtype == np.uint16
    assert np.array_equal(made, space._superpose(space._atoms_of(hashes, 1), None, edges))


def test_ties_fall_as_in_bundles() -> None:
    # Two directions or digits are equally near or frequent in nearly all entries.
    for space in (MCR(1000, 5), MCR(1000, 5, 2), CGR(1000, 5, 4), MCR(1000, 5, 6)):
        hashes = reference.hash_keys(list(range(40)))
        edges = np.arange(0, 41, 2)
        atoms = space._atoms_of(hashes, 1)
        expected: list[Any] = []
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            bag = space.bundle()
            bag.add_vectors(atoms[start:end])
            expected.append(bag.vector)
        assert np.array_equal(space._bundles_of(hashes, edges, 1), np.stack(expected))


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_similarities_with_keys_are_those_with_atoms(space: Any, level: str, threads: int) -> None:
    for n in (0, 1, 9, 33, 70):
        hashes = reference.hash_keys(list(range(n)))
        atoms = space._atoms_of(hashes, 1)
        vectors = space._bundles_of(reference.hash_keys(list(range(9))), np.array([0, 1, 4, 9]), 1)
        found = space._key_similarities(vectors, hashes, threads)
        assert found.shape == (3, n)
        for row, vector in zip(found, vectors, strict=True):
            assert np.array_equal(row, space.similarity(vector, atoms))


@pytest.mark.parametrize("space", SPACES[:6], ids=repr)
def test_bundles_answer_by_keys_as_by_atoms(space: Any) -> None:
    bag = space.bundle(range(5))
    assert np.array_equal(bag.similarity(range(20)), space.similarity(bag.vector, space.atoms(range(20))))
    assert bag.similarity([]).shape == (0,)


def test_the_core_refuses_what_does_not_fit() -> None:
    hashes, rows = reference.hash_keys([7, 8]), np.zeros((3, 8), np.uint16)
    for modulus, digit, out in ((3, 0, (3, 2)), (256, 0, (3, 2)), (16, 16, (3, 2)), (16, 0, (2, 2))):
        with pytest.raises(ValueError, match=r"modulus|digits|out"):
            _core.score_digits(
                SEEDS, hashes, modulus, True, rows + np.uint16(digit), np.empty(out, np.int64), 1
            )
    offsets, made = np.zeros((1, 8), np.uint16), np.empty((1, 8), np.uint16)
    for edges in ([], [-1, 2], [0, 3], [2, 1]):
        with pytest.raises(ValueError, match="edges"):
            _core.bundle_digits(SEEDS, hashes, np.array(edges, np.int64), 16, offsets, None, made, 1)
    whole = np.array([0, 2])
    with pytest.raises(ValueError, match="offsets"):
        _core.bundle_digits(SEEDS, hashes, whole, 16, offsets + np.uint16(16), None, made, 1)
    with pytest.raises(ValueError, match="directions"):
        _core.bundle_digits(SEEDS, hashes, whole, 16, offsets, np.zeros(31), made, 1)
    with pytest.raises(ValueError, match="out"):
        _core.bundle_digits(SEEDS, hashes, whole, 16, offsets, None, made[:, :7].copy(), 1)
    many = np.zeros(65536, np.uint64)
    with pytest.raises(ValueError, match="too many"):
        _core.bundle_digits(SEEDS, many, np.array([0, 65536]), 16, offsets, None, made, 1)
    scores, members = np.zeros((2, 5)), np.array([0, 4, 1])
    for starts, chosen in (
        ([0, 1], members),
        ([0, 1, 4], members),
        ([0, 2, 1], members),
        ([0, 1, 3], members + 1),
    ):
        with pytest.raises(ValueError, match=r"starts|member"):
            _core.runs_among_best(scores, chosen, np.array(starts), np.empty(2, np.int64))


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
