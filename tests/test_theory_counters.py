# SPDX-License-Identifier: Apache-2.0
"""Closed forms of the Bloom filters and of Hopfield+- against brute force, slow references and simulation."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from hypersketch import theory
from hypersketch.theory import _lattice, bloom, counting_bloom, hopfield

WIDE = 4.5  # standard errors


def occupancy(m: int, balls: int) -> list[Fraction]:
    """Law of the number of occupied cells, ball by ball."""
    law = [Fraction(1)] + [Fraction(0)] * m
    for _ in range(balls):
        law = [
            law[x] * Fraction(x, m) + (law[x - 1] * Fraction(m - x + 1, m) if x else 0) for x in range(m + 1)
        ]
    return law


def slow_rate(m: int, k: int, n: int) -> Fraction:
    return sum((p * Fraction(x, m) ** k for x, p in enumerate(occupancy(m, k * n))), Fraction(0))


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(1, 1, 1), (1, 3, 2), (2, 1, 1), (2, 5, 1), (7, 1, 4), (9, 3, 0), (32, 3, 4), (60, 8, 3), (5, 9, 4)],
)
def test_bloom_rate_equals_the_occupancy_recursion(m: int, k: int, n: int) -> None:
    assert bloom.false_positive_rate(m, k, n) == pytest.approx(float(slow_rate(m, k, n)), rel=1e-15)
    square = float(slow_square(m, k, n))
    assert bloom.false_positive_rate_sd(m, k, n) == pytest.approx(math.sqrt(square), rel=1e-9, abs=1e-15)


def slow_square(m: int, k: int, n: int) -> Fraction:
    law = occupancy(m, k * n)
    mean = slow_rate(m, k, n)
    return sum((p * Fraction(x, m) ** (2 * k) for x, p in enumerate(law)), Fraction(0)) - mean**2


def test_bloom_published_numbers() -> None:
    assert bloom.false_positive_rate(32, 3, 4) == pytest.approx(0.03288, abs=5e-6)
    assert bloom.false_positive_rate(1024, 6, 128) == pytest.approx(0.02171, abs=5e-6)
    assert bloom.classic_false_positive_rate(32, 3, 4) == pytest.approx(0.0318, abs=5e-5)
    assert bloom.classic_false_positive_rate(1024, 6, 128) == pytest.approx(0.02162, abs=5e-6)
    assert bloom.bits_per_key(0.01) == pytest.approx(9.585, abs=5e-4)
    blocked = [bloom.blocked_false_positive_rate(512, k, c) for c, k in ((8, 5), (10, 7), (16, 8), (20, 8))]
    assert blocked == pytest.approx([0.02312, 0.00957, 0.00087, 0.00025], abs=5.1e-6)
    split = [bloom.split_block_false_positive_rate(c) for c in (6.0, 8, 10.5, 16.9, 26.4, 41)]
    assert split == pytest.approx([0.0993, 0.03321, 0.01013, 0.000997, 0.000099, 0.00001], rel=6e-3)
    assert bloom.parquet_bits_per_key(0.01) == pytest.approx(9.68, abs=5e-3)
    assert bloom.cardinality_sd(4096, 4, 400) == pytest.approx(4.727, abs=5e-4)
    assert bloom.intersection_sd(4096, 4, 400, 500, 150) == pytest.approx(6.023, abs=5e-4)
    assert bloom.and_density(4096, 4, 400, 500, 150) == pytest.approx(0.1904, abs=1e-4)
    assert 9585 / bloom.capacity(9585, 0.01) == pytest.approx(9.585, abs=5e-4)


def test_bloom_rate_of_huge_filters_is_the_textbook_limit() -> None:
    m, k = 10**12, 100
    rate = bloom.false_positive_rate(m, k, 7 * 10**9)
    assert rate == pytest.approx((-math.expm1(-k * 7e9 / m)) ** k, rel=1e-6)
    assert bloom.false_positive_rate(10**6, 3, 1) == pytest.approx(27e-18, rel=1e-5)


@pytest.mark.parametrize(
    ("n", "fpr"), [(1, 0.5), (1, 0.01), (2, 0.1), (3, 0.001), (10, 0.3), (10, 0.9), (7, 1e-4)]
)
def test_optimum_is_the_smallest_filter(n: int, fpr: float) -> None:
    m, k = bloom.optimum(n, fpr)
    reached = [
        (bits, hashes)
        for bits in range(1, m + 1)
        for hashes in range(1, 21)
        if bloom.false_positive_rate(bits, hashes, n) <= fpr
    ]
    assert reached[0] == (m, k)


@pytest.mark.parametrize(("n", "fpr"), [(10**3, 0.01), (10**6, 1e-3), (10**9, 1e-6), (10**12, 1e-30)])
def test_optimum_of_large_filters_is_tight(n: int, fpr: float) -> None:
    m, k = bloom.optimum(n, fpr)
    share = [bloom.occupancy_moment(bits, k, k * n) for bits in (m, m - 1)]
    assert share[0] <= fpr < share[1]
    assert m == pytest.approx(n * bloom.bits_per_key(fpr), rel=3e-3)


def bloom_bits(rng: np.random.Generator, trials: int, m: int, balls: int) -> np.ndarray:
    cells = np.zeros((trials, m), dtype=np.int64)
    np.add.at(cells, (np.arange(trials)[:, None], rng.integers(0, m, (trials, balls))), 1)
    return cells


def test_bloom_estimators_against_numpy() -> None:
    rng, m, k, trials = np.random.default_rng(2), 512, 3, 4000
    shared, only_x, only_y = (bloom_bits(rng, trials, m, k * size) for size in (20, 30, 50))
    cx, cy = shared + only_x, shared + only_y
    x, y = cx > 0, cy > 0
    n_x = bloom.cardinality(m, k, x.sum(axis=1))
    assert n_x.std() == pytest.approx(bloom.cardinality_sd(m, k, 50), rel=0.05)
    assert n_x.mean() == pytest.approx(50, abs=0.3)
    estimate = n_x + bloom.cardinality(m, k, y.sum(axis=1)) - bloom.cardinality(m, k, (x | y).sum(axis=1))
    sd = bloom.intersection_sd(m, k, 50, 70, 20)
    assert estimate.std() == pytest.approx(sd, rel=0.06)
    assert estimate.mean() == pytest.approx(20, abs=0.5)
    by_and = bloom.intersection_from_and(m, k, x.sum(axis=1), y.sum(axis=1), (x & y).sum(axis=1))
    assert by_and.mean() == pytest.approx(20, abs=0.5)
    assert by_and.std() == pytest.approx(sd, rel=0.06)
    assert (x & y).mean() == pytest.approx(bloom.and_density(m, k, 50, 70, 20), rel=0.01)
    assert x.mean() == pytest.approx(bloom.fill(m, k, 50), rel=0.005)
    inner = (cx * cy).sum(axis=1)
    counted = (inner - k * k * 50 * 70 / m) / (k * (1 - 1 / m))
    mean, sd = counting_bloom.intersection_moments(m, k, 50, 70, 20)
    assert counted.mean() == pytest.approx(mean, abs=WIDE * sd / math.sqrt(trials))
    assert counted.std() == pytest.approx(sd, rel=0.05)


def test_cardinality_edges() -> None:
    assert bloom.cardinality(100, 3, 0) == 0.0
    assert bloom.cardinality(100, 3, 100) == math.inf
    assert bloom.intersection_from_and(100, 3, 60, 60, 20) == math.inf
    assert bloom.fill(1, 1, 1) == 1.0
    assert bloom.fill(1, 1, 0) == 0.0


def counting_rate(m: int, k: int, n: int) -> float:
    """Share of (filter, query) pairs in which every cell holds the query's multiplicity, all enumerated."""
    good = 0
    for balls in itertools.product(range(m), repeat=k * n):
        held = [balls.count(i) for i in range(m)]
        good += sum(all(held[i] >= q.count(i) for i in q) for q in itertools.product(range(m), repeat=k))
    return good / m ** (k * n + k)


@pytest.mark.parametrize(("m", "k", "n"), [(3, 2, 2), (4, 2, 2), (6, 2, 2), (5, 2, 3)])
def test_counting_bloom_rate_near_enumeration(m: int, k: int, n: int) -> None:
    exact = counting_rate(m, k, n)
    assert counting_bloom.false_positive_rate(m, k, n) == pytest.approx(exact, rel=0.02 / (k * n) * 4)
    assert abs(bloom.false_positive_rate(m, k, n) - exact) > 0.1 * exact


def test_counting_bloom_rate_against_numpy() -> None:
    rng, m, k, n, trials = np.random.default_rng(4), 64, 4, 12, 30_000
    cells = bloom_bits(rng, trials, m, k * n)
    query = np.sort(rng.integers(0, m, (trials, 100, k)), axis=2)
    held = np.take_along_axis(cells, query.reshape(trials, -1), axis=1).reshape(query.shape)
    run = np.ones_like(query)
    for i in range(1, k):
        run[..., i] = np.where(query[..., i] == query[..., i - 1], run[..., i - 1] + 1, 1)
    rates = (held >= run).all(axis=2).mean(axis=1)
    noise = rates.std() / math.sqrt(trials)
    predicted = counting_bloom.false_positive_rate(m, k, n)
    assert rates.mean() == pytest.approx(predicted, abs=WIDE * noise)
    assert abs(rates.mean() - bloom.false_positive_rate(m, k, n)) > 10 * noise
    assert counting_bloom.wrong_count_rate(m, k, n + 1) == predicted


def test_counting_bloom_rate_of_large_filters_is_the_bloom_rate() -> None:
    assert counting_bloom.false_positive_rate(10**10, 20, 10**8) == pytest.approx(
        bloom.false_positive_rate(10**10, 20, 10**8), rel=1e-6
    )
    assert counting_bloom.false_positive_rate(10**6, 1, 500) == bloom.false_positive_rate(10**6, 1, 500)
    assert counting_bloom.false_positive_rate(64, 4, 0) == 0.0


def test_counting_bloom_overflow() -> None:
    assert counting_bloom.overflow_bound(10**6, 1, 693_147, 4) / 10**6 == pytest.approx(1.4e-15, rel=0.03)
    rng, m, trials = np.random.default_rng(9), 8, 20_000
    over = (bloom_bits(rng, trials, m, 40) >= 16).any(axis=1).mean()
    predicted = counting_bloom.overflow_probability(m, 2, 20, 4)
    assert over == pytest.approx(predicted, abs=WIDE * math.sqrt(predicted / trials))
    one = sum(math.comb(40, i) * 7 ** (40 - i) for i in range(16, 41)) / 8**40
    assert predicted == pytest.approx(1 - (1 - one) ** 8, rel=1e-9)
    assert counting_bloom.overflow_probability(1000, 7, 2, 8) == 0.0


# --- Hopfield+- --------------------------------------------------------------------------------------------


def noise_law(dim: int, n: int, diagonal: bool) -> dict[int, float]:
    """Law of the sum of n terms e Y^2 (or e (Y^2 - D)), term by term."""
    one: dict[int, float] = {}
    for row in itertools.product((-1, 1), repeat=dim):
        for e in (1, -1):
            value = e * (sum(row) ** 2 - (0 if diagonal else dim))
            one[value] = one.get(value, 0.0) + 0.5 / 2**dim
    law = {0: 1.0}
    for _ in range(n):
        new: dict[int, float] = {}
        for (a, p), (b, q) in itertools.product(law.items(), one.items()):
            new[a + b] = new.get(a + b, 0.0) + p * q
        law = new
    return law


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize(("dim", "n"), [(1, 3), (2, 4), (3, 5), (4, 3), (5, 6), (6, 2), (7, 4)])
def test_hopfield_rates_equal_the_convolution(dim: int, n: int, diagonal: bool) -> None:
    others, all_of_them = noise_law(dim, n - 1, diagonal), noise_law(dim, n, diagonal)
    own = dim * dim - (0 if diagonal else dim)
    for threshold in (0.0, 0.1, 0.5, 1.0):
        positive = sum(p for v, p in all_of_them.items() if v / dim**2 >= threshold)
        missed = sum(p for v, p in others.items() if (own + v) / dim**2 < threshold)
        assert hopfield.false_positive_rate(dim, n, threshold, diagonal) == pytest.approx(positive, abs=1e-13)
        assert hopfield.false_negative_rate(dim, n, threshold, diagonal) == pytest.approx(missed, abs=1e-13)
    variance = sum(p * v * v for v, p in all_of_them.items()) / dim**4
    assert hopfield.noise_variance(dim, n, diagonal) == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize(
    ("dim", "n"), [(33, 300), (64, 300), (64, 5000), (65, 2000), (257, 3000), (512, 5000)]
)
def test_hopfield_band_equals_the_transform(dim: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = list(itertools.product((0.02, 0.5), (True, False)))
    band = [hopfield.false_positive_rate(dim, n, *case) for case in cases]
    monkeypatch.setattr(_lattice, "_BAND_TERMS", 1 << 60)
    full = [hopfield.false_positive_rate(dim, n, *case) for case in cases]
    assert band == pytest.approx(full, abs=2e-12)


def test_hopfield_large_sizes_are_gaussian() -> None:
    for dim, n in ((1024, 10**6), (1023, 10**6), (1024, 200)):
        rate = hopfield.false_positive_rate(dim, n)
        assert rate == pytest.approx(hopfield.gaussian_false_positive_rate(dim, n), rel=1e-3, abs=1e-12)


def test_hopfield_rates_against_numpy() -> None:
    rng, dim, n, trials = np.random.default_rng(7), 24, 40, 40_000
    y = 2.0 * rng.binomial(dim, 0.5, (trials, n)) - dim
    e = 2.0 * rng.integers(0, 2, (trials, n)) - 1.0
    for diagonal in (True, False):
        noise = (e * (y * y - (0 if diagonal else dim))).sum(axis=1) / dim**2
        predicted = hopfield.false_positive_rate(dim, n, 0.5, diagonal)
        assert (noise >= 0.5).mean() == pytest.approx(
            predicted, abs=WIDE * math.sqrt(predicted * (1 - predicted) / trials)
        )
        assert noise.var() == pytest.approx(hopfield.noise_variance(dim, n, diagonal), rel=0.05)


def test_hopfield_published_numbers() -> None:
    assert hopfield.gaussian_false_positive_rate(64, 300) == pytest.approx(0.142, abs=5e-4)
    assert hopfield.gaussian_false_positive_rate(64, 300, diagonal=False) == pytest.approx(0.094, abs=5e-4)
    assert [hopfield.noise_variance(64, 300, flag) * 64**2 / 300 for flag in (True, False)] == pytest.approx(
        [2.97, 1.969], abs=2e-3
    )
    n = hopfield.capacity(512, 0.01)
    assert n == pytest.approx(512**2 / (12 * 2.3263**2), rel=2e-3)
    assert hopfield.gaussian_false_positive_rate(512, round(n)) == pytest.approx(0.01, rel=1e-3)
    assert hopfield.capacity(1024, 0.01) / n == pytest.approx(4.0, rel=1e-3)  # slope 2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("bloom.false_positive_rate(0, 1, 1)", "'n_bits' parameter of bloom.* integer >= 1. Got 0 instead"),
        ("bloom.false_positive_rate(8, 1, -1)", "'n' .* integer >= 0. Got -1 instead"),
        ("bloom.optimum(0, 0.1)", "'capacity' parameter of bloom.optimum"),
        ("bloom.optimum(10, 1.0)", r"'fpr' .* a float in \(0, 1\). Got 1 instead"),
        ("bloom.optimum(10, float('nan'))", "Got nan instead"),
        ("bloom.cardinality(8, 1, 9)", "'set_bits' .* at most n_bits = 8. Got 9 instead"),
        ("bloom.intersection_sd(8, 1, 3, 2, 3)", "'shared' .* at most the smaller size = 2. Got 3 instead"),
        ("counting_bloom.false_positive_rate(8, 0, 1)", "'n_hashes' parameter of counting_bloom"),
        ("counting_bloom.wrong_count_rate(8, 1, 0)", "'n' .* integer >= 1. Got 0 instead"),
        ("hopfield.false_positive_rate(0, 1)", "'dim' parameter of hopfield.false_positive_rate"),
        ("hopfield.capacity(64, 0.5)", r"a float in \(0, 0.5\). Got 0.5 instead"),
    ],
)
def test_bad_arguments_get_one_sentence(call: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        eval(call, vars(theory))
