# SPDX-License-Identifier: Apache-2.0
"""Hamming search: the same rows as sorting all distances, at every level and with any number of threads."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from hypersketch import MapB, _core
from hypersketch.vsa import _packed, nearest, within

Pairs = list[tuple[int, int]]
DIMS = [1, 63, 64, 65, 1000, 1024, 10_000, 10_240]


@functools.cache
def vectors(n: int, dim: int, seed: int) -> NDArray[np.int64]:
    """Vectors of -1 and +1; a quarter of the rows are copies, and some differ from another in one bit."""
    made = np.random.default_rng(seed).choice(np.array([-1, 1]), (n, dim))
    made[3::4] = made[: len(made[3::4])]
    made[5::8] = made[4::8][: len(made[5::8])]
    made[5::8, dim // 2] *= -1
    return made


@functools.cache
def case(dim: int, q: int, n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64], list[Pairs]]:
    """Packed queries and rows, and all rows of each query in order. Some queries are rows."""
    asked, stored = vectors(q, dim, 1), vectors(n, dim, 1)
    order = [reference.ranked(one) for one in reference.distances(asked, stored)]
    return reference.pack(asked), reference.pack(stored), order


def check_nearest(dim: int, q: int, n: int, k: int, threads: int | None = None) -> None:
    queries, rows, order = case(dim, q, n)
    indices, distances = nearest(queries, rows, dim, k, threads=threads)
    assert (indices.dtype, distances.dtype, indices.shape) == (np.int64, np.int32, (q, k))
    for distance, index, one in zip(distances.tolist(), indices.tolist(), order, strict=True):
        assert list(zip(distance, index, strict=True)) == one[:k]


def check_within(dim: int, q: int, n: int, radius: int, threads: int | None = None) -> None:
    queries, rows, order = case(dim, q, n)
    starts, indices, distances = within(queries, rows, dim, radius, threads=threads)
    assert (starts.dtype, indices.dtype, distances.dtype) == (np.int64, np.int64, np.int32)
    assert starts.shape == (q + 1,)
    expected = [[pair for pair in one if pair[0] <= radius] for one in order]
    assert starts.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    found = zip(distances.tolist(), indices.tolist(), strict=True)
    assert list(found) == [pair for one in expected for pair in one]


def check_all(dim: int, q: int, n: int, threads: int) -> None:
    queries, rows, order = case(dim, q, n)
    table = _packed.distances(queries, rows, dim, threads)
    expected = [[distance for distance, _ in sorted(one, key=lambda pair: pair[1])] for one in order]
    assert (table.dtype, table.shape) == (np.int32, (q, n))
    assert table.tolist() == expected


@pytest.mark.parametrize("dim", DIMS)
def test_small_searches(dim: int, level: str) -> None:
    for q, n in ((0, 1), (0, 0), (1, 0), (1, 1), (7, 7), (1, 33), (4, 33), (11, 33)):
        for threads in (1, 2, 3):
            check_all(dim, q, n, threads)
            for k in {1, 2, 10, n}:
                if 1 <= k <= n:
                    check_nearest(dim, q, n, k, threads)
            for radius in {0, 1, dim // 3, dim // 2, dim}:
                check_within(dim, q, n, radius, threads)


@pytest.mark.parametrize(
    ("dim", "q", "n"), [(65, 7, 1000), (10_240, 1, 1000), (1000, 1000, 7), (64, 150, 257)]
)
def test_larger_searches(dim: int, q: int, n: int, level: str, threads: int) -> None:
    check_all(dim, q, n, threads)
    for k in {1, 2, min(10, n), n}:
        check_nearest(dim, q, n, k, threads)
    check_within(dim, q, n, dim // 2, threads)


@pytest.mark.parametrize(("q", "n"), [(5, 3000), (400, 3000), (1, 20_000)])
def test_many_rows_and_threads(q: int, n: int) -> None:
    """Work worth several threads, cut by queries and by rows; rows share nearly all distances."""
    dim = 100
    rng = np.random.default_rng(4)
    bits = [rng.integers(0, 2, (size, dim), np.uint8) for size in (q, n)]
    queries, rows = (reference.pack(1 - 2 * one.astype(np.int64)) for one in bits)
    counted = (
        bits[0].sum(1)[:, None] + bits[1].sum(1)[None] - 2 * (bits[0].astype(int) @ bits[1].T.astype(int))
    )
    order = np.argsort(counted, axis=1, kind="stable")
    inside = np.take_along_axis(counted, order, 1) <= 45
    for threads in (1, 2, 7):
        for k in (1, 10, 700):
            indices, distances = nearest(queries, rows, dim, k, threads=threads)
            assert np.array_equal(indices, order[:, :k])
            assert np.array_equal(distances, np.take_along_axis(counted, indices, 1))
        starts, indices, _ = within(queries, rows, dim, 45, threads=threads)
        assert np.array_equal(np.diff(starts), inside.sum(1))
        assert np.array_equal(indices, order[inside])


def test_rows_that_are_all_alike(level: str) -> None:
    rows = np.repeat(reference.pack(vectors(1, 130, 2)), 600, axis=0)
    indices, distances = nearest(rows[:5], rows, 130, 300)
    assert np.array_equal(indices, np.tile(np.arange(300), (5, 1)))
    assert not distances.any()


@given(st.data())
def test_a_search_is_the_head_of_a_larger_one(data: st.DataObject) -> None:
    dim, n = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 60))
    words = (dim + 63) // 64
    rows = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 4, (n, words), np.uint64)
    if dim % 64:
        rows[:, -1] &= np.uint64(2 ** (dim % 64) - 1)
    k = data.draw(st.integers(1, n))
    everything = nearest(rows[:3], rows, dim, n)
    for whole, part in zip(everything, nearest(rows[:3], rows, dim, k), strict=True):
        assert np.array_equal(whole[:, :k], part)
    starts, indices, _ = within(rows[:1], rows, dim, int(everything[1][0, k - 1]))
    assert starts[1] >= k
    assert np.array_equal(everything[0][0, : starts[1]], indices)


def test_long_searches_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    import hypersketch.vsa.search as module

    monkeypatch.setattr(module, "_CHUNK_WORDS", 1)
    for q in (0, 64, 150):
        check_nearest(65, q, 40, 3)
        check_within(65, q, 40, 30)


def test_one_vector_is_one_row() -> None:
    space = MapB(100)
    atoms = space.atoms(["a", "b"])
    indices, distances = nearest(atoms[1], atoms, 100, 1)
    assert (indices.tolist(), distances.tolist()) == ([[1]], [[0]])
    indices, _ = nearest(atoms, atoms[0], 100, 1)
    assert indices.tolist() == [[0], [0]]


def test_a_distance_is_an_inner_product() -> None:
    space = MapB(777)
    atoms = space.atoms(range(20))
    indices, distances = nearest(atoms[:1], atoms, 777, 20)
    products = space.similarity(atoms[:1], atoms[indices[0]]) * 777
    assert np.array_equal(777 - 2 * distances[0], products.round())


ROWS = np.zeros((3, 2), np.uint64)
BAD: list[tuple[Any, tuple[Any, ...], type[Exception], str]] = [
    (nearest, (ROWS, ROWS, 128, 4), ValueError, r"'k' .* shape \(3, 2\) and rows of shape \(3, 2\)\. Got 4"),
    (nearest, (ROWS, ROWS[:0], 128, 1), ValueError, r"rows of shape \(0, 2\), which is 0\. Got 1"),
    (nearest, (ROWS, ROWS, 128, 0), ValueError, "'k' parameter of nearest .* Got 0 instead"),
    (nearest, (ROWS, ROWS, 128, True), TypeError, "'k' parameter .* Got True"),
    (nearest, (ROWS, ROWS, 128, 1.0), TypeError, r"'k' parameter .* Got 1\.0"),
    (nearest, (ROWS, ROWS, 129, 1), ValueError, r"queries has the shape \(3, 2\) but nearest needs \(3,\)"),
    (nearest, (ROWS, ROWS[:, :1], 128, 1), ValueError, r"rows has the shape \(3, 1\) but nearest needs"),
    (nearest, (~ROWS, ROWS, 127, 1), ValueError, "queries sets bits beyond dimension 127"),
    (nearest, (ROWS, ~ROWS, 127, 1), ValueError, "rows sets bits beyond dimension 127"),
    (nearest, (ROWS.astype(np.int64), ROWS, 128, 1), TypeError, "'queries' parameter of nearest"),
    (nearest, (ROWS, ROWS.tolist(), 128, 1), TypeError, "'rows' parameter of nearest"),
    (nearest, (ROWS, ROWS, 0, 1), ValueError, "'dim' parameter of nearest"),
    (within, (ROWS, ROWS, 128, 129), ValueError, r"'radius' parameter of within .* \[0, 128\]. Got 129"),
    (within, (ROWS, ROWS, 128, -1), ValueError, "'radius' parameter of within"),
    (within, (ROWS, ROWS, 128, 3.0), TypeError, "'radius' parameter of within"),
    (within, (ROWS, ~ROWS, 100, 3), ValueError, "rows sets bits beyond dimension 100"),
]


@pytest.mark.parametrize(("call", "arguments", "error", "text"), BAD)
def test_bad_searches(call: Any, arguments: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def test_bad_threads() -> None:
    for call in (nearest, within):
        with pytest.raises(ValueError, match="'threads' parameter of"):
            call(ROWS, ROWS, 128, 1, threads=0)


def test_the_core_refuses_wrong_shapes() -> None:
    indices, distances = np.empty((3, 2), np.int64), np.empty((3, 2), np.int32)
    for queries, rows, dim, k in ((ROWS, ROWS, 129, 2), (ROWS[:2], ROWS, 128, 2), (ROWS, ROWS[:1], 128, 2)):
        with pytest.raises(ValueError, match="must"):
            _core.hamming_top_k(queries, rows, dim, indices[:, :k], distances, 1)
    with pytest.raises(ValueError, match="radius"):
        _core.hamming_range(ROWS, ROWS, 128, 129, 1)
