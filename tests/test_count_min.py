# SPDX-License-Identifier: Apache-2.0
"""Count-Min sketches: never too low, conservative update, and the excess as computed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import CountMinSketch, theory
from makers import state

MOST = 2**31 - 1
weighted = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=60)


def hashes_of(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def cells(sketch: CountMinSketch) -> np.ndarray:
    return state(sketch).reshape(sketch.depth, sketch.width)


def zipf_stream(n: int, universe: int, exponent: float, seed: int = 3) -> np.ndarray:
    shares = np.cumsum(1.0 / np.arange(1, universe + 1) ** exponent)
    return np.searchsorted(shares / shares[-1], np.random.default_rng(seed).random(n))


# ---- conservative update against reference


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (7, 3), (100, 4), (1000, 6)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_conservative_cells(width: int, depth: int, dtype: Any, level: str, threads: int) -> None:
    hashes = hashes_of(300)[np.random.default_rng(2).integers(0, 300, 700)]
    for weights in (None, np.random.default_rng(3).integers(0, 9, 700)):
        sketch = CountMinSketch(width, depth, conservative=True, dtype=dtype, seed=4)
        sketch.add_hashes(hashes, weights, threads=threads)
        expected = reference.conservative(width, depth, 4, hashes, weights)
        assert np.array_equal(cells(sketch), expected)
        found = sketch.estimate_hashes(hashes, threads=threads)
        assert found.tolist() == reference.sketch_estimates(expected, 4, hashes, signed=False)


def test_conservative_update_in_pieces_and_over_far_cells(threads: int) -> None:
    keys = zipf_stream(40_000, 5000, 1.0)
    whole, parts = (CountMinSketch(2**17, 4, conservative=True) for _ in range(2))
    whole.add(keys, threads=threads)
    for part in np.array_split(keys, 7):
        parts.add(part.tolist(), threads=1)
    assert whole == parts
    assert whole.n_added == parts.n_added == whole.total_weight == 40_000


@given(weighted)
def test_estimates_are_never_too_low(items: list[tuple[int, int]]) -> None:
    keys, weights = [key for key, _ in items], [weight for _, weight in items]
    plain, careful = CountMinSketch(11, 3), CountMinSketch(11, 3, conservative=True)
    for sketch in (plain, careful):
        sketch.add(keys, weights)
    true = [sum(weight for key, weight in items if key == one) for one in range(31)]
    assert (careful.estimate(range(31)) >= true).all()
    assert (plain.estimate(range(31)) >= careful.estimate(range(31))).all()


def test_conservative_update_has_about_half_the_excess() -> None:
    """The stream of the design's simulation, where 0.55 was seen."""
    keys = zipf_stream(60_000, 10_000, 1.2)
    true = np.bincount(keys, minlength=10_000)
    plain, careful = (CountMinSketch(256, 4, conservative=flag) for flag in (False, True))
    excess = []
    for sketch in (plain, careful):
        sketch.add(keys)
        excess.append((sketch.estimate(range(10_000)) - true)[true > 0].mean())
    assert 0.4 < excess[1] / excess[0] < 0.7


def test_conservative_sketches_are_not_linear() -> None:
    one, other = (CountMinSketch(9, 3, conservative=True) for _ in range(2))
    one.add("a")
    before = one.copy()
    for action, call in (
        ("merged", lambda: one.merge(other)),
        ("merged", lambda: one + other),
        ("subtracted", lambda: one.subtract(other)),
        ("subtracted", lambda: one - other),
        ("compared", lambda: one.inner(other)),
        ("compared", one.second_moment),
    ):
        with pytest.raises(ValueError, match=f"conservative update is not linear and cannot be {action}"):
            call()
    with pytest.raises(ValueError, match="'conservative' parameter of both"):
        one.merge(CountMinSketch(9, 3))
    assert one == before


# ---- weights and ranges


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_negative_weights_are_refused(dtype: Any, conservative: bool) -> None:
    sketch = CountMinSketch(9, 3, dtype=dtype, conservative=conservative)
    with pytest.raises(ValueError, match=r"'weights' .*(in \[0, 2\*\*63 - 1\]|>= 0)\. Got -1"):
        sketch.add(["a", "b"], [1, -1])
    assert sketch.n_added == 0
    assert not state(sketch).any()


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize(("dtype", "most"), [("int32", MOST), ("int64", 2**63 - 1)])
def test_integers_never_wrap(dtype: Any, most: int, conservative: bool) -> None:
    sketch = CountMinSketch(50, 2, dtype=dtype, conservative=conservative)
    sketch.add(["a", "b"], [most, 5])
    assert sketch.estimate("a") == most
    before = sketch.copy()
    for keys, weights in ((["b", "a"], [1, 1]), (["b", "b"], [most, most]), (["a"], None)):
        with pytest.raises(OverflowError, match=f"would leave the range of {dtype}"):
            sketch.add(keys, weights)
        assert sketch == before
        assert sketch._saved_counts() == before._saved_counts()
    sketch.add(["b"], [most - 5])
    assert sketch.estimate("b") == most


def test_subtraction_needs_a_part() -> None:
    day, hour = CountMinSketch(100, 3, dtype="int32"), CountMinSketch(100, 3, dtype="int32")
    day.add(range(50))
    hour.add(range(20))
    rest = day - hour
    assert rest.estimate(range(50)).sum() >= 30
    assert (rest.n_added, rest.total_weight) == (30, 30)
    other = CountMinSketch(100, 3, dtype="int32")
    other.add(range(20, 50))
    assert rest == other
    with pytest.raises(ValueError, match="must be part of this one: a cell would fall below zero"):
        hour -= day
    assert hour.n_added == 20
    day += hour
    assert day.estimate([0]) >= 2


def test_inner_is_an_upper_bound() -> None:
    rng = np.random.default_rng(4)
    v, w = rng.integers(0, 20, 500), rng.integers(0, 20, 500)
    a, b = (CountMinSketch(200, 4) for _ in range(2))
    a.add(range(500), v)
    b.add(range(500), w)
    assert int(v @ w) <= a.inner(b) == (cells(a) * cells(b)).sum(axis=1).min()
    assert int(v @ v) <= a.second_moment()


# ---- errors


def test_the_excess_of_a_row() -> None:
    weights = np.bincount(zipf_stream(5000, 400, 1.1), minlength=400)
    hashes, found = hashes_of(400), []
    for seed in range(1500):
        sketch = CountMinSketch(32, 1, seed=seed)
        sketch.add_hashes(hashes, weights)
        found.append(int(sketch.estimate_hashes(hashes[5:6])[0]) - int(weights[5]))
    f1, f2 = float(weights.sum()), float((weights**2).sum())
    mean, variance = theory.count_min.row_excess_moments(f1, f2, float(weights[5]), 32)
    assert abs(np.mean(found) - mean) < 5 * math.sqrt(variance / 1500)
    assert abs(np.var(found) - variance) < 5 * np.std((np.array(found) - mean) ** 2) / math.sqrt(1500)


@pytest.mark.parametrize("conservative", [False, True])
def test_the_excess_is_read_off_the_cells(conservative: bool) -> None:
    sketch = CountMinSketch(300, 3, conservative=conservative)
    sketch.add(zipf_stream(20_000, 3000, 1.0))
    strangers = sketch.estimate_hashes(hashes_of(200_000, 9))
    mean, sd = theory.count_min.excess(cells(sketch))
    assert sketch.standard_error() == mean
    assert abs(strangers.mean() - mean) < 5 * sd / math.sqrt(200_000)
    squares = (strangers - mean) ** 2
    assert abs(squares.mean() - sd**2) < 5 * squares.std() / math.sqrt(200_000)
    assert CountMinSketch(9, 3).standard_error() == 0.0


@pytest.mark.parametrize(("width", "depth", "eps"), [(100, 2, 0.03), (60, 3, 0.04)])
def test_failures_stay_below_the_bound(width: int, depth: int, eps: float) -> None:
    weights = np.bincount(zipf_stream(20_000, 3000, 0.8), minlength=3000)
    hashes, failures = hashes_of(3000), []
    for seed in range(30):
        sketch = CountMinSketch(width, depth, seed=seed)
        sketch.add_hashes(hashes, weights)
        failures.append((sketch.estimate_hashes(hashes) - weights > eps * weights.sum()).mean())
    assert np.mean(failures) < theory.count_min.failure_bound(width, depth, eps) < 0.5


def test_sizing_by_error() -> None:
    sketch = CountMinSketch.for_error(0.001, 0.01, conservative=True, dtype="int32", track=2, seed=5)
    assert (sketch.width, sketch.depth) == (2512, 5)
    assert sketch.width <= math.ceil(math.e / 0.001)
    assert (sketch.conservative, sketch.track, sketch.seed) == (True, 2, 5)
    assert theory.count_min.failure_bound(sketch.width, sketch.depth, 0.001) <= 0.01
    memory = CountMinSketch.for_memory(4000, depth=2, conservative=True, track=1, seed=6)
    assert (memory.width, memory.depth, memory.conservative, memory.track, memory.seed) == (
        250,
        2,
        True,
        1,
        6,
    )


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="'conservative' parameter of CountMinSketch must be True or False"):
        CountMinSketch(9, 3, conservative=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        theory.count_min.excess([1.0, 2.0])


def test_negative_cells_of_a_hostile_file(path: Any) -> None:
    sketch = CountMinSketch(10, 2, dtype="int32", track=3)
    sketch.add(range(10))
    state(sketch)[:] = -(2**31)
    sketch.save(path)
    loaded = hypersketch.load(path)
    assert (loaded.estimate(range(20)) == -(2**31)).all()
    assert loaded.heavy_hitters() == []
