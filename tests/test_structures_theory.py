# SPDX-License-Identifier: Apache-2.0
"""What structures expect of themselves, measured where about one test in ten fails."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hypersketch import ItemMemory
from hypersketch.theory import normal, spaces
from hypersketch.vsa import (
    BSC,
    BSDC,
    CGR,
    FHRR,
    HRR,
    MBAT,
    MCR,
    VTB,
    FiniteStateAutomaton,
    Graph,
    MapB,
    MapC,
    MapI,
    MapT,
    Multiset,
    Record,
    SparseBlockCodes,
)
from hypersketch.vsa._expected import model_of
from structure_makers import SPACES

pytestmark = pytest.mark.filterwarnings("ignore::hypersketch.sketches.CapacityWarning")

CHANCE = 1e-9
"""Of a measurement outside its interval, each."""

LOADED: dict[str, tuple[Any, int, float]] = {
    "MapI": (MapI, 197, 2 / 197),
    "MapB": (MapB, 310, 2 / 310),
    "BSC": (BSC, 310, 2 / 310),
    "MapT": (MapT, 300, 2 / 300),
    "MapC": (MapC, 250, 0.0),
    "HRR": (HRR, 197, 0.0),
    "FHRR": (FHRR, 120, 0.0),
    "FHRR, sums": (lambda dim, seed: FHRR(dim, seed, phase_only=False), 98, 0.0),
    "VTB": (VTB, 196, 0.0),
    "MBAT": (MBAT, 197, 0.0),
    "MCR": (MCR, 130, 4 / (64 * 130)),
}
"""Spaces, dimensions at which 30 items are too many, and the steps in which scores come."""
N_ITEMS, N_SEEDS = 30, 20

loaded = pytest.mark.parametrize("name", LOADED)


def within(hits: int, trials: int, low: float, high: float) -> bool:
    """Whether so many hits are to be expected for a probability between two bounds."""
    least, most = stats.binom.ppf(CHANCE / 2, trials, low), stats.binom.isf(CHANCE / 2, trials, high)
    return bool(least <= hits <= most)


def tails(distance: float, sd: float, step: float) -> tuple[float, float]:
    """Probability beyond a distance, for scores that may be rounded to either side by a step."""
    return float(normal.tail((distance + step) / sd)), float(normal.tail((distance - step) / sd))


def names(letter: str, n: int = N_ITEMS) -> list[str]:
    return [f"{letter}{i}" for i in range(n)]


@loaded
def test_strangers_pass_as_often_as_expected(name: str) -> None:
    make, dim, step = LOADED[name]
    strangers, hits, bounds, errors = names("s", 300), 0, [], []
    for seed in range(N_SEEDS):
        bag = Multiset(make(dim, seed), names("k"))
        law = bag._law()
        hits += int(bag.contains(strangers).sum())
        bounds.append(tails(float(law.midpoint() - law.mean), float(law.sd), step))
        errors.append(bag.expected_error)
    low, high = np.mean(bounds, axis=0)
    assert 0.05 < np.mean(errors) < 0.15
    assert low - 1e-12 <= np.mean(errors) <= high + 1e-12
    assert within(hits, N_SEEDS * len(strangers), low, high)


@loaded
def test_members_fail_as_often_as_expected(name: str) -> None:
    make, dim, step = LOADED[name]
    misses, bounds, scores, expected = 0, [], 0.0, 0.0
    for seed in range(N_SEEDS):
        bag = Multiset(make(dim, seed), names("k"))
        law = bag._law()
        misses += int((~bag.contains(names("k"))).sum())
        bounds.append(tails(float(law.member - law.midpoint()), float(law.member_sd), step))
        scores += float(bag.similarity(names("k")).mean()) / N_SEEDS
        expected += float(law.member) / N_SEEDS
    assert within(misses, N_SEEDS * N_ITEMS, *np.mean(bounds, axis=0))
    # The sum of squared weights is estimated from the sum itself: n (1 +- sqrt(2 / D)); the mean of scores
    # of MAP-I varies as much, and for FHRR half of D numbers count twice.
    spread = math.sqrt(2 / (dim * N_SEEDS)) * (1 / math.sqrt(2) if name.startswith("FHRR") else 1)
    assert abs(scores / expected - 1) < 6 * spread


@loaded
def test_cleanup_is_as_accurate_as_expected(name: str) -> None:
    make, dim, _ = LOADED[name]
    right, expected = 0, []
    for seed in range(N_SEEDS):
        record = Record(make(dim, seed), names("k"), names("v"))
        right += sum(record.search(names("k")).keys[:, 0] == np.array(names("v"), object))
        expected.append(record.expected_accuracy())
    middle = float(np.mean(expected))
    assert 0.3 < middle < 0.99
    assert within(right, N_SEEDS * N_ITEMS, middle, middle)


COUNTED: dict[str, tuple[Any, int, int]] = {
    "BSDC-S, small": (lambda dim, seed: BSDC(dim, seed, "s"), 64, 4),
    "BSDC-S, shifts that meet": (lambda dim, seed: BSDC(dim, seed, "s"), 1024, 30),
    "BSDC-S": (lambda dim, seed: BSDC(dim, seed, "s"), 256, 18),
    "BSDC-SEG, small": (lambda dim, seed: BSDC(dim, seed, "seg"), 64, 5),
    "BSDC-SEG": (lambda dim, seed: BSDC(dim, seed, "seg"), 256, 18),
    "B-SBC": (lambda dim, seed: SparseBlockCodes(dim, seed, 16), 640, 18),
    "CGR": (lambda dim, seed: CGR(dim, seed, 16), 40, 18),
}
"""Spaces whose scores are few, so that ties decide; dimensions, and numbers of pairs that are too many."""


@pytest.mark.parametrize("name", COUNTED)
def test_ties_of_records_are_expected(name: str) -> None:
    make, dim, n = COUNTED[name]
    values = names("v", 60)
    right, expected, seeds = 0, [], 60
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(60)  # of equal scores the first one is found
        space = make(dim, seed)
        memory = ItemMemory(space)
        memory.add([values[place] for place in order])
        record = Record(space, names("k", n), values[:n], memory=memory)
        right += sum(record.search(names("k", n)).keys[:, 0] == np.array(values[:n], object))
        expected.append(record.expected_accuracy())
    middle = float(np.mean(expected))
    assert 0.5 < middle < 0.995
    # Pairs of one record share its union: as if there were a third of them.
    assert within(right // 3, seeds * n // 3, middle, middle)


def test_a_record_in_a_sparse_space_says_what_its_space_says() -> None:
    for variant in ("s", "seg"):
        found = []
        for seed in range(30):
            space = BSDC(256, seed, variant)  # type: ignore[arg-type]
            found.append(Record(space, names("k", 16), names("v", 16)).expected_accuracy(100))
        wanted = space.expected_accuracy(16, 100, pairs=True)
        assert abs(np.mean(found) - wanted) < 5 * np.std(found) / math.sqrt(len(found))


@pytest.mark.parametrize("name", SPACES)
def test_laws_are_those_of_the_theory(name: str) -> None:
    """What follows from the sum itself agrees with what `theory.spaces` predicts before there is one."""
    n, seeds, found = 15, 5, []
    space = SPACES[name]
    for seed in range(seeds):
        bag = Multiset(dataclasses.replace(space, seed=seed), range(n), memory=False)
        found.append([float(value) for value in bag._law()])
    mean, sd, member, member_sd = np.mean(found, axis=0)
    order = {"modulus": space.modulus} if hasattr(space, "modulus") else {}
    wanted = spaces.moments(model_of(space), space.dim, n, **order)
    # The sum of squared weights is estimated: n (1 +- sqrt(2 / D)), in blocks of one entry each.
    spread = 6 * math.sqrt(2 / (space.width if order else space.dim) / seeds)
    assert math.isclose(mean, wanted.rest_mean, rel_tol=0.01)
    assert math.isclose(sd, wanted.rest_sd, rel_tol=max(spread, 0.01))
    assert abs(member / wanted.hit_mean - 1) < spread
    if not name.startswith("BSDC"):  # whose unions are given here, and random there
        assert math.isclose(member_sd, wanted.hit_sd, rel_tol=0.07)


@pytest.mark.parametrize(("variant", "dim"), [("s", 1024), ("cdt", 400)])
def test_unions_follow_the_hypergeometric_law(variant: Any, dim: int) -> None:
    hits, chances, ones = 0, [], BSDC(dim).n_ones
    strangers = names("s", 200)
    for seed in range(10):
        bag = Multiset(BSDC(dim, seed, variant), names("k", 45))
        law, set_bits = bag._law(), int(bag.space.unpack(bag.vector).sum())
        least = math.ceil(float(law.midpoint()) * math.sqrt(ones * set_bits) - 1e-9)
        chances.append(float(stats.hypergeom.sf(least - 1, dim, set_bits, ones)))
        hits += int(bag.contains(strangers).sum())
        assert bag.contains(names("k", 45)).all()
        assert np.allclose(bag.similarity(names("k", 45)), law.member)
        mean, sd = stats.hypergeom(dim, set_bits, ones).mean(), stats.hypergeom(dim, set_bits, ones).std()
        assert np.isclose(float(law.mean) * math.sqrt(ones * set_bits), mean)
        assert np.isclose(float(law.sd) * math.sqrt(ones * set_bits), sd)
    assert within(hits, 10 * len(strangers), float(np.mean(chances)), float(np.mean(chances)))


@pytest.mark.parametrize("make", [CGR, lambda dim, seed: CGR(dim, seed, modulus=4)])
def test_the_most_frequent_value_as_often_as_expected(make: Any) -> None:
    """A member's similarity is the share of entries that it wins, exactly on average."""
    dim, n = 300, 20
    for seed in range(5):
        bag = Multiset(make(dim, seed), names("k", n))
        law, order = bag._law(), bag.space.modulus
        assert law.mean == 1 / order
        assert math.isclose(law.sd, math.sqrt((1 - 1 / order) / order / dim))
        # The number of members is estimated by how often two of them agree.
        spread = math.sqrt(2 * (n - 1) / n / order / (1 - 1 / order) / dim)
        signal = float(bag.similarity(names("k", n)).mean() - law.mean)
        assert abs(signal / (law.member - law.mean) - 1) < 6 * spread


@pytest.mark.parametrize("name", ["MapI", "MapB", "HRR", "FHRR", "MCR"])
def test_thresholds_keep_the_rate_that_was_asked_for(name: str) -> None:
    make, dim, step = LOADED[name]
    strangers, hits, bounds = names("s", 300), 0, []
    for seed in range(N_SEEDS):
        bag = Multiset(make(dim, seed), names("k"))
        limit, law = bag.threshold(0.03), bag._law()
        hits += int(bag.contains(strangers, threshold=limit).sum())
        bounds.append(tails(limit - float(law.mean), float(law.sd), step))
    low, high = np.mean(bounds, axis=0)
    assert low - 1e-12 <= 0.03 <= high + 1e-12
    assert within(hits, N_SEEDS * len(strangers), low, high)


@pytest.mark.parametrize("make", [MapI, MapB, FHRR])
def test_products_of_two_and_three_fail_alike(make: Any) -> None:
    """Edges and transitions are strangers to each other, though they share nodes and states."""
    dim = {"MapI": 197, "MapB": 310, "FHRR": 120}[make.__name__]
    edges = transitions = n_edges = n_transitions = 0
    bounds = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(400)[:30]
        sources, targets = chosen // 20, chosen % 20 + 100
        graph = Graph(make(dim, seed), directed=True)
        machine = FiniteStateAutomaton(make(dim, seed))
        graph.add(sources, targets)
        machine.add(sources, targets, [7] * 30)
        others = rng.permutation(np.setdiff1d(np.arange(400), chosen))[:200]
        edges += int(graph.contains(others // 20, others % 20 + 100).sum())
        transitions += int(machine.contains(others // 20, others % 20 + 100, [7] * 200).sum())
        n_edges, n_transitions = n_edges + 200, n_transitions + 200
        law = graph._law()
        bounds.append(tails(float(law.midpoint()), float(law.sd), 2 / dim))
    low, high = np.mean(bounds, axis=0)
    # 200 strangers of one graph share 20 + 20 nodes, which makes their fates a little less independent:
    # the interval of half as many trials.
    for hits, trials in ((edges, n_edges), (transitions, n_transitions)):
        assert within(hits // 2, trials // 2, low, high)
