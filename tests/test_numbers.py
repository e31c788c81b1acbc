# SPDX-License-Identifier: Apache-2.0
"""Rows of real and complex numbers: kernels against their definitions, and what spaces make of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hypersketch
import reference_numbers as reference
from hypersketch import _core, _structure
from hypersketch.vsa import BSDC, CGR, FHRR, HRR, VTB, Hypervectors, MapC, MapI, Record, _numbers, real_bundle
from hypersketch.vsa._numbers import Rule

WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130]
SPACES: list[Any] = [HRR(130), HRR(130, spectral=True), HRR(131, spectral=True), FHRR(130), MapC(130)]
SPACES += [FHRR(130, phase_only=False), VTB(121)]


def rows_of(n: int, width: int, seed: int, dtype: Any = np.complex64) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, n, width))
    return (parts[0] + 1j * parts[1]).astype(dtype) if dtype == np.complex64 else parts[0].astype(dtype)


@pytest.mark.parametrize("width", WIDTHS)
def test_products_and_quotients_of_complex_rows(width: int) -> None:
    a, b = rows_of(3, width, 1), rows_of(3, width, 2)
    b[1, 0] = 0
    for left, right in ((a, b), (a[0], b), (a, b[1]), (a[0], b[0])):
        made = {rule: _numbers.combined(left, right, rule) for rule in Rule}
        assert all(finite for _, finite in made.values())
        np.testing.assert_allclose(made[Rule.PRODUCT][0], left * right, rtol=0, atol=1e-5)
        np.testing.assert_allclose(made[Rule.CONJUGATE][0], left * right.conj(), rtol=0, atol=1e-5)
        quotients = made[Rule.QUOTIENT][0]
        assert quotients.shape == np.broadcast_shapes(left.shape, right.shape)
        pairs = np.broadcast_arrays(np.atleast_2d(left), np.atleast_2d(right))
        for x, y, found in zip(*pairs, np.atleast_2d(quotients), strict=True):
            np.testing.assert_allclose(found, reference.divided(x, y), rtol=2e-7)


@pytest.mark.parametrize("width", WIDTHS)
def test_inner_products_and_sums_in_double_precision(width: int) -> None:
    for dtype in (np.float32, np.complex64):
        a, b = rows_of(4, width, 3, dtype), rows_of(4, width, 4, dtype)
        terms = _numbers.products(a, b)
        for line, x, y in zip(terms, a, b, strict=True):
            wanted = [reference.inner(x, x), reference.inner(y, y), reference.inner(x, y)]
            np.testing.assert_allclose(line, wanted, rtol=0, atol=1e-13 * width)
        assert np.array_equal(_numbers.products(a[0], b)[0], terms[0])
        assert _numbers.products(a[:0], b[:1]).shape == (0, 3)
        weights = [0.5, -2.0, 1e-3, 7.0]
        starts = np.array([0, 1, 1, 4])
        for given in (None, np.array(weights)):
            found = _numbers.sums_of_runs(a, starts, given)
            used = weights if given is not None else [1.0] * 4
            runs = [reference.summed(a[i:j], used[i:j]) for i, j in ((0, 1), (1, 1), (1, 4))]
            assert np.array_equal(found, np.array(runs))


def test_unit_phasors_of_numbers_of_any_size() -> None:
    numbers = rows_of(1, 2000, 5)[0].astype(np.complex128)
    numbers *= 10.0 ** np.linspace(-310, 300, 2000)
    numbers[::100] = 0
    numbers[1::100] = numbers[1::100].real
    np.testing.assert_allclose(_numbers.unit_phasors(numbers), reference.unit(numbers), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dim", WIDTHS)
def test_signs_turn_sums(dim: int) -> None:
    space = MapI(dim)
    total = space.superpose(space.atoms(range(9)), weights=np.arange(9) * 100_000_000 // 36)
    keys = space.atoms(["a", "b", "c"])
    for sums, packed in (
        (total, keys),
        (total, keys[0]),
        (np.stack([total] * 3), keys[1]),
        (total[None], keys),
    ):
        made = space.bind(sums, packed)
        assert np.array_equal(made, sums * space.unpack(packed).astype(np.int32))
        assert np.array_equal(space.bind(packed, sums), made)
    assert space.bind(total, keys[:0]).shape == (0, dim)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_results_show_what_is_not_finite(space: Any) -> None:
    good = space.atoms(["a", "b"])
    for strange in (np.nan, np.inf, -np.inf):
        for place in (0, -1):
            bad = good.copy()
            bad[1, place] = strange
            for call in (
                lambda bad=bad: space.bind(good, bad),
                lambda bad=bad: space.bind(bad, good),
                lambda bad=bad: space.unbind(bad, good),
                lambda bad=bad: space.unbind(good, bad),
                lambda bad=bad: space.similarity(bad, good),
                lambda bad=bad: space.similarity(good[0], bad),
                lambda bad=bad: space.superpose(bad),
                lambda bad=bad: space.superpose(bad, weights=[1.0, 0.0]),
                lambda bad=bad: space.normalize(bad),
                lambda bad=bad: space.bundle().add_vectors(bad),
            ):
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    with pytest.raises(ValueError, match="NaN or infinity"):
                        call()


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_strided_and_wide_vectors_are_taken(space: Any) -> None:
    rows = space.atoms(range(6))
    some, plain = rows[::2], rows[::2].copy()
    turned = np.asfortranarray(plain)
    for given in (some, turned, plain.astype(np.result_type(plain, np.float64))):
        assert np.array_equal(space.similarity(given, plain), space.similarity(plain, plain))
        assert np.array_equal(space.superpose(given), space.superpose(plain))
        # Products of matrices may be summed otherwise where rows do not stand one after the other.
        off = 0 if not isinstance(space, VTB) else 1e-6
        np.testing.assert_allclose(space.bind(given, plain), space.bind(plain, plain), rtol=0, atol=off)
        assert np.array_equal(space.permute(given, 3), space.permute(plain, 3))


@pytest.mark.parametrize("space", [HRR(100), FHRR(100), MapC(100), FHRR(100, phase_only=False)], ids=str)
def test_records_add_pairs_piece_by_piece(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, values = space.atoms(range(300)), space.atoms(range(300, 600))
    monkeypatch.setattr(Record, "_warn_of_load", lambda record: None)
    once = Record(space, Hypervectors(space, keys), Hypervectors(space, values))  # in two chunks
    bag = space.bundle()
    bag.add_vectors(space.bind(values, keys))
    np.testing.assert_allclose(once.vector, bag.vector, rtol=0, atol=1e-6)
    once.remove(Hypervectors(space, keys[5:]), Hypervectors(space, values[5:]))
    few = Record(space, range(5), range(300, 305))
    np.testing.assert_allclose(once.vector, few.vector, rtol=0, atol=1e-5)


@pytest.mark.parametrize("space", [HRR(33), FHRR(33), MapC(33), HRR(33, spectral=True)], ids=str)
def test_weights_stay_with_their_vectors_in_all_pieces(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_structure, "_CHUNK_WORK", 1)  # 255 at a time
    monkeypatch.setattr(real_bundle, "_CACHE_BYTES", 1)
    rows = space.atoms(range(600))
    weights = np.random.default_rng(6).standard_normal(600)
    wanted = reference.summed(rows, weights.tolist())
    for sign in (1, -1):
        bag = space.bundle()
        if sign == 1:
            bag.add(range(600), weights)
        else:
            bag.add_vectors(rows, weights)
        np.testing.assert_allclose(bag._sum, wanted, rtol=0, atol=1e-9)
    bag.remove(range(300), weights[:300])
    np.testing.assert_allclose(bag._sum, reference.summed(rows[300:], weights[300:].tolist()), atol=1e-9)
    both = space.bundle()
    keys, values = rows[:280], rows[280:560]
    both._add_bound(values, keys, weights[:280])
    pairs = reference.summed(space.bind(values, keys), weights[:280].tolist())
    np.testing.assert_allclose(both._sum, pairs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("space", [*SPACES, MapI(130), CGR(130), BSDC(130)], ids=str)
def test_atoms_of_hashes_are_those_of_their_keys(space: Any) -> None:
    hashes = hypersketch.hash_keys(["a", "b", "c"])
    assert np.array_equal(space.atoms_of_hashes(hashes, threads=2), space.atoms(["a", "b", "c"]))
    for bad in (hashes.astype(np.int64), hashes[None], ["a"]):
        with pytest.raises(TypeError, match="hashes"):
            space.atoms_of_hashes(bad)


def test_many_rows_meet_one_as_each_alone() -> None:
    for space in (HRR(400), HRR(540), HRR(1000), HRR(101)):
        one, rows = space.atoms("one")[0], space.atoms(range(5))
        rows[1] *= 1e30
        rows[2] *= 1e-30
        for bind in (space.bind, space.unbind):
            for a, b in ((one, rows), (rows, one)):
                made = bind(a, b)
                alone = [bind(*(x if x.ndim == 1 else x[i] for x in (a, b))) for i in range(5)]
                for found, wanted in zip(made, alone, strict=True):
                    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())
        bad = one.copy()
        bad[3] = np.nan
        with pytest.raises(ValueError, match=r"'b' parameter of HRR\.bind"):
            space.bind(rows, bad)


def test_sums_of_signs_at_once_are_those_of_bundles() -> None:
    space = MapI(130)
    rows, weights = space.atoms(range(9)), np.arange(9) - 4
    starts = [0, 4, 9]
    for given in (None, weights):
        made = space.superpose(rows, given, starts=starts)
        for b, (first, last) in enumerate(((0, 4), (4, 9))):
            bag = space.bundle()
            bag.add_vectors(rows[first:last], None if given is None else given[first:last])
            assert np.array_equal(made[b], bag.vector)
    with pytest.raises(OverflowError):
        space.superpose(rows, np.full(9, 2**30))


def test_a_refused_sum_changes_nothing() -> None:
    space = MapC(64)
    record = Record(space, ["a"], ["x"])
    before = record.copy()
    huge = Hypervectors(space, np.full((3, 64), 1e30, np.float32))
    with pytest.raises(OverflowError), np.errstate(over="ignore"):
        record.add(huge, huge)  # products that no float is
    with pytest.raises(OverflowError):
        record.add(["b"], ["y"], weights=[1e151])
    record.add(["b"], ["y"], weights=[1e140])
    record.remove(["b"], ["y"], weights=[1e140])
    assert before == Record(space, ["a"], ["x"])
    assert len(record) == len(before) == 1


def test_memories_keep_vectors_of_their_own() -> None:
    space = HRR(64)
    record = Record(space, ["a", "b"], ["x", "y"])
    twin = record.copy()
    record.memory.add("x", space.atoms("other"))
    assert np.array_equal(twin.memory.vector("x"), space.atoms("x"))
    assert np.array_equal(record.memory.vector("y"), space.atoms("y"))
    assert record._vocabularies["roles"].memory.vector("a") is not None


def test_kernels_refuse_shapes_that_do_not_fit() -> None:
    rows, sums = np.zeros((2, 4), np.float32), np.zeros((1, 4))
    whole = np.zeros((1, 4), np.int32)
    for call in (
        lambda: _core.combine_phasors(rows, rows[:, :2].copy(), 0, rows, 1),
        lambda: _core.combine_phasors(rows, rows, 3, rows, 1),
        lambda: _core.combine_phasors(np.zeros((3, 4), np.float32), rows, 0, rows, 1),
        lambda: _core.combine_phasors(rows[:, :3].copy(), rows[:, :3].copy(), 0, rows[:, :3].copy(), 1),
        lambda: _core.row_products(rows, rows, np.zeros((2, 2)), 1),
        lambda: _core.row_products(rows, rows, np.zeros((3, 3)), 1),
        lambda: _core.sum_rows(rows, np.array([0, 3]), None, sums, 1),
        lambda: _core.sum_rows(rows, np.array([2, 1]), None, sums, 1),
        lambda: _core.sum_rows(rows, np.array([-1, 1]), None, sums, 1),
        lambda: _core.sum_rows(rows, np.array([], np.int64), None, sums, 1),
        lambda: _core.sum_rows(rows, np.array([0, 2]), np.zeros(1), sums, 1),
        lambda: _core.unit_phasors(np.zeros(3), np.zeros(3, np.float32)),
        lambda: _core.unit_phasors(np.zeros(2), np.zeros(4, np.float32)),
        lambda: _core.turn_rows(whole, np.zeros((1, 2), np.uint64), whole.copy(), 1),
        lambda: _core.turn_rows(whole, np.zeros((2, 1), np.uint64), whole.copy(), 1),
        lambda: _core.sum_combined(rows, rows, 3, None, np.zeros(4), 1),
        lambda: _core.sum_combined(rows, rows[:1], 0, None, np.zeros(4), 1),
        lambda: _core.sum_combined(rows, rows, 0, np.zeros(3), np.zeros(4), 1),
        lambda: _core.sum_combined(rows, rows, 0, None, np.zeros(2), 1),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            call()
