# SPDX-License-Identifier: Apache-2.0
"""Counting Bloom filters: the counters of the definition, the laws of multisets, and nothing half done."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hypersketch
import reference
from hypersketch import (
    BloomFilter,
    CapacityWarning,
    CountingBloomFilter,
    SaturationWarning,
    _structure,
    theory,
)
from hypersketch._structure import chunks
from makers import state

SIZES = [1, 2, 63, 64, 65, 127, 255, 256, 257, 511, 513, 10_000]
COUNTS = [0, 1, 2, 15, 16, 17, 63, 64, 65, 254, 255, 256, 600]
weighted = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=40)


def hashes_of(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def weights_of(n: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 50, n)


@pytest.mark.parametrize("n_cells", SIZES)
@pytest.mark.parametrize(("n_hashes", "seed"), [(1, 0), (4, 5), (9, 2**64 - 1)])
def test_cells_and_counts(n_cells: int, n_hashes: int, seed: int, level: str) -> None:
    for n in COUNTS:
        hashes, others = hashes_of(n), hashes_of(40, 2)
        for weights in (None, weights_of(n)):
            cells = reference.counting(n_cells, n_hashes, seed, hashes, weights)
            stock = CountingBloomFilter(n_cells=n_cells, n_hashes=n_hashes, counter_bits=32, seed=seed)
            stock.add_hashes(hashes, weights)
            assert np.array_equal(state(stock), cells)
            probes = np.concatenate((hashes[:20], others))
            found = stock.count_hashes(probes)
            assert found.tolist() == reference.counts(cells, n_hashes, seed, probes)
            assert np.array_equal(stock.contains_hashes(probes), found > 0)


def test_threads_change_nothing(threads: int) -> None:
    stock = CountingBloomFilter(n_cells=5000, n_hashes=4, counter_bits=16)
    stock.add_hashes(hashes_of(3000))
    probes = hashes_of(20_000, 1)
    assert np.array_equal(stock.count_hashes(probes, threads=threads), stock.count_hashes(probes, threads=1))


@pytest.mark.parametrize(("bits", "dtype"), [(4, np.uint8), (8, np.uint8), (16, np.uint16), (32, np.uint32)])
def test_counter_sizes(bits: int, dtype: type) -> None:
    stock = CountingBloomFilter(n_cells=100, n_hashes=3, counter_bits=bits)  # type: ignore[arg-type]
    assert state(stock).dtype == dtype
    assert stock.nbytes == 100 * bits // 8


# ---- laws


@given(weighted, weighted)
def test_merging_is_concatenating(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left, right, both = (CountingBloomFilter(n_cells=97, n_hashes=3, counter_bits=16) for _ in range(3))
    for stock, items in ((left, a), (right, b), (both, a + b)):
        stock.add([key for key, _ in items], [weight for _, weight in items])
    assert left + right == both == right + left
    left += right
    assert left == both
    assert (left.n_added, left.total_weight) == (both.n_added, both.total_weight)


@given(weighted)
def test_counts_are_never_too_low_and_removal_undoes(items: list[tuple[int, int]]) -> None:
    stock = CountingBloomFilter(n_cells=61, n_hashes=3, counter_bits=16)
    stock.add(["other"], [3])
    before = stock.copy()
    keys, weights = [key for key, _ in items], [weight for _, weight in items]
    stock.add(keys, weights)
    true = {key: sum(w for k, w in items if k == key) for key in keys}
    assert all(found >= true[key] for key, found in zip(keys, stock.count(keys), strict=True))
    stock.remove(keys, weights)
    assert stock == before
    assert (stock.n_added, stock.total_weight) == (1, 3)


def test_occupied_cells_are_the_bloom_filter() -> None:
    stock, seen = (
        CountingBloomFilter(n_cells=700, n_hashes=4),
        BloomFilter(n_bits=700, n_hashes=4, layout="classic"),
    )
    stock.add(range(100))
    seen.add(range(100))
    assert np.array_equal(reference.bloom_words(state(stock) > 0), state(seen))
    assert stock.cardinality() == seen.cardinality()
    assert stock.fill == seen.fill
    assert stock.expected_fpr() == seen.expected_fpr()
    assert np.array_equal(stock.contains(range(1000)), seen.contains(range(1000)))
    assert 3 in stock


def test_merging_with_itself() -> None:
    stock = CountingBloomFilter(n_cells=100, n_hashes=3)
    stock.add(["a"], [5])
    stock += stock
    assert (stock.count("a")[0], stock.n_added, stock.total_weight) == (10, 2, 10)


# ---- nothing half done


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
def test_saturation_is_the_definition_and_told_once(bits: Any) -> None:
    """Counters stop at their largest value and stay there, whatever is removed; no key is ever lost."""
    most = 2**bits - 1
    m, k = 51, 3
    stock = CountingBloomFilter(n_cells=m, n_hashes=k, counter_bits=bits, seed=1)
    hashes, weights = hashes_of(30), np.arange(30) % 5
    weights[7] = most if bits < 32 else 2**31 - 1
    cells = np.zeros(m, np.int64)
    rows = reference.positions(m, k, 1, hashes)
    with pytest.warns(SaturationWarning, match=f"have reached their largest value, {most}, and stay") as told:
        add_thrice(stock, hashes, weights)
    assert len(told) == 1
    for _ in range(3):
        for row, weight in zip(rows, weights, strict=True):
            for cell in row:
                cells[cell] = min(most, cells[cell] + weight)
    assert np.array_equal(unpacked(stock), cells)
    assert stock.n_saturated == (cells == most).sum() > 0
    stock.remove_hashes(hashes, weights)
    for row, weight in zip(rows, weights, strict=True):
        for cell in row:
            cells[cell] -= 0 if cells[cell] == most else weight
    assert np.array_equal(unpacked(stock), cells)
    assert stock.count_hashes(hashes[7:8]) == most
    assert stock.contains_hashes(hashes[weights > 0]).all()
    assert stock.fill == (cells > 0).mean()
    twin = stock.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin.merge(stock)
    assert np.array_equal(unpacked(twin), np.minimum(most, 2 * cells))
    chance = k * k * stock.total_weight**2 / m
    assert stock.inner(stock) == pytest.approx(
        (int((cells.astype(float) ** 2).sum()) - chance) / (k * (1 - 1 / m))
    )


def add_thrice(stock: CountingBloomFilter, hashes: np.ndarray, weights: np.ndarray) -> None:
    for _ in range(3):
        stock.add_hashes(hashes, weights)


def unpacked(stock: CountingBloomFilter) -> np.ndarray:
    cells = state(stock)
    if stock.counter_bits == 4:
        cells = np.stack([cells & 15, cells >> 4], 1).ravel()[: stock.n_cells]
    return cells.astype(np.int64)


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
def test_test_and_add_is_one_key_after_the_other(bits: Any) -> None:
    hashes = hashes_of(60)[np.random.default_rng(2).integers(0, 60, 150)]
    stock = CountingBloomFilter(n_cells=333, n_hashes=3, counter_bits=bits)
    one_by_one = stock.copy()
    expected = []
    for i in range(150):
        expected.append(bool(one_by_one.contains_hashes(hashes[i : i + 1])[0]))
        one_by_one.add_hashes(hashes[i : i + 1])
    assert stock.test_and_add_hashes(hashes).tolist() == expected
    assert stock == one_by_one
    assert (stock.n_added, stock.total_weight) == (150, 150)
    assert np.array_equal(
        stock.contains(range(99), packed=True), np.packbits(stock.contains(range(99)), bitorder="little")
    )
    assert abs(stock.union_cardinality(stock) - stock.cardinality()) < 1e-9


def test_half_a_byte_a_counter(tmp_path: Any) -> None:
    stock = CountingBloomFilter(n_cells=7, n_hashes=2, counter_bits=4)
    assert stock.nbytes == 4
    stock.add(range(20))
    stock.save(tmp_path / "stock.safetensors")
    assert hypersketch.load(tmp_path / "stock.safetensors", mmap=True) == stock
    state(stock)[-1] |= 0x10
    stock.save(tmp_path / "stock.safetensors")
    with pytest.raises(ValueError, match="its state sets bits beyond n_cells"):
        hypersketch.load(tmp_path / "stock.safetensors")


@pytest.mark.parametrize("refused_last", [True, False])
def test_a_batch_of_several_pieces_is_still_all_or_nothing(
    monkeypatch: pytest.MonkeyPatch, refused_last: bool
) -> None:
    monkeypatch.setattr(_structure, "_CHUNK_KEYS", 255)
    stock = CountingBloomFilter(n_cells=5000, n_hashes=2)
    stock.add(range(1000))
    before = stock.copy()
    weights = np.zeros(1000, np.int64)
    weights[-1 if refused_last else 300] = 2**31 - 1
    with pytest.raises(ValueError, match="counter would fall below zero"):
        stock.remove(range(1000), weights)
    assert stock == before
    assert (stock.n_added, stock.total_weight) == (1000, 1000)


def test_removal_below_zero() -> None:
    stock = CountingBloomFilter(n_cells=1000, n_hashes=3)
    stock.add(["a", "b"])
    before = stock.copy()
    for keys, weights in ((["a", "a"], None), (["b", "a"], [1, 2]), ("stranger", None)):
        with pytest.raises(ValueError, match="was not added that often: a counter would fall below zero"):
            stock.remove(keys, weights)
        assert stock == before
        assert (stock.n_added, stock.total_weight) == (2, 2)


def test_negative_weights() -> None:
    stock = CountingBloomFilter(n_cells=1000, n_hashes=3)
    for change in (stock.add, stock.remove):
        with pytest.raises(
            ValueError, match=r"'weights' parameter of CountingBloomFilter\.(add|remove) must be integers"
        ):
            change(["a", "b"], [1, -1])
    assert stock.n_added == 0


def test_a_weighted_key_removed_bit_by_bit() -> None:
    stock = CountingBloomFilter(n_cells=1000, n_hashes=3)
    stock.add("a", [3])
    for left in (2, 1, 0):
        stock.remove("a")
        assert stock.count("a") == left
    assert stock.total_weight == 0
    assert stock.expected_fpr() == 0.0


# ---- estimators


def test_inner() -> None:
    m, k = 3000, 4
    x, y = (CountingBloomFilter(n_cells=m, n_hashes=k, counter_bits=16) for _ in range(2))
    x.add_hashes(hashes_of(300), weights_of(300))
    y.add_hashes(hashes_of(500)[100:], weights_of(400))
    cx = reference.counting(m, k, 0, hashes_of(300), weights_of(300))
    cy = reference.counting(m, k, 0, hashes_of(500)[100:], weights_of(400))
    expected = (int(cx @ cy) - k * k * x.total_weight * y.total_weight / m) / (k * (1 - 1 / m))
    assert x.inner(y) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(
        CountingBloomFilter(n_cells=1, n_hashes=1).inner(CountingBloomFilter(n_cells=1, n_hashes=1))
    )


def test_intersections_have_the_moments_of_theory() -> None:
    m, k, errors = 500, 3, []
    for seed in range(300):
        x, y = (CountingBloomFilter(n_cells=m, n_hashes=k, seed=seed) for _ in range(2))
        x.add_hashes(hashes_of(100))
        y.add_hashes(hashes_of(160)[60:])
        errors.append(x.intersection_cardinality(y) - 40)
    _, sd = theory.counting_bloom.intersection_moments(m, k, 100, 100, 40)
    assert abs(np.mean(errors)) < 5 * sd / math.sqrt(300)
    assert abs(np.std(errors) / sd - 1) < 5 / math.sqrt(2 * 300)


def test_sizing_and_capacity() -> None:
    stock = CountingBloomFilter(100, 0.01, counter_bits=16)
    assert (stock.n_cells, stock.n_hashes) == theory.bloom.optimum(100, 0.01)
    stock.add(range(100))
    with pytest.warns(CapacityWarning, match="CountingBloomFilter was sized for 100 keys"):
        stock.add("x")


def test_core_keeps_the_state_on_refusal() -> None:
    cells = np.array([250, 0, 3], np.uint8)
    before = cells.copy()
    with pytest.raises(ValueError, match="below zero"):
        hypersketch._core.counting_remove(cells, 3, 8, 2, 0, hashes_of(50), None)
    for bad in ((cells, 4, 8), (cells, 3, 4), (cells, 3, 16)):
        with pytest.raises(ValueError, match=r"cells must have|another size"):
            hypersketch._core.counting_remove(*bad, 2, 0, hashes_of(50), None)
    assert np.array_equal(cells, before)


# ---- multisets


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
@pytest.mark.parametrize("n_cells", [1, 333, 1000])
def test_union_and_intersection_are_maximum_and_minimum_of_counters(bits: Any, n_cells: int) -> None:
    def made(keys: range, seed: int) -> CountingBloomFilter:
        stock = CountingBloomFilter(n_cells=n_cells, n_hashes=3, counter_bits=bits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SaturationWarning)
            stock.add(keys, np.random.default_rng(seed).integers(0, 9, len(keys)))
        return stock

    def cells(stock: CountingBloomFilter) -> np.ndarray:
        flat = state(stock)
        return np.stack([flat & 15, flat >> 4], 1).reshape(-1)[:n_cells] if bits == 4 else flat

    a, b = made(range(60), 1), made(range(30, 90), 2)
    either, both = a | b, a & b
    assert np.array_equal(cells(either), np.maximum(cells(a), cells(b)))
    assert np.array_equal(cells(both), np.minimum(cells(a), cells(b)))
    assert (either.n_added, both.n_added) == (120, 60)
    assert either.total_weight == a.total_weight + b.total_weight
    assert both.total_weight == min(a.total_weight, b.total_weight)
    assert (either.count(range(90)) >= np.maximum(a.count(range(90)), b.count(range(90)))).all()
    again = either.copy()
    again |= again
    again &= again
    assert (again, again.n_added) == (either, 120)
    loaded = hypersketch.from_bytes(both.to_bytes())  # no bit beyond the last cell
    assert loaded == both
    a |= b
    assert a == either


def test_unions_of_other_filters_are_refused() -> None:
    stock = CountingBloomFilter(n_cells=100, n_hashes=3)
    for other, error in ((5, TypeError), (CountingBloomFilter(n_cells=100, n_hashes=3, seed=1), ValueError)):
        for act in (operator.or_, operator.and_, operator.ior, operator.iand):
            with pytest.raises(error, match=r"(unite|intersect) with"):
                act(stock, other)
    few = CountingBloomFilter(2, 0.01)
    few.add([1, 2])
    others = CountingBloomFilter(2, 0.01)
    others.add([3])
    before = few.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CapacityWarning):
            few |= others
    assert (few, few.n_added) == (before, 2)


def test_standard_errors_of_two_filters() -> None:
    unions, shared = [], []
    for seed in range(200):
        a, b = (CountingBloomFilter(n_cells=2000, n_hashes=4, seed=seed) for _ in "ab")
        a.add(range(300))
        b.add(range(200, 500))
        unions.append(a.union_cardinality(b) - 500)
        shared.append(a.intersection_cardinality(b) - 100)
    # The sample sd of 200 has a standard error of 5 %.
    assert np.std(unions) == pytest.approx(a.union_cardinality_sd(b), rel=0.25)
    assert np.std(shared) == pytest.approx(a.intersection_cardinality_sd(b), rel=0.25)
    one = CountingBloomFilter(n_cells=1, n_hashes=1)
    assert math.isnan(one.intersection_cardinality_sd(one))


def test_warnings_name_the_callers_line() -> None:
    hashes = hypersketch.hash_keys([1, 2])
    calls: list[Any] = [
        lambda stock: stock.add([1, 2]),
        lambda stock: stock.add_hashes(hashes),
        lambda stock: stock.test_and_add([1, 2]),
        lambda stock: stock.test_and_add_hashes(hashes),
    ]
    for call in calls:
        with pytest.warns(CapacityWarning) as caught:
            call(CountingBloomFilter(1, 0.01))
        assert caught[0].filename == __file__
        full = CountingBloomFilter(n_cells=10, n_hashes=2, counter_bits=4)
        state(full)[:] = 0xEE
        with pytest.warns(SaturationWarning) as caught:
            call(full)
        assert caught[0].filename == __file__


@pytest.mark.parametrize("n_hashes", [1, 5, 255])
def test_pieces_of_packed_answers_are_whole_bytes(n_hashes: int) -> None:
    parts = list(chunks(3 * 10**6, n_hashes))
    assert len(parts) > 1
    assert all(part.start % 8 == 0 for part in parts)


def test_packed_answers_of_several_pieces() -> None:
    seen = CountingBloomFilter(n_cells=10**6, n_hashes=3)
    seen.add(np.arange(10**5))
    asked = np.arange(1_300_003)
    packed = seen.contains(asked, packed=True)
    np.testing.assert_array_equal(packed, np.packbits(seen.contains(asked), bitorder="little"))
