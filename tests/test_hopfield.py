# SPDX-License-Identifier: Apache-2.0
"""Hopfield±: the same matrix and scores as the definition, and the laws of sums."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import HopfieldMembership, _structure, theory
from makers import state

DIMS = [1, 2, 63, 64, 65, 127, 128, 257]
COUNTS = [0, 1, 2, 15, 16, 17, 254, 255, 256, 600]
keys_lists = st.lists(st.integers(0, 100), max_size=30)


def hashes_of(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def weights_of(n: int) -> np.ndarray:
    return np.random.default_rng(7).integers(-40, 41, n)


@pytest.mark.parametrize("dim", DIMS)
def test_matrix_and_scores(dim: int, level: str) -> None:
    for i, n in enumerate(COUNTS):
        weights, threads = (None, weights_of(n))[i % 2], i % 3 + 1
        hashes = hashes_of(n)
        matrix = reference.hopfield(dim, 6, hashes, weights)
        probes = np.concatenate((hashes[:10], hashes_of(30, 2)))
        for diagonal in (True, False):
            memory = HopfieldMembership(dim, 6, diagonal=diagonal)
            memory.add_hashes(hashes, weights, threads=threads)
            assert np.array_equal(state(memory), matrix[np.triu_indices(dim, 1)])
            scores = reference.hopfield_scores(matrix, 6, probes, diagonal)
            assert np.array_equal(memory.score_hashes(probes, threads=threads), scores / dim**2)


@pytest.mark.parametrize("dim", [513, 1000])
def test_larger_matrices(dim: int, threads: int) -> None:
    hashes = hashes_of(40)
    matrix = reference.hopfield(dim, 0, hashes, weights_of(40))
    memory = HopfieldMembership(dim)
    memory.add_hashes(hashes, weights_of(40), threads=threads)
    assert np.array_equal(state(memory), matrix[np.triu_indices(dim, 1)])
    scores = memory.score_hashes(hashes, threads=threads)
    assert np.array_equal(scores, reference.hopfield_scores(matrix, 0, hashes) / dim**2)


@pytest.mark.parametrize("degree", [3, 4])
@pytest.mark.parametrize("dim", [3, 7, 12])
def test_tensors_and_scores(dim: int, degree: int, level: str) -> None:
    """Cells of different dimensions in lexicographic order, and scores from the whole tensor."""
    for i, n in enumerate((0, 1, 3, 300)):
        weights, hashes = (None, weights_of(n))[i % 2], hashes_of(n)
        memory = HopfieldMembership(dim, 6, degree=degree)
        memory.add_hashes(hashes, weights, threads=i % 3 + 1)
        atoms, signs = reference.atoms(dim, 6, hashes), reference.hopfield_signs(6, hashes)
        scale = signs * (1 if weights is None else weights)
        chosen = list(itertools.combinations(range(dim), degree))
        cells = np.array([(scale * atoms[:, list(one)].prod(axis=1)).sum() for one in chosen], np.int64)
        assert np.array_equal(state(memory), cells)
        probes = hashes_of(20, 2)
        theirs, their_signs = reference.atoms(dim, 6, probes), reference.hopfield_signs(6, probes)
        products = np.array([theirs[:, list(one)].prod(axis=1) for one in chosen]).reshape(len(chosen), 20)
        expected = their_signs * (cells @ products) / max(1, len(chosen))
        assert np.array_equal(memory.score_hashes(probes, threads=2), expected)


def test_tensors_are_structures(tmp_path: Path) -> None:
    one, other, both = (HopfieldMembership(20, 3, degree=3) for _ in range(3))
    one.add(range(50), weights=weights_of(50))
    other.add(range(40, 90))
    both.add(range(50), weights=weights_of(50))
    both.add(range(40, 90))
    assert one + other == both
    both.remove(range(40, 90))
    assert both == one
    one.save(tmp_path / "one.safetensors")
    loaded = hypersketch.load(tmp_path / "one.safetensors", mmap=True)
    assert loaded == one
    assert repr(loaded) == "HopfieldMembership(dim=20, diagonal=False, seed=3, degree=3, n_added=50)"
    with pytest.raises(ValueError, match=r"'degree' parameter of both .* Got 3 and 4"):
        one.merge(HopfieldMembership(20, 3, degree=4))
    for arguments, sentence in (
        ({"degree": 3, "diagonal": True}, "'diagonal' parameter of HopfieldMembership must be False or None"),
        ({"degree": 1}, r"'degree' parameter of HopfieldMembership must be an integer in \[2, 8\]"),
        ({"dim": 4000, "degree": 3}, r"fewer than 2\*\*31 cells. Got dim=4000"),
    ):
        with pytest.raises(ValueError, match=sentence):
            HopfieldMembership(**{"dim": 20, **arguments})


@pytest.mark.parametrize("degree", [3, 4])
def test_tensor_rates_are_those_of_theory(degree: int) -> None:
    """By enumeration of all signs for one and two items, and by measurement for many."""
    dim = 8
    products = [
        sum(math.prod(one) for one in itertools.combinations(signs, degree))
        for signs in itertools.product((-1, 1), repeat=dim)
    ]
    values = np.array(products) / math.comb(dim, degree)
    both = np.concatenate((values, -values))
    for t in (0.1, 0.5):
        assert theory.hopfield.false_positive_rate(dim, 1, t, degree=degree) == pytest.approx(
            (both >= t).mean(), abs=1e-9
        )
        two = (both[:, np.newaxis] + both >= t).mean()
        assert theory.hopfield.false_positive_rate(dim, 2, t, degree=degree) == pytest.approx(two, abs=1e-9)
    dim, n, asked = 24, round(float(theory.hopfield.capacity(24, 0.05, degree=degree))), 4000
    predicted = theory.hopfield.false_positive_rate(dim, n, degree=degree)
    rates = []
    for seed in range(8):
        memory = HopfieldMembership(dim, seed, degree=degree)
        memory.add(range(n))
        rates.append(memory.contains(range(10**6, 10**6 + asked)).mean())
    assert abs(np.mean(rates) - predicted) < 5 * np.std(rates, ddof=1) / math.sqrt(len(rates))


@given(keys_lists, keys_lists)
def test_merging_is_concatenating(a: list[int], b: list[int]) -> None:
    left, right, both = (HopfieldMembership(17) for _ in range(3))
    left.add(a)
    right.add(b)
    both.add(a + b)
    assert left + right == both == right + left
    left += right
    assert left == both
    assert (left.n_added, left.total_weight) == (both.n_added, both.total_weight)
    assert np.array_equal(left.score(a), both.score(a))


@given(keys_lists, st.lists(st.integers(-5, 5), min_size=30, max_size=30))
def test_removing_undoes_adding(keys: list[int], weights: list[int]) -> None:
    memory = HopfieldMembership(17)
    memory.add("other")
    before = memory.copy()
    memory.add(keys, weights[: len(keys)])
    memory.remove(keys, weights[: len(keys)])
    assert memory == before
    assert (memory.n_added, memory.total_weight) == (1, 1)


@given(st.permutations(range(20)))
def test_order_does_not_matter(keys: list[int]) -> None:
    one, other = HopfieldMembership(17), HopfieldMembership(17)
    one.add(range(20))
    other.add(keys)
    assert one == other


def test_a_single_key_scores_its_weight_exactly() -> None:
    for dim in (1, 2, 65, 300):
        memory = HopfieldMembership(dim)
        memory.add("a", [7])
        assert memory.score("a") == [7.0]
        without = HopfieldMembership(dim, diagonal=False)
        without.add("a", [7])
        assert without.score("a")[0] == pytest.approx(7 * (1 - 1 / dim))


@pytest.mark.parametrize("diagonal", [True, False])
def test_noise_has_the_variance_of_theory(diagonal: bool) -> None:
    dim, n, scores = 64, 300, []
    for seed in range(40):
        memory = HopfieldMembership(dim, seed, diagonal=diagonal)
        memory.add_hashes(hashes_of(n))
        scores.append(memory.score_hashes(hashes_of(500, 2)))
    predicted = theory.hopfield.noise_variance(dim, n, diagonal)
    variances = np.array([np.mean(row**2) for row in scores])
    assert abs(variances.mean() - predicted) < 5 * variances.std() / math.sqrt(len(variances))


def test_contains_and_inner() -> None:
    x, y = HopfieldMembership(100, 3), HopfieldMembership(100, 3)
    x.add_hashes(hashes_of(50), weights_of(50))
    y.add_hashes(hashes_of(90)[30:])
    wx = reference.hopfield(100, 3, hashes_of(50), weights_of(50))
    wy = reference.hopfield(100, 3, hashes_of(90)[30:])
    assert (
        x.inner(y) == y.inner(x) == x.intersection_cardinality(y) == pytest.approx((wx * wy).sum() / 100**2)
    )
    scores = x.score(range(50))
    assert np.array_equal(x.contains(range(50)), scores >= 0.5)
    assert np.array_equal(x.contains(range(50), 0.1), scores >= 0.1)


def test_cells_never_leave_int32() -> None:
    memory = HopfieldMembership(20)
    memory.add("a", [2**31 - 1])
    before = memory.copy()
    for change in (lambda: memory.add("b"), lambda: memory.merge(before), lambda: memory.remove("b")):
        with pytest.raises(OverflowError, match="could leave the range of int32"):
            change()
        assert memory == before
        assert memory.n_added == 1
    memory = HopfieldMembership(20)
    for _ in range(3):
        memory.add("a", [2**30 - 1])
        memory.remove("a", [2**30 - 1])
    memory.add("b", [2**30 - 1])
    assert memory.score("b") == [2**30 - 1]


def test_one_dimension_has_no_cells_and_still_no_overflow() -> None:
    memory = HopfieldMembership(1)
    assert memory.nbytes == 0
    memory.add("a", [2**31 - 1])
    with pytest.raises(OverflowError):
        memory.add("a")
    assert memory.score("a") == [2**31 - 1]


def test_batches_of_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HopfieldMembership(20)
    whole.add(range(2000), weights_of(2000))
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255)
    pieces = HopfieldMembership(20)
    pieces.add(range(2000), weights_of(2000))
    assert pieces == whole
    assert np.array_equal(pieces.score(range(3000)), whole.score(range(3000)))
    assert (pieces.n_added, pieces.total_weight) == (2000, weights_of(2000).sum())


def test_the_diagonal_is_a_parameter() -> None:
    with_it, without = HopfieldMembership(20), HopfieldMembership(20, diagonal=False)
    assert with_it != without
    with pytest.raises(
        ValueError, match="'diagonal' parameter of both HopfieldMembership objects must be equal"
    ):
        with_it.merge(without)


@pytest.mark.parametrize(("dim", "error"), [(0, ValueError), (2**16 + 1, ValueError), (2.0, TypeError)])
def test_refused_dimensions(dim: Any, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=r"The 'dim' parameter of HopfieldMembership must be an integer in \[1, 65536\]"
    ):
        HopfieldMembership(dim)
    with pytest.raises(
        TypeError, match="The 'diagonal' parameter of HopfieldMembership must be True or False"
    ):
        HopfieldMembership(4, diagonal=1)  # type: ignore[arg-type]
