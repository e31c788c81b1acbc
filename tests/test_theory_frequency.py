# SPDX-License-Identifier: Apache-2.0
"""Exact laws of counts against enumeration and simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from hypersketch.theory import _collisions, frequency

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests
ZIPF = np.maximum(1, np.rint(300 / np.arange(1, 401) ** 1.1))


def all_rows(width: int, values: list[int], signed: bool) -> np.ndarray:
    """Errors of all keys in every possible row, shape (rows, keys)."""
    signs = (-1, 1) if signed else (1,)
    found = []
    for placed in itertools.product(itertools.product(range(width), signs), repeat=len(values)):
        cells = [0] * width
        for (cell, sign), value in zip(placed, values, strict=True):
            cells[cell] += sign * value
        found.append([cells[cell] * sign - value for (cell, sign), value in zip(placed, values, strict=True)])
    return np.array(found)


def mean_squared_median(found: np.ndarray) -> float:
    """Mean square of the median of three independent draws from a list of equally likely errors."""
    values, numbers = np.unique(found, return_counts=True)
    law = dict(zip(values.tolist(), (numbers / found.size).tolist(), strict=True))
    draws = itertools.product(law.items(), repeat=3)
    return sum(pa * pb * pc * sorted((a, b, c))[1] ** 2 for (a, pa), (b, pb), (c, pc) in draws)


@pytest.mark.parametrize("values", [[5, 2, 2], [1, 3, 9], [4, 4, 4]])
def test_errors_equal_the_enumeration_of_all_rows(values: list[int]) -> None:
    width = 3
    rows = all_rows(width, values, signed=True)
    assert frequency.count_sketch_rmse(width, 1, values) == pytest.approx(
        math.sqrt((rows**2).mean()), rel=1e-12
    )
    square = np.mean([mean_squared_median(column) for column in rows.T])
    assert frequency.count_sketch_rmse(width, 3, values) == pytest.approx(math.sqrt(square), rel=1e-12)
    rows = all_rows(width, values, signed=False)
    for depth in (1, 2):
        least = rows if depth == 1 else np.minimum(rows[:, None], rows[None])
        expected = least.mean(), math.sqrt((least**2).mean())
        assert frequency.count_min_moments(width, depth, values) == pytest.approx(expected, rel=1e-12)
        assert frequency.count_min_wrong_count_rate(width, depth, 3) == pytest.approx(
            (least > 0).mean(), rel=1e-12
        )
    assert frequency.count_min_moments(width, 1, values)[0] == pytest.approx(sum(values) * 2 / 9)


def errors(
    rng: np.random.Generator, shape: tuple[int, int, int], values: np.ndarray, signed: bool
) -> np.ndarray:
    """Errors of every row, shape (trials, depth, keys)."""
    trials, depth, width = shape
    column = rng.integers(0, width, (trials, depth, values.size))
    sign = 2 * rng.integers(0, 2, column.shape) - 1 if signed else np.ones(column.shape, dtype=np.int64)
    row = (np.arange(trials * depth).reshape(trials, depth, 1) * width + column).ravel()
    cells = np.bincount(row, (sign * values).ravel(), trials * depth * width)
    return sign * cells[row].reshape(column.shape) - values


def mean_square(found: np.ndarray) -> tuple[float, float]:
    """Mean square of errors of shape (trials, keys), and its standard error over trials."""
    squares = (found**2).mean(axis=1)
    return float(squares.mean()), float(squares.std()) / math.sqrt(len(squares))


@pytest.mark.parametrize("depth", [1, 3, 7])
def test_count_sketches_against_numpy(depth: int) -> None:
    rng, width, trials = np.random.default_rng(depth), 100, 400
    found = errors(rng, (trials, depth, width), ZIPF, signed=True)
    square, noise = mean_square(np.median(found, axis=1))
    assert frequency.count_sketch_rmse(width, depth, ZIPF) ** 2 == pytest.approx(square, abs=WIDE * noise)
    gaussian = {1: 1.0, 3: 0.670, 7: 0.459}[depth] * frequency.count_sketch_rmse(width, 1, ZIPF)
    assert depth == 1 or frequency.count_sketch_rmse(width, depth, ZIPF) < 0.6 * gaussian
    found = errors(rng, (trials, depth, width), ZIPF, signed=False).min(axis=1)
    mean, root = frequency.count_min_moments(width, depth, ZIPF)
    square, noise = mean_square(found)
    assert root**2 == pytest.approx(square, abs=WIDE * noise)
    means = found.mean(axis=1)
    assert mean == pytest.approx(means.mean(), abs=WIDE * means.std() / math.sqrt(trials))


def test_larger_totals_are_near_the_exact_law(monkeypatch: pytest.MonkeyPatch) -> None:
    values, numbers = np.unique(np.maximum(1, np.rint(5000 / np.arange(1, 5001))), return_counts=True)
    cases = [(64, 3), (1000, 7)]

    def figures() -> list[float]:
        found = [frequency.count_sketch_rmse(w, d, values, numbers) for w, d in cases]
        return found + [part for w, d in cases for part in frequency.count_min_moments(w, d, values, numbers)]

    assert float(values @ numbers) > _collisions._EXACT
    near = figures()
    monkeypatch.setattr(_collisions, "_EXACT", 1 << 22)
    assert near == pytest.approx(figures(), rel=0.015)


@pytest.mark.parametrize(("cells", "hashes"), [(300, 1), (400, 4), (900, 6)])
def test_counting_bloom_counts_against_numpy(cells: int, hashes: int) -> None:
    rng, trials = np.random.default_rng(cells), 400
    values = ZIPF[:150]
    found = np.empty((trials, values.size))
    for t in range(trials):
        at = rng.integers(0, cells, (hashes, values.size))
        held = np.bincount(at.ravel(), np.tile(values, hashes), cells)[at]
        times = (at[:, None] == at[None]).sum(axis=0)
        found[t] = (held // times).min(axis=0) - values
    square, noise = mean_square(found)
    predicted = frequency.counting_bloom_rmse(cells, hashes, values) ** 2
    assert predicted == pytest.approx(square, abs=WIDE * noise + 0.03 * square)


def test_quantiles_are_those_of_the_law() -> None:
    rng, trials, width = np.random.default_rng(6), 3000, 50
    for signed, chance in ((True, 0.02), (False, 0.05)):
        found = errors(rng, (trials, 3, width), np.append(ZIPF, 0), signed)[:, :, -1]
        if signed:
            error, place = np.median(found, axis=1), frequency.count_sketch_quantile(width, 3, chance, ZIPF)
        else:
            error, place = found.min(axis=1), frequency.count_min_quantile(width, 3, chance, ZIPF)
        noise = WIDE * math.sqrt(chance / trials)
        assert (error >= place).mean() < chance + noise
        assert (error >= place - 2).mean() > chance - noise


def test_sums_that_nobody_else_is_in() -> None:
    assert frequency.count_sketch_rmse(64, 3, [7]) == pytest.approx(0.0, abs=1e-6)
    assert frequency.count_min_moments(64, 3, [0, 0]) == (0.0, 0.0)
    assert frequency.counting_bloom_rmse(64, 3, [9]) == pytest.approx(0.0, abs=1e-6)
    assert frequency.count_min_wrong_count_rate(1, 2, 2) == 1.0


CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: frequency.count_sketch_rmse(2, 1, [1]), r"'width' .* an integer >= 3. Got 2 instead"),
    (lambda: frequency.count_sketch_rmse(64, 4, [1]), r"'depth' .* an odd integer. Got 4 instead"),
    (lambda: frequency.count_sketch_rmse(64, 3, [1, 2], [1]), "Got 2 counts and 1 numbers instead"),
    (lambda: frequency.count_min_moments(64, 3, [-1]), r"'counts' .* an integer >= 0. Got -1 instead"),
    (lambda: frequency.counting_bloom_rmse(2, 1, [1]), "'n_cells' .* an integer >= 3. Got 2 instead"),
]


@pytest.mark.parametrize(("call", "sentence"), CALLS)
def test_bad_arguments_get_one_sentence(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
