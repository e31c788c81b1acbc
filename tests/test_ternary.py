# SPDX-License-Identifier: Apache-2.0
"""MAP-T and the measures of packed vectors, from their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import hypersketch
from hypersketch.vsa import BSC, MapI, MapT, TernaryBundle, measures

dims = st.sampled_from([1, 2, 63, 64, 65, 100, 128, 129])
seeds = st.integers(0, 2**32)


def trits(dim: int, n: int, seed: int) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-1, 2, (n, dim)).astype(np.int8)


@given(dims, seeds)
def test_the_algebra_is_that_of_entries(dim: int, seed: int) -> None:
    space, a, b = MapT(dim), trits(dim, 3, seed), trits(dim, 3, seed + 1)
    x, y = space.pack(a), space.pack(b)
    assert np.array_equal(space.unpack(x), a)
    assert np.array_equal(space.unpack(space.bind(x, y)), a * b)
    assert np.array_equal(space.unpack(space.bind(x[0], y)), a[0] * b)
    assert np.array_equal(space.unpack(space.permute(x, seed)), np.roll(a, seed % dim, axis=1))
    assert np.array_equal(space.permute(space.permute(x, 5), -5), x)
    inner, sizes = a.astype(int) @ b.T.astype(int), np.abs(a).sum(1)[:, np.newaxis] * np.abs(b).sum(1)
    expected = np.divide(inner, np.sqrt(sizes), out=np.zeros(inner.shape), where=sizes > 0)
    assert np.array_equal(space.similarities(x, y), expected)
    assert np.array_equal(space.similarity(x, y), np.diag(expected))
    assert np.array_equal(space.similarity(x[0], y), expected[0])


def test_atoms_are_those_of_map_i() -> None:
    assert np.array_equal(
        MapT(100, 3).unpack(MapT(100, 3).atoms(range(9))), MapI(100, 3).unpack(MapI(100, 3).atoms(range(9)))
    )


def test_a_bundle_is_the_signs_of_sums() -> None:
    space = MapT(200, 4)
    bag = space.bundle(range(6), [1, 2, -3, 1, 1, 2])
    counters = MapI(200, 4).bundle(range(6), [1, 2, -3, 1, 1, 2]).counters
    assert np.array_equal(bag.counters, counters)
    assert np.array_equal(space.unpack(bag.vector), np.sign(counters))
    assert (counters == 0).any()
    bag.remove(range(6), [1, 2, -3, 1, 1, 2])
    assert not bag.counters.any()
    assert isinstance(hypersketch.from_bytes(bag.to_bytes()), TernaryBundle)


def test_what_is_no_ternary_vector_is_refused() -> None:
    space = MapT(100)
    good = space.atoms("a")
    for wrong in (good.astype(np.int64), good.tolist()):
        with pytest.raises(TypeError, match="packed vectors of uint64 with 4 words"):
            space.bind(wrong, good)
    with pytest.raises(ValueError, match=r"\(1, 3\).*\(4,\) or \(n, 4\)"):
        space.bind(good[:, :3].copy(), good)
    stray = good.copy()
    stray[0, 1] |= np.uint64(1 << 50)
    with pytest.raises(ValueError, match="beyond dimension 100"):
        space.permute(stray, 1)
    with pytest.raises(ValueError, match="both"):
        space.similarity(np.full(4, 1, np.uint64), good)
    with pytest.raises(ValueError, match="-1, 0 and"):
        space.pack(np.full(100, 2))
    with pytest.raises(ValueError, match=r"\(99,\)"):
        space.pack(np.zeros(99))
    with pytest.raises(ValueError, match="3 rows"):
        space.bind(space.atoms(range(3)), space.atoms(range(2)))
    with pytest.raises(TypeError, match="MapT"):
        TernaryBundle(MapI(100))  # type: ignore[arg-type]


# ---- measures


def bits(dim: int, n: int, seed: int, share: float) -> NDArray[np.bool_]:
    return np.asarray(np.random.default_rng(seed).random((n, dim)) < share)


def packed(rows: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return np.stack([BSC(rows.shape[1])._of_entries(row) for row in rows])


def information(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> float:
    total = 0.0
    for i in (False, True):
        for j in (False, True):
            joint = np.mean((x == i) & (y == j))
            if joint:
                total += joint * math.log2(joint / (np.mean(x == i) * np.mean(y == j)))
    return total


@given(dims, seeds, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_measures_are_those_of_sets(dim: int, seed: int, share: float) -> None:
    a, b = bits(dim, 3, seed, 0.4), bits(dim, 2, seed + 1, share)
    x, y = packed(a), packed(b)
    for i, mine in enumerate(a):
        for j, theirs in enumerate(b):
            both, either = int((mine & theirs).sum()), int((mine | theirs).sum())
            sizes = int(mine.sum()), int(theirs.sum())
            counts = measures.agreement(x[i], y[j], dim)
            expected = both, sizes[0] - both, sizes[1] - both, dim - either
            assert [int(count[0, 0]) for count in counts] == list(expected)
            checks: list[tuple[Any, float]] = [
                (measures.hamming, (either - both) / dim),
                (measures.jaccard, both / either if either else 1.0),
                (measures.overlap, both / min(sizes) if min(sizes) else 0.0),
                (measures.cosine, both / math.sqrt(sizes[0] * sizes[1]) if min(sizes) else 0.0),
                (measures.deviations, (dim / 2 - (either - both)) / (math.sqrt(dim) / 2)),
                (measures.mutual_information, information(mine, theirs)),
            ]
            for measure, value in checks:
                assert math.isclose(measure(x, y, dim)[i, j], value, abs_tol=1e-9)
    half = measures.tversky(x, y, dim, 0.5, 0.5)
    assert np.allclose(half, 2 * measures.jaccard(x, y, dim) / (1 + measures.jaccard(x, y, dim)))


def test_measures_refuse_what_is_none() -> None:
    row = BSC(100).atoms("a")
    with pytest.raises(ValueError, match="alpha"):
        measures.tversky(row, row, 100, -1.0)
    with pytest.raises(ValueError, match="shape"):
        measures.jaccard(row, row, 200)
    with pytest.raises(TypeError, match="packed vectors"):
        measures.cosine(row.astype(np.int64), row, 100)
