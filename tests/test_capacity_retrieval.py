# SPDX-License-Identifier: Apache-2.0
"""Retrieval, noise and binding depth: closed forms against enumeration and simulation."""

from __future__ import annotations

import importlib
import itertools
import math
from typing import Any

import numpy as np
import pytest

from hypersketch import capacity, vsa
from hypersketch.capacity.cells import Cell
from hypersketch.theory import binding, bsc, cleanup, map_b

bsc_exact = importlib.import_module("hypersketch.capacity.experiments.bsc_exact")
noise = importlib.import_module("hypersketch.capacity.experiments.noise")

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests


def enumerated_accuracy(dim: int, distance: float, universe: int, *, random_ties: bool) -> float:
    """Every distance of the stored codeword and of all others, one by one."""

    def chances(p: float) -> list[float]:
        return [math.comb(dim, h) * p**h * (1 - p) ** (dim - h) for h in range(dim + 1)]

    hits, others = chances(distance), chances(0.5)
    total = 0.0
    for hit, *rest in itertools.product(range(dim + 1), repeat=universe):
        level = 1 + sum(other == hit for other in rest)
        won = min(rest) > hit if not random_ties else min(rest) >= hit
        chance = hits[hit] * math.prod(others[other] for other in rest)
        total += chance * won / (level if random_ties else 1)
    return total


@pytest.mark.parametrize(
    ("dim", "n", "flips"), [(1, 1, 0.0), (3, 3, 0.0), (4, 5, 0.2), (5, 2, 0.5), (4, 3, 1.0)]
)
@pytest.mark.parametrize("ties", ["random", "wrong"])
def test_accuracy_is_the_enumerated_one(dim: int, n: int, flips: float, ties: str) -> None:
    expected = enumerated_accuracy(dim, bsc.distance(n, flips), 4, random_ties=ties == "random")
    assert bsc.accuracy(dim, n, 4, flips, ties=ties) == pytest.approx(expected, rel=1e-12)


def test_accuracy_in_the_limits() -> None:
    assert bsc.accuracy(1000, 11, 50, flips=0.5) == pytest.approx(1 / 50, rel=1e-9)
    assert bsc.accuracy(10_000, 11, 1) == 1.0
    # Far out, ties hardly matter: the published errors.
    lost, random = (1 - bsc.accuracy(55_649, 1000, 100, ties=ties) for ties in ("wrong", "random"))
    assert lost == pytest.approx(0.0010002, abs=2e-7)
    assert 0.98 < random / lost < 1.0
    assert cleanup.map_b_accuracy(55_649, 1000, 100, ties="random") == pytest.approx(1 - random, abs=1e-12)
    assert bsc.gaussian_accuracy(24_002, 1000, 100) == pytest.approx(
        bsc.accuracy(24_002, 1000, 100), abs=1e-3
    )


@pytest.mark.parametrize("flips", [0.0, 0.2])
def test_dimension_is_where_the_error_falls_below(flips: float) -> None:
    dim = bsc.dimension(15, 100, 0.05, flips)
    assert 1 - bsc.accuracy(dim, 15, 100, flips) <= 0.05
    assert 1 - bsc.accuracy(int(dim * 0.95), 15, 100, flips) > 0.05


def test_false_negatives_with_flips() -> None:
    assert bsc.false_negative_rate(300, 11) == pytest.approx(map_b.false_negative_rate(300, 11), rel=1e-12)
    assert bsc.false_negative_rate(4, 3, 0.5, threshold=0.0) == pytest.approx(5 / 16)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bsc.distance(0), "'n' parameter of bsc.distance must be an integer >= 1"),
        (lambda: bsc.distance(3, 1.5), "'flips' parameter of bsc.distance must be a float in"),
        (lambda: bsc.accuracy(10, 3, 5, ties="left"), "must be 'wrong' or 'random'. Got 'left'"),
        (lambda: bsc.accuracy(0, 3, 5), "'dim' parameter of bsc.accuracy"),
        (lambda: bsc.dimension(3, 5, 1.0), "'error' parameter of bsc.dimension must be a float in"),
        (lambda: bsc.dimension(3, 5, 0.1, 0.5), "'flips' parameter of bsc.dimension"),
        (lambda: binding.kept_similarity("cdt", 64, 2), "'model' parameter of binding.kept_similarity"),
        (
            lambda: binding.kept_similarity("vtb", 65, 2),
            "'dim' parameter of binding.kept_similarity must be a",
        ),
        (lambda: binding.vtb_moments(64, -1), "'depth' parameter of binding.vtb_moments"),
        (lambda: binding.kept_similarity("hrr", 64, -1), "'depth' parameter of binding.kept_similarity"),
    ],
)
def test_bad_arguments(call: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()  # type: ignore[operator]


def test_lost_shares() -> None:
    scores = np.array([[[3, 1, 3], [0, 5, 5]], [[1, 2, 0], [7, 7, 7]]], dtype=float)
    assert bsc_exact.lost_share(scores, [0, 1]).tolist() == [[0.5, 0.5], [1.0, 1 - 1 / 3]]


def test_flips_are_as_many_as_wanted_and_the_same_every_time() -> None:
    mask = noise.flip_mask(7, 100_001, 0.1)
    assert mask.dtype == np.uint64
    assert mask.shape == (1563,)
    count = int(np.unpackbits(mask.view(np.uint8)).sum())
    assert abs(count - 10_000.1) < WIDE * math.sqrt(100_001 * 0.09)
    assert mask[-1] < 2 ** (100_001 % 64)
    np.testing.assert_array_equal(mask, noise.flip_mask(7, 100_001, 0.1))
    assert not noise.flip_mask(7, 100, 0.0).any()


def test_a_memory_without_noise_is_the_packed_bundle() -> None:
    cell = Cell("noise", "map-b", 5, {"dim": 100}, 1, 9, 100, 1, {"flips": 0.0})
    keys = np.arange(5, dtype=np.uint64)
    assert noise._noisy(cell, 3, keys) == vsa.MapB(100, seed=3).bundle(keys).pack()


@pytest.mark.parametrize("dim", [2, 3, 4, 64])
@pytest.mark.parametrize("depth", [1, 3, 12])
def test_kept_similarity_of_map_c_and_hrr(dim: int, depth: int) -> None:
    """Simulated in NumPy from the definitions: products of squares, and of powers of spectra."""
    rng = np.random.default_rng(dim * 100 + depth)
    trials = 20_000 if dim < 64 else 4000
    x, gains = rng.uniform(-1, 1, (trials, dim)), np.ones((trials, dim))
    spectrum = np.fft.fft(rng.normal(size=(trials, dim)))
    powers = np.ones((trials, dim))
    for _ in range(depth):
        gains *= rng.uniform(-1, 1, (trials, dim)) ** 2
        powers *= np.abs(np.fft.fft(rng.normal(size=(trials, dim)))) ** 2 / dim
    for model, squares, w in (("map-c", x**2, gains), ("hrr", np.abs(spectrum) ** 2, powers)):
        cosine = (squares * w).sum(1) / np.sqrt(squares.sum(1) * (squares * w * w).sum(1))
        error = cosine.std() / math.sqrt(trials)
        assert binding.kept_similarity(model, dim, depth) == pytest.approx(cosine.mean(), abs=WIDE * error)


def test_kept_similarity_in_the_limits() -> None:
    assert binding.kept_similarity("map-c", 1, 5) == 1.0
    assert binding.kept_similarity("hrr", 100, 0) == 1.0
    assert binding.kept_similarity("map-c", 1_000_000, 2) == pytest.approx(5 / 9, abs=1e-4)
    assert binding.kept_similarity("hrr", 1_000_000, 2) == pytest.approx(1 / 2, abs=1e-4)
    assert binding.vtb_limit(3) == 0.5


def test_vtb_tends_to_its_limits() -> None:
    mean, sd = binding.vtb_moments(200**2, 2)
    assert abs(mean - binding.vtb_limit(2)) < WIDE * sd / math.sqrt(2_000_000 / 200**2)
    assert binding.vtb_moments(1, 7) == (1.0, 0.0)
    assert binding.vtb_moments(100, 0) == (1.0, 0.0)
    # One singular value is left, along which a direction of d^2 entries has d: 1 / sqrt(Beta(d/2, d(d-1)/2)).
    mean, sd = binding.vtb_moments(4, 60)
    rng = np.random.default_rng(5)
    ends = np.sqrt(rng.beta(1.0, 1.0, 100_000))
    assert mean == pytest.approx(float(ends.mean()), abs=WIDE * sd / math.sqrt(65_536))
    kurtosis = float(np.mean((ends - ends.mean()) ** 4)) / ends.var() ** 2
    assert abs(sd**2 / ends.var() - 1) < WIDE * math.sqrt((kurtosis - 1) / 65_536)


@pytest.mark.parametrize("make", [vsa.VTB, vsa.TVTB])
@pytest.mark.parametrize(
    ("dim", "depth", "trials"), [(4, 3, 2000), (64, 1, 800), (64, 8, 800), (256, 4, 400)]
)
def test_vtb_keeps_what_is_predicted(make: Any, dim: int, depth: int, trials: int) -> None:
    space, rng = make(dim, 9), np.random.default_rng(dim + depth)
    first, *others = (space.atoms(keys) for keys in rng.integers(0, 2**60, (depth + 1, trials)))
    left = first
    for other in others:
        left = space.bind(left, other)
    for other in reversed(others):
        left = space.unbind(left, other)
    found = space.similarity(left, first)
    mean, sd = binding.vtb_moments(dim, depth)
    # The prediction is the mean of a sample itself.
    error = sd * math.sqrt(1 / trials + dim / 2_000_000)
    assert abs(found.mean() - mean) < WIDE * error
    kurtosis = float(np.mean((found - found.mean()) ** 4)) / found.var() ** 2
    assert abs(found.var() / sd**2 - 1) < WIDE * math.sqrt((kurtosis - 1) * (1 / trials + dim / 2_000_000))


def test_incremental_pairs_halve_the_oldest() -> None:
    results = capacity.run("nested", structures=["map-b"], n=[2], dims=[512], trials=60)
    predicted = [row.predicted for row in results if row.quantity == "leaf similarity"]
    assert predicted == [map_b.incremental_correlation(age) for age in range(6)]
    assert results.all_inside
