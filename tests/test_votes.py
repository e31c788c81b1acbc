# SPDX-License-Identifier: Apache-2.0
"""Votes of packed vectors against counts of plain bits."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

from hypersketch.vsa import BSC, votes
from hypersketch.vsa._packed import pack_bits

SIZES = [1, 2, 63, 64, 65, 127, 129, 1000]


def rows(n: int, dim: int, seed: int = 0) -> tuple[Any, Any]:
    bits = np.random.default_rng(seed).random((n, dim)) < 0.4
    return bits, pack_bits(bits)


def test_examples() -> None:
    assert doctest.testmod(votes).failed == 0


@pytest.mark.parametrize("dim", SIZES)
@pytest.mark.parametrize("n", [1, 2, 5, 8, 33])
@pytest.mark.parametrize("weighted", [False, True])
def test_votes_are_counts_of_bits(dim: int, n: int, weighted: bool) -> None:
    bits, packed = rows(n, dim)
    weights = np.random.default_rng(1).integers(0, 5, n) if weighted else None
    given = np.ones(n, int) if weights is None else weights
    count, total = given @ bits, int(given.sum())
    assert np.array_equal(votes.counts(packed, dim, weights), count)
    for least in (-1, 0, 1, total // 2, total, total + 1):
        assert np.array_equal(votes.threshold(packed, dim, least, weights), pack_bits(count >= least))
        wanted = pack_bits((least <= count) & (count <= total // 2))
        assert np.array_equal(votes.window(packed, dim, least, total // 2, weights), wanted)
    for tenths in (5, 6, 9, 10):
        agree = 10 * np.maximum(count, total - count) >= tenths * total
        assert np.array_equal(votes.consensus(packed, dim, tenths / 10, weights), pack_bits(agree))


def test_ends_are_logic_and_the_middle_is_the_majority() -> None:
    space = BSC(1001)
    made = space.atoms(range(5))
    assert np.array_equal(votes.threshold(made, 1001, 1), np.bitwise_or.reduce(made))
    assert np.array_equal(votes.threshold(made, 1001, 5), np.bitwise_and.reduce(made))
    assert np.array_equal(votes.threshold(made, 1001, 3), space.superpose(made))
    assert np.array_equal(votes.threshold(made, 1001, 0), pack_bits(np.ones(1001, bool)))
    assert np.array_equal(votes.counts(made[0], 1001), space.unpack(made[0]))


def test_negative_weights_count_against() -> None:
    bits, packed = rows(3, 70)
    assert np.array_equal(votes.counts(packed, 70, [2, -1, 3]), np.array([2, -1, 3]) @ bits)


def test_shares_that_no_float_has() -> None:
    packed = pack_bits(np.arange(20)[:, None] < 11)  # 11 of 20 agree
    assert votes.consensus(packed, 1, 0.55)[0] == 1
    assert votes.consensus(packed, 1, 0.5501)[0] == 0


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda p: votes.counts(p, 0), ValueError, "'dim' parameter of counts"),
        (lambda p: votes.counts(p, 64), ValueError, "shape"),
        (lambda p: votes.counts(p[:0], 100), ValueError, "at least one vector"),
        (lambda p: votes.counts(p.astype(float), 100), TypeError, "uint64"),
        (lambda p: votes.counts(p, 100, [1]), ValueError, "weights"),
        (lambda p: votes.counts(p, 100, [0.5, 1, 1]), TypeError, "weights"),
        (lambda p: votes.threshold(p, 100, 1.5), TypeError, "'least' parameter of threshold"),
        (lambda p: votes.window(p, 100, 1, None), TypeError, "'most' parameter of window"),
        (lambda p: votes.consensus(p, 100, 0.4), ValueError, r"'share' .* a float in \[0.5, 1\]"),
        (lambda p: votes.consensus(p, 100, "all"), TypeError, "'share'"),
        (lambda p: votes.consensus(p, 100, 0.6, [1, -1, 1]), ValueError, "'weights' .* not negative"),
    ],
)
def test_bad_input(call: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call(rows(3, 100)[1])
