# SPDX-License-Identifier: Apache-2.0
"""Bloom filters: the same bits as the definition, the laws of sets, and rates as computed."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from hypersketch import BloomFilter, CapacityWarning, CountingBloomFilter, hash_keys, theory
from makers import state

Classic = partial(BloomFilter, layout="classic")

SIZES = [1, 2, 63, 64, 65, 127, 255, 256, 257, 511, 513, 10_000]
COUNTS = [0, 1, 2, 15, 16, 17, 63, 64, 65, 254, 255, 256, 600]
keys_lists = st.lists(st.integers(0, 200), max_size=60)


def hashes_of(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


# ---- against reference


@pytest.mark.parametrize("n_bits", SIZES)
@pytest.mark.parametrize(("n_hashes", "seed"), [(1, 0), (7, 5), (20, 2**64 - 1)])
def test_bits_and_answers(n_bits: int, n_hashes: int, seed: int, level: str) -> None:
    for n in COUNTS:
        hashes, others = hashes_of(n), hashes_of(100, 2)
        bits = reference.bloom(n_bits, n_hashes, seed, hashes)
        seen = Classic(n_bits=n_bits, n_hashes=n_hashes, seed=seed)
        seen.add_hashes(hashes, threads=1)
        assert np.array_equal(state(seen), reference.bloom_words(bits))
        expected = bits[reference.positions(n_bits, n_hashes, seed, others)].all(axis=1)
        assert np.array_equal(seen.contains_hashes(others), expected)
        assert seen.n_added == n


def test_threads_change_nothing(level: str, threads: int) -> None:
    hashes = hashes_of(30_000)
    one, several = (Classic(n_bits=100_003, n_hashes=4) for _ in range(2))
    one.add_hashes(hashes, threads=1)
    several.add_hashes(hashes, threads=threads)
    assert one == several
    probes = hashes_of(30_000, 2)
    assert np.array_equal(
        one.contains_hashes(probes, threads=1), several.contains_hashes(probes, threads=threads)
    )


def test_more_bits_than_32_bits_count(level: str) -> None:
    n_bits = 2**32 + 77
    hashes = hashes_of(200)
    seen = Classic(n_bits=n_bits, n_hashes=3)
    seen.add_hashes(hashes, threads=2)
    positions = reference.positions(n_bits, 3, 0, hashes)
    assert positions.max() > 2**31 * 1.9
    words = state(seen)
    assert np.all(words[positions // 64] >> (positions % 64).astype(np.uint64) & np.uint64(1))
    assert seen.contains_hashes(hashes).all()
    assert not seen.contains_hashes(hashes_of(200, 2)).any()


# ---- laws


@given(keys_lists, keys_lists)
def test_no_false_negatives_and_union(a: list[int], b: list[int]) -> None:
    left, right, both = (Classic(n_bits=777, n_hashes=3, seed=1) for _ in range(3))
    left.add(a)
    right.add(b)
    both.add(a + b)
    assert left.contains(a).all()
    union = left | right
    assert union == both
    assert union == right | left
    assert union.n_added == both.n_added == len(a) + len(b)
    left |= right
    assert left == both
    assert left.contains(a + b).all()


@given(st.permutations(range(40)))
def test_order_does_not_matter(keys: list[int]) -> None:
    one, other = (Classic(n_bits=500, n_hashes=3) for _ in range(2))
    one.add(range(40))
    other.add(keys)
    assert one == other


def test_merging_with_itself() -> None:
    seen = Classic(n_bits=500, n_hashes=3)
    seen.add(range(10))
    before = state(seen).copy()
    seen |= seen
    assert np.array_equal(state(seen), before)
    assert seen.n_added == 20


def test_one_key_at_a_time() -> None:
    seen = BloomFilter(capacity=100, fpr=1e-9)
    for key in ("a", b"b", 3, np.int8(4)):
        assert key not in seen
        seen.add(key)
        assert key in seen
    assert "b" in seen  # the string and its bytes are one key
    for key in (["a"], 1.5, None, np.array([1])):
        with pytest.raises(TypeError, match="must be one int, str or bytes"):
            key in seen  # noqa: B015


# ---- rates and sizes


@pytest.mark.parametrize(
    ("n_bits", "n_hashes", "n"), [(9595, 7, 1000), (1000, 3, 400), (65, 2, 20), (5000, 1, 3000)]
)
def test_false_positive_rate(n_bits: int, n_hashes: int, n: int) -> None:
    seen = Classic(n_bits=n_bits, n_hashes=n_hashes)
    seen.add_hashes(hashes_of(n))
    queries = 1_000_000
    rate = seen.contains_hashes(hashes_of(queries, 9)).mean()
    # Given the filter, each stranger's k positions are independent: fill^k, five standard deviations either
    # side.
    expected = seen.fill**n_hashes
    assert abs(rate - expected) < 5 * math.sqrt(expected * (1 - expected) / queries)


def test_expected_rate_is_the_mean_over_filters() -> None:
    fills = []
    for seed in range(400):
        seen = Classic(n_bits=200, n_hashes=3, seed=seed)
        seen.add_hashes(hashes_of(50))
        fills.append(seen.fill**3)
    error = np.std(fills) / math.sqrt(len(fills))
    assert abs(np.mean(fills) - seen.expected_fpr()) < 5 * error
    assert seen.expected_fpr() == seen.expected_fpr(50) == theory.bloom.false_positive_rate(200, 3, 50)
    assert seen.expected_fpr(0) == 0.0


@pytest.mark.parametrize(("capacity", "fpr"), [(1, 0.5), (100, 0.1), (1000, 0.01), (10**6, 1e-6)])
def test_sizing(capacity: int, fpr: float) -> None:
    n_bits, n_hashes = theory.bloom.optimum(capacity, fpr)
    seen = Classic(capacity, fpr)
    assert (seen.n_bits, seen.n_hashes, seen.capacity) == (n_bits, n_hashes, capacity)
    assert seen.expected_fpr(capacity) <= fpr
    assert seen.nbytes == 8 * -(-n_bits // 64)


def test_cardinalities() -> None:
    a, b = (Classic(n_bits=20_000, n_hashes=4) for _ in range(2))
    a.add(range(1500))
    b.add(range(1000, 3000))
    bits_a, bits_b = (reference.bloom(20_000, 4, 0, hash_keys(range(*r))) for r in ((1500,), (1000, 3000)))
    for found, bits in (
        (a.cardinality(), bits_a),
        (b.cardinality(), bits_b),
        (a.union_cardinality(b), bits_a | bits_b),
    ):
        assert found == pytest.approx(reference.cardinality(20_000, 4, int(bits.sum())), rel=1e-12)
    assert abs(a.cardinality() - 1500) < 5 * theory.bloom.cardinality_sd(20_000, 4, 1500)
    shared = a.intersection_cardinality(b)
    assert shared == b.intersection_cardinality(a)
    assert abs(shared - 500) < 5 * theory.bloom.intersection_sd(20_000, 4, 1500, 2000, 500)
    assert a.fill == bits_a.mean()
    assert a.intersection_cardinality(a) == pytest.approx(a.cardinality())


@pytest.mark.parametrize(
    "name", [f"{kind}_cardinality{sd}" for kind in ("union", "intersection") for sd in ("", "_sd")]
)
@pytest.mark.parametrize("kind", [BloomFilter, CountingBloomFilter])
def test_cardinalities_of_two_want_two_filters(kind: Any, name: str) -> None:
    seen = kind(100, 0.01)
    with pytest.raises(
        TypeError, match=f"A {kind.__name__} can only be compared with another .* Got a int instead"
    ):
        getattr(seen, name)(5)
    with pytest.raises(ValueError, match="'seed' parameter of both"):
        getattr(seen, name)(kind(100, 0.01, seed=1))


def test_a_full_and_an_empty_filter() -> None:
    seen = Classic(n_bits=10, n_hashes=3)
    assert (seen.cardinality(), seen.fill, seen.expected_fpr()) == (0.0, 0.0, 0.0)
    assert not seen.contains(range(10)).any()
    seen.add(range(1000))
    assert (seen.cardinality(), seen.fill) == (math.inf, 1.0)
    assert seen.contains(range(2000, 2010)).all()
    assert math.isnan(seen.intersection_cardinality(seen))


# ---- everything else


def test_capacity_warning_comes_once_and_before_the_change() -> None:
    seen = BloomFilter(capacity=10, fpr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen.add(range(10))
        with pytest.raises(
            CapacityWarning, match="was sized for 10 keys and now takes number 11: its error will"
        ):
            seen.add("x")
    assert seen.n_added == 10
    assert "x" not in seen
    with pytest.warns(CapacityWarning) as caught:
        seen.add("x")
    assert caught[0].filename == __file__
    seen.add("y")  # no second warning, which would be an error here
    assert seen.n_added == 12
    with pytest.warns(CapacityWarning):
        seen.copy().merge(seen)


def test_out_array() -> None:
    seen = Classic(n_bits=500, n_hashes=3)
    seen.add(range(5))
    out = np.zeros(10, dtype=bool)
    assert seen.contains(range(10), out=out) is out
    assert np.array_equal(out, seen.contains(range(10)))
    frozen = np.zeros(10, dtype=bool)
    frozen.flags.writeable = False
    for bad in (
        np.zeros(9, bool),
        np.zeros(10, np.uint8),
        np.zeros(20, bool)[::2],
        np.zeros((10, 1), bool),
        frozen,
    ):
        with pytest.raises(
            ValueError, match=r"must be a writable, contiguous array of bool with 10 elements\. Got"
        ):
            seen.contains(range(10), out=bad)
    with pytest.raises(TypeError, match="'out' parameter"):
        seen.contains(range(10), out=[False] * 10)  # type: ignore[arg-type]


def test_capacity_is_no_part_of_what_a_filter_is() -> None:
    planned = Classic(capacity=100, fpr=0.01)
    plain = Classic(n_bits=planned.n_bits, n_hashes=planned.n_hashes)
    assert planned == plain
    plain.merge(planned)
    assert plain.capacity is None
