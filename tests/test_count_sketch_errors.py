# SPDX-License-Identifier: Apache-2.0
"""Count sketches: errors, inner products and second moments as theory computes them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hypersketch import CountSketch, theory
from sketch_makers import cells, hashes_of


def zipf(n: int, exponent: float, total: int) -> np.ndarray:
    """Whole weights of n keys, falling as the ranks to the exponent."""
    shares = 1.0 / np.arange(1, n + 1) ** exponent
    return np.maximum(1, (shares / shares.sum() * total).astype(np.int64))


@pytest.mark.parametrize("depth", [1, 3, 4, 5])
def test_errors_are_as_predicted(depth: int) -> None:
    """Many keys of one weight make Gaussian rows, for which theory is exact."""
    width, n, errors = 64, 4000, []
    hashes = hashes_of(n + 500)
    for seed in range(40):
        sketch = CountSketch(width, depth, seed=seed)
        sketch.add_hashes(hashes[:n])
        errors.append(sketch.estimate_hashes(hashes[n:]))
    found = np.array(errors, dtype=np.float64)
    sd = theory.count_sketch.standard_error(n, 0.0, width, depth)
    # 40 tables of 64 columns: fewer independent errors than estimates.
    independent = 40 * width
    assert abs(found.mean()) < 5 * sd / math.sqrt(independent)
    assert abs(found.std() / sd - 1) < 5 / math.sqrt(2 * independent)
    assert sketch.standard_error() == pytest.approx(sd, rel=0.5)


def test_the_error_of_a_row_on_a_skewed_stream() -> None:
    weights = zipf(2000, 1.5, 20_000)
    f2, _ = theory.count_sketch.moments_of(weights)
    hashes, errors = hashes_of(2000), []
    for seed in range(1500):
        sketch = CountSketch(64, 1, seed=seed)
        sketch.add_hashes(hashes, weights)
        errors.append(sketch.estimate_hashes(hashes[[0, 3]]) - weights[[0, 3]])
    for i, rank in enumerate((0, 3)):
        found = np.array([e[i] for e in errors], dtype=np.float64)
        sd = theory.count_sketch.row_standard_error(f2, float(weights[rank]), 64)
        spread = np.std(found**2) / math.sqrt(1500)
        assert abs(found.mean()) < 5 * sd / math.sqrt(1500)
        assert abs(np.mean(found**2) - sd**2) < 5 * spread


@pytest.mark.parametrize(("width", "depth", "eps"), [(400, 3, 0.1), (256, 5, 0.12), (200, 4, 0.15)])
def test_failures_stay_below_the_bound(width: int, depth: int, eps: float) -> None:
    weights = zipf(3000, 1.1, 30_000)
    norm, hashes, failures = math.sqrt((weights**2).sum()), hashes_of(3000), []
    for seed in range(30):
        sketch = CountSketch(width, depth, seed=seed)
        sketch.add_hashes(hashes, weights)
        failures.append((np.abs(sketch.estimate_hashes(hashes) - weights) > eps * norm).mean())
    bound = theory.count_sketch.failure_bound(width, depth, eps)
    assert 0.0 < np.mean(failures) < bound < 0.5


def test_inner_products_and_second_moments() -> None:
    v, w = zipf(800, 1.0, 5000), zipf(800, 0.7, 4000)[::-1]
    hashes, inner, second = hashes_of(800), [], []
    for seed in range(1200):
        a, b = (CountSketch(100, 1, seed=seed) for _ in range(2))
        a.add_hashes(hashes, v)
        b.add_hashes(hashes, w)
        inner.append(a.inner(b))
        second.append(a.second_moment())
    mean, variance = theory.count_sketch.inner_moments(v, w, 100)
    assert abs(np.mean(inner) - mean) < 5 * math.sqrt(variance / 1200)
    assert abs(np.var(inner) - variance) < 5 * np.std((np.array(inner) - mean) ** 2) / math.sqrt(1200)
    mean, variance = theory.count_sketch.second_moment_moments(*theory.count_sketch.moments_of(v), 100)
    assert abs(np.mean(second) - mean) < 5 * math.sqrt(variance / 1200)
    assert abs(np.var(second) - variance) < 5 * np.std((np.array(second) - mean) ** 2) / math.sqrt(1200)


def test_inner_of_several_rows_is_their_median() -> None:
    a, b = (CountSketch(50, 4) for _ in range(2))
    a.add(range(100))
    b.add(range(50, 200))
    rows = sorted((cells(a) * cells(b)).sum(axis=1).tolist())
    assert a.inner(b) == (rows[1] + rows[2]) / 2
    assert a.second_moment() == np.median((cells(a) ** 2).sum(axis=1))


def test_standard_errors_of_keys() -> None:
    sketch = CountSketch(100, 3)
    sketch.add(["heavy"], [1000])
    assert sketch.standard_error(["heavy", "light"]).tolist() == [
        0.0,
        pytest.approx(100 * theory.count_sketch.median_factor(3)),
    ]
    assert CountSketch(9, 3).standard_error() == 0.0


def test_standard_errors_of_huge_floats() -> None:
    one, huge = (CountSketch(9, 3, dtype="float64") for _ in range(2))
    one.add(range(20), weights=range(20))
    huge.add(range(20), weights=[2.0**1000 * i for i in range(20)])
    assert huge.second_moment() == np.inf
    assert huge.standard_error() == pytest.approx(2.0**1000 * one.standard_error(), rel=1e-14)
    assert huge.standard_error([3, 19]) == pytest.approx(2.0**1000 * one.standard_error([3, 19]), rel=1e-14)
