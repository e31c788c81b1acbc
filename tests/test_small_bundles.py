# SPDX-License-Identifier: Apache-2.0
"""Unions cut to half, bundles with ties, sums of normal vectors: bundles made from their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from hypersketch.theory import spaces
from moment_tests import WIDE, require_moments

STATED = 1e-3
"""What the formulas are said to be off by at the smallest dimensions, beside the spread of a measurement."""


def subsets(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    """Zeros and ones, ceil(sqrt(D)) ones a row."""
    ones = math.isqrt(dim - 1) + 1
    made = np.zeros((rows, dim), np.float32)
    np.put_along_axis(made, rng.random((rows, dim)).argsort(axis=1)[:, :ones], 1.0, axis=1)
    return made


def halved(rng: np.random.Generator, rows: int, dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    atoms = subsets(rng, rows, dim)
    counts = atoms[:n].sum(axis=0)
    kept = (counts > 0).astype(np.float32)
    if kept.sum() > dim // 2:
        kept[:] = 0.0
        kept[np.argsort(-counts, kind="stable")[: dim // 2]] = 1.0
    return atoms @ kept, np.float32(math.sqrt(kept.sum() * (math.isqrt(dim - 1) + 1)))


def ternary(rng: np.random.Generator, rows: int, dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    atoms = rng.integers(0, 2, (rows, dim)).astype(np.float32) * 2 - 1
    bundle = np.sign(atoms[:n].sum(axis=0))
    return atoms @ bundle, np.float32(math.sqrt(dim * max(1.0, float(bundle @ bundle))))


def normal(rng: np.random.Generator, rows: int, dim: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    atoms = rng.standard_normal((rows, dim), dtype=np.float32)
    bundle = atoms[:n].sum(axis=0)
    return atoms @ bundle, np.linalg.norm(atoms, axis=1) * np.linalg.norm(bundle)


DEFINITIONS = {"bsdc-thin": halved, "map-t": ternary, "tvtb": normal}
SMALL = [
    ("bsdc-thin", 64, 30, 300, 900),
    ("bsdc-thin", 64, 9, 300, 900),
    ("bsdc-thin", 144, 8, 300, 600),
    ("bsdc-thin", 256, 30, 300, 400),
    ("map-t", 64, 2, 300, 900),
    ("map-t", 64, 6, 300, 900),
    ("map-t", 400, 30, 300, 300),
    ("tvtb", 64, 30, 300, 900),
    ("tvtb", 144, 15, 300, 500),
]


@pytest.mark.parametrize(("model", "dim", "n", "universe", "trials"), SMALL)
def test_bundles_of_the_smallest_dimensions(model: str, dim: int, n: int, universe: int, trials: int) -> None:
    rng = np.random.default_rng(dim + n)
    found, won, members, strangers = [], [], [], []
    for _ in range(trials):
        scores, size = DEFINITIONS[model](rng, universe, dim, n)
        cosines = scores / size
        # A random order among equal scores.
        order = np.lexsort((rng.random(universe), -cosines.round(6)))
        place = np.empty(universe, np.int64)
        place[order] = np.arange(universe)
        found.append(float((place[:n] < n).mean()))
        won.append(float(place[0] < place[n:].min()))
        members.append(cosines[:n])
        strangers.append(cosines[n])
    predicted = spaces.moments(model, dim, n)
    top, single = spaces.top_k(model, dim, n, universe), spaces.accuracy(model, dim, n, universe - n + 1)
    assert abs(np.mean(found) - top) < WIDE * np.std(found) / math.sqrt(trials) + STATED
    assert abs(np.mean(won) - single) < WIDE * math.sqrt(single * (1.0 - single) / trials) + STATED
    scores_of_members = np.array(members, np.float64)
    require_moments(scores_of_members[:, 0], predicted.hit_mean, predicted.hit_sd, "member")
    require_moments(np.array(strangers, np.float64), predicted.rest_mean, predicted.rest_sd, "stranger")
    # The mean of a bundle's members has the variance v (1 + (n - 1) rho) / n.
    means = scores_of_members.mean(axis=1)
    ratio = (1.0 + (n - 1.0) * predicted.correlation) * predicted.hit_sd**2 / n
    kurtosis = float(np.mean((means - means.mean()) ** 4)) / means.var() ** 2
    assert abs(means.var() / ratio - 1.0) < WIDE * math.sqrt((kurtosis - 1.0) / trials)


def test_bundles_of_two_in_map_t_by_enumeration() -> None:
    """Two members of one entry, one stranger: ties at the member and at the stranger count half."""
    won = 0.0
    for first, second, other in itertools.product((-1, 1), repeat=3):
        bundle = np.sign(first + second)
        won += 1.0 if first * bundle > other * bundle else 0.5 if first * bundle == other * bundle else 0.0
    assert spaces.accuracy("map-t", 1, 2, 2) == pytest.approx(won / 8)


def test_unions_that_are_never_half_full_stay_whole() -> None:
    for n in (1, 2, 10):
        assert spaces.top_k("bsdc-thin", 1024, n, 500) == spaces.top_k("bsdc-cdt", 1024, n, 500)
        assert spaces.moments("bsdc-thin", 1024, n) == spaces.moments("bsdc-cdt", 1024, n)
