# SPDX-License-Identifier: Apache-2.0
"""Block codes, cyclic groups, modular composites: exact algebra, bundles from the definition, noise."""

from __future__ import annotations

import cmath
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
from hypersketch.vsa import CGR, HRR, MCR, ModularBundle, SparseBlockCodes

KINDS: dict[str, Any] = {"CGR": CGR, "MCR": MCR, "SparseBlockCodes": SparseBlockCodes}
kinds = pytest.mark.parametrize("kind", KINDS)


def space_of(kind: str, width: int, modulus: int, seed: int = 0) -> Any:
    dim = width * modulus if kind == "SparseBlockCodes" else width
    return KINDS[kind](dim, seed, modulus)


@kinds
@given(
    width=st.integers(1, 65),
    modulus=st.sampled_from([2, 3, 10, 64, 65536]),
    seed=st.integers(0, 2**64 - 1),
    shift=st.integers(-(2**40), 2**40),
)
def test_laws(kind: str, width: int, modulus: int, seed: int, shift: int) -> None:
    space = space_of(kind, width, modulus, seed)
    a, b, c = space.atoms(["a", "b", "c"])
    assert a.dtype == np.uint16
    assert max(a.max(), b.max(), c.max()) < modulus
    same = np.array_equal
    assert same(space.bind(a, space.identity()), a)
    assert same(space.bind(a, b), space.bind(b, a))
    assert same(space.bind(space.bind(a, b), c), space.bind(a, space.bind(b, c)))
    assert same(space.unbind(space.bind(a, b), b), a)
    assert same(space.bind(space.bind(a, b), space.inverse(b)), a)
    assert same(space.bind(a, space.inverse(a)), space.identity())
    assert same(space.permute(space.permute(a, shift), -shift), a)
    assert same(
        space.permute(space.bind(a, b), shift), space.bind(space.permute(a, shift), space.permute(b, shift))
    )
    assert space.similarity(a, a) == 1.0
    assert space.similarity(a, b) == space.similarity(b, a)
    assert space.similarity(space.bind(a, c), space.bind(b, c)) == space.similarity(a, b)
    assert -1.0 <= space.similarity(a, b)[0] <= 1.0


@kinds
def test_similarity_from_the_definition(kind: str) -> None:
    space = space_of(kind, 50, 7)
    a, b = space.atoms(["a", "b"])
    if kind == "MCR":
        steps = [min((int(x) - int(y)) % 7, (int(y) - int(x)) % 7) for x, y in zip(a, b, strict=True)]
        expected = 1 - 4 * sum(steps) / 50 / 7
    else:
        expected = sum(x == y for x, y in zip(a, b, strict=True)) / 50
    assert space.similarity(a, b)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", ["CGR", "SparseBlockCodes"])
def test_a_bundle_has_the_most_frequent_values(kind: str) -> None:
    space = space_of(kind, 300, 5, 1)
    rows, weights = space.atoms(range(9)), [1, 2, 1, 3, 1, 1, 2, 1, 4]
    vector = space.bundle(range(9), weights).vector
    ties = 0
    for entry in range(300):
        count: Counter[int] = Counter()
        for row, weight in zip(rows, weights, strict=True):
            count[int(row[entry])] += weight
        best = {value for value, n in count.items() if n == max(count.values())}
        ties += len(best) > 1
        assert int(vector[entry]) in best
    assert ties > 10  # which were among them


def test_ties_favour_no_value() -> None:
    space = CGR(20_000, modulus=4)
    rows = np.tile(np.array([[0], [1]], np.uint16), (1, 20_000))
    bag = space.bundle()
    bag.add_vectors(rows)
    ones = float(bag.vector.mean())
    # Of four offsets 0 starts at 0 and 1 at 1; from 2 and 3 on comes 0 first: 1 wins at offset 1 alone.
    assert abs(ones - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 20_000)


def test_mcr_adds_directions() -> None:
    space = MCR(200, modulus=12)
    rows = space.atoms(range(5))
    vector = space.bundle(range(5)).vector
    for entry in range(200):
        total = sum(cmath.exp(2j * math.pi * int(row[entry]) / 12) for row in rows)
        if abs(total) > 1e-9:
            ideal = (cmath.phase(total) * 12 / (2 * math.pi)) % 12
            around = abs(ideal - int(vector[entry]))
            assert min(around, 12 - around) <= 0.5 + 1e-6


@pytest.mark.parametrize("modulus", [3, 5, 7, 9, 11, 63])
def test_half_around_is_the_even_one_in_any_order(modulus: int) -> None:
    low, high = (modulus - 1) // 2, (modulus + 1) // 2
    space = MCR(1, modulus=modulus)
    for seed in range(20):
        steps = np.random.default_rng(seed).permutation([low, high, low, high, 1, modulus - 1])
        rows = steps[:, np.newaxis].astype(np.uint16)
        even = low if low % 2 == 0 else high
        assert space.superpose(rows).tolist() == [even]
        assert space.superpose(rows, weights=[1] * 6).tolist() == [even]


@kinds
@pytest.mark.parametrize("modulus", [2, 16, 101])
def test_strangers_are_as_alike_as_chance_has_it(kind: str, modulus: int) -> None:
    width, n = 1000, 60
    space = space_of(kind, width, modulus, 2)
    rows = space.atoms(range(n))
    alike = np.concatenate([space.similarity(rows[i], rows[i + 1 :]) for i in range(n - 1)])
    if kind == "MCR":
        around = np.minimum(np.arange(modulus), modulus - np.arange(modulus))
        entries = 1 - 4 * around / modulus
    else:
        entries = (np.arange(modulus) == 0).astype(float)
    mean, variance, pairs = entries.mean(), entries.var() / width, n * (n - 1) / 2
    assert abs(alike.mean() - mean) < 5 * math.sqrt(variance / pairs)
    assert (
        abs(alike.var() / variance - 1) < 5 * math.sqrt((2 + 1 / (variance * width * width)) / pairs) + 0.05
    )


@kinds
def test_members_are_found_among_strangers(kind: str) -> None:
    space = space_of(kind, 2000, 32, 3)
    scores = space.bundle(range(15)).similarity(range(1000))
    assert set(np.argsort(-scores)[:15].tolist()) == set(range(15))


@kinds
def test_a_bundle_is_a_count_however_it_comes(kind: str, tmp_path: Path) -> None:
    space = space_of(kind, 65, 11, 9)
    keys, weights = np.arange(50), np.arange(50) - 10
    whole = space.bundle(keys, weights)
    parts = space.bundle(keys[:20], weights[:20])
    parts += space.bundle(keys[20:], weights[20:])
    by_vectors = space.bundle()
    by_vectors.add_vectors(space.atoms(keys), weights)
    assert whole == parts == by_vectors
    assert (whole.n_added, whole.total_weight) == (50, int(weights.sum()))
    expected = np.zeros((65, 11), np.int64)
    for row, weight in zip(space.atoms(keys), weights, strict=True):
        expected[np.arange(65), row] += weight
    assert np.array_equal(whole.counters, expected)
    parts.remove(keys[20:], weights[20:])
    assert parts == space.bundle(keys[:20], weights[:20])
    whole.save(tmp_path / "bundle.safetensors")
    again = hypersketch.load(tmp_path / "bundle.safetensors")
    assert again == whole
    assert again.space == space
    assert np.array_equal(again.vector, whole.vector)
    record = space.bundle()
    record.add_pairs([1, 2], ["x", "y"])
    bound = space.bundle()
    bound.add_vectors(space.bind(space.atoms([1, 2]), space.atoms(["x", "y"])))
    assert record == bound


def test_block_codes_are_one_bit_a_block() -> None:
    space = SparseBlockCodes(16 * 20, modulus=16)
    bits = space.unpack(space.atoms(range(4)))
    assert bits.shape == (4, 320)
    assert (bits.reshape(4, 20, 16).sum(axis=2) == 1).all()
    assert np.array_equal(bits.reshape(4, 20, 16).argmax(axis=2), space.atoms(range(4)))


# ---- refusals


@kinds
def test_what_is_no_vector_is_refused(kind: str) -> None:
    space = space_of(kind, 10, 8)
    good = space.atoms("a")[0]
    for wrong, error in (
        ([0] * 10, TypeError),
        (np.zeros(10), TypeError),
        (np.zeros(11, np.uint16), ValueError),
        (np.full(10, 8), ValueError),
        (np.full(10, -1), ValueError),
        (np.zeros((1, 1, 10), np.uint16), ValueError),
    ):
        for verb in (space.bind, space.unbind, space.similarity):
            with pytest.raises(error):
                verb(good, wrong)
    with pytest.raises(ValueError, match="a has 2 rows but b has 3"):
        space.bind(space.atoms([1, 2]), space.atoms([1, 2, 3]))


def test_counters_never_wrap() -> None:
    bag = CGR(5).bundle(["a"], [2**31 - 1])
    before = bag.copy()
    with pytest.raises(OverflowError, match="int32"):
        bag.add("a")
    assert bag == before


def test_spaces_do_not_mix() -> None:
    with pytest.raises(ValueError, match="equal"):
        CGR(64).bundle("a").merge(MCR(64).bundle("a"))
    with pytest.raises(ValueError, match="'modulus'"):
        CGR(64).bundle("a").merge(CGR(64, modulus=8).bundle("a"))
    with pytest.raises(TypeError, match="space"):
        ModularBundle(HRR(64))  # type: ignore[arg-type]
    for make in (
        lambda: SparseBlockCodes(100, modulus=64),
        lambda: CGR(0),
        lambda: MCR(4, modulus=1),
        lambda: MCR(4, modulus=2**17),
    ):
        with pytest.raises(ValueError, match=r"'(dim|modulus)' parameter"):
            make()
