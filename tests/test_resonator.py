# SPDX-License-Identifier: Apache-2.0
"""Resonator networks: the trajectory of the definition, every outcome, all spaces, and refused input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
import reference_resonator as slow
from hypersketch import ItemMemory, _core
from hypersketch.vsa import (
    BSC,
    BSDC,
    CGR,
    FHRR,
    HRR,
    MBAT,
    MCR,
    VTB,
    Hypervectors,
    MapB,
    MapC,
    MapI,
    Resonator,
    SparseBlockCodes,
)
from hypersketch.vsa._resonance import hash_rows

# Rows of one word, words +- 1, lines of words +- 1; codebooks of 1, of lanes +- 1 and of more than 64 rows.
SHAPES = [
    (1, (2, 1)),
    (63, (3, 4)),
    (64, (1, 7, 2)),
    (65, (8, 9)),
    (300, (17, 5, 6)),
    (500, (16, 16, 16)),
    (511, (65, 3)),
    (513, (12, 7, 8, 9)),
    (1025, (30, 70, 65)),
]


def small(dim: int, sizes: tuple[int, ...], **options: Any) -> Resonator:
    space = MapB(dim, seed=dim)
    return Resonator(space, [range(1000 * f, 1000 * f + m) for f, m in enumerate(sizes)], **options)


def probes_of(resonator: Resonator, n: int, flips: float = 0.0) -> NDArray[np.uint64]:
    """Products of random factors, some bits of which are flipped, and in the end an unrelated vector."""
    rng = np.random.default_rng(7)
    rows = resonator.compose(
        np.stack([rng.integers(0, len(book), n) for book in resonator.codebooks], axis=1)
    )
    noisy = reference.bits_of(rows, resonator.space.dim) ^ (rng.random((n, resonator.space.dim)) < flips)
    noisy[-1] = rng.random(resonator.space.dim) < 0.5
    return reference.pack(1 - 2 * noisy.astype(np.int64))


def signs(rows: NDArray[np.uint64], dim: int) -> NDArray[np.int64]:
    return 1 - 2 * reference.bits_of(rows, dim).astype(np.int64)


def expected(
    resonator: Resonator, probes: NDArray[np.uint64], budget: int, **options: Any
) -> list[slow.Result]:
    dim = resonator.space.dim
    books = [signs(book, dim) for book in resonator.codebooks]
    start = [reference.signs(book.sum(axis=0), resonator.space.seed) for book in books]
    accept = math.ceil(resonator.accept_similarity * dim - 1e-6)
    rule = slow.Rule(books, start, budget, accept, **options)
    hashes = hash_rows(probes).tolist()
    return [slow.resonate(rule, row, one) for row, one in zip(signs(probes, dim), hashes, strict=True)]


def check(
    resonator: Resonator, probes: NDArray[np.uint64], budget: int, threads: int, **options: Any
) -> None:
    found = resonator.factorize(probes, max_iterations=budget, threads=threads)
    rows = zip(
        found.indices.tolist(),
        (found.similarities * resonator.space.dim).round().tolist(),
        found.iterations.tolist(),
        found.periods.tolist(),
        strict=True,
    )
    assert [slow.Result(*row) for row in rows] == expected(resonator, probes, budget, **options)


@pytest.mark.parametrize(("dim", "sizes"), SHAPES)
def test_trajectory_of_the_definition(dim: int, sizes: tuple[int, ...], level: str) -> None:
    for options in ({}, {"threshold": 1.5}, {"noise": 0.7, "seed": 3}, {"noise": 1.0, "threshold": 2.0}):
        resonator = small(dim, sizes, false_accept=1e-12, **options)
        probes = probes_of(resonator, 4, flips=0.1)
        for budget, threads in ((1, 1), (2, 2), (6, 3)) if "noise" in options else ((2, 2), (25, 3)):
            check(resonator, probes, budget, threads, **options)


@pytest.mark.parametrize(("dim", "sizes"), SHAPES)
def test_synchronous_trajectory(dim: int, sizes: tuple[int, ...]) -> None:
    resonator = small(dim, sizes, synchronous=True, false_accept=1e-12)
    probes = probes_of(resonator, 4, flips=0.1)
    for budget in (1, 2, 25):
        check(resonator, probes, budget, 2, synchronous=True)


# ---- outcomes


def test_every_outcome() -> None:
    """Tiny dimensions with too large books show all of them, and each probe what its outcome says."""
    seen = set()
    for threshold, budget in ((0.0, 2), (0.0, 30), (2.0, 30)):
        resonator = small(48, (6, 6, 6), threshold=threshold, max_iterations=budget)
        rng = np.random.default_rng(1)
        truth = rng.integers(0, 6, (400, 3))
        found = resonator.factorize(resonator.compose(truth))
        products = resonator.compose(found.indices)
        similarities = resonator.space.similarity(products, resonator.compose(truth))
        assert np.array_equal(similarities, found.similarities)
        assert np.array_equal(found.solved, abs(similarities) >= resonator.accept_similarity - 1e-9)
        assert (found.solved | ~(found.indices == truth).all(axis=1)).all()
        assert np.array_equal(found.outcomes == "wrong", found.periods == 1)
        assert np.array_equal(found.outcomes == "cycle", found.periods > 1)
        assert (found.iterations[found.outcomes == "unconverged"] == budget).all()
        assert sum(found.counts().values()) == len(found) == 400
        seen |= set(found.outcomes.tolist())
    assert seen == {"solved", "wrong", "cycle", "unconverged"}


def test_a_cycle_is_one() -> None:
    """One more sweep than the period, from the state where a cycle was seen, meets the same answer again."""
    resonator = small(48, (6, 6, 6), synchronous=True, false_accept=1e-9)
    probes = probes_of(resonator, 300, flips=0.3)
    found = resonator.factorize(probes)
    cycling = np.flatnonzero(found.outcomes == "cycle")
    assert cycling.size
    for i in cycling[:5]:
        steps = [found.iterations[i], found.iterations[i] - found.periods[i]]
        earlier = [resonator.factorize(probes[i], max_iterations=int(step)).indices for step in steps]
        assert np.array_equal(earlier[0], earlier[1])


def test_solved_rate_of_the_literature() -> None:
    """D = 500, F = 3, M = 3.3e4 with 400 sweeps: all of 120 trials solved, as independent code finds."""
    resonator = Resonator(MapB(500), [range(100 * f, 100 * f + 32) for f in range(3)], max_iterations=400)
    truth = np.random.default_rng(0).integers(0, 32, (120, 3))
    found = resonator.factorize(resonator.compose(truth))
    assert found.solved.mean() >= 0.98  # 120 of 120 bound the rate by .975 at 95 %
    assert np.array_equal(found.indices[found.solved], truth[found.solved])


def test_noise_and_threshold_solve_what_the_plain_network_does_not() -> None:
    books = [range(100 * f, 100 * f + 64) for f in range(3)]
    truth = np.random.default_rng(0).integers(0, 64, (60, 3))
    solved = []
    for options in ({}, {"noise": 0.5, "threshold": 1.5}):
        resonator = Resonator(MapB(500), books, max_iterations=400, **options)
        solved.append(resonator.factorize(resonator.compose(truth)).solved.sum())
    assert solved[1] > solved[0] + 6 * math.sqrt(60) / 2  # six standard deviations of a difference at most


def test_false_accepts() -> None:
    """Unrelated probes are solved less often than was asked for; Hoeffding's bound is no estimate."""
    resonator = small(256, (5, 5), false_accept=0.2)
    rows = reference.pack(np.random.default_rng(3).choice(np.array([-1, 1]), (2000, 256)))
    rate = resonator.factorize(rows).solved.mean()
    assert 0 < rate <= 0.2


# ---- batches, seeds, forms of probes


def test_noise_depends_on_the_probe_alone() -> None:
    resonator = small(200, (20, 20, 20), noise=1.0, max_iterations=40)
    probes = probes_of(resonator, 9)
    together = resonator.factorize(probes)
    for i in (0, 3, 8):
        alone = resonator.factorize(probes[i])
        assert np.array_equal(alone.indices[0], together.indices[i])
        assert alone.iterations[0] == together.iterations[i]
    again = resonator.factorize(probes[::-1])
    assert np.array_equal(again.iterations[::-1], together.iterations)
    other = small(200, (20, 20, 20), noise=1.0, max_iterations=40, seed=1).factorize(probes)
    assert not np.array_equal(other.iterations, together.iterations)


def test_no_probes() -> None:
    resonator = small(100, (3, 3))
    found = resonator.factorize(np.empty((0, 2), np.uint64))
    assert (len(found), found.indices.shape, found.keys) == (0, (0, 2), [])


def test_negated_probes_have_a_sign() -> None:
    space = MapB(1000)
    resonator = Resonator(space, [["a", "b"], ["x", "y"]])
    product = resonator.compose([[1, 0]])
    found = resonator.factorize(np.stack([product[0], reference.pack(-signs(product, 1000))[0]]))
    assert found.keys == [("b", "x")] * 2
    assert found.signs.tolist() == [1, -1]
    assert found.similarities.tolist() == [1.0, -1.0]


def test_sums_and_values_and_vectors() -> None:
    space = MapI(2000)
    resonator = Resonator(space, [["a", "b", "c"], space.atoms(["x", "y"])])
    pair, rest = space.bind(space.atoms("c"), space.atoms("y")), space.atoms(["p", "q"])
    total = space.superpose(np.concatenate([pair, rest]))
    found = resonator.factorize(total)
    assert found.keys == [("c", 1)]
    assert 0.4 < found.similarities[0] < 0.6  # a member of a majority of three: 1/2
    assert resonator.factorize(Hypervectors(space, pair)).keys == [("c", 1)]


def test_codebooks_are_copies() -> None:
    space = BSC(300)
    given = space.atoms(["a", "b"])
    resonator = Resonator(space, [given, ["x", "y"]])
    before = resonator.compose([1, 1])
    given[:] = 0
    assert np.array_equal(resonator.compose([1, 1]), before)
    assert resonator.factorize(before).indices.tolist() == [[1, 1]]
    with pytest.raises(ValueError, match="read-only"):
        resonator.codebooks[0][0, 0] = 1


def test_an_item_memory_is_a_codebook() -> None:
    space = BSC(1500)
    memory = ItemMemory(space)
    memory.add(["red", "blue"])
    memory.add(7)
    resonator = Resonator(space, [memory, ["x", "y"]])
    product = space.bind(space.atoms(7), space.atoms("x"))
    assert resonator.factorize(product).keys == [(7, "x")]
    with pytest.raises(TypeError, match="memory of"):
        Resonator(BSC(1500, seed=1), [memory, ["x"]])


SPACES = [
    MapI(1000),
    MapB(1001),
    BSC(1000),
    FHRR(400),
    FHRR(400, phase_only=False),
    HRR(801),
    HRR(800, spectral=True),
    MCR(500),
    MCR(500, modulus=5),
    CGR(500),
    CGR(900, modulus=2),
    SparseBlockCodes(32 * 400, modulus=32),
]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_spaces(space: Any) -> None:
    resonator = Resonator(space, [range(10), range(10, 22), range(22, 30)])
    truth = np.random.default_rng(5).integers(0, 8, (12, 3))
    probes = resonator.compose(truth)
    for options in ({}, {"noise": 0.3, "threshold": 1.0}, {"synchronous": True}):
        varied = Resonator(space, resonator.codebooks, **options)
        found = varied.factorize(probes)
        assert found.solved.mean() >= 0.75
        assert np.array_equal(found.indices[found.solved], truth[found.solved])
        assert np.allclose(found.similarities[found.solved], 1.0, atol=1e-5)
    alone = resonator.factorize(probes[0])
    assert np.array_equal(alone.indices[0], resonator.factorize(probes).indices[0])


@pytest.mark.parametrize("space", [FHRR(256), HRR(512), MCR(256)], ids=repr)
def test_unrelated_phasors_are_not_solved(space: Any) -> None:
    resonator = Resonator(space, [range(6), range(6, 12)], max_iterations=60)
    found = resonator.factorize(space.atoms(range(100, 130)))
    assert not found.solved.any()
    assert found.counts()["wrong"] > 0
    assert (found.periods[found.outcomes == "unconverged"] == 0).all()


# ---- refused input


@pytest.mark.parametrize(
    ("arguments", "options", "error", "sentence"),
    [
        ((MapC(64), [["a"], ["b"]]), {}, TypeError, "'space' .* MapI, MapB, BSC, FHRR, HRR, MCR"),
        ((VTB(64), [["a"], ["b"]]), {}, TypeError, "'space'"),
        ((MBAT(64), [["a"], ["b"]]), {}, TypeError, "'space'"),
        ((BSDC(640), [["a"], ["b"]]), {}, TypeError, "'space'"),
        (("bsc", [["a"], ["b"]]), {}, TypeError, "'space'"),
        ((BSC(2**29), [["a"], ["b"]]), {}, ValueError, "at most 2.{2}28 dimensions"),
        ((BSC(64), "ab"), {}, TypeError, "'codebooks' .* sequence of at least 2"),
        ((BSC(64), [["a"]]), {}, ValueError, "at least 2 codebooks"),
        ((BSC(64), [["a"], []]), {}, ValueError, "codebooks.1."),
        ((BSC(64), [["a"], [1.5]]), {}, TypeError, "key must be"),
        ((BSC(64), [["a"], np.zeros((2, 3), np.uint64)]), {}, ValueError, "codebooks.1. has the shape"),
        ((BSC(60), [["a"], np.full((2, 1), 2**63, np.uint64)]), {}, ValueError, "bits beyond"),
        ((FHRR(4), [["a"], np.full((2, 4), np.nan)]), {}, ValueError, "NaN"),
        ((BSC(64), [["a"], ["b"]]), {"noise": -1.0}, ValueError, "'noise'"),
        ((BSC(64), [["a"], ["b"]]), {"noise": math.inf}, ValueError, "'noise'"),
        ((BSC(64), [["a"], ["b"]]), {"threshold": "1"}, TypeError, "'threshold'"),
        ((BSC(64), [["a"], ["b"]]), {"max_iterations": 0}, ValueError, "'max_iterations'"),
        ((BSC(64), [["a"], ["b"]]), {"false_accept": 0.0}, ValueError, "'false_accept'"),
        ((BSC(64), [["a"], ["b"]]), {"synchronous": 1}, TypeError, "'synchronous'"),
        ((BSC(64), [["a"], ["b"]]), {"seed": -1}, ValueError, "'seed'"),
    ],
)
def test_refused_networks(arguments: Any, options: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Resonator(*arguments, **options)


def test_refused_probes() -> None:
    resonator = Resonator(BSC(100), [["a", "b"], ["x", "y"]])
    for bad, error in (
        ([1, 2], TypeError),
        (np.zeros(3, np.uint64), ValueError),
        (np.zeros((2, 2, 2), np.uint64), ValueError),
        (np.full(2, 2**63, np.uint64), ValueError),
        (np.zeros(2, np.int64), TypeError),
        (Hypervectors(BSC(100, seed=1), np.zeros(2, np.uint64)), TypeError),
    ):
        with pytest.raises(error):
            resonator.factorize(bad)
    with pytest.raises(ValueError, match="max_iterations"):
        resonator.factorize(np.zeros(2, np.uint64), max_iterations=0)
    with pytest.raises(ValueError, match="threads"):
        resonator.factorize(np.zeros(2, np.uint64), threads=0)
    for rows, fault in (
        ([0.5, 1], TypeError),
        ([0, 2], ValueError),
        ([-1, 0], ValueError),
        ([0], ValueError),
    ):
        with pytest.raises(fault, match="'indices'"):
            resonator.compose(rows)
    with pytest.raises(TypeError, match="vectors of"):
        Resonator(BSC(100), [Hypervectors(BSC(100, seed=1), np.zeros((1, 2), np.uint64)), ["a"]])


def test_the_binding_checks_what_it_is_given() -> None:
    rows, start = np.zeros((4, 2), np.uint64), np.zeros((2, 2), np.uint64)
    out = [np.empty((3, 2), np.int64), *(np.empty(3, np.int64) for _ in range(3))]

    def run(sizes: list[int], dim: int = 100, budget: int = 5, probes: int = 3, out: list[Any] = out) -> None:
        hashes = np.zeros(3, np.uint64)
        given = np.zeros((probes, 2), np.uint64)
        numbers = np.array(sizes, np.int64)
        _core.resonate(rows, numbers, dim, start, given, hashes, False, 0, 0, 0, 100, budget, *out, 1)

    run([1, 3])
    for sizes in ([4], [2, 3], [0, 4], [5, -1], [1, 1]):
        with pytest.raises(ValueError, match=r"codebooks|factor"):
            run(sizes)
    with pytest.raises(ValueError, match="words"):
        run([1, 3], dim=64)
    with pytest.raises(ValueError, match="budget"):
        run([1, 3], budget=0)
    with pytest.raises(ValueError, match="hash"):
        run([1, 3], probes=2)
    with pytest.raises(ValueError, match="elements"):
        run([1, 3], out=[np.empty((2, 2), np.int64), *out[1:]])
