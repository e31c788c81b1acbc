# SPDX-License-Identifier: Apache-2.0
"""Hypervectors: atoms, bundles and answers equal to the definition at every level, and the laws of MAP."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import MapB, MapI, _core
from hypersketch.vsa import BSC
from makers import hashes_of, keys_of, weights_of

DIMS = [1, 2, 63, 64, 65, 127, 128, 513, 1000, 10_000]
COUNTS = [0, 1, 2, 15, 16, 17, 254, 255, 256, 600]
SPACES = [MapI, MapB]
keys_lists = st.lists(st.integers(0, 100), max_size=40)


# ---- against reference


@pytest.mark.parametrize("dim", DIMS)
def test_atoms_and_what_is_done_with_them(dim: int, level: str, threads: int) -> None:
    space = MapI(dim, seed=5)
    for n in (0, 1, 17, 70):
        expected = reference.atoms(dim, 5, hashes_of(n))
        rows = space.atoms(keys_of(n), threads=threads)
        assert np.array_equal(rows, reference.pack(expected))
        assert np.array_equal(space.unpack(rows), expected)
        for shift in {0, 1, 63, 64, 65, dim // 2, dim - 1, dim, -1, 10**15}:
            assert np.array_equal(space.unpack(space.permute(rows, shift)), np.roll(expected, shift, axis=1))
        bound = space.bind(rows, rows[::-1])
        assert np.array_equal(space.unpack(bound), expected * expected[::-1])
        assert np.array_equal(space.similarity(rows, rows[::-1]), (expected * expected[::-1]).sum(1) / dim)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("dim", DIMS)
def test_bundles(dim: int, n: int, level: str) -> None:
    vectors = reference.atoms(dim, 3, hashes_of(n))
    probes = np.concatenate((keys_of(n)[:20], keys_of(20, 10_000)))
    asked = reference.atoms(dim, 3, reference.hash_keys(probes.tolist()))
    for threads, weights in ((1, None), (2, weights_of(n)), (3, None)):
        counters = reference.bundle(vectors, weights)
        bag = MapI(dim, 3).bundle(keys_of(n), weights, threads=threads)
        assert np.array_equal(bag.counters, counters)
        assert np.array_equal(bag.similarity(probes, threads=threads), asked @ counters / dim)
        assert np.array_equal(bag.vector_similarity(reference.pack(asked)), asked @ counters / dim)
        majority = MapB(dim, 3).bundle(keys_of(n), weights, threads=threads)
        signs = reference.signs(counters, 3)
        packed = majority.pack()
        assert np.array_equal(packed.vector, reference.pack(signs[np.newaxis])[0])
        for answering in (majority, packed):
            assert np.array_equal(answering.similarity(probes, threads=threads), asked @ signs / dim)
            assert np.array_equal(answering.vector_similarity(reference.pack(asked)), asked @ signs / dim)


@pytest.mark.parametrize("n", [0, 1, 16, 17, 256, 300])
@pytest.mark.parametrize("dim", [1, 64, 65, 1000])
def test_pairs_and_vectors(dim: int, n: int, level: str, threads: int) -> None:
    left, right = hashes_of(n), hashes_of(n, 5000)
    bound = reference.products(dim, 9, [left, right])
    for space, weights in itertools.product((MapI(dim, 9), MapB(dim, 9)), (None, weights_of(n))):
        from_pairs, from_rows = space.bundle(), space.bundle()
        from_pairs.add_pairs(keys_of(n), keys_of(n, 5000), weights, threads=threads)
        rows = space.bind(space.atoms(keys_of(n)), space.atoms(keys_of(n, 5000)))
        from_rows.add_vectors(rows, weights, threads=threads)
        counters = reference.bundle(bound, weights)
        assert np.array_equal(from_pairs.counters, counters)
        assert from_pairs == from_rows
        answer = counters if isinstance(space, MapI) else reference.signs(counters, 9)
        found = from_pairs.pair_similarity(keys_of(n), keys_of(n, 5000), threads=threads)
        assert np.array_equal(found, bound @ answer / dim)


def test_three_factors_and_trials_agree_with_bundles(level: str) -> None:
    """The fused trials of the experiments are the same bundles and scores."""
    dim, trials, n, q = 200, 3, 9, 14
    rng = np.random.default_rng(3)
    seeds, weights = np.array([1, 2, 3], np.uint64), rng.integers(-5, 6, n)
    members, probes = (rng.integers(0, 2**64, (3, trials, size), dtype=np.uint64) for size in (n, q))
    for packed in (False, True):
        out = np.empty((trials, q), np.int64)
        _core.bundle_trials(dim, packed, seeds, members, weights, probes, out, 2)
        for t, seed in enumerate(seeds.tolist()):
            counters = reference.bundle(reference.products(dim, seed, members[:, t]), weights)
            answer = reference.signs(counters, seed) if packed else counters
            assert np.array_equal(out[t], reference.products(dim, seed, probes[:, t]) @ answer)


@pytest.mark.parametrize("packed", [False, True])
def test_cleanup_trials(packed: bool, level: str) -> None:
    dim, trials, n = 60, 5, 6
    seeds, codebook = np.arange(trials, dtype=np.uint64), hashes_of(50)
    members, hits = np.empty((trials, n), np.int64), np.empty(trials, np.int64)
    _core.sample_indices(11, trials, n, 50, members)
    assert all(len(set(row)) == n and 0 <= min(row) <= max(row) < 50 for row in members.tolist())
    _core.cleanup_trials(dim, packed, seeds, codebook, members, hits, 2)
    for t in range(trials):
        vectors = reference.atoms(dim, t, codebook)
        counters = reference.bundle(vectors[members[t]])
        scores = vectors @ (reference.signs(counters, t) if packed else counters)
        best = np.argsort(-scores, kind="stable")[:n]  # ties: the lower index first
        assert hits[t] == len(set(best.tolist()) & set(members[t].tolist()))


# ---- laws


@pytest.mark.parametrize("space", [MapI(70), MapB(70)])
@given(keys_lists, keys_lists)
def test_merging_is_concatenating(space: Any, a: list[int], b: list[int]) -> None:
    left, right, both = space.bundle(a), space.bundle(b), space.bundle(a + b)
    assert left + right == both == right + left
    left += right
    assert left == both
    assert (left.n_added, left.total_weight) == (both.n_added, both.total_weight)
    left += left
    assert np.array_equal(left.counters, 2 * both.counters)


@given(st.permutations(range(20)))
def test_order_does_not_matter(keys: list[int]) -> None:
    assert MapI(65).bundle(keys) == MapI(65).bundle(range(20))


@given(keys_lists, st.lists(st.integers(-5, 5), min_size=40, max_size=40))
def test_removing_undoes_adding(keys: list[int], weights: list[int]) -> None:
    bag = MapI(65).bundle(["other"])
    before = bag.copy()
    bag.add(keys, weights[: len(keys)])
    bag.remove(keys, weights[: len(keys)])
    assert bag == before
    assert (bag.n_added, bag.total_weight) == (1, 1)
    bag.add(keys)
    bag.remove(keys)
    assert bag == before


@given(st.integers(1, 200), st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_permuting(dim: int, i: int, j: int) -> None:
    space = MapI(dim)
    rows = space.atoms(range(3))
    assert np.array_equal(space.permute(space.permute(rows, i), -i), rows)
    assert np.array_equal(space.permute(space.permute(rows, i), j), space.permute(rows, i + j))
    bound = space.bind(rows[0], rows[1])
    assert np.array_equal(
        space.permute(bound, i), space.bind(space.permute(rows[0], i), space.permute(rows[1], i))
    )


@given(st.integers(1, 200))
def test_binding(dim: int) -> None:
    space = MapI(dim)
    a, b, c = space.atoms(range(3))
    assert np.array_equal(space.bind(space.bind(a, b), b), a)
    assert np.array_equal(space.bind(a, b), space.bind(b, a))
    assert np.array_equal(space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c)))
    assert space.similarity(space.bind(a, c), space.bind(b, c)) == space.similarity(a, b)
    assert space.similarity(a, a) == [1.0]


@pytest.mark.parametrize("kind", SPACES)
def test_one_vector_meets_every_row(kind: Any) -> None:
    space = kind(100)
    rows = space.atoms(range(4))
    assert np.array_equal(space.bind(rows, rows[0]), space.bind(rows[0], rows))
    assert np.array_equal(space.bind(rows, rows[:1]), space.bind(rows, np.tile(rows[0], (4, 1))))
    assert space.similarity(rows, rows[0]).shape == (4,)
    with pytest.raises(ValueError, match="a has 4 rows but b has 3"):
        space.bind(rows, rows[:3])


@pytest.mark.parametrize("space", [MapI(130, 3), MapB(130, 3)], ids=repr)
def test_integers_hashed_on_the_way_are_the_same_keys(space: MapI | MapB, level: str) -> None:
    keys, weights = np.arange(-300, 300), np.arange(600) % 9 - 4
    for array in (keys, keys.astype(np.uint64), keys.astype(np.int16), keys[::2], keys[::-1]):
        chosen = weights[: array.size]
        assert space.bundle(array, chosen, threads=2) == space.bundle(array.tolist(), chosen)
        assert space.bundle(array) == space.bundle(array.tolist())


@pytest.mark.parametrize("dim", [1, 64, 65, 1001])
def test_bsc_is_map_b_with_ones_for_its_minus_ones(dim: int) -> None:
    binary, bipolar = BSC(dim, 3), MapB(dim, 3)
    rows = binary.atoms(range(7))
    assert np.array_equal(rows, bipolar.atoms(range(7)))
    assert np.array_equal(binary.unpack(rows), (1 - bipolar.unpack(rows)) // 2)
    bits = binary.unpack(rows)
    assert np.array_equal(binary.unpack(binary.bind(rows[0], rows[1])), bits[0] ^ bits[1])
    assert np.allclose(binary.hamming(rows[0], rows), (bits[0] != bits).mean(axis=1))
    bag = binary.bundle(range(7))
    assert np.array_equal(binary.unpack(bag.pack().vector), bits.sum(axis=0) > 3)
    assert bag.space == binary
    assert hypersketch.from_bytes(bag.to_bytes()) == bag
    with pytest.raises(ValueError, match="equal"):
        bag.merge(bipolar.bundle([1]))
