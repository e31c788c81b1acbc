# SPDX-License-Identifier: Apache-2.0
"""Closed forms of count sketches and Count-Min sketches against brute force and simulation."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from hypersketch.theory import count_min, count_sketch, map_i

WIDE = 4.5  # standard errors


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6, 7, 9, 16, 64])
def test_median_factor(depth: int) -> None:
    medians = np.median(np.random.default_rng(depth).standard_normal((40_000, depth)), axis=1)
    assert medians.std() == pytest.approx(count_sketch.median_factor(depth), rel=WIDE / math.sqrt(80_000))


def test_median_factors_that_are_known() -> None:
    assert count_sketch.median_factor(1) == pytest.approx(1.0, abs=1e-9)
    assert count_sketch.median_factor(2) == pytest.approx(math.sqrt(0.5), abs=1e-6)
    # Var of the median of three: 1 - sqrt(3) / pi (Jones 1948).
    assert count_sketch.median_factor(3) == pytest.approx(math.sqrt(1 - math.sqrt(3) / math.pi), abs=1e-9)
    assert count_sketch.median_factor(63) == pytest.approx(math.sqrt(math.pi / 126), rel=0.01)


def test_standard_errors_follow_the_bundle() -> None:
    assert count_sketch.row_standard_error(100.0, [0.0, 6.0], 4).tolist() == [5.0, 4.0]
    assert count_sketch.row_standard_error(100.0, 6.0, 7) == map_i.frequency_rmse(10.0, 6.0, 7)
    expected = 5.0 * count_sketch.median_factor(3)
    assert count_sketch.standard_error(100.0, 0.0, 4, 3) == pytest.approx(expected)


def tail(need: int, d: int, q: float) -> float:
    """P(at least ``need`` of d), by listing every outcome."""
    return sum(
        math.prod(q if hit else 1 - q for hit in outcome)
        for outcome in itertools.product([0, 1], repeat=d)
        if sum(outcome) >= need
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("width", [1, 40, 1000])
def test_failure_bounds(width: int, depth: int) -> None:
    need = math.ceil(depth / 2)
    q = min(0.5, 1 / (2 * 0.1**2 * width))
    assert count_sketch.failure_bound(width, depth, 0.1) == pytest.approx(min(1, 2 * tail(need, depth, q)))
    p = 1 / (1 + 0.1**2 * width / 2)
    expected = min(1, 2 * tail(need, depth, p))
    assert count_sketch.second_moment_failure_bound(width, depth, 0.1) == pytest.approx(expected)
    assert count_min.failure_bound(width, depth, 0.01) == pytest.approx(min(1, 100 / width) ** depth)


@pytest.mark.parametrize(("eps", "delta"), [(0.3, 0.4), (0.1, 0.05), (0.02, 1e-3), (0.5, 1e-9)])
@pytest.mark.parametrize("form", [count_sketch, count_min])
def test_dimensions_are_the_smallest(form: Any, eps: float, delta: float) -> None:
    width, depth = form.dimensions(eps, delta)
    assert form.failure_bound(width, depth, eps) <= delta
    for other in range(1, 65):
        if form is count_sketch and other % 2 == 0:
            continue
        narrower = (width * depth - 1) // other
        assert narrower == 0 or form.failure_bound(narrower, other, eps) > delta


def test_count_min_is_no_larger_than_the_textbook_says() -> None:
    for eps, delta in ((0.01, 0.01), (1e-4, 1e-6), (0.3, 0.1)):
        width, depth = count_min.dimensions(eps, delta)
        assert width * depth <= math.ceil(math.e / eps) * math.ceil(math.log(1 / delta))


def test_excess_of_every_combination_of_cells() -> None:
    cells = np.array([[0, 3, 5, 5], [1, 1, 9, 0], [2, 7, 7, 4]])
    least = [min(combination) for combination in itertools.product(*cells.tolist())]
    mean, sd = count_min.excess(cells)
    assert mean == pytest.approx(np.mean(least))
    assert sd == pytest.approx(np.std(least))
    assert count_min.excess([[4.0]]) == (4.0, 0.0)


def test_row_excess_moments() -> None:
    weights = np.array([9.0, 4.0, 2.0, 2.0, 1.0])
    columns = np.array(list(itertools.product(range(3), repeat=5)))
    excess = ((columns == columns[:, :1]) * weights).sum(axis=1) - weights[0]
    mean, variance = count_min.row_excess_moments(weights.sum(), (weights**2).sum(), 9.0, 3)
    assert mean == pytest.approx(excess.mean())
    assert variance == pytest.approx(excess.var())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: count_sketch.row_standard_error(-1.0, 0.0, 3), "f2"),
        (lambda: count_sketch.row_standard_error(4.0, 3.0, 3), "weight"),
        (lambda: count_sketch.row_standard_error(4.0, 0.0, 0), "width"),
        (lambda: count_sketch.median_factor(0), "depth"),
        (lambda: count_sketch.median_factor(65), "depth"),
        (lambda: count_sketch.failure_bound(0, 3, 0.1), "width"),
        (lambda: count_sketch.failure_bound(9, 3, 0.0), "eps"),
        (lambda: count_sketch.dimensions(0.1, 1.0), "delta"),
        (lambda: count_sketch.second_moment_moments(1.0, 2.0, 3), "f4"),
        (lambda: count_sketch.moments_of([math.nan]), "weights"),
        (lambda: count_min.row_excess_moments(1.0, 1.0, 2.0, 3), "weight"),
        (lambda: count_min.failure_bound(9, 0, 0.1), "depth"),
        (lambda: count_min.dimensions(math.inf, 0.1), "eps"),
        (lambda: count_min.excess([[math.nan]]), "cells"),
    ],
)
def test_bad_arguments(call: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of count_(sketch|min)"):
        call()
