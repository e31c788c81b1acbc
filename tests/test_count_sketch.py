# SPDX-License-Identifier: Apache-2.0
"""Count sketches: the cells of the definition, the laws of sums, sizes and files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import CountSketch, hash_keys, theory
from makers import state
from sketch_makers import CLASSES, DTYPES, cells, hashes_of, same_bytes, weights_of

SHAPES = [(1, 1), (2, 3), (63, 2), (64, 5), (65, 4), (1000, 7), (4099, 1)]
COUNTS = [0, 1, 7, 8, 9, 63, 64, 65, 129, 1025]
weighted = st.lists(st.tuples(st.integers(0, 50), st.integers(-9, 9)), max_size=40)


# ---- against reference


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_cells_and_estimates(kind: Any, width: int, depth: int, dtype: str, level: str) -> None:
    signed = kind is CountSketch
    for n in COUNTS:
        hashes, others = hashes_of(n), hashes_of(30, 2)
        for weights in (None, weights_of(n, dtype, -50 if signed else 0)):
            expected = reference.count_sketch(width, depth, 5, hashes, weights, signed, np.dtype(dtype).type)
            sketch = kind(width, depth, dtype=dtype, seed=5)
            sketch.add_hashes(hashes, weights)
            assert cells(sketch).tobytes() == expected.tobytes()
            probes = np.concatenate((hashes[:40], others))
            found = sketch.estimate_hashes(probes)
            assert found.tolist() == reference.sketch_estimates(expected, 5, probes, signed)
            whole = dtype.startswith("int") and (depth % 2 == 1 or not signed)
            assert found.dtype == (np.int64 if whole else np.float64)


@pytest.mark.parametrize("depth", range(1, 12))
def test_every_depth(depth: int, level: str) -> None:
    sketch, hashes = CountSketch(30, depth), hashes_of(200)
    sketch.add_hashes(hashes, weights_of(200, "int64"))
    assert sketch.estimate_hashes(hashes).tolist() == reference.sketch_estimates(cells(sketch), 0, hashes)


def test_the_largest_depth() -> None:
    sketch, hashes = CountSketch(30, 64), hashes_of(50)
    sketch.add_hashes(hashes)
    assert np.array_equal(cells(sketch), reference.count_sketch(30, 64, 0, hashes))
    assert sketch.estimate_hashes(hashes).tolist() == reference.sketch_estimates(cells(sketch), 0, hashes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", CLASSES)
def test_threads_change_nothing(kind: Any, dtype: str, threads: int) -> None:
    n = 100_000
    hashes = hashes_of(n)
    hashes[::3] = hashes[0]
    one, several = (kind(1000, 5, dtype=dtype) for _ in range(2))
    for weights in (None, weights_of(n, dtype, 0)):
        one.add_hashes(hashes, weights, threads=1)
        several.add_hashes(hashes, weights, threads=threads)
    assert same_bytes(one, several)
    probes = hashes_of(20_000)
    assert np.array_equal(
        one.estimate_hashes(probes, threads=1), several.estimate_hashes(probes, threads=threads)
    )


def test_rows_beyond_a_core_s_cache(level: str, threads: int) -> None:
    width, hashes = 2**19 + 3, hashes_of(30_000)
    sketch = CountSketch(width, 2, dtype="int32")
    sketch.add_hashes(hashes, threads=threads)
    columns, signs = reference.row_places(width, 2, 0, hashes)
    expected = [np.bincount(columns[:, r], signs[:, r], width) for r in range(2)]
    assert np.array_equal(cells(sketch), expected)
    found = sketch.estimate_hashes(hashes[:500])
    assert found.tolist() == reference.sketch_estimates(cells(sketch), 0, hashes[:500])


def test_integers_are_hashed_on_the_way(threads: int) -> None:
    keys = np.random.default_rng(1).integers(-(2**63), 2**63, 20_000)
    for kind in CLASSES:
        fused, other = kind(500, 3), kind(500, 3)
        fused.add(keys, threads=threads)
        other.add_hashes(hash_keys(keys))
        assert same_bytes(fused, other)
        assert np.array_equal(fused.estimate(keys[:99]), other.estimate(keys[:99].tolist()))
        assert np.array_equal(fused.estimate(keys.view(np.uint64)), other.estimate_hashes(hash_keys(keys)))


def test_keys_of_every_type() -> None:
    sketch = CountSketch(2**12, 5)
    for keys in ("a", ["b", "c"], b"d", 5, np.array([6, 7], np.int8), np.array(["e"]), range(10, 12), {13}):
        sketch.add(keys)
    assert sketch.estimate(["a", "b", "c", "d", "e"]).tolist() == [1] * 5
    assert sketch.estimate([5, 6, 7, 10, 11, 13]).tolist() == [1] * 6
    assert sketch.n_added == sketch.total_weight == 11


# ---- laws


@given(weighted, weighted)
def test_merging_is_concatenating(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left, right, both = (CountSketch(31, 3) for _ in range(3))
    for sketch, items in ((left, a), (right, b), (both, a + b)):
        sketch.add([key for key, _ in items], [weight for _, weight in items])
    assert left + right == both == right + left
    assert both - right == left
    left += right
    assert same_bytes(left, both)
    left -= right
    right.subtract(right)
    assert right == CountSketch(31, 3)
    assert (right.n_added, right.total_weight) == (0, 0)


@given(st.permutations(range(40)))
def test_order_does_not_matter(keys: list[int]) -> None:
    one, other = (CountSketch(17, 3) for _ in range(2))
    one.add(range(40), weights=range(40))
    other.add(keys, weights=keys)
    assert one == other


@pytest.mark.parametrize("dtype", DTYPES)
def test_opposite_weights_cancel(dtype: Any) -> None:
    sketch = CountSketch(17, 3, dtype=dtype)
    sketch.add(range(40), weights=range(40))
    sketch.add(range(40), weights=[-i for i in range(40)])
    assert sketch == CountSketch(17, 3, dtype=dtype)
    assert (sketch.n_added, sketch.total_weight) == (80, 0)


def test_float_weights() -> None:
    sketch = CountSketch(1000, 5, dtype="float64")
    sketch.add(["a", "b"], [0.25, -1.5])
    sketch.add(["a"], [1])
    assert sketch.estimate(["a", "b", "c"]).tolist() == [1.25, -1.5, 0.0]
    assert sketch.total_weight == -0.25
    single = CountSketch(1000, 5, dtype="float32")
    single.add("a", np.array([0.1], np.float32))
    assert single.estimate("a") == [np.float32(0.1)]


# ---- sizes


def test_sizing_by_error() -> None:
    sketch = CountSketch.for_error(0.05, 0.02, dtype="float32", track=3, seed=9)
    assert (sketch.width, sketch.depth) == theory.count_sketch.dimensions(0.05, 0.02)
    assert theory.count_sketch.failure_bound(sketch.width, sketch.depth, 0.05) <= 0.02
    assert (str(sketch.dtype), sketch.track, sketch.seed) == ("float32", 3, 9)
    with pytest.raises(ValueError, match="'width' parameter of CountSketch must be an integer in"):
        CountSketch.for_error(1e-6, 0.001)
    for eps, delta in ((0, 0.1), (-1, 0.1), (0.1, 0), (0.1, 1), (0.1, math.nan), (math.inf, 0.1)):
        with pytest.raises(ValueError, match="must be a"):
            CountSketch.for_error(eps, delta)


@pytest.mark.parametrize("kind", CLASSES)
def test_sizing_by_memory(kind: Any) -> None:
    for n_bytes in (40, 41, 4096, 100_000):
        sketch = kind.for_memory(n_bytes, depth=5)
        assert sketch.nbytes <= n_bytes < sketch.nbytes + 40
    with pytest.raises(
        ValueError, match=rf"'n_bytes' parameter of {kind.__name__}.for_memory must be at least"
    ):
        kind.for_memory(39)
    with pytest.raises(TypeError):
        kind.for_memory("1 MB")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"width": 0}, ValueError, r"'width' .* in \[1, 2\*\*32 - 2\]|'width' .* Got 0 instead"),
        ({"width": 2**32}, ValueError, "'width' .* Got 4294967296 instead"),
        ({"width": 9.5}, TypeError, "'width' .* Got 9.5 instead"),
        ({"width": 9, "depth": 0}, ValueError, r"'depth' .* must be an integer in \[1, 64\]. Got 0"),
        ({"width": 9, "depth": 65}, ValueError, "'depth' .* Got 65"),
        (
            {"width": 9, "dtype": "int8"},
            ValueError,
            "'dtype' .* one of 'int32', 'int64', 'float32', 'float64'",
        ),
        ({"width": 9, "dtype": np.int8}, ValueError, "'dtype'"),
        ({"width": 9, "dtype": np.dtype("float16")}, ValueError, "'dtype'"),
        ({"width": 9, "dtype": np.dtype(">i4")}, ValueError, "'dtype' .* Got dtype"),
        ({"width": 9, "dtype": int}, ValueError, "'dtype'"),
        ({"width": 9, "track": -1}, ValueError, "'track' .* Got -1"),
        ({"width": 9, "track": 2**20 + 1}, ValueError, "'track' .* Got 1048577"),
        ({"width": 9, "seed": -1}, ValueError, "'seed' .* Got -1"),
    ],
)
@pytest.mark.parametrize("kind", CLASSES)
def test_bad_sizes(kind: Any, arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        kind(**arguments)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", CLASSES)
def test_types_of_cells_given_as_numpy_has_them(kind: Any, dtype: str) -> None:
    expected = kind(9, 3, dtype=dtype)
    for wanted in (np.dtype(dtype), np.dtype(dtype).type, expected.dtype):
        made = kind(9, 3, dtype=wanted)
        assert made == expected
        assert repr(made) == repr(expected)
        assert hypersketch.from_bytes(made.to_bytes()) == expected
        assert (
            kind.for_memory(2**10, dtype=wanted).dtype
            == kind.for_error(0.1, 0.1, dtype=wanted).dtype
            == dtype
        )


@pytest.mark.parametrize("kind", CLASSES)
def test_sizing_names_the_method(kind: Any) -> None:
    owner = rf"parameter of {kind.__name__}\.for_error must be a"
    for eps in (0, -1.0, math.inf):
        with pytest.raises(ValueError, match=rf"^The 'eps' {owner} finite float"):
            kind.for_error(eps, 0.1)
    with pytest.raises(ValueError, match=rf"^The 'delta' {owner} float in \(0, 1\)"):
        kind.for_error(0.1, 1)


def test_estimates_have_no_negative_zeros() -> None:
    for dtype, depth in (("float32", 3), ("float64", 1), ("int64", 2)):
        sketch = CountSketch(10, depth, dtype=dtype)
        sketch.add("a")
        assert not np.signbit(sketch.estimate(range(1000))[sketch.estimate(range(1000)) == 0]).any()


@pytest.mark.parametrize("parameter", ["width", "depth", "dtype", "seed"])
@pytest.mark.parametrize("kind", CLASSES)
def test_merging_needs_equal_parameters(kind: Any, parameter: str) -> None:
    one = {"width": 9, "depth": 3, "dtype": "int32", "seed": 0}
    other = {"width": 8, "depth": 2, "dtype": "int64", "seed": 1}
    made, theirs = kind(**one), kind(**{**one, parameter: other[parameter]})
    made.add("a")
    before = made.copy()
    for action, call in (
        ("merge with them", lambda: made.merge(theirs)),
        ("merge with them", lambda: made + theirs),
        ("subtract them", lambda: made.subtract(theirs)),
        ("subtract them", lambda: made - theirs),
        ("have an inner product", lambda: made.inner(theirs)),
    ):
        with pytest.raises(ValueError, match=rf"'{parameter}' parameter of both .* equal to {action}\. Got"):
            call()
    with pytest.raises(TypeError, match="can only have an inner product with another"):
        made.inner(5)
    with pytest.raises(TypeError, match="can only subtract another"):
        made.subtract(5)
    assert same_bytes(made, before)


# ---- files


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", CLASSES)
def test_files_of_every_dtype(kind: Any, dtype: str, path: Any) -> None:
    sketch = kind(100, 3, dtype=dtype, seed=3)
    sketch.add(range(50), weights_of(50, dtype, 0))
    sketch.save(path)
    for mmap in (False, True):
        loaded = hypersketch.load(path, mmap=mmap)
        assert same_bytes(loaded, sketch)
        assert loaded == sketch
        assert np.array_equal(loaded.estimate(range(99)), sketch.estimate(range(99)))
        other = loaded.copy()
        other.add(range(50), weights_of(50, dtype, 0))
        assert other != sketch
    with pytest.raises(ValueError, match="read-only"):
        loaded.add(1)
    with pytest.raises(ValueError, match="read-only"):
        loaded.subtract(sketch)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cells_that_are_not_finite(dtype: Any, bad: float, path: Any) -> None:
    sketch = CountSketch(10, 3, dtype=dtype, track=2)
    sketch.add(range(20))
    state(sketch)[:] = bad
    sketch.save(path)
    with pytest.raises(ValueError, match="its state holds cells that are not finite"):
        hypersketch.load(path)
    mapped = hypersketch.load(path, mmap=True)  # which is not read through
    assert not np.isfinite(mapped.estimate(range(3))).any()
    copy = mapped.copy()
    with pytest.raises(OverflowError):
        copy.add([1, 2])
    mapped.heavy_hitters()
