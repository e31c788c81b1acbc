# SPDX-License-Identifier: Apache-2.0
"""Retrieval accuracies against published numbers, enumeration and independent simulations in NumPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from hypersketch import capacity
from hypersketch.theory import cleanup, map_b, normal

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (2.0 * rng.integers(0, 2, shape, dtype=np.int8) - 1.0).astype(np.float32)


def bundles(rng: np.random.Generator, atoms: np.ndarray) -> np.ndarray:
    """Majority of (trials, n, dim) atoms, ties random."""
    sums = atoms.sum(axis=1)
    return np.where(sums == 0, signs(rng, *sums.shape), np.sign(sums)).astype(np.float32)


def test_accuracy_published_numbers() -> None:
    assert cleanup.accuracy(*cleanup.moments("map-i", 256, 20), 256) == pytest.approx(0.764, abs=5e-4)
    assert cleanup.accuracy(*cleanup.moments("map-i", 512, 60), 1024) == pytest.approx(0.380, abs=6e-4)
    assert 1 - cleanup.map_b_accuracy(24002, 1000, 100) == pytest.approx(0.10001, abs=5e-6)
    assert 1 - cleanup.map_b_accuracy(55649, 1000, 100) == pytest.approx(0.00100, abs=5e-6)
    assert 1 - cleanup.map_b_accuracy(1001, 51, 64) == pytest.approx(0.139, abs=5e-4)
    assert 1 - cleanup.map_i_accuracy(15221, 1000, 100) == pytest.approx(0.100, abs=5e-4)
    assert 1 - cleanup.map_i_accuracy(45129, 1000, 100) == pytest.approx(8.8e-5, abs=1e-6)
    assert cleanup.high_fidelity_dimension(1000, 100, 0.001) == pytest.approx(56_700, abs=50)
    assert cleanup.high_fidelity_dimension(1000, 100, 0.1) == pytest.approx(29_900, abs=50)
    assert 100 * (1 - cleanup.gallant_okaywe_accuracy(6927, 100, 100_000)) == pytest.approx(0.018, abs=5e-4)
    assert cleanup.gallant_okaywe_dimension(100, 100_000, 0.0183) == pytest.approx(6927, abs=8)
    independent = cleanup.top_k_accuracy(*cleanup.moments("map-i", 440, 15), 15, 1000)
    assert independent == pytest.approx(0.9858, abs=5e-5)
    assert cleanup.top_k_accuracy(*cleanup.moments("map-b", 700, 15), 15, 1000) == pytest.approx(
        0.9885, abs=5e-5
    )


def test_accuracy_equals_symmetry_and_limits() -> None:
    assert cleanup.accuracy(0, 1, 0, 1, 7) == pytest.approx(1 / 7, rel=1e-9)
    assert cleanup.accuracy(2, 0, 0, 1, 3) == pytest.approx((1 - normal.tail(2.0)) ** 2, rel=1e-12)
    assert cleanup.accuracy(0, 1, 0, 1e-3, 2) == pytest.approx(0.5, rel=1e-6)
    # One member of two codewords that beats the other with a known chance.
    chance = 1 - normal.tail(1.5 / math.sqrt(2))
    assert cleanup.top_k_accuracy(1.5, 1, 0, 1, 1, 2) == pytest.approx(chance, abs=2e-5)
    for n in (2, 5, 40):
        assert cleanup.top_k_accuracy(1, 1, 1, 1, n, 50) == pytest.approx(n / 50, abs=1e-4)
    assert cleanup.map_i_top_k(64, 7, 7) == 1.0


# Measured with 60,000 bundles each by the compiled core: share of members among the n best, standard error.
TOP_K = [
    ("map-i", 15, 1000, 300, 0.93655, 0.00020),
    ("map-i", 15, 1000, 440, 0.98760, 0.00011),
    ("map-i", 5, 1000, 100, 0.94370, 0.00038),
    ("map-i", 50, 500, 256, 0.68178, 0.00019),
    ("map-i", 100, 1000, 400, 0.61380, 0.00014),
    ("map-i", 20, 25, 64, 0.91866, 0.00017),
    ("map-i", 2, 100, 25, 0.97965, 0.00043),
    ("map-b", 15, 1000, 440, 0.92045, 0.00021),
    ("map-b", 15, 1000, 700, 0.98824, 0.00011),
    ("map-b", 5, 1000, 100, 0.78030, 0.00054),
    ("map-b", 50, 500, 256, 0.55793, 0.00019),
    ("map-b", 20, 25, 64, 0.89287, 0.00018),
]


@pytest.mark.parametrize(("model", "n", "universe", "dim", "measured", "error"), TOP_K)
def test_top_k_near_long_simulations(
    model: str, n: int, universe: int, dim: int, measured: float, error: float
) -> None:
    predict = cleanup.map_i_top_k if model == "map-i" else cleanup.map_b_top_k
    assert predict(dim, n, universe) == pytest.approx(measured, abs=3 * error + 1e-4)


@pytest.mark.parametrize("model", ["map-i", "map-b"])
def test_top_k_and_accuracy_against_numpy(model: str) -> None:
    rng, dim, n, universe, trials = np.random.default_rng(8), 64, 7, 60, 6000
    atoms = signs(rng, trials, universe, dim)
    x = atoms[:, :n].sum(axis=1) if model == "map-i" else bundles(rng, atoms[:, :n])
    scores = np.einsum("tjd,td->tj", atoms, x) + 0.5 * rng.random((trials, universe))  # ties at random
    best = np.argpartition(-scores, n, axis=1)[:, :n]
    hits = (best < n).mean(axis=1)
    predict = cleanup.map_i_top_k if model == "map-i" else cleanup.map_b_top_k
    assert predict(dim, n, universe) == pytest.approx(hits.mean(), abs=WIDE * hits.std() / math.sqrt(trials))
    right = scores[:, 0] > scores[:, n:].max(axis=1)
    rest = universe - n + 1
    predicted = (
        cleanup.map_i_accuracy(dim, n, rest)
        if model == "map-i"
        else cleanup.map_b_accuracy(dim, n, rest, ties="random")
    )
    noise = math.sqrt(predicted * (1 - predicted) / trials)
    assert right.mean() == pytest.approx(predicted, abs=WIDE * noise)


def test_map_b_accuracy_equals_enumeration() -> None:
    dim, n, universe = 5, 3, 3
    p, strict, shared = float(map_b.hamming(n)), 0.0, 0.0
    half = [math.comb(dim, i) / 2**dim for i in range(dim + 1)]
    for h in range(dim + 1):
        hit = math.comb(dim, h) * p**h * (1 - p) ** (dim - h)
        for a, b in itertools.product(range(dim + 1), repeat=2):
            chance = hit * half[a] * half[b]
            strict += chance * (h < min(a, b))
            shared += chance * (h <= min(a, b)) / (1 + (a == h) + (b == h))
    assert cleanup.map_b_accuracy(dim, n, universe) == pytest.approx(strict, rel=1e-10)
    assert cleanup.map_b_accuracy(dim, n, universe, ties="random") == pytest.approx(shared, rel=1e-10)


@pytest.mark.parametrize(
    ("structure", "dim"), [("map-i", 196), ("map-i", 256), ("map-b", 256), ("map-b", 400)]
)
def test_top_k_far_out_in_the_tail(structure: str, dim: int) -> None:
    """A correction for correlated members that is right in the middle once made rare misses impossible."""
    results = capacity.run("cleanup", structures=[structure], n=[5], dims=[dim], trials=40_000, seed=3)
    (row,) = results.to_polars().iter_rows(named=True)
    assert row["predicted"] < 1.0
    assert row["verdict"] == "inside"
