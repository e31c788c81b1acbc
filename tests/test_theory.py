# SPDX-License-Identifier: Apache-2.0
"""Closed forms against the published numbers, brute force and independent simulations in NumPy."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from hypersketch import theory
from hypersketch.theory import bounds, map_b, map_i, normal

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (2.0 * rng.integers(0, 2, shape, dtype=np.int8) - 1.0).astype(np.float32)


def sign_sum_tail(draws: int, least: int) -> float:
    """P(sum of signs >= least) from integers alone."""
    good = sum(math.comb(draws, plus) for plus in range(draws + 1) if 2 * plus - draws >= least)
    return float(Fraction(good, 2**draws))


def test_normal_tail_and_inverse() -> None:
    assert normal.tail(10.0) == pytest.approx(7.619853024160527e-24, rel=1e-12)
    assert normal.tail_inverse(7.619853024160527e-24) == pytest.approx(10.0, rel=1e-12)
    z = np.linspace(-5, 8, 27)
    np.testing.assert_allclose(normal.tail_inverse(normal.tail(z)), z, atol=1e-8)
    assert isinstance(normal.tail(1), float)
    assert normal.tail([1.0, 2.0]).shape == (2,)


# --- MAP-I -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize(("dim", "n"), [(1, 1), (7, 3), (10, 4), (16, 5), (33, 8)])
def test_map_i_rates_equal_sums_of_binomial_coefficients(dim: int, n: int, threshold: float) -> None:
    least = next(s for s in range(-dim, 2 * dim) if s / dim >= threshold)
    assert map_i.false_positive_rate(dim, n, threshold) == pytest.approx(
        sign_sum_tail(dim * n, least), rel=1e-12
    )
    missed = 1.0 - sign_sum_tail(dim * (n - 1), least - dim)
    assert map_i.false_negative_rate(dim, n, threshold) == pytest.approx(missed, rel=1e-9, abs=1e-14)


def test_map_i_rates_equal_enumeration_of_all_atoms() -> None:
    dim, n, wrong, missed = 3, 3, 0, 0
    for flat in itertools.product((-1, 1), repeat=dim * (n + 1)):
        atoms = np.array(flat).reshape(n + 1, dim)
        x = atoms[:n].sum(axis=0)
        wrong += x @ atoms[n] / dim >= 0.5
        missed += x @ atoms[0] / dim < 0.5
    total = 2 ** (dim * (n + 1))
    assert map_i.false_positive_rate(dim, n) == pytest.approx(wrong / total, rel=1e-12)
    assert map_i.false_negative_rate(dim, n) == pytest.approx(missed / total, rel=1e-12)


def test_map_i_published_numbers() -> None:
    assert map_i.gaussian_false_positive_rate(512, 32) == pytest.approx(0.02275, abs=5e-6)
    assert map_i.gaussian_false_negative_rate(512, 32) == pytest.approx(0.02108, abs=5e-6)
    assert map_i.dimension(25, 500, 0.1) == pytest.approx(1253, abs=0.5)
    assert map_i.provable_dimension(25, 500, 0.1) == pytest.approx(1703, abs=0.5)
    assert map_i.shifted_norm_variance(32, 512) == pytest.approx(81.4, abs=0.05)
    assert map_i.entropy_bits(100) == pytest.approx(4.369, abs=5e-4)
    assert [map_i.grid_norm_variance(8, k, 1) for k in (1, 2, 3)] == pytest.approx(
        [1.75, 6.56, 19.8], abs=0.01
    )
    assert map_i.score_variance(512, 32) * 512 == 32
    gaussian = (
        1
        - (1 - map_i.gaussian_false_negative_rate(1207, 25)) ** 25
        * (1 - map_i.gaussian_false_positive_rate(1207, 25)) ** 475
    )
    assert gaussian == pytest.approx(0.119, abs=5e-4)


# From 1,000,000 bundles each, made by the compiled core: measured failure and its standard error.
MAP_I_FAILURES = [
    (25, 500, 1000, 0.3245, 0.0005),
    (25, 500, 1207, 0.1172, 0.0003),
    (25, 500, 1384, 0.0486, 0.0002),
    (24, 500, 1000, 0.2695, 0.0004),
    (10, 500, 400, 0.3286, 0.0005),
    (50, 500, 2000, 0.3232, 0.0005),
    (5, 100, 150, 0.2515, 0.0004),
    (2, 50, 60, 0.1664, 0.0004),
    (25, 500, 700, 0.8661, 0.0003),
]


@pytest.mark.parametrize(("n", "universe", "dim", "measured", "error"), MAP_I_FAILURES)
def test_map_i_failure_near_long_simulations(
    n: int, universe: int, dim: int, measured: float, error: float
) -> None:
    assert map_i.failure_probability(dim, n, universe) == pytest.approx(measured, abs=3 * error + 2e-4)


def test_map_i_failure_against_numpy_and_better_than_the_product() -> None:
    rng, dim, n, universe, trials, wrong = np.random.default_rng(11), 24, 5, 40, 40_000, 0
    for _ in range(trials // 2000):
        atoms = signs(rng, 2000, universe, dim)
        scores = np.einsum("tjd,td->tj", atoms, atoms[:, :n].sum(axis=1)) / dim
        said = scores >= 0.5
        wrong += int(np.any(said != (np.arange(universe) < n), axis=1).sum())
    measured = wrong / trials
    noise = math.sqrt(measured * (1 - measured) / trials)
    predicted = map_i.failure_probability(dim, n, universe)
    assert abs(predicted - measured) < WIDE * noise + 0.004  # D = 24: expansions in 1/D show
    product = map_i.independent_failure_probability(dim, n, universe)
    assert abs(product - measured) > abs(predicted - measured)


def test_crossing_dimensions() -> None:
    assert map_i.crossing_dimension(25, 500, 0.1) == pytest.approx(1246, abs=15)
    assert map_b.crossing_dimension(25, 500, 0.1) == pytest.approx(1912, abs=25)
    for module in (map_i, map_b):
        dim = module.crossing_dimension(10, 500, 0.1)
        assert module.failure_probability(dim, 10, 500) <= 0.1
        assert module.failure_probability(dim - 40, 10, 500) > 0.1


def test_map_i_moments_of_norm_and_inner_product() -> None:
    rng, dim, trials = np.random.default_rng(5), 32, 40_000
    v, w = np.array([3.0, 1, 1, 2, 0, 0]), np.array([0.0, 1, 2, 1, 1, 4])
    atoms = signs(rng, trials, 6, dim)
    x, y = np.einsum("tad,a->td", atoms, v), np.einsum("tad,a->td", atoms, w)
    norm, inner = (x * x).sum(axis=1) / dim, (x * y).sum(axis=1) / dim
    mean, variance = map_i.norm_moments(*map_i.weight_norms(v), dim)
    assert norm.mean() == pytest.approx(mean, abs=WIDE * math.sqrt(variance / trials))
    assert norm.var() == pytest.approx(variance, rel=0.05)
    mean, variance = map_i.weighted_inner_moments(v, w, dim)
    assert inner.mean() == pytest.approx(mean, abs=WIDE * math.sqrt(variance / trials))
    assert inner.var() == pytest.approx(variance, rel=0.05)
    score = (x * atoms[:, 1]).sum(axis=1) / dim
    rmse = math.sqrt(np.mean((score - 1.0) ** 2))
    assert rmse == pytest.approx(map_i.frequency_rmse(map_i.weight_norms(v)[0], 1.0, dim), rel=0.02)
    ones = [1, 1, 1, 0, 0], [0, 0, 1, 1, 1]
    assert map_i.weighted_inner_moments(*ones, dim) == pytest.approx(map_i.inner_moments(3, 3, 1, dim))


def test_map_i_grid_and_shift_variances() -> None:
    rng, dim, side, trials = np.random.default_rng(6), 16, 3, 30_000
    a, b = signs(rng, trials, side, dim), signs(rng, trials, side, dim)
    x = a.sum(axis=1) * b.sum(axis=1)  # the full grid of products
    norm = (x * x).sum(axis=1) / dim
    assert norm.var() / side**4 == pytest.approx(map_i.grid_norm_variance(side, 2, dim), rel=0.06)
    s = signs(rng, trials, 40)
    x = sum(np.roll(s, shift, axis=1) for shift in range(5))
    assert ((x * x).sum(axis=1) / 40).var() == pytest.approx(map_i.shifted_norm_variance(5, 40), rel=0.06)


def test_map_i_entropy_and_overflow_equal_enumeration() -> None:
    n = 11
    chances = [math.comb(n, i) / 2**n for i in range(n + 1)]
    assert map_i.entropy_bits(n) == pytest.approx(-sum(p * math.log2(p) for p in chances), rel=1e-12)
    beyond = sum(p for i, p in enumerate(chances) if abs(2 * i - n) > 5)
    assert map_i.overflow_probability(n, 5) == pytest.approx(beyond, rel=1e-12)
    assert map_i.overflow_probability(127, 127) == 0.0
    assert map_i.overflow_probability(128, 127) == pytest.approx(2.0**-127, rel=1e-9)
    assert map_i.entropy_bits(0) == 0.0
    assert map_i.gaussian_overflow_probability(10**4, 127) == pytest.approx(
        map_i.overflow_probability(10**4, 127), rel=0.02
    )


# --- MAP-B -------------------------------------------------------------------------------------------------


def majority_correlation(n: int) -> float:
    """E[x s_1] over all sign patterns, ties worth nothing on average."""
    total = sum(np.sign(sum(s)) * s[0] for s in itertools.product((-1, 1), repeat=n))
    return float(total) / 2**n


def test_correlation_staircase() -> None:
    exact = [majority_correlation(n) for n in range(1, 12)]
    assert map_b.correlation(np.arange(1, 12)).tolist() == pytest.approx(exact, rel=1e-14)
    assert [map_b.correlation(n) for n in (2, 3, 4, 5, 10, 31)] == pytest.approx(
        [0.5, 0.5, 0.375, 0.375, 0.246, 0.1445], abs=5e-4
    )
    # Both branches of the central coefficient, and the limit.
    for m in (398, 399, 400, 401):
        exact_ratio = float(Fraction(math.comb(2 * m, m), 4**m))
        assert map_b.correlation(2 * m + 1) == pytest.approx(exact_ratio, rel=3e-16 * 8)
    assert map_b.correlation(10**9) == pytest.approx(math.sqrt(2 / (math.pi * 1e9)), rel=1e-9)


@pytest.mark.parametrize(("dim", "n"), [(1, 1), (9, 3), (10, 4), (25, 7)])
def test_map_b_rates_equal_sums(dim: int, n: int) -> None:
    c = majority_correlation(n)
    p = (1 + c) / 2
    rates = [0.0, 0.0]
    for agree in range(dim + 1):
        passes = (2 * agree - dim) / dim >= c / 2
        rates[0] += passes * math.comb(dim, agree) / 2**dim
        rates[1] += (not passes) * math.comb(dim, agree) * p**agree * (1 - p) ** (dim - agree)
    assert map_b.false_positive_rate(dim, n) == pytest.approx(rates[0], rel=1e-12)
    assert map_b.false_negative_rate(dim, n) == pytest.approx(rates[1], rel=1e-10, abs=1e-300)


# From 400,000 bundles each, made by the compiled core.
MAP_B_FAILURES = [
    (25, 500, 1500, 0.3576, 0.0008),
    (25, 500, 1800, 0.1445, 0.0006),
    (25, 500, 2171, 0.0451, 0.0003),
    (10, 500, 700, 0.2193, 0.0007),
    (50, 60, 2000, 0.3078, 0.0007),
    (25, 30, 700, 0.3999, 0.0008),
]


@pytest.mark.parametrize(("n", "universe", "dim", "measured", "error"), MAP_B_FAILURES)
def test_map_b_failure_near_long_simulations(
    n: int, universe: int, dim: int, measured: float, error: float
) -> None:
    assert map_b.failure_probability(dim, n, universe) == pytest.approx(measured, abs=3 * error)


def bundles(rng: np.random.Generator, atoms: np.ndarray) -> np.ndarray:
    """Majority of (trials, n, dim) atoms, ties random."""
    sums = atoms.sum(axis=1)
    return np.where(sums == 0, signs(rng, *sums.shape), np.sign(sums)).astype(np.float32)


def test_map_b_failure_against_numpy() -> None:
    rng, dim, n, universe, trials = np.random.default_rng(3), 120, 6, 12, 20_000
    wrong = 0
    for _ in range(10):
        atoms = signs(rng, trials // 10, universe, dim)
        scores = np.einsum("tjd,td->tj", atoms, bundles(rng, atoms[:, :n])) / dim
        said = scores >= map_b.correlation(n) / 2
        wrong += int(np.any(said != (np.arange(universe) < n), axis=1).sum())
    measured = wrong / trials
    noise = math.sqrt(measured * (1 - measured) / trials)
    assert map_b.failure_probability(dim, n, universe) == pytest.approx(measured, abs=WIDE * noise)


def test_map_b_published_numbers() -> None:
    assert map_b.gaussian_failure_probability(1800, 25, 500) == pytest.approx(0.144, abs=5e-4)
    assert map_b.gaussian_failure_probability(2171, 25, 500) == pytest.approx(0.042, abs=5e-4)
    assert map_b.nested_correlation([3, 5], [3, 3]).tolist() == pytest.approx([0.125, 0.0527], abs=5e-5)
    assert map_b.flipped_correlation(11, 0.1) == pytest.approx(0.197, abs=5e-4)
    assert map_b.dimension(25, 500, 0.1) / map_i.dimension(25, 500, 0.1) == pytest.approx(math.pi / 2)
    # Published as 869 / 2173 / 4345 at delta = .1: that is z = Q^-1(delta / 2N).
    published = [map_b.dimension(n, 500, 0.1 / 2) for n in (10, 25, 50)]
    assert published == pytest.approx([869, 2173, 4345], abs=0.6)
    assert 10_000 / map_b.capacity(10_000, 0.01) == pytest.approx(34.0, abs=0.05)
    assert [map_b.gaussian_intersection_correlation(41, i) for i in (10, 20, 30)] == pytest.approx(
        [0.157, 0.324, 0.523], abs=5e-4
    )


@pytest.mark.parametrize(
    ("n", "shared", "other"), [(3, 1, 3), (5, 2, 5), (5, 3, 3), (4, 2, 4), (4, 1, 3), (2, 2, 2)]
)
def test_intersection_correlation_equals_enumeration(n: int, shared: int, other: int) -> None:
    total, count = 0.0, 0
    for atoms in itertools.product((-1, 1), repeat=n + other - shared):
        for tie in (-1, 1):  # one tie vector, shared by the bundles of a space
            x, y = sum(atoms[:n]), sum(atoms[:shared]) + sum(atoms[n:])
            total += (np.sign(x) if x else tie) * (np.sign(y) if y else tie)
            count += 1
    assert map_b.intersection_correlation(n, shared, other) == pytest.approx(total / count, abs=1e-13)


def test_intersection_moments_equal_the_binomial_sum() -> None:
    n, shared, dim = 9, 4, 50
    agree = (1 + map_b.intersection_correlation(n, shared)) / 2
    a = np.arange(dim + 1)
    chance = np.array([math.comb(dim, int(i)) for i in a]) * agree**a * (1 - agree) ** (dim - a)
    estimate = map_b.intersection_estimate(n, 2 * a / dim - 1)
    mean = float(chance @ estimate)
    sd = math.sqrt(float(chance @ estimate**2) - mean**2)
    assert map_b.intersection_moments(n, shared, dim) == pytest.approx((mean, sd), rel=1e-9)
    assert map_b.intersection_moments(41, 20, 4000)[1] == pytest.approx(
        map_b.intersection_sd(41, 20, 4000), rel=0.01
    )
    # 0.841 with the large-n correlation .324; the exact one, .327, takes it down by 0.4 %.
    assert map_b.intersection_sd(41, 20, 4000) == pytest.approx(0.841 * 0.9964, abs=5e-4)


@pytest.mark.parametrize("n", [2, 3, 6, 11])
def test_members_agreement_is_negatively_correlated(n: int) -> None:
    rng = np.random.default_rng(n)
    atoms = signs(rng, 1, n, 400_000)
    x = bundles(rng, atoms)
    agree = atoms[0, :2] * x
    measured = np.corrcoef(agree)[0, 1]
    assert measured == pytest.approx(map_b.agreement(n), abs=WIDE / math.sqrt(400_000))


# --- the paper's bounds, arguments, SciPy ------------------------------------------------------------------


def test_paper_bounds() -> None:
    dims = [bounds.map_b_dimension(n, 500, 0.1) for n in (10, 25, 50)]
    assert dims == pytest.approx([5158, 12894, 25789], abs=0.6)
    # At the paper's dimension its threshold keeps both errors below delta / d, and its bias is one.
    for n, dim in zip((10, 25, 50), dims, strict=True):
        limit = bounds.map_b_threshold(round(dim), 500, 0.1)
        assert map_b.false_positive_rate(round(dim), n, limit) < 0.1 / 500
        assert map_b.false_negative_rate(round(dim), n, limit) < 0.1 / 500
        assert bounds.map_b_bias(n) < map_b.correlation(n)
        assert 4.5 < dim / map_b.crossing_dimension(n, 500, 0.1) < 7.0
    assert bounds.nested_reliability(4) == map_b.nested_correlation(2, 4)
    assert bounds.uniform_dimension(25, 500, 0.1) == pytest.approx(
        25 * map_i.provable_dimension(25, 500, 0.1)
    )
    assert bounds.binding_norm_variance(3, 10) > map_i.grid_norm_variance(8, 3, 10)
    ratio = bounds.rotation_dimension_order(4, 0.1, 0.1) / bounds.rotation_dimension_order(2, 0.1, 0.1)
    assert ratio == pytest.approx(4 * math.log(400) / math.log(200))
    assert bounds.binding_dimension_order(10, 0.1, 0.1, constant=2) == pytest.approx(
        200 * math.log(1000) ** 3
    )
    assert bounds.pair_threshold(400, 500, 0.1) ** 2 * 100 == pytest.approx(math.log(5000))
    assert bounds.pair_dimension_order(3, 500, 0.1) == pytest.approx(3 * math.log(5000))


def bad_calls() -> Iterator[tuple[str, str]]:
    yield (
        "map_i.false_positive_rate(0, 5)",
        "'dim' parameter of map_i.false_positive_rate must be an integer >= 1. Got 0",
    )
    yield "map_i.false_positive_rate(2.5, 5)", "Got 2.5 instead"
    yield "map_i.false_positive_rate(True, 5)", "Got True instead"
    yield "map_i.false_positive_rate('a', 5)", "Got 'a' instead"
    yield "map_i.false_positive_rate([10, -3], 5)", "Got -3 instead"
    yield "map_i.false_positive_rate(10, 5, float('nan'))", "'threshold' .* must be a finite float. Got nan"
    yield "map_i.dimension(5, 100, 0)", r"'delta' .* a float in \(0, 1\). Got 0 instead"
    yield "map_i.dimension(5, 100, 1)", "Got 1 instead"
    yield "map_i.dimension(500, 100, 0.1)", "'n' .* at most universe = 100. Got 500"
    yield "map_i.failure_probability([10, 20], 5, 10)", "one integer >= 1"
    yield "map_i.failure_probability(10, 11, 10)", "at most universe = 10"
    yield "map_i.inner_moments(5, 7, 6, 10)", "at most the smaller size = 5. Got 6"
    yield "map_i.weighted_inner_moments([1, 2], [1], 4)", r"v has \(2,\) and w has \(1,\)"
    yield "map_b.correlation(0)", "'n' parameter of map_b.correlation"
    yield "map_b.intersection_estimate(5, 1.5)", r"a float in \[-1, 1\]. Got 1.5"
    yield "map_b.agreement(1)", "an integer >= 2. Got 1"
    yield "cleanup.moments('bloom', 10, 5)", "one of map-i, map-b, fhrr, hrr. Got 'bloom'"
    yield "cleanup.map_b_accuracy(10, 5, 7, ties='first')", "'wrong' or 'random'. Got 'first'"
    yield "cleanup.accuracy(0, 1, 0, 0, 5)", r"'sd_rest' .* Got 0 instead"
    yield "normal.tail_inverse(0.0)", "Got 0 instead"


@pytest.mark.parametrize(("call", "sentence"), list(bad_calls()))
def test_bad_arguments_get_one_sentence(call: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        eval(call, vars(theory))


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
from hypersketch.theory import bloom, bounds, cleanup, counting_bloom, map_b, map_i, normal
assert 0 < bloom.false_positive_rate(1024, 6, 128) < 0.03
assert bloom.optimum(1000, 0.01) == (9595, 7)
assert 0 < bloom.intersection_sd(4096, 4, 400, 500, 150) < bloom.cardinality(4096, 4, 1000)
assert 0 < counting_bloom.false_positive_rate(1024, 6, 128) < 0.03
assert map_b.correlation(3) == 0.5 and normal.tail(0.0) == 0.5 and map_i.dimension(25, 500, 0.1) > 1000
try:
    map_i.false_positive_rate(100, 10)
except ImportError as error:
    assert "pip install 'hypersketch[lab]'" in str(error)
else:
    raise SystemExit("SciPy was not asked for")
"""


def test_structures_formulas_need_no_scipy() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
