# SPDX-License-Identifier: Apache-2.0
"""Thresholds of item memories: the least that keep the rate, and the rate of strangers that was measured."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hypersketch import ItemMemory, vsa
from hypersketch.theory import item_memory as theory

# ---- closed forms against their definitions


def test_hamming_tail_counts_vectors() -> None:
    for dim in (1, 2, 5, 8):
        all_of_them = np.array(list(itertools.product([-1, 1], repeat=dim)))
        scores = all_of_them.sum(axis=1) / dim
        for limit in {*scores.tolist(), -1.5, 0.1, 1.01}:
            assert theory.hamming_tail(dim, limit) == pytest.approx(
                (scores >= limit - 1e-12).mean(), abs=1e-15
            )


def test_agreement_tail_counts_vectors() -> None:
    for width, order in ((1, 2), (3, 4), (5, 3)):
        scores = (np.array(list(itertools.product(range(order), repeat=width))) == 0).mean(axis=1)
        for limit in {*scores.tolist(), -0.5, 0.1, 1.01}:
            expected = (scores >= limit - 1e-12).mean()
            assert theory.agreement_tail(width, order, limit) == pytest.approx(expected, abs=1e-14)
            assert theory.segment_tail(width, order, width, limit) == pytest.approx(expected, abs=1e-14)


def test_overlap_tail_counts_vectors() -> None:
    for dim, a, b in ((4, 1, 2), (6, 3, 2), (7, 7, 3), (5, 0, 2)):
        chosen = np.array(
            [len(set(places) & set(range(a))) for places in itertools.combinations(range(dim), b)]
        )
        scores = chosen / math.sqrt(a * b) if a * b else np.zeros(1)
        for limit in {*scores.tolist(), -0.5, 0.1, 1.01}:
            expected = (scores >= limit - 1e-12).mean()
            assert theory.overlap_tail(dim, a, b, limit) == pytest.approx(expected, abs=1e-14)


def test_ternary_tail_counts_vectors() -> None:
    for a, b in ((1, 1), (3, 5), (6, 4), (0, 3)):
        signs = np.array(list(itertools.product([-1, 1], repeat=min(a, b))))
        scores = signs.sum(axis=1) / math.sqrt(a * b) if a * b else np.zeros(1)
        for limit in {*scores.tolist(), -1.5, 0.1, 1.01}:
            expected = (scores >= limit - 1e-12).mean()
            assert theory.ternary_tail(a, b, limit) == pytest.approx(expected, abs=1e-14)


def test_cosine_tail_is_that_of_student() -> None:
    """t sqrt(D - 1) / sqrt(1 - t^2) of a random direction has D - 1 degrees of freedom."""
    for dim in (2, 3, 10, 1000):
        for t in (-0.9, -0.1, 0.0, 0.05, 0.5, 0.99):
            expected = stats.t.sf(t * math.sqrt(dim - 1) / math.sqrt(1 - t * t), dim - 1)
            assert theory.cosine_tail(dim, t) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_thresholds_are_the_least_that_keep_the_rate() -> None:
    for n, rate in ((1, 0.3), (10, 0.9), (1000, 1e-3), (10**7, 1e-9)):
        limit = theory.hamming_threshold(1000, n, rate)
        assert n * theory.hamming_tail(1000, limit) <= rate < n * theory.hamming_tail(1000, limit - 0.002)
        limit = theory.agreement_threshold(300, 16, n, rate)
        below = theory.agreement_tail(300, 16, limit - 1 / 300)
        assert n * theory.agreement_tail(300, 16, limit) <= rate < n * below
        limit = theory.cosine_threshold(300, n, rate)
        assert n * theory.cosine_tail(300, limit) == pytest.approx(rate, rel=1e-6)
        limit = theory.normal_threshold(0.1, n, rate, 0.2)
        assert n * stats.norm.sf((limit - 0.2) / 0.1) == pytest.approx(rate, rel=1e-6)
    assert theory.hamming_threshold(10, 10_000, 0.01) > 1


def test_false_accept_is_that_of_the_largest() -> None:
    assert theory.false_accept(0.5, 3) == pytest.approx(1 - 0.5**3)
    assert theory.false_accept([0.0, 1.0, 1e-18], 10**6).tolist() == pytest.approx([0.0, 1.0, 1e-12])
    with pytest.raises(ValueError, match=r"'tail' parameter of item_memory.false_accept"):
        theory.false_accept(1.5, 3)


def test_circle_moments() -> None:
    for order in (2, 3, 7, 64):
        alike = np.array([1 - 4 * min(i, order - i) / order for i in range(order)])
        mean, sd = theory.circle_moments(25, order)
        assert mean == pytest.approx(alike.mean(), abs=1e-15)
        assert sd == pytest.approx(math.sqrt((alike**2).mean() - alike.mean() ** 2) / 5)


# ---- measured

N, STRANGERS = 200, 4000

MEASURED: dict[str, tuple[Any, Any]] = {
    "MapI": (vsa.MapI(500), lambda t: theory.hamming_tail(500, t)),
    "MapB": (vsa.MapB(501), lambda t: theory.hamming_tail(501, t)),
    "BSC": (vsa.BSC(512), lambda t: theory.hamming_tail(512, t)),
    "HRR": (vsa.HRR(100), lambda t: theory.cosine_tail(100, t)),
    "HRR, spectral": (vsa.HRR(101, spectral=True), lambda t: theory.cosine_tail(101, t)),
    "VTB": (vsa.VTB(100), lambda t: theory.cosine_tail(100, t)),
    "TVTB": (vsa.TVTB(100), lambda t: theory.cosine_tail(100, t)),
    "MapT": (vsa.MapT(500), lambda t: theory.ternary_tail(500, 500, t)),
    "MBAT": (vsa.MBAT(64), lambda t: theory.cosine_tail(64, t)),
    "FHRR": (vsa.FHRR(400), lambda t: stats.norm.sf(t / theory.phasor_sd(400))),
    "MapC": (vsa.MapC(600), lambda t: stats.norm.sf(t * math.sqrt(600))),
    "CGR": (vsa.CGR(100, modulus=8), lambda t: theory.agreement_tail(100, 8, t)),
    "B-SBC": (
        vsa.SparseBlockCodes(960, modulus=16),
        lambda t: theory.agreement_tail(60, 16, t),
    ),
    "MCR": (vsa.MCR(500, modulus=32), lambda t: stats.norm.sf(t, *theory.circle_moments(500, 32))),
    "BSDC": (vsa.BSDC(900), lambda t: theory.overlap_tail(900, 30, 30, t)),
    "BSDC, s": (vsa.BSDC(1000, variant="s"), lambda t: theory.overlap_tail(1000, 32, 32, t)),
    "BSDC, seg": (vsa.BSDC(900, variant="seg"), lambda t: theory.segment_tail(30, 30, 30, t)),
}


@pytest.mark.parametrize("name", MEASURED)
def test_strangers_are_accepted_as_often_as_predicted(name: str) -> None:
    """Each of many strangers against items of its own seed's atoms: independent but for the shared items."""
    space, tail = MEASURED[name]
    memory = ItemMemory(space)
    memory.add(range(N))
    limit = memory.threshold(0.05)
    predicted = theory.false_accept(tail(limit), N)
    assert predicted <= 0.05
    found = memory.search(space.atoms(range(10_000, 10_000 + STRANGERS)))
    accepted = int((found.similarities[:, 0] >= limit).sum())
    # Given the stranger, items are independent; given the items, strangers are. The 1e-6 tail on both sides.
    low, high = stats.binom.ppf([1e-6, 1 - 1e-6], STRANGERS, predicted)
    assert low <= accepted <= high


def test_the_procedural_codebook_has_the_same_thresholds() -> None:
    for name, (space, _) in MEASURED.items():
        both = [ItemMemory(space), ItemMemory(space, codebook="procedural")]
        for memory in both:
            memory.add(range(50))
        assert both[0].threshold(1e-3) == pytest.approx(both[1].threshold(1e-3), abs=1e-12), name


def test_thresholds_for_sums_of_map_i() -> None:
    space = vsa.MapI(400, 3)
    memory = ItemMemory(space)
    memory.add(range(N))
    sums = space.superpose(
        space.atoms(range(1000, 1000 + 5 * STRANGERS)), starts=np.arange(0, 5 * STRANGERS + 1, 5)
    )
    limits = memory.threshold(0.05, sums)
    assert limits.shape == (STRANGERS,)
    accepted = int((memory.search(sums).similarities[:, 0] >= limits).sum())
    # The law is normal up to lattice steps of 2/D, a twentieth of a standard deviation: between one step more
    # and one less.
    sd = np.sqrt(np.square(sums, dtype=np.float64).sum(axis=1)) / 400
    rates = [
        theory.false_accept(stats.norm.sf((limits + step) / sd), N).mean() for step in (2 / 400, -2 / 400)
    ]
    low = stats.binom.ppf(1e-6, STRANGERS, rates[0])
    high = stats.binom.ppf(1 - 1e-6, STRANGERS, rates[1])
    assert low <= accepted <= high
    packed = memory.threshold(0.05, space.atoms(["a", "b"]))
    assert packed.tolist() == [memory.threshold(0.05)] * 2


def test_thresholds_for_unions_of_bsdc() -> None:
    space = vsa.BSDC(900)
    memory = ItemMemory(space)
    memory.add(range(N // 2))
    memory.add(range(N // 2, N), space.superpose(space.atoms(range(N)), starts=np.arange(0, N + 1, 2)))
    unions = space.superpose(space.atoms(range(1000, 1000 + 3 * 1000)), starts=np.arange(0, 3001, 3))
    limits = memory.threshold(0.2, unions)
    sizes = space.unpack(memory.vectors).sum(axis=1).astype(int)
    kept = np.array(
        [
            np.prod(1 - theory.overlap_tail(900, int(ones), sizes, limit))
            for ones, limit in zip(space.unpack(unions).sum(axis=1), limits, strict=True)
        ]
    )
    accepted = int((memory.search(unions).similarities[:, 0] >= limits).sum())
    low, high = stats.norm.ppf([1e-6, 1 - 1e-6], (1 - kept).sum(), math.sqrt((kept * (1 - kept)).sum()))
    assert low <= accepted <= high
    assert (1 - kept).max() <= 0.2


def test_thresholds_for_bundles_of_map_t() -> None:
    """Against atoms, whose entries are nowhere 0, the law is exact."""
    space = vsa.MapT(400)
    memory = ItemMemory(space)
    memory.add(range(N))
    bundles = space.superpose(space.atoms(range(1000, 3000)), starts=np.arange(0, 2001, 2))
    limits = memory.threshold(0.2, bundles)
    sizes = np.abs(space.unpack(bundles)).sum(axis=1)
    rates = theory.false_accept(
        [theory.ternary_tail(n, 400, t) for n, t in zip(sizes, limits, strict=True)], N
    )
    accepted = int((memory.search(bundles).similarities[:, 0] >= limits).sum())
    spread = math.sqrt((rates * (1 - rates)).sum())
    low, high = stats.norm.ppf([1e-6, 1 - 1e-6], rates.sum(), spread)
    assert low <= accepted <= high
    assert rates.max() <= 0.2


def test_thresholds_refuse() -> None:
    memory = ItemMemory(vsa.MapB(100))
    with pytest.raises(ValueError, match=r"needs items, but this ItemMemory is empty"):
        memory.threshold(0.1)
    memory.add("a")
    for rate in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"'false_accept' parameter of ItemMemory.threshold"):
            memory.threshold(rate)
    with pytest.raises(TypeError, match=r"'false_accept' parameter of ItemMemory.threshold"):
        memory.threshold("low")  # type: ignore[arg-type]
