# SPDX-License-Identifier: Apache-2.0
"""Closed forms of memories of patterns against enumeration, and their known values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch.theory import dense, hopfield_network


def all_patterns(n_units: int, n: int) -> Iterator[Any]:
    """Every way to store n patterns, the first of which is asked for."""
    for signs in itertools.product((-1, 1), repeat=n_units * n):
        yield np.array(signs).reshape(n, n_units)


@pytest.mark.parametrize(("n_units", "n"), [(2, 2), (3, 3), (2, 5)])
def test_hebb_errors_by_enumeration(n_units: int, n: int) -> None:
    for flipped in range(n_units + 1):
        wrong = total = 0
        for patterns in all_patterns(n_units, n):
            for chosen in itertools.combinations(range(n_units), flipped):
                state = patterns[0].copy()
                state[list(chosen)] *= -1
                fields = patterns.T @ (patterns @ state) - n * state
                after = np.where(fields == 0, state, np.sign(fields))
                wrong += int((after != patterns[0]).sum())
                total += n_units
        assert hopfield_network.bit_error(n_units, n, flipped) == pytest.approx(wrong / total, abs=1e-12)


@pytest.mark.parametrize(("n_units", "n"), [(3, 3), (4, 3), (3, 4)])
@pytest.mark.parametrize("degree", [2, 3, 4, 5])
@pytest.mark.parametrize("rectified", [False, True])
def test_dense_errors_by_enumeration(n_units: int, n: int, degree: int, rectified: bool) -> None:
    def value(x: Any) -> Any:
        return np.where((x < 0) & rectified, 0, x**degree)

    wrong = total = 0
    for patterns in all_patterns(n_units, n):
        rest = (patterns @ patterns[0])[:, np.newaxis] - patterns * patterns[0]
        fields = (value(rest + patterns) - value(rest - patterns)).sum(axis=0)
        wrong += int((fields * patterns[0] < 0).sum())
        total += n_units
    expected = dense.bit_error(n_units, n, degree, rectified)
    assert expected == pytest.approx(wrong / total, abs=1e-9)


def test_degree_2_is_hebb() -> None:
    for n_units, n in ((10, 5), (31, 20), (100, 14), (1000, 139)):
        assert dense.bit_error(n_units, n, 2) == pytest.approx(
            hopfield_network.bit_error(n_units, n), rel=1e-8, abs=1e-14
        )


@pytest.mark.parametrize(("n_units", "n"), [(3, 3), (4, 3)])
def test_exponential_errors_are_below_their_bound(n_units: int, n: int) -> None:
    wrong = total = 0
    for patterns in all_patterns(n_units, n):
        rest = (patterns @ patterns[0])[:, np.newaxis] - patterns * patterns[0]
        fields = (np.exp(rest + patterns) - np.exp(rest - patterns)).sum(axis=0)
        wrong += int((fields * patterns[0] < -1e-9).sum())
        total += n_units
    assert wrong / total <= dense.bit_error_bound(n_units, n) <= 0.5


def test_limits_for_many_units() -> None:
    for degree, n_units in ((2, 4000), (3, 1000), (4, 400)):
        n = round(n_units ** (degree - 1) / dense.double_factorial(2 * degree - 3) / 2.5**2)
        limit = dense.gaussian_bit_error(n_units, n, degree)
        assert dense.bit_error(n_units, n, degree) == pytest.approx(limit, rel=0.03)
    assert hopfield_network.bit_error(10**6, 138_000) == pytest.approx(
        hopfield_network.gaussian_bit_error(0.138), rel=1e-3
    )


def test_the_critical_load() -> None:
    """The equations lose their root where CRITICAL_LOAD says, at the overlap that is known."""
    critical = hopfield_network.CRITICAL_LOAD
    assert hopfield_network.retrieval_overlap(critical - 1e-5) == pytest.approx(0.967, abs=2e-3)
    assert hopfield_network.retrieval_overlap(critical + 1e-4) == 0.0
    overlaps = [hopfield_network.retrieval_overlap(load) for load in (0.01, 0.05, 0.1, 0.137)]
    assert overlaps == sorted(overlaps, reverse=True)
    # Below it, the overlap is that of the first update's errors, less a little.
    assert overlaps[1] == pytest.approx(1 - 2 * hopfield_network.gaussian_bit_error(0.05), abs=1e-4)


def test_storkey_is_between_hebb_and_the_pseudo_inverse() -> None:
    for load in (0.2, 0.3, 0.5, 1.0):
        assert hopfield_network.storkey_bit_error(load) < hopfield_network.gaussian_bit_error(load)
    for error in (0.001, 0.1):
        load = hopfield_network.storkey_load(error)
        assert hopfield_network.storkey_bit_error(load) == pytest.approx(error, rel=1e-6)
    assert hopfield_network.storkey_stable(100, 1) == 1.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: hopfield_network.bit_error(0, 1), "'n_units' parameter of hopfield_network.bit_error"),
        (lambda: hopfield_network.bit_error(5, 1, 6), "'n_flipped' parameter .* at most n_units"),
        (lambda: hopfield_network.capacity(10, 0.5), "'error' parameter"),
        (lambda: hopfield_network.retrieval_overlap(0.0), "'load' parameter"),
        (lambda: dense.bit_error(10, 3, 1), "'degree' parameter of dense.bit_error"),
        (lambda: dense.capacity(10, math.nan), "'error' parameter"),
        (lambda: dense.capacity(10, 0.1, "tanh"), "'degree' parameter"),
    ],
)
def test_impossible_arguments_are_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def turned(pattern: np.ndarray, n_flipped: int) -> list[np.ndarray]:
    """A pattern with so many of its units turned, in all ways."""
    ways = itertools.combinations(range(pattern.size), n_flipped)
    return [np.where(np.isin(np.arange(pattern.size), way), -pattern, pattern) for way in ways]


@pytest.mark.parametrize(
    ("n_units", "n_patterns", "degree"), [(1, 3, 3), (2, 2, 3), (3, 2, 3), (3, 2, 2), (2, 3, 4)]
)
def test_errors_of_noisy_states_are_those_of_all_patterns(n_units: int, n_patterns: int, degree: int) -> None:
    for n_flipped in range(n_units + 1):
        wrong = []
        for patterns in all_patterns(n_units, n_patterns):
            memory = hypersketch.DenseMemory(n_units, degree)
            memory.store(patterns)
            found = memory.retrieve(np.array(turned(patterns[0], n_flipped)), max_sweeps=1).states
            wrong.append((found != patterns[0]).mean())
        expected = dense.bit_error(n_units, n_patterns, degree, n_flipped=n_flipped)
        assert np.mean(wrong) == pytest.approx(expected, abs=1e-9)


def test_the_diagonal_holds_units_where_they_are() -> None:
    for n_flipped in range(4):
        wrong = []
        for patterns in all_patterns(3, 3):
            states = np.array(turned(patterns[0], n_flipped))
            fields = states @ (patterns.T @ patterns)
            wrong.append((np.where(fields == 0, states, fields) * patterns[0] < 0).mean())
        expected = hopfield_network.bit_error(3, 3, n_flipped, diagonal=True)
        assert np.mean(wrong) == pytest.approx(expected, abs=1e-12)
