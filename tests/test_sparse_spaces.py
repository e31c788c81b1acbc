# SPDX-License-Identifier: Apache-2.0
"""Binary sparse distributed codes: shifts and thinning from the definitions, unions, and their noise."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
from hypersketch.vsa import BSDC, HRR, SparseBundle

variants = pytest.mark.parametrize("variant", ["cdt", "s", "seg"])
shifting = pytest.mark.parametrize("variant", ["s", "seg"])
dims = st.sampled_from([16, 17, 63, 64, 65, 100, 1000, 1023])


def ones_of(space: BSDC, vector: Any) -> set[int]:
    return set(np.flatnonzero(space.unpack(vector)).tolist())


@variants
@given(dim=dims, seed=st.integers(0, 2**64 - 1))
def test_atoms_have_sqrt_of_d_ones(variant: Any, dim: int, seed: int) -> None:
    space = BSDC(dim, seed, variant)
    k = math.ceil(math.sqrt(dim))
    assert space.n_ones == k
    rows = space.atoms(range(20))
    bits = space.unpack(rows)
    assert (bits.sum(axis=1) == k).all()
    assert np.array_equal(space.atoms([7]), rows[7:8])
    if variant == "seg":
        edges = [r * dim // k for r in range(k + 1)]
        for begin, end in itertools.pairwise(edges):
            assert (bits[:, begin:end].sum(axis=1) == 1).all()


@given(dim=dims, seed=st.integers(0, 2**32))
def test_s_rotates_by_the_sum_of_places(dim: int, seed: int) -> None:
    space = BSDC(dim, seed, "s")
    a, b = space.atoms(["a", "b"])
    steps = sum(ones_of(space, b))
    assert ones_of(space, space.bind(a, b)) == {(d + steps) % dim for d in ones_of(space, a)}


@given(dim=dims, seed=st.integers(0, 2**32))
def test_seg_rotates_segments(dim: int, seed: int) -> None:
    space = BSDC(dim, seed, "seg")
    a, b = space.atoms(["a", "b"])
    k, expected = space.n_ones, set()
    for r in range(k):
        begin, end = r * dim // k, (r + 1) * dim // k
        (x,) = [d - begin for d in ones_of(space, a) if begin <= d < end]
        (y,) = [d - begin for d in ones_of(space, b) if begin <= d < end]
        expected.add(begin + (x + y) % (end - begin))
    assert ones_of(space, space.bind(a, b)) == expected
    assert np.array_equal(space.bind(a, b), space.bind(b, a))


@shifting
@given(dim=dims, shift=st.integers(-(2**40), 2**40))
def test_laws(variant: Any, dim: int, shift: int) -> None:
    space = BSDC(dim, 5, variant)
    a, b = space.atoms(["a", "b"])
    union = space.bundle(["a", "b", "c"]).vector
    for vector in (a, union):
        assert np.array_equal(space.unbind(space.bind(vector, b), b), vector)
        assert np.array_equal(space.bind(vector, space.identity()), vector)
    assert np.array_equal(space.permute(space.permute(a, shift), -shift), a)
    rows, others = space.atoms(range(4)), space.atoms(range(4, 8))
    assert np.array_equal(space.bind(rows, others)[2], space.bind(rows[2], others[2]))
    assert np.array_equal(space.bind(rows, b)[1], space.bind(rows[1], b))
    assert np.array_equal(space.bind(a, others)[3], space.bind(a, others[3]))


def test_thinning_keeps_about_k_ones_of_those_that_are_there() -> None:
    space = BSDC(10_000, 1)
    for n in (2, 3, 10, 50):
        bag = space.bundle(range(100 * n, 101 * n))
        union, thinned = ones_of(space, bag.vector), ones_of(space, space.thin(bag.vector))
        assert thinned <= union
        # A whole number of rotations errs by half a one at most, a factor of sqrt(1 - density).
        factor = math.sqrt(1 - len(union) / 10_000)
        assert 100 * factor - 5 * 10 < len(thinned) < 100 / factor + 5 * 10
    a, b = space.atoms(["a", "b"])
    product = space.bind(a, b)
    assert np.array_equal(product, space.bind(b, a))
    assert ones_of(space, product) <= ones_of(space, a) | ones_of(space, b)
    assert space.similarity(product, space.bind(a, space.atoms("c")))[0] < 0.75
    assert np.array_equal(space.bind(a, space.identity()), a)
    with pytest.raises(ValueError, match="cannot be undone"):
        space.unbind(product, a)


@shifting
def test_members_of_a_union_are_all_there(variant: Any) -> None:
    space = BSDC(10_000, 2, variant)
    bag = space.bundle(range(8))
    vector = ones_of(space, bag.vector)
    assert vector == set().union(*(ones_of(space, row) for row in space.atoms(range(8))))
    scores = bag.similarity(range(500))
    k, n_ones = space.n_ones, len(vector)
    assert np.allclose(scores[:8], k / math.sqrt(k * n_ones))
    # A stranger meets each of the union's ones with the union's density.
    density = n_ones / 10_000
    expected, deviation = math.sqrt(k / n_ones) * density, math.sqrt(density / k) * math.sqrt(k / n_ones)
    assert abs(scores[8:].mean() - expected) < 5 * deviation / math.sqrt(492)
    assert scores[8:].max() < scores[:8].min()


@variants
def test_a_bundle_is_a_count_however_it_comes(variant: Any, tmp_path: Path) -> None:
    space = BSDC(100, 9, variant)
    keys, weights = np.arange(50), np.arange(50) - 10
    whole = space.bundle(keys, weights)
    parts = space.bundle(keys[:20], weights[:20])
    parts += space.bundle(keys[20:], weights[20:])
    by_vectors = space.bundle()
    by_vectors.add_vectors(space.atoms(keys), weights)
    assert whole == parts == by_vectors
    assert np.array_equal(whole.counters, weights @ space.unpack(space.atoms(keys)).astype(np.int64))
    parts.remove(keys[20:], weights[20:])
    assert parts == space.bundle(keys[:20], weights[:20])
    whole.save(tmp_path / "bundle.safetensors")
    again = hypersketch.load(tmp_path / "bundle.safetensors")
    assert again == whole
    assert again.space == space
    assert np.array_equal(again.vector, whole.vector)


# ---- refusals


def test_what_does_not_fit_is_refused() -> None:
    space = BSDC(100, variant="seg")
    a = space.atoms("a")[0]
    for wrong, error in (
        ([0, 0], TypeError),
        (np.zeros(2), TypeError),
        (np.zeros(3, np.uint64), ValueError),
        (np.full(2, 2**64 - 1, np.uint64), ValueError),
    ):
        for verb in (space.bind, space.unbind, space.similarity):
            with pytest.raises(error):
                verb(a, wrong)
    with pytest.raises(ValueError, match="one 1 in each of 10 segments"):
        space.bind(a, space.bundle(["a", "b"]).vector)
    for variant in ("s", "cdt"):
        with pytest.raises(ValueError, match="no vectors that undo"):
            BSDC(100, variant=variant).inverse(a)
    with pytest.raises(ValueError, match="a has 2 rows but b has 3"):
        space.bind(space.atoms([1, 2]), space.atoms([1, 2, 3]))
    for make in (lambda: BSDC(15), lambda: BSDC(100, variant="x")):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"'(dim|variant)' parameter of BSDC"):
            make()
    with pytest.raises(ValueError, match="'variant'"):
        BSDC(100).bundle("a").merge(BSDC(100, variant="s").bundle("a"))
    with pytest.raises(TypeError, match="a BSDC"):
        SparseBundle(HRR(64))  # type: ignore[arg-type]


def test_counters_never_wrap() -> None:
    bag = BSDC(100).bundle(["a"], [2**31 - 1])
    before = bag.copy()
    with pytest.raises(OverflowError, match="int32"):
        bag.add("a")
    assert bag == before


def test_rows_behind_the_last_start_are_in_no_bundle() -> None:
    space = BSDC(1000)
    rows = space.atoms(range(5))
    both = space.superpose(rows, starts=[1, 2, 4])
    assert np.array_equal(both, [rows[1], rows[2] | rows[3]])
