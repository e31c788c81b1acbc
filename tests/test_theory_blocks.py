# SPDX-License-Identifier: Apache-2.0
"""Closed forms of the blocked Bloom filters against slow definitions and simulation."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from hypersketch import theory
from hypersketch.theory import bloom

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests
LAYOUTS = [("split-block", 8), *(("cache-line", k) for k in (1, 3, 5, 8, 9, 13, 16))]


def lane_bits(layout: str) -> int:
    return 32 if layout == "split-block" else 64


def rate(layout: str, blocks: int, hashes: int, n: int) -> float:
    if layout == "split-block":
        return bloom.split_block_fpr(blocks, n)
    return bloom.cache_line_fpr(blocks, hashes, n)


def throws(layout: str, hashes: int, start: int) -> list[int]:
    """Throws into each lane of a key whose window begins at a lane."""
    if layout == "split-block":
        return [1] * 8
    return [sum((start + i) % 8 == lane for i in range(hashes)) for lane in range(8)]


def covered(layout: str, hashes: int, keys: int) -> float:
    """P(keys of a block have set all bits of another key), key by key: nothing is ever subtracted.

    The state is how many different bits of the asked key are still free in each lane.
    """
    size = lane_bits(layout)
    one = np.array([[1.0, 1 / size, 0.0], [0.0, 1 - 1 / size, 2 / size], [0.0, 0.0, 1 - 2 / size]])
    starts = {0: [1.0, 0.0, 0.0], 1: [0.0, 1.0, 0.0], 2: [0.0, 1 / size, 1 - 1 / size]}
    state = np.ones(())
    for own in throws(layout, hashes, 0):
        state = np.multiply.outer(state, starts[own])
    for _ in range(keys):
        after = np.zeros_like(state)
        for start in range(8):
            moved = state
            for lane, times in enumerate(throws(layout, hashes, start)):
                for _ in range(times):
                    moved = np.moveaxis(np.tensordot(one, moved, axes=(1, lane)), 0, lane)
            after += moved / 8
        state = after
    return float(state[(0,) * 8])


@pytest.mark.parametrize(("layout", "hashes"), [*LAYOUTS, ("cache-line", 4), ("cache-line", 11)])
def test_rate_of_one_block_equals_the_chain(layout: str, hashes: int) -> None:
    for keys in (0, 1, 2, 7):
        assert rate(layout, 1, hashes, keys) == pytest.approx(covered(layout, hashes, keys), rel=1e-12)


@pytest.mark.parametrize(("layout", "hashes"), LAYOUTS)
def test_rate_of_several_blocks_is_the_mixture(layout: str, hashes: int) -> None:
    n, blocks = 5, 3
    law = [math.comb(n, i) * (blocks - 1) ** (n - i) / blocks**n for i in range(n + 1)]
    slow = sum(p * covered(layout, hashes, i) for i, p in enumerate(law))
    assert rate(layout, blocks, hashes, n) == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize(
    ("blocks", "n"), [(1, 40), (7, 1), (1000, 32_000), (10**6, 10**6), (2**32, 10**10), (10**9, 10**10)]
)
def test_split_block_rate_equals_the_alternating_sum(blocks: int, n: int) -> None:
    with localcontext() as context:
        context.prec = 80
        a, share = Decimal(31) / 32, Decimal(1) / blocks
        closed = sum((-1) ** j * math.comb(8, j) * (1 - share + a**j * share) ** n for j in range(9))
    assert bloom.split_block_fpr(blocks, n) == pytest.approx(float(closed), rel=1e-11)


def test_rates_of_many_keys() -> None:
    for c in (6.0, 10.5, 26.4, 41):
        n = round(2**32 * 256 / c)
        limit = bloom.split_block_false_positive_rate(2**40 / n)
        assert bloom.split_block_fpr(2**32, n) == pytest.approx(limit, rel=1e-7)
    assert bloom.cache_line_fpr(3, 1, 100_000) == pytest.approx(1.0, abs=1e-15)
    assert bloom.cache_line_fpr(1, 16, 10**15) == bloom.split_block_fpr(2, 10**15) == 1.0
    assert bloom.cache_line_fpr(1, 1, 700) == pytest.approx(1 - (511 / 512) ** 700, rel=1e-13)
    assert bloom.cache_line_fpr(5, 4, 0) == 0.0
    textbook = [bloom.blocked_false_positive_rate(512, k, c) for c, k in ((8, 5), (16, 8), (20, 8))]
    exact = [bloom.cache_line_fpr(10**7, k, round(512e7 / c)) for c, k in ((8, 5), (16, 8), (20, 8))]
    assert np.all(np.array(exact) > textbook)
    assert exact == pytest.approx(textbook, rel=0.05)


SIZES = [(1, 0.5), (2, 1e-3), (100, 1e-3), (1000, 0.3), (1000, 0.01), (10**6, 1e-4), (10**10, 1e-6)]


@pytest.mark.parametrize(("n", "fpr"), SIZES)
def test_sizes_are_the_smallest(n: int, fpr: float) -> None:
    blocks = bloom.split_block_size(n, fpr)
    assert bloom.split_block_fpr(blocks, n) <= fpr
    assert blocks == 1 or bloom.split_block_fpr(blocks - 1, n) > fpr
    blocks, hashes = bloom.cache_line_size(n, fpr)
    assert bloom.cache_line_fpr(blocks, hashes, n) <= fpr
    assert all(bloom.cache_line_fpr(blocks, k, n) > fpr for k in range(1, hashes))
    assert blocks == 1 or all(bloom.cache_line_fpr(blocks - 1, k, n) > fpr for k in range(1, 17))


def filters(rng: np.random.Generator, layout: str, shape: tuple[int, int, int], n: int) -> np.ndarray:
    """Set bits of random filters, shape (trials, bits), from the written rule of each layout."""
    trials, blocks, _ = shape
    held = np.zeros((trials, blocks * 8 * lane_bits(layout)), dtype=bool)
    held[np.arange(trials)[:, None], positions(rng, layout, shape, n)] = True
    return held


def positions(rng: np.random.Generator, layout: str, shape: tuple[int, int, int], n: int) -> np.ndarray:
    """Bits of n keys a trial, shape (hashes, trials, n)."""
    trials, blocks, hashes = shape
    block, start = rng.integers(0, blocks, (trials, n)), rng.integers(0, 8, (trials, n))
    size, i = lane_bits(layout), np.arange(hashes)[:, None, None]
    lane = np.broadcast_to(i if layout == "split-block" else (start + i) % 8, (hashes, trials, n))
    return (block * 8 + lane) * size + rng.integers(0, size, lane.shape)


@pytest.mark.parametrize(("layout", "hashes"), [("split-block", 8), ("cache-line", 5), ("cache-line", 13)])
def test_closed_forms_against_numpy(layout: str, hashes: int) -> None:
    rng, trials, blocks = np.random.default_rng(hashes), 3000, 4
    shape, n = (trials, blocks, hashes), 8 * blocks * lane_bits(layout) // 11
    own, other, shared = (filters(rng, layout, shape, size) for size in (n, 2 * n // 3, n // 3))
    x, y = own, other | shared
    asked = positions(rng, layout, shape, 1500)
    wrong = x[np.arange(trials)[:, None], asked].all(axis=0).mean(axis=1)
    noise = wrong.std() / math.sqrt(trials)
    assert wrong.mean() == pytest.approx(rate(layout, blocks, hashes, n), abs=WIDE * noise)
    noise = x.mean(axis=1).std() / math.sqrt(trials)
    assert x.mean() == pytest.approx(bloom.blocked_fill(layout, blocks, hashes, n), abs=WIDE * noise)

    def estimate(bits: np.ndarray) -> np.ndarray:
        return bloom.blocked_cardinality(layout, blocks, hashes, bits.sum(axis=1))

    sd = bloom.blocked_cardinality_sd(layout, blocks, hashes, n)
    assert estimate(x).std() == pytest.approx(sd, rel=WIDE / math.sqrt(2 * trials))
    assert estimate(x).mean() == pytest.approx(n, abs=WIDE * sd / math.sqrt(trials) + 0.1)
    x = x | shared
    sets = (n + n // 3, 2 * n // 3 + n // 3, n // 3)
    both = estimate(x) + estimate(y) - estimate(x | y)
    sd = bloom.blocked_intersection_sd(layout, blocks, hashes, *sets)
    assert both.std() == pytest.approx(sd, rel=WIDE / math.sqrt(2 * trials) + 0.01)
    assert both.mean() == pytest.approx(n // 3, abs=WIDE * sd / math.sqrt(trials) + 0.3)


@pytest.mark.parametrize(("layout", "hashes"), LAYOUTS)
@pytest.mark.parametrize(("blocks", "n"), [(3, 1), (3, 300), (2**20, 10), (2**31, 10**10)])
def test_spread_equals_the_sum_over_all_bits(layout: str, hashes: int, blocks: int, n: int) -> None:
    """f(n), every bit's relation to bit 0 counted in 60 digits from the windows themselves."""
    with localcontext() as context:
        context.prec = 60
        size, one = lane_bits(layout), Decimal(1)

        def free(window: list[int], lane: int, other: int, same: bool) -> Decimal:
            if same:
                return (1 - Decimal(2) / size) ** window[lane]
            return (1 - one / size) ** (window[lane] + window[other])

        windows = [throws(layout, hashes, start) for start in range(8)]
        q = sum((1 - (1 - one / size) ** w[0] for w in windows), Decimal(0)) / 8 / blocks
        relations = [(1, 1 - q), (size - 1, sum(free(w, 0, 0, True) for w in windows) / 8)]
        relations += [(size, sum(free(w, 0, d, False) for w in windows) / 8) for d in range(1, 8)]
        relations[1:] = [(many, 1 - one / blocks + u / blocks) for many, u in relations[1:]]
        relations.append(((blocks - 1) * 8 * size, 1 - 2 * q))
        total = sum((many * ((u / (1 - q) ** 2) ** n - 1) for many, u in relations), Decimal(0))
        spread = total / (blocks * 8 * size) / (1 - q).ln() ** 2
    sd = bloom.blocked_cardinality_sd(layout, blocks, hashes, n)
    # A single key of bits that cannot coincide is known exactly, to the first order.
    assert sd == pytest.approx(math.sqrt(max(spread, 0)), rel=1e-6, abs=1e-7)


def test_estimates_of_set_bits() -> None:
    assert bloom.blocked_cardinality("split-block", 2, 8, 0) == 0.0
    assert bloom.blocked_cardinality("cache-line", 1, 5, 512) == math.inf
    for layout, hashes in LAYOUTS:
        share = bloom.blocked_fill(layout, 10**6, hashes, np.array([0, 10**6, 10**7]))
        bits = np.rint(share * 10**6 * 8 * lane_bits(layout))
        back = bloom.blocked_cardinality(layout, 10**6, hashes, bits)
        assert back == pytest.approx([0, 1e6, 1e7], rel=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("bloom.split_block_fpr(0, 1)", "'n_blocks' parameter of bloom.* integer >= 1. Got 0 instead"),
        ("bloom.cache_line_fpr(1, 17, 1)", r"'n_hashes' .* an integer in \[1, 16\]. Got 17 instead"),
        ("bloom.cache_line_size(0, 0.1)", "'capacity' parameter of bloom.cache_line_size"),
        ("bloom.split_block_size(10, 0.0)", r"'fpr' .* a float in \[1e-100, 1\). Got 0 instead"),
        ("bloom.blocked_fill('classic', 1, 8, 1)", "'split-block' or 'cache-line'. Got 'classic' instead"),
        ("bloom.blocked_cardinality('split-block', 1, 7, 1)", "must be 8 for split-block. Got 7 instead"),
        ("bloom.blocked_cardinality('split-block', 1, 8, 257)", "bits of the filter = 256. Got 257 instead"),
        ("bloom.blocked_intersection_sd('cache-line', 1, 8, 3, 2, 3)", "smaller size = 2. Got 3 instead"),
    ],
)
def test_bad_arguments_get_one_sentence(call: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        eval(call, vars(theory))
